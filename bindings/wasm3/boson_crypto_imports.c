// The imports of assembly/crypto/native.ts on the crypto of the platform (boson_crypto.h). Whatever the
// module passes is hostile: a range that does not lie in its memory ends it.

#include "boson_crypto.h"
#include "boson_imports.h"

/** p256_public_key(public_key, private_key): i32 */
static m3ApiRawFunction(p256_public_key) {
  (void)_ctx, (void)_mem;
  uint8_t *public_key = range(runtime, argument(_sp, 1), BOSON_CRYPTO_POINT);
  const uint8_t *private_key = range(runtime, argument(_sp, 2), BOSON_CRYPTO_SCALAR);
  if (!public_key || !private_key) return boson_host_argument;
  return answer(_sp, boson_crypto_p256_public_key(public_key, private_key));
}

/** p256_validate(public_key): i32 */
static m3ApiRawFunction(p256_validate) {
  (void)_ctx, (void)_mem;
  const uint8_t *public_key = range(runtime, argument(_sp, 1), BOSON_CRYPTO_POINT);
  if (!public_key) return boson_host_argument;
  return answer(_sp, boson_crypto_p256_validate(public_key));
}

/** p256_ecdh(shared, private_key, peer_public_key): i32 */
static m3ApiRawFunction(p256_ecdh) {
  (void)_ctx, (void)_mem;
  uint8_t *shared = range(runtime, argument(_sp, 1), BOSON_CRYPTO_SCALAR);
  const uint8_t *private_key = range(runtime, argument(_sp, 2), BOSON_CRYPTO_SCALAR);
  const uint8_t *peer = range(runtime, argument(_sp, 3), BOSON_CRYPTO_POINT);
  if (!shared || !private_key || !peer) return boson_host_argument;
  return answer(_sp, boson_crypto_p256_ecdh(shared, private_key, peer));
}

/** p256_verify(public_key, digest, signature): i32 */
static m3ApiRawFunction(p256_verify) {
  (void)_ctx, (void)_mem;
  const uint8_t *public_key = range(runtime, argument(_sp, 1), BOSON_CRYPTO_POINT);
  const uint8_t *digest = range(runtime, argument(_sp, 2), BOSON_CRYPTO_DIGEST);
  const uint8_t *signature = range(runtime, argument(_sp, 3), BOSON_CRYPTO_SIGNATURE);
  if (!public_key || !digest || !signature) return boson_host_argument;
  return answer(_sp, boson_crypto_p256_verify(public_key, digest, signature));
}

/** sha256_compress(state, block): i32 */
static m3ApiRawFunction(sha256_compress) {
  (void)_ctx, (void)_mem;
  uint8_t *state = range(runtime, argument(_sp, 1), BOSON_CRYPTO_DIGEST);
  const uint8_t *block = range(runtime, argument(_sp, 2), BOSON_CRYPTO_BLOCK);
  if (!state || !block) return boson_host_argument;
  return answer(_sp, boson_crypto_sha256_compress(state, block));
}

/** The arguments of sealing and opening. */
struct ccm {
  uint8_t *buffer;
  uint32_t length;
  const uint8_t *key, *nonce, *aad;
  uint32_t aad_length;
};

/** @returns 0 when a range does not lie in memory */
static int read_ccm(struct ccm *ccm, IM3Runtime runtime, const uint64_t *stack) {
  ccm->length = argument(stack, 2);
  ccm->aad_length = argument(stack, 6);
  // The sum with the tag must not wrap.
  if (ccm->length > UINT32_MAX - BOSON_CRYPTO_TAG) return 0;
  ccm->buffer = range(runtime, argument(stack, 1), ccm->length + BOSON_CRYPTO_TAG);
  ccm->key = range(runtime, argument(stack, 3), BOSON_CRYPTO_KEY);
  ccm->nonce = range(runtime, argument(stack, 4), BOSON_CRYPTO_NONCE);
  ccm->aad = range(runtime, argument(stack, 5), ccm->aad_length);
  return ccm->buffer && ccm->key && ccm->nonce && ccm->aad;
}

/** aes128_ccm8_seal(buffer, length, key, nonce, aad, aad_length): i32 */
static m3ApiRawFunction(ccm_seal) {
  (void)_ctx, (void)_mem;
  struct ccm ccm;
  if (!read_ccm(&ccm, runtime, _sp)) return boson_host_argument;
  return answer(_sp, boson_crypto_ccm_seal(ccm.buffer, ccm.length, ccm.key, ccm.nonce, ccm.aad,
                                                 ccm.aad_length));
}

/** aes128_ccm8_open(buffer, length, key, nonce, aad, aad_length): i32 */
static m3ApiRawFunction(ccm_open) {
  (void)_ctx, (void)_mem;
  struct ccm ccm;
  if (!read_ccm(&ccm, runtime, _sp)) return boson_host_argument;
  return answer(_sp, boson_crypto_ccm_open(ccm.buffer, ccm.length, ccm.key, ccm.nonce, ccm.aad,
                                                 ccm.aad_length));
}

int boson_link_crypto(struct boson_runtime *runtime, struct M3Module *module) {
  static const struct boson_import imports[] = {
      {"p256_public_key", "i(ii)", p256_public_key},
      {"p256_validate", "i(i)", p256_validate},
      {"p256_ecdh", "i(iii)", p256_ecdh},
      {"p256_verify", "i(iii)", p256_verify},
      {"sha256_compress", "i(ii)", sha256_compress},
      {"aes128_ccm8_seal", "i(iiiiii)", ccm_seal},
      {"aes128_ccm8_open", "i(iiiiii)", ccm_open},
  };
  return boson_link(runtime, module, "crypto", imports, sizeof imports / sizeof *imports, NULL);
}
