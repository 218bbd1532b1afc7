// P-256 (secp256r1, SEC 2 §2.4.2): key pairs and ECDH here, ECDSA in p256-ecdsa.ts; this file is what
// other layers import. Memory: the shared workspace (workspace.ts), wiped where it held a secret.
//
// Points are 65 bytes 04 X Y, private keys 32 bytes, big endian. Nothing branches or indexes on a
// secret. The i64 products of an interpreter are UMULL and MLA on ARM, which take constant time on
// Cortex-M4 and M33; on Cortex-M3 UMULL ends early for small operands, a leak of operand sizes
// that is left: ECDH keys and nonces are used once.

import { NATIVE_CRYPTO } from "../config";
import { Status } from "../status";
import { wipe } from "./constant-time";
import { isAnswer, nativeP256Ecdh, nativeP256PublicKey, nativeP256Validate } from "./native";
import { multiplyBase, multiplyPoint } from "./p256-multiple";
import { P256_POINT_SIZE, pointFromBytes, pointToBytes } from "./p256-point";
import { scalarFromBytes } from "./p256-scalar";
import { randomFill } from "./random";
import { SCALARS, TABLE, WORKSPACE, WORKSPACE_SIZE } from "./workspace";

export { p256Sign, p256SignWith, p256Verify } from "./p256-ecdsa";
export { P256_POINT_SIZE };

/** Bytes of a private key. */
export const P256_SCALAR_SIZE: i32 = 32;
/** Bytes of a shared secret. */
export const P256_SHARED_SIZE: i32 = 32;
/** Bytes of a signature: r, s. */
export const P256_SIGNATURE_SIZE: i32 = 64;

/** Draws of a private key before the source counts as broken; one is refused in 2^32. */
const DRAWS: i32 = 8;

/**
 * Make a key pair, by rejection sampling (FIPS 186-5 §A.2.2).
 * @param privateKey [out] 32 bytes, 1...n - 1
 * @param publicKey [out] 65 bytes
 * @returns 0; Status.RandomFailure, and then `privateKey` is wiped
 */
export function p256GenerateKey(privateKey: usize, publicKey: usize): i32 {
  for (let i = 0; i < DRAWS; i++) {
    const status = randomFill(privateKey, P256_SCALAR_SIZE);
    if (status < 0) break;
    if (p256PublicKey(publicKey, privateKey) == Status.Ok) return Status.Ok;
  }
  wipe(privateKey, P256_SCALAR_SIZE);
  return Status.RandomFailure;
}

/**
 * The public key of a private key (SEC 1 §3.2.1).
 * @param publicKey [out] 65 bytes
 * @param privateKey [in] 32 bytes
 * @returns 0; Status.InvalidPrivateKey
 * Constant time in: privateKey. Wipes: the workspace.
 */
export function p256PublicKey(publicKey: usize, privateKey: usize): i32 {
  if (NATIVE_CRYPTO) {
    const status = nativeP256PublicKey(publicKey, privateKey);
    if (isAnswer(status)) return status;
  }
  if (!scalarFromBytes(SCALARS, privateKey)) return Status.InvalidPrivateKey;
  multiplyBase(SCALARS);
  store<u8>(publicKey, 4);
  pointToBytes(publicKey + 1, true);
  wipe(WORKSPACE, WORKSPACE_SIZE);
  return Status.Ok;
}

/**
 * Validate a public key fully: form, coordinates below p, on the curve (SEC 1 §3.2.2.1; the cofactor
 * is 1, so that every such point has order n).
 * @param publicKey [in] 65 bytes
 * @returns 0; Status.InvalidPublicKey
 */
export function p256Validate(publicKey: usize): i32 {
  if (NATIVE_CRYPTO) {
    const status = nativeP256Validate(publicKey);
    if (isAnswer(status)) return status;
  }
  return pointFromBytes(TABLE, publicKey) ? Status.Ok : Status.InvalidPublicKey;
}

/**
 * The shared secret of ECDH: x of privateKey * peerPublicKey (SEC 1 §3.3.1). Validates the peer's key.
 * @param shared [out] 32 bytes; untouched after an error
 * @param privateKey [in] 32 bytes
 * @param peerPublicKey [in] 65 bytes
 * @returns 0; Status.InvalidPrivateKey, Status.InvalidPublicKey
 * Constant time in: privateKey. Wipes: the workspace.
 */
export function p256Ecdh(shared: usize, privateKey: usize, peerPublicKey: usize): i32 {
  if (NATIVE_CRYPTO) {
    const status = nativeP256Ecdh(shared, privateKey, peerPublicKey);
    if (isAnswer(status)) return status;
    // A host that validates leaves no point at TABLE.
    if (!pointFromBytes(TABLE, peerPublicKey)) return Status.InvalidPublicKey;
  } else {
    const status = p256Validate(peerPublicKey);
    if (status < 0) return status;
  }
  if (!scalarFromBytes(SCALARS, privateKey)) return Status.InvalidPrivateKey;
  multiplyPoint(SCALARS);
  pointToBytes(shared, false);
  wipe(WORKSPACE, WORKSPACE_SIZE);
  return Status.Ok;
}
