// The field of P-256, modulo p (SEC 1 §2.1.1, SEC 2 §2.4.2): everything but the multiplication.
// An element is nine limbs (36 bytes) in Montgomery form with R = 2^261.
//
// Bounds. *Reduced* limbs are in 0...2^29 - 1, but for a small signed top limb; products and
// `fieldSubTwice` and `fieldCarry` give such. Sums and differences are *lazy*: limb by limb without carries, so that
// the limbs of a - b lie within +-2^29 and those of a + b below 2^30. All values stay within a few
// multiples of p, far from the 2^261 that the limbs can hold.
// Constant time in: all elements, but where a docstring says otherwise.

import {
  LIMBS_SIZE,
  PRIME,
  limbsFromBytes,
  limbsIsBelow,
  limbsReduceOnce,
  limbsToBytes,
} from "./p256-limbs";
import { fieldMul, fieldSqr } from "./p256-multiply";
import { TEMPORARY } from "./workspace";

// @ts-ignore: decorator
@inline
const MASK: i32 = 0x1fffffff;

/** 1, in Montgomery form: 2^261 mod p. */
export const FIELD_ONE: usize = memory.data<u32>([
  0x00000020, 0x00000000, 0x00000000, 0x1fffc000, 0x1fffffff, 0x1fffffff, 0x1f7fffff, 0x03ffffff,
  0x00000000,
]);

/** 2^522 mod p: a product with it brings a number into Montgomery form. */
const R_SQUARED: usize = memory.data<u32>([
  0x00000c00, 0x00000000, 0x1fff0000, 0x1fdfffff, 0x1fbfffff, 0x1fffffff, 0x1fffffff, 0x1ffffffe,
  0x00000013,
]);

/** The plain number 1: a product with it takes an element out of Montgomery form. */
const PLAIN_ONE: usize = memory.data<u32>([1, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Lazy sum: out = a + b. May be in place. */
export function fieldAdd(out: usize, a: usize, b: usize): void {
  store<i32>(out, load<i32>(a) + load<i32>(b));
  store<i32>(out, load<i32>(a, 4) + load<i32>(b, 4), 4);
  store<i32>(out, load<i32>(a, 8) + load<i32>(b, 8), 8);
  store<i32>(out, load<i32>(a, 12) + load<i32>(b, 12), 12);
  store<i32>(out, load<i32>(a, 16) + load<i32>(b, 16), 16);
  store<i32>(out, load<i32>(a, 20) + load<i32>(b, 20), 20);
  store<i32>(out, load<i32>(a, 24) + load<i32>(b, 24), 24);
  store<i32>(out, load<i32>(a, 28) + load<i32>(b, 28), 28);
  store<i32>(out, load<i32>(a, 32) + load<i32>(b, 32), 32);
}

/** Lazy difference: out = a - b. May be in place. */
export function fieldSub(out: usize, a: usize, b: usize): void {
  store<i32>(out, load<i32>(a) - load<i32>(b));
  store<i32>(out, load<i32>(a, 4) - load<i32>(b, 4), 4);
  store<i32>(out, load<i32>(a, 8) - load<i32>(b, 8), 8);
  store<i32>(out, load<i32>(a, 12) - load<i32>(b, 12), 12);
  store<i32>(out, load<i32>(a, 16) - load<i32>(b, 16), 16);
  store<i32>(out, load<i32>(a, 20) - load<i32>(b, 20), 20);
  store<i32>(out, load<i32>(a, 24) - load<i32>(b, 24), 24);
  store<i32>(out, load<i32>(a, 28) - load<i32>(b, 28), 28);
  store<i32>(out, load<i32>(a, 32) - load<i32>(b, 32), 32);
}

/** a = a - 2 * b with reduced limbs; those of `a` are within +-2^29 before, those of `b` reduced. */
export function fieldSubTwice(a: usize, b: usize): void {
  let t = load<i32>(a) - (load<i32>(b) << 1);
  store<i32>(a, t & MASK);
  t = (t >> 29) + load<i32>(a, 4) - (load<i32>(b, 4) << 1);
  store<i32>(a, t & MASK, 4);
  t = (t >> 29) + load<i32>(a, 8) - (load<i32>(b, 8) << 1);
  store<i32>(a, t & MASK, 8);
  t = (t >> 29) + load<i32>(a, 12) - (load<i32>(b, 12) << 1);
  store<i32>(a, t & MASK, 12);
  t = (t >> 29) + load<i32>(a, 16) - (load<i32>(b, 16) << 1);
  store<i32>(a, t & MASK, 16);
  t = (t >> 29) + load<i32>(a, 20) - (load<i32>(b, 20) << 1);
  store<i32>(a, t & MASK, 20);
  t = (t >> 29) + load<i32>(a, 24) - (load<i32>(b, 24) << 1);
  store<i32>(a, t & MASK, 24);
  t = (t >> 29) + load<i32>(a, 28) - (load<i32>(b, 28) << 1);
  store<i32>(a, t & MASK, 28);
  store<i32>(a, (t >> 29) + load<i32>(a, 32) - (load<i32>(b, 32) << 1), 32);
}

/**
 * a = 3 / 2 * a, reduced before and after: 3a, made even with p if it is odd, shifted right.
 * The limbs of p that count are -1, 2^9, 2^18, -2^21 and 2^24 at 0, 3, 6, 7 and 8.
 */
export function fieldThreeHalves(a: usize): void {
  let t = load<i32>(a);
  const odd = -(t & 1);
  t = 3 * t + odd;
  let low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 4);
  store<i32>(a, low | ((t & 1) << 28));
  low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 8);
  store<i32>(a, low | ((t & 1) << 28), 4);
  low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 12) + (odd & 0x200);
  store<i32>(a, low | ((t & 1) << 28), 8);
  low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 16);
  store<i32>(a, low | ((t & 1) << 28), 12);
  low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 20);
  store<i32>(a, low | ((t & 1) << 28), 16);
  low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 24) + (odd & 0x40000);
  store<i32>(a, low | ((t & 1) << 28), 20);
  low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 28) - (odd & 0x200000);
  store<i32>(a, low | ((t & 1) << 28), 24);
  low = (t & MASK) >> 1;
  t = (t >> 29) + 3 * load<i32>(a, 32) + (odd & 0x1000000);
  store<i32>(a, low | ((t & 1) << 28), 28);
  store<i32>(a, t >> 1, 32);
}

