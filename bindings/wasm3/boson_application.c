// The life of an application module beside the core: verify its image, load it, call it, and when it
// fails free it and tell the core, which decides what runs next. Its memory is a runtime's of its own.

#include "boson_internal.h"

#if BOSON_APPLICATIONS

#include <stdio.h>
#include <string.h>

#include "boson_section.h"
#include "m3_env.h"

/** The version of the bridge that this binding speaks (UPDATE_ABI in assembly/config.ts). */
#define ABI_VERSION 1
/** Least that an application's buffer holds, bytes. */
#define LEAST_BUFFER 1152u
/** Milliseconds between two calls of loop(). */
#define LOOP_INTERVAL 10u
/** Bytes of an image that are read at a time. */
#define PIECE 4096u

/** C stack that the bridge keeps for the core's part of a call, bytes; less where there is little. */
#define STACK_RESERVE (d_m3MaxNativeStack / 5 * 3 < 65536 ? d_m3MaxNativeStack / 5 * 3 : 65536)

#define DEFAULT_STEPS 50000u
#define DEFAULT_TIME 40u
#define DEFAULT_PUBLISHES 100u

static const struct boson_export_type exports_of_application[BOSON_APPLICATION_EXPORT_COUNT] = {
#define X(name, arguments, results, required) {#name, arguments, results, required},
    BOSON_APPLICATION_EXPORTS(X)
#undef X
};

static const struct boson_interface application_interface = {
    exports_of_application, BOSON_APPLICATION_EXPORT_COUNT, boson_link_bridge};

