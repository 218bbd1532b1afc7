import { generateKeyPairSync, randomBytes, randomInt, sign, verify } from "node:crypto";

import { generateKeyPair } from "../../cloud/keys";

import { encodePoint, G, n, toBytes } from "./curve";
import { cases, Crypto, Status } from "./module";

const crypto = new Crypto();
const { call } = crypto;
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ""), "hex");

function decode(name: string, size: number, der: Buffer): Buffer | undefined {
  crypto.reset();
  const output = crypto.room(size);
  const status = call[name](output, crypto.put(der), der.length);
  if (status === 0) return crypto.get(output, size);
  expect(status).toBe(Status.MalformedDer);
  return undefined;
}

const decodeSpki = (der: Buffer) => decode("derDecodeSpki", 65, der);
const decodePrivateKey = (der: Buffer) => decode("derDecodePrivateKey", 32, der);
const decodeSignature = (der: Buffer) => decode("derDecodeSignature", 64, der);

function encodeSignature(signature: Buffer): Buffer {
  crypto.reset();
  const output = crypto.room(80);
  const length = call.derEncodeSignature(output, crypto.put(signature));
  expect(crypto.get(output + 72, 8)).toEqual(Buffer.alloc(8, 0xa5));
  return crypto.get(output, length);
}

/** An element of DER. */
function element(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const header = length < 128 ? [tag, length] : [tag, 0x81, length];
  return Buffer.concat([Buffer.from(header), content]);
}

/** `der` cut short at every length, extended, and with every byte changed in several ways. */
function* mutations(der: Buffer): Generator<Buffer> {
  for (let length = 0; length < der.length; length++) yield der.subarray(0, length);
  yield Buffer.concat([der, Buffer.of(0)]);
  for (let at = 0; at < der.length; at++) {
    for (const value of [0, 1, 0x7f, 0x80, 0x81, 0x82, 0xff, der[at] + 1, der[at] - 1]) {
      if (value % 256 === der[at]) continue;
      const changed = Buffer.from(der);
      changed[at] = value;
      yield changed;
    }
    yield Buffer.concat([der.subarray(0, at), Buffer.of(0), der.subarray(at)]);
    yield Buffer.concat([der.subarray(0, at), der.subarray(at + 1)]);
  }
}

const pair = () => generateKeyPair();

describe("SubjectPublicKeyInfo", () => {
  test("node's keys, both ways", () => {
    for (let i = 0; i < cases(50); i++) {
      const der = pair().publicKey.export({ format: "der", type: "spki" });
      const point = decodeSpki(der)!;
      expect(point).toEqual(der.subarray(26));
      crypto.reset();
      const output = crypto.room(91);
      expect(call.derEncodeSpki(output, crypto.put(point))).toBe(91);
      expect(crypto.get(output, 91)).toEqual(der);
    }
  });

  test("mutations: refused, but in the coordinates", () => {
    const der = pair().publicKey.export({ format: "der", type: "spki" });
    for (const changed of mutations(der)) {
      const same = changed.length === 91 && changed.subarray(0, 27).equals(der.subarray(0, 27));
      expect(decodeSpki(changed)?.equals(changed.subarray(26)) ?? false).toBe(same);
    }
  });

  test("other curves and a compressed point", () => {
    for (const namedCurve of ["secp256k1", "secp384r1"]) {
      const { publicKey } = generateKeyPairSync("ec", { namedCurve });
      expect(decodeSpki(publicKey.export({ format: "der", type: "spki" }))).toBeUndefined();
    }
    const compressed = hex(`3039301306072a8648ce3d020106082a8648ce3d030107032200
      036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296`);
    expect(decodeSpki(compressed)).toBeUndefined();
  });
});

