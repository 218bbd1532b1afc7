// npm start: the local cloud and the example sensor on real loopback UDP. Walks through everything a
// device does, says what each step cost, and goes on until Ctrl-C.
// usage: npm start [-- --once]    --once ends after the tour; exit code 0 only if every step worked

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { ConnectionState, Device, FileStorage, Reason, Status, loadModule } from "../bindings/node";
import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../cloud";
import { Meter, formatCost } from "./tour/meter";
import type { Cost } from "./tour/meter";
import { Report } from "./tour/report";
import { tourUpdates } from "./tour/update";

const MODULE = path.resolve(__dirname, "../build/sensor.wasm");
const STEP_TIMEOUT = 15_000;
/** After a step, late acknowledgements are given this long to settle, ms. */
const QUIET = 150;

const report = new Report(12);
const meter = new Meter();

/** A promise that fails after STEP_TIMEOUT. */
function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), STEP_TIMEOUT);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Run a step: `work` returns what it saw, which is printed with its cost: what was counted until
 * things were quiet again, unless `work` gives the cost itself.
 */
async function step(
  text: string,
  work: () => Promise<string | { seen: string; cost: Cost }>,
): Promise<void> {
  report.begin(text);
  try {
    const result = await work();
    await pause(QUIET);
    const { seen, cost } =
      typeof result === "string" ? { seen: result, cost: meter.take() } : result;
    report.ok(`${seen}: ${formatCost(cost)}`);
  } catch (error) {
    report.failed(error instanceof Error ? error.message : String(error));
  }
}

/** The next event of this name that reaches the cloud, from a device if one is named. */
function nextEvent(cloud: LocalCloud, name: string, from?: string): Promise<string> {
  const event = new Promise<string>((resolve) => {
    const handler = (event: { deviceId: string; name: string; data: Buffer }): void => {
      if (event.name !== name || (from ?? event.deviceId) !== event.deviceId) return;
      cloud.off("event", handler);
      resolve(event.data.toString());
    };
    cloud.on("event", handler);
  });
  return within(event, `event "${name}"`);
}

/** The next connection of the device that gets to `state`. */
function nextState(device: Device, state: ConnectionState): Promise<Reason> {
  const reached = new Promise<Reason>((resolve) => {
    const handler = (change: { state: ConnectionState; reason: Reason }): void => {
      if (change.state !== state) return;
      device.off("connection", handler);
      resolve(change.reason);
    };
    device.on("connection", handler);
  });
  return within(reached, `state ${ConnectionState[state]}`);
}

function startDevice(folder: string, deviceId: string, port: number): Device {
  const device = new Device({
    module: loadModule(MODULE),
    storage: new FileStorage(folder),
    deviceId,
    productVersion: 1,
    server: { host: "127.0.0.1", port },
    log: (_level, text) => report.line("device", text),
  });
  watchDevice(device);
  return device;
}

function watchDevice(device: Device): void {
  meter.watchDevice(device);
  device.on("connection", ({ state, reason, status }) => {
    const why = status === Status.Ok ? Reason[reason] : `${Reason[reason]}, ${Status[status]}`;
    report.line("device", `${ConnectionState[state]} (${why})`);
  });
}

function watchCloud(cloud: LocalCloud): void {
  meter.watchCloud(cloud);
  cloud.on("log", ({ message }) => report.line("cloud", message));
  cloud.on("event", ({ name, data }) => report.line("cloud", `event ${name}: ${data.toString()}`));
}

