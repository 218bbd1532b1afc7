// Application modules made by hand, byte by byte, so that a test can have any of them wrong.

import { ExternalKind, SectionId, encodeModule, leb128 } from "../../tools/application/wasm-reader";
import type { Section } from "../../tools/application/wasm-reader";

const I32 = 0x7f;
export const END = 0x0b;
/** `i32.const 0`, `i32.const 1`. */
export const ZERO = [0x41, 0];
export const ONE = [0x41, 1];
/** The first import: `call $fuel`. */
export const CALL_FUEL = [0x10, 0];

/** A signature of i32 only. */
export interface Signature {
  parameters: number;
  results: number;
}

export interface ImportSpec extends Signature {
  module: string;
  name: string;
}

export interface FunctionSpec extends Signature {
  /** Exported so; undefined: not exported. */
  name?: string;
  /** Code without the last `end`. */
  code: number[];
  /** Number of i32 locals. */
  locals?: number;
}

export interface ModuleSpec {
  imports: ImportSpec[];
  functions: FunctionSpec[];
  /** Pages; undefined: no memory. */
  memory?: { least: number; most?: number };
  /** Bytes of a data segment. */
  data?: Uint8Array;
  /** Sections put in after those of lower number, or in place of their own. */
  extra?: Section[];
}

const text = (value: string): number[] => [...leb128(value.length), ...Buffer.from(value)];

const vector = (items: number[][]): Buffer =>
  Buffer.from([...leb128(items.length), ...items.flat()]);

const typeOf = ({ parameters, results }: Signature): number[] => [
  0x60,
  ...leb128(parameters),
  ...Array<number>(parameters).fill(I32),
  ...leb128(results),
  ...Array<number>(results).fill(I32),
];

/** Encode a module; every function has a type of its own. */
export function moduleOf(spec: ModuleSpec): Buffer {
  const { imports, functions, memory, data, extra = [] } = spec;
  const importEntries = imports.map(({ module, name }, i) => [
    ...text(module),
    ...text(name),
    ExternalKind.Function,
    ...leb128(i),
  ]);
  const exported = functions.flatMap(({ name }, i) =>
    name === undefined
      ? []
      : [[...text(name), ExternalKind.Function, ...leb128(imports.length + i)]],
  );
  if (memory) exported.push([...text("memory"), ExternalKind.Memory, 0]);
  const limits = memory && [
    memory.most === undefined ? 0 : 1,
    ...leb128(memory.least),
    ...(memory.most === undefined ? [] : leb128(memory.most)),
  ];
  const bodies = functions.map(({ code, locals = 0 }) => {
    const declared = locals ? [1, ...leb128(locals), I32] : [0];
    const body = [...declared, ...code, END];
    return [...leb128(body.length), ...body];
  });
  const sections: Section[] = [
    { id: SectionId.Type, content: vector([...imports, ...functions].map(typeOf)) },
    { id: SectionId.Import, content: vector(importEntries) },
    {
      id: SectionId.Function,
      content: vector(functions.map((_, i) => [...leb128(imports.length + i)])),
    },
    ...(limits ? [{ id: SectionId.Memory, content: vector([limits]) }] : []),
    { id: SectionId.Export, content: vector(exported) },
    { id: SectionId.Code, content: vector(bodies) },
  ];
  if (data) {
    const segment = [0, ...ZERO, END, ...leb128(data.length), ...data];
    sections.push({ id: SectionId.Data, content: vector([segment]) });
  }
  const kept = sections.filter(({ id }) => !extra.some((section) => section.id === id));
  // A module has the code before the data, and both of them last.
  return encodeModule([...kept, ...extra].sort((a, b) => a.id - b.id));
}

/** What every application has. */
export function plainApplication(): ModuleSpec {
  const exported = (name: string, parameters: number, results: number): FunctionSpec => ({
    name,
    parameters,
    results,
    code: results ? ZERO : [],
  });
  return {
    imports: [{ module: "wboson", name: "fuel", parameters: 0, results: 0 }],
    functions: [
      { name: "app_abi", parameters: 0, results: 1, code: ONE },
      { name: "app_buffer", parameters: 0, results: 1, code: [0x41, 0x80, 0x08] },
      { name: "app_buffer_capacity", parameters: 0, results: 1, code: [0x41, 0x80, 0x09] },
      exported("app_clock", 1, 0),
      exported("setup", 0, 0),
      // for ever: the fuel ends it
      { name: "loop", parameters: 0, results: 0, code: [0x03, 0x40, ...CALL_FUEL, END] },
      exported("app_event", 5, 1),
    ],
    memory: { least: 1, most: 1 },
  };
}

/** A plain application with so many bytes of data. */
export function applicationOf(bytes: number, fill = 7): Buffer {
  // Data that lies outside of the memory would make it a module that cannot start.
  const data = Uint8Array.from({ length: bytes }, (_, i) => (i * fill + (i >> 8)) & 0xff);
  return moduleOf({ ...plainApplication(), data });
}
