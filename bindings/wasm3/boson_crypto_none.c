// boson_crypto.h where the platform has no crypto of its own: the module does everything by itself.

#include "boson_crypto.h"

int boson_crypto_p256_public_key(uint8_t *public_key, const uint8_t *private_key) {
  (void)public_key, (void)private_key;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}

int boson_crypto_p256_validate(const uint8_t *public_key) {
  (void)public_key;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}

int boson_crypto_p256_ecdh(uint8_t *shared, const uint8_t *private_key,
                           const uint8_t *peer_public_key) {
  (void)shared, (void)private_key, (void)peer_public_key;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}

int boson_crypto_p256_verify(const uint8_t *public_key, const uint8_t *digest,
                             const uint8_t *signature) {
  (void)public_key, (void)digest, (void)signature;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}

int boson_crypto_sha256_compress(uint8_t *state, const uint8_t *block) {
  (void)state, (void)block;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}

int boson_crypto_ccm_seal(uint8_t *buffer, uint32_t length, const uint8_t *key,
                          const uint8_t *nonce, const uint8_t *aad, uint32_t aad_length) {
  (void)buffer, (void)length, (void)key, (void)nonce, (void)aad, (void)aad_length;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}

int boson_crypto_ccm_open(uint8_t *buffer, uint32_t length, const uint8_t *key,
                          const uint8_t *nonce, const uint8_t *aad, uint32_t aad_length) {
  (void)buffer, (void)length, (void)key, (void)nonce, (void)aad, (void)aad_length;
  return BOSON_CRYPTO_NOT_SUPPORTED;
}
