// Multiplication and squaring modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1 (SEC 2 §2.4.2), the hot
// loop of all P-256 work. An element is nine 29-bit limbs, little endian, each in an i32, in
// Montgomery form with R = 2^261; see p256-field.ts for the bounds. Column k gathers all products of
// weight 2^(29k) and never leaves the locals, which an interpreter serves faster than memory.
//
// Reduction: p = -1 mod 2^96, so the Montgomery quotient digit of column k is the column's own low
// 29 bits, q. Adding q * p clears them and adds q * (2^96 + 2^192 - 2^224 + 2^256), that is, q << 9,
// q << 18, -(q << 21) and q << 24 to columns k + 3, k + 6, k + 7 and k + 8; nested below.

/* eslint-disable max-lines-per-function -- unrolled: under an interpreter a loop costs more */

// @ts-ignore: decorator
@inline
const LIMB: i64 = 29;
// @ts-ignore: decorator
@inline
const MASK: i64 = 0x1fffffff;

/**
 * out = a * b / 2^261 mod p.
 *
 * No column may leave the range of an i64. The largest has eight full products, and the rest of it
 * is below 2^55: with |limb| <= A in `a` and <= B in `b`, A * B <= 2^59 is safe twice over. The top
 * limbs are small.
 *
 * @param out [out] 36 bytes; limbs 0...7 in 0...2^29 - 1, limb 8 signed; may be `a` or `b`
 * @param a [in] 36 bytes
 * @param b [in] 36 bytes
 * Constant time in: a, b. Cost: 81 products.
 * @see Montgomery, "Modular multiplication without trial division", 1985
 */
export function fieldMul(out: usize, a: usize, b: usize): void {
  const a0 = <i64>load<i32>(a);
  const a1 = <i64>load<i32>(a, 4);
  const a2 = <i64>load<i32>(a, 8);
  const a3 = <i64>load<i32>(a, 12);
  const a4 = <i64>load<i32>(a, 16);
  const a5 = <i64>load<i32>(a, 20);
  const a6 = <i64>load<i32>(a, 24);
  const a7 = <i64>load<i32>(a, 28);
  const a8 = <i64>load<i32>(a, 32);
  const b0 = <i64>load<i32>(b);
  const b1 = <i64>load<i32>(b, 4);
  const b2 = <i64>load<i32>(b, 8);
  const b3 = <i64>load<i32>(b, 12);
  const b4 = <i64>load<i32>(b, 16);
  const b5 = <i64>load<i32>(b, 20);
  const b6 = <i64>load<i32>(b, 24);
  const b7 = <i64>load<i32>(b, 28);
  const b8 = <i64>load<i32>(b, 32);
  let t = a0 * b0;
  const q0 = t & MASK;
  t >>= LIMB;
  t = t + a0 * b1 + a1 * b0;
  const q1 = t & MASK;
  t >>= LIMB;
  t = t + a0 * b2 + a1 * b1 + a2 * b0;
  const q2 = t & MASK;
  t >>= LIMB;
  t = (q0 << 9) + t + a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0;
  const q3 = t & MASK;
  t >>= LIMB;
  t = (q1 << 9) + t + a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0;
  const q4 = t & MASK;
  t >>= LIMB;
  t = (q2 << 9) + t + a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0;
  const q5 = t & MASK;
  t >>= LIMB;
  t =
    (((q0 << 9) + q3) << 9) +
    t +
    a0 * b6 +
    a1 * b5 +
    a2 * b4 +
    a3 * b3 +
    a4 * b2 +
    a5 * b1 +
    a6 * b0;
  const q6 = t & MASK;
  t >>= LIMB;
  t =
    ((((q1 - (q0 << 3)) << 9) + q4) << 9) +
    t +
    a0 * b7 +
    a1 * b6 +
    a2 * b5 +
    a3 * b4 +
    a4 * b3 +
    a5 * b2 +
    a6 * b1 +
    a7 * b0;
  const q7 = t & MASK;
  t >>= LIMB;
  t =
    (((((((q0 << 3) - q1) << 3) + q2) << 9) + q5) << 9) +
    t +
    a0 * b8 +
    a1 * b7 +
    a2 * b6 +
    a3 * b5 +
    a4 * b4 +
    a5 * b3 +
    a6 * b2 +
    a7 * b1 +
    a8 * b0;
  const q8 = t & MASK;
  t >>= LIMB;
  t =
    (((((((q1 << 3) - q2) << 3) + q3) << 9) + q6) << 9) +
    t +
    a1 * b8 +
    a2 * b7 +
    a3 * b6 +
    a4 * b5 +
    a5 * b4 +
    a6 * b3 +
    a7 * b2 +
    a8 * b1;
  store<i32>(out, <i32>(t & MASK));
  t >>= LIMB;
  t =
    (((((((q2 << 3) - q3) << 3) + q4) << 9) + q7) << 9) +
    t +
    a2 * b8 +
    a3 * b7 +
    a4 * b6 +
    a5 * b5 +
    a6 * b4 +
    a7 * b3 +
    a8 * b2;
  store<i32>(out, <i32>(t & MASK), 4);
  t >>= LIMB;
  t =
    (((((((q3 << 3) - q4) << 3) + q5) << 9) + q8) << 9) +
    t +
    a3 * b8 +
    a4 * b7 +
    a5 * b6 +
    a6 * b5 +
    a7 * b4 +
    a8 * b3;
  store<i32>(out, <i32>(t & MASK), 8);
  t >>= LIMB;
  t = (((((q4 << 3) - q5) << 3) + q6) << 18) + t + a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4;
  store<i32>(out, <i32>(t & MASK), 12);
  t >>= LIMB;
  t = (((((q5 << 3) - q6) << 3) + q7) << 18) + t + a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5;
  store<i32>(out, <i32>(t & MASK), 16);
  t >>= LIMB;
  t = (((((q6 << 3) - q7) << 3) + q8) << 18) + t + a6 * b8 + a7 * b7 + a8 * b6;
  store<i32>(out, <i32>(t & MASK), 20);
  t >>= LIMB;
  t = (((q7 << 3) - q8) << 21) + t + a7 * b8 + a8 * b7;
  store<i32>(out, <i32>(t & MASK), 24);
  t >>= LIMB;
  t = (q8 << 24) + t + a8 * b8;
  store<i32>(out, <i32>(t & MASK), 28);
  t >>= LIMB;
  store<i32>(out, <i32>t, 32);
}

/**
 * out = a^2 / 2^261 mod p. A squaring of its own would save 36 of the 81 products, and cost 880 bytes
 * of code, four times as much in the RAM of an interpreter.
 * @param out [out] 36 bytes, as of `fieldMul`; may be `a`
 * @param a [in] 36 bytes; every |limb| <= 2^29
 * Constant time in: a. Cost: 81 products.
 */
// @ts-ignore: decorator
@inline
export function fieldSqr(out: usize, a: usize): void {
  fieldMul(out, a, a);
}
