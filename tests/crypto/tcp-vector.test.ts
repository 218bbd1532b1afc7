// Each value of the published TCP handshake, made by the core's functions and taken apart by them.

import { compileCrypto, Crypto } from "./module";
import { TEST_DEVICE_KEY, TEST_SERVER_KEY, vectorValue } from "../support/tcp-keys";

const crypto = new Crypto(compileCrypto(false, "tcp"));
const { call } = crypto;
const session = vectorValue("session (40)");
const serverKey = TEST_SERVER_KEY.spki.subarray(33, 289);

/** A source that counts 1, 2, 3, ... as the vector's paddings do. */
crypto.random = (bytes) => {
  bytes.forEach((_, i) => (bytes[i] = i + 1));
  return bytes.length;
};

beforeEach(() => crypto.reset());

/** The device's key as rsa.ts has it. */
function deviceKey(): number {
  const der = TEST_DEVICE_KEY.privateKey.export({ type: "pkcs1", format: "der" });
  const key = crypto.room(448);
  expect(call.rsaDecodePrivateKey(key, crypto.put(der), der.length)).toBe(0);
  return key;
}

test("device SubjectPublicKeyInfo", () => {
  const output = crypto.room(162);
  call.rsaEncodeSpki(output, deviceKey());
  expect(crypto.get(output, 162)).toEqual(vectorValue("device SPKI DER"));
});

test("key message, from plaintext to wire", () => {
  const plaintext = vectorValue("M1 plaintext");
  const block = crypto.room(256);
  expect(call.pkcs1Pad(block, 256, crypto.put(plaintext), plaintext.length)).toBe(0);
  expect(crypto.get(block, 256)).toEqual(vectorValue("M1 EM"));
  expect(call.rsaPublic(block, block, crypto.put(serverKey), 256)).toBe(0);
  expect(crypto.get(block, 256)).toEqual(vectorValue("M1 on the wire"));
});

test("session message, from wire to session", () => {
  const sealed = crypto.put(vectorValue("M2 part 1"));
  const [block, output, mac] = [crypto.room(128), crypto.room(40), crypto.room(20)];
  expect(call.rsaPrivate(block, sealed, deviceKey())).toBe(0);
  expect(call.pkcs1Unpad(output, 40, block, 128)).toBe(0);
  expect(crypto.get(output, 40)).toEqual(session);
  call.hmacSha1(mac, output, 40, sealed, 128);
  expect(crypto.get(mac, 20)).toEqual(vectorValue("HMAC-SHA1"));
  const signature = crypto.put(vectorValue("M2 part 2"));
  expect(call.rsaPublic(signature, signature, crypto.put(serverKey), 256)).toBe(0);
  expect(call.pkcs1IsSigned(signature, 256, mac, 20)).toBe(1);
});

/** The messages of one direction in their order, and their frames. */
const DIRECTIONS: [string, [string, string][]][] = [
  [
    "device to server",
    [
      ["D->S Hello CoAP", "D->S Hello frame"],
      ["D->S private event", "D->S event frame"],
      ["D->S ping CoAP", "D->S ping frame"],
    ],
  ],
  [
    "server to device",
    [
      ["S->D Hello CoAP", "S->D Hello frame"],
      ["S->D Describe request", "S->D Describe frame"],
      ["S->D ping ack CoAP", "S->D ping ack frame"],
    ],
  ],
];

test.each(DIRECTIONS)("frames from %s, sealed and opened, in their chain", (_, pairs) => {
  const vectors = pairs.map((names) => names.map(vectorValue));
  call.frameSetKeys(crypto.put(session));
  for (const [message, sealed] of vectors) {
    const at = crypto.put(Buffer.concat([Buffer.alloc(2), message, Buffer.alloc(16)]));
    const size = call.frameSeal(at, message.length);
    expect(crypto.get(at, size)).toEqual(sealed);
  }
  call.frameSetKeys(crypto.put(session));
  for (const [message, sealed] of vectors) {
    const at = crypto.put(sealed.subarray(2));
    const size = call.frameOpen(at, sealed.length - 2);
    expect(crypto.get(at, size)).toEqual(message);
  }
});
