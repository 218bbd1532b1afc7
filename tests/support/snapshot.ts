// Looks into a running core: all that it remembers is its linear memory and its mutable globals. A
// module is given exports for the globals, so that tests can compare and restore the whole state.

import { readFileSync } from "node:fs";
import path from "node:path";

import type { Core } from "../../bindings/node";
import { CORE_LAYOUT, compileAssembly } from "./compile";
import { globFiles } from "./files";
import { projectRoot } from "./fixture";
import { CORE_FILE } from "./world";

const SECTION = { Global: 6, Export: 7 };
const GLOBAL_KIND = 3;
const END = 0x0b;
const PREFIX = "global ";

/** A LEB128 number at `at`, and where it ends. */
function readLeb128(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: at };
  }
}

function leb128(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >>> 7)];
}

/** Where the content of a section of a module begins and ends. */
function findSection(module: Uint8Array, id: number): { from: number; start: number; end: number } {
  for (let at = 8; at < module.length;) {
    const size = readLeb128(module, at + 1);
    const end = size.end + size.value;
    if (module[at] === id) return { from: at, start: size.end, end };
    at = end;
  }
  throw new Error(`no section ${id}`);
}

/** Indices of the mutable globals. Each entry: type, mutability, opcode, LEB128 constant, end. */
function mutableGlobals(module: Uint8Array): number[] {
  const { start, end } = findSection(module, SECTION.Global);
  const mutable: number[] = [];
  let at = readLeb128(module, start).end;
  for (let index = 0; at < end; index++) {
    if (module[at + 1] === 1) mutable.push(index);
    at = readLeb128(module, at + 3).end;
    if (module[at++] !== END) throw new Error("a global that does not begin with a constant");
  }
  return mutable;
}

/** The module with exports for its mutable globals. */
function exportGlobals(module: Uint8Array, nameOf: (index: number) => string): Uint8Array {
  const { from, start, end } = findSection(module, SECTION.Export);
  const globals = mutableGlobals(module);
  const count = readLeb128(module, start);
  const added = globals.flatMap((index) => {
    const text = [...Buffer.from(PREFIX + nameOf(index))];
    return [...leb128(text.length), ...text, GLOBAL_KIND, ...leb128(index)];
  });
  const content = [
    ...leb128(count.value + globals.length),
    ...module.subarray(count.end, end),
    ...added,
  ];
  return Uint8Array.from([
    ...module.subarray(0, from),
    SECTION.Export,
    ...leb128(content.length),
    ...content,
    ...module.subarray(end),
  ]);
}

const open = new Map<string, WebAssembly.Module>();

/** A core's module as it was built, with its globals exported; their names are numbers. */
export function openModule(file = CORE_FILE): WebAssembly.Module {
  let module = open.get(file);
  if (!module) {
    module = new WebAssembly.Module(Buffer.from(exportGlobals(readFileSync(file), String)));
    open.set(file, module);
  }
  return module;
}

interface NamedBuild {
  module: WebAssembly.Module;
  /** The pieces of static memory, in order; the last one ends where the static data may end. */
  regions: Region[];
}

let named: NamedBuild | undefined;

/** The core compiled without optimisation, so that its globals and its memory have names. */
export function namedBuild(): NamedBuild {
  if (named) return named;
  const options = ["--optimizeLevel", "0", "--shrinkLevel", "0", ...CORE_LAYOUT];
  const { bytes, text } = compileAssembly("assembly/index.ts", options);
  const names = [...text.matchAll(/^ \(global \$(?:assembly\/)?(\S+) /gm)].map(([, name]) => name);
  const module = new WebAssembly.Module(Buffer.from(exportGlobals(bytes, (index) => names[index])));
  named = { module, regions: memoryRegions(text) };
  return named;
}

/** A piece of static data: `file/NAME` without "assembly/". */
export interface Region {
  name: string;
  start: number;
  end: number;
}

/** The pieces of static memory by name. @param text of a module that was not optimised */
function memoryRegions(text: string): Region[] {
  const folder = path.join(projectRoot, "assembly");
  const starts = globFiles(folder, ".ts").flatMap((file) => {
    const place = path.relative(folder, file).replace(/\.ts$/, "").split(path.sep).join("/");
    const source = readFileSync(file, "utf8");
    const declared = source.matchAll(/^(?:export )?const (\w+): usize = memory\.data/gm);
    return [...declared].flatMap(([, name]) => {
      const start = `(global $assembly/${place}/${name} i32 (i32.const `;
      const at = text.indexOf(start);
      return at < 0
        ? []
        : [{ name: `${place}/${name}`, start: parseInt(text.slice(at + start.length)) }];
    });
  });
  starts.sort((a, b) => a.start - b.start);
  return starts.map((region, i) => ({ ...region, end: starts[i + 1]?.start ?? STATIC_SIZE }));
}

/** Static data of the core lies below this; that of the build with both profiles, below the other. */
export const STATIC_SIZE = 16_384;
const SNAPSHOT_SIZE = 24_576;

type Value = number | bigint;

/** The whole state of a core at one moment. */
export class Snapshot {
  private constructor(
    readonly memory: Uint8Array,
    readonly globals: Map<string, Value>,
  ) {}

  static take(core: Core): Snapshot {
    const memory = new Uint8Array(core.exports.memory.buffer).slice(0, SNAPSHOT_SIZE);
    const globals = new Map<string, Value>();
    for (const [name, global] of globalsOf(core)) globals.set(name, global.value as Value);
    return new Snapshot(memory, globals);
  }

  /** Bring a core of the same module into this state. */
  restore(core: Core): void {
    new Uint8Array(core.exports.memory.buffer).set(this.memory);
    for (const [name, global] of globalsOf(core)) global.value = this.globals.get(name)!;
  }

  /** Names of the globals and of the pieces of memory that differ from `other`. */
  changes(other: Snapshot, regions: Region[]): string[] {
    const globals = [...this.globals].flatMap(([name, value]) =>
      other.globals.get(name) === value ? [] : name,
    );
    const memory = regions.flatMap(({ name, start, end }) => {
      const [a, b] = [this, other].map((of) => of.memory.subarray(start, end));
      return Buffer.compare(a, b) === 0 ? [] : name;
    });
    return [...globals, ...memory];
  }

  global(name: string): Value {
    const value = this.globals.get(name);
    if (value === undefined) throw new Error(`no global ${name}`);
    return value;
  }
}

const cache = new WeakMap<Core, [string, WebAssembly.Global][]>();

function globalsOf(core: Core): [string, WebAssembly.Global][] {
  let globals = cache.get(core);
  if (!globals) {
    // The loader wraps globals into numbers where it can; the instance's own exports are needed.
    globals = Object.entries(core.exports)
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, value]) => [name.slice(PREFIX.length), value as unknown as WebAssembly.Global]);
    cache.set(core, globals);
  }
  return globals;
}
