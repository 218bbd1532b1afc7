import { constants, createHash, privateEncrypt, publicEncrypt, randomBytes } from "node:crypto";

import { makeRsaKey, rsaKey } from "../support/rsa-keys";
import type { RsaParts } from "../support/rsa-keys";
import { cases, compileCrypto, Crypto, Status } from "./module";

const crypto = new Crypto(compileCrypto(false, "tcp"));
const { call } = crypto;
const padding = constants.RSA_NO_PADDING;

const padded = (bytes: Buffer, size: number): Buffer =>
  Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);

/** A private key as rsa.ts has it. */
function flat({ n, p, q, dp, dq, qi }: RsaParts): Buffer {
  return Buffer.concat([padded(n, 128), ...[p, q, dp, dq, qi].map((part) => padded(part, 64))]);
}

/** A number below the modulus, often near an end of the range. */
function below(modulus: Buffer, index: number): Buffer {
  const number = randomBytes(modulus.length);
  if (index % 8 === 0) number.fill(0, 0, modulus.length - 1 - (index % 24));
  if (index % 8 === 1) modulus.copy(number, 0, 0, modulus.length - 2);
  if (index % 8 === 1)
    number.writeUInt16BE(modulus.readUInt16BE(modulus.length - 2) >> 1, modulus.length - 2);
  while (Buffer.compare(number, modulus) >= 0) number[0] >>= 1;
  return number;
}

function publicOperation(input: Buffer, modulus: Buffer): { status: number; output: Buffer } {
  crypto.reset();
  const output = crypto.room(modulus.length);
  const status = call.rsaPublic(output, crypto.put(input), crypto.put(modulus), modulus.length);
  return { status, output: crypto.get(output, modulus.length) };
}

function privateOperation(input: Buffer, key: Buffer): { status: number; output: Buffer } {
  crypto.reset();
  const output = crypto.room(128);
  const status = call.rsaPrivate(output, crypto.put(input), crypto.put(key));
  return { status, output: crypto.get(output, 128) };
}

describe("the public operation", () => {
  test.each([
    [2048, 600],
    [1024, 400],
  ])("%d bits: %d random numbers, as node:crypto has it", (bits, count) => {
    let key = makeRsaKey(bits);
    for (let i = 0; i < cases(count); i++) {
      if (i % 100 === 99) key = makeRsaKey(bits);
      const input = below(key.parts.n, i);
      const expected = publicEncrypt({ key: key.publicKey, padding }, input);
      expect(publicOperation(input, key.parts.n)).toEqual({ status: 0, output: expected });
    }
  });

  test("0, 1, n - 1 and n", () => {
    const { n } = makeRsaKey(2048).parts;
    const [zero, one, most] = [Buffer.alloc(256), Buffer.alloc(256), Buffer.from(n)];
    one[255] = 1;
    most[255] -= 1;
    for (const same of [zero, one, most]) {
      expect(publicOperation(same, n)).toEqual({ status: 0, output: same });
    }
    expect(publicOperation(n, n).status).toBe(-1);
    expect(publicOperation(Buffer.alloc(256, 255), n).status).toBe(-1);
  });
});

