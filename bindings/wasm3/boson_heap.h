// The allocator of WASM3 where its use is to be counted and limited: its sources are then compiled
// with calloc, realloc and free renamed to these (tools/build-native.mjs, BOSON_HEAP).

#ifndef WBOSON_BOSON_HEAP_H
#define WBOSON_BOSON_HEAP_H

#include <stddef.h>

struct boson_heap_figures {
  size_t now;    /**< bytes asked for and not freed */
  size_t peak;   /**< most of them so far */
  size_t blocks; /**< allocations alive */
};

void *boson_heap_calloc(size_t count, size_t size);
void *boson_heap_realloc(void *block, size_t size);
void boson_heap_free(void *block);

/** Refuse what would take more. @param bytes 0: no limit */
void boson_heap_limit(size_t bytes);

/** @param figures [out] */
void boson_heap_read(struct boson_heap_figures *figures);

#endif
