// The Node device against the local cloud over real TCP on loopback: the same program as over UDP.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import {
  ContentFormat,
  Device,
  FileStorage,
  Reason,
  Status,
  VariableType,
  loadModule,
} from "../../bindings/node";
import {
  LocalCloud,
  TcpListener,
  openCloudDirectory,
  provisionDevice,
  provisionTcpDevice,
} from "../../cloud";

const core = loadModule(path.resolve(__dirname, "../../build/boson-tcp.wasm"));
const folder = mkdtempSync(path.join(tmpdir(), "wboson-tcp-"));
const cloudDirectory = path.join(folder, "cloud");
const deviceDirectory = path.join(folder, "device");

let cloud: LocalCloud;
let listener: TcpListener;
let id: string;
let device: Device;
const devices: Device[] = [];

async function startCloud(port = 0): Promise<void> {
  cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
  listener = await TcpListener.listen(cloud, { port });
}

function start(storage = deviceDirectory): Device {
  const made = new Device({
    module: core,
    storage: new FileStorage(storage),
    deviceId: id,
    transport: "tcp",
    server: { host: "localhost", port: listener.address.port },
  });
  devices.push(made);
  return made;
}

beforeAll(async () => {
  ({ id } = await provisionTcpDevice({ cloudDirectory, deviceDirectory }));
  await startCloud();
});

