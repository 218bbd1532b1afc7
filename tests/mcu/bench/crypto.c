// Instructions of single pieces of the core's work on an emulated board: one line of JSON each. A
// function runs once before it is measured, so that compiling it does not count.

#include <string.h>

#include "../platform/machine.h"
#include "board.h"
#include "m3_env.h"
#include "wasm3.h"

extern const unsigned char module_bytes[];
extern const unsigned int module_size;

#define WASM_STACK 8192u

/** Exports that are measured; a module need not have all of them. */
static const char *const pieces[] = {
    "generate_key", "ecdh",  "sign",        "verify",          "public_key",     "ccm64",
    "ccm64_open",   "sha1k", "coap_decode", "rsa1024_private", "rsa2048_public",
};

static void fail(const char *what, M3Result result) {
  machine_printf("failed: %s: %s\n", what, result ? result : "wrong result");
  machine_exit(1);
}

/** Without randomness the figures are the same each time. */
static m3ApiRawFunction(random_fill) {
  (void)_ctx;
  uint32_t at = (uint32_t)_sp[1], length = (uint32_t)_sp[2];
  memset((uint8_t *)_mem + at, 0x35, length);
  *(int32_t *)_sp = (int32_t)length;
  (void)runtime;
  return m3Err_none;
}

static int has(const struct M3Module *module, const char *name) {
  for (uint32_t i = 0; i < module->numFunctions; i += 1) {
    const char *exported = module->functions[i].export_name;
    if (exported && strcmp(exported, name) == 0) return 1;
  }
  return 0;
}

static void run(IM3Runtime runtime, const char *name) {
  IM3Function function;
  int32_t returned = 0;
  M3Result result = m3_FindFunction(&function, runtime, name);
  if (!result) result = m3_CallV(function);
  if (!result) result = m3_GetResultsV(function, &returned);
  if (result || returned != 1) fail(name, result);
}

int main(void) {
  IM3Environment environment = m3_NewEnvironment();
  IM3Runtime runtime = m3_NewRuntime(environment, WASM_STACK, NULL);
  IM3Module module;
  runtime->memoryLimit = WBOSON_LINEAR_MEMORY;
  M3Result result = m3_ParseModule(environment, &module, module_bytes, module_size);
  if (!result) result = m3_LoadModule(runtime, module);
  if (result) fail("load", result);
  m3_LinkRawFunction(module, "hal", "random_fill", "i(ii)", random_fill);
  run(runtime, "prepare");
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i += 1) {
    if (!has(module, pieces[i])) continue;
    run(runtime, pieces[i]);
    // Opening needs what sealing left.
    if (strcmp(pieces[i], "ccm64_open") == 0) run(runtime, "ccm64");
    uint64_t start = machine_nanoseconds();
    run(runtime, pieces[i]);
    machine_printf("{\"piece\":\"%s\",\"instructions\":%lu}\n", pieces[i],
                   (unsigned long)(machine_nanoseconds() - start));
  }
  return 0;
}
