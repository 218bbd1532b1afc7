// What tests need beside Node: `test` where it is there; elsewhere `test.skip`, and a line that says
// what is missing: such tests never pass in silence.

import { spawnSync } from "node:child_process";

import { projectRoot } from "./fixture";

/** A name in tools/setup-packages.mjs, or the source of WASM3. */
export type Need =
  "compiler" | "crossCompiler" | "emulator" | "mbedtls" | "chromium" | "broker" | "wasm3";

/** What is missing and how to get it, as one line; null when all is there. */
export function missing(...needs: Need[]): string | null {
  // The tools are ES modules, which these tests are not.
  const script = `
    import { missingLine } from "./tools/setup-packages.mjs";
    import { canGetWasm3 } from "./tools/setup-wasm3.mjs";
    const needs = ${JSON.stringify(needs)};
    const line = missingLine(needs.filter((need) => need !== "wasm3"));
    const hasWasm3 = !needs.includes("wasm3") || canGetWasm3();
    console.log(line ?? (hasWasm3 ? "" : "no WASM3 source (cargo gets it)"));`;
  const options = { cwd: projectRoot, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", script],
    options,
  );
  if (status !== 0) throw new Error(stderr);
  return stdout.trim() || null;
}

/** Whether all is there; if not, the line is printed. @param what is skipped */
export function isThere(what: string, ...needs: Need[]): boolean {
  const line = missing(...needs);
  if (line !== null) process.stderr.write(`SKIPPED ${what}: ${line}\n`);
  return line === null;
}

/** `test` or `test.skip`. @param what is skipped */
export function testNeeding(what: string, ...needs: Need[]): jest.It {
  return isThere(what, ...needs) ? test : (test.skip as unknown as jest.It);
}
