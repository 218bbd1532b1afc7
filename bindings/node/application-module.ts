// An application module before it is compiled: what a host must refuse or bound although the core has
// looked at the module, because WebAssembly's own interface has no word for it (WebAssembly Core
// Specification §5.5): a start section, which would run before anything is metered, and memories and
// tables without an end.

/** A module that this host does not run. */
export class ApplicationRefused extends Error {
  override name = "ApplicationRefused";
}

/** \0asm, version 1 */
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const SECTION_TABLE = 4;
const SECTION_MEMORY = 5;
const SECTION_START = 8;
/** Limits with a minimum only, and with a maximum: neither shared nor of 64 bits. */
const MINIMUM_ONLY = 0;
const WITH_MAXIMUM = 1;
const MAX_TABLE = 65_536;
const FUNCTION_REFERENCE = 0x70;

/** Bytes of a WebAssembly page. */
export const PAGE = 65_536;

class Reader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    if (this.isAtEnd) throw new ApplicationRefused("the module ends too early");
    return this.bytes[this.at++];
  }

  /** LEB128, unsigned, 32 bits. */
  number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new ApplicationRefused("a number of more than 32 bits");
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) {
      throw new ApplicationRefused("the module ends too early");
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

function encodeNumber(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

/** Limits of a table or memory. */
function readLimits(reader: Reader): { minimum: number; maximum: number } {
  const flags = reader.byte();
  if (flags !== MINIMUM_ONLY && flags !== WITH_MAXIMUM) {
    throw new ApplicationRefused(`a memory or table of kind ${flags}`);
  }
  const minimum = reader.number();
  return { minimum, maximum: flags === WITH_MAXIMUM ? reader.number() : Infinity };
}

function checkTables(section: Uint8Array): void {
  const reader = new Reader(section);
  for (let left = reader.number(); left > 0; left--) {
    if (reader.byte() !== FUNCTION_REFERENCE)
      throw new ApplicationRefused("a table of no functions");
    const { minimum } = readLimits(reader);
    if (minimum > MAX_TABLE) throw new ApplicationRefused(`a table of ${minimum} elements`);
  }
}

/** The memory section with a maximum of at most `pages`. */
function boundMemory(section: Uint8Array, pages: number): number[] {
  const reader = new Reader(section);
  const count = reader.number();
  if (count !== 1) throw new ApplicationRefused(`${count} memories`);
  const { minimum, maximum } = readLimits(reader);
  if (minimum > pages) {
    throw new ApplicationRefused(`needs ${minimum} pages of memory; it may have ${pages}`);
  }
  const limits = [...encodeNumber(minimum), ...encodeNumber(Math.min(maximum, pages))];
  return [1, WITH_MAXIMUM, ...limits];
}

/**
 * The module with its memory bounded, so that `memory.grow` fails beyond it.
 * @param file the image, manifest and all
 * @param pages of 64 KiB that the application may have
 * @throws ApplicationRefused for a start section, for a table or memory that is too large, and for
 *   bytes that are no module
 */
export function boundModule(file: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  const reader = new Reader(file);
  if (!HEADER.every((byte) => reader.byte() === byte)) {
    throw new ApplicationRefused("no WebAssembly module");
  }
  const parts: Uint8Array[] = [Uint8Array.from(HEADER)];
  while (!reader.isAtEnd) {
    const begin = reader.at;
    const id = reader.byte();
    const section = reader.take(reader.number());
    if (id === SECTION_START) throw new ApplicationRefused("a start section");
    if (id === SECTION_TABLE) checkTables(section);
    if (id === SECTION_MEMORY) {
      const bounded = boundMemory(section, pages);
      parts.push(Uint8Array.from([id, ...encodeNumber(bounded.length), ...bounded]));
    } else {
      parts.push(file.subarray(begin, reader.at));
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}
