// Updates over the air to a Node device over real UDP on loopback: applications that take each other's
// place without a reset, bad ones that do not, native firmware; what a user's program sees of it.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import {
  Device,
  FileImages,
  FileStorage,
  Status,
  StorageSlot,
  loadModule,
} from "../../bindings/node";
import type { DeviceEvents, UpdateStep } from "../../bindings/node";
import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { encodePinnedKeys, signFirmware } from "../../tools/application/sign";
import { applicationImage } from "../support/application-modules";
import { projectRoot } from "../support/fixture";
import { TEST_UPDATE_KEY } from "../support/update-key";

const core = loadModule(path.join(projectRoot, "build/boson-ota.wasm"));
/** The time of this machine says nothing: it has other things to do. Steps are what bounds a call. */
const APPLICATION = { milliseconds: 10_000 };
/** Looks at what a device describes, 20 ms apart. */
const MOST_LOOKS = 1_000;
/** Native firmware, in the numbers of the system description. */
const FIRMWARE = 3;

type Change = DeviceEvents["application"][0];

/** A cloud, and a device whose keys of updates are pinned, in a folder that goes away. */
class Bench {
  readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-update-"));
  readonly storage: FileStorage;
  readonly id: string;
  readonly steps: UpdateStep[] = [];
  readonly changes: Change[] = [];
  readonly received: { name: string; data: string }[] = [];
  cloud!: LocalCloud;
  device!: Device;
  private listener!: UdpListener;

