// The whole device on an emulated board, against the recording: instructions and memory of each
// phase, one line of JSON for each.

#include <string.h>

#include "../../../bindings/wasm3/boson.h"
#include "../../../hal/hal.h"
#include "../platform/machine.h"
#include "board.h"
#include "replay.h"

extern const uint8_t module_bytes[];
extern const uint32_t module_size;

/** Polls after which a phase must be over; one that is not has failed. */
#define MAX_POLLS 2000

static struct boson device;
static int calls, events;

static int set_led(void *context, const char *argument, uint32_t length, int32_t *result) {
  (void)context;
  calls += 1;
  *result = length == 2 && memcmp(argument, "on", 2) == 0;
  return 0;
}

static int read_reading(void *context, union boson_value *value) {
  (void)context;
  value->integer = 0;
  return 0;
}

static void take_event(void *context, const char *name, uint32_t name_length, const uint8_t *data,
                       uint32_t data_length, uint32_t content) {
  (void)context, (void)name, (void)name_length, (void)data, (void)data_length, (void)content;
  events += 1;
}

static void fail(const char *what, int error) {
  machine_printf("failed: %s: %s %s\n", what, boson_error_name(error), boson_error_detail(&device));
  machine_exit(1);
}

static void open_device(void) {
  struct boson_config config = {
      .module = module_bytes,
      .module_size = module_size,
      .product_id = 65535,
      .platform_id = 3,
      .server_host = "127.0.0.1",
      .limits = {.memory = WBOSON_LINEAR_MEMORY,
                 .stack = WBOSON_WASM_STACK,
                 .code = WBOSON_COMPILED_CODE},
  };
  memcpy(config.device_id, recorded_id, sizeof config.device_id);
  int error = boson_open(&device, &config);
  if (!error) error = boson_function(&device, "led", set_led, NULL);
  if (!error) error = boson_variable(&device, "reading", BOSON_INT, read_reading, NULL);
  if (!error) error = boson_subscribe(&device, "command", 0, take_event, NULL);
  if (error) fail("open", error);
}

static uint64_t started;
static void begin(enum phase phase) {
  replay_phase(phase);
  machine_paint();
  started = machine_nanoseconds();
}

/** Poll until the phase is over, and tell what it took. */
static void finish(const char *name) {
  for (int polls = 0; !replay_done() || boson_state(&device) != BOSON_CONNECTED; polls += 1) {
    int32_t left = boson_poll(&device);
    if (left < 0) fail(name, left);
    if (polls == MAX_POLLS) fail(name, 0);
    hal_wait((uint32_t)left);
  }
  uint64_t instructions = machine_nanoseconds() - started;
  struct machine_memory memory;
  machine_read_memory(&memory);
  machine_printf("{\"phase\":\"%s\",\"instructions\":%lu,\"static\":%lu,\"heapPeak\":%lu,"
                 "\"heapNow\":%lu,\"stackPeak\":%lu}\n",
                 name, (unsigned long)instructions, (unsigned long)memory.static_ram,
                 (unsigned long)memory.heap_peak, (unsigned long)memory.heap_now,
                 (unsigned long)memory.stack_peak);
}

static void publish(void) {
  int handle = boson_publish(&device, "temp", "xxxxxxxxxxxxxxxxxxxx", 20, NULL, NULL, NULL);
  if (handle < 0) fail("publish", handle);
}

/** The first life: a full handshake. */
static void live_first(void) {
  begin(PHASE_CONNECT);
  open_device();
  int error = boson_connect(&device);
  if (error) fail("connect", error);
  finish("connect");
}

/** The life after a reset: resumes, with a publish in its first packet. */
static void live_again(void) {
  begin(PHASE_RESUME);
  open_device();
  publish();
  int error = boson_connect(&device);
  if (error) fail("connect", error);
  finish("resume");

  begin(PHASE_PUBLISH);
  publish();
  finish("publish");
  begin(PHASE_EVENT);
  finish("event");
  begin(PHASE_CALL);
  finish("call");
  if (calls != 1 || events != 1) fail("handlers", 0);
}

int main(void) {
  int is_first = replay_boots() == 0;
  if (is_first) live_first();
  else live_again();
  if (replay_differences > 0) fail("replay", 0);
  if (is_first) machine_reset();
  return 0;
}
