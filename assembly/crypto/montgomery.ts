// Numbers modulo an odd number of 512, 1024 or 2048 bits, after Montgomery (Handbook of Applied
// Cryptography §14.3.2, in the order of "finely integrated product scanning"). 28-bit limbs, little
// endian, each in a u32: a column of 148 products and its carry fits a u64, so the inner loop has no
// carries. R = 2^(28 limbs) is at least 2^12 times the modulus, so products of numbers below twice the
// modulus come out below twice the modulus, and no step depends on a comparison.
//
// One modulus at a time. Memory is in the workspace: A | M | B | N, each of 296 bytes; the caller's
// numbers are behind them. Constant time in: all numbers, the modulus too.

import { wipe } from "./constant-time";
import { WORKSPACE, WORKSPACE_SIZE } from "./workspace";

/** Bytes of the longest number, 74 limbs. */
// @ts-ignore: decorator
@inline
const STRIDE: usize = 296;
// @ts-ignore: decorator
@inline
const A: usize = WORKSPACE;
/** Multiples of the modulus that clear the low half; then the product. */
// @ts-ignore: decorator
@inline
const M: usize = WORKSPACE + STRIDE;
// @ts-ignore: decorator
@inline
const B: usize = WORKSPACE + 2 * STRIDE;
// @ts-ignore: decorator
@inline
const N: usize = WORKSPACE + 3 * STRIDE;

// @ts-ignore: decorator
@inline
const LIMB_BITS: i32 = 28;
// @ts-ignore: decorator
@inline
const MASK: u32 = 0x0fffffff;

/** Squarings in the computation of R^2 mod N; each saves half of the doublings. */
// @ts-ignore: decorator
@inline
const RADIX_SQUARINGS: i32 = 5;

/** Bytes of a number modulo N. */
let size: usize = 0;
/** -1 / N mod 2^28. */
let inverse: u32 = 0;

/** Bytes that the limbs of a number of `bytes` bytes take: 76, 148 or 296. */
// @ts-ignore: decorator
@inline
function limbsSize(bytes: i32): usize {
  return (<usize>((bytes << 3) + LIMB_BITS - 1) / LIMB_BITS) << 2;
}

/**
 * Read a big-endian number.
 * @param out [out] `outSize` bytes of limbs, enough for the number
 * @param bytes [in] `length` bytes
 */
export function limbsRead(out: usize, outSize: usize, bytes: usize, length: i32): void {
  let sum: u64 = 0;
  let bits = 0;
  const end = out + outSize;
  for (; out < end; out += 4) {
    while (bits < LIMB_BITS && length > 0) {
      length -= 1;
      sum |= (<u64>load<u8>(bytes + length)) << bits;
      bits += 8;
    }
    store<u32>(out, (<u32>sum) & MASK);
    sum >>= LIMB_BITS;
    bits -= LIMB_BITS;
  }
}

/**
 * Write a number, big endian.
 * @param bytes [out] `length` bytes, which must hold it
 * @param limbs [in]
 */
export function limbsWrite(bytes: usize, length: i32, limbs: usize): void {
  let sum: u64 = 0;
  let bits = 0;
  while (length > 0) {
    if (bits < 8) {
      sum |= (<u64>load<u32>(limbs)) << bits;
      limbs += 4;
      bits += LIMB_BITS;
    }
    length -= 1;
    store<u8>(bytes + length, sum);
    sum >>= 8;
    bits -= 8;
  }
}

/**
 * Set the modulus.
 * @param modulus [in] `length` bytes, 64, 128 or 256, big endian; its top bit and its lowest are set
 * @returns bytes of numbers modulo it: 76, 148 or 296
 */
export function montgomerySet(modulus: usize, length: i32): usize {
  size = limbsSize(length);
  limbsRead(N, size, modulus, length);
  const n = load<u32>(N);
  // Newton: an inverse to k bits becomes one to 2 k bits. n is its own inverse to 3.
  let x = n;
  for (let i = 0; i < 4; i++) x *= 2 - n * x;
  inverse = (0 - x) & MASK;
  return size;
}

/** Wipe the workspace, and what is known of the modulus. */
export function montgomeryForget(): void {
  wipe(WORKSPACE, WORKSPACE_SIZE);
  inverse = 0;
}

/** The present modulus as limbs. */
export function montgomeryModulus(): usize {
  return N;
}

/**
 * out = a b / R mod N, below 2 N.
 * @param out [out] may be `a` or `b`
 * @param a,b [in] product below R N: both below 2 N, or one below R and the other below N
 * Cost: 2 limbs^2 multiplications.
 */
export function montgomeryMultiply(out: usize, a: usize, b: usize): void {
  memory.copy(A, a, size);
  memory.copy(B, b, size);
  let sum: u64 = 0;
  for (let i: usize = 0; i < size; i += 4) {
    sum = addColumn(sum, A, A + i, B + i);
    sum += <u64>load<u32>(A + i) * <u64>load<u32>(B);
    const multiple = (<u32>sum * inverse) & MASK;
    store<u32>(M + i, multiple);
    sum += <u64>multiple * <u64>load<u32>(N);
    sum >>= LIMB_BITS;
  }
  for (let i: usize = 4; i <= size; i += 4) {
    sum = addColumn(sum, A + i, A + size, B + size - 4);
    // This place of M is not read any more.
    store<u32>(M + i - 4, (<u32>sum) & MASK);
    sum >>= LIMB_BITS;
  }
  memory.copy(out, M, size);
}

