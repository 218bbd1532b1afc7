// Native programs for tests: whether they can be built here, and building them.

import { execFile, execFileSync, spawnSync } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "./fixture";

const run = promisify(execFile);
const TOOL = path.join(projectRoot, "tools/build-native.mjs");

/** What native crypto a program has; what is there unless given. */
export type NativeCrypto = "none" | "mbedtls";

interface BuildOptions {
  sanitize?: boolean;
  crypto?: NativeCrypto;
}

function flags(program: string, { sanitize, crypto }: BuildOptions): string[] {
  const chosen = crypto ? ["--crypto", crypto] : [];
  return ["--program", program, ...(sanitize ? ["--sanitize"] : []), ...chosen];
}

/** Build a program. @returns its path */
export async function buildNative(program: string, options: BuildOptions = {}): Promise<string> {
  const { stdout } = await run(process.execPath, [TOOL, ...flags(program, options)]);
  return stdout.trim();
}

/** Build a program while tests are collected. @returns its path */
export function buildNativeSync(program: string, options: BuildOptions = {}): string {
  const command = [TOOL, ...flags(program, options)];
  return execFileSync(process.execPath, command, { encoding: "utf8", stdio: "pipe" }).trim();
}

/**
 * `test` where the program can be built. Elsewhere `test.skip`, and a line that says what is missing:
 * such tests never pass in silence.
 */
export function nativeTest(program: string, crypto?: NativeCrypto): jest.It {
  const command = [TOOL, ...flags(program, { crypto }), "--probe"];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  if (status === 0) return test;
  const what = crypto ? `${program} with ${crypto}` : program;
  process.stderr.write(`SKIPPED tests of ${what}: ${stderr.trim()}\n`);
  return test.skip as unknown as jest.It;
}
