// assembly/crypto, compiled to ask for native crypto, on a WASM3 host that has it from Mbed TLS.

import { createECDH } from "node:crypto";

import { declareCryptoSuites } from "./crypto-suites";

const processes = declareCryptoSuites("mbedtls", 0.2, (counts) => {
  for (const [name, { answered, declined }] of Object.entries(counts)) {
    expect({ name, many: answered > 100, declined }).toEqual({ name, many: true, declined: 0 });
  }
});

if (processes) {
  test("without randomness for Mbed TLS the module does what would need it", () => {
    const crypto = processes.start();
    crypto.failRandom(true);
    const [peer, ours] = [createECDH("prime256v1"), createECDH("prime256v1")];
    peer.generateKeys();
    ours.setPrivateKey(Buffer.alloc(32, 7));
    const key = crypto.put(Buffer.alloc(32, 7));
    const [point, shared, signature] = [crypto.room(65), crypto.room(32), crypto.room(64)];
    expect(crypto.call.p256PublicKey(point, key)).toBe(0);
    expect(crypto.get(point, 65)).toEqual(ours.getPublicKey());
    expect(crypto.call.p256Ecdh(shared, key, crypto.put(peer.getPublicKey()))).toBe(0);
    expect(crypto.get(shared, 32)).toEqual(ours.computeSecret(peer.getPublicKey()));
    const digest = crypto.put(Buffer.alloc(32, 5));
    expect(crypto.call.p256Sign(signature, key, digest)).toBe(0);
    expect(crypto.call.p256Verify(point, digest, signature)).toBe(0);
    const { p256_public_key, p256_ecdh, p256_verify } = crypto.counts();
    expect(p256_public_key).toEqual({ answered: 0, declined: 2 });
    expect(p256_ecdh).toEqual({ answered: 0, declined: 1 });
    expect(p256_verify).toEqual({ answered: 1, declined: 0 });
  });
}
