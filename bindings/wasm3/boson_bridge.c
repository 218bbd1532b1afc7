// The bridge: what an application module may call (docs/updates.md). Everything is copied between its
// memory and the core's; a range that is not its own ends it. Functions that its manifest does not
// grant are not linked.

#include "boson_internal.h"

#if BOSON_APPLICATIONS

#include <string.h>

#include "boson_code.h"
#include "boson_imports.h"

/** The device of an import. */
#define DEVICE ((struct boson *)_ctx->userdata)

/** Calls of fuel() between two looks at the clock, less one. */
#define CLOCK_MASK 63u
#define SECOND 1000u
#define DEVICE_ID_SIZE 12u

const char boson_out_of_fuel[] = "[trap] the call took too many steps, or too long";
const char boson_flood[] = "[trap] too many publishes";

/** fuel() */
static m3ApiRawFunction(fuel) {
  (void)runtime, (void)_sp, (void)_mem;
  struct boson *device = DEVICE;
  struct boson_application *application = &device->application;
  if (application->steps_left == 0) return boson_out_of_fuel;
  application->steps_left -= 1;
  if ((application->steps_left & CLOCK_MASK) != 0) return m3Err_none;
  return hal_millis() - application->called_at > device->config.application.time_ms
             ? boson_out_of_fuel
             : m3Err_none;
}

/** log(level, text, length) */
static m3ApiRawFunction(log_line) {
  (void)_ctx, (void)_mem;
  uint32_t length = argument(_sp, 2);
  const uint8_t *text = range(runtime, argument(_sp, 1), length);
  if (!text) return boson_host_argument;
  hal_log((int32_t)argument(_sp, 0), (const char *)text, length < HAL_LOG_MAX ? length : HAL_LOG_MAX);
  return m3Err_none;
}

/** @returns whether this is one publish too many in its second */
static int is_flood(struct boson *device) {
  struct boson_application *application = &device->application;
  uint32_t now = hal_millis();
  if (now - application->second_at >= SECOND) {
    application->second_at = now;
    application->publishes = 0;
  }
  application->publishes += 1;
  return application->publishes > device->config.application.publishes;
}

/** publish(name, name_length, data, data_length, content, ttl, options): i32 */
static m3ApiRawFunction(publish) {
  (void)_mem;
  struct boson *device = DEVICE;
  uint32_t name_length = argument(_sp, 2), length = argument(_sp, 4);
  const uint8_t *name = range(runtime, argument(_sp, 1), name_length);
  const uint8_t *data = range(runtime, argument(_sp, 3), length);
  if (!name || !data) return boson_host_argument;
  if (is_flood(device)) return boson_flood;
  int error = boson_argue(device, name, name_length, data, length);
  if (error) return answer(_sp, error);
  int32_t handle = CALL(device, publish, name_length, length, argument(_sp, 5), argument(_sp, 6),
                        argument(_sp, 7));
  struct boson_application *application = &device->application;
  if (handle > 0) {
    application->recent[application->recent_at++ % BOSON_APPLICATION_RECENT] = handle;
  }
  return answer(_sp, handle);
}

/** A name from the application, into the argument buffer. @returns 0 when it is not its memory */
static int take_name(struct boson *device, IM3Runtime runtime, const uint64_t *stack, int *error) {
  uint32_t length = argument(stack, 2);
  const uint8_t *name = range(runtime, argument(stack, 1), length);
  if (name) *error = boson_argue(device, name, length, NULL, 0);
  return name != NULL;
}

/** register_function(name, length): i32 */
static m3ApiRawFunction(register_function) {
  (void)_mem;
  struct boson *device = DEVICE;
  int error;
  if (!take_name(device, runtime, _sp, &error)) return boson_host_argument;
  return answer(_sp, error ? error
                           : CALL(device, register_function, argument(_sp, 2), hal_millis()));
}

/** register_variable(name, length, type): i32 */
static m3ApiRawFunction(register_variable) {
  (void)_mem;
  struct boson *device = DEVICE;
  int error;
  if (!take_name(device, runtime, _sp, &error)) return boson_host_argument;
  return answer(_sp, error ? error
                           : CALL(device, register_variable, argument(_sp, 2), argument(_sp, 3),
                                  hal_millis()));
}

