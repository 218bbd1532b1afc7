// P-256 keys as the devices and the cloud store them: public keys as SPKI DER, private keys as SEC1 DER.
// RFC 5480 §2 (SubjectPublicKeyInfo), RFC 5915 §3 (ECPrivateKey).

import { createECDH, createHash, createPrivateKey, createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** Bytes of a P-256 SubjectPublicKeyInfo with an uncompressed point. */
export const SPKI_LENGTH = 91;

/** What stands before the 64 bytes x | y in every such SPKI: id-ecPublicKey, prime256v1, uncompressed. */
const SPKI_PREFIX = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");

/** ECPrivateKey up to its 32-byte scalar, and from there to the 65-byte point (RFC 5915 §3). */
const SEC1_PREFIX = Buffer.from("30770201010420", "hex");
const SEC1_MIDDLE = Buffer.from("a00a06082a8648ce3d030107a144034200", "hex");

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** SubjectPublicKeyInfo DER, 91 bytes. */
  spki: Buffer;
}

/** Make a new P-256 key pair. */
export function generateKeyPair(): KeyPair {
  // Not generateKeyPairSync: in Node 20 a garbage collection while such a key is exported waits for
  // the lock that the export holds, for ever.
  const ecdh = createECDH("prime256v1");
  const publicPoint = ecdh.generateKeys();
  const scalar = Buffer.concat([Buffer.alloc(32), ecdh.getPrivateKey()]).subarray(-32);
  return keyPairFromSec1(Buffer.concat([SEC1_PREFIX, scalar, SEC1_MIDDLE, publicPoint]));
}

/** Read a P-256 private key. @param der SEC1 ECPrivateKey DER. @throws Error for anything else */
export function keyPairFromSec1(der: Uint8Array): KeyPair {
  return toKeyPair(createPrivateKey({ key: Buffer.from(der), format: "der", type: "sec1" }));
}

/** Write a private key as SEC1 ECPrivateKey DER, with its public part. 121 bytes. */
export function exportSec1(keyPair: KeyPair): Buffer {
  return keyPair.privateKey.export({ type: "sec1", format: "der" });
}

/** Read a P-256 public key. @param spki 91 bytes. @throws Error when it is no point of P-256 */
export function publicKeyFromSpki(spki: Uint8Array): KeyObject {
  if (spki.length !== SPKI_LENGTH || !SPKI_PREFIX.equals(spki.subarray(0, SPKI_PREFIX.length))) {
    throw new Error("not a P-256 SubjectPublicKeyInfo with an uncompressed point");
  }
  return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
}

/** SHA-256 of an SPKI in hex: the name of a key in logs. */
export function fingerprint(spki: Uint8Array): string {
  return createHash("sha256").update(spki).digest("hex");
}

function toKeyPair(privateKey: KeyObject): KeyPair {
  if (privateKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new Error("not a P-256 key");
  }
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, spki: publicKey.export({ type: "spki", format: "der" }) };
}
