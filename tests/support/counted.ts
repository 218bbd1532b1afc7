// A module that counts what it executes: wasm-opt writes a call at each function entry, loop round
// and return (its pass log-execution), so that "bounded" can be measured where no clock can be.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { Core } from "../../bindings/node";
import type { CoreExports } from "../../bindings/node";
import { projectRoot } from "./fixture";

const WASM_OPT = path.join(projectRoot, "node_modules/binaryen/bin/wasm-opt");

export interface Counted {
  exports: CoreExports;
  /** Steps that a call takes. */
  steps(call: () => void): number;
  /** Write an event into the argument buffer, and publish it. @returns handle or Status */
  publish(name: string, data: string, options: number): number;
}

const compiled = new Map<string, WebAssembly.Module>();

/** The module of a file with the counting calls in it. */
export function compileCounted(file: string): WebAssembly.Module {
  const known = compiled.get(file);
  if (known) return known;
  const folder = mkdtempSync(path.join(projectRoot, "build", "test-"));
  try {
    const out = path.join(folder, "counted.wasm");
    execFileSync(process.execPath, [WASM_OPT, file, "-all", "--log-execution", "-o", out]);
    const module = new WebAssembly.Module(readFileSync(out));
    compiled.set(file, module);
    return module;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Instantiate a module file so that its steps are counted. Storage is empty and takes everything. */
export function countedModule(file: string): Counted {
  const module = compileCounted(file);
  let count = 0;
  const hal = {
    random_fill: (_pointer: number, length: number) => length,
    storage_read: () => 0,
    storage_write: (_slot: number, _pointer: number, length: number) => length,
    log: () => {},
    log_execution: () => void (count += 1),
  };
  const instance = new WebAssembly.Instance(module, { hal });
  const exports = instance.exports as unknown as CoreExports;
  return {
    exports,
    steps(call) {
      const before = count;
      call();
      return count - before;
    },
    publish(name, data, options) {
      const at = exports.argument_buffer();
      const bytes = Buffer.from(name + data);
      new Uint8Array(exports.memory.buffer).set(bytes, at);
      const nameLength = Buffer.byteLength(name);
      return exports.publish(nameLength, bytes.length - nameLength, 0, -1, options);
    },
  };
}

type Imports = Record<string, (...args: number[]) => number | void>;

/** Let every Core that is made from now on count its steps, if its module can. @returns the count */
export function countSteps(): { steps: number } {
  const counter = { steps: 0 };
  const prototype = Core.prototype as unknown as { imports(): Imports };
  const { imports } = prototype;
  prototype.imports = function (this: Core): Imports {
    return { ...imports.call(this), log_execution: () => void (counter.steps += 1) };
  };
  return counter;
}
