// Native programs for tests: whether they can be built here, and building them.

import { execFile, spawnSync } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "./fixture";

const run = promisify(execFile);
const TOOL = path.join(projectRoot, "tools/build-native.mjs");

/** Build a program. @returns its path */
export async function buildNative(
  program: string,
  options: { sanitize?: boolean } = {},
): Promise<string> {
  const flags = options.sanitize ? ["--sanitize"] : [];
  const { stdout } = await run(process.execPath, [TOOL, "--program", program, ...flags]);
  return stdout.trim();
}

/**
 * `test` where the program can be built. Elsewhere `test.skip`, and a line that says what is missing:
 * such tests never pass in silence.
 */
export function nativeTest(program: string): jest.It {
  const { status, stderr } = spawnSync(process.execPath, [TOOL, "--program", program, "--probe"], {
    encoding: "utf8",
  });
  if (status === 0) return test;
  process.stderr.write(`SKIPPED tests of ${program}: ${stderr.trim()}\n`);
  return test.skip as unknown as jest.It;
}
