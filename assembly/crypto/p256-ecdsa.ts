// ECDSA over P-256 with a 32-byte digest (SEC 1 §4.1). Memory: the shared workspace (workspace.ts).

import { NATIVE_CRYPTO } from "../config";
import { Status } from "../status";
import { storeU32 } from "../util/bytes";
import { wipe } from "./constant-time";
import { isAnswer, nativeP256PublicKey, nativeP256Verify } from "./native";
import {
  FIELD_ONE,
  fieldAdd,
  fieldCarry,
  fieldFromLimbs,
  fieldIsZero,
  fieldSub,
} from "./p256-field";
import { BASE_COMB, BASE_ENTRY } from "./p256-comb";
import {
  LIMBS_SIZE,
  limbsFromBytes,
  limbsIsBelow,
  limbsReduceOnce,
  limbsToBytes,
  ORDER,
  PRIME,
} from "./p256-limbs";
import { fieldMul, fieldSqr } from "./p256-multiply";
import {
  buildTable,
  COMB_SPACING,
  columnAt,
  digitsAt,
  multiplyBase,
  recode,
} from "./p256-multiple";
import { nonceInit, nonceNext } from "./p256-nonce";
import {
  negateSelected,
  POINT_ENTRY,
  pointAdd,
  pointDouble,
  pointFromBytes,
  pointToBytes,
  Y_DIFFERENCE,
} from "./p256-point";
import {
  scalarFromBytes,
  scalarInvert,
  scalarIsZero,
  scalarMul,
  scalarToMontgomery,
} from "./p256-scalar";
import { randomFill } from "./random";
import {
  ACCUMULATOR,
  DIGITS,
  NAF,
  SCALARS,
  SELECTED,
  TABLE,
  TEMPORARY,
  WORKSPACE,
  WORKSPACE_SIZE,
} from "./workspace";

// @ts-ignore: decorator
@inline
const S0: usize = SCALARS;
// @ts-ignore: decorator
@inline
const S1: usize = SCALARS + 36;
// @ts-ignore: decorator
@inline
const S2: usize = SCALARS + 72;
// @ts-ignore: decorator
@inline
const S3: usize = SCALARS + 108;

/** Bytes of fresh randomness in a nonce. */
const EXTRA_SIZE: i32 = 32;
const EXTRA: usize = memory.data(32, 8);
/** Bits that the recoding of a verification looks at: 256 and a carry. */
const NAF_DIGITS: i32 = 257;

/**
 * Sign, with a nonce from key, digest and 32 bytes of fresh randomness (RFC 6979 §3.6): neither a weak
 * random source nor a fault that repeats a signature gives the key away.
 * @param signature [out] 64 bytes, r and s big endian
 * @param privateKey [in] 32 bytes
 * @param digest [in] 32 bytes
 * @returns 0; Status.RandomFailure, Status.InvalidPrivateKey
 */
export function p256Sign(signature: usize, privateKey: usize, digest: usize): i32 {
  let status = randomFill(EXTRA, EXTRA_SIZE);
  if (status < 0) return status;
  status = p256SignWith(signature, privateKey, digest, EXTRA, EXTRA_SIZE);
  wipe(EXTRA, EXTRA_SIZE);
  return status;
}

/**
 * Sign, with a nonce from key, digest and `extra`. Without extra input the signature is that of plain
 * RFC 6979 (§3.2).
 * @param signature [out] 64 bytes, r and s big endian; no input may overlap it
 * @param privateKey [in] 32 bytes
 * @param digest [in] 32 bytes
 * @param extra [in] `extraLength` bytes, 0 or more
 * @returns 0; Status.InvalidPrivateKey
 * Constant time in: privateKey, and the nonce that is used. Wipes: the workspace.
 * @see SEC 1 §4.1.3
 */
export function p256SignWith(
  signature: usize,
  privateKey: usize,
  digest: usize,
  extra: usize,
  extraLength: i32,
): i32 {
  if (!scalarFromBytes(S0, privateKey)) return Status.InvalidPrivateKey;
  nonceInit(privateKey, digest, extra, extraLength, S1);
  let again = false;
  do {
    nonceNext(S3, again);
    // 1 / k, before the multiplication uses k up
    scalarToMontgomery(S1, S3);
    scalarInvert(S2, S1);
    if (!hasNoncePoint(signature)) {
      multiplyBase(S3);
      pointToBytes(signature, false);
    }
    // r = x mod n: x < p < 2n
    limbsFromBytes(S1, signature);
    limbsReduceOnce(S1, ORDER);
    limbsToBytes(signature, S1);
    const zero = scalarIsZero(S1);
    // s = (z + r d) / k; the sum is below 2^257
    scalarToMontgomery(S3, S0);
    scalarMul(S1, S1, S3);
    limbsFromBytes(S3, digest);
    fieldAdd(S1, S1, S3);
    scalarMul(S1, S1, S2);
    limbsToBytes(signature + 32, S1);
    again = (zero | scalarIsZero(S1)) != 0;
  } while (again);
  wipe(WORKSPACE, WORKSPACE_SIZE);
  return Status.Ok;
}

/**
 * x of k G for the nonce k at S3, by the host if it can.
 * @param x [out] 32 bytes
 * @returns false when it cannot; `x` is then as it was
 */
