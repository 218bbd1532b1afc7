// The functions of boson.h that are not the pump: opening, commands, figures.

#include <string.h>

#include "boson_code.h"
#include "boson_internal.h"

#ifdef BOSON_HEAP
#include "boson_heap.h"
#endif

/** Version of this SDK as Hello carries it: 0.1.0. */
#define SYSTEM_VERSION 100
#define DEFAULT_PORT 5684
#define DEFAULT_TCP_PORT 5683
#define DEFAULT_TTL 60
/** The publish waits in the queue as long as it takes. */
#define NO_TTL UINT32_MAX
/** PublishOption of assembly/queue/entries.ts. */
#define OPTION_ACKNOWLEDGED 1u
#define OPTION_UNTOLD 32u
/** Numbers below are the core's. */
#define FIRST_OWN_STATISTIC 100

// ---- life -----------------------------------------------------------------------------------

/** Length of a text, at most `most`; strnlen is not in every C library. */
static size_t text_length(const char *text, size_t most) {
  const char *end = memchr(text, 0, most);
  return end ? (size_t)(end - text) : most;
}

static int check_config(const struct boson_config *config) {
  if (!config->module || !config->server_host) return BOSON_ERR_ARGUMENT;
  if (config->transport > BOSON_TCP) return BOSON_ERR_ARGUMENT;
  size_t length = text_length(config->server_host, BOSON_HOST_SIZE);
  return length == 0 || length == BOSON_HOST_SIZE ? BOSON_ERR_ARGUMENT : 0;
}

/** Tell the core who it is, and start it. */
static int start(struct boson *device) {
  const struct boson_config *config = &device->config;
  int error = boson_argue(device, config->device_id, sizeof config->device_id, NULL, 0);
  if (error) return error;
  CALL(device, set_identity, config->product_id, config->product_version, config->platform_id,
       SYSTEM_VERSION);
  if (config->reservation != 0) {
    error = CALL(device, set_reservation, (uint32_t)config->reservation);
    if (error < 0) return error;
  }
  if (config->transport == BOSON_TCP) {
    if (!boson_runtime_has(&device->runtime, BOSON_EXPORT_set_transport) ||
        !boson_runtime_has(&device->runtime, BOSON_EXPORT_handle_stream)) {
      return STATUS_NOT_SUPPORTED;
    }
    error = CALL(device, set_transport, BOSON_TCP);
    if (error < 0) return error;
  }
  error = CALL0(device, start);
  if (error < 0) return error;
  if (config->keepalive_ms != 0) {
    int32_t interval = config->keepalive_ms > 0 ? config->keepalive_ms : 0;
    error = CALL(device, set_keepalive, (uint32_t)interval);
    if (error < 0) return error;
  }
  error = boson_start_queue(device);
  if (error < 0) return error;
  error = boson_application_open(device);
  if (error < 0) return error;
  if (device->has_application) {
    device->loop_at = hal_millis();
    CALL(device, app_clock, device->loop_at);
    if (boson_runtime_has(&device->runtime, BOSON_EXPORT_setup)) CALL0(device, setup);
  }
  return device->runtime.fault;
}

int boson_open(struct boson *device, const struct boson_config *config) {
  memset(device, 0, sizeof *device);
  device->socket = -1;
  device->internet.socket = -1;
  uint32_t capabilities = hal_capabilities();
  int error = check_config(config);
  int is_tcp = config->transport == BOSON_TCP;
  uint32_t needed = is_tcp ? HAL_CAP_TCP : HAL_CAP_UDP;
  if (!error && (capabilities >> 16 != HAL_VERSION || !(capabilities & needed))) {
    error = BOSON_ERR_HAL;
  }
  if (error) return boson_runtime_fail(&device->runtime, error, NULL);
  device->config = *config;
  memcpy(device->host, config->server_host, strlen(config->server_host) + 1);
  device->port = config->server_port ? config->server_port : is_tcp ? DEFAULT_TCP_PORT : DEFAULT_PORT;
  device->host_calls.board = config->board;
  device->host_calls.board_context = config->context;
#if BOSON_APPLICATIONS
  if (config->application.image) device->host_calls.image_capacity = config->application.image_size;
#endif
  error = boson_core_open(&device->runtime, device->exports, &device->host_calls, config->module,
                          config->module_size, &config->limits);
  if (error) return error;
  device->has_application =
      (uint8_t)(boson_runtime_has(&device->runtime, BOSON_EXPORT_app_clock) &&
                boson_runtime_has(&device->runtime, BOSON_EXPORT_app_poll_event));
  error = start(device);
  if (error) {
    const char *detail = device->runtime.detail;
    boson_close(device);
    boson_runtime_fail(&device->runtime, error, detail);
  }
  return error;
}

