// The Node device against the local cloud over real UDP on loopback: what a user's program does.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import {
  ContentFormat,
  CoreError,
  Device,
  FileStorage,
  Reason,
  StorageSlot,
  VariableType,
  loadModule,
} from "../../bindings/node";
import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { generateKeyPair } from "../../cloud/keys";

const core = loadModule(path.resolve(__dirname, "../../build/boson.wasm"));

/** A cloud and what is needed to start devices that it knows, all in a folder that goes away. */
class Bench {
  readonly folder = mkdtempSync(path.join(tmpdir(), "wboson-e2e-"));
  readonly devices: Device[] = [];
  cloud!: LocalCloud;
  listener!: UdpListener;
  id!: string;

  async start(): Promise<void> {
    this.id = this.provision("device");
    await this.startCloud();
  }

  provision(name: string): string {
    return provisionDevice({ cloudDirectory: this.cloudFolder, deviceDirectory: this.path(name) })
      .id;
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  get cloudFolder(): string {
    return this.path("cloud");
  }

  async startCloud(port = 0): Promise<void> {
    this.cloud = new LocalCloud(openCloudDirectory(this.cloudFolder));
    this.listener = await UdpListener.listen(this.cloud, { port });
  }

  device(name = "device", deviceId = this.id): Device {
    const device = new Device({
      module: core,
      storage: new FileStorage(this.path(name)),
      deviceId,
      server: { host: "localhost", port: this.listener.address.port },
    });
    this.devices.push(device);
    return device;
  }

  async stop(): Promise<void> {
    for (const device of this.devices) device.stop();
    await this.listener.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe("a device over real UDP", () => {
  const bench = new Bench();
  beforeAll(() => bench.start());
  afterAll(() => bench.stop());

  function nextEvent(name: string): Promise<{ name: string; data: Buffer; contentType: number }> {
    return new Promise((resolve) => {
      const handler = (event: { name: string; data: Buffer; contentType: number }): void => {
        if (event.name !== name) return;
        bench.cloud.off("event", handler);
        resolve(event);
      };
      bench.cloud.on("event", handler);
    });
  }

  let device: Device;

  test("connects by a full handshake, with what it registered before", async () => {
    device = bench.device();
    device.function("double", (argument) => 2 * Number(argument));
    device.function("fails", () => {
      throw new Error("on purpose");
    });
    device.variable("flag", VariableType.Bool, () => true);
    device.variable("count", VariableType.Int, () => -42);
    device.variable("ratio", VariableType.Double, () => 21.5);
    device.variable("name", VariableType.String, async () => "grüezi");
    const described = new Promise<void>((resolve) => {
      bench.cloud.on("device", ({ change }) => change === "describe" && resolve());
    });
    const { reason } = await device.connect();
    expect(reason).toBe(Reason.HandshakeDone);
    await described;
  });

  test("publishes text, JSON and bytes; each is acknowledged and arrives unchanged", async () => {
    const text = nextEvent("text");
    await device.publish("text", "21.5 °C");
    expect((await text).data.toString()).toBe("21.5 °C");
    const json = nextEvent("json/deep/name");
    await device.publish("json/deep/name", '{"a":1}', { contentFormat: ContentFormat.Json });
    expect(await json).toMatchObject({ contentType: ContentFormat.Json });
    const bytes = nextEvent("bytes");
    const data = Uint8Array.from({ length: 1024 }, (_, i) => i);
    await device.publish("bytes", data, { contentFormat: ContentFormat.OctetStream });
    expect(Uint8Array.from((await bytes).data)).toEqual(data);
  });

  test("refuses what is too long or reserved, before anything is sent", async () => {
    const refusals: [string, string, string][] = [
      ["n".repeat(65), "", "TooLong"],
      ["n", "x".repeat(1025), "TooLong"],
      ["", "", "InvalidArgument"],
      ["Particle/x", "", "ReservedName"],
    ];
    for (const [name, data, status] of refusals) {
      const refused = device.publish(name, data);
      await expect(refused).rejects.toThrow(status);
      await expect(refused).rejects.toBeInstanceOf(CoreError);
    }
  });

  test("a listener that throws does not stop the device", async () => {
    device.once("datagram", () => {
      throw new Error("mine");
    });
    await expect(device.publish("first", "1")).rejects.toThrow("mine");
    await device.publish("second", "2");
  });

  test("answers functions and variables of every type", async () => {
    const { cloud, id } = bench;
    expect(await cloud.call(id, "double", "-21")).toBe(-42);
    await expect(cloud.call(id, "fails")).rejects.toMatchObject({ code: "rejected" });
    await expect(cloud.call(id, "nothing")).rejects.toMatchObject({ code: "function-not-found" });
    expect(await cloud.read(id, "flag")).toBe(true);
    expect(await cloud.read(id, "count")).toBe(-42);
    expect(await cloud.read(id, "ratio")).toBe(21.5);
    expect(await cloud.read(id, "name")).toBe("grüezi");
    await expect(cloud.read(id, "none")).rejects.toMatchObject({ code: "variable-not-found" });
  });

  test("receives events, time, signal and ping", async () => {
    const received = new Promise<string>((resolve) => {
      device.subscribe("command", (name, data) =>
        resolve(`${name} ${Buffer.from(data).toString()}`),
      );
    });
    await new Promise<void>((resolve) => {
      bench.cloud.on("device", ({ change }) => change === "subscriptions" && resolve());
    });
    expect(bench.cloud.publish("command/led", "on")).toBe(1);
    expect(await received).toBe("command/led on");
    const time = new Promise<number>((resolve) =>
      device.once("time", ({ seconds }) => resolve(seconds)),
    );
    device.requestTime();
    expect(Math.abs((await time) - Date.now() / 1000)).toBeLessThan(5);
    const signal = new Promise<boolean>((resolve) =>
      device.once("signal", ({ on }) => resolve(on)),
    );
    await bench.cloud.signal(bench.id, true);
    expect(await signal).toBe(true);
    expect(await bench.cloud.ping(bench.id)).toBeGreaterThanOrEqual(0);
  });

  test("a process that starts again goes on without a handshake, from another port", async () => {
    const { localPort } = device;
    device.stop();
    device = bench.device();
    const event = nextEvent("after");
    const published = device.publish("after", "reboot");
    const { reason } = await device.connect();
    expect(reason).toBe(Reason.SessionResumed);
    await published;
    expect((await event).data.toString()).toBe("reboot");
    expect(device.localPort).not.toBe(localPort);
  });

  test("a new port in the middle of a session is not noticed", async () => {
    await device.rebind();
    await device.publish("moved", "on");
    expect(bench.cloud.device(bench.id).session?.address).toContain(`:${device.localPort}`);
  });

  test("the cloud's own restart costs no handshake", async () => {
    const { port } = bench.listener.address;
    await bench.listener.close();
    await bench.startCloud(port);
    await device.publish("cloud", "is back");
    expect(bench.cloud.device(bench.id).session?.restored).toBe(true);
  });

  test("a cloud that lost its sessions says so, and one handshake later all is well", async () => {
    const { port } = bench.listener.address;
    await bench.listener.close();
    rmSync(path.join(bench.cloudFolder, "sessions"), { recursive: true });
    await bench.startCloud(port);
    const reasons: Reason[] = [];
    device.on("connection", ({ reason }) => reasons.push(reason));
    await device.publish("forgotten", "yes");
    expect(reasons).toContain(Reason.HandshakeBecauseForgotten);
  });

  test("disconnects with a goodbye and resumes", async () => {
    const goodbye = new Promise((resolve) => bench.cloud.once("goodbye", resolve));
    await device.disconnect({ goodbye: 6, sleepSeconds: 600 });
    expect(await goodbye).toMatchObject({ deviceId: bench.id });
    const { reason } = await device.connect();
    expect(reason).toBe(Reason.SessionResumed);
  });

  test("new keys when the cloud asks for them", async () => {
    const reasons: Reason[] = [];
    const again = new Promise<void>((resolve) => {
      device.on("connection", ({ reason }) => {
        reasons.push(reason);
        if (reason === Reason.HandshakeDone) resolve();
      });
    });
    await bench.cloud.rekey(bench.id);
    await again;
    expect(reasons).toContain(Reason.HandshakeBecauseKeyChange);
  });

  test("several devices in one process", async () => {
    const names = ["one", "two", "three"];
    const ids = names.map((name) => bench.provision(name));
    const { port } = bench.listener.address;
    await bench.listener.close();
    await bench.startCloud(port);
    const devices = names.map((name, i) => bench.device(name, ids[i]));
    await Promise.all(devices.map((one) => one.connect()));
    await Promise.all(devices.map((one, i) => one.publish("from", names[i])));
    expect(bench.cloud.devices.filter(({ online }) => online).length).toBeGreaterThanOrEqual(3);
  });

  test("files with secrets can be read by their owner only", () => {
    for (const name of ["device-key.der", "session-a.bin", "session-b.bin"]) {
      expect(statSync(path.join(bench.path("device"), name)).mode & 0o077).toBe(0);
    }
  });
});

describe("a server that moves", () => {
  const from = new Bench();
  const to = new Bench();
  beforeAll(() => Promise.all([from.start(), to.start()]));
  afterAll(() => Promise.all([from.stop(), to.stop()]));

  async function move(signer: ReturnType<typeof generateKeyPair>): Promise<void> {
    const { port } = to.listener.address;
    await from.cloud.moveServer(from.id, {
      host: "127.0.0.1",
      port,
      publicKey: readFileSync(path.join(to.cloudFolder, "server-public-key.der")),
      signingKey: signer.privateKey,
    });
  }

  test("is followed if it is signed with the key that the device carries, else not", async () => {
    const signer = generateKeyPair();
    const storage = new FileStorage(from.path("device"));
    writeFileSync(path.join(from.path("device"), "server-move-key.der"), signer.spki);
    expect(storage.read(StorageSlot.ServerMoveKey)).toBeDefined();
    const device = from.device();
    await device.connect();
    await expect(move(generateKeyPair())).rejects.toMatchObject({ code: "rejected" });
    await device.publish("still", "here");

    const publicKey = readFileSync(path.join(from.path("device"), "device-public-key.der"));
    to.cloud.registry.register({ id: from.id, publicKey });
    const arrived = new Promise((resolve) => to.cloud.once("event", resolve));
    const moved = new Promise((resolve) => device.once("serverMoved", resolve));
    await move(signer);
    await moved;
    await device.publish("now", "there");
    expect(await arrived).toMatchObject({ name: "now", deviceId: from.id });
  });
});
