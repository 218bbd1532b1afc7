// Stand-ins for the host imports of assembly/hal.ts in unit tests: repeatable random numbers
// (xorshift), storage in memory, log lines on the standard output. Not for anything but tests.

import { print } from "./check";

const SLOT_COUNT: u32 = 16;
const SLOT_SIZE: u32 = 4096;

let state: u32 = 0x2545f491;
let randomWorks = true;
let storageWorks = true;
let writesReported = true;
/** Bytes that the next write gets on; -1 for all. */
let tearAfter = -1;
let writes = 0;
const slots = new StaticArray<u8>(SLOT_COUNT * SLOT_SIZE);
const lengths = new StaticArray<i32>(SLOT_COUNT);

// ---- controls for tests -------------------------------------------------------------------

/** Restart the random sequence. `seed` is not 0. */
export function seedRandom(seed: u32): void {
  state = seed;
}

/** Let the random source work or fail. */
export function setRandomWorks(works: bool): void {
  randomWorks = works;
}

/** Let storage work or fail. */
export function setStorageWorks(works: bool): void {
  storageWorks = works;
}

/** Let writes report what they did, or failure although they happened. */
export function setWritesReported(reported: bool): void {
  writesReported = reported;
}

/** Let the next write stop after `count` bytes, the rest of its slot staying as it is, and fail. */
export function tearNextWrite(count: i32): void {
  tearAfter = count;
}

/** Writes asked for so far, failed ones among them. */
export function storageWrites(): i32 {
  return writes;
}

/** Erase every slot. */
export function clearStorage(): void {
  for (let i: u32 = 0; i < SLOT_COUNT; i++) lengths[i] = 0;
}

// ---- the imports --------------------------------------------------------------------------

export function halRandomFill(buffer: usize, length: i32): i32 {
  if (!randomWorks) return -1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    store<u8>(buffer + i, state >> 24);
  }
  return length;
}

export function halStorageRead(slot: i32, buffer: usize, capacity: i32): i32 {
  if (!storageWorks || <u32>slot >= SLOT_COUNT) return -1;
  const length = lengths[slot];
  if (length > capacity) return -1;
  memory.copy(buffer, changetype<usize>(slots) + slot * SLOT_SIZE, length);
  return length;
}

export function halStorageWrite(slot: i32, buffer: usize, length: i32): i32 {
  writes++;
  if (!storageWorks || <u32>slot >= SLOT_COUNT || <u32>length > SLOT_SIZE) return -1;
  const torn = tearAfter;
  tearAfter = -1;
  memory.copy(
    changetype<usize>(slots) + slot * SLOT_SIZE,
    buffer,
    torn < 0 ? length : min(torn, length),
  );
  lengths[slot] = torn < 0 ? length : max(lengths[slot], min(torn, length));
  return writesReported && torn < 0 ? length : -1;
}

export function halLog(level: i32, text: usize, length: i32): void {
  print("log " + level.toString() + " " + String.UTF8.decodeUnsafe(text, length));
}

/** No image areas. */
export function halImageErase(_image: i32, _offset: u32, _length: i32): i32 {
  return -1;
}

export function halImageWrite(_image: i32, _offset: u32, _buffer: usize, _length: i32): i32 {
  return -1;
}

export function halImageRead(_image: i32, _offset: u32, _buffer: usize, _length: i32): i32 {
  return -1;
}
