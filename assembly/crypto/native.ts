// Crypto that the host may do in native code: the imports of namespace `crypto`, its complete list.
// Only a module compiled with `--use WBOSON_NATIVE_CRYPTO=1` has them (config.ts). Each does what the
// function of the core that calls it does; where the host answers anything but what is listed, that
// function does the work itself. So a host without native crypto answers Status.NotSupported, and one
// that runs out of memory or randomness Status.HostFailure.
//
// Private keys pass through here. They are the host's own: it stores them (StorageSlot).

import { Status } from "../status";

/**
 * Whether the host has done the work: it succeeded, or refused what it was given. All Statuses that
 * say so lie below those that it may answer else.
 */
// @ts-ignore: decorator
@inline
export function isAnswer(status: i32): bool {
  return status == Status.Ok || status <= Status.InvalidPublicKey;
}

// ---- P-256 --------------------------------------------------------------------------------

/**
 * The public key of a private key. Signing calls it with the nonce, too, for the point whose x is r:
 * nonces are made in the core, whatever randomness the host has.
 * @param publicKey [out] 65 bytes
 * @param privateKey [in] 32 bytes
 * @returns Status.Ok; Status.InvalidPrivateKey
 */
@external("crypto", "p256_public_key")
export declare function nativeP256PublicKey(publicKey: usize, privateKey: usize): i32;

/**
 * Validate a public key fully: form, coordinates below p, on the curve.
 * @param publicKey [in] 65 bytes
 * @returns Status.Ok; Status.InvalidPublicKey
 */
@external("crypto", "p256_validate")
export declare function nativeP256Validate(publicKey: usize): i32;

/**
 * The shared secret of ECDH. Validates the peer's key first.
 * @param shared [out] 32 bytes; untouched after an error
 * @param privateKey [in] 32 bytes
 * @param peerPublicKey [in] 65 bytes
 * @returns Status.Ok; Status.InvalidPublicKey; Status.InvalidPrivateKey
 */
@external("crypto", "p256_ecdh")
export declare function nativeP256Ecdh(shared: usize, privateKey: usize, peerPublicKey: usize): i32;

/**
 * Verify an ECDSA signature: the range of r and s first, then the key, then the rest.
 * @param publicKey [in] 65 bytes
 * @param digest [in] 32 bytes
 * @param signature [in] 64 bytes, r and s big endian
 * @returns Status.Ok; Status.InvalidSignature; Status.InvalidPublicKey
 */
@external("crypto", "p256_verify")
export declare function nativeP256Verify(publicKey: usize, digest: usize, signature: usize): i32;

// ---- SHA-256 ------------------------------------------------------------------------------

/**
 * Fold one block into a chaining value.
 * @param state [in,out] 32 bytes: eight words, little endian; untouched unless Status.Ok
 * @param block [in] 64 bytes
 * @returns Status.Ok
 */
@external("crypto", "sha256_compress")
export declare function nativeSha256Compress(state: usize, block: usize): i32;

// ---- AES-128-CCM, tag of 8 and nonce of 12 bytes ------------------------------------------

/**
 * Encrypt in place and append the tag.
 * @param buffer [in,out] `length` + 8 bytes; untouched unless Status.Ok
 * @param length 0...65535
 * @param key [in] 16 bytes
 * @param nonce [in] 12 bytes
 * @param aad [in] `aadLength` bytes, 0...65279
 * @returns Status.Ok
 */
@external("crypto", "aes128_ccm8_seal")
export declare function nativeCcmSeal(
  buffer: usize,
  length: i32,
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
): i32;

/**
 * Decrypt in place and check the tag.
 * @param buffer [in,out] `length` + 8 bytes; after Status.BadTag its first `length` bytes are zero;
 *   untouched after anything else but Status.Ok
 * @param length 0...65535
 * @param key [in] 16 bytes
 * @param nonce [in] 12 bytes
 * @param aad [in] `aadLength` bytes, 0...65279
 * @returns Status.Ok; Status.BadTag
 */
@external("crypto", "aes128_ccm8_open")
export declare function nativeCcmOpen(
  buffer: usize,
  length: i32,
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
): i32;
