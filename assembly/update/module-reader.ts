// Reads a WebAssembly module from an image area, byte by byte through a small window. Sticky: a read
// past the end, or one that the area fails, yields 0 and is remembered. WebAssembly Core
// Specification, §5.2.

import { Status } from "../status";
import { READ_BUFFER, READ_SIZE, areaRead } from "./area";

let area: i32 = 0;
/** Bytes of the file. */
let size: u32 = 0;
let at: u32 = 0;
let windowAt: u32 = 0;
let windowLength: u32 = 0;
let failure: i32 = 0;

/** Begin to read at `offset` of a file of `length` bytes. */
export function moduleOpen(where: i32, offset: u32, length: u32): void {
  area = where;
  size = length;
  at = offset;
  failure = Status.Ok;
  windowLength = 0;
}

/** The window lies where crypto works: forget what was read when that may have been. */
export function moduleForget(): void {
  windowLength = 0;
}

/** @returns Status.Ok; Status.UpdateMalformed; Status.UpdateStorage */
export function moduleStatus(): i32 {
  return failure;
}

/** What was read cannot be. @returns Status.UpdateMalformed */
export function moduleFail(): i32 {
  if (failure == Status.Ok) failure = Status.UpdateMalformed;
  return failure;
}

export function modulePosition(): u32 {
  return at;
}

export function moduleSeek(offset: u32): void {
  if (offset > size) moduleFail();
  else at = offset;
}

/** Go over `count` bytes. */
export function moduleSkip(count: u32): void {
  if (count > size - at) moduleFail();
  else at += count;
}

export function moduleByte(): u32 {
  if (failure < 0) return 0;
  if (at >= size) {
    moduleFail();
    return 0;
  }
  if (at - windowAt >= windowLength) {
    windowAt = at;
    windowLength = min(<u32>READ_SIZE, size - at);
    if (!areaRead(area, at, READ_BUFFER, windowLength)) {
      windowLength = 0;
      failure = Status.UpdateStorage;
      return 0;
    }
  }
  at += 1;
  return load<u8>(READ_BUFFER + (at - 1 - windowAt));
}

/** A number of 32 bits without sign in LEB128 (§5.2.2). */
export function moduleU32(): u32 {
  let value: u32 = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = moduleByte();
    if (shift == 28 && byte > 15) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  moduleFail();
  return 0;
}

/** Go over a number with sign of so many bits. */
export function moduleSkipSigned(bits: i32): void {
  for (let shift = 0; shift < bits; shift += 7) {
    if (moduleByte() < 0x80) return;
  }
  moduleFail();
}

/**
 * Read a name.
 * @param output [out] its first `capacity` bytes
 * @returns its length, which may be more
 */
export function moduleName(output: usize, capacity: i32): u32 {
  const length = moduleU32();
  if (length > <u32>capacity) {
    moduleSkip(length);
    return length;
  }
  for (let i: u32 = 0; i < length; i++) store<u8>(output + i, moduleByte());
  return length;
}
