// Points of P-256 (SEC 1 §2.2.1) in Jacobian coordinates: x = X / Z^2, y = Y / Z^3; three field
// elements (108 bytes, padded to 112 in tables). Between calls X and Z have reduced limbs, Y has
// limbs within +-2^29 (see p256-field.ts). All work is done on ACCUMULATOR in the workspace.
//
// Constant time in: all coordinates. The formulas are incomplete: neither operand may be infinity,
// and an addition needs two points with different x. Each caller states why this holds.

import {
  FIELD_ONE,
  fieldAdd,
  fieldCarry,
  fieldFromBytes,
  fieldInvert,
  fieldIsZero,
  fieldNegateIf,
  fieldSub,
  fieldSubTwice,
  fieldThreeHalves,
  fieldToBytes,
} from "./p256-field";
import { fieldMul, fieldSqr } from "./p256-multiply";
import { ACCUMULATOR, SELECTED, TEMPORARY } from "./workspace";

/** Bytes of an uncompressed point: 04, X, Y (SEC 1 §2.3.3). */
export const P256_POINT_SIZE: i32 = 65;
/** Bytes of a point in a table. */
export const POINT_ENTRY: usize = 112;

// @ts-ignore: decorator
@inline
const X: usize = ACCUMULATOR;
// @ts-ignore: decorator
@inline
const Y: usize = ACCUMULATOR + 36;
// @ts-ignore: decorator
@inline
const Z: usize = ACCUMULATOR + 72;
// @ts-ignore: decorator
@inline
const T0: usize = TEMPORARY;
// @ts-ignore: decorator
@inline
const T1: usize = TEMPORARY + 36;
// @ts-ignore: decorator
@inline
const T2: usize = TEMPORARY + 72;
// @ts-ignore: decorator
@inline
const T3: usize = TEMPORARY + 108;
// @ts-ignore: decorator
@inline
const T4: usize = TEMPORARY + 144;
// @ts-ignore: decorator
@inline
const T5: usize = TEMPORARY + 180;

/** Where `pointAdd` leaves the difference of the two y, scaled; 0 for equal ones. */
export const Y_DIFFERENCE: usize = TEMPORARY + 72;

/** b of the curve equation y^2 = x^3 - 3x + b (SEC 2 §2.4.2), in Montgomery form. */
const CURVE_B: usize = memory.data<u32>([
  0x1897bbfb, 0x1cdf6229, 0x018486c4, 0x01732821, 0x1dad59e0, 0x0abf7212, 0x1a06d110, 0x17721d20,
  0x008600c3,
]);

/**
 * ACCUMULATOR = 2 * ACCUMULATOR. 4 products, 4 squarings.
 *
 * With L = 3/2 (X - Z^2)(X + Z^2) and S = X Y^2: X' = L^2 - 2 S, Y' = L (S - X') - Y^4, Z' = Y Z,
 * the tangent formula for a = -3 with every coordinate scaled by 1/2. No point of P-256 has order
 * 2, so it has no exception but infinity.
 */
export function pointDouble(): void {
  fieldSqr(T0, Z);
  fieldSqr(T1, Y);
  fieldMul(T2, X, T1);
  fieldAdd(T3, X, T0);
  fieldSub(T4, X, T0);
  fieldMul(T3, T3, T4);
  fieldThreeHalves(T3);
  fieldMul(Z, Y, Z);
  fieldSqr(X, T3);
  fieldSubTwice(X, T2);
  fieldSub(T2, T2, X);
  fieldMul(Y, T3, T2);
  fieldSqr(T1, T1);
  fieldSub(Y, Y, T1);
}

/**
 * ACCUMULATOR = ACCUMULATOR + point. 8 products and 3 squarings for an affine point, else 12 and 4.
 *
 * With U = X Z'^2, S = Y Z'^3 of either point, H = U2 - U1 and R = S2 - S1:
 * X' = R^2 - H^3 - 2 U1 H^2, Y' = R (U1 H^2 - X') - S1 H^3, Z' = Z1 Z2 H. The result has Z' = 0 when
 * both x are equal.
 *
 * @param point [in] X, Y and, unless `affine`, Z; 72 or 108 bytes
 * @param affine whether the point has Z = 1; public
 */