/** Add a[j] b[i - j] + m[j] n[i - j] for all j of a...end, with b falling. */
// @ts-ignore: decorator
@inline
function addColumn(sum: u64, a: usize, end: usize, b: usize): u64 {
  // Two at a time: a tenth faster on WASM3.
  for (; a + 4 < end; a += 8) {
    b -= 4;
    sum += <u64>load<u32>(a) * <u64>load<u32>(b, 4);
    sum += <u64>load<u32>(a, STRIDE) * <u64>load<u32>(b, STRIDE + 4);
    sum += <u64>load<u32>(a, 4) * <u64>load<u32>(b);
    sum += <u64>load<u32>(a, STRIDE + 4) * <u64>load<u32>(b, STRIDE);
    b -= 4;
  }
  if (a < end) {
    sum += <u64>load<u32>(a) * <u64>load<u32>(b);
    sum += <u64>load<u32>(a, STRIDE) * <u64>load<u32>(b, STRIDE);
  }
  return sum;
}

/**
 * out = a^2 / R mod N, below 2 N.
 * @param out [out] may be `a`
 * @param a [in] below 2 N
 * Cost: 1.5 limbs^2 multiplications.
 */
export function montgomerySquare(out: usize, a: usize): void {
  memory.copy(A, a, size);
  let sum: u64 = 0;
  for (let i: usize = 0; i < size; i += 4) {
    // j = 0 and j = i, of which the multiple is not known yet; then what is between.
    const product = <u64>load<u32>(A) * <u64>load<u32>(A + i);
    sum += i > 0 ? product << 1 : product;
    if (i > 0) sum += <u64>load<u32>(M) * <u64>load<u32>(N + i);
    sum = addSquareColumn(sum, A + 4, A + i - 4);
    const multiple = (<u32>sum * inverse) & MASK;
    store<u32>(M + i, multiple);
    sum += <u64>multiple * <u64>load<u32>(N);
    sum >>= LIMB_BITS;
  }
  for (let i: usize = 4; i <= size; i += 4) {
    sum = addSquareColumn(sum, A + i, A + size - 4);
    store<u32>(M + i - 4, (<u32>sum) & MASK);
    sum >>= LIMB_BITS;
  }
  memory.copy(out, M, size);
}

/** Add a[j] a[i - j] + m[j] n[i - j] for all j of a...b, which are i together. */
// @ts-ignore: decorator
@inline
function addSquareColumn(sum: u64, a: usize, b: usize): u64 {
  let half: u64 = 0;
  while (a < b) {
    half += <u64>load<u32>(a) * <u64>load<u32>(b);
    sum += <u64>load<u32>(a, STRIDE) * <u64>load<u32>(b, 3 * STRIDE);
    sum += <u64>load<u32>(b, STRIDE) * <u64>load<u32>(a, 3 * STRIDE);
    a += 4;
    b -= 4;
  }
  if (a == b) {
    sum += <u64>load<u32>(a) * <u64>load<u32>(a);
    sum += <u64>load<u32>(a, STRIDE) * <u64>load<u32>(a, 3 * STRIDE);
  }
  return sum + (half << 1);
}

/** Subtract N once if `a`, below 2 N, is not below it. */
export function montgomeryReduce(a: usize): void {
  const keep = limbsIsBelow(a, N, size);
  let carry: i32 = 0;
  for (let i: usize = 0; i < size; i += 4) {
    carry += load<i32>(a + i) - (load<i32>(N + i) & ~keep);
    store<i32>(a + i, carry & MASK);
    carry >>= LIMB_BITS;
  }
}

/** -1 when `a` < `b`, both of `bytes` bytes of limbs; else 0. */
export function limbsIsBelow(a: usize, b: usize, bytes: usize): i32 {
  let borrow: i32 = 0;
  for (let i: usize = 0; i < bytes; i += 4) {
    borrow = (load<i32>(a + i) - load<i32>(b + i) + borrow) >> LIMB_BITS;
  }
  return borrow;
}

/** out = a + factor b, factor -1 or 1; a result below 0 is not allowed. */
export function limbsAdd(out: usize, a: usize, b: usize, factor: i32): void {
  let carry: i32 = 0;
  for (let i: usize = 0; i < size; i += 4) {
    carry += load<i32>(a + i) + factor * load<i32>(b + i);
    store<i32>(out + i, carry & MASK);
    carry >>= LIMB_BITS;
  }
}

/** a = 2 a mod N, for `a` below N. */
function double(a: usize): void {
  limbsAdd(a, a, a, 1);
  montgomeryReduce(a);
}

/**
 * out = R^2 mod N: its product with a number is that number times R.
 * @param out [out]
 * @param bits of the modulus: 512, 1024 or 2048
 */
export function montgomeryRadix(out: usize, bits: i32): void {
  // 2^bits - N is below N, because the top bit of N is set.
  const exponent = <i32>(size >> 2) * LIMB_BITS;
  let carry: i32 = 0;
  for (let i: usize = 0; i < size; i += 4) {
    carry -= load<i32>(N + i);
    store<i32>(out + i, carry & MASK);
    carry >>= LIMB_BITS;
  }
  const top = out + size - 4;
  store<u32>(top, load<u32>(top) & ((1 << (LIMB_BITS - (exponent - bits))) - 1));
  // R mod N, then 2^k R mod N: squaring that gives 2^(2 k) R.
  let doublings = exponent - bits + (exponent >> RADIX_SQUARINGS);
  while (doublings-- > 0) double(out);
  for (let i = RADIX_SQUARINGS - 1; i >= 0; i--) {
    montgomerySquare(out, out);
    montgomeryReduce(out);
    if ((exponent >> i) & 1) double(out);
  }
}
