// Scalar multiples on P-256: of a point (signed 4-bit windows), of the base point (signed comb).
//
// Both write an odd k below n with the digits +1 and -1 only, none of them 0: bit i of the digit
// string stands for -1 or +1 and is bit i + 1 of k, but for the top one, which is +1. (The sum is
// (k - 1) - (2^m - 1) + 2^m for m + 1 digits.) An even k is replaced by n - k, and the result
// negated. So every step does the same work, and all selections read the whole table.

import { loadU32, storeU32 } from "../util/bytes";
import { BASE_COMB, BASE_ENTRY } from "./p256-comb";
import { LIMBS_SIZE, limbsEqual, limbsNegateIf, limbsToBytes, ORDER } from "./p256-limbs";
import {
  negateSelected,
  POINT_ENTRY,
  pointAdd,
  pointDouble,
  pointLoadAffine,
  selectEntry,
} from "./p256-point";
import { ACCUMULATOR, DIGITS, DOUBLE, SELECTED, TABLE, TEMPORARY } from "./workspace";

/** Odd multiples in the table of a point. */
const TABLE_ENTRIES: i32 = 8;
/** Digits of one tooth of the comb; five teeth make 260. */
export const COMB_SPACING: i32 = 52;

/**
 * Put the digits of a scalar into DIGITS: 4 bytes of top, then the odd scalar, all big endian.
 * @param scalar [in,out] 36 bytes, 0...n; made odd
 * @param top the bits from 256 on
 * @returns -1 when the multiple must be negated, else 0
 */
export function recode(scalar: usize, top: u32): i32 {
  const even = (load<i32>(scalar) & 1) - 1;
  limbsNegateIf(scalar, even);
  storeU32(DIGITS, top);
  limbsToBytes(DIGITS + 4, scalar);
  return even;
}

/** The bits of DIGITS from `position` (0...256) on; at least 25 of them. */
export function digitsAt(position: i32): u32 {
  return loadU32(DIGITS + 32 - (position >> 3)) >> (position & 7);
}

/**
 * TABLE = P, 3P, 5P ... 15P and DOUBLE = 2P, for the affine point at TABLE. Each is 112 bytes.
 * No exception: the multiples in between are below 16, so none is equal, opposite or infinity.
 */
export function buildTable(): void {
  pointLoadAffine(TABLE);
  memory.copy(TABLE, ACCUMULATOR, POINT_ENTRY);
  pointDouble();
  memory.copy(DOUBLE, ACCUMULATOR, POINT_ENTRY);
  pointAdd(TABLE, true);
  for (let at = TABLE + POINT_ENTRY; ; at += POINT_ENTRY) {
    memory.copy(at, ACCUMULATOR, POINT_ENTRY);
    if (at == TABLE + 7 * POINT_ENTRY) return;
    pointAdd(DOUBLE, false);
  }
}

/**
 * SELECTED = the multiple for four digits, +-1P ... +-15P.
 * @param bits the digits, 0...15
 */
function selectWindow(bits: i32): void {
  const negative = (bits >> 3) - 1;
  selectEntry(TABLE, POINT_ENTRY, TABLE_ENTRIES, (bits ^ negative) & 7);
  negateSelected(negative);
}

/**
 * ACCUMULATOR = +-k * P for the affine point P at TABLE; the sign is lost, x is right.
 *
 * Exceptions. Before the addition of a window the accumulator is a * P with a a nonzero multiple of
 * 16, the window d * P with d odd and |d| < 16: a = +-d cannot be as integers, so an exception
 * needs |a| + |d| >= n, which only the last window allows. There a + d = k < n and k <> 0, so
 * a = -d mod n is impossible, and a = d mod n means k = n + 2d with d < 0. The digits of n - 2|d|
 * end in that d for d = -1 alone (n = 17 mod 32). So the only exceptional odd scalar is n - 2 (from
 * k = 2 and n - 2): its result, -2P, is put in from DOUBLE. Every other k is free of exceptions.
 *
 * @param scalar [in,out] 36 bytes, 1...n - 1; used up
 * Constant time in: scalar. Cost: 252 doublings, 63 additions.
 */
export function multiplyPoint(scalar: usize): void {
  recode(scalar, 1);
  memory.copy(TEMPORARY, ORDER, LIMBS_SIZE);
  store<i32>(TEMPORARY, load<i32>(ORDER) - 2);
  const exceptional = limbsEqual(scalar, TEMPORARY);
  buildTable();
  selectWindow((<i32>digitsAt(253)) & 15);
  memory.copy(ACCUMULATOR, SELECTED, POINT_ENTRY);
  for (let i = 249; i > 0; i -= 4) {
    for (let j = 0; j < 4; j++) pointDouble();
    selectWindow((<i32>digitsAt(i)) & 15);
    pointAdd(SELECTED, false);
  }
  for (let i: usize = 0; i < 108; i += 4) {
    const computed = load<i32>(ACCUMULATOR + i);
    const known = load<i32>(DOUBLE + i);
    store<i32>(ACCUMULATOR + i, computed ^ ((computed ^ known) & exceptional));
  }
}

/** The five digits of one column of the comb, 0...51, in the low bits; that of 2^208 on top. */
export function columnAt(column: i32): i32 {
  let bits: i32 = 0;
  for (let position = column + 4 * COMB_SPACING + 1; position > 0; position -= COMB_SPACING) {
    bits = (bits << 1) | ((<i32>digitsAt(position)) & 1);
  }
  return bits;
}

/** SELECTED = the affine point of one column of the comb, negated where `negate` is -1. */
function selectColumn(column: i32, negate: i32): void {
  const bits = columnAt(column);
  const negative = (bits >> 4) - 1;
  selectEntry(BASE_COMB, BASE_ENTRY, 16, (bits ^ negative) & 15);
  negateSelected(negative ^ negate);
}

/**
 * ACCUMULATOR = k * G.
 *
 * Exceptions. A column is c * G with c = +-2^208 +-2^156 +-2^104 +-2^52 +-1. Before its addition
 * the accumulator is a * G, where a has the same five teeth with even digits; so a +- c has five odd
 * teeth and is not 0 as an integer. After column j, a + c = (k - rest) / 2^j with |rest| < 2^(209+j),
 * so |a +- c| < n for every j > 0. For j = 0, a + c = k is not 0 mod n, and a = c mod n means
 * k = n + 2c with c < 0: of the sixteen such k, none has the digits of its own c in column 0 (the
 * tests enumerate them). So no k in 1...n - 1 is exceptional.
 *
 * @param scalar [in,out] 36 bytes, 1...n - 1; used up
 * Constant time in: scalar. Cost: 51 doublings, 51 additions.
 */
export function multiplyBase(scalar: usize): void {
  const negate = recode(scalar, 16);
  selectColumn(COMB_SPACING - 1, negate);
  pointLoadAffine(SELECTED);
  for (let column = COMB_SPACING - 2; column >= 0; column--) {
    pointDouble();
    selectColumn(column, negate);
    pointAdd(SELECTED, true);
  }
}