/** subscribe(prefix, length, content): i32 */
static m3ApiRawFunction(subscribe) {
  (void)_mem;
  struct boson *device = DEVICE;
  int error;
  if (!take_name(device, runtime, _sp, &error)) return boson_host_argument;
  return answer(_sp, error ? error
                           : CALL(device, subscribe, argument(_sp, 2), argument(_sp, 3),
                                  hal_millis()));
}

/** random(buffer, length): i32 */
static m3ApiRawFunction(random_fill) {
  (void)_ctx, (void)_mem;
  uint32_t length = argument(_sp, 2);
  uint8_t *buffer = range(runtime, argument(_sp, 1), length);
  if (!buffer) return boson_host_argument;
  return answer(_sp, hal_random(buffer, length) == HAL_OK ? (int32_t)length : STATUS_HOST_FAILURE);
}

/** device_id(buffer): i32 */
static m3ApiRawFunction(device_id) {
  (void)_mem;
  uint8_t *buffer = range(runtime, argument(_sp, 1), DEVICE_ID_SIZE);
  if (!buffer) return boson_host_argument;
  memcpy(buffer, DEVICE->config.device_id, DEVICE_ID_SIZE);
  return answer(_sp, DEVICE_ID_SIZE);
}

// ---- numbers --------------------------------------------------------------------------------

enum get_number {
  GET_CONNECTION = 1,
  GET_MAX_EVENT_DATA = 2,
  GET_PENDING = 3,
  GET_UPDATE_PENDING = 4,
  GET_UPDATES_ENABLED = 5,
  GET_VERSION = 6,
  GET_LAST_STATUS = 7,
  GET_DIAGNOSIS = 8,
  GET_STATISTIC = 16,
  GET_METER = 64,
};

static int32_t get_figure(struct boson *device, uint32_t number) {
  switch (number) {
    case GET_CONNECTION: return CALL0(device, connection_state);
    case GET_MAX_EVENT_DATA: return CALL0(device, max_event_data);
    case GET_PENDING: return CALL0(device, queue_pending);
    case GET_UPDATE_PENDING: return CALL(device, update_info, BOSON_UPDATE_PENDING_VERSION) != 0;
    case GET_UPDATES_ENABLED: return CALL(device, update_info, BOSON_UPDATE_ENABLED);
    case GET_VERSION: return CALL0(device, application_version);
    case GET_LAST_STATUS: return CALL(device, update_info, BOSON_UPDATE_LAST_STATUS);
    case GET_DIAGNOSIS: return CALL0(device, diagnosis);
    default: break;
  }
  if (number >= GET_METER) return CALL(device, meter, number - GET_METER);
  if (number >= GET_STATISTIC) return CALL(device, statistic, number - GET_STATISTIC);
  return STATUS_NOT_FOUND;
}

enum control_number {
  CONTROL_CONNECT = 1,
  CONTROL_DISCONNECT = 2,
  CONTROL_KEEPALIVE = 3,
  CONTROL_REQUEST_TIME = 4,
  CONTROL_PUBLISH_VITALS = 5,
  CONTROL_SLEEP = 6,
  CONTROL_FLUSH = 7,
};

/** Milliseconds that the queue has before sleep, as System.sleep in assembly/app has it. */
#define SLEEP_FLUSH_MS 30000u

static int32_t command(struct boson *device, uint32_t number, uint32_t a, uint32_t b) {
  uint32_t now = hal_millis();
  // What a connection takes is the most there is, and the core does not run now.
  boson_code_release(&device->runtime);
  switch (number) {
    case CONTROL_CONNECT: return CALL(device, connect, now);
    case CONTROL_DISCONNECT: return CALL(device, disconnect, a, b, now);
    case CONTROL_KEEPALIVE: return CALL(device, set_keepalive, a);
    case CONTROL_REQUEST_TIME: return CALL0(device, request_time);
    case CONTROL_PUBLISH_VITALS: return CALL0(device, publish_vitals);
    case CONTROL_SLEEP: return CALL(device, sleep, a, b, SLEEP_FLUSH_MS, now);
    case CONTROL_FLUSH: return CALL(device, queue_flush, a, now);
    default: return STATUS_NOT_FOUND;
  }
}

