// A sticky writer of wire bytes: a write past the capacity is left out and remembered, so that an
// encoder checks once, at its end. One writer is open at a time; the bytes belong to the caller.

import { Status } from "../status";
import { storeU16, storeU24, storeU32 } from "./bytes";

let start: usize = 0;
let at: usize = 0;
let end: usize = 0;
let overflowed: bool = false;

/** Start writing at `pointer`, at most `capacity` bytes. */
export function writerOpen(pointer: usize, capacity: i32): void {
  start = pointer;
  at = pointer;
  end = pointer + capacity;
  overflowed = capacity < 0;
}

/** Take the next `count` bytes. @returns where they start; 0 when there is no room */
export function writeSpace(count: i32): usize {
  if (overflowed || count < 0 || end - at < <usize>count) {
    overflowed = true;
    return 0;
  }
  at += count;
  return at - count;
}

export function writeU8(value: u32): void {
  const to = writeSpace(1);
  if (to) store<u8>(to, value);
}

export function writeU16(value: u32): void {
  const to = writeSpace(2);
  if (to) storeU16(to, value);
}

export function writeU24(value: u32): void {
  const to = writeSpace(3);
  if (to) storeU24(to, value);
}

export function writeU32(value: u32): void {
  const to = writeSpace(4);
  if (to) storeU32(to, value);
}

export function writeBytes(source: usize, length: i32): void {
  const to = writeSpace(length);
  if (to) memory.copy(to, source, length);
}

export function writerPosition(): usize {
  return at;
}

/** @returns bytes written, or Status.NoSpace when any write did not fit */
export function writerLength(): i32 {
  return overflowed ? Status.NoSpace : <i32>(at - start);
}
