// A fleet: devices with the real core in this process, a cloud with its store and API in another one, over loopback. Every
// figure depends on the machine; the devices take the larger part of it.
// BOSON_FLEET=200 says how many devices.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type Particle from "particle-api-js";

import { Device, MemoryStorage, Reason, StorageSlot, loadModule } from "../bindings/node";
import { CLOUD_FILES, exportSec1, generateKeyPair, openCloudDirectory } from "../cloud";
import { CloudProcess } from "../tests/support/cloud-process";
import { projectRoot } from "../tests/support/fixture";
import type { Result, Row } from "./table";

const FLEET = Number(process.env.BOSON_FLEET ?? 200);
const EVENTS_PER_DEVICE = 20;
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

  async run(): Promise<Row[]> {
    const kits = this.provision();
    try {
      await this.cloud.start();
      this.client = await this.cloud.login();
      const empty = this.memory();
      this.makeDevices(kits);
      const rows = [await this.connect(), await this.publish(), await this.call()];
      rows.push(await this.fanOut());
      const full = this.memory();
      rows.push(await this.restart());
      rows.push({ id: "memory", devices: FLEET, kbPerDevice: (full - empty) / FLEET });
      return rows;
    } finally {
      for (const device of this.devices) device.stop();
      if (this.cloud.pid !== undefined) await this.cloud.kill();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  /** Keys of all devices, registered with the cloud. */
  private provision(): MemoryStorage[] {
    const { keyPair: server, registry } = openCloudDirectory(this.cloud.data);
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
      });
      this.devices.push(device);
    });
  }

  private async connect(): Promise<Row> {
    const { seconds, times } = await measure(this.devices, (device) => device.connect());
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

  /** The cloud is killed and started again; each device publishes, on the session that it has. */
  private async restart(): Promise<Row> {
    const before = this.handshakes;
    await this.cloud.kill();
    const startedAt = performance.now();
    await this.cloud.start();
    const startMs = performance.now() - startedAt;
    const { seconds, times } = await measure(this.devices, (device) => device.publish("back"));
    const handshakes = this.handshakes - before;
    return { id: "restart", devices: FLEET, seconds, startMs, handshakes, ...spread(times) };
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
      "publish: confirmable, each waits for its acknowledgement; api-call: HTTP to device and back",
    ],
  };
}
