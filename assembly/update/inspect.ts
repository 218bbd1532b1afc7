// Looks an application module through before it may run: its imports are within what the manifest
// grants, its exports are there, its memory is as small as said, nothing starts by itself, and its
// code asks for fuel (instructions.ts). WebAssembly Core Specification, §5.5. It is no validator:
// types inside of functions are the host's matter, which refuses the module when it loads it.

import { Status } from "../status";
import {
  BridgeModule,
  EXPORT_COUNT,
  NAME_CAPACITY,
  OTHER_SHAPE,
  bridgeExport,
  bridgeImport,
  bridgeModule,
  exportShape,
  importCapability,
  importShape,
  isFuel,
  isMemoryName,
} from "./bridge";
import { NO_FUEL, codeGrowsMemory, codeOpen, functionOpen, functionStep } from "./instructions";
import { manifestCapabilities, manifestMemory } from "./manifest";
import {
  moduleByte,
  moduleFail,
  moduleForget,
  moduleName,
  moduleOpen,
  modulePosition,
  moduleSeek,
  moduleSkip,
  moduleSkipSigned,
  moduleStatus,
  moduleU32,
} from "./module-reader";

const enum SectionId {
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

const enum ExternalKind {
  Function = 0,
  Table = 1,
  Memory = 2,
}

/** What comes next. */
const enum Phase {
  Section = 0,
  Entry = 1,
  /** Inside of a function. */
  Code = 2,
  /** In a list of function indices of a table. */
  Indices = 3,
  /** Back in the function section, for the types of the exports. */
  Signatures = 4,
}

/** Sections, entries and instructions of one step. */
const UNITS: i32 = 512;
/** Types whose shape is kept; imports and exports must use these. */
const MAX_TYPES: u32 = 128;
const MAX_PARAMETERS: u32 = 64;
/** Places of the table: a host gives them memory at once. */
const MAX_TABLE: u32 = 1024;
const PAGE_KIB: u32 = 64;
const NO_INDEX: u32 = 0xffffffff;

// @ts-ignore: decorator
@lazy
const SHAPES: usize = memory.data(128, 8);
// @ts-ignore: decorator
@lazy
const NAME: usize = memory.data(24, 8);
/** Function indices of the exports that must be there. */
// @ts-ignore: decorator
@lazy
const EXPORTED: usize = memory.data(28, 4);

let phase: i32 = 0;
/** Bytes of the file. */
let size: u32 = 0;
/** Section that is read, where it ends, entries of it that are left. */
let section: i32 = 0;
let sectionEnd: u32 = 0;
let left: u32 = 0;
/** Place of the last section in the order that a module must have. */
let order: u32 = 0;
let typeCount: u32 = 0;
let importCount: u32 = 0;
let fuelIndex: u32 = 0;
let functionCount: u32 = 0;
/** Where the entries of the function section begin; the entry that is compared. */
let functionsAt: u32 = 0;
let functionNumber: u32 = 0;
let codeCount: u32 = 0;
/** Indices of a table that are left. */
let indices: u32 = 0;
let hasMemory: bool = false;
let exportsMemory: bool = false;
/** The most that limits read last allow; NO_INDEX: they do not say. Memories come after tables. */
let most: u32 = 0;

/** Begin. @param area where the file is @param offset of its body @param length of the file */
export function inspectBegin(area: i32, offset: u32, length: u32): void {
  moduleOpen(area, offset, length);
  phase = Phase.Section;
  size = length;
  order = 0;
  typeCount = 0;
  importCount = 0;
  fuelIndex = NO_FUEL;
  functionCount = 0;
  functionsAt = 0;
  codeCount = 0;
  hasMemory = false;
  exportsMemory = false;
  memory.fill(EXPORTED, 0xff, 4 * EXPORT_COUNT);
  codeOpen(NO_FUEL, 0);
}

/**
 * A step.
 * @returns 1: call again; Status.Ok; Status.UpdateMalformed; Status.UpdateImports;
 *   Status.UpdateUnmetered; Status.UpdateStorage
 */
export function inspect(): i32 {
  moduleForget();
  for (let i = 0; i < UNITS; i++) {
    if (phase == Phase.Section && modulePosition() == size) return inspectEnd();
    const status = unit();
    if (moduleStatus() < 0) return moduleStatus();
    if (status < 0) return status;
  }
  return 1;
}

/** @returns Status.Ok; why the module is refused */
function unit(): i32 {
  switch (phase) {
    case Phase.Section:
      return openSection();
    case Phase.Code:
      return codeUnit();
    case Phase.Indices:
      return indexUnit();
    case Phase.Signatures:
      return signatureUnit();
    default:
      return left ? entry() : closeSection();
  }
}

// ---- sections -------------------------------------------------------------------------------

/** Sections come in the order of their ids, but for the data count, which is before the code. */
function orderOf(id: i32): u32 {
  return id == SectionId.DataCount ? 2 * SectionId.Code - 1 : 2 * id;
}

function openSection(): i32 {
  section = <i32>moduleByte();
  const length = moduleU32();
  sectionEnd = modulePosition() + length;
  if (length > size - modulePosition()) return moduleFail();
  if (section == SectionId.Custom) {
    moduleSkip(length);
    return Status.Ok;
  }
  if (section > SectionId.DataCount || section == SectionId.Start) return moduleFail();
  if (orderOf(section) <= order) return moduleFail();
  order = orderOf(section);
  left = moduleU32();
  phase = Phase.Entry;
  if (section == SectionId.DataCount) left = 0;
  else if (section == SectionId.Function) beginFunctions();
  else if (section == SectionId.Code) beginCode();
  else if (section == SectionId.Table || section == SectionId.Memory) {
    if (left > 1) return moduleFail();
  }
  return Status.Ok;
}

function beginFunctions(): void {
  functionCount = left;
  functionsAt = modulePosition();
}

function beginCode(): void {
  codeCount = left;
  codeOpen(fuelIndex, importCount);
}

function closeSection(): i32 {
  if (modulePosition() != sectionEnd) return moduleFail();
  phase = Phase.Section;
  if (section != SectionId.Export || !functionCount) return Status.Ok;
  phase = Phase.Signatures;
  functionNumber = 0;
  moduleSeek(functionsAt);
  return Status.Ok;
}

/** Read an entry of the section. @returns Status.Ok; why the module is refused */
function entry(): i32 {
  if (modulePosition() >= sectionEnd) return moduleFail();
  left -= 1;
  switch (section) {
    case SectionId.Type:
      return typeEntry();
    case SectionId.Import:
      return importEntry();
    case SectionId.Function:
      return moduleU32() < typeCount ? Status.Ok : moduleFail();
    case SectionId.Table:
      return tableEntry();
    case SectionId.Memory:
      return memoryEntry();
    case SectionId.Global:
      return globalEntry();
    case SectionId.Export:
      return exportEntry();
    case SectionId.Element:
      return elementEntry();
    case SectionId.Code:
      functionOpen();
      phase = Phase.Code;
      return Status.Ok;
    default:
      return dataEntry();
  }
}

/** Go over value types. @returns how many, when all of them are i32; OTHER_SHAPE */
function valueTypes(): u32 {
  const count = moduleU32();
  if (count > MAX_PARAMETERS) moduleFail();
  let shape = count < 16 ? count : OTHER_SHAPE;
  for (let i: u32 = 0; i < count && moduleStatus() == Status.Ok; i++) {
    const type = moduleByte();
    if (type < 0x7c || type > 0x7f) moduleFail();
    if (type != 0x7f) shape = OTHER_SHAPE;
  }
  return shape;
}

function typeEntry(): i32 {
  if (moduleByte() != 0x60) return moduleFail();
  const parameters = valueTypes();
  const results = valueTypes();
  const isKnown = parameters < 16 && results < 16;
  if (typeCount < MAX_TYPES) {
    store<u8>(SHAPES + typeCount, isKnown ? parameters | (results << 4) : OTHER_SHAPE);
  }
  typeCount += 1;
  return Status.Ok;
}

function shapeOf(type: u32): u32 {
  return type < min(typeCount, MAX_TYPES) ? <u32>load<u8>(SHAPES + type) : OTHER_SHAPE;
}

function importEntry(): i32 {
  const module = bridgeModule(NAME, moduleName(NAME, NAME_CAPACITY));
  const known = bridgeImport(module, NAME, moduleName(NAME, NAME_CAPACITY));
  const kind = <i32>moduleByte();
  const type = moduleU32();
  if (moduleStatus() < 0) return moduleStatus();
  if (module == BridgeModule.None || !known || kind != ExternalKind.Function) {
    return Status.UpdateImports;
  }
  const isGranted = (importCapability(known) & ~manifestCapabilities()) == 0;
  if (!isGranted || importShape(known) != shapeOf(type)) return Status.UpdateImports;
  if (isFuel(known)) fuelIndex = importCount;
  importCount += 1;
  return Status.Ok;
}

/** Limits of a table or memory. @returns the least; `most` is the most */
function limits(): u32 {
  const flags = moduleByte();
  if (flags > 1) moduleFail();
  const least = moduleU32();
  most = flags ? moduleU32() : NO_INDEX;
  if (most < least) moduleFail();
  return least;
}

function tableEntry(): i32 {
  if (moduleByte() != 0x70) return moduleFail();
  return limits() <= MAX_TABLE ? Status.Ok : moduleFail();
}

function memoryEntry(): i32 {
  hasMemory = true;
  return limits() <= allowedPages() ? Status.Ok : moduleFail();
}

function allowedPages(): u32 {
  return max((manifestMemory() + PAGE_KIB - 1) / PAGE_KIB, 1);
}

/** A constant and its end: what an application needs of expressions outside of functions. */
function constant(): void {
  const opcode = moduleByte();
  if (opcode == 0x41) moduleSkipSigned(32);
  else if (opcode == 0x42) moduleSkipSigned(64);
  else if (opcode == 0x43) moduleSkip(4);
  else if (opcode == 0x44) moduleSkip(8);
  else moduleFail();
  if (moduleByte() != 0x0b) moduleFail();
}

function globalEntry(): i32 {
  const type = moduleByte();
  if (type < 0x7c || type > 0x7f || moduleByte() > 1) return moduleFail();
  constant();
  return moduleStatus();
}

function exportEntry(): i32 {
  const length = moduleName(NAME, NAME_CAPACITY);
  const kind = <i32>moduleByte();
  const index = moduleU32();
  if (kind == ExternalKind.Memory) {
    if (isMemoryName(NAME, length)) exportsMemory = true;
  } else if (kind == ExternalKind.Function && length <= <u32>NAME_CAPACITY) {
    const number = bridgeExport(NAME, length);
    if (number >= 0) store<u32>(EXPORTED + 4 * <usize>number, index);
  }
  return moduleStatus();
}

function elementEntry(): i32 {
  if (moduleU32() != 0) return moduleFail();
  constant();
  indices = moduleU32();
  phase = Phase.Indices;
  return moduleStatus();
}

function indexUnit(): i32 {
  if (!indices) {
    phase = Phase.Entry;
    return Status.Ok;
  }
  indices -= 1;
  return moduleU32() < importCount + functionCount ? Status.Ok : moduleFail();
}

function codeUnit(): i32 {
  const status = functionStep();
  if (status == Status.Ok) phase = Phase.Entry;
  return min(status, Status.Ok);
}

function dataEntry(): i32 {
  const flags = moduleU32();
  if (flags > 1) return moduleFail();
  if (flags == 0) constant();
  moduleSkip(moduleU32());
  return moduleStatus();
}

/** Compare the type of a function with those exports that are it. */
function signatureUnit(): i32 {
  if (functionNumber == functionCount) {
    phase = Phase.Section;
    moduleSeek(sectionEnd);
    return Status.Ok;
  }
  const shape = shapeOf(moduleU32());
  const index = importCount + functionNumber;
  functionNumber += 1;
  for (let i = 0; i < EXPORT_COUNT; i++) {
    const isThis = load<u32>(EXPORTED + 4 * <usize>i) == index;
    if (isThis && exportShape(i) != shape) return moduleFail();
  }
  return Status.Ok;
}

// ---- the whole ------------------------------------------------------------------------------

function hasExports(): bool {
  for (let i = 0; i < EXPORT_COUNT; i++) {
    const index = load<u32>(EXPORTED + 4 * <usize>i);
    if (index < importCount || index >= importCount + functionCount) return false;
  }
  return exportsMemory;
}

/** Whether the memory cannot become larger than it may. */
function isMemoryBounded(): bool {
  if (!hasMemory) return false;
  return most == NO_INDEX ? !codeGrowsMemory() : most <= allowedPages();
}

function inspectEnd(): i32 {
  const isWhole = codeCount == functionCount && hasExports() && isMemoryBounded();
  return isWhole ? Status.Ok : moduleFail();
}
