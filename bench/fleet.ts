// A fleet: devices with the real core in this process, a cloud with its store and API in another one, over loopback. Every
// figure depends on the machine; the devices take the larger part of it.
// BOSON_FLEET=200 says how many devices; 2,000 are the default.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Particle from "particle-api-js";

import { Device, MemoryStorage, Reason, StorageSlot, loadModule } from "../bindings/node";
import { CLOUD_FILES, exportSec1, generateKeyPair, readCloudDirectory } from "../cloud";
import { LmdbStore } from "../cloud/store/lmdb-store";
import { CloudProcess } from "../tests/support/cloud-process";
import { projectRoot } from "../tests/support/fixture";
import type { Result, Row } from "./table";

const FLEET = Number(process.env.BOSON_FLEET ?? 2000);
const EVENTS_PER_DEVICE = 10;
/** Devices that connect at a time: the cloud keeps 256 unfinished handshakes, and forgets the oldest above that. */
const CONNECTING = 64;
/** Devices that publish at a time while the cloud is killed. */
const PUBLISHING = 64;
/** Acknowledged events before the kill: the log, which is read after it, keeps the last thousand. */
const BEFORE_KILL = Math.min(600, Math.floor(FLEET / 3));
/** ms in which a datagram of the killed cloud may still wait in a socket here. */
const SETTLE_MS = 300;
/** ms before an event that was given up is published again. */
const AGAIN_MS = 500;
const MOST_ATTEMPTS = 240;
const CALLS = 500;
/** Calls under way at a time. */
const CALLERS = 16;

class Fleet {
  private readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-fleet-"));
  private readonly cloud = new CloudProcess(path.join(this.folder, "cloud"));
  private readonly devices: Device[] = [];
  private readonly ids: string[] = [];
  private client!: Particle;
  private handshakes = 0;
  private resumes = 0;
  /** Names of events that the cloud has printed, which it does once they are stored. */
  private readonly printed = new Set<string>();