void boson_close(struct boson *device) {
  boson_close_link(device);
  boson_internet_close(device);
  boson_application_close(device);
  boson_runtime_close(&device->runtime);
  boson_runtime_fail(&device->runtime, STATUS_INVALID_STATE, NULL);
  for (int i = 0; i < BOSON_MAX_PUBLISHES; i += 1) {
    if (device->publishes[i].handle == 0) continue;
    device->publishes[i].handle = 0;
    device->publishes[i].done(device->publishes[i].context, STATUS_ABORTED);
  }
}

int32_t boson_commanded(struct boson *device, int32_t status) {
  boson_drain_input(device);
  return status;
}

int boson_connect(struct boson *device) {
  boson_code_release(&device->runtime);
  return boson_commanded(device, CALL(device, connect, hal_millis()));
}

int boson_disconnect(struct boson *device, int goodbye) {
  return boson_commanded(device, CALL(device, disconnect, (uint32_t)goodbye, 0, hal_millis()));
}

int boson_sleep(struct boson *device, uint32_t seconds) {
  uint32_t now = hal_millis();
  return boson_commanded(device, CALL(device, disconnect, BOSON_GOODBYE_SLEEP, seconds, now));
}

int boson_wake(struct boson *device) { return boson_connect(device); }

int boson_state(struct boson *device) { return CALL0(device, connection_state); }

// ---- messages -------------------------------------------------------------------------------

int boson_argue(struct boson *device, const void *first, uint32_t first_length, const void *second,
                uint32_t second_length) {
  struct boson_runtime *runtime = &device->runtime;
  if (runtime->fault) return runtime->fault;
  uint32_t capacity = runtime->argument.capacity;
  if (first_length > capacity || second_length > capacity - first_length) return STATUS_TOO_LONG;
  uint8_t *argument = boson_runtime_memory(runtime, runtime->argument.at, capacity);
  if (!argument) return boson_runtime_fail(runtime, BOSON_ERR_BUFFER, "argument_buffer");
  if (first_length > 0) memcpy(argument, first, first_length);
  if (second_length > 0) memcpy(argument + first_length, second, second_length);
  return 0;
}

/** Length of a name, at most one more than an argument can be, so that a longer one is refused. */
static uint32_t length_of(const struct boson *device, const char *name) {
  return (uint32_t)text_length(name, (size_t)device->runtime.argument.capacity + 1);
}

int boson_publish(struct boson *device, const char *name, const void *data, uint32_t length,
                  const struct boson_publish_options *options, boson_publish_handler done,
                  void *context) {
  static const struct boson_publish_options plain = {0};
  if (!name || (!data && length > 0)) return STATUS_INVALID_ARGUMENT;
  if (!options) options = &plain;
  if (options->flags && !boson_has_queue(device)) return STATUS_NOT_SUPPORTED;
  int place = 0;
  while (done && place < BOSON_MAX_PUBLISHES && device->publishes[place].handle != 0) place += 1;
  if (place == BOSON_MAX_PUBLISHES) return STATUS_NO_SPACE;
  uint32_t name_length = length_of(device, name);
  int error = boson_argue(device, name, name_length, data, length);
  if (error) return error;
  int is_tcp = device->config.transport == BOSON_TCP;
  int confirmable = is_tcp ? options->unacknowledged < 0 : options->unacknowledged <= 0;
  uint32_t ttl = options->ttl;
  if (!ttl) ttl = boson_has_queue(device) ? NO_TTL : DEFAULT_TTL;
  uint32_t bits = (confirmable ? OPTION_ACKNOWLEDGED : 0) | options->flags;
  if (!done && boson_has_queue(device)) bits |= OPTION_UNTOLD;
  int32_t handle = CALL(device, publish, name_length, length, options->content, ttl, bits);
  if (handle > 0 && done) {
    device->publishes[place].handle = handle;
    device->publishes[place].done = done;
    device->publishes[place].context = context;
  }
  return boson_commanded(device, handle);
}

