// Walks over the instructions of a function: MVP, sign extension, non-trapping conversions, and the
// bulk operations on memory. Whatever else there is, no core verifies and no application may have.
// WebAssembly Core Specification, §5.4.

import type { Reader } from "./wasm-reader";
import { ModuleError } from "./wasm-reader";

export enum Opcode {
  Unreachable = 0x00,
  Block = 0x02,
  Loop = 0x03,
  If = 0x04,
  Else = 0x05,
  End = 0x0b,
  Br = 0x0c,
  BrIf = 0x0d,
  BrTable = 0x0e,
  Return = 0x0f,
  Call = 0x10,
  CallIndirect = 0x11,
  Drop = 0x1a,
  Select = 0x1b,
  LocalGet = 0x20,
  GlobalSet = 0x24,
  Load = 0x28,
  Store = 0x3e,
  MemorySize = 0x3f,
  MemoryGrow = 0x40,
  I32Const = 0x41,
  I64Const = 0x42,
  F32Const = 0x43,
  F64Const = 0x44,
  LastSignExtension = 0xc4,
  Prefix = 0xfc,
}

/** Behind 0xfc. */
enum Prefixed {
  LastConversion = 7,
  MemoryInit = 8,
  DataDrop = 9,
  MemoryCopy = 10,
  MemoryFill = 11,
}

/** A call of a function by its index. */
export interface CallSite {
  /** Offset of the opcode. */
  at: number;
  /** Offset after the index. */
  end: number;
  index: number;
}

/** Where in a function body things are; offsets in the reader's bytes. */
export interface Marks {
  /** Of the first instruction, behind the locals. */
  start: number;
  /** Of the first instruction of each loop's body. */
  loops: number[];
  calls: CallSite[];
  callsIndirectly: boolean;
}

function unknown(name: string): ModuleError {
  return new ModuleError(`instruction ${name} is none that applications may have`);
}

const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, "0")}`;

function skipPrefixed(reader: Reader): void {
  const code = reader.u32();
  if (code <= Prefixed.LastConversion) return;
  if (code === Prefixed.MemoryInit) {
    reader.u32();
    reader.byte();
  } else if (code === Prefixed.DataDrop) reader.u32();
  else if (code === Prefixed.MemoryCopy) reader.slice(2);
  else if (code === Prefixed.MemoryFill) reader.byte();
  else throw unknown(`0xfc ${code}`);
}

/** Go over what follows an opcode that is no call and opens or ends no block. */
function skipImmediates(opcode: number, reader: Reader): void {
  if (opcode === Opcode.Br || opcode === Opcode.BrIf) reader.u32();
  else if (opcode === Opcode.BrTable) {
    reader.list(() => reader.u32());
    reader.u32();
  } else if (opcode >= Opcode.LocalGet && opcode <= Opcode.GlobalSet) reader.u32();
  else if (opcode >= Opcode.Load && opcode <= Opcode.Store) {
    reader.u32();
    reader.u32();
  } else if (opcode === Opcode.MemorySize || opcode === Opcode.MemoryGrow) reader.byte();
  else if (opcode === Opcode.I32Const) reader.skipSigned(32);
  else if (opcode === Opcode.I64Const) reader.skipSigned(64);
  else if (opcode === Opcode.F32Const) reader.slice(4);
  else if (opcode === Opcode.F64Const) reader.slice(8);
  else if (opcode === Opcode.Prefix) skipPrefixed(reader);
  else if (!isPlain(opcode)) throw unknown(hex(opcode));
}

/** Whether an opcode stands alone. */
function isPlain(opcode: number): boolean {
  if (opcode <= 0x01 || opcode === Opcode.Return) return true;
  if (opcode === Opcode.Drop || opcode === Opcode.Select) return true;
  return opcode > Opcode.F64Const && opcode <= Opcode.LastSignExtension;
}

function skipLocals(reader: Reader): void {
  reader.list(() => {
    reader.u32();
    const type = reader.byte();
    if (type < 0x7c || type > 0x7f) throw new ModuleError(`a local of type ${hex(type)}`);
  });
}

/**
 * Scan a function body: locals, instructions, to its end.
 * @param reader over exactly one body
 * @throws ModuleError for instructions that applications may not have, and for a malformed body
 */
export function scanBody(reader: Reader): Marks {
  skipLocals(reader);
  const marks: Marks = { start: reader.at, loops: [], calls: [], callsIndirectly: false };
  let depth = 1;
  while (depth > 0) {
    const at = reader.at;
    const opcode = reader.byte();
    if (opcode === Opcode.Block || opcode === Opcode.Loop || opcode === Opcode.If) {
      depth += 1;
      reader.skipSigned(33);
      if (opcode === Opcode.Loop) marks.loops.push(reader.at);
    } else if (opcode === Opcode.End) depth -= 1;
    else if (opcode === Opcode.Call) {
      const index = reader.u32();
      marks.calls.push({ at, end: reader.at, index });
    } else if (opcode === Opcode.CallIndirect) {
      reader.u32();
      reader.u32();
      marks.callsIndirectly = true;
    } else if (opcode !== Opcode.Else) skipImmediates(opcode, reader);
  }
  if (!reader.isAtEnd) throw new ModuleError("a function goes on behind its end");
  return marks;
}