afterAll(async () => {
  for (const one of devices) one.stop();
  await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

type Published = { name: string; data: Buffer; contentType: number };

function nextEvent(name: string): Promise<Published> {
  return new Promise((resolve) => {
    const handler = (event: Published): void => {
      if (event.name !== name) return;
      cloud.off("event", handler);
      resolve(event);
    };
    cloud.on("event", handler);
  });
}

test("connects, and describes itself", async () => {
  device = start();
  device.function("double", (argument) => 2 * Number(argument));
  device.variable("flag", VariableType.Bool, () => true);
  device.variable("count", VariableType.Int, () => -42);
  device.variable("ratio", VariableType.Double, () => 21.5);
  device.variable("name", VariableType.String, async () => "grüezi");
  const described = new Promise<void>((resolve) => {
    cloud.on("device", ({ change }) => change === "describe" && resolve());
  });
  const { reason } = await device.connect();
  expect(reason).toBe(Reason.HandshakeDone);
  await described;
  expect(cloud.device(id).online).toBe(true);
});

test("publishes, with an acknowledgement or without, unchanged", async () => {
  for (const confirmable of [undefined, true, false]) {
    const arrived = nextEvent("text/deep/name");
    await device.publish("text/deep/name", "21.5 °C", { confirmable });
    expect((await arrived).data.toString()).toBe("21.5 °C");
  }
  const bytes = nextEvent("bytes");
  const data = Uint8Array.from({ length: 700 }, (_, i) => i);
  await device.publish("bytes", data, { contentFormat: ContentFormat.OctetStream });
  expect(Uint8Array.from((await bytes).data)).toEqual(data);
  // 767 bytes are the most that a message may have over TCP; nothing is cut.
  await expect(device.publish("bytes", "x".repeat(800))).rejects.toThrow("TooLong");
});

test("answers functions and variables of every type", async () => {
  expect(await cloud.call(id, "double", "-21")).toBe(-42);
  await expect(cloud.call(id, "nothing")).rejects.toMatchObject({ code: "function-not-found" });
  expect(await cloud.read(id, "flag")).toBe(true);
  expect(await cloud.read(id, "count")).toBe(-42);
  expect(await cloud.read(id, "ratio")).toBe(21.5);
  expect(await cloud.read(id, "name")).toBe("grüezi");
  await expect(cloud.read(id, "none")).rejects.toMatchObject({ code: "variable-not-found" });
});

test("receives events, time, signal and ping", async () => {
  const received = new Promise<string>((resolve) => {
    device.subscribe("command", (name, data) => resolve(`${name} ${Buffer.from(data).toString()}`));
  });
  await new Promise<void>((resolve) => {
    cloud.on("device", ({ change }) => change === "subscriptions" && resolve());
  });
  expect(cloud.publish("command/led", "on")).toBe(1);
  expect(await received).toBe("command/led on");
  const time = new Promise<number>((resolve) =>
    device.once("time", ({ seconds }) => resolve(seconds)),
  );
  device.requestTime();
  expect(await time).toBeGreaterThan(1_700_000_000);
  const signal = new Promise<boolean>((resolve) => device.once("signal", ({ on }) => resolve(on)));
  await cloud.signal(id, true);
  expect(await signal).toBe(true);
  expect(await cloud.ping(id)).toBeGreaterThanOrEqual(0);
});

test("describes itself again when it is asked, in blocks", async () => {
  for (let i = 0; i < 40; i++) device.function(`function-number-${i}`, () => i);
  expect(await cloud.describe(id, 1)).toBeDefined();
  expect((await cloud.describe(id, 2)).functions.length).toBeGreaterThan(40);
  expect(await cloud.describe(id, 4)).toBeDefined();
  expect(await cloud.call(id, "function-number-39")).toBe(39);
});

test("many events at once arrive whole and in order", async () => {
  const names: string[] = [];
  const all = new Promise<void>((resolve) => {
    device.subscribe("burst", (name) => names.push(name) === 60 && resolve());
  });
  await new Promise<void>((resolve) => {
    cloud.on("device", ({ change }) => change === "subscriptions" && resolve());
  });
  for (let i = 0; i < 60; i++) cloud.publish(`burst/${i}`, "x".repeat(i * 10));
  await all;
  expect(names).toEqual(names.map((_, i) => `burst/${i}`));
});

test("a cloud that starts again costs a handshake, and nothing else", async () => {
  const { port } = listener.address;
  const lost = new Promise<void>((resolve) => {
    device.on("connection", ({ reason }) => reason === Reason.LinkLost && resolve());
  });
  await listener.close();
  await lost;
  await startCloud(port);
  const arrived = nextEvent("again");
  await device.publish("again", "here", { confirmable: true });
  expect((await arrived).data.toString()).toBe("here");
});

test("new keys when the cloud asks for them, or when the socket changes", async () => {
  const reasons: Reason[] = [];
  const connected = (): Promise<void> =>
    new Promise((resolve) => device.once("connected", () => resolve()));
  device.on("connection", ({ reason }) => reasons.push(reason));
  const rekeyed = connected();
  await cloud.rekey(id).catch(() => {});
  await rekeyed;
  expect(reasons).toContain(Reason.HandshakeBecauseKeyChange);
  const again = connected();
  await device.rebind();
  await again;
  expect(reasons).toContain(Reason.LinkLost);
});

test("disconnects with a goodbye", async () => {
  const goodbye = new Promise((resolve) => cloud.once("goodbye", resolve));
  await device.disconnect({ goodbye: 6, sleepSeconds: 600 });
  expect(await goodbye).toMatchObject({ deviceId: id });
  const { reason } = await device.connect();
  expect(reason).toBe(Reason.HandshakeDone);
  await device.disconnect();
});

test("a key of the other transport has an error of its own", () => {
  const other = path.join(folder, "other");
  provisionDevice({ cloudDirectory, deviceDirectory: other });
  expect(() => start(other)).toThrow("start: WrongKeyType");
  const storage = new FileStorage(deviceDirectory);
  const udp = { module: core, storage, deviceId: id, server: { host: "localhost", port: 1 } };
  expect(() => new Device(udp)).toThrow("start: WrongKeyType");
  // Each key alone, too.
  const mixed = new FileStorage(other);
  mixed.write(1, readFileSync(path.join(deviceDirectory, "device-key.der")));
  expect(() => start(other)).toThrow("start: WrongKeyType");
});

test("a server that nobody knows is not spoken to", async () => {
  const wrong = path.join(folder, "wrong");
  const stranger = path.join(folder, "stranger");
  await provisionTcpDevice({ cloudDirectory: stranger, deviceDirectory: wrong });
  const lost = start(wrong);
  const refused = new Promise<{ reason: Reason; status: number }>((resolve) => {
    lost.on("connection", (change) => {
      if (change.reason === Reason.LinkLost || change.status < 0) resolve(change);
    });
  });
  void lost.connect();
  // The server cannot read the device's message, and closes.
  expect(await refused).toMatchObject({ reason: Reason.LinkLost, status: Status.Ok });
  lost.stop();
});
