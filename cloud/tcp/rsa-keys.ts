// RSA keys of the TCP transport: 2048 bits for the server, 1024 for a device, exponent 65537. Private keys are PKCS#1
// DER, public keys SPKI DER (RFC 8017 appendix A.1, RFC 3279 §2.3.1), in the sizes that devices have buffers for.

import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** Modulus bits of a device key and of the server key. */
export type RsaBits = 1024 | 2048;

/** Bytes of the SPKI of a device key. */
export const DEVICE_SPKI_LENGTH = 162;
/** Bytes of the SPKI of the server key. */
export const SERVER_SPKI_LENGTH = 294;

/** Largest PKCS#1 DER of a 1024-bit private key that a device stores, bytes. */
export const MAX_DEVICE_PKCS1_LENGTH = 612;

/** What stands before the modulus in such an SPKI, and what stands behind it: the exponent. */
const SPKI_PREFIX: Record<RsaBits, Buffer> = {
  1024: Buffer.from("30819f300d06092a864886f70d010101050003818d0030818902818100", "hex"),
  2048: Buffer.from("30820122300d06092a864886f70d01010105000382010f003082010a0282010100", "hex"),
};
const SPKI_SUFFIX = Buffer.from("0203010001", "hex");

const EXPONENT = 65537;

const generate = promisify(generateKeyPair);

export interface RsaKeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** SubjectPublicKeyInfo DER: 162 bytes of a device, 294 of the server. */
  spki: Buffer;
  bits: RsaBits;
}

/** Make a new RSA key pair. Takes some 10 ms with 1024 bits and 200 ms with 2048, off the main thread. */
export async function generateRsaKeyPair(bits: RsaBits): Promise<RsaKeyPair> {
  // Not generateKeyPairSync, see `keys.ts`. The DER comes out of the job itself and is read anew, so that no key object
  // shares a lock with the job that made it.
  const { privateKey } = await generate("rsa", {
    modulusLength: bits,
    publicExponent: EXPONENT,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs1", format: "der" },
  });
  return rsaKeyPairFromPkcs1(privateKey);
}

/** Read an RSA private key. @param der PKCS#1 RSAPrivateKey DER. @throws Error for another size or exponent */
export function rsaKeyPairFromPkcs1(der: Uint8Array): RsaKeyPair {
  const privateKey = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs1" });
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ type: "spki", format: "der" });
  return { privateKey, publicKey, spki, bits: bitsOf(spki) };
}

/** Write a private key as PKCS#1 RSAPrivateKey DER. */
export function exportPkcs1(keyPair: RsaKeyPair): Buffer {
  return keyPair.privateKey.export({ type: "pkcs1", format: "der" });
}

/** Read an RSA public key of 1024 or 2048 bits. @throws Error for anything else */
export function rsaPublicKeyFromSpki(spki: Uint8Array): KeyObject {
  bitsOf(spki);
  return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
}

/** @throws Error unless it is byte for byte an SPKI that devices understand, of an odd modulus with its top bit set */
function bitsOf(spki: Uint8Array): RsaBits {
  const bits = ([1024, 2048] as const).find((size) => {
    const prefix = SPKI_PREFIX[size];
    return (
      spki.length === prefix.length + size / 8 + SPKI_SUFFIX.length &&
      prefix.equals(spki.subarray(0, prefix.length)) &&
      SPKI_SUFFIX.equals(spki.subarray(-SPKI_SUFFIX.length))
    );
  });
  if (!bits) throw new Error("not an RSA key of 1024 or 2048 bits with the exponent 65537");
  const modulus = spki.subarray(SPKI_PREFIX[bits].length, -SPKI_SUFFIX.length);
  if (modulus[0] < 0x80 || modulus[modulus.length - 1] % 2 === 0) {
    throw new Error(`not a modulus of ${bits} bits`);
  }
  return bits;
}