describe("the private operation", () => {
  test("1,000 random numbers, as node:crypto has it", () => {
    let key = makeRsaKey(1024);
    for (let i = 0; i < cases(1000); i++) {
      if (i % 40 === 39) key = makeRsaKey(1024);
      const input = below(key.parts.n, i);
      const expected = privateEncrypt({ key: key.privateKey, padding }, input);
      expect(privateOperation(input, flat(key.parts))).toEqual({ status: 0, output: expected });
    }
  });

  test("p below q, and p above q", () => {
    const { parts } = makeRsaKey(1024);
    const other = { ...parts, p: parts.q, q: parts.p, dp: parts.dq, dq: parts.dp };
    // 1 / p mod q is known to whoever makes a key of the integers.
    const fresh = rsaKey(parts);
    const swapped = inverseOf(parts);
    for (const key of [parts, { ...other, qi: swapped }]) {
      const input = below(parts.n, 3);
      const expected = privateEncrypt({ key: fresh.privateKey, padding }, input);
      expect(privateOperation(input, flat(key))).toEqual({ status: 0, output: expected });
    }
  });

  test("a fault in any part of the key gives zeros, not a number", () => {
    const { parts } = makeRsaKey(1024);
    const key = flat(parts);
    for (let at = 128; at < 448; at += 17) {
      const faulty = Buffer.from(key);
      faulty[at] ^= 0x10;
      const { status, output } = privateOperation(below(parts.n, 3), faulty);
      expect({ at, status, output }).toEqual({
        at,
        status: Status.InvalidPrivateKey,
        output: Buffer.alloc(128),
      });
    }
  });

  test("a number that is not below n is refused; a source that fails gives nothing", () => {
    const { parts } = makeRsaKey(1024);
    const nothing = Buffer.alloc(128);
    expect(privateOperation(parts.n, flat(parts))).toEqual({ status: -1, output: nothing });
    const { random } = crypto;
    crypto.random = () => -1;
    expect(privateOperation(below(parts.n, 2), flat(parts))).toEqual({
      status: Status.RandomFailure,
      output: nothing,
    });
    // A blind of zeros would make every result 0: the check finds it.
    crypto.random = (bytes) => bytes.fill(0).length;
    expect(privateOperation(below(parts.n, 2), flat(parts)).status).toBe(Status.InvalidPrivateKey);
    crypto.random = random;
  });

  test("is blinded, and leaves nothing of the key in static memory", () => {
    const { parts } = makeRsaKey(1024);
    privateOperation(below(parts.n, 2), flat(parts));
    const statics = crypto.statics();
    const image = createHash("sha256").update(statics).digest();
    privateOperation(below(parts.n, 2), flat(makeRsaKey(1024).parts));
    // Whatever the key and the number were, static memory is the same afterwards.
    expect(createHash("sha256").update(crypto.statics()).digest()).toEqual(image);
    let drawn = 0;
    const { random } = crypto;
    crypto.random = (bytes) => {
      drawn += bytes.length;
      return random(bytes);
    };
    privateOperation(below(parts.n, 2), flat(parts));
    crypto.random = random;
    expect(drawn).toBe(128);
  });
});

/** 1 / p mod q, by Fermat. */
function inverseOf({ p, q }: RsaParts): Buffer {
  const [a, m] = [p, q].map((part) => BigInt(`0x${part.toString("hex")}`));
  let [result, square, exponent] = [1n, a % m, m - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * square) % m;
    square = (square * square) % m;
  }
  return Buffer.from(result.toString(16).padStart(128, "0"), "hex");
}

