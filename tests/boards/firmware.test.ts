// The firmware project of every board: assembled, compiled against declarations of Device OS with all
// warnings, and measured.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { projectRoot } from "../support/fixture";
import { assemblyTest, crossCompilerTest } from "./cross-compiler";
import { firmware, measureFirmware } from "./firmware";

const assembled = assemblyTest();
const compiled = crossCompilerTest();
const folder = mkdtempSync(path.join(tmpdir(), "wboson-firmware-"));
const boards = readdirSync(path.join(projectRoot, "boards"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (file: string): string => readFileSync(path.join(folder, file), "utf8");

describe("firmware", () => {
  test("there are boards", () => {
    expect(boards).toEqual(expect.arrayContaining(["argon", "boron", "electron", "photon2"]));
  });

  compiled.each(boards)("%s compiles without a warning, and fits", async (name) => {
    const { board, groups, total } = await measureFirmware(name, "--out", path.join(folder, name));
    const figures = Object.entries(groups).map(([group, { flash }]) => `${group} ${flash}`);
    process.stderr.write(
      `${board.name}: ${figures.join(", ")}; flash ${total.flash} of ${board.userModule} B, ` +
        `static RAM ${total.ram} of ${board.memory.application} B\n`,
    );
    for (const { flash } of Object.values(groups)) expect(flash).toBeGreaterThan(500);
    expect(groups.module.flash).toBeGreaterThan(30000);
    expect(total.flash).toBeLessThanOrEqual(board.userModule);
    expect(total.ram).toBeLessThanOrEqual(board.memory.application);
  });

  compiled("the measurement is what arm-none-eabi-size says of the linked file", async () => {
    const out = path.join(folder, "measured");
    const { total } = await measureFirmware("electron", "--out", out);
    const elf = path.join(out, "objects/firmware.elf");
    const text = execFileSync("arm-none-eabi-size", ["-B", elf], { encoding: "utf8" });
    const [, code, data] = /\n\s*(\d+)\s+(\d+)/.exec(text)!.map(Number);
    expect(Math.abs(total.flash - (code + data))).toBeLessThan(1024);
  });

  compiled("a call that Device OS 2.x lacks does not compile for the Electron", async () => {
    const out = path.join(folder, "newer");
    await firmware("electron", "--out", out);
    const board = path.join(out, "src/boards/board.h");
    const newer = readFileSync(board, "utf8").replace(
      "#define WBOSON_DEVICE_OS_API 2",
      "#define WBOSON_DEVICE_OS_API 4",
    );
    writeFileSync(board, newer);
    const script = `import { measure } from "./tools/boards/size.mjs"; await measure("electron", ${JSON.stringify(out)});`;
    expect(() =>
      execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
        cwd: projectRoot,
        stdio: "pipe",
      }),
    ).toThrow(/has no member named 'version'/);
  });

  assembled("carries settings, keys and module that were asked for", async () => {
    const keys = path.join(folder, "keys");
    mkdirSync(keys);
    writeFileSync(path.join(keys, "device-key.der"), Buffer.from([1, 2, 3]));
    writeFileSync(path.join(keys, "server-public-key.der"), Buffer.from([4, 5]));
    writeFileSync(path.join(folder, "small.wasm"), Buffer.from("\0asm\x01\0\0\0"));
    const options = ["--server", "10.0.0.7", "--product", "77", "--product-version", "3"];
    const module = ["--module", path.join(folder, "small.wasm"), "--keys", keys];
    await firmware("boron", "--out", path.join(folder, "project"), ...options, ...module);
    expect(read("project/src/boards/settings.h")).toContain(
      '#define WBOSON_SERVER_HOST "10.0.0.7"',
    );
    expect(read("project/src/boards/settings.h")).toContain("#define WBOSON_PRODUCT_ID 77");
    expect(read("project/src/boards/settings.h")).toContain("#define WBOSON_PRODUCT_VERSION 3");
    const source = read("project/src/boards/module.c");
    expect(source).toContain("wboson_module_size = 8;");
    expect(source).toContain("{\n0,97,115,109,1,0,0,0}");
    expect(source).toContain("wboson_device_key_size = 3;");
    expect(source).toContain("wboson_server_key_size = 2;");
    expect(read("project/project.properties")).toContain("name=wboson-boron\n");
    expect(read("project/src/bindings/wasm3/m3_config.h")).toContain("#define d_m3HasFloat 1");
  });

  assembled("an application that does not fit is not compiled", async () => {
    const application = ["--application", "examples/sensor/main.ts", "--runtime", "minimal"];
    const out = path.join(folder, "large");
    await expect(
      firmware("argon", "--memory", "16384", "--out", out, ...application),
    ).rejects.toThrow(/[Ll]ow memory limit/);
  });

  test.each([
    ["no board", ["tricorder"], /no board "tricorder"; there are argon, boron, electron, photon2/],
    ["no module", ["argon", "--module", "none.wasm"], /no module/],
    ["a server that is no name", ["argon", "--server", 'a"b'], /no name of a server/],
    ["a memory above one page", ["argon", "--memory", "65537"], /not a size of linear memory/],
    ["a product that is no number", ["argon", "--product", "x"], /not a whole number/],
  ])("refuses %s", async (_, parameters, message) => {
    const out = path.join(folder, "refused");
    await expect(firmware(...parameters, "--out", out)).rejects.toThrow(message);
    expect(existsSync(path.join(out, "src/boards/module.c"))).toBe(false);
  });
});

describe("the port", () => {
  const sources = ["boards/application.cpp", "hal/device-os/hal_device_os.cpp"];

  test("knows capabilities of boards, not their names", () => {
    const port = [...sources, "hal/device-os/hal_storage.cpp", "hal/device-os/slots.c"];
    for (const file of port) {
      const text = readFileSync(path.join(projectRoot, file), "utf8");
      expect(text).not.toMatch(/argon|boron|photon|electron/i);
      const guard = "#if PLATFORM_ID != WBOSON_PLATFORM_ID";
      expect(text.replace(guard, "")).not.toMatch(/#\s*(el)?if.*PLATFORM/);
    }
  });

  test("does not listen, and leaves the stock client off", () => {
    const text = sources.map((file) => readFileSync(path.join(projectRoot, file), "utf8")).join("");
    expect(text).not.toMatch(/TCPServer|joinMulticast|\bParticle\.(?!h")|\blisten\(/);
    expect(text).toContain("SYSTEM_MODE(SEMI_AUTOMATIC);");
  });
});
