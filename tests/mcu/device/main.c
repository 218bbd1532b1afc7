// The device on an emulated board: the core over boson.h, with the same function, variable and
// subscription as boson-run, so that one script tries both.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../bindings/wasm3/boson.h"
#include "../../../hal/hal.h"
#include "../platform/machine.h"
#include "board.h"
#include "frames.h"
#include "hal_board.h"

extern const uint8_t module_bytes[];
extern const uint32_t module_size;

/** Longest wait, so that commands are seen, ms. */
#define LONGEST_WAIT 100

/** Modules with both transports, or with updates, need more than a board for UDP gives, bytes. */
#define LARGE_LINEAR_MEMORY 27648u

#if BOSON_APPLICATIONS
/** What an application is given, bytes; a call into it may take long on a busy machine. */
#define APPLICATION_IMAGE 12288u
#define APPLICATION_MEMORY 8192u
#define APPLICATION_STACK 2048u
#define APPLICATION_CODE 4096u
#define APPLICATION_TIME_MS 5000u

static uint8_t image[APPLICATION_IMAGE];
#endif

static struct boson device;
static int32_t lines;

static void say(const char *format, int a, int b, const char *text) {
  char line[96];
  int length = snprintf(line, sizeof line, format, a, b, text);
  hal_log(HAL_LOG_INFO, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

static int double_it(void *context, const char *argument, uint32_t length, int32_t *result) {
  (void)context;
  char text[16];
  if (length >= sizeof text) return -1;
  memcpy(text, argument, length);
  text[length] = 0;
  char *end;
  long value = strtol(text, &end, 10);
  if (end == text || *end) return -1;
  *result = (int32_t)value * 2;
  return 0;
}

static int read_lines(void *context, union boson_value *value) {
  (void)context;
  value->integer = lines;
  return 0;
}

static void take_event(void *context, const char *name, uint32_t name_length, const uint8_t *data,
                       uint32_t data_length, uint32_t content) {
  (void)context, (void)content;
  char text[64];
  snprintf(text, sizeof text, "%.*s %.*s", (int)name_length, name, (int)data_length,
           (const char *)data);
  say("event %d %d %s", (int)name_length, (int)data_length, text);
}

static void on_connection(void *context, int state, int reason, int status) {
  (void)context;
  say("connection %d %d %s", state, reason, boson_error_name(status));
}

static void on_signal(void *context, int on) {
  (void)context;
  say("signal %d %d%s", on, 0, "");
}

/** What all of it takes: bytes of its own data, of heap, and of stack. */
static void tell_memory(void) {
  struct machine_memory memory;
  machine_read_memory(&memory);
  size_t own = sizeof device;
#if BOSON_APPLICATIONS
  own += sizeof image;
#endif
  char text[64];
  snprintf(text, sizeof text, "%u heapNow %u stack %u", (unsigned)memory.heap_peak,
           (unsigned)memory.heap_now, (unsigned)memory.stack_peak);
  say("memory own %d linear %d heapPeak %s", (int)own,
      boson_statistic(&device, BOSON_STATISTIC_MEMORY_SIZE), text);
  machine_paint();
}

#if BOSON_APPLICATIONS
static void on_update(void *context, const struct boson_update *update) {
  (void)context;
  const char *status = boson_error_name(update->status);
  if (update->step == BOSON_UPDATE_APPLICATION) {
    say("application %d %d %s", update->image, (int)update->version, status);
  } else {
    say("update %d %d %s", update->step, (int)update->version, status);
  }
}
#endif

static void stop(const char *doing, int error) {
  say("failed %d %d%s", error, 0, "");
  machine_printf("failed: %s: %s %s\n", doing, boson_error_name(error), boson_error_detail(&device));
  machine_exit(1);
}

/** Whether the module takes updates, so that an application may come. */
static int takes_updates(void) {
#if BOSON_APPLICATIONS
  return boson_update_info(&device, BOSON_UPDATE_STATE) >= 0;
#else
  return 0;
#endif
}

static void open_device(const struct board_command *go) {
  int is_large = go->content[12] == BOSON_TCP || BOSON_APPLICATIONS;
  struct boson_config config = {
      .module = module_bytes,
      .module_size = module_size,
      .product_id = 65535,
      .platform_id = WBOSON_PLATFORM_ID,
      .transport = go->content[12],
      .server_host = (const char *)go->content + 15,
      .server_port = (uint16_t)(go->content[13] << 8 | go->content[14]),
      .keepalive_ms = go->content[12] == BOSON_TCP ? 0 : WBOSON_KEEPALIVE_MS,
      .reservation = WBOSON_SESSION_RESERVATION,
      .limits = {.memory = WBOSON_LINEAR_MEMORY,
                 .stack = WBOSON_WASM_STACK,
                 .code = WBOSON_COMPILED_CODE},
      .on_connection = on_connection,
      .on_signal = on_signal,
#if BOSON_APPLICATIONS
      .application = {.image = image,
                      .image_size = sizeof image,
                      .time_ms = APPLICATION_TIME_MS,
                      .limits = {.memory = APPLICATION_MEMORY,
                                 .stack = APPLICATION_STACK,
                                 .code = APPLICATION_CODE}},
      .on_update = on_update,
#endif
  };
  if (is_large && config.limits.memory < LARGE_LINEAR_MEMORY) {
    config.limits.memory = LARGE_LINEAR_MEMORY;
  }
  memcpy(config.device_id, go->content, sizeof config.device_id);
  int error = boson_open(&device, &config);
  if (!error) error = boson_function(&device, "double", double_it, NULL);
  if (!error) error = boson_variable(&device, "lines", BOSON_INT, read_lines, NULL);
  // An application module may want it.
  if (!error && !takes_updates()) error = boson_subscribe(&device, "command", 0, take_event, NULL);
  if (!error) error = boson_connect(&device);
  if (error) stop("open", error);
}

static void obey(const struct board_command *command) {
  if (command->type == FRAME_RESET) hal_reset();
  if (command->type == FRAME_MEMORY) tell_memory();
  if (command->type == FRAME_GOODBYE) boson_disconnect(&device, BOSON_GOODBYE_USER);
  if (command->type != FRAME_PUBLISH) return;
  lines += 1;
  int handle = boson_publish(&device, "line", command->content, (uint32_t)command->length, NULL,
                             NULL, NULL);
  if (handle < 0) say("not published %d %d%s", handle, 0, "");
}

int main(void) {
  struct board_command command;
  machine_paint();
  board_start();
  for (;;) {
    if (board_command(&command) && command.type == FRAME_GO) break;
    hal_wait(LONGEST_WAIT);
  }
  open_device(&command);
  for (;;) {
    int32_t left = boson_poll(&device);
    if (left < 0) stop("poll", left);
    hal_wait((uint32_t)left < LONGEST_WAIT ? (uint32_t)left : LONGEST_WAIT);
    while (board_command(&command)) obey(&command);
  }
}
