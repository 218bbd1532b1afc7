// Counts what WASM3 allocates. Each block carries its size in front of it, aligned as malloc aligns.

#include "boson_heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

union header {
  size_t size;
  max_align_t align;
};

static struct boson_heap_figures figures;
static size_t limit;

/** @returns whether `more` bytes may be had */
static int allows(size_t more) {
  if (more > SIZE_MAX - sizeof(union header) - figures.now) return 0;
  return limit == 0 || figures.now + more <= limit;
}

static void count(size_t less, size_t more) {
  figures.now = figures.now - less + more;
  if (figures.now > figures.peak) figures.peak = figures.now;
}

void *boson_heap_calloc(size_t number, size_t size) {
  if (size != 0 && number > SIZE_MAX / size) return NULL;
  size_t bytes = number * size;
  if (!allows(bytes)) return NULL;
  union header *block = calloc(1, sizeof *block + bytes);
  if (!block) return NULL;
  block->size = bytes;
  figures.blocks += 1;
  count(0, bytes);
  return block + 1;
}

void *boson_heap_realloc(void *old, size_t size) {
  if (!old) return boson_heap_calloc(1, size);
  union header *block = (union header *)old - 1;
  size_t before = block->size;
  if (size > before && !allows(size - before)) return NULL;
  block = realloc(block, sizeof *block + size);
  if (!block) return NULL;
  block->size = size;
  count(before, size);
  return block + 1;
}

void boson_heap_free(void *old) {
  if (!old) return;
  union header *block = (union header *)old - 1;
  figures.blocks -= 1;
  count(block->size, 0);
  free(block);
}

void boson_heap_limit(size_t bytes) { limit = bytes; }

void boson_heap_read(struct boson_heap_figures *output) { *output = figures; }
