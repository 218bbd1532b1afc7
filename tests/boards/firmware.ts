// Assembles and measures firmware projects, in a process of its own: the tool is an ES module.

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "../support/fixture";

const run = promisify(execFile);

export interface Sizes {
  board: { name: string; userModule: number; memory: { application: number } };
  /** Bytes by group of objects. */
  groups: Record<string, { flash: number; ram: number }>;
  total: { flash: number; ram: number };
}

/** Run tools/firmware.mjs. @returns what it printed */
export async function firmware(...parameters: string[]): Promise<string> {
  const tool = path.join(projectRoot, "tools/firmware.mjs");
  const { stdout } = await run(process.execPath, [tool, ...parameters]);
  return stdout;
}

/** Assemble, compile and measure. @throws the compiler's messages */
export async function measureFirmware(board: string, ...parameters: string[]): Promise<Sizes> {
  return JSON.parse(await firmware(board, "--json", ...parameters)) as Sizes;
}
