// Runs assembly/crypto on WASM3, with the native crypto that it is linked with, for tests in another
// process. Arguments: the module, a pipe with requests, a pipe for answers. Numbers are 32 bits of this
// host; a request is a letter and
//   w  at, length, bytes           write memory
//   f  at, length, value           fill memory
//   r  at, length                  -> bytes of memory
//   c  length, name, count, args   call an export -> n, d or e
//   h  value                       whether the HAL's random source fails from now on
//   x  mask, status                functions of boson_crypto.h that answer this from now on, as bits
//   s                              -> for each function of boson_crypto.h: calls that it answered, and
//                                     calls that it left to the module
// In a call, `n length` asks for random bytes, as the module does; the answer is a number, the bytes.
// `d result` ends it, or `e length text`.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bindings/wasm3/boson_crypto.h"
#include "../../bindings/wasm3/boson_imports.h"
#include "../../hal/hal.h"

#define STACK 65536
#define NAME_MAX_BYTES 64
#define ARGUMENTS_MAX 8

static FILE *requests, *answers;
static IM3Runtime engine;

static void read_bytes(void *output, size_t length) {
  if (length && fread(output, 1, length, requests) != length) exit(0); // the test has ended
}

static uint32_t read_number(void) {
  uint32_t value;
  read_bytes(&value, sizeof value);
  return value;
}

static void write_number(uint32_t value) { fwrite(&value, sizeof value, 1, answers); }

static int fail(const char *what) {
  fprintf(stderr, "crypto-process: %s\n", what);
  exit(1);
}

// ---- what stands between the binding and the platform ---------------------------------------

static uint32_t answered[7], declined[7];
static uint32_t random_fails, refused, refusal;

static int count(int which, int status) {
  int is_answer = status == BOSON_CRYPTO_OK || status <= BOSON_CRYPTO_INVALID_PUBLIC_KEY;
  *(is_answer ? &answered[which] : &declined[which]) += 1;
  return status;
}

#define COUNTED(which, name, parameters, arguments)                                                \
  int __real_##name parameters;                                                                    \
  int __wrap_##name parameters;                                                                    \
  int __wrap_##name parameters {                                                                   \
    if (refused >> which & 1) return count(which, (int32_t)refusal);                               \
    return count(which, __real_##name arguments);                                                  \
  }

#define CCM_PARAMETERS                                                                             \
  (uint8_t * buffer, uint32_t length, const uint8_t *key, const uint8_t *nonce,                    \
   const uint8_t *aad, uint32_t aad_length)
#define CCM_ARGUMENTS (buffer, length, key, nonce, aad, aad_length)

COUNTED(0, boson_crypto_p256_public_key, (uint8_t * public_key, const uint8_t *key),
        (public_key, key))
COUNTED(1, boson_crypto_p256_validate, (const uint8_t *public_key), (public_key))
COUNTED(2, boson_crypto_p256_ecdh, (uint8_t * shared, const uint8_t *key, const uint8_t *peer),
        (shared, key, peer))
COUNTED(3, boson_crypto_p256_verify,
        (const uint8_t *public_key, const uint8_t *digest, const uint8_t *signature),
        (public_key, digest, signature))
COUNTED(4, boson_crypto_sha256_compress, (uint8_t * state, const uint8_t *block), (state, block))
COUNTED(5, boson_crypto_ccm_seal, CCM_PARAMETERS, CCM_ARGUMENTS)
COUNTED(6, boson_crypto_ccm_open, CCM_PARAMETERS, CCM_ARGUMENTS)

int __real_hal_random(uint8_t *buffer, size_t length);
int __wrap_hal_random(uint8_t *buffer, size_t length);
int __wrap_hal_random(uint8_t *buffer, size_t length) {
  return random_fails ? HAL_ERR_RANDOM : __real_hal_random(buffer, length);
}

int boson_runtime_fail(struct boson_runtime *runtime, int error, const char *detail) {
  (void)runtime;
  fail(detail);
  return error;
}

