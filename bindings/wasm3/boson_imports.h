// What functions have in common that a module may call: reading their arguments, checking the ranges
// that these name, answering, linking. Not for firmware.

#ifndef WBOSON_BOSON_IMPORTS_H
#define WBOSON_BOSON_IMPORTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boson_core.h"
#include "wasm3.h"

/** One function: its name, its type in WASM3's letters, what runs. */
struct boson_import {
  const char *name;
  const char *type;
  M3RawCall call;
};

/** The first 32 bits of a stack slot: an i32 argument; slot 0 is the answer's, where there is one. */
static inline uint32_t argument(const uint64_t *stack, int index) {
  uint32_t value;
  memcpy(&value, &stack[index], sizeof value);
  return value;
}

/** Answer an i32. @returns what WASM3 is to be told */
static inline const void *answer(uint64_t *stack, int32_t value) {
  memcpy(stack, &value, sizeof value);
  return m3Err_none;
}

/** @returns NULL unless all of `length` bytes from `at` are inside the module's memory */
static inline uint8_t *range(IM3Runtime runtime, uint32_t at, uint32_t length) {
  uint32_t size = 0;
  uint8_t *memory = m3_GetMemory(runtime, &size, 0);
  return memory && at <= size && length <= size - at ? memory + at : NULL;
}

/**
 * Link functions; the module need not import all of them.
 * @param space [in] the namespace
 * @param owner handed to them as `_ctx->userdata`
 * @returns 0; BOSON_ERR_IMPORT when it imports one by another type
 */
int boson_link(struct boson_runtime *runtime, struct M3Module *module, const char *space,
               const struct boson_import *imports, size_t count, void *owner);

/**
 * Everything that the core may call: the functions of assembly/hal.ts, over the HAL, and those of
 * assembly/crypto/native.ts, over boson_crypto.h. @returns 0; BOSON_ERR_IMPORT
 */
int boson_link_imports(struct boson_runtime *runtime, struct M3Module *module);

/** The function of the board. @returns 0; BOSON_ERR_IMPORT */
int boson_link_board(struct boson_runtime *runtime, struct M3Module *module,
                     struct boson_host *host);

/** Those of native crypto. @returns 0; BOSON_ERR_IMPORT */
int boson_link_crypto(struct boson_runtime *runtime, struct M3Module *module);

#endif
