// The functions of boson.h for updates over the air, and the events of the core for them.

#include "boson_internal.h"

#if BOSON_APPLICATIONS

/** Call an export that the module may lack. */
#define OPTIONAL(device, name, ...)                                                                \
  (boson_runtime_has(&(device)->runtime, BOSON_EXPORT_##name) ? CALL(device, name, __VA_ARGS__)    \
                                                              : STATUS_NOT_SUPPORTED)

int boson_update_enable(struct boson *device, int enabled) {
  return boson_commanded(device, OPTIONAL(device, update_enable, enabled != 0, hal_millis()));
}

int boson_update_gate(struct boson *device, int open) {
  return boson_commanded(device, OPTIONAL(device, update_gate, open != 0));
}

int boson_update_apply(struct boson *device) {
  return boson_commanded(device, OPTIONAL(device, update_apply, hal_millis()));
}

int boson_update_rollback(struct boson *device) {
  return boson_commanded(device, OPTIONAL(device, update_rollback, hal_millis()));
}

int boson_application_healthy(struct boson *device) {
  return boson_commanded(device, OPTIONAL(device, application_healthy, hal_millis()));
}

int32_t boson_update_info(struct boson *device, int number) {
  return OPTIONAL(device, update_info, (uint32_t)number);
}

// ---- events ---------------------------------------------------------------------------------

/** What the firmware is told of an event; each kind has its fields in an order of its own. */
static struct boson_update update_of(const struct event *event) {
  const uint32_t *field = event->field;
  struct boson_update update = {.step = (int)event->kind, .image = -1};
  switch (event->kind) {
    case BOSON_UPDATE_STARTED:
      update.kind = (int)field[0];
      update.size = field[1];
      break;
    case BOSON_UPDATE_PROGRESS:
      update.received = field[0];
      update.size = field[1];
      break;
    case BOSON_UPDATE_ENDED:
      update.status = (int32_t)field[0];
      update.version = field[1];
      update.kind = (int)field[2];
      break;
    case BOSON_UPDATE_APPLICATION:
      update.image = (int32_t)field[0];
      update.size = field[1];
      update.status = (int32_t)field[2];
      update.version = field[3];
      break;
    default:
      update.version = field[0];
      break;
  }
  return update;
}

int boson_handle_update(struct boson *device, const struct event *event) {
  if (event->kind < EVENT_UPDATE_STARTED || event->kind > EVENT_FIRMWARE_READY) return 0;
  const struct boson_config *config = &device->config;
  struct boson_update update = update_of(event);
  if (config->on_update) config->on_update(config->context, &update);
  if (event->kind == EVENT_UPDATE_PENDING) {
    boson_application_tell(device, EVENT_UPDATE_PENDING, update.version, 0);
  }
  if (event->kind == EVENT_APPLICATION_CHANGE) boson_application_change(device, update.image);
  if (event->kind == EVENT_FIRMWARE_READY) hal_reset();
  return 1;
}

#else
/** A file is not empty. */
typedef int boson_update_is_not_there;
#endif