export function pointAdd(point: usize, affine: bool): void {
  let u1 = X;
  let s1 = Y;
  fieldSqr(T0, Z);
  fieldMul(T1, T0, point);
  fieldMul(T2, Z, T0);
  fieldMul(T2, T2, point + 36);
  if (!affine) {
    u1 = T4;
    s1 = T5;
    fieldSqr(T3, point + 72);
    fieldMul(u1, X, T3);
    fieldMul(T3, T3, point + 72);
    fieldMul(s1, Y, T3);
    fieldMul(Z, Z, point + 72);
  }
  fieldSub(T1, T1, u1);
  fieldSub(T2, T2, s1);
  // Here s1 is lazy, so R would be too large to be squared.
  if (affine) fieldCarry(T2);
  fieldMul(Z, Z, T1);
  fieldSqr(T0, T1);
  fieldMul(T1, T1, T0);
  fieldMul(T0, T0, u1);
  fieldMul(T3, T1, s1);
  fieldSqr(X, T2);
  fieldSub(X, X, T1);
  fieldSubTwice(X, T0);
  fieldSub(T0, T0, X);
  fieldMul(Y, T0, T2);
  fieldSub(Y, Y, T3);
}

/**
 * Copy entry `index` of a table to SELECTED, reading every entry alike.
 * @param table [in] `count` entries of `size` bytes, 8-byte aligned
 * @param size bytes of an entry, a multiple of 16
 * Constant time in: index.
 */
export function selectEntry(table: usize, size: usize, count: i32, index: i32): void {
  for (let at: usize = 0; at < size; at += 16) {
    let low: u64 = 0;
    let high: u64 = 0;
    let from = table + at;
    for (let i = 0; i < count; i++) {
      const mask = (<i64>((i ^ index) - 1)) >> 63;
      low |= load<u64>(from) & mask;
      high |= load<u64>(from, 8) & mask;
      from += size;
    }
    store<u64>(SELECTED + at, low);
    store<u64>(SELECTED + at, high, 8);
  }
}

/** Turn SELECTED into its inverse where `mask` is -1. */
export function negateSelected(mask: i32): void {
  fieldNegateIf(SELECTED + 36, mask);
}

/** Make ACCUMULATOR the affine point at `point`, 72 bytes. */
export function pointLoadAffine(point: usize): void {
  memory.copy(ACCUMULATOR, point, 72);
  memory.copy(Z, FIELD_ONE, 36);
}

/**
 * Write x, and y if wanted, of ACCUMULATOR, which must not be infinity; it is used up.
 * @param bytes [out] 32 bytes for x, then 32 for y if `withY`
 */
export function pointToBytes(bytes: usize, withY: bool): void {
  fieldInvert(T3, Z);
  fieldSqr(T4, T3);
  fieldMul(X, X, T4);
  fieldToBytes(bytes, X);
  if (withY) {
    fieldMul(T4, T4, T3);
    fieldMul(Y, Y, T4);
    fieldToBytes(bytes + 32, Y);
  }
}

/**
 * Read and fully validate a public point: form, both coordinates below p, on the curve. That is all
 * that is needed, since the cofactor is 1 and infinity has no uncompressed form.
 * Not constant time: for public points.
 * @param out [out] affine X and Y, 72 bytes; not in the temporaries of the workspace
 * @param point [in] 65 bytes
 * @see SEC 1 §2.3.4, §3.2.2.1
 */
export function pointFromBytes(out: usize, point: usize): bool {
  const y = out + 36;
  if (load<u8>(point) != 4) return false;
  if (!(fieldFromBytes(out, point + 1) & fieldFromBytes(y, point + 33))) return false;
  // y^2 - (x^3 - 3x + b), in an order that keeps every limb within +-2^31.
  fieldSqr(T0, out);
  fieldMul(T0, T0, out);
  fieldSqr(T1, y);
  fieldSub(T1, T1, T0);
  fieldAdd(T1, T1, out);
  fieldSub(T1, T1, CURVE_B);
  fieldAdd(T1, T1, out);
  fieldAdd(T1, T1, out);
  return fieldIsZero(T1);
}
