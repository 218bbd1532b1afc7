// The command `boson`, as one types it: a cloud in one process, its commands in others, a device with the real core.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Device, FileStorage, VariableType, loadModule } from "../../bindings/node";
import { clientHello } from "../../cloud/cli/udp-probe";
import { parseEvents } from "../../cloud/cli/events";
import { base32 } from "../../cloud/cli/user";
import { Users } from "../../cloud/rest/accounts/users";
import { LmdbStore } from "../../cloud/store/lmdb-store";
import { decodeClientHello } from "../../cloud/dtls/client-hello";
import { projectRoot } from "../support/fixture";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-cli-"));
const data = path.join(folder, "cloud");
const script = path.join(projectRoot, "bin/boson.cjs");
const env = { ...process.env, XDG_CONFIG_HOME: path.join(folder, "config"), BOSON_PASSWORD: "" };
env.BOSON_PASSWORD = "for the command line";
const children: ChildProcess[] = [];
let url: string;
let udpPort: string;
let device: Device;
let id: string;

interface Result {
  exitCode: number;
  output: string;
}

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [script, ...args], { cwd: folder, env });
  children.push(child);
  return child;
}

function boson(...args: string[]): Promise<Result> {
  const child = start(...args);
  let output = "";
  child.stdout!.on("data", (text: Buffer) => (output += text.toString()));
  child.stderr!.on("data", (text: Buffer) => (output += text.toString()));
  return new Promise((resolve) => {
    child.once("close", (exitCode) => resolve({ exitCode: exitCode ?? -1, output }));
  });
}

beforeAll(async () => {
  const cloud = start("cloud", "--data", data, "--port", "0", "--http-port", "0");
  const lines = createInterface({ input: cloud.stdout! });
  await new Promise<void>((resolve) => {
    lines.on("line", (line) => {
      url = /^API on (.*)$/.exec(line)?.[1] ?? url;
      udpPort = /^listening on .*:(\d+) for/.exec(line)?.[1] ?? udpPort;
      if (udpPort) resolve();
    });
  });
});

afterAll(async () => {
  device?.stop();
  const ends = children.map(
    (child) => child.exitCode === null && new Promise((resolve) => child.once("exit", resolve)),
  );
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(ends);
  rmSync(folder, { recursive: true });
});

test("login keeps a token for nobody else to read", async () => {
  expect(await boson("list")).toMatchObject({ exitCode: 1 });
  const wrong = await boson("login", "--url", url, "--user", "nobody");
  expect(wrong).toEqual({ exitCode: 1, output: "User credentials are invalid\n" });
  const { exitCode, output } = await boson("login", "--url", url);
  expect(output).toContain(`logged in at ${url} as dev`);
  expect(exitCode).toBe(0);
  const profile = path.join(folder, "config/boson/profile.json");
  expect(statSync(profile).mode & 0o077).toBe(0);
  expect(JSON.parse(readFileSync(profile, "utf8"))).toMatchObject({ url });
});

test("keys make registers a device with a running cloud, for its only user", async () => {
  const directory = path.join(folder, "device");
  const { output } = await boson("keys", "make", directory, "--data", data, "--name", "kitchen");
  id = output.split(" ")[0];
  expect((await boson("keys", "show", directory)).output).toBe(output);
  let list = "";
  for (let i = 0; i < 20 && !list.includes(id); i++) list = (await boson("list")).output;
  expect(list).toBe(`${id}  offline  never heard  kitchen\n`);
  const sent = await boson("keys", "send", id, path.join(directory, "device-public-key.der"));
  expect(sent.exitCode).toBe(0);
  device = new Device({
    module: loadModule(path.join(projectRoot, "build/boson.wasm")),
    storage: new FileStorage(directory),
    deviceId: id,
    server: { host: "127.0.0.1", port: Number(udpPort) },
  });
  device.function("double", (argument) => 2 * Number(argument));
  device.variable("ratio", VariableType.Double, () => 21.5);
  await device.connect();
});

test("call and get print what the device says; errors go to the exit code", async () => {
  expect(await boson("call", "kitchen", "double", "21")).toEqual({ exitCode: 0, output: "42\n" });
  expect(await boson("get", id, "ratio")).toEqual({ exitCode: 0, output: "21.5\n" });
  expect(await boson("get", id, "nothing")).toEqual({
    exitCode: 1,
    output: "Variable not found\n",
  });
  expect(await boson("call", id, "nothing")).toMatchObject({ exitCode: 1 });
  expect(await boson("get", "nobody", "x")).toEqual({ exitCode: 1, output: "Device not found\n" });
});

