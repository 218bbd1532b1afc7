// The constants of P-256 in assembly/crypto, computed anew, and the claims that its comments make
// about exceptional scalars.

import { readFileSync } from "node:fs";
import path from "node:path";

import { b, G, mod, multiply, n, p } from "./curve";

const folder = path.resolve(__dirname, "../../assembly/crypto");
const source = (name: string): string => readFileSync(path.join(folder, name), "utf8");
const R = 1n << 261n;

/** The numbers of a `memory.data<u32>([...])` constant. */
function constant(file: string, name: string): bigint[] {
  const found = new RegExp(`\\b${name}: usize = memory\\.data<u(?:8|32)>\\(\\[([^\\]]*)\\]`).exec(
    source(file),
  );
  const text = found![1].replace(/\/\/.*$/gm, "");
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(BigInt);
}

function value(limbs: bigint[]): bigint {
  return limbs.reduce((sum, limb, i) => sum + (limb << BigInt(29 * i)), 0n);
}

test.each<[string, string, bigint]>([
  ["p256-limbs.ts", "PRIME", p],
  ["p256-limbs.ts", "ORDER", n],
  ["p256-field.ts", "FIELD_ONE", mod(R, p)],
  ["p256-field.ts", "R_SQUARED", mod(R * R, p)],
  ["p256-field.ts", "PLAIN_ONE", 1n],
  ["p256-scalar.ts", "R_SQUARED", mod(R * R, n)],
  ["p256-point.ts", "CURVE_B", mod(b * R, p)],
])("%s: %s", (file, name, expected) => {
  const limbs = constant(file, name);
  expect(limbs.length).toBe(9);
  expect(value(limbs)).toBe(expected);
});

test("p256-scalar.ts: exponent, quotient factor and limbs of n", () => {
  const bytes = constant("p256-scalar.ts", "EXPONENT");
  expect(bytes.reduce((sum, byte) => sum * 256n + byte, 0n)).toBe(n - 2n);
  const factor = /QUOTIENT: i64 = (0x\w+);/.exec(source("p256-scalar.ts"))![1];
  expect(mod(BigInt(factor) * n, 1n << 29n)).toBe((1n << 29n) - 1n);
  const limbs = [...source("p256-scalar.ts").matchAll(/\bq \* (0x\w+)/g)].map((match) =>
    BigInt(match[1]),
  );
  expect(limbs).toEqual(constant("p256-limbs.ts", "ORDER"));
});

/** The scalar of a column of the comb, with signs for 1, 2^52 ... 2^208. */
function column(signs: bigint[]): bigint {
  return signs.reduce((sum, sign, i) => sum + (sign << BigInt(52 * i)), 0n);
}

/** All combinations of `count` signs; those of entry u are the bits of u. */
function combinations(count: number): bigint[][] {
  return Array.from({ length: 1 << count }, (_, u) =>
    Array.from({ length: count }, (__, i) => ((u >> i) & 1 ? 1n : -1n)),
  );
}

test("the comb has the right points", () => {
  const numbers = constant("p256-comb.ts", "BASE_COMB");
  expect(numbers.length).toBe(16 * 20);
  combinations(4).forEach((signs, u) => {
    const point = multiply(column([...signs, 1n]), G)!;
    const at = 20 * u;
    expect(value(numbers.slice(at, at + 9))).toBe(mod(point.x * R, p));
    expect(value(numbers.slice(at + 9, at + 18))).toBe(mod(point.y * R, p));
  });
});

test("no scalar is exceptional for the comb", () => {
  // The last column c meets an equal accumulator for k = n + 2c, c < 0, if k has the digits of c.
  let candidates = 0;
  for (const signs of combinations(5)) {
    const k = n + 2n * column(signs);
    if (k >= n) continue;
    candidates++;
    const digits = signs.map((_, i) => ((k >> BigInt(52 * i + 1)) & 1n ? 1n : -1n));
    expect(digits).not.toEqual(signs);
  }
  expect(candidates).toBe(16);
});

test("n - 2 is the only exceptional odd scalar for the windows", () => {
  const exceptional: bigint[] = [];
  for (let d = -15n; d < 0n; d += 2n) {
    const k = n + 2n * d;
    if (2n * ((k >> 1n) & 15n) - 15n === d) exceptional.push(k);
  }
  expect(exceptional).toEqual([n - 2n]);
});