  async run(): Promise<Row[]> {
    const kits = this.provision();
    try {
      await this.cloud.start();
      this.client = await this.cloud.login();
      const empty = this.memory();
      this.makeDevices(kits);
      const rows = [await this.connect(), await this.publish(), await this.call()];
      rows.push(await this.fanOut());
      const bytesPerDevice = Math.round(((this.memory() - empty) * 1024) / FLEET);
      rows.push(await this.cut(), await this.comeBack());
      return [this.summary(rows, bytesPerDevice), ...rows];
    } finally {
      for (const device of this.devices) device.stop();
      if (this.cloud.pid !== undefined) await this.cloud.kill();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  /** Keys of all devices, registered with the cloud. */
  private provision(): MemoryStorage[] {
    const { keyPair: server, registry } = readCloudDirectory(this.cloud.data);
    const kits = Array.from({ length: FLEET }, (_, i) => {
      const keyPair = generateKeyPair();
      const id = i.toString(16).padStart(24, "0");
      this.ids.push(id);
      registry.register({ id, publicKey: keyPair.spki });
      const storage = new MemoryStorage();
      storage.write(StorageSlot.DevicePrivateKey, exportSec1(keyPair));
      storage.write(StorageSlot.ServerPublicKey, server.spki);
      return storage;
    });
    registry.save(path.join(this.cloud.data, CLOUD_FILES.registry));
    return kits;
  }

  private makeDevices(kits: MemoryStorage[]): void {
    const module = loadModule(path.join(projectRoot, "build/boson.wasm"));
    const server = { host: "127.0.0.1", port: this.cloud.udpPort };
    kits.forEach((storage, i) => {
      const device = new Device({ module, storage, deviceId: this.ids[i], server });
      device.function("echo", (argument) => Number(argument));
      device.on("connected", ({ reason }) => {
        if (reason === Reason.HandshakeDone) this.handshakes++;
        else this.resumes++;
      });
      this.devices.push(device);
    });
  }

  /** The figures that count, of the rows of connect, publish and what followed. */
  private summary(rows: Row[], bytesPerDevice: number): Row {
    const perSecond = (id: string): number => Number(rows.find((row) => row.id === id)?.perSecond);
    return {
      id: `fleet-${FLEET}`,
      devices: FLEET,
      connectsPerSecond: perSecond("connect"),
      publishesPerSecond: perSecond("publish"),
      bytesPerDevice,
    };
  }

  /** All connect for the first time, some at a time. */
  private async connect(): Promise<Row> {
    const { seconds, times } = await inLanes(this.devices, CONNECTING, (device) =>
      device.connect(),
    );
    return { id: "connect", devices: FLEET, seconds, perSecond: FLEET / seconds, ...spread(times) };
  }

  private async publish(): Promise<Row> {
    const times: number[] = [];
    const { seconds } = await measure(this.devices, async (device) => {
      for (let i = 0; i < EVENTS_PER_DEVICE; i++) {
        const startedAt = performance.now();
        await device.publish("temperature", "21.5");
        times.push(performance.now() - startedAt);
      }
    });
    const perSecond = times.length / seconds;
    return { id: "publish", devices: FLEET, seconds, perSecond, ...spread(times) };
  }

  private async call(): Promise<Row> {
    const times: number[] = [];
    let next = 0;
    const { seconds } = await measure(Array(CALLERS).fill(0), async () => {
      while (next < CALLS) {
        const number = next++;
        const startedAt = performance.now();
        const { body } = await this.client.callFunction({
          ...{ deviceId: this.ids[number % FLEET], name: "echo", argument: String(number) },
        });
        if (body.return_value !== number) throw new Error(`call ${number}: ${body.return_value}`);
        times.push(performance.now() - startedAt);
      }
    });
    const perSecond = CALLS / seconds;
    return { id: "api-call", devices: FLEET, seconds, perSecond, ...spread(times) };
  }

  /** One event of the API to all devices. */
  private async fanOut(): Promise<Row> {
    const arrivals = this.devices.map(
      (device) => new Promise<void>((resolve) => device.subscribe("all", () => resolve())),
    );
    // A publish comes after the subscription, in the order of a device's messages.
    await Promise.all(this.devices.map((device) => device.publish("subscribed")));
    const { seconds, times } = await measure(arrivals, async (arrival, i) => {
      if (i === 0) await this.client.publishEvent({ name: "all", data: "x" });
      await arrival;
    });
    return { id: "fan-out", devices: FLEET, seconds, perSecond: FLEET / seconds, ...spread(times) };
  }

  /**
   * The cloud is killed while devices publish, and started again: each event that was acknowledged before is in the store,
   * the others are acknowledged later, and no device needs another handshake.
   * @throws Error when it is not so
   */
  private async cut(): Promise<Row> {
    const before = { handshakes: this.handshakes, resumes: this.resumes };
    this.cloud.onLine = (line) => this.printed.add(/^event (\S+) of/.exec(line)?.[1] ?? "");
    const acknowledged = new Set<string>();
    let restart: Promise<{ kept: number; startMs: number }> | undefined;
    const { seconds, times } = await inLanes(this.devices, PUBLISHING, async (device, i) => {
      const name = `cut/${i}`;
      await publishUntilDone(device, name);
      acknowledged.add(name);
      if (acknowledged.size >= BEFORE_KILL) restart ??= this.killAndStart(acknowledged);
    });
    const { kept, startMs } = await restart!;
    const missing = [...acknowledged].filter((name) => !this.printed.has(name));
    const handshakes = this.handshakes - before.handshakes;
    if (missing.length > 0) throw new Error(`acknowledged, and not stored: ${missing.join(" ")}`);
    if (handshakes > 0) throw new Error(`${handshakes} handshakes after a restart`);
    const resumes = this.resumes - before.resumes;
    const figures = { startMs, acknowledgedBefore: kept, lost: 0, handshakes, resumes };
    return { id: "restart", devices: FLEET, seconds, ...figures, ...spread(times) };
  }

  /** @returns how many events were acknowledged before. @throws Error when one of them is gone */
  private async killAndStart(
    acknowledged: Set<string>,
  ): Promise<{ kept: number; startMs: number }> {
    await this.cloud.kill();
    await sleep(SETTLE_MS);
    const promised = [...acknowledged];
    const store = LmdbStore.open(this.cloud.data);
    const events = store.table<{ name: string }>("events").entries();
    const names = new Set([...events].map(([, { name }]) => name));
    await store.close();
    const lost = promised.filter((name) => !names.has(name));
    if (lost.length > 0) throw new Error(`acknowledged, and lost: ${lost.join(" ")}`);
    const startedAt = performance.now();
    await this.cloud.start();
    return { kept: promised.length, startMs: performance.now() - startedAt };
  }

  /** All publish at once, on the sessions of before. @throws Error when one needs a handshake */
  private async comeBack(): Promise<Row> {
    const before = this.handshakes;
    const { seconds, times } = await measure(this.devices, (device) =>
      publishUntilDone(device, "back"),
    );
    const handshakes = this.handshakes - before;
    if (handshakes > 0) throw new Error(`${handshakes} handshakes`);
    return { id: "all-at-once", devices: FLEET, seconds, handshakes, ...spread(times) };
  }

  /** Resident memory of the cloud process, KB (proc(5)); 0 where there is no /proc. */
  private memory(): number {
    try {
      const status = readFileSync(`/proc/${this.cloud.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
    } catch {
      return 0;
    }
  }
}

/** Publish until the cloud acknowledges it. What was given up counts for nothing: the cloud was away. */
async function publishUntilDone(device: Device, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await device.publish(name, "21.5");
    } catch (error) {
      if (attempt >= MOST_ATTEMPTS) throw error;
      await sleep(AGAIN_MS);
    }
  }
}

/** Do something with all, so many at a time. @returns seconds in all, and ms for each from its own start */
async function inLanes<T>(
  items: T[],
  lanes: number,
  work: (item: T, index: number) => Promise<unknown>,
): Promise<{ seconds: number; times: number[] }> {
  const startedAt = performance.now();
  const times: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      const begunAt = performance.now();
      await work(items[index], index);
      times.push(performance.now() - begunAt);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { seconds: (performance.now() - startedAt) / 1000, times };
}

/** Do something with all at once. @returns seconds in all, and ms for each */
async function measure<T>(
  items: T[],
  work: (item: T, index: number) => Promise<unknown>,
): Promise<{ seconds: number; times: number[] }> {
  const startedAt = performance.now();
  const times = await Promise.all(
    items.map(async (item, i) => {
      await work(item, i);
      return performance.now() - startedAt;
    }),
  );
  return { seconds: (performance.now() - startedAt) / 1000, times };
}

function spread(times: number[]): { medianMs: number; p99Ms: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return { medianMs: at(0.5), p99Ms: at(0.99) };
}

export async function run(): Promise<Result> {
  return {
    rows: await new Fleet().run(),
    notes: [
      `${FLEET} devices in one process, the cloud in another, on loopback; ${process.version}`,
      `connect: ${CONNECTING} at a time; bytesPerDevice: resident memory of the cloud process`,
      "restart: killed while devices publish; acknowledged events are looked for in its store",
      "publish: confirmable, each waits for its acknowledgement; api-call: HTTP to device and back",
    ],
  };
}
