import { createHash, createPublicKey, randomBytes, sign, verify } from "node:crypto";

import { generateKeyPair } from "../../cloud/keys";
import type { KeyObject } from "node:crypto";

import {
  add,
  b,
  encodePoint,
  fromBytes,
  G,
  inverse,
  mod,
  multiply,
  n,
  p,
  power,
  toBytes,
} from "./curve";
import { cases, Crypto, Status } from "./module";

const crypto = new Crypto();
const { call } = crypto;
const sha256 = (data: Buffer | string): Buffer => createHash("sha256").update(data).digest();
const hex = (text: string): Buffer => Buffer.from(text, "hex");

function publicKeyOf(key: Buffer): Buffer {
  crypto.reset();
  const point = crypto.room(65);
  expect(call.p256PublicKey(point, crypto.put(key))).toBe(0);
  return crypto.get(point, 65);
}

function signOurs(key: Buffer, digest: Buffer, extra?: Buffer): Buffer {
  crypto.reset();
  const signature = crypto.room(64);
  const [k, z] = [crypto.put(key), crypto.put(digest)];
  const status = extra
    ? call.p256SignWith(signature, k, z, crypto.put(extra), extra.length)
    : call.p256Sign(signature, k, z);
  expect(status).toBe(0);
  return crypto.get(signature, 64);
}

function verifyOurs(point: Buffer, digest: Buffer, signature: Buffer): number {
  crypto.reset();
  return call.p256Verify(crypto.put(point), crypto.put(digest), crypto.put(signature));
}

function keyObject(point: Buffer): KeyObject {
  const x = point.subarray(1, 33).toString("base64url");
  const y = point.subarray(33).toString("base64url");
  return createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x, y } });
}

