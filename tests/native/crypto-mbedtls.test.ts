// assembly/crypto, compiled to ask for native crypto, on a WASM3 host that has it from Mbed TLS; and on
// hosts that have some of it, or break down.

import { createCipheriv, createECDH, createHash, createPublicKey, verify } from "node:crypto";

import { FUNCTIONS } from "./crypto-process";
import type { CryptoProcess } from "./crypto-process";
import { declareCryptoSuites } from "./crypto-suites";

const NOT_SUPPORTED = -6;
/** NotSupported, HostFailure, other Statuses of other layers, and what is no Status at all. */
const REFUSALS = [NOT_SUPPORTED, -7, -1, -20, 1, 0x7fffffff];

const processes = declareCryptoSuites("mbedtls", 0.2, (counts) => {
  for (const [name, { answered, declined }] of Object.entries(counts)) {
    expect({ name, many: answered > 100, declined }).toEqual({ name, many: true, declined: 0 });
  }
});

function isSignature(point: Buffer, message: Buffer, signature: Buffer): boolean {
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((b) => b.toString("base64url"));
  const key = createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x, y } });
  return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** Every operation once, compared with node:crypto; each of the functions is called. */
function expectRight(crypto: CryptoProcess): void {
  crypto.reset();
  const { call } = crypto;
  const [secret, message] = [Buffer.alloc(32, 7), Buffer.from("message")];
  const [peer, ours] = [createECDH("prime256v1"), createECDH("prime256v1")];
  peer.generateKeys();
  ours.setPrivateKey(secret);
  const [key, peerKey] = [crypto.put(secret), crypto.put(peer.getPublicKey())];
  const [point, shared, signature] = [crypto.room(65), crypto.room(32), crypto.room(64)];
  expect(call.p256PublicKey(point, key)).toBe(0);
  expect(crypto.get(point, 65)).toEqual(ours.getPublicKey());
  expect(call.p256Validate(peerKey)).toBe(0);
  expect(call.p256Ecdh(shared, key, peerKey)).toBe(0);
  expect(crypto.get(shared, 32)).toEqual(ours.computeSecret(peer.getPublicKey()));

  const digest = crypto.room(32);
  call.sha256(digest, crypto.put(message), message.length);
  expect(crypto.get(digest, 32)).toEqual(createHash("sha256").update(message).digest());
  expect(call.p256Sign(signature, key, digest)).toBe(0);
  expect(isSignature(ours.getPublicKey(), message, crypto.get(signature, 64))).toBe(true);
  expect(call.p256Verify(point, digest, signature)).toBe(0);

  const schedule = crypto.room(176);
  call.aes128ExpandKey(schedule, key);
  const [nonce, aad] = [crypto.put(Buffer.alloc(12, 9)), crypto.put(Buffer.alloc(13, 8))];
  const buffer = crypto.put(Buffer.concat([message, Buffer.alloc(8)]));
  call.ccmSeal(buffer, message.length, schedule, nonce, aad, 13);
  const cipher = createCipheriv("aes-128-ccm", secret.subarray(0, 16), Buffer.alloc(12, 9), {
    authTagLength: 8,
  });
  cipher.setAAD(Buffer.alloc(13, 8), { plaintextLength: message.length });
  const sealed = Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
  expect(crypto.get(buffer, message.length + 8)).toEqual(sealed);
  expect(call.ccmOpen(buffer, message.length, schedule, nonce, aad, 13)).toBe(0);
  expect(crypto.get(buffer, message.length)).toEqual(message);
}

if (processes) {
  test("without randomness for Mbed TLS the module does what would need it", () => {
    const crypto = processes.start();
    crypto.failRandom(true);
    expectRight(crypto);
    const { p256_public_key, p256_ecdh, p256_verify } = crypto.counts();
    expect(p256_public_key).toEqual({ answered: 0, declined: 2 });
    expect(p256_ecdh).toEqual({ answered: 0, declined: 1 });
    expect(p256_verify).toEqual({ answered: 1, declined: 0 });
  });

  test.each(FUNCTIONS)("a host without %s, and one with nothing else", (name) => {
    const crypto = processes.start();
    crypto.refuse([name], NOT_SUPPORTED);
    expectRight(crypto);
    expect(crypto.counts()[name]).toMatchObject({ answered: 0 });
    const others = FUNCTIONS.filter((other) => other !== name);
    crypto.refuse(others, NOT_SUPPORTED);
    expectRight(crypto);
    expect(crypto.counts()[name].answered).toBeGreaterThan(0);
  });

  test.each(REFUSALS)("a host that answers %d to everything", (status) => {
    const crypto = processes.start();
    crypto.refuse(FUNCTIONS, status);
    expectRight(crypto);
  });
}
