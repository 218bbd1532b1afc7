// Reads what the checks want to know of a WebAssembly module: start section, memory limits, and
// the imports and exports with their signatures. WebAssembly Core Specification, §5.5.

const SECTION = { Type: 1, Import: 2, Function: 3, Memory: 5, Export: 7, Start: 8 };
const VALUE = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64" };
const KIND = ["function", "table", "memory", "global"];

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  byte() {
    if (this.at >= this.bytes.length) throw new Error("truncated module");
    return this.bytes[this.at++];
  }
  u32() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
  slice(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  name() {
    return new TextDecoder().decode(this.slice(this.u32()));
  }
  list(item) {
    return Array.from({ length: this.u32() }, () => item());
  }
  limits() {
    const flags = this.byte();
    const minimum = this.u32();
    return { minimum, maximum: flags & 1 ? this.u32() : null };
  }
  valueType() {
    return VALUE[this.byte()] ?? "other";
  }
  functionType() {
    this.byte(); // 0x60
    const parameters = this.list(() => this.valueType());
    const results = this.list(() => this.valueType());
    return `(${parameters.join(", ")}) -> ${results.join(", ") || "none"}`;
  }
}

function importEntry(reader) {
  const name = `${reader.name()}.${reader.name()}`;
  const kind = KIND[reader.byte()];
  if (kind === "function") return { name, kind, type: reader.u32() };
  if (kind === "table") return { name, kind, type: reader.valueType(), limits: reader.limits() };
  if (kind === "memory") return { name, kind, limits: reader.limits() };
  return { name, kind, type: reader.valueType(), mutable: reader.byte() };
}

/**
 * @param {Uint8Array} bytes a valid module
 * @returns {{hasStart: boolean, memories: {minimum: number, maximum: number | null}[],
 *   imports: Record<string, string>, exports: Record<string, string>}} signatures by name
 */
export function readModule(bytes) {
  const sections = {};
  const file = new Reader(bytes);
  file.slice(8);
  while (file.at < bytes.length) {
    const id = file.byte();
    sections[id] = file.slice(file.u32());
  }
  const list = (id, item) => {
    if (!sections[id]) return [];
    const reader = new Reader(sections[id]);
    return reader.list(() => item(reader));
  };
  const types = list(SECTION.Type, (reader) => reader.functionType());
  const imported = list(SECTION.Import, importEntry);
  const functions = [
    ...imported.filter(({ kind }) => kind === "function").map(({ type }) => type),
    ...list(SECTION.Function, (reader) => reader.u32()),
  ].map((type) => types[type]);
  const exported = list(SECTION.Export, (reader) => {
    const name = reader.name();
    const kind = KIND[reader.byte()];
    const index = reader.u32();
    return [name, kind === "function" ? functions[index] : kind];
  });
  return {
    hasStart: SECTION.Start in sections,
    memories: [
      ...imported.filter(({ kind }) => kind === "memory").map(({ limits }) => limits),
      ...list(SECTION.Memory, (reader) => reader.limits()),
    ],
    imports: Object.fromEntries(
      imported.map(({ name, kind, type }) => [name, kind === "function" ? types[type] : kind]),
    ),
    exports: Object.fromEntries(exported),
  };
}
