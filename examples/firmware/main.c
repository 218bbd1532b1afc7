// C firmware with the publish queue: takes a reading each second, says how each publish ended, and
// when the readings are done lets everything out and sleeps. Runs on Linux with the posix HAL; on a
// board the loop is the same, and `module` is a constant in flash.
// usage: firmware MODULE STORAGE HOST PORT READINGS

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bindings/wasm3/boson.h"
#include "../../hal/posix/hal_posix.h"

#define MODULE_MAX (256u << 10)
#define SECOND 1000
#define FLUSH_MS 20000
#define SLEEP_SECONDS 3600
#define PLATFORM_GCC 3

static struct boson device;
static uint8_t module[MODULE_MAX];
static int asleep;

static void on_connection(void *context, int state, int reason, int status) {
  (void)context, (void)reason, (void)status;
  if (state == BOSON_CONNECTED) printf("connected\n");
}

static void on_sleep(void *context, uint32_t seconds, uint32_t pending) {
  (void)context;
  printf("sleep %" PRIu32 " s, %" PRIu32 " pending\n", seconds, pending);
  asleep = 1;
}

static void on_done(void *context, int status) {
  printf("reading %d: %s\n", (int)(intptr_t)context, boson_error_name(status));
}

/** A made-up temperature, tenths of a degree. */
static int measure(int count) { return 200 + count * 7 % 30; }

/** Publish a reading; one that waits for the connection gives way to a newer one. */
static void publish(int count) {
  char data[32];
  int length = snprintf(data, sizeof data, "{\"tenths\":%d}", measure(count));
  struct boson_publish_options options = {.content = BOSON_JSON, .flags = BOSON_PUBLISH_COALESCED};
  int handle = boson_publish(&device, "temp", data, (uint32_t)length, &options, on_done,
                             (void *)(intptr_t)count);
  if (handle < 0) printf("reading %d refused: %s\n", count, boson_error_name(handle));
}

static int load(const char *path, uint32_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return -1;
  *size = (uint32_t)fread(module, 1, sizeof module, file);
  fclose(file);
  return 0;
}

static int read_id(const char *folder, uint8_t id[12]) {
  char path[512], text[32] = "";
  snprintf(path, sizeof path, "%s/device-id", folder);
  FILE *file = fopen(path, "r");
  if (!file) return -1;
  int read = fgets(text, sizeof text, file) != NULL;
  fclose(file);
  for (int i = 0; i < 12; i += 1) {
    unsigned byte;
    if (!read || sscanf(text + 2 * i, "%2x", &byte) != 1) return -1;
    id[i] = (uint8_t)byte;
  }
  return 0;
}

static int32_t run(int readings) {
  uint32_t next = hal_millis();
  int leaving = 0;
  for (int count = 0; !asleep;) {
    if (count < readings && (int32_t)(hal_millis() - next) >= 0) {
      next += SECOND;
      publish(++count);
    }
    if (count == readings && !leaving) {
      leaving = 1;
      boson_sleep_flushed(&device, SLEEP_SECONDS, 1, FLUSH_MS);
    }
    int32_t left = boson_poll(&device);
    if (left < 0) return left;
    hal_wait(left < 100 ? (uint32_t)left : 100);
  }
  return 0;
}

int main(int count, char **arguments) {
  struct boson_config config = {
      .module = module,
      .product_id = 65535,
      .platform_id = PLATFORM_GCC,
      .stored_queue = 1,
      .on_connection = on_connection,
      .on_sleep = on_sleep,
  };
  if (count != 6) return EXIT_FAILURE;
  if (load(arguments[1], &config.module_size) != 0) return EXIT_FAILURE;
  if (hal_posix_open(arguments[2]) != HAL_OK) return EXIT_FAILURE;
  if (read_id(arguments[2], config.device_id) != 0) return EXIT_FAILURE;
  config.server_host = arguments[3];
  config.server_port = (uint16_t)atoi(arguments[4]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  int error = boson_open(&device, &config);
  if (!error) error = boson_connect(&device);
  if (!error) error = run(atoi(arguments[5]));
  if (!error) printf("diagnosis %d, last end %d\n", boson_diagnosis(&device), boson_last_end(&device, 0, NULL));
  printf("operations %" PRIu32 ", bytes %" PRIu32 "\n", boson_meter(&device, BOSON_METER_OPERATIONS),
         boson_meter(&device, BOSON_METER_BYTES));
  boson_close(&device);
  if (error) fprintf(stderr, "%s\n", boson_error_name(error));
  return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