describe("private keys", () => {
  const secret = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
  const VERSION1 = hex("020101");
  const CURVE = hex("06082a8648ce3d030107");
  const ALGORITHM = hex("301306072a8648ce3d020106082a8648ce3d030107");
  const parameters = element(0xa0, CURVE);
  const publicKey = element(0xa1, element(3, Buffer.of(0), encodePoint(G!)));
  const octets = element(4, secret);
  const pkcs8 = (key: Buffer, ...more: Buffer[]) =>
    element(0x30, hex("020100"), ALGORITHM, element(4, key), ...more);

  test("node's keys, SEC 1 and PKCS #8", () => {
    for (let i = 0; i < cases(50); i++) {
      const { privateKey } = pair();
      const { d } = privateKey.export({ format: "jwk" });
      const scalar = Buffer.from(d!, "base64url");
      for (const type of ["sec1", "pkcs8"] as const) {
        expect(decodePrivateKey(privateKey.export({ format: "der", type }))).toEqual(scalar);
      }
    }
  });

  test("the optional parts", () => {
    const short = element(0x30, VERSION1, octets);
    const named = element(0x30, VERSION1, octets, parameters);
    const full = element(0x30, VERSION1, octets, parameters, publicKey);
    const unnamed = element(0x30, VERSION1, octets, publicKey);
    for (const key of [named, full]) expect(decodePrivateKey(key)).toEqual(secret);
    for (const key of [short, unnamed]) expect(decodePrivateKey(key)).toBeUndefined();
    for (const key of [short, named, full, unnamed]) {
      expect(decodePrivateKey(pkcs8(key))).toEqual(secret);
    }
    expect(decodePrivateKey(pkcs8(full, element(0xa0, hex("3000"))))).toEqual(secret);
  });

  test.each<[string, Buffer]>([
    ["31 bytes", element(0x30, VERSION1, element(4, secret.subarray(1)), parameters)],
    ["33 bytes", element(0x30, VERSION1, element(4, Buffer.of(0), secret), parameters)],
    ["version 2", element(0x30, hex("020102"), octets, parameters)],
    ["another curve", element(0x30, VERSION1, octets, element(0xa0, hex("06052b8104000a")))],
    ["public key before parameters", element(0x30, VERSION1, octets, publicKey, parameters)],
    ["two parameters", element(0x30, VERSION1, octets, parameters, parameters)],
    [
      "compressed public key",
      element(
        0x30,
        VERSION1,
        octets,
        parameters,
        element(0xa1, element(3, Buffer.of(0), Buffer.alloc(33, 2))),
      ),
    ],
    ["PKCS #8 in PKCS #8", pkcs8(pkcs8(element(0x30, VERSION1, octets)))],
    [
      "trailing bytes in the octets",
      pkcs8(Buffer.concat([element(0x30, VERSION1, octets), Buffer.of(0)])),
    ],
    ["trailing element", pkcs8(element(0x30, VERSION1, octets), hex("0500"))],
    ["RSA", element(0x30, hex("020100"), hex("300d06092a864886f70d0101010500"), octets)],
    ["nothing", Buffer.alloc(0)],
  ])("refuses %s", (_, der) => {
    expect(decodePrivateKey(der)).toBeUndefined();
  });

  test("mutations: refused, but in the key, the embedded point and the attributes", () => {
    const key = element(0x30, VERSION1, octets, parameters, publicKey);
    for (const der of [key, pkcs8(key)]) {
      const at = der.indexOf(secret);
      const pointAt = der.length - 64;
      for (const changed of mutations(der)) {
        const first = changed.findIndex((byte, i) => byte !== der[i]);
        const inside = (first >= at && first < at + 32) || first >= pointAt;
        const fits = changed.length === der.length && inside;
        expect(decodePrivateKey(changed) !== undefined).toBe(fits);
      }
    }
  });
});

