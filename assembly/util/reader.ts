// A sticky reader over wire bytes: reads past the end yield 0 and set the failure, so that a parser
// checks once, at its end. One reader is open at a time; the bytes belong to the caller.

import { loadU16, loadU24, loadU32 } from "./bytes";

let at: usize = 0;
let end: usize = 0;
let failed: bool = false;
let vector: i32 = 0;

/** Start reading `length` bytes at `pointer`. */
export function readerOpen(pointer: usize, length: i32): void {
  at = pointer;
  end = pointer + length;
  failed = false;
  vector = 0;
}

/** Whether `count` bytes are left; sets the failure if not. */
function need(count: i32): bool {
  if (failed || count < 0 || end - at < <usize>count) {
    failed = true;
    return false;
  }
  return true;
}

export function readU8(): u32 {
  if (!need(1)) return 0;
  at += 1;
  return load<u8>(at - 1);
}

export function readU16(): u32 {
  if (!need(2)) return 0;
  at += 2;
  return loadU16(at - 2);
}

export function readU24(): u32 {
  if (!need(3)) return 0;
  at += 3;
  return loadU24(at - 3);
}

export function readU32(): u32 {
  if (!need(4)) return 0;
  at += 4;
  return loadU32(at - 4);
}

/** Take `count` bytes. @returns where they start (0 on failure) */
export function readBytes(count: i32): usize {
  if (!need(count)) return 0;
  at += count;
  return at - count;
}

/** Take a vector with a one-byte length (RFC 5246 §4.3); its length is `readVectorLength()`. */
export function readVector8(): usize {
  vector = <i32>readU8();
  return readBytes(vector);
}

/** Take a vector with a two-byte length. */
export function readVector16(): usize {
  vector = <i32>readU16();
  return readBytes(vector);
}

/** Take a vector with a three-byte length. */
export function readVector24(): usize {
  vector = <i32>readU24();
  return readBytes(vector);
}

/** Length of the vector taken last; 0 after a failure. */
export function readVectorLength(): i32 {
  return failed ? 0 : vector;
}

export function readerPosition(): usize {
  return at;
}

/** Bytes left; 0 after a failure. */
export function readerRemaining(): i32 {
  return failed ? 0 : <i32>(end - at);
}

/** Whether a read went past the end since `readerOpen`. */
export function readerFailed(): bool {
  return failed;
}