test("--json prints what the API answers, and what the command has found", async () => {
  const json = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await boson(...args, "--json")).output);
  expect(await json("list")).toMatchObject([{ id, name: "kitchen", online: true }]);
  expect(await json("call", "kitchen", "double", "4")).toMatchObject({ id, return_value: 8 });
  expect(await json("get", "kitchen", "ratio")).toMatchObject({ name: "ratio", result: 21.5 });
  expect(await json("publish", "x")).toEqual({ ok: true });
  expect(await json("keys", "show", path.join(folder, "device"))).toEqual({
    id,
    fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const doctor = await boson("doctor", "--data", data, "--udp-port", udpPort, "--json");
  const lines = doctor.output.trim().split("\n");
  expect(JSON.parse(lines[0])).toEqual({ check: "node", result: "ok", text: expect.any(String) });
});

test("events prints a line for each, publish makes one", async () => {
  const events = boson("events", "temp", "--count", "2");
  let ended = false;
  void events.then(() => (ended = true));
  // Until the stream is open, nobody keeps them for it.
  while (!ended) {
    await device.publish("temperature", "21.5");
    await boson("publish", "temp/set", "20");
  }
  const lines = (await events).output.trim().split("\n");
  expect(lines).toHaveLength(2);
  const parsed = lines.map((line) => JSON.parse(line) as { name: string; coreid: string });
  expect(parsed.map(({ name }) => name.slice(0, 4))).toEqual(["temp", "temp"]);
});

test("doctor finds nothing wrong, and says what is", async () => {
  const well = await boson("doctor", "--data", data, "--udp-port", udpPort);
  expect(well.output.split("\n").map((line) => line.slice(0, 4))).toEqual([
    ...Array<string>(6).fill("ok  "),
    "note",
    "",
  ]);
  expect(well.output).toMatch(/^note packages (all there|to build .* no .*: apt-get install .*)$/m);
  expect(well.exitCode).toBe(0);
  const ill = await boson("doctor", "--data", path.join(folder, "nowhere"), "--udp-port", "1");
  expect(ill.exitCode).toBe(1);
  expect(ill.output).toMatch(/BAD {2}data .* run boson cloud/);
  expect(ill.output).toMatch(/BAD {2}udp .*127\.0\.0\.1:1: .*Is the cloud running\?/);
});

test("a wrong number, an unknown command, a data directory in use, a host beyond loopback", async () => {
  expect(await boson("cloud", "--port", "70000")).toMatchObject({ exitCode: 1 });
  expect(await boson("frobnicate")).toMatchObject({ exitCode: 1 });
  const second = await boson("cloud", "--data", data, "--port", "0", "--http-port", "0");
  expect(second.output).toMatch(/process \d+ is running on this data directory/);
  const other = ["--data", path.join(folder, "other"), "--port", "0", "--http-port", "0"];
  const remote = await boson("cloud", ...other, "--http-host", "0.0.0.0");
  expect(remote).toEqual({
    exitCode: 1,
    output: "boson: 0.0.0.0 is not a loopback address: that needs the option allowRemote\n",
  });
});

test("a cloud that prints JSON", async () => {
  const places = ["--data", path.join(folder, "json"), "--port", "0", "--http-port", "0"];
  const cloud = start("cloud", "--json", ...places);
  const types: unknown[] = [];
  for await (const line of createInterface({ input: cloud.stdout! })) {
    const object = JSON.parse(line) as Record<string, unknown>;
    types.push(object.type);
    if (object.type !== "udp") continue;
    expect(object).toMatchObject({ host: "127.0.0.1", port: expect.any(Number), devices: 0 });
    break;
  }
  expect(types).toEqual(["user", "api", "udp"]);
});

test("user adds one to a cloud that is not running", async () => {
  const refused = await boson("user", "second@example.com", "--data", data);
  expect(refused.output).toMatch(/process \d+ is running on this data directory/);
  const other = path.join(folder, "users");
  const { exitCode, output } = await boson("user", "Second@example.com", "--data", other, "--otp");
  expect(exitCode).toBe(0);
  const secret = /secret=([A-Z2-7]{32})$/m.exec(output)?.[1];
  expect(secret).toBeTruthy();
  const store = LmdbStore.open(other);
  const user = new Users(store).find("second@example.com");
  expect(base32(Buffer.from(user!.otpSecret!, "hex"))).toBe(secret);
  await store.close();
  // RFC 4648 §10
  expect(base32(Buffer.from("fooba"))).toBe("MZXW6YTB");
});

test("the probe's ClientHello is one", () => {
  const { cipherSuites } = decodeClientHello(clientHello().subarray(25));
  expect(cipherSuites).toEqual([0xc0ae]);
});

test("events are found however the stream is cut", async () => {
  const text = ':ok\n\nevent: a\ndata: {"data":"x: y"}\n\n\n\nevent: b/c\ndata: {"data":null}\n\n';
  for (let cut = 1; cut < text.length; cut++) {
    const pieces = async function* (): AsyncGenerator<string> {
      yield text.slice(0, cut);
      yield text.slice(cut);
    };
    const events = [];
    for await (const event of parseEvents(pieces())) events.push(event);
    expect(events).toEqual([
      { name: "a", data: "x: y" },
      { name: "b/c", data: null },
    ]);
  }
});
