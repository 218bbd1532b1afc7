// Which chunks of an update are here: how many in sequence, and which of the 256 after them. Chunks
// are counted from 0.

import { UPDATE_WINDOW } from "../config";
import { writeU16, writeU32 } from "../util/writer";

export const enum ChunkFate {
  /** The next one of the sequence. */
  InSequence = 0,
  /** Ahead of a missing one. */
  Ahead = 1,
  /** Here already. */
  Duplicate = 2,
  /** Too far ahead to be noted: it must come again. */
  Beyond = 3,
}

/** A ring of one bit for each of the UPDATE_WINDOW chunks from `sequence` on: bit number & 255. */
// @ts-ignore: decorator
@lazy
const AHEAD: usize = memory.data(32, 4);
const RING_MASK: u32 = 255;

let total: u32 = 0;
let sequence: u32 = 0;
/** How many are noted in the ring, and the number after the highest one. */
let ahead: i32 = 0;
let end: u32 = 0;

/** Begin with none of `count` chunks. */
export function chunksReset(count: u32): void {
  memory.fill(AHEAD, 0, 32);
  total = count;
  sequence = 0;
  ahead = 0;
  end = 0;
}

/** Chunks of the update. */
export function chunksTotal(): u32 {
  return total;
}

/** Chunks received in sequence: also the number of the first one that is missing. */
export function chunksInSequence(): u32 {
  return sequence;
}

/** Whether a chunk after a missing one is here. */
export function chunksHaveGap(): bool {
  return ahead > 0;
}

/** Whether all are here. */
export function chunksAreComplete(): bool {
  return sequence == total;
}

// @ts-ignore: decorator
@inline
function wordOf(index: u32): usize {
  return AHEAD + (((index & RING_MASK) >>> 5) << 2);
}

function isNoted(index: u32): bool {
  return ((load<u32>(wordOf(index)) >>> (index & 31)) & 1) != 0;
}

function toggle(index: u32): void {
  const word = wordOf(index);
  store<u32>(word, load<u32>(word) ^ (1 << (index & 31)));
}

/**
 * Note a chunk.
 * @param index less than `chunksTotal()`
 * @param window chunks after the missing one that are noted, 1...UPDATE_WINDOW
 * @returns ChunkFate: the caller keeps its bytes when it is InSequence or Ahead
 */
export function chunksTake(index: u32, window: u32): i32 {
  if (index < sequence) return ChunkFate.Duplicate;
  const distance = index - sequence;
  if (distance >= min(window, <u32>UPDATE_WINDOW)) return ChunkFate.Beyond;
  if (distance > 0) {
    if (isNoted(index)) return ChunkFate.Duplicate;
    toggle(index);
    ahead += 1;
    end = max(end, index + 1);
    return ChunkFate.Ahead;
  }
  sequence += 1;
  while (ahead > 0 && isNoted(sequence)) {
    toggle(sequence);
    ahead -= 1;
    sequence += 1;
  }
  return ChunkFate.InSequence;
}

/**
 * Write the bitmap of the chunks after the sequence: 32-bit words, little-endian; bit b of word w is
 * chunk `chunksInSequence() + 32 w + b`. Ends with the last word that is not 0; nothing without a gap.
 */
export function chunksWriteBitmap(): void {
  if (ahead == 0) return;
  const words = (end - sequence + 31) >>> 5;
  const shift = sequence & 31;
  for (let w: u32 = 0; w < words; w++) {
    const from = sequence + (w << 5);
    let bits = load<u32>(wordOf(from)) >>> shift;
    if (shift) bits |= load<u32>(wordOf(from + 32)) << (32 - shift);
    writeU32(bswap<u32>(bits));
  }
}

/**
 * Write the numbers of missing chunks, 16 bits each, big-endian, lowest first.
 * @param most how many at most
 */
export function chunksWriteMissing(most: i32): void {
  const known = sequence + UPDATE_WINDOW;
  for (let index = sequence; index < total && most > 0; index++) {
    if (index < known && isNoted(index)) continue;
    writeU16(index);
    most -= 1;
  }
}
