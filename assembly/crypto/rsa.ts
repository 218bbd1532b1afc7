// RSA (RFC 8017 §5.1, §5.2): the public operation for moduli of 1024 and 2048 bits, the private one
// for 1024 bits. The exponent of public keys is 65537. Numbers are big endian. The caller owns them;
// what is in the workspace is wiped where it is secret.

import { Status } from "../status";
import { constantTimeEqual, wipe } from "./constant-time";
import {
  limbsAdd,
  limbsIsBelow,
  limbsRead,
  limbsWrite,
  montgomeryForget,
  montgomeryModulus,
  montgomeryMultiply,
  montgomeryRadix,
  montgomeryReduce,
  montgomerySet,
  montgomerySquare,
} from "./montgomery";
import { randomFill } from "./random";
import { WORKSPACE } from "./workspace";

/** Bytes of a private key: n 128 | p 64 | q 64 | d mod p - 1, 64 | d mod q - 1, 64 | 1 / q mod p, 64. */
export const RSA_PRIVATE_KEY_SIZE: i32 = 448;
/** Bytes of its modulus, and of what it signs or decrypts. */
export const RSA_PRIVATE_SIZE: i32 = 128;

/** Fields of a private key. */
// @ts-ignore: decorator
@inline
const PRIME_P: usize = 128;
// @ts-ignore: decorator
@inline
const PRIME_Q: usize = 192;
// @ts-ignore: decorator
@inline
const EXPONENT_P: usize = 256;
// @ts-ignore: decorator
@inline
const EXPONENT_Q: usize = 320;
// @ts-ignore: decorator
@inline
const INVERSE_Q: usize = 384;

// The workspace behind montgomery.ts. The public operation: R^2 and two numbers, 296 bytes each.
// @ts-ignore: decorator
@inline
const RADIX: usize = WORKSPACE + 1184;
// @ts-ignore: decorator
@inline
const BASE: usize = WORKSPACE + 1480;

// The private operation: numbers of 76 bytes, modulo one prime.
// @ts-ignore: decorator
@inline
const POWER: usize = WORKSPACE + 1264;
// @ts-ignore: decorator
@inline
const EXPONENT: usize = WORKSPACE + 1344;
/** p - 1 - exponent. */
// @ts-ignore: decorator
@inline
const COMPLEMENT: usize = WORKSPACE + 1424;
/** base^i blind^j at 4 j + i, for i and j of 0...3. */
// @ts-ignore: decorator
@inline
const TABLE: usize = WORKSPACE + 1504;
/** What a power is modulo q and modulo p. */
// @ts-ignore: decorator
@inline
const RESULT_Q: usize = WORKSPACE + 2784;
// @ts-ignore: decorator
@inline
const RESULT_P: usize = WORKSPACE + 2864;
// @ts-ignore: decorator
@inline
const BLIND: usize = WORKSPACE + 2944;
// @ts-ignore: decorator
@inline
const PRIME_SIZE: usize = 76;
/** Bytes of a place for one, so that it can be read 8 at a time. */
// @ts-ignore: decorator
@inline
const ENTRY_SIZE: usize = 80;
/** All 37 limbs of a number modulo n, in the place of the table. */
// @ts-ignore: decorator
@inline
const WHOLE: usize = TABLE;
// @ts-ignore: decorator
@inline
const WHOLE_SIZE: usize = 148;

/**
 * output = input^65537 mod modulus.
 * @param output [out] `length` bytes; may be `input`
 * @param input [in] `length` bytes, below the modulus
 * @param modulus [in] `length` bytes; top bit and lowest bit set
 * @param length 128 or 256
 * @returns Status.Ok; Status.InvalidArgument when the input is not below the modulus
 * Cost: 16 squares and 2 products modulo the modulus; 5 squares for the set-up.
 */
