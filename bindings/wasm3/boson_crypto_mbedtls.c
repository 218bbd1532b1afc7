// boson_crypto.h over Mbed TLS 2.28 or 3 (libmbedcrypto only). Blinding takes its randomness from the
// HAL; where that fails, or memory runs out, the answer is HOST_FAILURE. What is kept between calls is
// the curve, with the multiples of its base point that Mbed TLS 2.28 computes when it first needs them.

#define MBEDTLS_ALLOW_PRIVATE_ACCESS // the chaining value of SHA-256

#include "boson_crypto.h"

#include <string.h>

#include <mbedtls/ccm.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include "../../hal/hal.h"

/** What a computation on the curve needs. */
struct curve {
  mbedtls_ecp_group *group;
  mbedtls_ecp_point point;
  mbedtls_mpi a, b;
};

static int fill_random(void *context, unsigned char *output, size_t length) {
  (void)context;
  return hal_random(output, length) == HAL_OK ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

/** @returns OK; HOST_FAILURE; curve_close must follow either */
static int curve_open(struct curve *curve) {
  static mbedtls_ecp_group group; // all zeros: as mbedtls_ecp_group_init leaves it
  mbedtls_ecp_point_init(&curve->point);
  mbedtls_mpi_init(&curve->a);
  mbedtls_mpi_init(&curve->b);
  curve->group = &group;
  if (group.id == MBEDTLS_ECP_DP_SECP256R1) return BOSON_CRYPTO_OK;
  if (mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0) return BOSON_CRYPTO_OK;
  mbedtls_ecp_group_free(&group);
  return BOSON_CRYPTO_HOST_FAILURE;
}

/** Mbed TLS wipes what it frees. */
static void curve_close(struct curve *curve) {
  mbedtls_mpi_free(&curve->b);
  mbedtls_mpi_free(&curve->a);
  mbedtls_ecp_point_free(&curve->point);
}

/** Read and validate a public key. @returns OK; INVALID_PUBLIC_KEY; HOST_FAILURE */
static int read_point(struct curve *curve, const uint8_t *public_key) {
  // Mbed TLS 3 also reads other forms than this one.
  if (public_key[0] != 4) return BOSON_CRYPTO_INVALID_PUBLIC_KEY;
  if (mbedtls_ecp_point_read_binary(curve->group, &curve->point, public_key, BOSON_CRYPTO_POINT)) {
    return BOSON_CRYPTO_HOST_FAILURE;
  }
  int error = mbedtls_ecp_check_pubkey(curve->group, &curve->point);
  if (error == MBEDTLS_ERR_ECP_INVALID_KEY) return BOSON_CRYPTO_INVALID_PUBLIC_KEY;
  return error ? BOSON_CRYPTO_HOST_FAILURE : BOSON_CRYPTO_OK;
}

/** Read a number of 1...n - 1. @returns OK; `invalid`; HOST_FAILURE */
static int read_scalar(struct curve *curve, mbedtls_mpi *scalar, const uint8_t *bytes,
                       int invalid) {
  if (mbedtls_mpi_read_binary(scalar, bytes, BOSON_CRYPTO_SCALAR)) return BOSON_CRYPTO_HOST_FAILURE;
  return mbedtls_ecp_check_privkey(curve->group, scalar) ? invalid : BOSON_CRYPTO_OK;
}

int boson_crypto_p256_public_key(uint8_t *public_key, const uint8_t *private_key) {
  struct curve curve;
  uint8_t point[BOSON_CRYPTO_POINT];
  size_t length = 0;
  int status = curve_open(&curve);
  if (!status) status = read_scalar(&curve, &curve.a, private_key, BOSON_CRYPTO_INVALID_PRIVATE_KEY);
  if (!status && (mbedtls_ecp_mul(curve.group, &curve.point, &curve.a, &curve.group->G, fill_random,
                                  NULL) ||
                  mbedtls_ecp_point_write_binary(curve.group, &curve.point,
                                                 MBEDTLS_ECP_PF_UNCOMPRESSED, &length, point,
                                                 sizeof point) ||
                  length != sizeof point)) {
    status = BOSON_CRYPTO_HOST_FAILURE;
  }
  if (!status) memcpy(public_key, point, sizeof point);
  curve_close(&curve);
  return status;
}

int boson_crypto_p256_validate(const uint8_t *public_key) {
  struct curve curve;
  int status = curve_open(&curve);
  if (!status) status = read_point(&curve, public_key);
  curve_close(&curve);
  return status;
}

int boson_crypto_p256_ecdh(uint8_t *shared, const uint8_t *private_key,
                           const uint8_t *peer_public_key) {
  struct curve curve;
  uint8_t secret[BOSON_CRYPTO_SCALAR];
  int status = curve_open(&curve);
  if (!status) status = read_point(&curve, peer_public_key);
  if (!status) status = read_scalar(&curve, &curve.a, private_key, BOSON_CRYPTO_INVALID_PRIVATE_KEY);
  if (!status && (mbedtls_ecdh_compute_shared(curve.group, &curve.b, &curve.point, &curve.a,
                                              fill_random, NULL) ||
                  mbedtls_mpi_write_binary(&curve.b, secret, sizeof secret))) {
    status = BOSON_CRYPTO_HOST_FAILURE;
  }
  if (!status) memcpy(shared, secret, sizeof secret);
  mbedtls_platform_zeroize(secret, sizeof secret);
  curve_close(&curve);
  return status;
}

int boson_crypto_p256_verify(const uint8_t *public_key, const uint8_t *digest,
                             const uint8_t *signature) {
  struct curve curve;
  const int invalid = BOSON_CRYPTO_INVALID_SIGNATURE;
  int status = curve_open(&curve);
  if (!status) status = read_scalar(&curve, &curve.a, signature, invalid);
  if (!status) status = read_scalar(&curve, &curve.b, signature + BOSON_CRYPTO_SCALAR, invalid);
  if (!status) status = read_point(&curve, public_key);
  if (!status) {
    int error = mbedtls_ecdsa_verify(curve.group, digest, BOSON_CRYPTO_DIGEST, &curve.point,
                                     &curve.a, &curve.b);
    if (error) status = error == MBEDTLS_ERR_ECP_VERIFY_FAILED ? invalid : BOSON_CRYPTO_HOST_FAILURE;
  }
  curve_close(&curve);
  return status;
}

#ifdef MBEDTLS_SHA256_ALT // hardware, whose chaining value cannot be reached

int boson_crypto_sha256_compress(uint8_t *state, const uint8_t *block) {
  (void)state, (void)block;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}

#else

int boson_crypto_sha256_compress(uint8_t *state, const uint8_t *block) {
  mbedtls_sha256_context context;
  mbedtls_sha256_init(&context);
  for (int i = 0; i < 8; i += 1) {
    const uint8_t *word = state + 4 * i;
    context.state[i] = (uint32_t)word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 |
                       (uint32_t)word[3] << 24;
  }
  int error = mbedtls_internal_sha256_process(&context, block);
  for (int i = 0; !error && i < BOSON_CRYPTO_DIGEST; i += 1) {
    state[i] = (uint8_t)(context.state[i / 4] >> 8 * (i % 4));
  }
  mbedtls_sha256_free(&context);
  return error ? BOSON_CRYPTO_HOST_FAILURE : BOSON_CRYPTO_OK;
}

#endif

/** Set a key. @returns OK; HOST_FAILURE; mbedtls_ccm_free must follow either */
static int open_ccm(mbedtls_ccm_context *context, const uint8_t *key) {
  mbedtls_ccm_init(context);
  int error = mbedtls_ccm_setkey(context, MBEDTLS_CIPHER_ID_AES, key, 8 * BOSON_CRYPTO_KEY);
  return error ? BOSON_CRYPTO_HOST_FAILURE : BOSON_CRYPTO_OK;
}

/*
 * Below, what is left to fail once there is a key are lengths, which Mbed TLS looks at first: the
 * buffer is untouched then. (An AES in hardware that fails half-way would need a copy.)
 */

int boson_crypto_ccm_seal(uint8_t *buffer, uint32_t length, const uint8_t *key,
                          const uint8_t *nonce, const uint8_t *aad, uint32_t aad_length) {
  mbedtls_ccm_context context;
  int status = open_ccm(&context, key);
  if (!status && mbedtls_ccm_encrypt_and_tag(&context, length, nonce, BOSON_CRYPTO_NONCE, aad,
                                             aad_length, buffer, buffer, buffer + length,
                                             BOSON_CRYPTO_TAG)) {
    status = BOSON_CRYPTO_HOST_FAILURE;
  }
  mbedtls_ccm_free(&context);
  return status;
}

int boson_crypto_ccm_open(uint8_t *buffer, uint32_t length, const uint8_t *key,
                          const uint8_t *nonce, const uint8_t *aad, uint32_t aad_length) {
  mbedtls_ccm_context context;
  int status = open_ccm(&context, key);
  if (!status) {
    int error = mbedtls_ccm_auth_decrypt(&context, length, nonce, BOSON_CRYPTO_NONCE, aad, aad_length,
                                         buffer, buffer, buffer + length, BOSON_CRYPTO_TAG);
    if (error) {
      status =
          error == MBEDTLS_ERR_CCM_AUTH_FAILED ? BOSON_CRYPTO_BAD_TAG : BOSON_CRYPTO_HOST_FAILURE;
    }
  }
  mbedtls_ccm_free(&context);
  return status;
}
