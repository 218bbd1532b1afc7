// assembly/crypto/p256-scalar.ts and p256-limbs.ts against u256

import { u256 } from "as-bignum/assembly";
import { equal, finish } from "../support/check";
import {
  limbsEqual,
  limbsFromBytes,
  limbsIsBelow,
  limbsNegateIf,
  limbsReduceOnce,
  limbsToBytes,
  ORDER as ORDER_LIMBS,
} from "../../../../assembly/crypto/p256-limbs";
import {
  scalarFromBytes,
  scalarInvert,
  scalarIsZero,
  scalarMul,
  scalarToMontgomery,
} from "../../../../assembly/crypto/p256-scalar";
import {
  addMod,
  mulMod,
  next,
  operand,
  ORDER,
  radixMod,
  storeBytes,
  storeLimbs,
  subMod,
  valueMod,
} from "./modular";

const CASES = 600;
const R = radixMod(ORDER);
const a = heap.alloc(36);
const b = heap.alloc(36);
const out = heap.alloc(36);
const wanted = heap.alloc(36);
const bytesIn = heap.alloc(32);
const bytesOut = heap.alloc(32);

/** 1 unless `out` has exactly the limbs of `expected`. */
function differs(at: usize, expected: u256): i32 {
  storeLimbs(wanted, expected);
  return memory.compare(at, wanted, 36) == 0 ? 0 : 1;
}

let products = 0;
let sums = 0;
let montgomery = 0;
let inverses = 0;
let reductions = 0;
let negations = 0;
let comparisons = 0;
let conversions = 0;
for (let i = 0; i < CASES; i++) {
  const left = operand(i, ORDER);
  const right = operand(<i32>(next() % 200), ORDER);
  storeLimbs(a, left);
  storeLimbs(b, right);
  const x = valueMod(a, ORDER);
  const y = valueMod(b, ORDER);

  scalarMul(out, a, b);
  const product = valueMod(out, ORDER);
  products += differs(out, product);
  products += u256.eq(mulMod(product, R, ORDER), mulMod(x, y, ORDER)) ? 0 : 1;
  // A lazy sum of two numbers below 2^256 as the first factor.
  for (let at = 0; at < 36; at += 4) store<i32>(out + at, load<i32>(a + at) + load<i32>(b + at));
  const sum = addMod(x, y, ORDER);
  scalarMul(out, out, b);
  sums += u256.eq(mulMod(valueMod(out, ORDER), R, ORDER), mulMod(sum, y, ORDER)) ? 0 : 1;
  scalarToMontgomery(out, a);
  montgomery += differs(out, mulMod(R, x, ORDER));
  const zero = u256.eq(x, u256.Zero);
  if (!zero) {
    // 1 / (x R) in Montgomery form is R / x.
    scalarInvert(b, out);
    scalarMul(b, b, a);
    inverses += differs(b, u256.One);
    storeLimbs(b, right);
  }

  memory.copy(out, a, 36);
  limbsReduceOnce(out, ORDER_LIMBS);
  reductions += differs(out, x);
  limbsNegateIf(out, 0);
  negations += differs(out, x);
  limbsNegateIf(out, -1);
  if (!zero) negations += differs(out, subMod(u256.Zero, x, ORDER));
  comparisons += <i32>((limbsIsBelow(a, b) != 0) != u256.lt(left, right));
  comparisons += <i32>((limbsEqual(a, b) != 0) != u256.eq(left, right));
  comparisons += <i32>((scalarIsZero(a) != 0) != u256.eq(left, u256.Zero));

  storeBytes(bytesIn, left);
  limbsFromBytes(out, bytesIn);
  conversions += differs(out, left);
  limbsToBytes(bytesOut, a);
  conversions += memory.compare(bytesIn, bytesOut, 32) == 0 ? 0 : 1;
  const valid = u256.lt(left, ORDER) && !u256.eq(left, u256.Zero);
  conversions += <i32>((scalarFromBytes(out, bytesIn) != 0) != valid);
}
equal("products", products, 0);
equal("products with a sum", sums, 0);
equal("Montgomery form", montgomery, 0);
equal("inverses", inverses, 0);
equal("reductions", reductions, 0);
equal("negations", negations, 0);
equal("comparisons", comparisons, 0);
equal("bytes", conversions, 0);

finish();