  constructor() {
    const cloudDirectory = path.join(this.folder, "cloud");
    const deviceDirectory = path.join(this.folder, "device");
    this.id = provisionDevice({ cloudDirectory, deviceDirectory }).id;
    this.storage = new FileStorage(deviceDirectory);
    this.storage.write(StorageSlot.UpdateKeys, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
  }

  async start(): Promise<void> {
    this.cloud = new LocalCloud(openCloudDirectory(path.join(this.folder, "cloud")));
    this.cloud.on("event", ({ name, data }) => this.received.push({ name, data: data.toString() }));
    this.listener = await UdpListener.listen(this.cloud, { port: 0 });
    await this.startDevice();
  }

  /** Start the device's process anew. */
  async startDevice(): Promise<void> {
    this.device?.stop();
    this.device = new Device({
      module: core,
      storage: this.storage,
      images: new FileImages(path.join(this.folder, "images"), { firmware: 65_536 }),
      application: APPLICATION,
      deviceId: this.id,
      server: { host: "localhost", port: this.listener.address.port },
    });
    this.device.on("update", (step) => this.steps.push(step));
    this.device.on("application", (change) => this.changes.push(change));
    this.device.function("programs", (argument) => argument.length);
    await this.device.connect();
  }

  async stop(): Promise<void> {
    this.device.stop();
    await this.listener.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The next change of the application; before what causes it. */
  change(): Promise<Change> {
    return new Promise((resolve) => this.device.once("application", resolve));
  }

  /** The next event with a name that reaches the cloud. */
  event(name: string): Promise<string> {
    return new Promise((resolve) => {
      const take = (event: { name: string; data: Buffer }): void => {
        if (event.name !== name) return;
        this.cloud.off("event", take);
        resolve(event.data.toString());
      };
      this.cloud.on("event", take);
    });
  }

  /** Names of functions, once the device has told of `name`. */
  async functionsWith(name: string): Promise<string[]> {
    for (let i = 0; i < MOST_LOOKS; i++) {
      const { functions } = await this.cloud.describe(this.id, 2);
      if (functions.includes(name)) return functions;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no function ${name}`);
  }

  get sessionId(): string {
    return this.cloud["dtls"].sessions.current(this.id)!.connectionId.toString("hex");
  }
}

describe("updates of a device over real UDP", () => {
  const bench = new Bench();
  let sessionId = "";
  beforeAll(async () => {
    await bench.start();
    sessionId = bench.sessionId;
  });
  afterAll(() => bench.stop());

  test("a first application runs without a reset, beside what the program offers", async () => {
    const alive = bench.event("alive");
    const changed = bench.change();
    await bench.cloud.flash(bench.id, await applicationImage("well", 1));
    expect(await changed).toMatchObject({ status: Status.Ok, version: 1 });
    expect(await alive).toBe("1");
    expect((await bench.functionsWith("ask")).sort()).toEqual(["ask", "programs"]);
    expect(await bench.cloud.call(bench.id, "ask", "four")).toBe(4);
    expect(await bench.cloud.call(bench.id, "programs", "three")).toBe(5);
    expect(await bench.cloud.read(bench.id, "version")).toBe(1);
    expect(bench.steps.map(({ state }) => state)).toEqual(
      expect.arrayContaining(["started", "progress", "ended"]),
    );
    expect(bench.device.updates.summary).toMatchObject({ version: 1, isEnabled: true });
    // What comes after the application would be taken for its own.
    expect(() => bench.device.function("late", () => 0)).toThrow();
  });

  test("an application that is on probation is not replaced; one that has confirmed is", async () => {
    const next = await applicationImage("sensor", 2);
    await expect(bench.cloud.flash(bench.id, next)).rejects.toThrow();
    expect(await bench.cloud.call(bench.id, "ask", "confirm")).toBe(Status.Ok);
    const event = bench.event("temp");
    await bench.cloud.flash(bench.id, next);
    expect(await event).toMatch(/tenths/);
    expect((await bench.functionsWith("interval")).sort()).toEqual(["interval", "programs"]);
    expect(bench.device.updates.summary).toMatchObject({ version: 2, previousVersion: 1 });
    expect(bench.sessionId).toBe(sessionId);
    bench.device.updates.confirm();
  });

  test.each([
    ["trap", Status.ApplicationTrap],
    ["endless", Status.ApplicationTime],
    ["flood", Status.ApplicationFlood],
  ] as const)("one that goes wrong (%s) gives way to the one before", async (name, status) => {
    const begins = bench.change();
    await bench.cloud.flash(bench.id, await applicationImage(name, 3));
    expect(await begins).toMatchObject({ status: Status.Ok, version: 3 });
    // The next is a second away, when it goes wrong.
    expect(await bench.change()).toMatchObject({ status, version: 2 });
    expect(await bench.functionsWith("interval")).toContain("interval");
    expect(bench.device.updates.summary).toMatchObject({ version: 2, lastStatus: status });
    expect(bench.sessionId).toBe(sessionId);
  });

  test("what was flashed outlives the process, and so does the session", async () => {
    const event = bench.event("temp");
    await bench.startDevice();
    await event;
    expect(bench.device.updates.summary.version).toBe(2);
    expect(bench.sessionId).toBe(sessionId);
    expect(await bench.cloud.call(bench.id, "interval", "60")).toBe(60);
  });

  test("an update waits while the gate is closed, until it is applied", async () => {
    bench.device.updates.gate(false);
    bench.steps.length = 0;
    const pending = bench.event("particle/device/updates/pending");
    await bench.cloud.flash(bench.id, await applicationImage("well", 4));
    expect(await pending).toBe("true");
    expect(bench.steps.at(-1)).toEqual({ state: "pending", version: 4 });
    expect(bench.device.updates.summary).toMatchObject({ version: 2, pendingVersion: 4 });
    const alive = bench.event("alive");
    bench.device.updates.apply();
    expect(await alive).toBe("4");
  });

  test("the program goes back to the application before", async () => {
    const changed = bench.change();
    bench.device.updates.rollback();
    expect(await changed).toMatchObject({ version: 2 });
    expect(await bench.functionsWith("interval")).not.toContain("ask");
  });

  test("updates that are disabled are refused, and the cloud is told", async () => {
    const told = bench.event("particle/device/updates/enabled");
    bench.device.updates.enable(false);
    expect(await told).toBe("false");
    const image = await applicationImage("well", 5);
    await expect(bench.cloud.flash(bench.id, image)).rejects.toThrow(/-1380|disabled/);
    bench.device.updates.enable();
    expect(bench.device.updates.summary.isEnabled).toBe(true);
  });

  test("a device without a place for images runs no application", () => {
    const options = { module: core, storage: bench.storage, deviceId: bench.id };
    const server = { host: "localhost", port: 9 };
    expect(() => new Device({ ...options, server, application: true })).toThrow(/images/);
  });

  test("native firmware is staged as a file; the program restarts when it likes", async () => {
    const binary = Buffer.alloc(20_000, "native firmware ");
    const staged = new Promise<UpdateStep>((resolve) => {
      bench.device.on("update", (step) => step.state === "firmware" && resolve(step));
    });
    const image = signFirmware(binary, TEST_UPDATE_KEY, { version: 7 });
    await bench.cloud.flash(bench.id, image, { moduleFunction: FIRMWARE });
    expect(await staged).toEqual({ state: "firmware", version: 7 });
    const file = readFileSync(path.join(bench.folder, "images/firmware.bin"));
    expect(file.equals(binary)).toBe(true);
    expect(bench.sessionId).toBe(sessionId);
  });
});
