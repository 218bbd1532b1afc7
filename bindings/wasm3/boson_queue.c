// The functions of boson.h for modules with the publish queue and the meter (build/boson-api.wasm, and
// applications). A module without them answers Status.NotSupported.

#include "boson_internal.h"

/** Call an export that the module may lack, with or without arguments. */
#define OPTIONAL(device, name, ...)                                                                \
  (boson_runtime_has(&(device)->runtime, BOSON_EXPORT_##name) ? CALL(device, name, __VA_ARGS__)    \
                                                              : STATUS_NOT_SUPPORTED)

int boson_has_queue(const struct boson *device) {
  return boson_runtime_has(&device->runtime, BOSON_EXPORT_queue_state);
}

int boson_start_queue(struct boson *device) {
  if (!device->config.stored_queue) return 0;
  return OPTIONAL(device, queue_storage, 1);
}

// ---- queue ----------------------------------------------------------------------------------

int boson_publish_state(struct boson *device, int32_t handle) {
  return OPTIONAL(device, queue_state, (uint32_t)handle);
}

int boson_cancel(struct boson *device, int32_t handle) {
  return boson_commanded(device, OPTIONAL(device, queue_cancel, (uint32_t)handle));
}

int32_t boson_pending(struct boson *device) {
  if (!boson_has_queue(device)) return STATUS_NOT_SUPPORTED;
  return CALL0(device, queue_pending);
}

int boson_flush(struct boson *device, uint32_t timeout_ms) {
  return boson_commanded(device, OPTIONAL(device, queue_flush, timeout_ms, hal_millis()));
}

int boson_sleep_flushed(struct boson *device, uint32_t seconds, int goodbye, uint32_t timeout_ms) {
  uint32_t says = goodbye != 0;
  return boson_commanded(device, OPTIONAL(device, sleep, seconds, says, timeout_ms, hal_millis()));
}

int boson_queue_policy(struct boson *device, int policy) {
  return OPTIONAL(device, queue_policy, (uint32_t)policy);
}

int boson_queue_pacing(struct boson *device, int burst, uint32_t interval_ms) {
  return OPTIONAL(device, queue_pacing, (uint32_t)burst, interval_ms);
}

int boson_max_event_data(struct boson *device, uint32_t length) {
  return OPTIONAL(device, set_max_event_data, length);
}

// ---- meter ----------------------------------------------------------------------------------

int boson_meter_storage(struct boson *device, uint32_t operations) {
  return OPTIONAL(device, meter_storage, operations);
}

uint32_t boson_meter(struct boson *device, int number) {
  if (!boson_has_queue(device)) return 0;
  return (uint32_t)CALL(device, meter, (uint32_t)number);
}

uint32_t boson_ledger(struct boson *device, int cause, int field) {
  if (!boson_has_queue(device)) return 0;
  return (uint32_t)CALL(device, ledger, (uint32_t)cause, (uint32_t)field);
}

int boson_budget(struct boson *device, uint32_t operations, uint32_t bytes, int policy) {
  return OPTIONAL(device, budget, operations, bytes, (uint32_t)policy);
}

// ---- diagnosis ------------------------------------------------------------------------------

int boson_diagnosis(struct boson *device) {
  if (!boson_has_queue(device)) return STATUS_NOT_SUPPORTED;
  return CALL0(device, diagnosis);
}

int boson_last_end(struct boson *device, int back, int *status) {
  int32_t packed = OPTIONAL(device, last_end, (uint32_t)back);
  if (packed < 0) return packed;
  if (status) *status = (int8_t)(packed >> 8);
  return packed & 255;
}

// ---- events ---------------------------------------------------------------------------------

void boson_handle_queue_event(struct boson *device, const struct event *event) {
  const struct boson_config *config = &device->config;
  const uint32_t *field = event->field;
  switch (event->kind) {
    case EVENT_FLUSHED:
      if (config->on_flushed) config->on_flushed(config->context, field[1]);
      break;
    case EVENT_SLEEP:
      if (config->on_sleep) config->on_sleep(config->context, field[2], field[1]);
      break;
    case EVENT_BUDGET_WARNING:
      if (config->on_budget) config->on_budget(config->context, field[0], field[1]);
      boson_application_tell(device, EVENT_BUDGET_WARNING, field[0], 0);
      break;
    default:
      // Of a profile or version that this binding has no use for.
      break;
  }
}
