// Reads a WebAssembly module as far as application modules need it: sections, types, imports.
// WebAssembly Core Specification, §5.2 (values) and §5.5 (modules).

/** A module that is no WebAssembly, or uses something that applications have not. */
export class ModuleError extends Error {
  override name = "ModuleError";
}

/** `\0asm`, version 1. */
export const WASM_HEADER = Buffer.from("0061736d01000000", "hex");

export enum SectionId {
  Custom = 0,
  Type = 1,
  Import = 2,
  Function = 3,
  Table = 4,
  Memory = 5,
  Global = 6,
  Export = 7,
  Start = 8,
  Element = 9,
  Code = 10,
  Data = 11,
  DataCount = 12,
}

/** Kinds of imports and exports. */
export enum ExternalKind {
  Function = 0,
  Table = 1,
  Memory = 2,
  Global = 3,
}

/** Walks over bytes. Each method throws {@link ModuleError} at the end of them. */
export class Reader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    if (this.isAtEnd) throw new ModuleError("the module ends too early");
    return this.bytes[this.at++];
  }

  /** LEB128 of 32 bits, unsigned. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw new ModuleError("a number of more than 32 bits");
  }

  /** Go over a signed LEB128. @param bits 32, 33 or 64 */
  skipSigned(bits: number): void {
    for (let shift = 0; shift < bits; shift += 7) {
      if (this.byte() < 0x80) return;
    }
    throw new ModuleError(`a number of more than ${bits} bits`);
  }

  slice(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw new ModuleError("the module ends too early");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return Buffer.from(this.slice(this.u32())).toString("utf8");
  }

  list<T>(item: () => T): T[] {
    const count = this.u32();
    const items: T[] = [];
    // An item takes a byte at least, so the loop ends with the bytes.
    for (let i = 0; i < count; i++) items.push(item());
    return items;
  }
}

/** LEB128 of a number of up to 32 bits, unsigned, as short as it goes. */
export function leb128(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

/** A section: id, length, content. */
export function encodeSection(id: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([id]), leb128(content.length), content]);
}

export interface Section {
  id: number;
  content: Uint8Array;
}

/** Sections in the order of the file. @throws ModuleError */
export function sectionsOf(module: Uint8Array): Section[] {
  if (!WASM_HEADER.equals(module.subarray(0, 8))) throw new ModuleError("not a WebAssembly module");
  const reader = new Reader(module);
  reader.at = WASM_HEADER.length;
  const sections: Section[] = [];
  while (!reader.isAtEnd) sections.push({ id: reader.byte(), content: reader.slice(reader.u32()) });
  return sections;
}

/** Put sections together again. */
export function encodeModule(sections: readonly Section[]): Buffer {
  return Buffer.concat([
    WASM_HEADER,
    ...sections.map(({ id, content }) => encodeSection(id, content)),
  ]);
}

/** Content of a section; undefined when there is none. */
export function sectionOf(sections: readonly Section[], id: SectionId): Uint8Array | undefined {
  return sections.find((section) => section.id === id)?.content;
}

const VALUE_TYPES: Record<number, string> = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64" };

export interface FunctionType {
  parameters: string[];
  results: string[];
}

/** Function types by index. @throws ModuleError */
export function typesOf(sections: readonly Section[]): FunctionType[] {
  const content = sectionOf(sections, SectionId.Type);
  if (!content) return [];
  const reader = new Reader(content);
  const valueType = (): string => {
    const byte = reader.byte();
    const name = VALUE_TYPES[byte];
    if (!name) throw new ModuleError(`value type 0x${byte.toString(16)}`);
    return name;
  };
  return reader.list(() => {
    if (reader.byte() !== 0x60) throw new ModuleError("a type that is no function's");
    return { parameters: reader.list(valueType), results: reader.list(valueType) };
  });
}

/** "(i32, i32) -> i32". */
export function signatureOf({ parameters, results }: FunctionType): string {
  return `(${parameters.join(", ")}) -> ${results.join(", ") || "none"}`;
}

export interface Import {
  module: string;
  name: string;
  kind: ExternalKind;
  /** Index of its type; functions only. */
  type: number;
}

function limits(reader: Reader): void {
  const flags = reader.byte();
  reader.u32();
  if (flags & 1) reader.u32();
}

/** Imports in their order. @throws ModuleError */
export function importsOf(sections: readonly Section[]): Import[] {
  const content = sectionOf(sections, SectionId.Import);
  if (!content) return [];
  const reader = new Reader(content);
  return reader.list(() => {
    const module = reader.text();
    const name = reader.text();
    const kind: ExternalKind = reader.byte();
    let type = -1;
    if (kind === ExternalKind.Function) type = reader.u32();
    else if (kind === ExternalKind.Table) reader.byte();
    else if (kind === ExternalKind.Global) reader.slice(2);
    else if (kind !== ExternalKind.Memory)
      throw new ModuleError(`${module}.${name} is of kind ${String(kind)}`);
    if (kind === ExternalKind.Table || kind === ExternalKind.Memory) limits(reader);
    return { module, name, kind, type };
  });
}

/** Bodies of the functions of the module, without those it imports. @throws ModuleError */
export function bodiesOf(sections: readonly Section[]): Uint8Array[] {
  const content = sectionOf(sections, SectionId.Code);
  if (!content) return [];
  const reader = new Reader(content);
  return reader.list(() => reader.slice(reader.u32()));
}

/** Content of a code section. */
export function encodeBodies(bodies: readonly Uint8Array[]): Buffer {
  const entries = bodies.map((body) => Buffer.concat([leb128(body.length), body]));
  return Buffer.concat([leb128(bodies.length), ...entries]);
}

export function importedFunctionsOf(sections: readonly Section[]): number {
  return importsOf(sections).filter(({ kind }) => kind === ExternalKind.Function).length;
}

interface Export {
  name: string;
  kind: ExternalKind;
  index: number;
  /** Its bytes in the section. */
  bytes: Uint8Array;
}

function exportsOf(sections: readonly Section[]): Export[] {
  const content = sectionOf(sections, SectionId.Export);
  if (!content) return [];
  const reader = new Reader(content);
  return reader.list(() => {
    const from = reader.at;
    const name = reader.text();
    const kind: ExternalKind = reader.byte();
    const index = reader.u32();
    return { name, kind, index, bytes: content.subarray(from, reader.at) };
  });
}

/** Names of the exports. @throws ModuleError */
export function exportNamesOf(sections: readonly Section[]): string[] {
  return exportsOf(sections).map(({ name }) => name);
}

/** Index of an exported function; -1 when there is none of that name. */
export function exportIndexOf(sections: readonly Section[], name: string): number {
  const found = exportsOf(sections).find((entry) => entry.name === name);
  return found?.kind === ExternalKind.Function ? found.index : -1;
}

/** The module without one of its exports. */
export function withoutExport(sections: readonly Section[], name: string): Section[] {
  const kept = exportsOf(sections).filter((entry) => entry.name !== name);
  const content = Buffer.concat([leb128(kept.length), ...kept.map(({ bytes }) => bytes)]);
  return sections.map((section) =>
    section.id === SectionId.Export ? { id: section.id, content } : section,
  );
}
