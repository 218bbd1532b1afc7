// Numbers modulo n, the order of P-256 (SEC 1 §2.2, SEC 2 §2.4.2), as nine limbs of 29 bits. Plain
// scalars, unless a name says Montgomery (R = 2^261). Constant time in: all values.

import { limbsFromBytes, limbsIsBelow, limbsReduceOnce, maskIfZero, ORDER } from "./p256-limbs";
import { TABLE } from "./workspace";

// @ts-ignore: decorator
@inline
const MASK: i64 = 0x1fffffff;
/** -1 / n mod 2^29. */
// @ts-ignore: decorator
@inline
const QUOTIENT: i64 = 0x0e00bc4f;

/** 2^522 mod n: a product with it brings a scalar into Montgomery form. */
const R_SQUARED: usize = memory.data<u32>([
  0x148d9ef5, 0x0f4e7f75, 0x14c6a651, 0x03f8b765, 0x165861f1, 0x1256d7d8, 0x1c185b23, 0x0d4cab0f,
  0x0084b655,
]);

/** n - 2, big endian. */
const EXPONENT: usize = memory.data<u8>([
  0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
]);

/**
 * out = a * b / 2^261 mod n, in 0...n - 1.
 *
 * Row by row; no column can leave the range of an i64: 9 * (2^59 + 2^58) < 2^63.
 *
 * @param out [out] 36 bytes; may be `a` or `b`
 * @param a [in] 36 bytes, below 2^257, limbs up to 2^30
 * @param b [in] 36 bytes, below 2^256, limbs below 2^29
 */
export function scalarMul(out: usize, a: usize, b: usize): void {
  const b0 = <i64>load<i32>(b);
  const b1 = <i64>load<i32>(b, 4);
  const b2 = <i64>load<i32>(b, 8);
  const b3 = <i64>load<i32>(b, 12);
  const b4 = <i64>load<i32>(b, 16);
  const b5 = <i64>load<i32>(b, 20);
  const b6 = <i64>load<i32>(b, 24);
  const b7 = <i64>load<i32>(b, 28);
  const b8 = <i64>load<i32>(b, 32);
  let t0: i64 = 0;
  let t1: i64 = 0;
  let t2: i64 = 0;
  let t3: i64 = 0;
  let t4: i64 = 0;
  let t5: i64 = 0;
  let t6: i64 = 0;
  let t7: i64 = 0;
  let t8: i64 = 0;
  const end = a + 36;
  while (a < end) {
    const x = <i64>load<i32>(a);
    a += 4;
    t0 += x * b0;
    // The limbs of n are spelled out: as operands they cost nothing.
    const q = (t0 * QUOTIENT) & MASK;
    t0 = ((t0 + q * 0x1c632551) >> 29) + t1 + x * b1 + q * 0x1dce5617;
    t1 = t2 + x * b2 + q * 0x05e7a13c;
    t2 = t3 + x * b3 + q * 0x0df55b4e;
    t3 = t4 + x * b4 + q * 0x1ffffbce;
    t4 = t5 + x * b5 + q * 0x1fffffff;
    t5 = t6 + x * b6 + q * 0x0003ffff;
    t6 = t7 + x * b7 + q * 0x1fe00000;
    t7 = t8 + x * b8 + q * 0x00ffffff;
    t8 = 0;
  }
  store<i32>(out, <i32>(t0 & MASK));
  t1 += t0 >> 29;
  store<i32>(out, <i32>(t1 & MASK), 4);
  t2 += t1 >> 29;
  store<i32>(out, <i32>(t2 & MASK), 8);
  t3 += t2 >> 29;
  store<i32>(out, <i32>(t3 & MASK), 12);
  t4 += t3 >> 29;
  store<i32>(out, <i32>(t4 & MASK), 16);
  t5 += t4 >> 29;
  store<i32>(out, <i32>(t5 & MASK), 20);
  t6 += t5 >> 29;
  store<i32>(out, <i32>(t6 & MASK), 24);
  t7 += t6 >> 29;
  store<i32>(out, <i32>(t7 & MASK), 28);
  store<i32>(out, <i32>(t7 >> 29), 32);
  limbsReduceOnce(out, ORDER);
}

/** out = a * 2^261 mod n, the Montgomery form of `a` < 2^256. May be in place. */
export function scalarToMontgomery(out: usize, a: usize): void {
  scalarMul(out, a, R_SQUARED);
}

/**
 * out = 1 / a by Fermat, a^(n - 2), both in Montgomery form. Digits of four bits of the exponent,
 * which is public.
 * @param out [out] 36 bytes; not `a`
 * @param a [in] 36 bytes, 1...n - 1
 * Uses 540 bytes of the workspace at TABLE, which hold powers of `a` afterwards: the caller wipes.
 */
export function scalarInvert(out: usize, a: usize): void {
  // TABLE[i] = a^(i + 1)
  memory.copy(TABLE, a, 36);
  for (let at = TABLE; at < TABLE + 14 * 36; at += 36) {
    scalarMul(at + 36, at, a);
  }
  memory.copy(out, TABLE + 14 * 36, 36);
  for (let i = 1; i < 64; i++) {
    for (let j = 0; j < 4; j++) scalarMul(out, out, out);
    const digit = ((<i32>load<u8>(EXPONENT + (i >> 1))) >> ((~i & 1) << 2)) & 15;
    if (digit) scalarMul(out, out, TABLE + (digit - 1) * 36);
  }
}

/**
 * Read a scalar and say whether it is in 1...n - 1.
 * @param out [out] 36 bytes
 * @param bytes [in] 32 bytes, big endian
 * @returns -1 when it is, else 0
 * Constant time in: the scalar.
 */
export function scalarFromBytes(out: usize, bytes: usize): i32 {
  limbsFromBytes(out, bytes);
  return limbsIsBelow(out, ORDER) & ~scalarIsZero(out);
}

/** -1 when all limbs are 0, else 0. */
export function scalarIsZero(a: usize): i32 {
  let bits = 0;
  for (let i: usize = 0; i < 36; i += 4) bits |= load<i32>(a + i);
  return maskIfZero(bits);
}
