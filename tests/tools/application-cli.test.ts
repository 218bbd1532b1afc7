// `boson new`, `build`, `sign`, `inspect`, `update-keys`, as one types them; docs/applications.md shows the same.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { FileStorage, StorageSlot } from "../../bindings/node";
import { ImageKind, decodeImage } from "../../tools/application/image";
import { isMetered } from "../../tools/application/meter";
import { readUpdateKey, verifyImage } from "../../tools/application/sign";
import { projectRoot } from "../support/fixture";

const folder = mkdtempSync(path.join(tmpdir(), "wboson-application-"));
const script = path.join(projectRoot, "bin/boson.cjs");
const at = (...names: string[]): string => path.join(folder, ...names);

afterAll(() => rmSync(folder, { recursive: true }));

function boson(...args: string[]): Promise<{ exitCode: number; output: string }> {
  const child = spawn(process.execPath, [script, ...args], { cwd: folder });
  let output = "";
  child.stdout.on("data", (text: Buffer) => (output += text.toString()));
  child.stderr.on("data", (text: Buffer) => (output += text.toString()));
  return new Promise((resolve) => {
    child.once("close", (exitCode) => resolve({ exitCode: exitCode ?? -1, output }));
  });
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, output } = await boson(...args, "--json");
  expect([exitCode, output]).toEqual([0, expect.stringMatching(/^\{.*\}\n$/)]);
  return JSON.parse(output) as Record<string, unknown>;
}

async function fails(text: string | RegExp, ...args: string[]): Promise<void> {
  const { exitCode, output } = await boson(...args);
  expect(output).toMatch(text);
  expect(exitCode).toBe(1);
}

test("a new application builds at once", async () => {
  expect(await boson("new", "app")).toEqual({
    exitCode: 0,
    output: `app: boson build ${path.join("app", "app.ts")}\n`,
  });
  expect(readdirSync(at("app")).sort()).toEqual([".gitignore", "README.md", "app.ts"]);
  await fails("app is not empty", "new", "app");
  const figures = await json("build", "app/app.ts");
  const module = readFileSync(at("app/app.wasm"));
  expect(isMetered(module)).toBe(true);
  expect(figures).toMatchObject({ file: "app/app.wasm", runtime: "small", memory: 65536 });
  // The name section and what the build says of itself are not in it.
  expect(figures.wasm).toBeLessThan(module.length);
  const small = await json("build", "app/app.ts", "--memory", "8", "--out", "small.wasm");
  expect(small).toMatchObject({ file: "small.wasm", memory: 8192 });
  const { output } = await boson("build", "app/app.ts");
  expect(output).toMatch(/^app\/app.wasm: \d+ bytes, runtime small\nstatic RAM \d+ of 65536 /);
  expect(output).toContain("may: publish, register, connection\n");
});

test("what is wrong with a source is told", async () => {
  await fails("nothing.ts: no such file", "build", "nothing.ts");
  const source = readFileSync(at("app/app.ts"), "utf8");
  writeFileSync(at("app/bad.ts"), source.replace("argument.length", "argument.size"));
  await fails(/Property 'size' does not exist[^]*bad\.ts\(11,19\)/, "build", "app/bad.ts");
  writeFileSync(at("app/bad.ts"), "export function setup(): void {}\n");
  await fails("bad.ts: export function loop() is missing", "build", "app/bad.ts");
  await fails("from 1 to 64", "build", "app/app.ts", "--memory", "65");
  await fails("static data", "build", "app/app.ts", "--memory", "1");
});

test("a private key is for its owner only, and is never printed or overwritten", async () => {
  const { exitCode, output } = await boson("update-keys", "new", "key.pem");
  expect(exitCode).toBe(0);
  expect(statSync(at("key.pem")).mode & 0o777).toBe(0o600);
  const key = readUpdateKey(readFileSync(at("key.pem")));
  const scalar = key.privateKey.export({ format: "jwk" }).d!;
  expect(output).not.toContain("PRIVATE");
  expect(output).not.toContain(scalar);
  await fails("never overwritten", "update-keys", "new", "key.pem");
  expect(readUpdateKey(readFileSync(at("key.pem"))).publicKey).toEqual(key.publicKey);
});