function verifyNode(point: Buffer, message: Buffer, signature: Buffer): boolean {
  const key = keyObject(point);
  return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** The textbook, SEC 1 §4.1.4, for digests and signatures that no signer makes. */
function verifyOracle(point: { x: bigint; y: bigint }, z: bigint, r: bigint, s: bigint): boolean {
  if (r < 1n || r >= n || s < 1n || s >= n) return false;
  const w = inverse(s, n);
  const sum = add(multiply(z * w, G), multiply(r * w, point));
  return sum !== undefined && mod(sum.x, n) === r;
}

const encode = (r: bigint, s: bigint): Buffer => Buffer.concat([toBytes(r), toBytes(s)]);

describe("signing", () => {
  // RFC 6979 §A.2.5, SHA-256
  const key = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
  test.each([
    [
      "sample",
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ],
    [
      "test",
      "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367" +
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ],
  ])("RFC 6979: %s", (message, signature) => {
    expect(signOurs(key, sha256(message), Buffer.alloc(0))).toEqual(hex(signature));
  });

  test("node and the core accept our signatures", () => {
    for (let i = 0; i < cases(500); i++) {
      const secret = toBytes((fromBytes(randomBytes(32)) % (n - 1n)) + 1n);
      const message = randomBytes(i % 100);
      const point = publicKeyOf(secret);
      const signature = signOurs(secret, sha256(message));
      expect(verifyNode(point, message, signature)).toBe(true);
      expect(verifyOurs(point, sha256(message), signature)).toBe(0);
    }
  });

  test("every signature has a nonce of its own; without extra input they repeat", () => {
    const digest = sha256("once");
    expect(signOurs(key, digest)).not.toEqual(signOurs(key, digest));
    const none = Buffer.alloc(0);
    expect(signOurs(key, digest, none)).toEqual(signOurs(key, digest, none));
    expect(signOurs(key, digest, Buffer.alloc(32))).not.toEqual(signOurs(key, digest, none));
  });

  test("edge keys and digests", () => {
    for (const d of [1n, 2n, 3n, n - 1n, n - 2n, n / 2n, 1n << 255n]) {
      for (const z of [0n, 1n, n - 1n, n, n + 1n, 2n ** 256n - 1n]) {
        const [secret, digest] = [toBytes(d), toBytes(z)];
        const signature = signOurs(secret, digest, Buffer.alloc(0));
        const [r, s] = [fromBytes(signature.subarray(0, 32)), fromBytes(signature.subarray(32))];
        expect(verifyOracle(multiply(d, G)!, z, r, s)).toBe(true);
        expect(verifyOurs(publicKeyOf(secret), digest, signature)).toBe(0);
      }
    }
  });

  test("refuses keys out of range and a failing random source", () => {
    const other = new Crypto();
    const [signature, digest] = [other.room(64), other.put(sha256("x"))];
    for (const k of [0n, n, 2n ** 256n - 1n]) {
      const status = other.call.p256Sign(signature, other.put(toBytes(k)), digest);
      expect(status).toBe(Status.InvalidPrivateKey);
    }
    other.random = () => -1;
    expect(other.call.p256Sign(signature, other.put(key), digest)).toBe(Status.RandomFailure);
  });

  test("leaves no secret in static memory", () => {
    signOurs(toBytes(1n), sha256("y"));
    const clean = crypto.statics();
    signOurs(key, sha256("x"));
    expect(crypto.statics()).toEqual(clean);
  });
});

describe("verifying", () => {
  test("node's signatures, and no changed ones", () => {
    for (let i = 0; i < cases(500); i++) {
      const { privateKey, publicKey } = generateKeyPair();
      const point = publicKey.export({ format: "der", type: "spki" }).subarray(26);
      const message = randomBytes(i % 70);
      const digest = sha256(message);
      const signature = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
      expect(verifyOurs(point, digest, signature)).toBe(0);
      const changed = Buffer.from(signature);
      changed[i % 64] ^= 1 << ((i >> 6) % 8);
      expect(verifyOurs(point, digest, changed)).toBe(Status.InvalidSignature);
      digest[i % 32] ^= 1;
      expect(verifyOurs(point, digest, signature)).toBe(Status.InvalidSignature);
    }
  });

  test("both s and n - s, as ECDSA has it", () => {
    const secret = randomBytes(32).fill(0, 0, 1);
    const digest = sha256("malleable");
    const signature = signOurs(secret, digest);
    const s = fromBytes(signature.subarray(32));
    const twin = Buffer.concat([signature.subarray(0, 32), toBytes(n - s)]);
    expect(verifyOurs(publicKeyOf(secret), digest, twin)).toBe(0);
  });

  test("r and s out of range", () => {
    const secret = toBytes(77n);
    const digest = sha256("range");
    const signature = signOurs(secret, digest);
    const [r, s] = [fromBytes(signature.subarray(0, 32)), fromBytes(signature.subarray(32))];
    const bad = [0n, n, n + 1n, p, 2n ** 256n - 1n];
    for (const value of bad) {
      expect(verifyOurs(publicKeyOf(secret), digest, encode(value, s))).toBe(
        Status.InvalidSignature,
      );
      expect(verifyOurs(publicKeyOf(secret), digest, encode(r, value))).toBe(
        Status.InvalidSignature,
      );
      for (const other of bad) {
        const both = encode(value, other);
        expect(verifyOurs(publicKeyOf(secret), digest, both)).toBe(Status.InvalidSignature);
      }
    }
  });

  test("invalid public keys", () => {
    const digest = sha256("key");
    const signature = signOurs(toBytes(5n), digest);
    const point = publicKeyOf(toBytes(5n));
    for (const at of [0, 1, 33, 64]) {
      const changed = Buffer.from(point);
      changed[at] ^= 1;
      expect(verifyOurs(changed, digest, signature)).toBe(Status.InvalidPublicKey);
    }
  });

  test("exceptional additions: small multiples of G on both sides", () => {
    // Q = q G and chosen u1, u2: r = x(u1 G + u2 Q), s = r / u2, z = u1 s. The two halves of the sum
    // then meet, cancel or coincide on the way.
    const small = [1n, 2n, 3n, 4n, 15n, 16n, 17n, 1n << 52n, n - 1n, n - 2n, n - 16n];
    let infinities = 0;
    const check = (q: bigint, u1: bigint, u2: bigint) => {
      const point = multiply(q, G)!;
      const sum = add(multiply(u1, G), multiply(u2, point));
      const r = sum ? mod(sum.x, n) : 1n;
      const s = mod(r * inverse(u2, n), n);
      const status = verifyOurs(encodePoint(point), toBytes(mod(u1 * s, n)), encode(r, s));
      if (!sum) infinities++;
      const expected = sum ? 0 : Status.InvalidSignature;
      expect({ q, u1, u2, status }).toEqual({ q, u1, u2, status: expected });
    };
    for (const q of [1n, 2n, 3n, n - 1n, n - 2n, inverse(2n, n), 1n << 52n]) {
      for (const u1 of [0n, ...small]) small.forEach((u2) => check(q, u1, u2));
    }
    expect(infinities).toBeGreaterThan(10);
  });

  test("x of the sum between n and p", () => {
    // x = r + n < p: a point with such an x, R, and Q = (R - u1 G) / u2 for any u1, u2.
    let r = 1n;
    let point;
    for (; !point; r++) {
      const x = r + n;
      const right = mod(x * x * x - 3n * x + b, p);
      const y = power(right, (p + 1n) / 4n, p);
      if ((y * y) % p === right) point = { x, y };
    }
    r--;
    const [u1, u2] = [12345n, 67890n];
    const minus = multiply(n - u1, G);
    const q = multiply(inverse(u2, n), add(point, minus))!;
    const s = mod(r * inverse(u2, n), n);
    const z = mod(u1 * s, n);
    expect(verifyOracle(q, z, r, s)).toBe(true);
    expect(verifyOurs(encodePoint(q), toBytes(z), encode(r, s))).toBe(0);
    expect(verifyOurs(encodePoint(q), toBytes(z), encode(r + 1n, s))).toBe(Status.InvalidSignature);
    // r + n wraps beyond p: the first candidate only.
    const large = p - n;
    expect(verifyOurs(encodePoint(q), toBytes(z), encode(large, s))).toBe(Status.InvalidSignature);
  });
});
