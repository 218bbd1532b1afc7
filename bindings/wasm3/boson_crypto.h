// Native crypto for modules that ask for it (imports of namespace `crypto`, assembly/crypto/native.ts;
// build/boson-native-crypto.wasm). A platform implements these functions: boson_crypto_mbedtls.c over
// Mbed TLS, boson_crypto_none.c where there is nothing. Firmware links exactly one of them.
//
// Private keys come through here, out of the module's memory. This code is inside the trust boundary:
// the host stores the keys and holds the whole memory of the module anyway. It keeps no secret between
// calls and wipes what it copies.
//
// Every function does all of its work or none. Whatever it does not answer as listed, the module does
// by itself: BOSON_CRYPTO_NOT_SUPPORTED for good, BOSON_CRYPTO_HOST_FAILURE where memory or randomness
// ran out. Pointers are of any alignment. Numbers are big endian, points 65 bytes 04 X Y (SEC 1
// §2.3.3). A module may let buffers overlap, which must do no harm beyond them.

#ifndef WBOSON_BOSON_CRYPTO_H
#define WBOSON_BOSON_CRYPTO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Statuses of the core (assembly/status.ts). */
enum boson_crypto_status {
  BOSON_CRYPTO_OK = 0,
  BOSON_CRYPTO_NOT_SUPPORTED = -6,
  BOSON_CRYPTO_HOST_FAILURE = -7,
  BOSON_CRYPTO_INVALID_PUBLIC_KEY = -21,  /**< not a point on P-256, or infinity */
  BOSON_CRYPTO_INVALID_PRIVATE_KEY = -22, /**< not in 1...n - 1 */
  BOSON_CRYPTO_INVALID_SIGNATURE = -23,   /**< r or s out of 1...n - 1, or it does not verify */
  BOSON_CRYPTO_BAD_TAG = -24,
};

enum boson_crypto_size {
  BOSON_CRYPTO_POINT = 65,
  BOSON_CRYPTO_SCALAR = 32,
  BOSON_CRYPTO_DIGEST = 32,
  BOSON_CRYPTO_SIGNATURE = 64,
  BOSON_CRYPTO_BLOCK = 64,
  BOSON_CRYPTO_KEY = 16,
  BOSON_CRYPTO_NONCE = 12,
  BOSON_CRYPTO_TAG = 8,
};

/**
 * The public key of a private key (SEC 1 §3.2.1). Also called with ECDSA nonces, which the core makes
 * (RFC 6979 with fresh randomness); so it must not leak the key by its timing.
 * @param public_key [out] 65 bytes; untouched unless OK
 * @param private_key [in] 32 bytes
 * @returns OK; INVALID_PRIVATE_KEY; NOT_SUPPORTED; HOST_FAILURE
 */
int boson_crypto_p256_public_key(uint8_t *public_key, const uint8_t *private_key);

/**
 * Validate a public key: first byte 4, coordinates below p, on the curve (SEC 1 §3.2.2.1).
 * @param public_key [in] 65 bytes
 * @returns OK; INVALID_PUBLIC_KEY; NOT_SUPPORTED; HOST_FAILURE
 */
int boson_crypto_p256_validate(const uint8_t *public_key);

/**
 * The shared secret of ECDH (SEC 1 §3.3.1). Validates the peer's key, then the private one.
 * @param shared [out] 32 bytes; untouched unless OK
 * @param private_key [in] 32 bytes
 * @param peer_public_key [in] 65 bytes
 * @returns OK; INVALID_PUBLIC_KEY; INVALID_PRIVATE_KEY; NOT_SUPPORTED; HOST_FAILURE
 */
int boson_crypto_p256_ecdh(uint8_t *shared, const uint8_t *private_key,
                           const uint8_t *peer_public_key);

/**
 * Verify an ECDSA signature (SEC 1 §4.1.4). Looks at the range of r and s, then at the key.
 * @param public_key [in] 65 bytes
 * @param digest [in] 32 bytes
 * @param signature [in] 64 bytes: r, s
 * @returns OK; INVALID_SIGNATURE; INVALID_PUBLIC_KEY; NOT_SUPPORTED; HOST_FAILURE
 */
int boson_crypto_p256_verify(const uint8_t *public_key, const uint8_t *digest,
                             const uint8_t *signature);

/**
 * Fold one block into a chaining value of SHA-256 (FIPS 180-4 §6.2.2).
 * @param state [in,out] 32 bytes: eight words, each little endian; untouched unless OK
 * @param block [in] 64 bytes
 * @returns OK; NOT_SUPPORTED; HOST_FAILURE
 */
int boson_crypto_sha256_compress(uint8_t *state, const uint8_t *block);

/**
 * AES-128-CCM with a tag of 8 bytes: encrypt in place, append the tag (RFC 3610, M = 8, L = 3).
 * @param buffer [in,out] `length` + 8 bytes; untouched unless OK
 * @param length bytes of plaintext, 0...65535
 * @param key [in] 16 bytes
 * @param nonce [in] 12 bytes
 * @param aad [in] `aad_length` bytes, 0...65279
 * @returns OK; NOT_SUPPORTED; HOST_FAILURE
 */
int boson_crypto_ccm_seal(uint8_t *buffer, uint32_t length, const uint8_t *key,
                          const uint8_t *nonce, const uint8_t *aad, uint32_t aad_length);

/**
 * AES-128-CCM with a tag of 8 bytes: decrypt in place, check the tag in constant time.
 * @param buffer [in,out] `length` + 8 bytes; its first `length` are zero after BAD_TAG; untouched
 *   after anything else but OK
 * @param length bytes of plaintext, 0...65535
 * @param key [in] 16 bytes
 * @param nonce [in] 12 bytes
 * @param aad [in] `aad_length` bytes, 0...65279
 * @returns OK; BAD_TAG; NOT_SUPPORTED; HOST_FAILURE
 */
int boson_crypto_ccm_open(uint8_t *buffer, uint32_t length, const uint8_t *key,
                          const uint8_t *nonce, const uint8_t *aad, uint32_t aad_length);

#ifdef __cplusplus
}
#endif

#endif
