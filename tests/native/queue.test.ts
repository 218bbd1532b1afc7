// The publish queue through boson.h: the C firmware of examples/firmware, and pins through boson-run.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { Status } from "../../bindings/node";
import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { buildApplication } from "../support/app-world";
import { projectRoot } from "../support/fixture";
import { buildNative, nativeTest } from "../support/native-build";
import { API_FILE } from "../support/queue-world";
import { shownOutput } from "../support/shown-output";

const run = promisify(execFile);
const firmwareOnly = nativeTest("firmware");
const nativeOnly = nativeTest("boson-run");
const CORE = path.join(projectRoot, "build/boson.wasm");

const folder = mkdtempSync(path.join(tmpdir(), "wboson-queue-"));
const storage = path.join(folder, "device");
const { id } = provisionDevice({
  cloudDirectory: path.join(folder, "cloud"),
  deviceDirectory: storage,
});
const cloud = new LocalCloud(openCloudDirectory(path.join(folder, "cloud")));
let listener: UdpListener;

beforeAll(async () => {
  listener = await UdpListener.listen(cloud, { port: 0 });
});
afterAll(async () => {
  await listener.close();
  rmSync(folder, { recursive: true, force: true });
});

async function firmware(module: string, port: number, readings: number): Promise<string> {
  const program = await buildNative("firmware", { sanitize: true });
  const { stdout } = await run(program, [module, storage, "localhost", `${port}`, `${readings}`]);
  return stdout;
}

/**
 * What the README shows, for a machine that may be slow: the first reading gives way to the second when
 * the connection takes longer than a second, and then it ends before the connection is there.
 * @returns the lines in an order of their own, without the count of bytes; and that count
 */
function readOutput(lines: string[], isReplaced: boolean): { lines: string[]; bytes: number } {
  const read = lines.map((line) => {
    if (isReplaced && line === "reading 1: Ok") return "reading 1: Replaced";
    const operations = isReplaced ? "2" : "3";
    return line.replace(/^operations 3/, `operations ${operations}`).replace(/, bytes \d+$/, "");
  });
  const [, bytes] = /, bytes (\d+)$/.exec(lines.at(-1)!)!;
  return { lines: isReplaced ? read.sort() : read, bytes: Number(bytes) };
}

describe("examples/firmware", () => {
  firmwareOnly("publishes, is told of each end, meters, sleeps when nothing waits", async () => {
    const received: string[] = [];
    const goodbyes: unknown[] = [];
    cloud.on("event", ({ data }) => received.push(data.toString()));
    cloud.on("goodbye", (goodbye) => goodbyes.push(goodbye));
    const output = await firmware(API_FILE, listener.address.port, 3);
    expect(output).toMatch(/^connected$/m);
    expect(output.match(/^reading \d: Ok$/gm)).toHaveLength(received.length);
    expect(received).toContain('{"tenths":221}');
    expect(output).toMatch(/^sleep 3600 s, 0 pending$/m);
    expect(output).toMatch(/^diagnosis 1, last end 1$/m);
    expect(output).toMatch(new RegExp(`^operations ${received.length}, bytes [1-9]\\d+$`, "m"));
    expect(goodbyes).toMatchObject([{ cloudReason: 6, sleepSeconds: 3600 }]);
    const isReplaced = output.includes("reading 1: Replaced");
    const shown = readOutput(shownOutput("firmware"), isReplaced);
    const told = readOutput(output.trimEnd().split("\n"), isReplaced);
    expect(told.lines).toEqual(shown.lines);
    // A publish more or less, longer and shorter signatures, a datagram that was repeated.
    expect(Math.abs(told.bytes - shown.bytes)).toBeLessThan(shown.bytes / 2);
  });

  firmwareOnly("keeps what could not go out in storage, for the next start", async () => {
    // Nobody listens there, and without a session it is not the old address that is tried. The newest
    // reading replaces the older ones.
    for (const name of ["session-a.bin", "session-b.bin"]) rmSync(path.join(storage, name));
    const program = await buildNative("firmware", { sanitize: true });
    const child = spawn(program, [API_FILE, storage, "localhost", "9", "2"]);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    for (let i = 0; i < 100 && !output.includes("Replaced"); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    child.kill("SIGKILL");
    expect(output).toMatch(/^reading 1: Replaced$/m);
    const slots = (): string[] =>
      readdirSync(storage).filter((name) => /^slot-(1\d|2[0-5])\.bin$/.test(name));
    expect(slots()).toHaveLength(1);
    const arrived = new Promise((resolve) => cloud.once("event", resolve));
    const next = await firmware(API_FILE, listener.address.port, 0);
    expect(await arrived).toMatchObject({ data: Buffer.from('{"tenths":214}') });
    expect(next).toMatch(/0 pending/);
    expect(slots()).toEqual([]);
  });

  firmwareOnly("a module without a queue is NotSupported, not a trap", async () => {
    await expect(firmware(CORE, listener.address.port, 1)).rejects.toMatchObject({
      stderr: expect.stringContaining("NotSupported") as string,
    });
  });
});

nativeOnly("an application that uses pins on a board without any: NotSupported", async () => {
  const program = await buildNative("boson-run", { sanitize: true });
  const module = buildApplication("tests/apps/features.as.ts", "minimal");
  const server = `localhost:${listener.address.port}`;
  const online = new Promise<void>((resolve) =>
    cloud.on("device", ({ change }) => change === "subscriptions" && resolve()),
  );
  const child = spawn(program, ["--module", module, "--storage", storage, "--server", server]);
  await online;
  expect(await cloud.call(id, "board", "pin")).toBe(Status.NotSupported);
  expect(await cloud.call(id, "publish", "variant")).toBeGreaterThan(0);
  child.kill("SIGKILL");
});
