// Modular arithmetic on as-bignum's u256, the oracle for the field and the scalars of P-256, and
// operands for it. Slow and simple: products by doubling and adding.

import { u256 } from "as-bignum/assembly";

/** p, the field prime of P-256. */
export const PRIME = new u256(0xffffffffffffffff, 0xffffffff, 0, 0xffffffff00000001);
/** n, the order of P-256. */
export const ORDER = new u256(
  0xf3b9cac2fc632551,
  0xbce6faada7179e84,
  0xffffffffffffffff,
  0xffffffff00000000,
);

/** a + b mod m, for a and b below m. */
export function addMod(a: u256, b: u256, m: u256): u256 {
  const sum = u256.add(a, b);
  const carry = u256.lt(sum, a);
  return carry || u256.ge(sum, m) ? u256.sub(sum, m) : sum;
}

/** a - b mod m, for a and b below m. */
export function subMod(a: u256, b: u256, m: u256): u256 {
  return u256.ge(a, b) ? u256.sub(a, b) : u256.add(u256.sub(a, b), m);
}

/** a * b mod m, for a below m and any b. */
export function mulMod(a: u256, b: u256, m: u256): u256 {
  let result = u256.Zero;
  for (let i = 255; i >= 0; i--) {
    result = addMod(result, result, m);
    if (bit(b, i)) result = addMod(result, a, m);
  }
  return result;
}

/** The value of nine limbs of 29 bits, each of them signed, mod m. */
export function valueMod(limbs: usize, m: u256): u256 {
  let value = u256.Zero;
  for (let i = 8; i >= 0; i--) {
    for (let j = 0; j < 29; j++) value = addMod(value, value, m);
    const limb = load<i32>(limbs + 4 * i);
    const size = u256.fromU64(<u64>abs<i64>(limb));
    value = limb < 0 ? subMod(value, size, m) : addMod(value, size, m);
  }
  return value;
}

/** 2^261 mod m. */
export function radixMod(m: u256): u256 {
  let value = u256.One;
  for (let i = 0; i < 261; i++) value = addMod(value, value, m);
  return value;
}

/** Write `value` as nine limbs of 29 bits. */
export function storeLimbs(limbs: usize, value: u256): void {
  for (let i = 0; i < 9; i++) {
    let limb = 0;
    for (let j = 28; j >= 0; j--) {
      limb = (limb << 1) | (29 * i + j < 256 ? bit(value, 29 * i + j) : 0);
    }
    store<i32>(limbs + 4 * i, limb);
  }
}

/** Write `value` as 32 bytes, big endian. */
export function storeBytes(bytes: usize, value: u256): void {
  store<u64>(bytes, bswap<u64>(value.hi2));
  store<u64>(bytes, bswap<u64>(value.hi1), 8);
  store<u64>(bytes, bswap<u64>(value.lo2), 16);
  store<u64>(bytes, bswap<u64>(value.lo1), 24);
}

export function bit(value: u256, position: i32): i32 {
  const words = [value.lo1, value.lo2, value.hi1, value.hi2];
  return <i32>((words[position >> 6] >> (position & 63)) & 1);
}

let state: u64 = 0x9e3779b97f4a7c15;

/** The next number of a repeatable sequence (xorshift). */
export function next(): u64 {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/** Operands at the edges of `m` and of limbs and words, then random ones, half of them with runs. */
export function operand(index: i32, m: u256): u256 {
  if (index < 5) return u256.fromU64(<u64>index);
  if (index < 10) return u256.sub(m, u256.fromU64(<u64>index - 4));
  if (index == 10) return u256.Max;
  if (index == 11) return m;
  if (index < 44) return power(8 * (index - 12));
  if (index < 76) return u256.sub(power(8 * (index - 44)), u256.One);
  if (index < 85) return power(29 * (index - 76));
  if (index < 94) return u256.sub(power(29 * (index - 85)), u256.One);
  if (index & 1) return new u256(next(), next(), next(), next());
  return new u256(run(), run(), run(), run());
}

/** 2^exponent, below 2^256. */
function power(exponent: i32): u256 {
  let value = u256.One;
  for (let i = 0; i < exponent; i++) value = u256.add(value, value);
  return value;
}

/** All zeros, all ones, or one of both with a boundary at a random bit. */
function run(): u64 {
  const ones: u64 = ~(<u64>0) << (next() & 63);
  return next() & 1 ? ones : ~ones;
}