/** random_fill(buffer, length): i32, from the test */
static m3ApiRawFunction(random_fill) {
  (void)_ctx, (void)_mem;
  uint32_t length = argument(_sp, 2);
  uint8_t *buffer = range(runtime, argument(_sp, 1), length);
  if (!buffer) return boson_host_argument;
  fputc('n', answers);
  write_number(length);
  fflush(answers);
  uint32_t result = read_number();
  read_bytes(buffer, length);
  return answer(_sp, (int32_t)result);
}

// ---- requests -------------------------------------------------------------------------------

static uint8_t *read_range(uint32_t *length) {
  uint32_t at = read_number();
  *length = read_number();
  uint8_t *bytes = range(engine, at, *length);
  if (!bytes) fail("a range outside of memory");
  return bytes;
}

static M3Result call(const char *name, uint32_t argument_count, uint32_t *arguments,
                     uint32_t *result) {
  IM3Function function;
  const void *pointers[ARGUMENTS_MAX];
  for (int i = 0; i < ARGUMENTS_MAX; i += 1) pointers[i] = &arguments[i];
  M3Result error = m3_FindFunction(&function, engine, name);
  if (!error) error = m3_Call(function, argument_count, pointers);
  if (error || m3_GetRetCount(function) == 0) return error;
  const void *results[] = {result};
  return m3_GetResults(function, 1, results);
}

static void handle_call(void) {
  char name[NAME_MAX_BYTES] = "";
  uint32_t arguments[ARGUMENTS_MAX] = {0};
  uint32_t result = 0, length = read_number();
  if (length >= sizeof name) fail("a long name");
  read_bytes(name, length);
  uint32_t argument_count = read_number();
  if (argument_count > ARGUMENTS_MAX) fail("many arguments");
  read_bytes(arguments, argument_count * sizeof *arguments);
  M3Result error = call(name, argument_count, arguments, &result);
  if (!error) {
    fputc('d', answers);
    write_number(result);
    return;
  }
  fputc('e', answers);
  write_number((uint32_t)strlen(error));
  fputs(error, answers);
}

static void handle(int letter) {
  uint32_t length;
  uint8_t *bytes;
  switch (letter) {
    case 'w':
      bytes = read_range(&length);
      read_bytes(bytes, length);
      break;
    case 'f':
      bytes = read_range(&length);
      memset(bytes, (int)read_number(), length);
      break;
    case 'r':
      bytes = read_range(&length);
      fwrite(bytes, 1, length, answers);
      break;
    case 'c': handle_call(); break;
    case 'h': random_fails = read_number(); break;
    case 'x':
      refused = read_number();
      refusal = read_number();
      break;
    case 's':
      for (int i = 0; i < 7; i += 1) {
        write_number(answered[i]);
        write_number(declined[i]);
      }
      break;
    default: fail("an unknown request");
  }
  fflush(answers);
}

// ---- loading --------------------------------------------------------------------------------

static void load(const char *path) {
  static uint8_t bytes[1 << 20];
  FILE *file = fopen(path, "rb");
  if (!file) fail("no module");
  uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  IM3Environment environment = m3_NewEnvironment();
  engine = m3_NewRuntime(environment, STACK, NULL);
  IM3Module module;
  M3Result error = m3_ParseModule(environment, &module, bytes, size);
  if (!error) error = m3_LoadModule(engine, module);
  if (!error) error = m3_LinkRawFunction(module, "hal", "random_fill", "i(ii)", random_fill);
  if (error) fail(error);
  boson_link_crypto(NULL, module);
}

int main(int count_, char **arguments) {
  if (count_ != 4) return 2;
  // Before anything that may fail: the test waits until both are open.
  requests = fopen(arguments[2], "rb");
  answers = fopen(arguments[3], "wb");
  if (!requests || !answers) return 2;
  load(arguments[1]);
  int letter;
  while ((letter = fgetc(requests)) != EOF) handle(letter);
  return 0;
}