/** Reduce the limbs of a lazy element, which are within +-2^30. */
export function fieldCarry(a: usize): void {
  let carry: i32 = 0;
  const top = a + 32;
  for (; a < top; a += 4) {
    carry += load<i32>(a);
    store<i32>(a, carry & MASK);
    carry >>= 29;
  }
  store<i32>(top, load<i32>(top) + carry);
}

/** a = -a where `mask` is -1 (lazy); nothing where it is 0. */
export function fieldNegateIf(a: usize, mask: i32): void {
  for (let at = a; at < a + 36; at += 4) {
    store<i32>(at, (load<i32>(at) ^ mask) - mask);
  }
}

/** out = a^(2^count), `count` > 0. */
function squareTimes(out: usize, a: usize, count: i32): void {
  fieldSqr(out, a);
  while (--count) fieldSqr(out, out);
}

/**
 * out = 1 / a by Fermat, a^(p - 2); 0 for 0. 255 squarings and 13 products.
 * @param out [out] 36 bytes; not `a`
 * @param a [in] 36 bytes, limbs within +-2^29
 * Uses the first three temporaries of the workspace, which neither `out` nor `a` may be.
 */
export function fieldInvert(out: usize, a: usize): void {
  const x2 = TEMPORARY;
  const x3 = TEMPORARY + 36;
  const x30 = TEMPORARY + 72;
  // xN = a^(2^N - 1)
  squareTimes(x2, a, 1);
  fieldMul(x2, x2, a);
  squareTimes(x3, x2, 1);
  fieldMul(x3, x3, a);
  squareTimes(out, x3, 3);
  fieldMul(out, out, x3); // x6
  squareTimes(x30, out, 6);
  fieldMul(out, x30, out); // x12
  squareTimes(out, out, 3);
  fieldMul(out, out, x3); // x15
  squareTimes(x30, out, 15);
  fieldMul(x30, x30, out);
  squareTimes(x3, x30, 2);
  fieldMul(x2, x3, x2); // x32
  // The words of p - 2: ffffffff 00000001 00000000 00000000 00000000 ffffffff ffffffff fffffffd
  squareTimes(out, x2, 32);
  fieldMul(out, out, a);
  squareTimes(out, out, 128);
  fieldMul(out, out, x2);
  squareTimes(out, out, 32);
  fieldMul(out, out, x2);
  squareTimes(out, out, 30);
  fieldMul(out, out, x30);
  squareTimes(out, out, 2);
  fieldMul(out, out, a);
}

/** out = the element of a plain number, limbs in 0...2^29 - 1. May be in place. */
export function fieldFromLimbs(out: usize, limbs: usize): void {
  fieldMul(out, limbs, R_SQUARED);
}

/**
 * Read a field element (SEC 1 §2.3.6).
 * @param out [out] 36 bytes
 * @param bytes [in] 32 bytes, big endian
 * @returns -1 when the number is below p, else 0
 */
export function fieldFromBytes(out: usize, bytes: usize): i32 {
  limbsFromBytes(out, bytes);
  const valid = limbsIsBelow(out, PRIME);
  fieldFromLimbs(out, out);
  return valid;
}

/**
 * out = the plain number 0...p - 1 of an element.
 *
 * With |a| < 2^258 the quotient of the reduction makes (a + q * p) / 2^261 an integer between -1/8
 * and p + 1/8, so at most the value p is left to subtract.
 * @param out [out] 36 bytes; may be `a`
 */
export function fieldToLimbs(out: usize, a: usize): void {
  fieldMul(out, a, PLAIN_ONE);
  limbsReduceOnce(out, PRIME);
}

/**
 * Write a field element (SEC 1 §2.3.5).
 * @param bytes [out] 32 bytes, big endian
 * @param a [in,out] 36 bytes; holds the plain number afterwards
 */
export function fieldToBytes(bytes: usize, a: usize): void {
  fieldToLimbs(a, a);
  limbsToBytes(bytes, a);
}

/**
 * Whether an element is 0. For public values only: not constant time.
 * @param a [in] 36 bytes, limbs within +-2^31
 */
export function fieldIsZero(a: usize): bool {
  const plain = TEMPORARY + 180;
  fieldToLimbs(plain, a);
  let bits = 0;
  for (let i: i32 = 0; i < LIMBS_SIZE; i += 4) bits |= load<i32>(plain + i);
  return bits == 0;
}
