import { constants, createHash, createPrivateKey, privateDecrypt, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

import { cases, compileCrypto, Crypto, Status } from "./module";

/** A case of tests/vectors/crypto; all values but the comment are hexadecimal. */
type Vector = { tcId: number; comment: string; result: string } & Record<string, string>;

const crypto = new Crypto(compileCrypto(false, "tcp"));
const { call } = crypto;
const hex = (text: string): Buffer => Buffer.from(text, "hex");

function vectors(name: string, count: number): Vector[] {
  const file = path.resolve(__dirname, "../vectors/crypto", name);
  const { tests } = JSON.parse(readFileSync(file, "utf8")) as { tests: Vector[] };
  expect(tests.length).toBe(count);
  return tests;
}

function unpad(block: Buffer, length: number): { status: number; message: Buffer } {
  crypto.reset();
  const message = crypto.room(length + 1);
  const status = call.pkcs1Unpad(message, length, crypto.put(block), block.length);
  if (crypto.get(message + length, 1)[0] !== 0xa5) throw new Error("writes too much");
  return { status, message: crypto.get(message, length) };
}

describe("type 2, encryption", () => {
  test("Wycheproof: blocks of decrypted ciphertexts", () => {
    const padding = constants.RSA_NO_PADDING;
    let blocks = 0;
    for (const { tcId, comment, key, ct, msg, result } of vectors("rsa-decrypt.json", 67)) {
      const privateKey = createPrivateKey({ key: hex(key), format: "der", type: "pkcs8" });
      const { n } = privateKey.export({ format: "jwk" });
      // Ciphertexts of another size, or not below the modulus, never get there.
      if (ct.length !== 512 || Buffer.compare(hex(ct), Buffer.from(n!, "base64url")) >= 0) {
        expect(result).toBe("invalid");
        continue;
      }
      const block = privateDecrypt({ key: privateKey, padding }, hex(ct));
      blocks++;
      // Whatever length is expected, only the right one of a valid block is accepted.
      const accepted: Buffer[] = [];
      for (let length = 0; length <= 245; length++) {
        const { status, message } = unpad(block, length);
        if (status === 0) accepted.push(message);
        else if (message.some((byte) => byte !== 0)) accepted.push(Buffer.from("leaks"));
      }
      const expected = result === "valid" ? [hex(msg)] : [];
      expect({ tcId, comment, accepted }).toEqual({ tcId, comment, accepted: expected });
    }
    expect(blocks).toBe(61);
  });

  test("padding and unpadding again, whatever the source gives", () => {
    for (let i = 0; i < cases(500); i++) {
      const size = i % 2 ? 256 : 128;
      const message = randomBytes(i % (size - 10));
      // A source that likes zeros.
      crypto.random = (bytes) => {
        for (let j = 0; j < bytes.length; j++) bytes[j] = Math.random() < 0.6 ? 0 : 1 + (i % 255);
        return bytes.length;
      };
      crypto.reset();
      const block = crypto.room(size + 1);
      expect(call.pkcs1Pad(block, size, crypto.put(message), message.length)).toBe(0);
      const made = crypto.get(block, size + 1);
      expect(made[size]).toBe(0xa5);
      expect([...made.subarray(0, 2)]).toEqual([0, 2]);
      expect(made.subarray(2, size - message.length - 1).includes(0)).toBe(false);
      expect(unpad(made.subarray(0, size), message.length)).toEqual({ status: 0, message });
    }
  });

  test("a source that fails, or gives zeros only", () => {
    const answers: ((bytes: Uint8Array) => number)[] = [() => -1, (bytes) => bytes.fill(0).length];
    for (const random of answers) {
      crypto.random = random;
      crypto.reset();
      expect(call.pkcs1Pad(crypto.room(128), 128, crypto.room(40), 40)).toBe(Status.RandomFailure);
    }
  });

  test("each byte of a block, changed", () => {
    const message = randomBytes(40);
    const filling = Buffer.alloc(85, 0x5a);
    const block = Buffer.concat([Buffer.of(0, 2), filling, Buffer.of(0), message]);
    for (let at = 0; at < 88; at++) {
      const changed = Buffer.from(block);
      changed[at] = at >= 2 && at < 87 ? 0 : changed[at] ^ (1 << (at % 8));
      expect({ at, ...unpad(changed, 40) }).toEqual({
        at,
        status: Status.BadPadding,
        message: Buffer.alloc(40),
      });
    }
  });
});

describe("type 1, signatures", () => {
  /** DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1). */
  const PREFIX = hex("3031300d060960864801650304020105000420");

  test("Wycheproof: RSASSA-PKCS1-v1_5 with SHA-256", () => {
    let refusedKeys = 0;
    for (const { tcId, comment, key, msg, sig, result } of vectors("rsa-verify.json", 259)) {
      crypto.reset();
      const [spki, signature] = [hex(key), hex(sig)];
      const modulus = crypto.room(256);
      if (call.rsaDecodeSpki(modulus, crypto.put(spki), spki.length) !== 0) {
        // Exponent 3: not ours.
        refusedKeys++;
        continue;
      }
      const content = Buffer.concat([PREFIX, createHash("sha256").update(hex(msg)).digest()]);
      const block = crypto.room(256);
      // The interface takes 256 bytes; what has another length never gets there.
      const isSigned =
        signature.length === 256 &&
        call.rsaPublic(block, crypto.put(signature), modulus, 256) === 0 &&
        call.pkcs1IsSigned(block, 256, crypto.put(content), content.length) === 1;
      expect({ tcId, comment, isSigned }).toEqual({ tcId, comment, isSigned: result === "valid" });
    }
    expect(refusedKeys).toBe(2);
  });

  test("each byte of a block, changed; too little padding", () => {
    const mac = randomBytes(20);
    const filling = Buffer.alloc(234 - 1, 0xff);
    const block = Buffer.concat([Buffer.of(0, 1), filling, Buffer.of(0), mac]);
    const isSigned = (bytes: Buffer): number => {
      crypto.reset();
      return call.pkcs1IsSigned(crypto.put(bytes), bytes.length, crypto.put(mac), 20);
    };
    expect(isSigned(block)).toBe(1);
    for (let at = 0; at < 256; at++) {
      const changed = Buffer.from(block);
      changed[at] ^= 1 << (at % 8);
      expect({ at, signed: isSigned(changed) }).toEqual({ at, signed: 0 });
    }
    const short = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(7, 255), Buffer.of(0), mac]);
    expect(isSigned(short)).toBe(0);
    const enough = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(8, 255), Buffer.of(0), mac]);
    expect(isSigned(enough)).toBe(1);
  });
});
