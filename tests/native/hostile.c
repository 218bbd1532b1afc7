// Opens hostile modules one after the other in one process, and tells how each ended. Arguments: a
// folder for storage, modules. Last, as a proof that the host is intact, the last module (the core)
// must start. Built with sanitizers: whatever they find ends the process.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bindings/wasm3/boson.h"
#include "../../bindings/wasm3/boson_heap.h"
#include "../../hal/posix/hal_posix.h"

/** Polls that a module gets to do its worst. */
#define POLLS 4
#define HEAP_LIMIT (4u << 20)
#define CALLS 2000000u

/** @returns the bytes in an allocation of just their size, so that reading past its end is seen */
static uint8_t *read_file(const char *path, uint32_t *size) {
  static uint8_t buffer[1 << 20];
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  *size = (uint32_t)fread(buffer, 1, sizeof buffer, file);
  fclose(file);
  uint8_t *bytes = malloc(*size ? *size : 1);
  if (bytes) memcpy(bytes, buffer, *size);
  return bytes;
}

static int try_module(const char *path) {
  static struct boson device;
  struct boson_config config = {
      .server_host = "127.0.0.1",
      .server_port = 9,
      .limits = {.calls = CALLS},
  };
  config.module = read_file(path, &config.module_size);
  if (!config.module) return 1;
  int error = boson_open(&device, &config);
  for (int i = 0; error >= 0 && i < POLLS; i += 1) {
    error = boson_connect(&device);
    if (error > -100) error = boson_poll(&device);
  }
  const char *name = path + strlen(path);
  while (name > path && name[-1] != '/') name -= 1;
  printf("%s\t%s\t%s\n", name, error >= 0 ? "Ok" : boson_error_name(error),
         boson_error_detail(&device));
  boson_close(&device);
  free((void *)(uintptr_t)config.module);
  struct boson_heap_figures heap;
  boson_heap_read(&heap);
  if (heap.now == 0 && heap.blocks == 0) return 0;
  printf("%s\tLEAK\t%zu bytes in %zu blocks\n", name, heap.now, heap.blocks);
  return 1;
}

int main(int count, char **arguments) {
  if (count < 3 || hal_posix_open(arguments[1]) != HAL_OK) return 2;
  boson_heap_limit(HEAP_LIMIT);
  int failures = 0;
  for (int i = 2; i < count; i += 1) {
    failures += try_module(arguments[i]);
    fflush(stdout);
  }
  return failures == 0 ? 0 : 1;
}
