// P-256 in a few lines of BigInt, textbook affine formulas: an oracle for tests.

export const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
export const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
export const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** An affine point; undefined for infinity. */
export type Point = { x: bigint; y: bigint } | undefined;

export const G: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};

/** The remainder 0...m - 1. */
export function mod(value: bigint, m: bigint): bigint {
  const rest = value % m;
  return rest < 0n ? rest + m : rest;
}

export function power(base: bigint, exponent: bigint, m: bigint): bigint {
  let result = 1n;
  for (let square = mod(base, m); exponent > 0n; exponent >>= 1n, square = (square * square) % m) {
    if (exponent & 1n) result = (result * square) % m;
  }
  return result;
}

/** 1 / value modulo a prime; 0 for 0. */
export function inverse(value: bigint, m: bigint): bigint {
  let [a, c, x, y] = [mod(value, m), m, 1n, 0n];
  while (a > 1n) {
    const quotient = c / a;
    [a, c, x, y] = [c - quotient * a, a, y - quotient * x, x];
  }
  return a === 0n ? 0n : mod(x, m);
}

export function add(a: Point, c: Point): Point {
  if (!a || !c) return a ?? c;
  if (a.x === c.x && mod(a.y + c.y, p) === 0n) return undefined;
  const slope =
    a.x === c.x
      ? (3n * a.x * a.x - 3n) * inverse(2n * a.y, p)
      : (c.y - a.y) * inverse(c.x - a.x, p);
  const x = mod(slope * slope - a.x - c.x, p);
  return { x, y: mod(slope * (a.x - x) - a.y, p) };
}

export function multiply(k: bigint, point: Point): Point {
  let result: Point;
  for (let rest = mod(k, n); rest > 0n; rest >>= 1n, point = add(point, point)) {
    if (rest & 1n) result = add(result, point);
  }
  return result;
}

/** 32 bytes, big endian. */
export function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex");
}

export function fromBytes(bytes: Uint8Array): bigint {
  return BigInt("0x" + Buffer.from(bytes).toString("hex"));
}

/** 04 X Y. */
export function encodePoint(point: { x: bigint; y: bigint }): Buffer {
  return Buffer.concat([Buffer.of(4), toBytes(point.x), toBytes(point.y)]);
}
