// Walks over the code of a module and sees whether it is metered: `call fuel` stands first in the body
// of each loop, and in each function that calls one of the module, or indirectly. Instructions are
// those of the MVP, sign extension, conversions that do not trap, and the bulk operations on memory;
// WebAssembly Core Specification, §5.4. Types are not checked: the host does when it loads the module.

import { Status } from "../status";
import {
  moduleByte,
  moduleFail,
  modulePosition,
  moduleSkip,
  moduleSkipSigned,
  moduleStatus,
  moduleU32,
} from "./module-reader";

const enum Opcode {
  Nop = 0x01,
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
  FirstVariable = 0x20,
  LastVariable = 0x24,
  FirstAccess = 0x28,
  LastAccess = 0x3e,
  MemorySize = 0x3f,
  MemoryGrow = 0x40,
  I32Const = 0x41,
  I64Const = 0x42,
  F32Const = 0x43,
  F64Const = 0x44,
  LastPlain = 0xc4,
  Prefix = 0xfc,
}

/** Behind Prefix. */
const enum Bulk {
  LastConversion = 7,
  MemoryInit = 8,
  DataDrop = 9,
  MemoryCopy = 10,
  MemoryFill = 11,
}

/** Blocks in each other, and locals of a function: interpreters keep them on a stack of C. */
const MAX_DEPTH: i32 = 256;
const MAX_LOCALS: u32 = 2048;
/** No function has this number: the module does not import fuel. */
export const NO_FUEL: u32 = 0xffffffff;

/** Index of the import `fuel`; number of imports, all of them functions. */
let fuel: u32 = 0;
let imports: u32 = 0;
/** Whether memory.grow was seen. */
let grows: bool = false;

/** End of the function's code in the file. */
let end: u32 = 0;
let localGroups: u32 = 0;
let locals: u32 = 0;
/** Targets of a br_table that are left. */
let targets: u32 = 0;
let depth: i32 = 0;
/** Whether the next instruction is the first of the function; of a loop's body. */
let isFirst: bool = false;
let isLoopStart: bool = false;
/** Whether the function begins with fuel; whether it must. */
let beginsMetered: bool = false;
let mustBegin: bool = false;

/** Begin with a module. @param fuelIndex NO_FUEL for none @param importCount its functions before */
export function codeOpen(fuelIndex: u32, importCount: u32): void {
  fuel = fuelIndex;
  imports = importCount;
  grows = false;
}

/** Whether any code asks for more memory. */
export function codeGrowsMemory(): bool {
  return grows;
}

/** Begin with a function: its size, and how its locals are declared. */
export function functionOpen(): void {
  const size = moduleU32();
  const from = modulePosition();
  localGroups = moduleU32();
  end = from + size;
  if (end < from) moduleFail();
  locals = 0;
  targets = 0;
  depth = 1;
  isFirst = true;
  isLoopStart = false;
  beginsMetered = false;
  mustBegin = false;
}

/**
 * A step in a function: a group of locals, a target, or an instruction.
 * @returns 1: call again; 0: the function is at its end; Status.UpdateMalformed;
 *   Status.UpdateUnmetered; Status.UpdateStorage
 */
export function functionStep(): i32 {
  if (localGroups) localGroup();
  else if (targets) {
    targets -= 1;
    moduleU32();
  } else if (!instruction()) return moduleStatus() < 0 ? moduleStatus() : Status.UpdateUnmetered;
  if (modulePosition() > end) moduleFail();
  if (moduleStatus() < 0) return moduleStatus();
  if (depth > 0) return 1;
  if (modulePosition() != end) return moduleFail();
  return mustBegin && !beginsMetered ? Status.UpdateUnmetered : Status.Ok;
}

function localGroup(): void {
  localGroups -= 1;
  const count = moduleU32();
  const type = moduleByte();
  if (type < 0x7c || type > 0x7f || count > MAX_LOCALS - locals) moduleFail();
  else locals += count;
}

/** @returns false when a loop does not ask for fuel */
function instruction(): bool {
  const opcode = <i32>moduleByte();
  const callee = opcode == Opcode.Call ? moduleU32() : NO_FUEL;
  const isFuel = opcode == Opcode.Call && callee == fuel;
  if (isLoopStart && !isFuel) return false;
  if (isFirst) beginsMetered = isFuel;
  isFirst = false;
  isLoopStart = false;
  if (opcode == Opcode.Call) {
    if (callee >= imports) mustBegin = true;
  } else if (opcode <= Opcode.End) {
    structure(opcode);
  } else {
    immediates(opcode);
  }
  return true;
}

/** Instructions that open or end a block, and those two that do nothing. */
function structure(opcode: i32): void {
  if (opcode == Opcode.Block || opcode == Opcode.Loop || opcode == Opcode.If) {
    moduleSkipSigned(33);
    depth += 1;
    isLoopStart = opcode == Opcode.Loop;
    if (depth > MAX_DEPTH) moduleFail();
  } else if (opcode == Opcode.End) {
    depth -= 1;
  } else if (opcode > Opcode.Else) {
    moduleFail();
  }
}

function isPlain(opcode: i32): bool {
  if (opcode == Opcode.Return || opcode == Opcode.Drop || opcode == Opcode.Select) return true;
  return opcode > Opcode.F64Const && opcode <= Opcode.LastPlain;
}

function immediates(opcode: i32): void {
  if (opcode >= Opcode.FirstAccess && opcode <= Opcode.LastAccess) {
    moduleU32();
    moduleU32();
    return;
  }
  if (opcode >= Opcode.FirstVariable && opcode <= Opcode.LastVariable) {
    moduleU32();
    return;
  }
  switch (opcode) {
    case Opcode.Br:
    case Opcode.BrIf:
      moduleU32();
      break;
    case Opcode.BrTable:
      targets = moduleU32() + 1;
      // So many could not be told from none.
      if (!targets) moduleFail();
      break;
    case Opcode.CallIndirect:
      moduleU32();
      moduleU32();
      mustBegin = true;
      break;
    case Opcode.MemoryGrow:
      grows = true;
      moduleByte();
      break;
    case Opcode.MemorySize:
      moduleByte();
      break;
    case Opcode.I32Const:
      moduleSkipSigned(32);
      break;
    case Opcode.I64Const:
      moduleSkipSigned(64);
      break;
    case Opcode.F32Const:
      moduleSkip(4);
      break;
    case Opcode.F64Const:
      moduleSkip(8);
      break;
    case Opcode.Prefix:
      prefixed();
      break;
    default:
      if (!isPlain(opcode)) moduleFail();
  }
}

function prefixed(): void {
  const code = <i32>moduleU32();
  if (code >= 0 && code <= Bulk.LastConversion) return;
  if (code == Bulk.DataDrop) {
    moduleU32();
  } else if (code == Bulk.MemoryInit) {
    moduleU32();
    moduleByte();
  } else if (code == Bulk.MemoryCopy) {
    moduleSkip(2);
  } else if (code == Bulk.MemoryFill) {
    moduleByte();
  } else {
    moduleFail();
  }
}
