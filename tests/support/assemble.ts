// Assembles WebAssembly text, in a process of its own: binaryen is an ES module.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { projectRoot } from "./fixture";

/** @param texts by name @returns the modules by name. @throws Error for a text that is none */
export function assemble<Name extends string>(texts: Record<Name, string>): Record<Name, Buffer> {
  mkdirSync(path.join(projectRoot, "build"), { recursive: true });
  const folder = mkdtempSync(path.join(projectRoot, "build", "test-"));
  try {
    const script = path.join(projectRoot, "tests/native/assemble.mjs");
    const input = JSON.stringify(texts);
    execFileSync(process.execPath, [script, folder], { input, stdio: "pipe" });
    const read = (name: string): Buffer => readFileSync(path.join(folder, `${name}.wasm`));
    const modules = Object.keys(texts).map((name) => [name, read(name)]);
    return Object.fromEntries(modules) as Record<Name, Buffer>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