// @ts-ignore: decorator
@inline
function hasNoncePoint(x: usize): bool {
  if (NATIVE_CRYPTO) {
    limbsToBytes(ACCUMULATOR, S3);
    if (nativeP256PublicKey(SELECTED, ACCUMULATOR) != Status.Ok) return false;
    memory.copy(x, SELECTED + 1, 32);
    return true;
  }
  return false;
}

/**
 * Verify a signature. Validates the key. Not constant time: all inputs are public.
 * @param publicKey [in] 65 bytes
 * @param digest [in] 32 bytes
 * @param signature [in] 64 bytes, r and s big endian
 * @returns 0; Status.InvalidPublicKey, Status.InvalidSignature
 * @see SEC 1 §4.1.4
 */
export function p256Verify(publicKey: usize, digest: usize, signature: usize): i32 {
  if (NATIVE_CRYPTO) {
    const status = nativeP256Verify(publicKey, digest, signature);
    if (isAnswer(status)) return status;
  }
  if (!(scalarFromBytes(S0, signature) & scalarFromBytes(S1, signature + 32))) {
    return Status.InvalidSignature;
  }
  // S2 = 1 / s
  scalarToMontgomery(S1, S1);
  scalarInvert(S2, S1);
  // u1 = z / s, u2 = r / s
  limbsFromBytes(S1, digest);
  scalarMul(S1, S1, S2);
  scalarMul(S2, S0, S2);
  if (!pointFromBytes(TABLE, publicKey)) return Status.InvalidPublicKey;
  buildTable();
  if (!addMultiples(S1, S2)) return Status.InvalidSignature;
  // x mod n = r, without leaving Jacobian coordinates: X = r Z^2, or (r + n) Z^2 if r + n < p.
  fieldSqr(S1, ACCUMULATOR + 72);
  if (hasX(S0)) return Status.Ok;
  fieldAdd(S0, S0, ORDER);
  fieldCarry(S0);
  return limbsIsBelow(S0, PRIME) && hasX(S0) ? Status.Ok : Status.InvalidSignature;
}

/** Whether ACCUMULATOR has the affine x that is the number at `limbs`; S1 holds Z^2. */
function hasX(limbs: usize): bool {
  fieldFromLimbs(TEMPORARY, limbs);
  fieldMul(TEMPORARY, TEMPORARY, S1);
  fieldSub(TEMPORARY, TEMPORARY, ACCUMULATOR);
  return fieldIsZero(TEMPORARY);
}

/**
 * ACCUMULATOR = u1 * G + u2 * Q, with the multiples of Q at TABLE. The comb of G joins in for the last
 * 52 doublings; u2 has digits 0, +-1, +-3 ... +-15, any five in a row with one nonzero at most.
 * Complete: handles every exception of the addition.
 * @param u1 [in,out] 36 bytes, 0...n - 1; used up
 * @param u2 [in] 36 bytes, 1...n - 1
 * @returns false when the result is infinity
 */
function addMultiples(u1: usize, u2: usize): bool {
  encodeNaf(u2);
  const negate = recode(u1, 16);
  let finite = false;
  for (let i = NAF_DIGITS - 1; i >= 0; i--) {
    if (finite) pointDouble();
    const digit = <i32>load<i8>(NAF + i);
    if (digit) {
      const negative = digit >> 31;
      const index: usize = ((digit ^ negative) - negative) >> 1;
      memory.copy(SELECTED, TABLE + index * POINT_ENTRY, POINT_ENTRY);
      negateSelected(negative);
      finite = addSelected(finite, false);
    }
    if (i < COMB_SPACING) {
      const bits = columnAt(i);
      const negative = (bits >> 4) - 1;
      const index: usize = (bits ^ negative) & 15;
      memory.copy(SELECTED, BASE_COMB + index * BASE_ENTRY, BASE_ENTRY);
      negateSelected(negative ^ negate);
      finite = addSelected(finite, true);
    }
  }
  return finite;
}

/** Put the digits of `u2` into NAF, least significant first. */
function encodeNaf(u2: usize): void {
  storeU32(DIGITS, 0);
  limbsToBytes(DIGITS + 4, u2);
  memory.fill(NAF, 0, NAF_DIGITS);
  let carry: i32 = 0;
  let position = 0;
  while (position < NAF_DIGITS) {
    const bits = (<i32>digitsAt(position)) & 31;
    if ((bits & 1) == carry) {
      position++;
      continue;
    }
    const digit = bits + carry;
    carry = digit >> 4;
    store<i8>(NAF + position, digit - (carry << 5));
    position += 5;
  }
}

/**
 * ACCUMULATOR += SELECTED, complete.
 * @param finite false when ACCUMULATOR stands for infinity
 * @param affine whether SELECTED has Z = 1
 * @returns false when the sum is infinity
 */
function addSelected(finite: bool, affine: bool): bool {
  if (affine) memory.copy(SELECTED + 72, FIELD_ONE, LIMBS_SIZE);
  if (finite) {
    pointAdd(SELECTED, affine);
    // Reduced limbs: 0 and p both have all ones or all zeros at the bottom; a cheap test first.
    const low = load<i32>(ACCUMULATOR + 72);
    if (((low + 1) & 0x1fffffff) > 1 || !fieldIsZero(ACCUMULATOR + 72)) return true;
    // Equal x: opposite points, or the same point twice.
    if (!fieldIsZero(Y_DIFFERENCE)) return false;
  }
  memory.copy(ACCUMULATOR, SELECTED, POINT_ENTRY);
  if (finite) pointDouble();
  return true;
}
