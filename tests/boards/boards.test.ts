// board.json, what is generated from it, and that a board is one folder and nothing else.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { compileAssembly } from "../support/compile";
import { Fixture, projectRoot } from "../support/fixture";
import { crossCompilerTest } from "./cross-compiler";
import { measureFirmware } from "./firmware";

const compiled = crossCompilerTest();

/** The example of a good board. */
function example(): Record<string, unknown> {
  const file = path.join(projectRoot, "boards/boron/board.json");
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
}

/** Change a field; `undefined` removes it. */
function change(board: Record<string, unknown>, field: string, value: unknown): string {
  const names = field.split(".");
  const last = names.pop()!;
  let at = board;
  for (const name of names) at = at[name] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return JSON.stringify(board);
}

function generate(root: string): void {
  execFileSync(process.execPath, [path.join(projectRoot, "tools/boards.mjs"), "--root", root]);
}

describe("check of the boards", () => {
  let fixture: Fixture;
  beforeEach(() => {
    fixture = new Fixture();
    fixture.copy("assembly/config.ts");
    fixture.write({ "boards/boron/board.json": JSON.stringify(example()) });
    generate(fixture.root);
  });
  afterEach(() => fixture.remove());

  test("accepts a good board", () => {
    expect(fixture.check("boards")).toEqual({ exitCode: 0, output: "boards: ok, 1 boards\n" });
  });

  test.each([
    ["mcu", undefined, "mcu: missing"],
    ["network.udpPort", undefined, "network.udpPort: missing"],
    ["emulator.ram.length", undefined, "emulator.ram.length: missing"],
    ["colour", "red", "colour: unknown field"],
    ["memory.rom", 5, "memory.rom: unknown field"],
    ["storage.bytes", 5, "storage.bytes: unknown field"],
    ["clockHz", "fast", "clockHz: not a whole number"],
    ["network.transport", "smoke", "network.transport: none of udp, tcp"],
    ["storage.kind", "tape", "storage.kind: none of files, eeprom"],
    ["retained.survives", ["fire"], "retained.survives[0]: none of reset, sleep"],
    ["retained.feature", 1, "retained.feature: neither true nor false"],
    ["sources.limits", undefined, "sources.limits: missing"],
    ["sources.weather", "seen", "sources.weather: unknown field"],
    ["userModule", 1 << 21, "userModule: more than memory.flash"],
    ["linearMemory", 65537, "linearMemory: not a whole number"],
    ["threadStack", 65536, "linearMemory, wasmStack, compiledCode and threadStack: more than"],
    ["retained.survives", ["sleep"], "session.kind: retained memory does not survive a reset"],
    ["network.link", "wifi", "wifi: does not go with network.link"],
    ["limits.eventData", 1025, "limits.eventData: the core takes 1024"],
    ["limits.eventName", 65, "limits.eventName: the core takes 64"],
  ])("names %s = %j", (field, value, problem) => {
    fixture.write({ "boards/boron/board.json": change(example(), field, value) });
    const { exitCode, output } = fixture.check("boards");
    expect(output).toContain(`boards: boards/boron/board.json: ${problem}`);
    expect(exitCode).toBe(1);
  });

  test("refuses what is no JSON, and no board at all", () => {
    fixture.write({ "boards/boron/board.json": "{" });
    expect(fixture.check("boards").output).toContain("boards: boards/boron/board.json: ");
    const empty = new Fixture();
    expect(empty.write({ "a.txt": "" }).check("boards")).toMatchObject({ exitCode: 1 });
    empty.remove();
  });

  test.each(["board.h", "board.ts", "project.properties"])("finds an old %s", (file) => {
    fixture.write({ [`boards/boron/${file}`]: "old\n" });
    const { exitCode, output } = fixture.check("boards");
    expect(output).toContain(`boards/boron/${file}: is not up to date: node tools/boards.mjs`);
    expect(exitCode).toBe(1);
  });

  test("finds an old table, and a README without a place for it", () => {
    const readme = "# A\n\n<!-- boards:begin -->\n<!-- boards:end -->\n";
    fixture.write({ "README.md": readme });
    expect(fixture.check("boards").output).toContain("README.md: is not up to date");
    generate(fixture.root);
    expect(fixture.check("boards").exitCode).toBe(0);
    fixture.write({ "README.md": "# A\n" });
    expect(fixture.check("boards").output).toContain("README.md: has no markers");
  });
});