describe("signatures", () => {
  test("edge values, both ways", () => {
    const values = [
      0n,
      1n,
      127n,
      128n,
      255n,
      256n,
      n - 1n,
      2n ** 255n - 1n,
      2n ** 255n,
      2n ** 256n - 1n,
    ];
    for (const r of values) {
      for (const s of values) {
        const signature = Buffer.concat([toBytes(r), toBytes(s)]);
        const integers = [r, s].map((value) => {
          const digits = value.toString(16);
          const bytes = hex(digits.length & 1 ? "0" + digits : digits);
          return element(2, bytes[0] > 127 ? Buffer.of(0) : Buffer.alloc(0), bytes);
        });
        const der = element(0x30, ...integers);
        expect(encodeSignature(signature)).toEqual(der);
        expect(decodeSignature(der)).toEqual(signature);
      }
    }
  });

  test("node's signatures, both ways", () => {
    const { privateKey, publicKey } = pair();
    for (let i = 0; i < cases(500); i++) {
      const message = randomBytes(20);
      const der = sign("sha256", message, privateKey);
      const signature = decodeSignature(der)!;
      expect(
        verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature),
      ).toBe(true);
      expect(encodeSignature(signature)).toEqual(der);
    }
  });

  test.each([
    ["empty", ""],
    ["empty sequence", "3000"],
    ["one integer", "3003020101"],
    ["three integers", "3009020101020101020101"],
    ["trailing byte", "300602010102010100"],
    ["trailing byte inside", "300702010102010100"],
    ["long form of a short length", "308106020101020101"],
    ["long form in an integer", "30070281010102010100".slice(0, 18)],
    ["indefinite length", "30800201010201010000"],
    ["two length bytes", "30820006020101020101"],
    ["negative r", "3006020180020101"],
    ["negative s", "30060201010201ff"],
    ["excess zero in r", "300702020001020101"],
    ["excess zero in s", "300702010102020001"],
    ["integer without content", "30050200020101"],
    ["bit string for r", "3006030101020101"],
    ["set for a sequence", "3106020101020101"],
    ["r longer than the sequence", "300602050102010100"],
    ["length beyond the end", "3007020101020101"],
  ])("refuses %s", (_, der) => {
    expect(decodeSignature(hex(der))).toBeUndefined();
  });

  test("refuses integers of more than 32 bytes", () => {
    const long = element(2, Buffer.of(1), Buffer.alloc(32));
    expect(decodeSignature(element(0x30, long, element(2, Buffer.of(1))))).toBeUndefined();
    expect(decodeSignature(element(0x30, element(2, Buffer.of(1)), long))).toBeUndefined();
  });

  test("what is accepted encodes to the same bytes again: mutations and noise", () => {
    const { privateKey } = pair();
    const der = sign("sha256", Buffer.from("x"), privateKey);
    let accepted = 0;
    const inputs = [...mutations(der), ...Array.from({ length: cases(3000) }, () => noise())];
    for (const input of inputs) {
      const signature = decodeSignature(input);
      if (!signature) continue;
      accepted++;
      expect(encodeSignature(signature)).toEqual(input);
    }
    expect(accepted).toBeGreaterThan(100);
  });

  test("a length that is not positive", () => {
    crypto.reset();
    const at = crypto.put(hex("3006020101020101"));
    for (const length of [0, -1, -2147483648]) {
      for (const name of ["derDecodeSignature", "derDecodePrivateKey", "derDecodeSpki"]) {
        expect(call[name](crypto.room(65), at, length)).toBe(Status.MalformedDer);
      }
    }
  });

  test("at the end of memory nothing beyond is read", () => {
    const der = sign("sha256", Buffer.from("x"), pair().privateKey);
    for (const input of [der, ...Array.from({ length: 8 }, (_, i) => der.subarray(0, i))]) {
      crypto.reset();
      const output = crypto.room(65);
      crypto.room(65536 - crypto.room(0) - input.length);
      const at = crypto.put(input);
      for (const name of ["derDecodeSignature", "derDecodePrivateKey", "derDecodeSpki"]) {
        expect(() => call[name](output, at, input.length)).not.toThrow();
      }
    }
  });
});

/** A small random signature with now and then a wrong byte. */
function noise(): Buffer {
  const integer = () => element(2, randomBytes(1 + randomInt(4)));
  const der = element(0x30, integer(), integer());
  if (randomInt(2)) der[randomInt(der.length)] = randomInt(256);
  return der;
}
