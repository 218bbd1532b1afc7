// 256-bit numbers as nine 29-bit limbs, little endian, each in an i32 (36 bytes): what the field and
// the scalars of P-256 share. Unless stated otherwise limbs are in 0...2^29 - 1.
// Constant time in: all values. The caller owns all memory.

import { loadU32, loadU64, storeU32 } from "../util/bytes";

/** Bytes of a number. */
export const LIMBS_SIZE: i32 = 36;

// @ts-ignore: decorator
@inline
const MASK: i32 = 0x1fffffff;

/** p = 2^256 - 2^224 + 2^192 + 2^96 - 1, the field prime (SEC 2 §2.4.2). */
export const PRIME: usize = memory.data<u32>([
  0x1fffffff, 0x1fffffff, 0x1fffffff, 0x000001ff, 0x00000000, 0x00000000, 0x00040000, 0x1fe00000,
  0x00ffffff,
]);

/** n, the order of the group (SEC 2 §2.4.2). */
export const ORDER: usize = memory.data<u32>([
  0x1c632551, 0x1dce5617, 0x05e7a13c, 0x0df55b4e, 0x1ffffbce, 0x1fffffff, 0x0003ffff, 0x1fe00000,
  0x00ffffff,
]);

/**
 * Read a big-endian number.
 * @param out [out] 36 bytes
 * @param bytes [in] 32 bytes
 */
export function limbsFromBytes(out: usize, bytes: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const bit = i * 29;
    const pair = loadU64(bytes + 24 - ((bit >> 5) << 2));
    store<i32>(out + (i << 2), (<i32>(pair >> (bit & 31))) & MASK);
  }
  store<i32>(out, loadU32(bytes) >> 8, 32);
}

/**
 * Write a number below 2^256, big endian.
 * @param bytes [out] 32 bytes; must not overlap `limbs`
 * @param limbs [in] 36 bytes
 */
export function limbsToBytes(bytes: usize, limbs: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const bit = i << 5;
    const limb = bit / 29;
    const at = limbs + (limb << 2);
    const pair = (<u64>load<u32>(at)) | ((<u64>load<u32>(at, 4)) << 29);
    // Two limbs hold the word: it starts at bit 21 of its first limb at most.
    storeU32(bytes + 28 - bit / 8, <u32>(pair >> (bit - 29 * limb)));
  }
}

/** -1 when `a` < `b`, else 0. */
export function limbsIsBelow(a: usize, b: usize): i32 {
  let borrow: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    borrow = (load<i32>(a + i) - load<i32>(b + i) + borrow) >> 29;
  }
  return borrow;
}

/** -1 when `a` and `b` have the same limbs, else 0. */
export function limbsEqual(a: usize, b: usize): i32 {
  let difference: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    difference |= load<i32>(a + i) ^ load<i32>(b + i);
  }
  return maskIfZero(difference);
}

/** -1 when `value` is 0, else 0, for any `value` of 0...2^31 - 1. */
// @ts-ignore: decorator
@inline
export function maskIfZero(value: i32): i32 {
  return (value - 1) >> 31;
}

/**
 * Subtract `modulus` once if `a` is not below it.
 * @param a [in,out] 36 bytes, below 2 * `modulus`
 * @param modulus [in] 36 bytes
 */
export function limbsReduceOnce(a: usize, modulus: usize): void {
  const keep = limbsIsBelow(a, modulus);
  let carry: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += load<i32>(a + i) - (load<i32>(modulus + i) & ~keep);
    store<i32>(a + i, carry & MASK);
    carry >>= 29;
  }
}

/**
 * a = n - a where `mask` is -1; nothing where it is 0.
 * @param a [in,out] 36 bytes, at most n
 */
export function limbsNegateIf(a: usize, mask: i32): void {
  let carry: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += (load<i32>(a + i) ^ mask) - mask + (load<i32>(ORDER + i) & mask);
    store<i32>(a + i, carry & MASK);
    carry >>= 29;
  }
}