/** The steps up to the reboot. @returns the device, stopped */
async function firstLife(cloud: LocalCloud, start: () => Device, id: string): Promise<Device> {
  let device!: Device;
  let first!: Promise<string>;
  await step("Full DTLS 1.2 handshake with cookie, raw public keys both ways", async () => {
    first = nextEvent(cloud, "temp");
    device = start();
    await nextState(device, ConnectionState.Hello);
    return { seen: "keys agreed, both sides authenticated", cost: meter.handshake! };
  });
  await step("Hello, system and application Describe, subscription, first event", async () => {
    const data = await first;
    await pause(QUIET);
    const { functions, variables } = cloud.device(id);
    const names = [...Object.keys(variables ?? {}), ...(functions ?? [])].join(", ");
    if (!names) throw new Error("the cloud knows no function or variable");
    return `the cloud knows ${names}; event ${data}`;
  });
  await step("The cloud calls the function interval(1)", async () => {
    const result = await within(cloud.call(id, "interval", "1"), "result");
    if (result !== 1) throw new Error(`interval returned ${result}`);
    return `returned ${result}`;
  });
  await step("The cloud reads the variable reading", async () => {
    return `reading = ${await within(cloud.read(id, "reading"), "value")}`;
  });
  await step("The device publishes", async () => `event ${await nextEvent(cloud, "temp")}`);
  await step("The cloud publishes an event that the device subscribes to", async () => {
    const answer = nextEvent(cloud, "ack");
    if (cloud.publish("command/led", "on") !== 1) throw new Error("the device is not subscribed");
    return `the device answered with event ack: ${await answer}`;
  });
  await step("An unknown function is refused at once", async () => {
    const outcome = await within(
      cloud.call(id, "nothing").then(
        () => "a result",
        (error: { code?: string }) => error.code ?? "an error",
      ),
      "refusal",
    );
    if (outcome !== "function-not-found") throw new Error(`got ${outcome}`);
    return "function-not-found";
  });
  return device;
}

/** Power cut, restart, and on with data in the first packet. */
async function reboot(cloud: LocalCloud, start: () => Device, before: Device): Promise<Device> {
  let device!: Device;
  const oldPort = before.localPort;
  await step("Power cut and reboot: the first packet is the waiting event", async () => {
    before.stop();
    const event = nextEvent(cloud, "temp");
    device = start();
    const reason = await nextState(device, ConnectionState.Connected);
    if (reason !== Reason.SessionResumed) throw new Error(`connected by ${Reason[reason]}`);
    const data = await event;
    return `no handshake, from port ${oldPort} to ${device.localPort}, event ${data}`;
  });
  return device;
}

async function tour(folder: string, once: boolean): Promise<void> {
  const cloudDirectory = path.join(folder, "cloud");
  const deviceDirectory = path.join(folder, "device");
  const { id } = provisionDevice({ cloudDirectory, deviceDirectory, name: "sensor" });
  const updated = path.join(folder, "updated");
  const second = provisionDevice({ cloudDirectory, deviceDirectory: updated, name: "updated" });
  const { keyPair, registry, storage } = openCloudDirectory(cloudDirectory);
  const cloud = new LocalCloud({ keyPair, registry, storage });
  watchCloud(cloud);
  const listener = await UdpListener.listen(cloud, { port: 0 });
  const { host, port } = listener.address;
  report.title(`wboson: local cloud on ${host}:${port} (UDP), device ${id}`);
  const start = (): Device => startDevice(deviceDirectory, id, port);
  let device = await firstLife(cloud, start, id);
  device = await reboot(cloud, start, device);
  const other = await tourUpdates({
    ...{ cloud, folder: updated, deviceId: second.id, port, step, nextState },
    watch: watchDevice,
    nextEvent: (name) => nextEvent(cloud, name, second.id),
  });
  await step("Both sides counted the same datagrams", async () => {
    await pause(QUIET);
    if (!meter.agrees) throw new Error("device and cloud differ");
    return { seen: "in all", cost: meter.total };
  });
  const { failures } = report;
  report.title(
    failures ? `${failures} steps failed` : "Every step was seen to work by both sides.",
  );
  if (failures) process.exitCode = 1;
  if (!once) {
    report.title("The sensor goes on publishing; Ctrl-C ends.");
    await new Promise((resolve) => process.once("SIGINT", resolve));
  }
  device.stop();
  other.stop();
  await listener.close();
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-"));
  try {
    await tour(folder, values.once);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(`wboson: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
