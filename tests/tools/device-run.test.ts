// boson device run, as one types it, against a cloud in a process of its own.

import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FileStorage, StorageSlot } from "../../bindings/node";
import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { encodePinnedKeys } from "../../tools/application/sign";
import { buildApplication } from "../support/app-world";
import { applicationImage } from "../support/application-modules";
import { Run } from "../support/boson-process";
import { projectRoot } from "../support/fixture";
import { TEST_UPDATE_KEY } from "../support/update-key";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-device-run-"));
const data = path.join(folder, "cloud");
const storage = path.join(folder, "device");
const script = path.join(projectRoot, "bin/boson.cjs");
const sensor = buildApplication("examples/sensor/main.ts", "minimal");
const runs: Run[] = [];
let cloud: Run;
let server: string;

function boson(...options: string[]): Run {
  const environment = { BOSON_PASSWORD: "for the command line" };
  const run = new Run(process.execPath, [script, ...options], environment);
  runs.push(run);
  return run;
}

function device(...options: string[]): Run {
  const places = ["--storage", storage, "--data", data, "--server", server];
  return boson("device", "run", ...places, ...options);
}

/** What a run prints as JSON lines. */
function objects(run: Run): Record<string, unknown>[] {
  const lines = run.output.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function exitCode(run: Run): Promise<number | null> {
  if (run.child.exitCode === null) {
    await new Promise((resolve) => run.child.once("close", resolve));
  }
  return run.child.exitCode;
}

beforeAll(async () => {
  cloud = boson("cloud", "--data", data, "--port", "0", "--http-port", "0", "--tcp-port", "0");
  const [, port] = await cloud.prints(/^listening on .*:(\d+) for/m);
  server = `127.0.0.1:${port}`;
});
afterAll(async () => {
  const running = runs.filter(({ child }) => child.exitCode === null && child.signalCode === null);
  await Promise.all(running.map((run) => run.end("SIGKILL")));
  rmSync(folder, { recursive: true });
});

test("the core alone: keys on first use, the connection, lines as events, a goodbye", async () => {
  const run = device("--name", "kitchen");
  const [, id] = await run.prints(/^device: ([0-9a-f]{24}), server .*\/udp, new keys$/m);
  await run.prints(/^connection: Connected \(HandshakeDone\)$/m);
  // It was known before it came.
  expect(run.output).not.toContain("HandshakeFailed");
  expect(statSync(path.join(storage, "device-key.der")).mode & 0o077).toBe(0);
  run.child.stdin!.write("the kettle boils\n");
  await run.prints(/^published: the kettle boils$/m);
  await cloud.prints(new RegExp(`^event line of ${id}: "the kettle boils"$`, "m"));
  expect(await run.end("SIGINT")).toBe(0);
  expect(run.output).toMatch(/^end: goodbye$/m);
  await cloud.prints(new RegExp(`^device ${id}: offline \\(goodbye\\)$`, "m"));
});

test("an application, in JSON lines; the session goes on", async () => {
  const run = device(sensor, "--json");
  await run.prints(/"state":"Connected"/);
  await cloud.prints(/event temp of/);
  expect(await run.end("SIGTERM")).toBe(0);
  const printed = objects(run);
  expect(printed[0]).toMatchObject({ type: "device", transport: "udp", new: false });
  expect(printed).toContainEqual({
    at: expect.stringMatching(/^20/),
    ...{ type: "connection", state: "Connected", reason: "SessionResumed" },
  });
  expect(printed.at(-1)).toMatchObject({ type: "end", code: 0 });
  const anew = device(sensor, "--json", "--new-session");
  await anew.prints(/"reason":"HandshakeDone"/);
  expect(await anew.end("SIGINT")).toBe(0);
});

test("over TCP, with RSA keys", async () => {
  const [, port] = await cloud.prints(/^listening on TCP .*:(\d+)$/m);
  const folders = ["--storage", path.join(folder, "tcp"), "--data", data];
  const options = ["--transport", "tcp", "--server", `localhost:${port}`, "--json"];
  const run = boson("device", "run", ...folders, ...options);
  await run.prints(/"state":"Connected"/);
  expect(await run.end("SIGINT")).toBe(0);
});

test("with --updates it takes an application over the air, and runs it again at the next start", async () => {
  const directory = path.join(folder, "updated");
  const cloudDirectory = path.join(folder, "updating");
  const { id } = provisionDevice({ cloudDirectory, deviceDirectory: directory });
  const updating = new LocalCloud(openCloudDirectory(cloudDirectory));
  const listener = await UdpListener.listen(updating, { port: 0 });
  const alive = (): Promise<unknown> =>
    new Promise((resolve) => updating.on("event", ({ name }) => name === "alive" && resolve(name)));
  const address = `127.0.0.1:${listener.address.port}`;
  const keys = encodePinnedKeys([TEST_UPDATE_KEY.publicKey]);
  new FileStorage(directory).write(StorageSlot.UpdateKeys, keys);
  const start = (): Run =>
    boson("device", "run", "--updates", "--storage", directory, "--server", address);
  try {
    const run = start();
    await run.prints(/^connection: Connected/m);
    await updating.flash(id, await applicationImage("well", 7));
    await run.prints(/^update: started, \d+ bytes$/m);
    await run.prints(/^update: version 7 verified$/m);
    await run.prints(/^application: version 7$/m);
    await alive();
    expect(await run.end("SIGINT")).toBe(0);
    const again = start();
    await again.prints(/^connection: Connected/m);
    await alive();
    expect(await again.end("SIGINT")).toBe(0);
  } finally {
    await listener.close();
  }
});

test("what goes wrong goes to the exit code", async () => {
  const nowhere = device("--new-session", "--connect-timeout", "1", "--server", "127.0.0.1:1");
  expect(await exitCode(nowhere)).toBe(1);
  expect(nowhere.output).toMatch(/^end: no connection in 1000 ms$/m);
  const missing = device(path.join(folder, "nothing.wasm"), "--storage", path.join(folder, "new"));
  expect(await exitCode(missing)).toBe(1);
  expect(missing.output).toMatch(/^boson: there is no module .*nothing\.wasm$/m);
  const wrong = device("--server", "a:b:c");
  expect(await exitCode(wrong)).toBe(1);
  expect(wrong.output).toMatch(/HOST, HOST:PORT or \[ADDRESS\]:PORT/);
  expect(existsSync(path.join(folder, "new"))).toBe(false);
});