describe("DER", () => {
  const key = makeRsaKey(1024);
  const server = makeRsaKey(2048);

  function decode(der: Buffer, inPlace = false): { status: number; output: Buffer } {
    crypto.reset();
    const from = crypto.put(der);
    const output = inPlace ? from : crypto.room(448);
    const status = call.rsaDecodePrivateKey(output, from, der.length);
    return { status, output: crypto.get(output, 448) };
  }

  function decodeSpki(der: Buffer): { status: number; output: Buffer } {
    crypto.reset();
    const output = crypto.room(256);
    const status = call.rsaDecodeSpki(output, crypto.put(der), der.length);
    return { status, output: crypto.get(output, 256) };
  }

  test("random keys, also in place", () => {
    for (let i = 0; i < cases(30); i++) {
      const { pkcs1, parts, spki } = makeRsaKey(1024);
      const expected = { status: 0, output: flat(parts) };
      expect(decode(pkcs1)).toEqual(expected);
      expect(decode(pkcs1, true)).toEqual(expected);
      const output = crypto.room(162);
      expect(call.rsaEncodeSpki(output, crypto.put(parts.n))).toBe(162);
      expect(crypto.get(output, 162)).toEqual(spki);
    }
    expect(decodeSpki(server.spki)).toEqual({ status: 0, output: server.parts.n });
  });

  test("a number with leading zeros is shorter", () => {
    const small = { ...key.parts, dp: Buffer.of(1, 2, 3), qi: Buffer.of(7) };
    const der = encodePrivateKey(small);
    expect(decode(der)).toEqual({ status: 0, output: flat(small) });
  });

  test("keys of other kinds and sizes are refused", () => {
    for (const der of [server.pkcs1, key.spki, server.spki, makeRsaKey(1536).pkcs1]) {
      expect(decode(der).status).toBe(Status.MalformedDer);
    }
    for (const der of [key.spki, key.pkcs1, server.pkcs1]) {
      expect(decodeSpki(der).status).toBe(Status.MalformedDer);
    }
    const odd: Partial<RsaParts>[] = [
      { e: Buffer.of(3) },
      { p: key.parts.p.subarray(1) },
      { q: Buffer.concat([Buffer.of(1), key.parts.q]) },
      { dp: Buffer.concat([Buffer.of(1), Buffer.alloc(64)]) },
      { n: Buffer.concat([key.parts.n.subarray(0, 127), Buffer.of(2)]) },
    ];
    for (const change of odd) {
      const der = encodePrivateKey({ ...key.parts, ...change });
      expect(decode(der).status).toBe(Status.MalformedDer);
    }
  });

  test("cut anywhere, with bytes behind it, or not minimal", () => {
    const { pkcs1 } = key;
    for (let length = 0; length < pkcs1.length; length++) {
      expect(decode(pkcs1.subarray(0, length)).status).toBe(Status.MalformedDer);
    }
    expect(decode(Buffer.concat([pkcs1, Buffer.of(0)])).status).toBe(Status.MalformedDer);
    const long = encodePrivateKey(key.parts, true);
    expect(decode(long).status).toBe(Status.MalformedDer);
    for (let length = 0; length < 294; length++) {
      expect(decodeSpki(server.spki.subarray(0, length)).status).toBe(Status.MalformedDer);
    }
  });

  test("one changed byte is refused or changes the key, and nothing else", () => {
    const { pkcs1 } = key;
    for (let at = 0; at < pkcs1.length; at++) {
      const changed = Buffer.from(pkcs1);
      changed[at] ^= 1 << (at % 8);
      const { status } = decode(changed);
      expect([0, Status.MalformedDer]).toContain(status);
    }
    for (let at = 0; at < 294; at++) {
      const changed = Buffer.from(server.spki);
      changed[at] ^= 1 << (at % 8);
      const { status, output } = decodeSpki(changed);
      if (at < 33 || at >= 289) expect({ at, status }).toEqual({ at, status: Status.MalformedDer });
      else if (status === 0) expect(output.equals(server.parts.n)).toBe(false);
    }
  });
});

/** RSAPrivateKey of these integers; `long`: one of them has a zero too many in front. */
function encodePrivateKey(parts: RsaParts, long = false): Buffer {
  const integer = (value: Buffer): Buffer => {
    const body = value[0] > 127 ? Buffer.concat([Buffer.of(0), value]) : value;
    return element(0x02, body);
  };
  const { n, e, d, p, q, dp, dq, qi } = parts;
  const last = long ? element(0x02, Buffer.concat([Buffer.of(0, 0), qi])) : integer(qi);
  const fields = [Buffer.of(0), n, e, d, p, q, dp, dq].map(integer);
  return element(0x30, Buffer.concat([...fields, last]));
}

function element(tag: number, body: Buffer): Buffer {
  const { length } = body;
  if (length < 128) return Buffer.concat([Buffer.of(tag, length), body]);
  if (length < 256) return Buffer.concat([Buffer.of(tag, 0x81, length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 255), body]);
}
