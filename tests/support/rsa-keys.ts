// RSA keys for tests, made of primes of node:crypto, and their DER. Not generateKeyPairSync, which can
// stop for ever in Node 20 (see cloud/keys.ts).

import { createPrivateKey, createPublicKey, generatePrimeSync } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** The integers of a private key (RFC 8017 §3.2), big endian, without leading zeros. */
export interface RsaParts {
  n: Buffer;
  e: Buffer;
  d: Buffer;
  p: Buffer;
  q: Buffer;
  dp: Buffer;
  dq: Buffer;
  qi: Buffer;
}

export interface RsaKey {
  parts: RsaParts;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** RSAPrivateKey and SubjectPublicKeyInfo, DER. */
  pkcs1: Buffer;
  spki: Buffer;
}

const E = 65537n;

const bytes = (value: bigint): Buffer => {
  const digits = value.toString(16);
  return Buffer.from(digits.padStart(digits.length + (digits.length & 1), "0"), "hex");
};

function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** A prime of so many bits, of which the two highest are set. */
function prime(bits: number): bigint {
  for (;;) {
    const candidate = generatePrimeSync(bits, { bigint: true });
    if (candidate >> BigInt(bits - 2) === 3n && candidate % E !== 1n) return candidate;
  }
}

/** Make a key of 1024 or 2048 bits. */
export function makeRsaKey(bits: number): RsaKey {
  const [p, q] = [prime(bits / 2), prime(bits / 2)];
  const d = inverse(E, (p - 1n) * (q - 1n));
  return rsaKey({
    n: bytes(p * q),
    e: bytes(E),
    d: bytes(d),
    p: bytes(p),
    q: bytes(q),
    dp: bytes(d % (p - 1n)),
    dq: bytes(d % (q - 1n)),
    qi: bytes(modPow(q, p - 2n, p)),
  });
}

/** A key of its integers. */
export function rsaKey(parts: RsaParts): RsaKey {
  const fields = Object.entries(parts).map(([name, value]) => [
    name,
    (value as Buffer).toString("base64url"),
  ]);
  const key = { kty: "RSA", ...(Object.fromEntries(fields) as Record<string, string>) };
  const privateKey = createPrivateKey({ key, format: "jwk" });
  const publicKey = createPublicKey(privateKey);
  return {
    parts,
    privateKey,
    publicKey,
    pkcs1: privateKey.export({ type: "pkcs1", format: "der" }),
    spki: publicKey.export({ type: "spki", format: "der" }),
  };
}
