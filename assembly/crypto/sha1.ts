// SHA-1 (FIPS 180-4 §6.1), incremental. Broken for collisions (RFC 6194 §3); here only under HMAC, in
// which the TCP channel's protocol has it. The caller owns the state; this file owns the message
// schedule, which `sha1Final` wipes, since the last block may be a key.
//
// State: chaining value, 5 words | 4 bytes unused | bytes hashed, u64 | pending block, 64 bytes.

import { loadU32, storeU32, storeU64 } from "../util/bytes";
import { wipe } from "./constant-time";

/** Bytes of a state. It holds no pointer: `memory.copy` clones it. */
export const SHA1_STATE_SIZE: i32 = 96;
/** Bytes of a digest. */
export const SHA1_SIZE: i32 = 20;
/** Bytes of a message block. */
export const SHA1_BLOCK_SIZE: i32 = 64;

// @ts-ignore: decorator
@inline
const COUNT: usize = 24;
// @ts-ignore: decorator
@inline
const BLOCK: usize = 32;

/** The last 16 words of the message schedule. */
// @ts-ignore: decorator
@lazy
const SCHEDULE: usize = memory.data(64, 4);

/**
 * Start a hash.
 * @param state [out] SHA1_STATE_SIZE bytes
 * @see FIPS 180-4 §5.3.1
 */
export function sha1Init(state: usize): void {
  store<u32>(state, 0x67452301);
  store<u32>(state, 0xefcdab89, 4);
  store<u32>(state, 0x98badcfe, 8);
  store<u32>(state, 0x10325476, 12);
  store<u32>(state, 0xc3d2e1f0, 16);
  store<u64>(state, 0, COUNT);
}

/**
 * Hash `length` more bytes.
 * @param state [in,out] SHA1_STATE_SIZE bytes
 * @param data [in] `length` bytes, 0 or more; must not overlap `state`
 */
export function sha1Update(state: usize, data: usize, length: i32): void {
  const count = load<u64>(state, COUNT);
  store<u64>(state, count + <u64>length, COUNT);
  let used = (<i32>count) & 63;
  while (used + length >= SHA1_BLOCK_SIZE) {
    const taken = SHA1_BLOCK_SIZE - used;
    memory.copy(state + BLOCK + used, data, taken);
    compress(state);
    data += taken;
    length -= taken;
    used = 0;
  }
  memory.copy(state + BLOCK + used, data, length);
}

/**
 * Finish a hash. The state is used up; it is not wiped, the schedule is.
 * @param digest [out] SHA1_SIZE bytes; may lie in `state`
 * @param state [in] SHA1_STATE_SIZE bytes
 */
export function sha1Final(digest: usize, state: usize): void {
  const count = load<u64>(state, COUNT);
  const used = (<i32>count) & 63;
  // FIPS 180-4 §5.1.1: a one bit, zeros, and the length in bits in the last eight bytes.
  store<u8>(state + used, 0x80, BLOCK);
  memory.fill(state + BLOCK + used + 1, 0, 63 - used);
  if (used >= 56) {
    compress(state);
    memory.fill(state + BLOCK, 0, 56);
  }
  storeU64(state + BLOCK + 56, count << 3);
  compress(state);
  for (let i = 0; i < SHA1_SIZE; i += 4) storeU32(digest + i, load<u32>(state + i));
  wipe(SCHEDULE, 64);
}

/** Word t of the schedule, FIPS 180-4 §6.1.3: the place of word t - 16 is taken over. */
// @ts-ignore: decorator
@inline
function scheduleWord(t: i32): u32 {
  const at = SCHEDULE + ((t & 15) << 2);
  const word = rotl(
    load<u32>(SCHEDULE + (((t + 13) & 15) << 2)) ^
      load<u32>(SCHEDULE + (((t + 8) & 15) << 2)) ^
      load<u32>(SCHEDULE + (((t + 2) & 15) << 2)) ^
      load<u32>(at),
    1,
  );
  store<u32>(at, word);
  return word;
}

/** FIPS 180-4 §4.1.1 and §4.2.1: the function of round t and its constant. */
// @ts-ignore: decorator
@inline
function mix(t: i32, b: u32, c: u32, d: u32): u32 {
  if (t < 20) return (d ^ (b & (c ^ d))) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

/** FIPS 180-4 §6.1.2: fold the pending block into the chaining value. */
function compress(state: usize): void {
  for (let i: usize = 0; i < 64; i += 4) {
    store<u32>(SCHEDULE + i, loadU32(state + BLOCK + i));
  }
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  for (let t = 0; t < 80; t++) {
    const word = t < 16 ? load<u32>(SCHEDULE + (t << 2)) : scheduleWord(t);
    const next = rotl(a, 5) + mix(t, b, c, d) + e + word;
    e = d;
    d = c;
    c = rotl(b, 30);
    b = a;
    a = next;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
}