enum queue_number {
  QUEUE_STATE = 1,
  QUEUE_CANCEL = 2,
  QUEUE_POLICY = 3,
  QUEUE_PACING = 4,
  QUEUE_MAX_DATA = 5,
};

static int32_t queue_command(struct boson *device, uint32_t number, uint32_t a, uint32_t b) {
  switch (number) {
    case QUEUE_STATE: return CALL(device, queue_state, a);
    case QUEUE_CANCEL: return CALL(device, queue_cancel, a);
    case QUEUE_POLICY: return CALL(device, queue_policy, a);
    case QUEUE_PACING: return CALL(device, queue_pacing, a, b);
    case QUEUE_MAX_DATA: return CALL(device, set_max_event_data, a);
    default: return STATUS_NOT_FOUND;
  }
}

enum update_number {
  UPDATE_ENABLE = 1,
  UPDATE_GATE = 2,
  UPDATE_HEALTHY = 3,
  UPDATE_APPLY = 4,
};

static int32_t update_command(struct boson *device, uint32_t number, uint32_t a) {
  uint32_t now = hal_millis();
  switch (number) {
    case UPDATE_ENABLE: return CALL(device, update_enable, a, now);
    case UPDATE_GATE: return CALL(device, update_gate, a);
    case UPDATE_HEALTHY: return CALL(device, application_healthy, now);
    case UPDATE_APPLY: return CALL(device, update_apply, now);
    default: return STATUS_NOT_FOUND;
  }
}

/** get(number): i32 */
static m3ApiRawFunction(get) {
  (void)runtime, (void)_mem;
  return answer(_sp, get_figure(DEVICE, argument(_sp, 1)));
}

/** control(number, a, b): i32 */
static m3ApiRawFunction(control) {
  (void)runtime, (void)_mem;
  return answer(_sp, command(DEVICE, argument(_sp, 1), argument(_sp, 2), argument(_sp, 3)));
}

/** queue(number, a, b): i32 */
static m3ApiRawFunction(queue) {
  (void)runtime, (void)_mem;
  return answer(_sp, queue_command(DEVICE, argument(_sp, 1), argument(_sp, 2), argument(_sp, 3)));
}

/** update(number, a): i32 */
static m3ApiRawFunction(update) {
  (void)runtime, (void)_mem;
  return answer(_sp, update_command(DEVICE, argument(_sp, 1), argument(_sp, 2)));
}

// ---- linking --------------------------------------------------------------------------------

int boson_link_bridge(struct boson_runtime *runtime, struct M3Module *module) {
  static const struct {
    uint32_t capability; /**< 0: every application may */
    struct boson_import import;
  } imports[] = {
      {0, {"fuel", "v()", fuel}},
      {0, {"log", "v(iii)", log_line}},
      {0, {"device_id", "i(i)", device_id}},
      {0, {"get", "i(i)", get}},
      {0, {"update", "i(ii)", update}},
      {BOSON_MAY_PUBLISH, {"publish", "i(iiiiiii)", publish}},
      {BOSON_MAY_PUBLISH, {"queue", "i(iii)", queue}},
      {BOSON_MAY_SUBSCRIBE, {"subscribe", "i(iii)", subscribe}},
      {BOSON_MAY_REGISTER, {"register_function", "i(ii)", register_function}},
      {BOSON_MAY_REGISTER, {"register_variable", "i(iii)", register_variable}},
      {BOSON_MAY_CONNECT, {"control", "i(iii)", control}},
      {BOSON_MAY_USE_RANDOM, {"random", "i(ii)", random_fill}},
  };
  struct boson *device = runtime->owner;
  uint32_t granted = device->application.capabilities;
  int error = 0;
  for (size_t i = 0; !error && i < sizeof imports / sizeof *imports; i += 1) {
    if ((imports[i].capability & granted) != imports[i].capability) continue;
    error = boson_link(runtime, module, "wboson", &imports[i].import, 1, device);
  }
  if (error || !(granted & BOSON_MAY_USE_BOARD)) return error;
  return boson_link_board(runtime, module, &device->host_calls);
}

#else
/** A file is not empty. */
typedef int boson_bridge_is_not_there;
#endif