/** A free entry for a handler of the firmware, and the name in the argument buffer. */
static int prepare(struct boson *device, struct boson_handler *handlers, const char *name,
                   struct boson_handler **entry) {
  if (!name) return STATUS_INVALID_ARGUMENT;
  if (device->has_application) return STATUS_NOT_SUPPORTED;
  int place = 0;
  while (place < BOSON_MAX_HANDLERS && handlers[place].used) place += 1;
  if (place == BOSON_MAX_HANDLERS) return STATUS_NO_SPACE;
  *entry = &handlers[place];
  return boson_argue(device, name, length_of(device, name), NULL, 0);
}

static int registered(struct boson *device, struct boson_handler *entry, void *context,
                      int32_t number) {
  if (number < 0) return number;
  entry->number = number;
  entry->used = 1;
  entry->context = context;
  return boson_commanded(device, 0);
}

int boson_subscribe(struct boson *device, const char *prefix, int content,
                    boson_event_handler handler, void *context) {
  struct boson_handler *entry = NULL;
  int error = handler ? prepare(device, device->subscriptions, prefix, &entry) : STATUS_INVALID_ARGUMENT;
  if (error) return error;
  entry->handler.event = handler;
  uint32_t length = length_of(device, prefix);
  return registered(device, entry, context,
                    CALL(device, subscribe, length, (uint32_t)content, hal_millis()));
}

int boson_function(struct boson *device, const char *name, boson_function_handler handler,
                   void *context) {
  struct boson_handler *entry = NULL;
  int error = handler ? prepare(device, device->functions, name, &entry) : STATUS_INVALID_ARGUMENT;
  if (error) return error;
  entry->handler.function = handler;
  uint32_t length = length_of(device, name);
  return registered(device, entry, context, CALL(device, register_function, length, hal_millis()));
}

int boson_variable(struct boson *device, const char *name, int type, boson_variable_handler handler,
                   void *context) {
  struct boson_handler *entry = NULL;
  int error = handler ? prepare(device, device->variables, name, &entry) : STATUS_INVALID_ARGUMENT;
  if (error) return error;
  entry->handler.variable = handler;
  entry->type = (uint8_t)type;
  uint32_t length = length_of(device, name);
  return registered(device, entry, context,
                    CALL(device, register_variable, length, (uint32_t)type, hal_millis()));
}

int boson_request_time(struct boson *device) {
  return boson_commanded(device, CALL0(device, request_time));
}

// ---- figures and errors ---------------------------------------------------------------------

/** A size as far as it fits. */
static int32_t figure(size_t value) { return value < INT32_MAX ? (int32_t)value : INT32_MAX; }

#ifdef BOSON_HEAP
static int32_t heap_figure(int number) {
  struct boson_heap_figures figures;
  boson_heap_read(&figures);
  if (number == BOSON_STATISTIC_HEAP_NOW) return figure(figures.now);
  return figure(number == BOSON_STATISTIC_HEAP_PEAK ? figures.peak : figures.blocks);
}
#else
static int32_t heap_figure(int number) {
  (void)number;
  return STATUS_NOT_SUPPORTED;
}
#endif

int32_t boson_statistic(struct boson *device, int number) {
  if (number < FIRST_OWN_STATISTIC) return CALL(device, statistic, (uint32_t)number);
  switch (number) {
    case BOSON_STATISTIC_DATAGRAMS_SENT:
    case BOSON_STATISTIC_BYTES_SENT:
    case BOSON_STATISTIC_DATAGRAMS_RECEIVED:
    case BOSON_STATISTIC_BYTES_RECEIVED:
      return figure(device->counts[number - FIRST_OWN_STATISTIC]);
    case BOSON_STATISTIC_MEMORY_SIZE:
      return figure(boson_runtime_memory_size(&device->runtime));
    case BOSON_STATISTIC_HEAP_NOW:
    case BOSON_STATISTIC_HEAP_PEAK:
    case BOSON_STATISTIC_HEAP_BLOCKS:
      return heap_figure(number);
    default:
      return STATUS_NOT_FOUND;
  }
}

const char *boson_error_detail(const struct boson *device) {
  return device->runtime.detail ? device->runtime.detail : "";
}