export function rsaPublic(output: usize, input: usize, modulus: usize, length: i32): i32 {
  const size = montgomerySet(modulus, length);
  limbsRead(BASE, size, input, length);
  if (!limbsIsBelow(BASE, montgomeryModulus(), size)) return Status.InvalidArgument;
  montgomeryRadix(RADIX, length << 3);
  // The radix is used up by the first product, so its place is the accumulator's.
  montgomeryMultiply(RADIX, RADIX, BASE);
  for (let i = 0; i < 16; i++) montgomerySquare(RADIX, RADIX);
  // By the plain number, not the one times R: the product is plain, too.
  montgomeryMultiply(RADIX, RADIX, BASE);
  montgomeryReduce(RADIX);
  limbsWrite(output, length, RADIX);
  return Status.Ok;
}

/**
 * output = input^d mod n, by the Chinese remainder theorem (RFC 8017 §5.1.2).
 *
 * Blinded: for a random u, input^d = (input u)^d u^(p - 1 - d) modulo p, so that no product has an
 * operand that whoever chose the input knows. The result is checked with the public key: a fault in
 * one half would otherwise give a factor of n away.
 *
 * @param output [out] 128 bytes; zeros after an error; must not overlap the input
 * @param input [in] 128 bytes, below n
 * @param key [in] RSA_PRIVATE_KEY_SIZE bytes
 * @returns Status.Ok; Status.InvalidArgument (input not below n); Status.RandomFailure;
 *   Status.InvalidPrivateKey (the parts do not belong together, or a fault)
 * Cost: 2 x (512 squares and 276 products) modulo a prime, and one public operation. Wipes: all that is secret.
 * Constant time in: input, key.
 */
export function rsaPrivate(output: usize, input: usize, key: usize): i32 {
  const size = montgomerySet(key, RSA_PRIVATE_SIZE);
  limbsRead(WHOLE, size, input, RSA_PRIVATE_SIZE);
  const isBelow = limbsIsBelow(WHOLE, montgomeryModulus(), size);
  let status: i32 = isBelow ? Status.Ok : Status.InvalidArgument;
  if (status == Status.Ok) {
    status = exponentiate(RESULT_Q, input, key + PRIME_Q, key + EXPONENT_Q);
  }
  if (status == Status.Ok) {
    status = exponentiate(RESULT_P, input, key + PRIME_P, key + EXPONENT_P);
  }
  if (status == Status.Ok) {
    combine(output, key);
    status = check(output, input, key);
  }
  montgomeryForget();
  if (status < 0) wipe(output, RSA_PRIVATE_SIZE);
  return status;
}

/** Whether output^65537 is the input. */
function check(output: usize, input: usize, modulus: usize): i32 {
  // Here the public operation writes into its own workspace, which it has read by then.
  const status = rsaPublic(RESULT_Q, output, modulus, RSA_PRIVATE_SIZE);
  if (status < 0) return Status.InvalidPrivateKey;
  const isSame = constantTimeEqual(RESULT_Q, input, RSA_PRIVATE_SIZE);
  return isSame ? Status.Ok : Status.InvalidPrivateKey;
}

/**
 * result = input^exponent mod prime, blinded.
 * @param result [out] 76 bytes, below the prime
 * @param input [in] 128 bytes
 * @param prime, exponent [in] 64 bytes
 * @returns Status.Ok; Status.RandomFailure
 */
function exponentiate(result: usize, input: usize, prime: usize, exponent: usize): i32 {
  montgomerySet(prime, 64);
  // In the place of the table, which comes later.
  const status = randomFill(TABLE, 64);
  if (status < 0) return status;
  limbsRead(BLIND, PRIME_SIZE, TABLE, 64);
  montgomeryRadix(RADIX, 512);
  reduceInput(input);
  limbsRead(EXPONENT, PRIME_SIZE, exponent, 64);
  limbsAdd(COMPLEMENT, montgomeryModulus(), EXPONENT, -1);
  // The prime is odd, so this borrows from no other limb unless the exponent is one, too: then it is
  // no exponent of this prime, and the result will not pass its check.
  store<u32>(COMPLEMENT, load<u32>(COMPLEMENT) - 1);
  fillTable();
  memory.copy(POWER, TABLE, PRIME_SIZE);
  for (let bit = 510; bit >= 0; bit -= 2) {
    montgomerySquare(POWER, POWER);
    montgomerySquare(POWER, POWER);
    select(result, digit(EXPONENT, bit) | (digit(COMPLEMENT, bit) << 2));
    montgomeryMultiply(POWER, POWER, result);
  }
  setOne(result);
  montgomeryMultiply(result, POWER, result);
  montgomeryReduce(result);
  return Status.Ok;
}

