// One application module over UDP and over TCP: the cloud sees the same, whichever the device has.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { Device, FileStorage, loadModule } from "../../bindings/node";
import type { Transport } from "../../bindings/node";
import {
  LocalCloud,
  TcpListener,
  UdpListener,
  openCloudDirectory,
  prepareTcp,
  provisionDevice,
  provisionTcpDevice,
} from "../../cloud";
import { projectRoot } from "../support/fixture";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-both-"));
const cloudDirectory = path.join(folder, "cloud");
const MODULE = "build/tests/both-transports.wasm";

let module_: WebAssembly.Module;
let cloud: LocalCloud;
let udp: UdpListener;
let tcp: TcpListener;
const devices: Device[] = [];

beforeAll(async () => {
  const build = ["tools/build.mjs", "--application", "examples/sensor/main.ts", "--tcp"];
  const options = ["--out", MODULE, "--runtime", "minimal"];
  execFileSync(process.execPath, [...build, ...options], { cwd: projectRoot });
  module_ = loadModule(path.join(projectRoot, MODULE));
  await prepareTcp(cloudDirectory);
});

afterAll(async () => {
  for (const device of devices) device.stop();
  await Promise.all([udp.close(), tcp.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Give the device keys for its transport, and a cloud that knows it. @returns its id */
async function provision(transport: Transport): Promise<string> {
  const directories = { cloudDirectory, deviceDirectory: path.join(folder, transport) };
  return transport === "udp"
    ? provisionDevice(directories).id
    : (await provisionTcpDevice(directories)).id;
}

/** Everything that the application and the cloud have to say to each other. */
async function talk(transport: Transport, id: string): Promise<unknown[]> {
  const results: unknown[] = [];
  const events: Record<string, string[]> = {};
  cloud.on("event", ({ deviceId, name, data, contentType }) => {
    if (deviceId !== id) return;
    (events[name] ??= []).push(`${data.toString()} ${contentType ?? 0}`);
  });
  const until = async (done: () => boolean): Promise<void> => {
    for (let i = 0; i < 1000; i++) {
      if (done()) return;
      await new Promise((next) => setTimeout(next, 10));
    }
    throw new Error(JSON.stringify([transport, results, events]));
  };
  const server = { host: "localhost", port: (transport === "udp" ? udp : tcp).address.port };
  const storage = new FileStorage(path.join(folder, transport));
  const device = new Device({ module: module_, storage, deviceId: id, server, transport });
  devices.push(device);
  await device.connect();
  await until(() => (events.temp ?? []).length > 0);
  results.push(events.temp[0]);
  results.push((await cloud.describe(id, 2)).functions, (await cloud.describe(id, 2)).variables);
  results.push(await cloud.read(id, "reading"));
  results.push(await cloud.call(id, "interval", "3600"), await cloud.call(id, "interval", "0"));
  results.push(await cloud.call(id, "missing", "1").catch(({ code }: { code: string }) => code));
  results.push(await cloud.read(id, "missing").catch(({ code }: { code: string }) => code));
  await until(() => cloud.publish("command/a", "first") === 1);
  cloud.publish("command/b", "second");
  await until(() => (events.ack ?? []).length === 2);
  results.push(events.ack);
  const time = new Promise<number>((resolve) =>
    device.once("time", ({ seconds }) => resolve(seconds)),
  );
  device.requestTime();
  results.push((await time) > 1_700_000_000);
  const goodbye = new Promise<string>((resolve) =>
    cloud.once("goodbye", ({ deviceId }) => resolve(deviceId === id ? "goodbye" : "other")),
  );
  await device.disconnect({ goodbye: 2 });
  results.push(await goodbye);
  device.stop();
  return results;
}

test("the same module has the same results over either transport", async () => {
  const ids = { udp: await provision("udp"), tcp: await provision("tcp") };
  cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
  udp = await UdpListener.listen(cloud, { port: 0 });
  tcp = await TcpListener.listen(cloud, { port: 0 });
  const overUdp = await talk("udp", ids.udp);
  const overTcp = await talk("tcp", ids.tcp);
  expect(overUdp).toHaveLength(11);
  expect(overTcp).toEqual(overUdp);
});