describe("board.ts", () => {
  const entry = "build/board-constants.ts";
  afterAll(() => rmSync(path.join(projectRoot, entry), { force: true }));

  test("gives an application the constants of its board", async () => {
    writeFileSync(
      path.join(projectRoot, entry),
      'import * as board from "../boards/electron/board";\n' +
        "export function data(): i32 { return board.MAX_EVENT_DATA; }\n" +
        "export function float(): i32 { return i32(board.HAS_FLOAT); }\n" +
        "export function keepalive(): i32 { return board.KEEPALIVE_MS; }\n",
    );
    const { bytes } = compileAssembly(entry, ["--runtime", "stub", "--use", "abort="]);
    const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes));
    const { data, float, keepalive } = instance.exports as Record<string, () => number>;
    expect([data(), float(), keepalive()]).toEqual([622, 0, 23 * 60 * 1000]);
  });
});

// ---- a fifth board --------------------------------------------------------------------------

const COPIED = ["README.md", "assembly/config.ts", "bindings/wasm3", "boards", "hal"];
const ALSO_COPIED = ["tests/boards/device-os-api", "build/boson.wasm"];

/** SHA-256 of every file below a folder, by path. */
function hashes(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const file of readdirSync(root, { recursive: true, encoding: "utf8" }).sort()) {
    const full = path.join(root, file);
    if (!statSync(full).isFile()) continue;
    found[file] = createHash("sha256").update(readFileSync(full)).digest("hex");
  }
  return found;
}

/** A text without what stands between the markers of the table. */
function withoutTable(file: string): string {
  return readFileSync(file, "utf8").replace(
    /(<!-- boards:begin -->)[^]*(<!-- boards:end -->)/,
    "$1$2",
  );
}

describe("a fifth board", () => {
  const root = mkdtempSync(path.join(tmpdir(), "wboson-boards-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  compiled("is one folder: nothing else changes, and its firmware compiles", async () => {
    for (const file of [...COPIED, ...ALSO_COPIED]) {
      cpSync(path.join(projectRoot, file), path.join(root, file), { recursive: true });
    }
    const before = hashes(root);
    const board = example();
    change(board, "name", "B5 SoM");
    change(board, "platformId", 25);
    cpSync(path.join(root, "boards/boron/board.json"), path.join(root, "boards/b5som/board.json"));
    writeFileSync(path.join(root, "boards/b5som/board.json"), JSON.stringify(board));
    generate(root);

    const check = path.join(projectRoot, "tools/check/boards.mjs");
    const output = execFileSync(process.execPath, [check, root], { encoding: "utf8" });
    expect(output).toBe("boards: ok, 5 boards\n");
    const after = hashes(root);
    const changed = Object.keys(after).filter((file) => after[file] !== before[file]);
    expect(changed).toEqual([
      "README.md",
      "boards/README.md",
      ...["board.h", "board.json", "board.ts", "project.properties"].map(
        (file) => `boards/b5som/${file}`,
      ),
    ]);
    for (const file of ["README.md", "boards/README.md"]) {
      expect(withoutTable(path.join(root, file))).toBe(withoutTable(path.join(projectRoot, file)));
      expect(readFileSync(path.join(root, file), "utf8")).toContain("| B5 SoM |");
    }

    const sizes = await measureFirmware("b5som", "--root", root);
    expect(sizes.board.name).toBe("B5 SoM");
    expect(sizes.total.flash).toBeLessThan(sizes.board.userModule);
    const header = path.join(root, "build/firmware/b5som/src/boards/board.h");
    expect(readFileSync(header, "utf8")).toContain("#define WBOSON_PLATFORM_ID 25");
  });
});
