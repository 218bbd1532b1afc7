// boson flash, versions and rollback, as one types them: a cloud in one process, commands in others, a device with the
// real core.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Device, FileStorage, MemoryImages } from "../../bindings/node";
import { provisionDevice } from "../../cloud";
import { provisionUpdateKeys } from "../../cloud/provision";
import { UpdateProgress } from "../../cloud/cli/update-progress";
import type { UpdateView } from "../../cloud/cli/update-progress";
import { encodePinnedKeys } from "../../tools/application/sign";
import { moduleOf, plainApplication } from "../support/application-module";
import { projectRoot } from "../support/fixture";
import { TEST_UPDATE_KEY, TEST_UPDATE_KEY_PEM } from "../support/update-key";
import { imageOf, otaModule } from "../support/updating-world";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-flash-"));
const data = path.join(folder, "cloud");
const script = path.join(projectRoot, "bin/boson.cjs");
const env = {
  ...process.env,
  XDG_CONFIG_HOME: path.join(folder, "config"),
  BOSON_PASSWORD: "for the command line",
};
const children: ChildProcess[] = [];
let device: Device;

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [script, ...args], { cwd: folder, env });
  children.push(child);
  return child;
}

async function boson(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const child = start(...args);
  let out = "";
  let err = "";
  child.stdout!.on("data", (text: Buffer) => (out += text.toString()));
  child.stderr!.on("data", (text: Buffer) => (err += text.toString()));
  const exitCode = await new Promise<number>((resolve) => {
    child.once("close", (code) => resolve(code ?? -1));
  });
  return { exitCode, out, err };
}

/** A file of a signed application that does nothing. */
function imageFile(version: number): string {
  const file = path.join(folder, `version-${version}.image`);
  const plain = plainApplication();
  const functions = plain.functions.map((one) =>
    one.name === "loop" ? { ...one, code: [] } : one,
  );
  writeFileSync(
    file,
    imageOf(moduleOf({ ...plain, functions, data: Buffer.alloc(3000) }), version),
  );
  return file;
}

/** End the probation of what has just been flashed. */
function confirm(): void {
  device.updates.confirm();
}

beforeAll(async () => {
  const directory = path.join(folder, "kitchen");
  const { id } = provisionDevice({
    ...{ cloudDirectory: data, deviceDirectory: directory, name: "kitchen" },
  });
  provisionUpdateKeys(directory, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
  const cloud = start("cloud", "--data", data, "--port", "0", "--http-port", "0");
  const lines = createInterface({ input: cloud.stdout! });
  let url = "";
  const udpPort = await new Promise<number>((resolve) => {
    lines.on("line", (line) => {
      url = /^API on (.*)$/.exec(line)?.[1] ?? url;
      const port = /^listening on .*:(\d+) for/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
  device = new Device({
    module: otaModule(),
    storage: new FileStorage(directory),
    deviceId: id,
    server: { host: "127.0.0.1", port: udpPort },
    images: new MemoryImages(),
    application: true,
  });
  await device.connect();
  await boson("login", "--url", url);
}, 30_000);

afterAll(async () => {
  device?.stop();
  const ends = children.map(
    (child) => child.exitCode === null && new Promise((resolve) => child.once("exit", resolve)),
  );
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(ends);
  rmSync(folder, { recursive: true });
});

jest.setTimeout(60_000);

test("flash sends a file and tells how it goes; versions shows what runs", async () => {
  const before = await boson("versions", "kitchen");
  expect(before).toMatchObject({ exitCode: 0, out: expect.stringContaining("no update so far") });
  const { exitCode, err } = await boson("flash", "kitchen", imageFile(2));
  expect(err).toContain("the device has taken it\n");
  expect(exitCode).toBe(0);
  const { out } = await until(() => boson("versions", "kitchen"), "version 2");
  expect(out).toMatch(/running +application +version 2 +\d+ bytes +sha256 [0-9a-f]{16}\n/);
  expect(out).toMatch(/last update .*: \d+ bytes, taken\n$/);
  confirm();
});

test("a refusal goes to the exit code, with the device's reason", async () => {
  const { exitCode, err } = await boson("flash", "kitchen", imageFile(1));
  expect(err).toMatch(/boson: update of \w+ refused: .* \(-145\)\n$/);
  expect(exitCode).toBe(1);
  const json = await boson("flash", "kitchen", imageFile(1), "--json");
  expect(json.exitCode).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({ state: "failed", reason: "not-newer", code: -145 });
  const { out } = await boson("versions", "kitchen", "--json");
  expect(JSON.parse(out)).toMatchObject({ update: { state: "failed", reason: "not-newer" } });
});

test("rollback brings the application of before back", async () => {
  await boson("flash", "kitchen", imageFile(3));
  await until(() => boson("versions", "kitchen"), "running   application  version 3");
  confirm();
  const key = path.join(folder, "update-key.pem");
  writeFileSync(key, TEST_UPDATE_KEY_PEM);
  const rolled = await boson("rollback", "kitchen", "--key", key);
  expect(rolled.exitCode).toBe(0);
  const { out } = await until(
    () => boson("versions", "kitchen"),
    "running   application  version 2",
  );
  expect(out).toContain("version 2");
});

test("flash waits for the end of the application's probation, unless told not to", async () => {
  await boson("flash", "kitchen", imageFile(5));
  const refused = await boson("flash", "kitchen", imageFile(6), "--no-wait");
  expect(refused).toMatchObject({ exitCode: 1, err: expect.stringContaining("(-152)") });
  const waiting = boson("flash", "kitchen", imageFile(6));
  setTimeout(confirm, 3000);
  expect(await waiting).toMatchObject({
    exitCode: 0,
    err: expect.stringMatching(/on probation: waiting\n[^]*the device has taken it\n$/),
  });
  confirm();
});

test("no such file, no such device", async () => {
  expect(await boson("flash", "kitchen", "nothing.image")).toMatchObject({ exitCode: 1 });
  const { exitCode, err } = await boson("flash", "nobody", imageFile(4));
  expect(err).toBe("Device not found\n");
  expect(exitCode).toBe(1);
});

test("a bar on a terminal, a line for each state elsewhere", () => {
  const view = (state: UpdateView["state"], sent: number): UpdateView => ({
    ...{ state, sent, size: 4000, started_at: null, ended_at: null },
    ...{ reason: null, code: null, message: null },
  });
  const views = [
    view("started", 0),
    view("progress", 1000),
    view("progress", 2000),
    view("done", 4000),
  ];
  const shown = (isTTY: boolean): string => {
    let text = "";
    const progress = new UpdateProgress({ isTTY, write: (piece) => (text += piece) });
    for (const one of [...views, views[3]]) progress.show(one);
    progress.end();
    return text;
  };
  expect(shown(false)).toBe("the device gets ready\nsending 4000 bytes\nthe device has taken it\n");
  const lines = shown(true).split("\r\u001b[K").slice(1);
  expect(lines).toHaveLength(4);
  expect(lines[2]).toBe("[###############...............]  50 % of 4000 bytes, sending");
  expect(lines[3].endsWith("the device has taken it\n")).toBe(true);
});

/** Ask until the answer has a text. */
async function until<T extends { out: string }>(ask: () => Promise<T>, text: string): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer.out.includes(text)) return answer;
  }
}