/** Call an export of the application. */
#define APPLICATION(device, name, ...)                                                             \
  call(device, BOSON_APPLICATION_##name, (const uint32_t[]){__VA_ARGS__})

static int is_due(uint32_t at, uint32_t now) { return (int32_t)(now - at) >= 0; }

// ---- end ------------------------------------------------------------------------------------

/** What the core is told of an application that failed. */
static int status_of(const struct boson_runtime *runtime) {
  if (runtime->detail == boson_flood) return STATUS_APPLICATION_FLOOD;
  if (runtime->detail == boson_out_of_fuel || runtime->fault == BOSON_ERR_TIME) {
    return STATUS_APPLICATION_TIME;
  }
  return STATUS_APPLICATION_TRAP;
}

void boson_application_close(struct boson *device) {
  boson_runtime_close(&device->application.runtime);
  device->application.state = BOSON_APPLICATION_NONE;
}

/** Take back what a flood has left in the queue. */
static void cancel_publishes(struct boson *device) {
  struct boson_application *application = &device->application;
  for (int i = 0; i < BOSON_APPLICATION_RECENT; i += 1) {
    if (application->recent[i] > 0) CALL(device, queue_cancel, (uint32_t)application->recent[i]);
    application->recent[i] = 0;
  }
}

/** Free an application that failed; the core says what comes next by an event. */
static void fail(struct boson *device, int status) {
  const struct boson_runtime *runtime = &device->application.runtime;
  char line[96];
  int length = snprintf(line, sizeof line, "application: %s %.64s", boson_error_name(status),
                        runtime->detail ? runtime->detail : boson_error_name(runtime->fault));
  hal_log(HAL_LOG_WARN, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
  boson_application_close(device);
  if (status == STATUS_APPLICATION_FLOOD) cancel_publishes(device);
  CALL(device, application_fault, (uint32_t)status, hal_millis());
}

// ---- calls ----------------------------------------------------------------------------------

/** Give it the fuel of one call, and call it. @returns what it answers; its fault when it failed */
static int32_t call_metered(struct boson *device, uint32_t which, const uint32_t *arguments) {
  struct boson_application *application = &device->application;
  application->steps_left = device->config.application.steps;
  application->called_at = hal_millis();
  return boson_runtime_call(&application->runtime, which, arguments);
}

/** The same for one that runs; it is told the time before. @returns 0 when it failed, or is none */
static int32_t call(struct boson *device, uint32_t which, const uint32_t *arguments) {
  struct boson_application *application = &device->application;
  if (application->state != BOSON_APPLICATION_RUNNING) return BOSON_ERR_EXPORT;
  uint32_t now = hal_millis();
  int32_t result = call_metered(device, BOSON_APPLICATION_app_clock, &now);
  if (!application->runtime.fault) result = call_metered(device, which, arguments);
  if (application->runtime.fault) fail(device, status_of(&application->runtime));
  return result;
}

/** @returns `length` bytes of its buffer; NULL when that is shorter, or it is gone */
static uint8_t *buffer_of(struct boson *device, uint32_t length) {
  const struct boson_runtime *runtime = &device->application.runtime;
  if (device->application.state != BOSON_APPLICATION_RUNNING) return NULL;
  if (length > runtime->argument.capacity) return NULL;
  return boson_runtime_memory(runtime, runtime->argument.at, length);
}

int boson_application_function(struct boson *device, uint32_t number, const uint8_t *argument,
                               uint32_t length, int32_t *result) {
  uint8_t *buffer = buffer_of(device, length);
  if (!buffer) return STATUS_NOT_FOUND;
  if (length > 0) memcpy(buffer, argument, length);
  int32_t status = APPLICATION(device, app_event, EVENT_FUNCTION_CALL, number, length, 0, 0);
  buffer = status < 0 ? NULL : buffer_of(device, sizeof *result);
  if (!buffer) return STATUS_NOT_FOUND;
  *result = (int32_t)((uint32_t)buffer[0] | (uint32_t)buffer[1] << 8 | (uint32_t)buffer[2] << 16 |
                      (uint32_t)buffer[3] << 24);
  return 0;
}

int32_t boson_application_variable(struct boson *device, uint32_t number, uint32_t type) {
  int32_t length = APPLICATION(device, app_event, EVENT_VARIABLE_REQUEST, number, type, 0, 0);
  const uint8_t *buffer = length < 0 ? NULL : buffer_of(device, (uint32_t)length);
  if (!buffer) return STATUS_NOT_FOUND;
  int error = boson_argue(device, buffer, (uint32_t)length, NULL, 0);
  return error ? error : length;
}

void boson_application_event(struct boson *device, const struct event *event, const uint8_t *name,
                             const uint8_t *data) {
  const uint32_t *field = event->field;
  uint32_t name_length = field[2], length = field[4];
  uint8_t *buffer = length <= UINT32_MAX - name_length ? buffer_of(device, name_length + length) : NULL;
  if (!buffer) return;
  memcpy(buffer, name, name_length);
  if (length > 0) memcpy(buffer + name_length, data, length);
  APPLICATION(device, app_event, EVENT_RECEIVED, field[0], name_length, length, field[5]);
}

void boson_application_tell(struct boson *device, uint32_t kind, uint32_t a, uint32_t b) {
  APPLICATION(device, app_event, kind, a, b, 0, 0);
}

// ---- start ----------------------------------------------------------------------------------

/** Read the image into the firmware's memory. @returns its bytes; negative when it cannot be read */
static int32_t read_image(struct boson *device) {
  int32_t image = CALL0(device, application_image);
  int32_t length = CALL0(device, application_length);
  const struct boson_application_config *config = &device->config.application;
  if (image < 0 || length <= 0 || (uint32_t)length > config->image_size) return STATUS_NOT_FOUND;
  for (uint32_t at = 0; at < (uint32_t)length; at += PIECE) {
    uint32_t left = (uint32_t)length - at, part = left < PIECE ? left : PIECE;
    if (hal_image_read(image, at, config->image + at, part) != (int)part) return STATUS_NOT_FOUND;
  }
  return length;
}

/** Whether the module exports its memory, by name: what is copied is copied there. */
static int has_memory_export(const uint8_t *image, uint32_t length) {
  struct boson_section section = boson_section_find(image, image + length, BOSON_SECTION_EXPORT);
  for (uint32_t left = boson_section_u32(&section); left > 0; left -= 1) {
    uint32_t size = boson_section_u32(&section);
    const uint8_t *name = boson_section_skip(&section, size);
    const uint8_t *kind = boson_section_skip(&section, 1);
    boson_section_u32(&section);
    if (!name || !kind) return 0;
    if (size == 6 && memcmp(name, "memory", 6) == 0) return *kind == BOSON_EXTERNAL_MEMORY;
  }
  return 0;
}

/** Load the image that was read, without running anything but what tells its version and buffer. */
static int load(struct boson *device, uint32_t length) {
  struct boson_application *application = &device->application;
  struct boson_runtime *runtime = &application->runtime;
  const struct boson_application_config *config = &device->config.application;
  memset(runtime, 0, sizeof *runtime);
  runtime->interface = &application_interface;
  runtime->exports = application->exports;
  runtime->owner = device;
  runtime->stack_reserve = STACK_RESERVE;
  application->capabilities = (uint32_t)CALL0(device, application_capabilities);
  application->steps_left = config->steps;
  application->called_at = hal_millis();
  int error = boson_runtime_open(runtime, config->image, length, &config->limits);
  if (error) return error;
  if (!has_memory_export(config->image, length)) return BOSON_ERR_EXPORT;
  // It would run before there is anything to call.
  if (runtime->runtime->modules->startFunction >= 0) return BOSON_ERR_INVALID;
  int32_t version = boson_runtime_call(runtime, BOSON_APPLICATION_app_abi, NULL);
  if (runtime->fault) return runtime->fault;
  if (version != ABI_VERSION) return BOSON_ERR_VERSION;
  return boson_runtime_find(runtime, &runtime->argument, BOSON_APPLICATION_app_buffer,
                            BOSON_APPLICATION_app_buffer_capacity, LEAST_BUFFER);
}

/** Load the application that the core names, and run its setup(). */
static void start(struct boson *device) {
  struct boson_application *application = &device->application;
  boson_application_close(device);
  // Before anything of it can fail, so that the core counts the start.
  if (CALL(device, application_begin, hal_millis()) < 0) return;
  int32_t length = read_image(device);
  int error = length < 0 ? BOSON_ERR_MALFORMED : load(device, (uint32_t)length);
  if (device->runtime.fault) return;
  if (error) {
    boson_runtime_fail(&application->runtime, error, application->runtime.detail);
    fail(device, STATUS_APPLICATION_INVALID);
    return;
  }
  application->state = BOSON_APPLICATION_RUNNING;
  application->loop_at = hal_millis();
  application->second_at = application->loop_at;
  application->publishes = 0;
  memset(application->recent, 0, sizeof application->recent);
  call(device, BOSON_APPLICATION_setup, NULL);
}

/** A step of hashing what is about to run. */
static void verify(struct boson *device) {
  int32_t status = CALL0(device, application_verify);
  if (status == 0) device->application.state = BOSON_APPLICATION_LOADING;
  // The core has then fallen back.
  else if (status < 0) boson_application_change(device, CALL0(device, application_image));
}

void boson_application_change(struct boson *device, int32_t image) {
  boson_application_close(device);
  if (image >= 0) device->application.state = BOSON_APPLICATION_VERIFYING;
}

int boson_application_open(struct boson *device) {
  struct boson_application_config *config = &device->config.application;
  if (!boson_runtime_has(&device->runtime, BOSON_EXPORT_update_open)) return 0;
  if (config->steps == 0) config->steps = DEFAULT_STEPS;
  if (config->time_ms == 0) config->time_ms = DEFAULT_TIME;
  if (config->publishes == 0) config->publishes = DEFAULT_PUBLISHES;
  int32_t there = CALL(device, update_open, hal_millis());
  if (there == 1) boson_application_change(device, CALL0(device, application_image));
  return device->runtime.fault;
}

void boson_application_poll(struct boson *device) {
  struct boson_application *application = &device->application;
  uint32_t now = hal_millis();
  switch (application->state) {
    case BOSON_APPLICATION_VERIFYING:
      verify(device);
      break;
    case BOSON_APPLICATION_LOADING:
      start(device);
      break;
    case BOSON_APPLICATION_RUNNING:
      if (!is_due(application->loop_at, now)) break;
      application->loop_at = now + LOOP_INTERVAL;
      call(device, BOSON_APPLICATION_loop, NULL);
      break;
    default:
      break;
  }
}

int32_t boson_application_left(const struct boson *device) {
  const struct boson_application *application = &device->application;
  if (application->state == BOSON_APPLICATION_NONE) return INT32_MAX;
  if (application->state != BOSON_APPLICATION_RUNNING) return 0;
  int32_t left = (int32_t)(application->loop_at - hal_millis());
  return left > 0 ? left : 0;
}

#else
/** A file is not empty. */
typedef int boson_application_is_not_there;
#endif
