import { readFileSync } from "node:fs";
import path from "node:path";

import { Fixture } from "../support/fixture";

const CORE = `
@external("hal", "log")
declare function halLog(level: i32, text: usize, length: i32): void;
const text = memory.data(100);
export function handle_timeout(now: u32): i32 {
  halLog(30, text, <i32>now);
  return 0;
}
`;
const ABI = { core: { handle_timeout: "(i32) -> i32", memory: "memory" } };
const BUDGET = {
  core: { file: "boson", wasm: 400, staticRam: 200, memoryPages: 1, imports: ["hal.log"] },
};

describe("build and wasm", () => {
  let fixture: Fixture;
  beforeEach(() => void (fixture = new Fixture()));
  afterEach(() => fixture.remove());

  function build(core: string, { abi = ABI, budget = BUDGET } = {}) {
    fixture.copy("asconfig.json").write({
      "assembly/index.ts": core,
      "tools/check/abi.json": JSON.stringify(abi),
      "tools/check/budget.json": JSON.stringify(budget),
    });
    return fixture.run("tools/build.mjs", "--root", fixture.root);
  }

  /** Build, check, and give the complaints. */
  function complaints(core: string, lists = {}): string {
    expect(build(core, lists).output).toMatch(/^build: core \d+ bytes/);
    const { exitCode, output } = fixture.check("wasm");
    expect(exitCode).toBe(1);
    return output;
  }

  test("accepts what the lists say", () => {
    expect(build(CORE).exitCode).toBe(0);
    const { exitCode, output } = fixture.check("wasm");
    // 100 bytes of data after the first 16, which alignment leaves free
    expect(output).toMatch(
      /^wasm: ok, core: wasm \d+\/400 B, static RAM 116\/200 B, 1 imports, 2 exports\n$/,
    );
    expect(exitCode).toBe(0);
  });

  test("does not compile what has not changed", () => {
    expect(build(CORE).output).not.toContain("up to date");
    expect(build(CORE).output).toContain("up to date");
    expect(build(CORE + "// more\n").output).not.toContain("up to date");
  });

  test("writes the figures for other tools", () => {
    build(CORE);
    const figures = JSON.parse(readFileSync(path.join(fixture.root, "build/boson.json"), "utf8"));
    expect(figures.core.wasm).toBe(
      readFileSync(path.join(fixture.root, "build/boson.wasm")).length,
    );
  });

  test("a compile error is an error", () => {
    const { exitCode, output } = build("export function f(): i32 { return nothing; }\n");
    expect(output).toContain("Cannot find name 'nothing'");
    expect(exitCode).toBe(1);
  });

  test("refuses an allocation", () => {
    const core = `${CORE}export function f(n: i32): usize { return changetype<usize>(new Uint8Array(n)); }`;
    const output = complaints(core);
    expect(output).toContain("~lib/rt");
    expect(output).toContain("memory.grow");
  });

  test("refuses a start section", () => {
    const core =
      CORE.replace("<i32>now", "<i32>now + later") + "let later = load<i32>(text) + 1;\n";
    expect(complaints(core)).toContain("start section");
  });

  test("refuses floating point", () => {
    const core = CORE.replace("<i32>now", "<i32>(<f32>now * 0.1)");
    expect(complaints(core)).toContain("floating point");
  });

  test("refuses an import that is not listed, and wants those that are", () => {
    const output = complaints(CORE.replace('"log"', '"socket"'));
    expect(output).toContain("import hal.socket");
    expect(output).toContain("import hal.log is missing");
  });

  test("refuses another signature, one more and one less export", () => {
    const core = CORE.replace("now: u32", "now: u64").replace("<i32>now", "<i32>now + 1");
    expect(complaints(core)).toContain("handle_timeout is (i64) -> i32, the list says (i32)");
    expect(complaints(`${CORE}export function g(): void {}`)).toContain("export g () -> none");
    const abi = { core: { ...ABI.core, gone: "() -> none" } };
    expect(complaints(CORE, { abi })).toContain("export gone is missing");
  });

  test("refuses a way to read a key, even if it is listed", () => {
    const core = `${CORE}export function device_key(): usize { return text; }`;
    const abi = { core: { ...ABI.core, device_key: "() -> i32" } };
    expect(complaints(core, { abi })).toContain("export device_key may give a key away");
  });

  test("refuses more than the budget", () => {
    const core = CORE.replace("memory.data(100)", "memory.data(1000)");
    expect(complaints(core)).toMatch(/static RAM is 10\d\d bytes, limit 200/);
    const budget = { ...BUDGET, core: { ...BUDGET.core, wasm: 50 } };
    expect(complaints(CORE, { budget })).toMatch(/wasm is \d+ bytes, limit 50/);
    const pages = { ...BUDGET, core: { ...BUDGET.core, memoryPages: 0 } };
    expect(complaints(CORE, { budget: pages })).toContain("memory may become 1 pages");
  });

  test("does not pass without a build", () => {
    expect(fixture.check("wasm")).toMatchObject({ exitCode: 1 });
  });
});
