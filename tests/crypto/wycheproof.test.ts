import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

import { Crypto, Status } from "./module";

/** A case of tests/vectors/crypto; all values but the comment are hexadecimal. */
type Vector = { tcId: number; comment: string; flags: string[]; result: string } & Record<
  string,
  string
>;

const crypto = new Crypto();
const { call } = crypto;
const folder = path.resolve(__dirname, "../vectors/crypto");
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const sha256 = (text: string): Buffer => createHash("sha256").update(hex(text)).digest();

function vectors(name: string, count: number): Vector[] {
  const { tests } = JSON.parse(readFileSync(path.join(folder, name), "utf8")) as {
    tests: Vector[];
  };
  expect(tests.length).toBe(count);
  return tests;
}

/** A private key as 32 bytes: the vectors have leading zeros more or less. */
function scalar(text: string): Buffer {
  return hex(text.replace(/^0+/, "").padStart(64, "0"));
}

/** The shared secret; undefined for a key that is refused. */
function ecdh(secret: string, point: number): string | undefined {
  const shared = crypto.room(32);
  const status = call.p256Ecdh(shared, crypto.put(scalar(secret)), point);
  if (status === 0) return crypto.get(shared, 32).toString("hex");
  expect(status).toBe(Status.InvalidPublicKey);
  return undefined;
}

/** "acceptable" are odd encodings: they may be refused, but must not give another secret. */
function expectShared(vector: Vector, actual: string | undefined): void {
  const { tcId, comment, result, shared } = vector;
  const wanted = result === "valid" || (result === "acceptable" && actual) ? shared : undefined;
  expect({ tcId, comment, actual }).toEqual({ tcId, comment, actual: wanted });
}

test("ECDH with SubjectPublicKeyInfo", () => {
  for (const vector of vectors("ecdh-spki.json", 612)) {
    crypto.reset();
    const der = hex(vector.public);
    const point = crypto.room(65);
    const status = call.derDecodeSpki(point, crypto.put(der), der.length);
    if (status !== 0) expect(status).toBe(Status.MalformedDer);
    expectShared(vector, status === 0 ? ecdh(vector.private, point) : undefined);
  }
});

test("ECDH with points", () => {
  let refused = 0;
  for (const vector of vectors("ecdh-point.json", 355)) {
    crypto.reset();
    const point = hex(vector.public);
    // The interface takes 65 bytes; what has another length never gets there.
    if (point.length !== 65) {
      expect(vector.result).not.toBe("valid");
      refused++;
      continue;
    }
    expectShared(vector, ecdh(vector.private, crypto.put(point)));
  }
  expect(refused).toBe(9);
});

function verify(vector: Vector, signature: number): number {
  const [key, digest] = [crypto.put(hex(vector.key)), crypto.put(sha256(vector.msg))];
  return call.p256Verify(key, digest, signature);
}

test("ECDSA with DER signatures", () => {
  for (const vector of vectors("ecdsa-der.json", 484)) {
    crypto.reset();
    const der = hex(vector.sig);
    const signature = crypto.room(64);
    const decoded = call.derDecodeSignature(signature, crypto.put(der), der.length);
    const status = decoded === 0 ? verify(vector, signature) : decoded;
    const { tcId, comment, result } = vector;
    expect({ tcId, comment, ok: status === 0 }).toEqual({ tcId, comment, ok: result === "valid" });
    expect([Status.Ok, Status.InvalidSignature, Status.MalformedDer]).toContain(status);
  }
});

test("ECDSA with r and s of 32 bytes", () => {
  for (const vector of vectors("ecdsa-p1363.json", 262)) {
    crypto.reset();
    const signature = hex(vector.sig);
    const { tcId, comment, result } = vector;
    // The interface takes 64 bytes; what has another length never gets there.
    const status = signature.length === 64 ? verify(vector, crypto.put(signature)) : -1;
    expect({ tcId, comment, ok: status === 0 }).toEqual({ tcId, comment, ok: result === "valid" });
  }
});

test("HMAC-SHA-256", () => {
  for (const { tcId, key, msg, tag, result } of vectors("hmac-sha256.json", 174)) {
    crypto.reset();
    const [state, mac] = [crypto.room(136), crypto.room(32)];
    call.hmacInit(state, crypto.put(hex(key)), key.length / 2);
    call.hmacUpdate(state, crypto.put(hex(msg)), msg.length / 2);
    call.hmacFinal(mac, state);
    const same = crypto.get(mac, tag.length / 2).toString("hex") === tag;
    expect({ tcId, same }).toEqual({ tcId, same: result === "valid" });
  }
});

test("AES-128-CCM with a nonce of 12 and a tag of 8 bytes", () => {
  for (const { tcId, key, iv, aad, msg, ct, tag, result } of vectors("aes-ccm.json", 8)) {
    crypto.reset();
    const schedule = crypto.room(176);
    call.aes128ExpandKey(schedule, crypto.put(hex(key)));
    const [nonce, data] = [crypto.put(hex(iv)), crypto.put(hex(aad))];
    const length = msg.length / 2;
    const sealed = crypto.put(hex(ct + tag));
    const status = call.ccmOpen(sealed, length, schedule, nonce, data, aad.length / 2);
    expect({ tcId, status }).toEqual({ tcId, status: result === "valid" ? 0 : Status.BadTag });
    if (result !== "valid") continue;
    expect(crypto.get(sealed, length)).toEqual(hex(msg));
    call.ccmSeal(sealed, length, schedule, nonce, data, aad.length / 2);
    expect(crypto.get(sealed, length + 8)).toEqual(hex(ct + tag));
  }
});
