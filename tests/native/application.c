// Runs application modules one after the other in one process, each beside a core, and tells how each
// ended. Arguments: a folder for storage, the core, then pairs of a module and its capabilities. The core
// is a played one (applications.ts): it says of itself, as statistics, what it was told of the
// application (0), whether its memory is as it was (1), and how often it was called (2). Built with
// sanitizers: whatever they find ends the process.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bindings/wasm3/boson.h"
#include "../../bindings/wasm3/boson_heap.h"
#include "../../hal/posix/hal_posix.h"

/** Where the played core finds length and capabilities of the application. */
#define SLOT_LENGTH 5
/** Polls after which an application counts as one that runs. */
#define POLLS 12
#define HEAP_LIMIT (2u << 20)
#define STEPS 20000u
/** On a busy machine the clock is no judge; the steps are. */
#define TIME_MS 10000u

static struct boson device;

/** @returns the bytes in an allocation of just their size, so that reading past its end is seen */
static uint8_t *read_file(const char *path, uint32_t *size) {
  static uint8_t buffer[1 << 20];
  FILE *file = fopen(path, "rb");
  if (!file) exit(2);
  *size = (uint32_t)fread(buffer, 1, sizeof buffer, file);
  fclose(file);
  uint8_t *bytes = malloc(*size ? *size : 1);
  if (!bytes) exit(2);
  memcpy(bytes, buffer, *size);
  return bytes;
}

/** Put a module where the core says that the application is. */
static int install(const uint8_t *bytes, uint32_t size, uint32_t capabilities) {
  const uint32_t words[2] = {size, capabilities};
  if (hal_image_erase(0, 0, HAL_IMAGE_STEP) < 0) return -1;
  if (size > 0 && hal_image_write(0, 0, bytes, size) != (int)size) return -1;
  return hal_storage_write(SLOT_LENGTH, (const uint8_t *)words, sizeof words) == sizeof words ? 0 : -1;
}

static const char *state_name(int error) {
  if (error < 0) return boson_error_name(error);
  return device.application.state == BOSON_APPLICATION_RUNNING ? "runs" : "stopped";
}

static int try_module(const struct boson_config *given, const char *path, uint32_t capabilities) {
  struct boson_config config = *given;
  uint32_t size;
  uint8_t *module = read_file(path, &size);
  if (install(module, size, capabilities) != 0) return 1;
  // Just as much as it needs, so that reading past its end is seen.
  config.application.image = malloc(size ? size : 1);
  config.application.image_size = size;
  int error = boson_open(&device, &config);
  for (int i = 0; error >= 0 && i < POLLS; i += 1) {
    error = boson_poll(&device);
    if (error < 0 || device.application.state == BOSON_APPLICATION_NONE) break;
    if (error > 0) hal_wait(error < 12 ? (uint32_t)error : 12);
  }
  const char *name = strrchr(path, '/');
  int fault = boson_statistic(&device, 0), intact = boson_statistic(&device, 1);
  printf("%s\t%s\t%s\t%s\t%d\n", name ? name + 1 : path, state_name(error), boson_error_name(fault),
         intact == 1 ? "intact" : "CHANGED", (int)boson_statistic(&device, 2));
  boson_close(&device);
  free(config.application.image);
  free(module);
  struct boson_heap_figures heap;
  boson_heap_read(&heap);
  if (heap.now == 0 && heap.blocks == 0) return 0;
  printf("%s\tLEAK\t%zu bytes in %zu blocks\n", name, heap.now, heap.blocks);
  return 1;
}

int main(int count, char **arguments) {
  if (count < 5 || count % 2 == 0 || hal_posix_open(arguments[1]) != HAL_OK) return 2;
  struct boson_config config = {
      .server_host = "127.0.0.1",
      .server_port = 9,
      .application = {.steps = STEPS, .time_ms = TIME_MS},
  };
  uint8_t *core = read_file(arguments[2], &config.module_size);
  config.module = core;
  boson_heap_limit(HEAP_LIMIT);
  int failures = 0;
  for (int i = 3; i + 1 < count; i += 2) {
    failures += try_module(&config, arguments[i], (uint32_t)atoi(arguments[i + 1]));
    fflush(stdout);
  }
  free(core);
  return failures == 0 ? 0 : 1;
}