test("a device pins public keys", async () => {
  await boson("update-keys", "new", "second.pem");
  const keys = ["key.pem", "second.pem"].map((name) => readUpdateKey(readFileSync(at(name))));
  const pinned = Buffer.concat(keys.map(({ publicKey }) => publicKey));
  const both = ["update-keys", "public", "key.pem", "second.pem"];
  const { output } = await boson(...both);
  expect(output.trim().split("\n").at(-1)).toBe(pinned.toString("hex"));
  await boson(...both, "--out", "pinned.bin", "--device", "device");
  expect(readFileSync(at("pinned.bin"))).toEqual(pinned);
  const storage = new FileStorage(at("device"));
  expect(Buffer.from(storage.read(StorageSlot.UpdateKeys)!)).toEqual(pinned);
  await fails("one to four", ...both, "key.pem", "key.pem", "key.pem");
});

test("an application is signed for boards, with what it may do", async () => {
  const sign = ["sign", "app/app.wasm", "--key", "key.pem"];
  const told = await json(...sign, "--version", "7", "--board", "argon", "--board", "3");
  expect(told).toEqual({
    file: "app/app.image",
    size: readFileSync(at("app/app.image")).length,
    ...{ kind: "application", version: 7, forced: false, minimumAbi: 1, memoryKiB: 0 },
    ...{ boards: [12, 3], capabilities: ["publish", "register", "connection"], keys: 0 },
  });
  const { publicKey } = readUpdateKey(readFileSync(at("key.pem")));
  expect(verifyImage(readFileSync(at("app/app.image")), [publicKey]).version).toBe(7);
  expect(await json("inspect", "app/app.image", "--key", "key.pem")).toEqual(told);
  const small = ["sign", "small.wasm", "--key", "key.pem", "--version", "1"];
  expect(await json(...small)).toMatchObject({ file: "small.image", memoryKiB: 8 });
  await fails("none of these keys", "inspect", "app/app.image", "--key", "second.pem");
  const { output } = await boson(...sign, "--version", "8", "--force", "--min-abi", "2");
  expect(output).toMatch(
    /^app\/app.image: application 8, forced, \d+ bytes\nfor any board, core ABI 2\n/,
  );
});

test("commands and firmware", async () => {
  const kindOf = (name: string): unknown =>
    ImageKind[decodeImage(readFileSync(at(name))).manifest.kind];
  for (const command of ["disable", "enable", "rollback"]) {
    await json("sign", `--${command}`, "--key", "key.pem", "--out", `${command}.image`);
    expect(String(kindOf(`${command}.image`)).toLowerCase()).toBe(command);
  }
  const now = Date.now() / 1000;
  const { version } = decodeImage(readFileSync(at("rollback.image"))).manifest;
  expect(Math.abs(version - now)).toBeLessThan(600);
  const rotate = ["sign", "--new-key", "second.pem", "--key", "key.pem", "--version", "9"];
  expect(await json(...rotate, "--out", "rotate.image")).toMatchObject({ kind: "keys", keys: 1 });
  writeFileSync(at("firmware.bin"), "native");
  const firmware = ["sign", "firmware.bin", "--firmware", "--key", "key.pem", "--version", "2"];
  expect(await json(...firmware)).toMatchObject({ kind: "firmware", file: "firmware.image" });
  expect(decodeImage(readFileSync(at("firmware.image"))).body.toString()).toBe("native");
});

test("what cannot be signed is told", async () => {
  const sign = ["sign", "app/app.wasm", "--key", "key.pem"];
  await fails("--version is missing", ...sign);
  await fails("argon, boron, electron, photon2, posix", ...sign, "--version", "1", "--board", "x");
  await fails("whole number", ...sign, "--version", "0");
  await fails("a file or a command", ...sign, "--version", "1", "--disable");
  await fails("one of them", "sign", "--disable", "--enable", "--key", "key.pem", "--out", "x");
  await fails("a command needs --out", "sign", "--disable", "--key", "key.pem");
  await fails("pinned.bin is no PEM file", "sign", "app/app.wasm", "--key", "pinned.bin");
  await fails("not a WebAssembly module", "sign", "key.pem", "--key", "key.pem", "--version", "1");
  // A loop without fuel: types, function, export, code.
  const endless = "0061736d01000000010401600000030201000a0901070003400c000b0b";
  writeFileSync(at("endless.wasm"), Buffer.from(endless, "hex"));
  await fails("is not metered", "sign", "endless.wasm", "--key", "key.pem", "--version", "1");
  await fails("no manifest: the module is not signed", "inspect", "app/app.wasm");
});
