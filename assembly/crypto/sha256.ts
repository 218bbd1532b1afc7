// SHA-256 (FIPS 180-4 §6.2), incremental. The caller owns the state; this file owns the round
// constants and the message schedule (256 bytes each). The schedule holds the last block that was
// hashed: `sha256Final` wipes it, since that block may be a key.
//
// State: chaining value, 8 words | bytes hashed, u64 | pending block, 64 bytes.

import { NATIVE_CRYPTO } from "../config";
import { Status } from "../status";
import { loadU32, storeU32, storeU64 } from "../util/bytes";
import { wipe } from "./constant-time";
import { nativeSha256Compress } from "./native";

/** Bytes of a state. It holds no pointer: `memory.copy` clones it. */
export const SHA256_STATE_SIZE: i32 = 104;
/** Bytes of a digest. */
export const SHA256_SIZE: i32 = 32;
/** Bytes of a message block. */
export const SHA256_BLOCK_SIZE: i32 = 64;

// @ts-ignore: decorator
@inline
const COUNT: usize = 32;
// @ts-ignore: decorator
@inline
const BLOCK: usize = 40;

/** Round constants, FIPS 180-4 §4.2.2; then the 64 words of the message schedule. */
const K: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/** Initial chaining value, FIPS 180-4 §5.3.3. */
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

// @ts-ignore: decorator
@inline
const SCHEDULE: usize = K + 256;

/**
 * Start a hash.
 * @param state [out] SHA256_STATE_SIZE bytes
 */
export function sha256Init(state: usize): void {
  memory.copy(state, INITIAL, 32);
  store<u64>(state, 0, COUNT);
}

/**
 * Hash `length` more bytes.
 * @param state [in,out] SHA256_STATE_SIZE bytes
 * @param data [in] `length` bytes, 0 or more; must not overlap `state`
 */
export function sha256Update(state: usize, data: usize, length: i32): void {
  const count = load<u64>(state, COUNT);
  store<u64>(state, count + <u64>length, COUNT);
  let used = (<i32>count) & 63;
  while (used + length >= SHA256_BLOCK_SIZE) {
    const taken = SHA256_BLOCK_SIZE - used;
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
 * @param digest [out] SHA256_SIZE bytes; may lie in `state`
 * @param state [in] SHA256_STATE_SIZE bytes
 */
export function sha256Final(digest: usize, state: usize): void {
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
  for (let i = 0; i < SHA256_SIZE; i += 4) {
    storeU32(digest + i, load<u32>(state + i));
  }
  wipe(SCHEDULE, 256);
}

/** One-shot scratch state. */
const SCRATCH: usize = memory.data(104, 8);

/**
 * Hash one message. Leaves nothing of it in static memory.
 * @param digest [out] SHA256_SIZE bytes
 * @param data [in] `length` bytes
 */
export function sha256(digest: usize, data: usize, length: i32): void {
  sha256Init(SCRATCH);
  sha256Update(SCRATCH, data, length);
  sha256Final(digest, SCRATCH);
  wipe(SCRATCH, SHA256_STATE_SIZE);
}

// @ts-ignore: decorator
@inline
function bigSigma0(x: u32): u32 {
  return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22);
}

// @ts-ignore: decorator
@inline
function bigSigma1(x: u32): u32 {
  return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25);
}

// @ts-ignore: decorator
@inline
function smallSigma0(x: u32): u32 {
  return rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
}

// @ts-ignore: decorator
@inline
function smallSigma1(x: u32): u32 {
  return rotr(x, 17) ^ rotr(x, 19) ^ (x >> 10);
}

/** FIPS 180-4 §6.2.2: fold the pending block into the chaining value. */
function compress(state: usize): void {
  if (NATIVE_CRYPTO) {
    if (nativeSha256Compress(state, state + BLOCK) == Status.Ok) return;
  }
  for (let i: usize = 0; i < 64; i += 4) {
    store<u32>(SCHEDULE + i, loadU32(state + BLOCK + i));
  }
  for (let at = SCHEDULE; at < SCHEDULE + 192; at += 4) {
    const sum = load<u32>(at) + smallSigma0(load<u32>(at, 4));
    store<u32>(at, sum + load<u32>(at, 36) + smallSigma1(load<u32>(at, 56)), 64);
  }
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  for (let at = K; at < K + 256; at += 4) {
    // The word of the schedule is as far from its constant in every round.
    const t1 = h + bigSigma1(e) + (g ^ (e & (f ^ g))) + load<u32>(at) + load<u32>(at, 256);
    const t2 = bigSigma0(a) + ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
  store<u32>(state, load<u32>(state, 20) + f, 20);
  store<u32>(state, load<u32>(state, 24) + g, 24);
  store<u32>(state, load<u32>(state, 28) + h, 28);
}
