import { createHash, createHmac, randomBytes, randomInt } from "node:crypto";

import { cases, Crypto } from "./module";

const crypto = new Crypto();
const { call } = crypto;
const ascii = (text: string): Buffer => Buffer.from(text, "latin1");
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ""), "hex");

function sha256(data: Buffer): Buffer {
  crypto.reset();
  const digest = crypto.room(32);
  call.sha256(digest, crypto.put(data), data.length);
  return crypto.get(digest, 32);
}

function hmac(key: Buffer, data: Buffer): Buffer {
  crypto.reset();
  const state = crypto.room(136);
  const mac = crypto.room(32);
  call.hmacInit(state, crypto.put(key), key.length);
  call.hmacUpdate(state, crypto.put(data), data.length);
  call.hmacFinal(mac, state);
  expect(crypto.get(state, 136)).toEqual(Buffer.alloc(136));
  return crypto.get(mac, 32);
}

function prf(secret: Buffer, label: Buffer, seed: Buffer, length: number): Buffer {
  crypto.reset();
  const output = crypto.room(length + 1);
  const [a, b, c] = [secret, label, seed].map((piece) => crypto.put(piece));
  call.prf(output, length, a, secret.length, b, label.length, c, seed.length);
  expect(crypto.get(output + length, 1)[0]).toBe(0xa5);
  return crypto.get(output, length);
}

function expectedPrf(secret: Buffer, label: Buffer, seed: Buffer, length: number): Buffer {
  const mac = (data: Buffer) => createHmac("sha256", secret).update(data).digest();
  const labelSeed = Buffer.concat([label, seed]);
  let output = Buffer.alloc(0);
  for (let a = mac(labelSeed); output.length < length; a = mac(a)) {
    output = Buffer.concat([output, mac(Buffer.concat([a, labelSeed]))]);
  }
  return output.subarray(0, length);
}

describe("SHA-256", () => {
  // FIPS 180-2 appendix B; the one million "a" too.
  test.each([
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ])("%j", (text, digest) => {
    expect(sha256(ascii(text)).toString("hex")).toBe(digest);
  });

  test("one million times a", () => {
    crypto.reset();
    const state = crypto.room(104);
    const data = crypto.put(ascii("a".repeat(10000)));
    call.sha256Init(state);
    for (let i = 0; i < 100; i++) call.sha256Update(state, data, 10000);
    call.sha256Final(data, state);
    expect(crypto.get(data, 32).toString("hex")).toBe(
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
  });

  test("every length up to 300", () => {
    for (let length = 0; length <= 300; length++) {
      const data = randomBytes(length);
      expect(sha256(data)).toEqual(createHash("sha256").update(data).digest());
    }
  });

  test("random pieces, and a cloned state", () => {
    for (let i = 0; i < cases(1000); i++) {
      const data = randomBytes(randomInt(600));
      crypto.reset();
      const state = crypto.room(104);
      const clone = crypto.room(104);
      const digest = crypto.room(32);
      const at = crypto.put(data);
      call.sha256Init(state);
      for (let done = 0; done < data.length;) {
        const length = randomInt(Math.min(data.length - done, 150) + 1);
        call.sha256Update(state, at + done, length);
        done += length;
        if (randomInt(3) > 0) continue;
        const copy = crypto.put(crypto.get(state, 104));
        call.sha256Final(clone, copy);
        const part = createHash("sha256").update(data.subarray(0, done)).digest();
        expect(crypto.get(clone, 32)).toEqual(part);
      }
      call.sha256Final(digest, state);
      expect(crypto.get(digest, 32)).toEqual(createHash("sha256").update(data).digest());
    }
  });
});

describe("HMAC-SHA-256", () => {
  // RFC 4231 §4.2 to §4.8; case 5 is cut to 128 bits.
  test.each([
    [
      "0b".repeat(20),
      "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ],
    [
      ascii("Jefe").toString("hex"),
      "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    [
      "aa".repeat(20),
      "\xdd".repeat(50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ],
    [
      "0102030405060708090a0b0c0d0e0f10111213141516171819",
      "\xcd".repeat(50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ],
    ["0c".repeat(20), "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"],
    [
      "aa".repeat(131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
    [
      "aa".repeat(131),
      "This is a test using a larger than block-size key and a larger than block-size data. " +
        "The key needs to be hashed before being used by the HMAC algorithm.",
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ],
  ])("RFC 4231: %s", (key, text, mac) => {
    expect(hmac(hex(key), ascii(text)).toString("hex").startsWith(mac)).toBe(true);
  });

  test("every key length up to 200", () => {
    for (let length = 0; length <= 200; length++) {
      const key = randomBytes(length);
      const data = randomBytes(randomInt(200));
      expect(hmac(key, data)).toEqual(createHmac("sha256", key).update(data).digest());
    }
  });

  test("leaves no key in static memory", () => {
    const key = randomBytes(40);
    hmac(key, randomBytes(100));
    expect(crypto.statics().indexOf(key.subarray(0, 8))).toBe(-1);
    expect(crypto.statics().indexOf(key.map((byte) => byte ^ 0x36).subarray(0, 8))).toBe(-1);
  });
});

describe("PRF of TLS 1.2", () => {
  test("published vector for P_SHA256", () => {
    // https://mailarchive.ietf.org/arch/msg/tls/fzVCzk-z3FShgGJ6DOXqM1ydxms/
    const output = prf(
      hex("9bbe436ba940f017b17652849a71db35"),
      ascii("test label"),
      hex("a0ba9f936cda311827a6f796ffd5198c"),
      100,
    );
    expect(output).toEqual(
      hex(`e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a4
        6b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122
        ee42c5a72e5a5110fff70187347b66`),
    );
  });

  test("random inputs and output lengths", () => {
    for (let i = 0; i < cases(500); i++) {
      const secret = randomBytes(randomInt(100));
      const label = randomBytes(randomInt(25));
      const seed = randomBytes(randomInt(150));
      const length = randomInt(200);
      expect(prf(secret, label, seed, length)).toEqual(expectedPrf(secret, label, seed, length));
    }
  });
});