/** POWER = input R mod prime, blinded: input = high 2^532 + low, and R = 2^532. */
function reduceInput(input: usize): void {
  limbsRead(WHOLE, WHOLE_SIZE + 4, input, RSA_PRIVATE_SIZE);
  const high = WHOLE + PRIME_SIZE;
  montgomeryMultiply(high, high, RADIX);
  montgomeryMultiply(high, high, RADIX);
  montgomeryMultiply(POWER, WHOLE, RADIX);
  limbsAdd(POWER, POWER, high, 1);
  montgomeryMultiply(POWER, POWER, BLIND);
}

/** Two bits of an exponent; 28 is even, so they are in one limb. */
// @ts-ignore: decorator
@inline
function digit(exponent: usize, bit: i32): u32 {
  const limb = bit / 28;
  return (load<u32>(exponent + ((<usize>limb) << 2)) >> (bit - 28 * limb)) & 3;
}

function setOne(number: usize): void {
  memory.fill(number, 0, PRIME_SIZE);
  store<u32>(number, 1);
}

/** The products of powers of POWER and BLIND. */
function fillTable(): void {
  setOne(TABLE);
  montgomeryMultiply(TABLE, TABLE, RADIX);
  for (let i: usize = 1; i < 16; i++) {
    const entry = TABLE + i * ENTRY_SIZE;
    if (i < 4) montgomeryMultiply(entry, entry - ENTRY_SIZE, POWER);
    else montgomeryMultiply(entry, entry - 4 * ENTRY_SIZE, BLIND);
  }
}

/** out = TABLE[index], reading all of it. @param out [out] ENTRY_SIZE bytes */
function select(out: usize, index: u32): void {
  memory.fill(out, 0, ENTRY_SIZE);
  let entry = TABLE;
  for (let i: u32 = 0; i < 16; i++) {
    const mask: i64 = (<i32>(i ^ index) - 1) >> 31;
    for (let at: usize = 0; at < ENTRY_SIZE; at += 8) {
      store<i64>(out + at, load<i64>(out + at) | (load<i64>(entry + at) & mask));
    }
    entry += ENTRY_SIZE;
  }
}

/** RFC 8017 §5.1.2 step 2.b: m = m_q + q ((m_p - m_q) / q mod p). The modulus is p. */
function combine(output: usize, key: usize): void {
  // q is below 2 p: both have 512 bits.
  limbsAdd(POWER, RESULT_P, montgomeryModulus(), 1);
  limbsAdd(POWER, POWER, montgomeryModulus(), 1);
  limbsAdd(POWER, POWER, RESULT_Q, -1);
  montgomeryMultiply(POWER, POWER, RADIX);
  limbsRead(EXPONENT, PRIME_SIZE, key + INVERSE_Q, 64);
  montgomeryMultiply(POWER, POWER, EXPONENT);
  montgomeryReduce(POWER);
  limbsRead(EXPONENT, PRIME_SIZE, key + PRIME_Q, 64);
  let sum: u64 = 0;
  for (let column: usize = 0; column < WHOLE_SIZE; column += 4) {
    if (column < PRIME_SIZE) sum += load<u32>(RESULT_Q + column);
    const first: usize = column < PRIME_SIZE ? 0 : column - PRIME_SIZE + 4;
    const last = min<usize>(column, PRIME_SIZE - 4);
    for (let i = first; i <= last; i += 4) {
      sum += <u64>load<u32>(POWER + i) * <u64>load<u32>(EXPONENT + column - i);
    }
    store<u32>(WHOLE + column, (<u32>sum) & 0x0fffffff);
    sum >>= 28;
  }
  limbsWrite(output, RSA_PRIVATE_SIZE, WHOLE);
}
