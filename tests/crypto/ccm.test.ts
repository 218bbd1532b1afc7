import { createCipheriv, createDecipheriv, randomBytes, randomInt } from "node:crypto";

import { cases, Crypto, Status } from "./module";

const crypto = new Crypto();
const { call } = crypto;
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ""), "hex");

function schedule(key: Buffer): number {
  const at = crypto.room(176);
  call.aes128ExpandKey(at, crypto.put(key));
  return at;
}

function seal(key: Buffer, nonce: Buffer, aad: Buffer, plaintext: Buffer): Buffer {
  crypto.reset();
  const keys = schedule(key);
  const [n, a] = [crypto.put(nonce), crypto.put(aad)];
  const buffer = crypto.put(plaintext);
  const guard = crypto.room(8) + 8;
  call.ccmSeal(buffer, plaintext.length, keys, n, a, aad.length);
  expect(crypto.get(guard, 8)).toEqual(Buffer.alloc(8, 0xa5));
  return crypto.get(buffer, plaintext.length + 8);
}

/** The plaintext, or nothing for a bad tag; then the buffer must be wiped. */
function open(key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer | undefined {
  crypto.reset();
  const keys = schedule(key);
  const [n, a] = [crypto.put(nonce), crypto.put(aad)];
  const buffer = crypto.put(sealed);
  const length = sealed.length - 8;
  const status = call.ccmOpen(buffer, length, keys, n, a, aad.length);
  const plaintext = crypto.get(buffer, length);
  if (status === 0) return plaintext;
  expect(status).toBe(Status.BadTag);
  expect(plaintext).toEqual(Buffer.alloc(length));
  return undefined;
}

function expectedSeal(key: Buffer, nonce: Buffer, aad: Buffer, plaintext: Buffer): Buffer {
  const cipher = createCipheriv("aes-128-ccm", key, nonce, { authTagLength: 8 });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

test("AES-128: FIPS 197 appendix B and C.1", () => {
  crypto.reset();
  const block = crypto.put(hex("3243f6a8885a308d313198a2e0370734"));
  call.aes128EncryptBlock(block, schedule(hex("2b7e151628aed2a6abf7158809cf4f3c")), block);
  expect(crypto.get(block, 16).toString("hex")).toBe("3925841d02dc09fbdc118597196a0b32");
  const input = crypto.put(hex("00112233445566778899aabbccddeeff"));
  call.aes128EncryptBlock(block, schedule(hex("000102030405060708090a0b0c0d0e0f")), input);
  expect(crypto.get(block, 16).toString("hex")).toBe("69c4e0d86a7b0430d8cdb78070b4c55a");
});

test("AES-128: random keys and blocks", () => {
  for (let i = 0; i < cases(1000); i++) {
    const key = randomBytes(16);
    const block = randomBytes(16);
    crypto.reset();
    const at = crypto.put(block);
    call.aes128EncryptBlock(at, schedule(key), at);
    const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
    expect(crypto.get(at, 16)).toEqual(cipher.update(block));
  }
});

test("CCM: NIST SP 800-38C example 3 (nonce of 12, tag of 8 bytes)", () => {
  const key = hex("404142434445464748494a4b4c4d4e4f");
  const nonce = hex("101112131415161718191a1b");
  const aad = hex("000102030405060708090a0b0c0d0e0f10111213");
  const plaintext = hex("202122232425262728292a2b2c2d2e2f3031323334353637");
  const sealed = hex("e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951");
  expect(seal(key, nonce, aad, plaintext)).toEqual(sealed);
  expect(open(key, nonce, aad, sealed)).toEqual(plaintext);
});

test("CCM: every plaintext length up to 300, against node, both ways", () => {
  for (let length = 1; length <= 300; length++) {
    const [key, nonce] = [randomBytes(16), randomBytes(12)];
    const aad = randomBytes(length % 60);
    const plaintext = randomBytes(length);
    const sealed = seal(key, nonce, aad, plaintext);
    expect(sealed).toEqual(expectedSeal(key, nonce, aad, plaintext));
    const decipher = createDecipheriv("aes-128-ccm", key, nonce, { authTagLength: 8 });
    decipher.setAuthTag(sealed.subarray(length));
    decipher.setAAD(aad, { plaintextLength: length });
    expect(Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()])).toEqual(
      plaintext,
    );
    expect(open(key, nonce, aad, sealed)).toEqual(plaintext);
  }
});

test("CCM: random lengths of plaintext and AAD, against node", () => {
  for (let i = 0; i < cases(2000); i++) {
    const [key, nonce] = [randomBytes(16), randomBytes(12)];
    const aad = randomBytes(randomInt(301));
    const plaintext = randomBytes(1 + randomInt(300));
    const sealed = expectedSeal(key, nonce, aad, plaintext);
    expect(seal(key, nonce, aad, plaintext)).toEqual(sealed);
    expect(open(key, nonce, aad, sealed)).toEqual(plaintext);
  }
});

test("CCM: a counter beyond one byte, a length beyond one byte", () => {
  for (const length of [255 * 16, 256 * 16, 256 * 16 + 1, 20000]) {
    const [key, nonce, aad] = [randomBytes(16), randomBytes(12), randomBytes(13)];
    const plaintext = randomBytes(length);
    const sealed = expectedSeal(key, nonce, aad, plaintext);
    expect(seal(key, nonce, aad, plaintext)).toEqual(sealed);
    expect(open(key, nonce, aad, sealed)).toEqual(plaintext);
  }
});

test("CCM: an empty plaintext opens, and only with its AAD", () => {
  const [key, nonce, aad] = [randomBytes(16), randomBytes(12), randomBytes(13)];
  const sealed = seal(key, nonce, aad, Buffer.alloc(0));
  expect(open(key, nonce, aad, sealed)).toEqual(Buffer.alloc(0));
  expect(open(key, nonce, aad.subarray(1), sealed)).toBeUndefined();
});

test("CCM: a changed bit anywhere is a bad tag, and the buffer is wiped", () => {
  for (let i = 0; i < cases(500); i++) {
    const [key, nonce] = [randomBytes(16), randomBytes(12)];
    const aad = randomBytes(1 + randomInt(40));
    const sealed = seal(key, nonce, aad, randomBytes(randomInt(100)));
    const pieces = [nonce, aad, sealed];
    const piece = pieces[randomInt(3)];
    piece[randomInt(piece.length)] ^= 1 << randomInt(8);
    expect(open(key, nonce, aad, sealed)).toBeUndefined();
  }
});

test("CCM: every bit of the tag counts", () => {
  const [key, nonce, aad] = [randomBytes(16), randomBytes(12), randomBytes(13)];
  const sealed = seal(key, nonce, aad, randomBytes(20));
  for (let bit = 0; bit < 64; bit++) {
    const changed = Buffer.from(sealed);
    changed[20 + (bit >> 3)] ^= 1 << (bit & 7);
    expect(open(key, nonce, aad, changed)).toBeUndefined();
  }
});
