// Constant time, as far as WebAssembly shows it: the sequence of functions, loops, accesses to locals
// and addresses in memory must be the same whatever the secret is.

import { createECDH, createHash, randomBytes } from "node:crypto";

import { n, toBytes } from "./curve";
import { makeRsaKey } from "../support/rsa-keys";
import { compileCrypto, Crypto } from "./module";
import type { Extent } from "./module";

/** An instance, and the digest of what it did since the last call. */
function traced(extent: Extent): { crypto: Crypto; trace: () => { events: number; hash: number } } {
  let events = 0;
  let hash = 0;
  const note = (value: number) => {
    events++;
    hash = (Math.imul(hash ^ value, 0x01000193) + (hash >>> 13)) | 0;
  };
  const pointer = (id: number, _bytes: number, offset: number, address: number) => {
    note(id);
    note(address + offset);
    return address;
  };
  const value = (_id: number, loaded: number) => loaded;
  const local = (id: number, _index: number, current: number) => (note(id), current);
  const grow = { memory_grow_pre: value, memory_grow_post: value };
  const values = Object.fromEntries(
    ["i32", "i64", "f32", "f64"].flatMap((type) => [
      [`load_val_${type}`, value],
      [`store_val_${type}`, value],
      [`get_${type}`, local],
      [`set_${type}`, local],
    ]),
  );
  const env = { log_execution: note, load_ptr: pointer, store_ptr: pointer, ...values, ...grow };
  const crypto = new Crypto(
    compileCrypto(true, extent),
    env as unknown as Record<string, () => number>,
  );
  const trace = () => {
    const result = { events, hash };
    events = 0;
    hash = 0;
    return result;
  };
  return { crypto, trace };
}

const { crypto, trace } = traced("udp");
const { call } = crypto;
const SECRETS = [1n, 2n, n - 1n, n - 2n, 1n << 255n, (1n << 200n) - 1n, n / 3n].map(toBytes);
const point = createECDH("prime256v1").generateKeys();

/** Expect the same trace for all secrets. */
function expectSame(run: (secret: Buffer) => number, secrets = SECRETS): void {
  const traces = secrets.map((secret) => {
    crypto.reset();
    trace();
    expect(run(secret)).toBe(0);
    return trace();
  });
  expect(traces[0].events).toBeGreaterThan(1000);
  for (const other of traces) expect(other).toEqual(traces[0]);
}

test("public keys", () => {
  expectSame((secret) => call.p256PublicKey(crypto.room(65), crypto.put(secret)));
});

test("ECDH", () => {
  expectSame((secret) => call.p256Ecdh(crypto.room(32), crypto.put(secret), crypto.put(point)));
});

test("signing: key and nonce", () => {
  const digest = createHash("sha256").update("message").digest();
  expectSame((secret) => {
    const [signature, key, z, extra] = [
      crypto.room(64),
      ...[secret, digest, digest].map((b) => crypto.put(b)),
    ];
    return call.p256SignWith(signature, key, z, extra, 32);
  });
});

test("the trace does tell secrets apart where code does: verification", () => {
  const traces = [3n, 5n].map((value) => {
    crypto.reset();
    const digest = crypto.put(toBytes(value));
    const signature = crypto.room(64);
    call.p256SignWith(signature, crypto.put(toBytes(7n)), digest, 0, 0);
    const key = crypto.room(65);
    call.p256PublicKey(key, crypto.put(toBytes(7n)));
    trace();
    expect(call.p256Verify(key, digest, signature)).toBe(0);
    return trace();
  });
  expect(traces[0]).not.toEqual(traces[1]);
});

describe("RSA, its paddings and CBC", () => {
  const { crypto: rsa, trace: rsaTrace } = traced("tcp");

  /** Expect the same trace and the same result for all secrets. */
  function expectSameRsa(secrets: Buffer[], run: (secret: Buffer) => number, status = 0): void {
    const traces = secrets.map((secret) => {
      rsa.reset();
      rsaTrace();
      expect(run(secret)).toBe(status);
      return rsaTrace();
    });
    expect(traces[0].events).toBeGreaterThan(100);
    for (const other of traces) expect(other).toEqual(traces[0]);
  }

  test("the private operation: key, number and blind", () => {
    const input = randomBytes(128).fill(0, 0, 1);
    const keys = Array.from({ length: 2 }, () => {
      const { n, p, q, dp, dq, qi } = makeRsaKey(1024).parts;
      const padded = (part: Buffer) => Buffer.concat([Buffer.alloc(64 - part.length), part]);
      return Buffer.concat([n, ...[p, q, dp, dq, qi].map(padded)]);
    });
    expectSameRsa(keys, (key) => rsa.call.rsaPrivate(rsa.room(128), rsa.put(input), rsa.put(key)));
    const inputs = [Buffer.alloc(128), Buffer.alloc(128, 1)];
    expectSameRsa(inputs, (number) =>
      rsa.call.rsaPrivate(rsa.room(128), rsa.put(number), rsa.put(keys[0])),
    );
  });

  test("unpadding: where and what is wrong, and the message", () => {
    const good = Buffer.concat([Buffer.of(0, 2), Buffer.alloc(85, 9), Buffer.alloc(41)]);
    const unpad = (block: Buffer) => rsa.call.pkcs1Unpad(rsa.room(40), 40, rsa.put(block), 128);
    const messages = [randomBytes(40), randomBytes(40), Buffer.alloc(40)].map((message) =>
      Buffer.concat([good.subarray(0, 88), message]),
    );
    expectSameRsa(messages, unpad);
    const bad = [0, 1, 2, 40, 86, 87].map((at) => {
      const block = Buffer.from(good);
      block[at] = at >= 2 && at < 87 ? 0 : 7;
      return block;
    });
    expectSameRsa(bad, unpad, -26);
  });
});
