// assembly/crypto/p256-field.ts and p256-multiply.ts against u256

import { u256 } from "as-bignum/assembly";
import { equal, finish, section } from "../support/check";
import {
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
} from "../../../../assembly/crypto/p256-field";
import { fieldMul, fieldSqr } from "../../../../assembly/crypto/p256-multiply";
import {
  addMod,
  mulMod,
  next,
  operand,
  PRIME,
  radixMod,
  storeBytes,
  storeLimbs,
  subMod,
  valueMod,
} from "./modular";

const CASES = 600;
const R = radixMod(PRIME);
const a = heap.alloc(36);
const b = heap.alloc(36);
const out = heap.alloc(36);
const bytesIn = heap.alloc(32);
const bytesOut = heap.alloc(32);

/** 1 unless limbs 0 to 7 of `out` are in 0...2^29 - 1 and the top limb is small. */
function unreduced(at: usize): i32 {
  for (let i = 0; i < 8; i++) {
    if (load<u32>(at + 4 * i) >> 29) return 1;
  }
  return abs(load<i32>(at, 32)) >> 27 ? 1 : 0;
}

function differs(actual: u256, expected: u256): i32 {
  return u256.eq(actual, expected) ? 0 : 1;
}

/** Limbs at the limits of the type: +-`size` at random, but for a small top limb. */
function extreme(at: usize, size: i32): void {
  const signs = <i32>next();
  for (let i = 0; i < 8; i++) store<i32>(at + 4 * i, (signs >> i) & 1 ? size : -size);
  store<i32>(at, (<i32>next()) >> 6, 32);
}

function same(at: usize, size: i32): void {
  for (let i = 0; i < 8; i++) store<i32>(at + 4 * i, size);
  store<i32>(at, size >> 6, 32);
}

section("operands 0...2^256 - 1");
let products = 0;
let squares = 0;
let sums = 0;
let differences = 0;
let ranges = 0;
for (let i = 0; i < CASES; i++) {
  storeLimbs(a, operand(i, PRIME));
  storeLimbs(b, operand(<i32>(next() % 200), PRIME));
  const x = valueMod(a, PRIME);
  const y = valueMod(b, PRIME);
  fieldMul(out, a, b);
  ranges += unreduced(out);
  products += differs(mulMod(valueMod(out, PRIME), R, PRIME), mulMod(x, y, PRIME));
  fieldSqr(out, a);
  ranges += unreduced(out);
  squares += differs(mulMod(valueMod(out, PRIME), R, PRIME), mulMod(x, x, PRIME));
  fieldAdd(out, a, b);
  sums += differs(valueMod(out, PRIME), addMod(x, y, PRIME));
  fieldSub(out, a, b);
  differences += differs(valueMod(out, PRIME), subMod(x, y, PRIME));
}
equal("products", products, 0);
equal("squares", squares, 0);
equal("sums", sums, 0);
equal("differences", differences, 0);
equal("results that are not reduced", ranges, 0);

section("lazy operands at their bounds");
let carries = 0;
products = 0;
squares = 0;
ranges = 0;
for (let i = 0; i < CASES; i++) {
  // All limbs alike give the largest columns; then random signs.
  const wide = i & 1 ? 1 << 30 : (1 << 31) - 1;
  const narrow = i & 1 ? 1 << 29 : 1 << 28;
  if (i < 8) {
    same(a, i & 2 ? wide : -wide);
    same(b, i & 4 ? narrow : -narrow);
  } else {
    extreme(a, wide);
    extreme(b, narrow);
  }
  const x = valueMod(a, PRIME);
  const y = valueMod(b, PRIME);
  fieldMul(out, a, b);
  products += differs(mulMod(valueMod(out, PRIME), R, PRIME), mulMod(x, y, PRIME));
  ranges += unreduced(out);
  fieldSqr(out, b);
  squares += differs(mulMod(valueMod(out, PRIME), R, PRIME), mulMod(y, y, PRIME));
  if (wide == 1 << 30) {
    fieldCarry(a);
    carries += differs(valueMod(a, PRIME), x);
    ranges += unreduced(a);
  }
  ranges += unreduced(out);
}
equal("products", products, 0);
equal("squares", squares, 0);
equal("carries", carries, 0);
equal("results that are not reduced", ranges, 0);

section("the rest");
let twice = 0;
let halves = 0;
let negations = 0;
let inverses = 0;
let zeros = 0;
let conversions = 0;
ranges = 0;
const three = u256.fromU64(3);
for (let i = 0; i < CASES; i++) {
  const value = operand(i, PRIME);
  storeLimbs(a, value);
  storeLimbs(b, operand(<i32>(next() % 200), PRIME));
  const x = valueMod(a, PRIME);
  const y = valueMod(b, PRIME);
  fieldSub(out, b, a);
  fieldSubTwice(out, a);
  ranges += unreduced(out);
  twice += differs(valueMod(out, PRIME), subMod(y, mulMod(three, x, PRIME), PRIME));
  memory.copy(out, a, 36);
  fieldThreeHalves(out);
  ranges += unreduced(out);
  const half = valueMod(out, PRIME);
  halves += differs(addMod(half, half, PRIME), mulMod(three, x, PRIME));
  memory.copy(out, a, 36);
  fieldNegateIf(out, 0);
  negations += differs(valueMod(out, PRIME), x);
  fieldNegateIf(out, -1);
  negations += differs(valueMod(out, PRIME), subMod(u256.Zero, x, PRIME));
  zeros += <i32>(fieldIsZero(a) != u256.eq(x, u256.Zero));
  fieldSub(out, a, a);
  zeros += <i32>!fieldIsZero(out);
  fieldInvert(out, a);
  const square = mulMod(R, R, PRIME);
  const product = mulMod(valueMod(out, PRIME), x, PRIME);
  inverses += differs(product, u256.eq(x, u256.Zero) ? u256.Zero : square);
  storeBytes(bytesIn, value);
  conversions += <i32>((fieldFromBytes(out, bytesIn) != 0) != u256.lt(value, PRIME));
  conversions += differs(valueMod(out, PRIME), mulMod(R, x, PRIME));
  fieldToBytes(bytesOut, out);
  storeBytes(bytesIn, x);
  conversions += memory.compare(bytesIn, bytesOut, 32) == 0 ? 0 : 1;
}
equal("a - 2b", twice, 0);
equal("3/2 a", halves, 0);
equal("negation", negations, 0);
equal("zero", zeros, 0);
equal("inverses", inverses, 0);
equal("bytes", conversions, 0);
equal("results that are not reduced", ranges, 0);

finish();
