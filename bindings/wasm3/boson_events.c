// What the events of the core lead to: sockets, handlers of the firmware, answers. Every range that
// an event names is checked, since the module that wrote it is not trusted.

#include <stdio.h>
#include <string.h>

#include "boson_code.h"
#include "boson_internal.h"

/** Kinds of answers that wait. */
enum answer_kind {
  ANSWER_NONE = 0,
  ANSWER_FUNCTION = 1, /**< value: its result */
  ANSWER_VARIABLE = 2, /**< value: its number */
  ANSWER_REFUSED = 3,
};

/** A variable as it waits: its number below, its type above. */
#define NUMBER_MASK 0xffffu
#define TYPE_SHIFT 16
#define TYPE_OF(packed) ((packed) >> TYPE_SHIFT)

/** A move to another server: the goodbye is on its way. */
#define MOVE_NONE 0
#define MOVE_LEAVING 1

/** @returns the bytes that an event names; NULL, with a fault, when they are not in memory */
static const uint8_t *bytes_of(struct boson *device, uint32_t at, uint32_t length) {
  const uint8_t *bytes = boson_runtime_memory(&device->runtime, at, length);
  if (!bytes) boson_runtime_fail(&device->runtime, BOSON_ERR_BUFFER, "event");
  return bytes;
}

static struct boson_handler *find(struct boson_handler *handlers, uint32_t number) {
  for (int i = 0; i < BOSON_MAX_HANDLERS; i += 1) {
    if (handlers[i].used && (uint32_t)handlers[i].number == number) return &handlers[i];
  }
  return NULL;
}

// ---- link -----------------------------------------------------------------------------------

void boson_open_link(struct boson *device) {
  uint8_t peer[HAL_ADDRESS_SIZE];
  int kind = device->link.kind == BOSON_TCP ? HAL_SOCKET_TCP : HAL_SOCKET_UDP;
  int socket = hal_socket_open(kind, device->link.name, device->link.port, peer);
  if (socket == HAL_ERR_AGAIN) return;
  device->link.wanted = 0;
  if (socket < 0) {
    CALL(device, link_down, hal_millis());
    return;
  }
  device->socket = socket;
  if (boson_argue(device, peer, sizeof peer, NULL, 0) == 0) {
    boson_code_release(&device->runtime);
    CALL(device, link_up, sizeof peer, hal_millis());
    boson_code_release(&device->runtime);
  }
}

/** The core wants a socket: to the address of its session, or to the server's name. */
static void want_link(struct boson *device, const uint8_t *address, uint32_t length,
                      uint32_t kind) {
  boson_close_link(device);
  boson_internet_stop(device);
  device->link.kind = kind == BOSON_TCP ? BOSON_TCP : BOSON_UDP;
  if (length == HAL_ADDRESS_SIZE) {
    snprintf(device->link.name, sizeof device->link.name, "%u.%u.%u.%u", address[0], address[1],
             address[2], address[3]);
    device->link.port = (uint16_t)(address[4] << 8 | address[5]);
  } else {
    memcpy(device->link.name, device->host, sizeof device->link.name);
    device->link.port = device->port;
  }
  device->link.wanted = 1;
  boson_open_link(device);
}

// ---- server moved ---------------------------------------------------------------------------

/** Note where to go, and leave: the event's signature has been verified by the core. */
static void move(struct boson *device, const struct event *event) {
  uint32_t host_length = event->field[2], key_length = event->field[4];
  const uint8_t *host = bytes_of(device, event->field[1], host_length);
  const uint8_t *key = host ? bytes_of(device, event->field[3], key_length) : NULL;
  if (!key) return;
  if (host_length >= sizeof device->move.host || key_length > sizeof device->move.key) return;
  memset(device->move.host, 0, sizeof device->move.host);
  memcpy(device->move.host, host, host_length);
  memcpy(device->move.key, key, key_length);
  device->move.key_length = (uint16_t)key_length;
  device->move.port = (uint16_t)event->field[0];
  device->move.state = MOVE_LEAVING;
  CALL(device, disconnect, BOSON_GOODBYE_SERVER_MOVED, 0, hal_millis());
}

/** The old server is left: store the new one's key and go there. */
static void arrive(struct boson *device) {
  device->move.state = MOVE_NONE;
  int written =
      hal_storage_write(SLOT_SERVER_PUBLIC_KEY, device->move.key, device->move.key_length);
  if (written == (int)device->move.key_length) {
    memcpy(device->host, device->move.host, sizeof device->host);
    device->port = device->move.port;
  }
  CALL(device, connect, hal_millis());
}

// ---- calls ----------------------------------------------------------------------------------

/** A variable's value as `variable_result` takes it, into the argument buffer. @returns length */
static int32_t argue_value(struct boson *device, int type, const union boson_value *value) {
  uint8_t bytes[8];
  uint64_t bits = 0;
  uint32_t length = 4;
  switch (type) {
    case BOSON_STRING: {
      int error = boson_argue(device, value->text.bytes, value->text.length, NULL, 0);
      return error ? error : (int32_t)value->text.length;
    }
    case BOSON_BOOL:
      bits = value->boolean != 0;
      length = 1;
      break;
    case BOSON_DOUBLE:
      memcpy(&bits, &value->number, sizeof bits);
      length = 8;
      break;
    default:
      bits = (uint32_t)value->integer;
      break;
  }
  for (uint32_t i = 0; i < length; i += 1) bytes[i] = (uint8_t)(bits >> (8 * i));
  int error = boson_argue(device, bytes, length, NULL, 0);
  return error ? error : (int32_t)length;
}

/** A variable's value, the firmware's or the application's. @returns length; negative refuses */
static int32_t argue_variable(struct boson *device, uint32_t number, uint32_t type) {
  const struct boson_handler *entry = find(device->variables, number);
  if (!entry) return boson_application_variable(device, number, type);
  union boson_value value;
  memset(&value, 0, sizeof value);
  if (entry->handler.variable(entry->context, &value) < 0) return STATUS_INVALID_ARGUMENT;
  return argue_value(device, entry->type, &value);
}

/** Read a variable and answer. @param packed its number and type @returns the core's status */
static int32_t answer_variable(struct boson *device, uint32_t packed, int32_t call) {
  int32_t length = argue_variable(device, packed & NUMBER_MASK, TYPE_OF(packed));
  if (length < 0) return CALL(device, call_refused, (uint32_t)call);
  int32_t status = CALL(device, variable_result, (uint32_t)call, (uint32_t)length);
  // Longer than the protocol carries: the reader must not wait for it.
  if (status == STATUS_TOO_LONG || status == STATUS_INVALID_ARGUMENT) {
    return CALL(device, call_refused, (uint32_t)call);
  }
  return status;
}

static int32_t give(struct boson *device, int kind, int32_t call, int32_t value) {
  if (kind == ANSWER_FUNCTION) {
    return CALL(device, function_result, (uint32_t)call, (uint32_t)value);
  }
  if (kind == ANSWER_VARIABLE) return answer_variable(device, (uint32_t)value, call);
  return CALL(device, call_refused, (uint32_t)call);
}

/** Answer now, or later when the outbox is full. */
static void answer(struct boson *device, int kind, int32_t call, int32_t value) {
  if (give(device, kind, call, value) != STATUS_NO_SPACE) return;
  for (int i = 0; i < BOSON_MAX_CALLS; i += 1) {
    if (device->answers[i].kind != ANSWER_NONE) continue;
    device->answers[i].kind = (uint8_t)kind;
    device->answers[i].call = call;
    device->answers[i].value = value;
    return;
  }
}

int boson_has_answers(const struct boson *device) {
  for (int i = 0; i < BOSON_MAX_CALLS; i += 1) {
    if (device->answers[i].kind != ANSWER_NONE) return 1;
  }
  return 0;
}

void boson_retry_answers(struct boson *device) {
  for (int i = 0; i < BOSON_MAX_CALLS; i += 1) {
    int kind = device->answers[i].kind;
    if (kind == ANSWER_NONE) continue;
    int32_t status = give(device, kind, device->answers[i].call, device->answers[i].value);
    if (status != STATUS_NO_SPACE) device->answers[i].kind = ANSWER_NONE;
  }
}

static void call_function(struct boson *device, const struct event *event) {
  const uint8_t *argument = bytes_of(device, event->field[2], event->field[3]);
  if (!argument) return;
  const struct boson_handler *entry = find(device->functions, event->field[0]);
  uint32_t length = event->field[3];
  int32_t call = (int32_t)event->field[1], result = 0;
  int status = entry ? entry->handler.function(entry->context, (const char *)argument, length, &result)
                     : boson_application_function(device, event->field[0], argument, length, &result);
  answer(device, status < 0 ? ANSWER_REFUSED : ANSWER_FUNCTION, call, result);
}

// ---- messages -------------------------------------------------------------------------------

static void deliver(struct boson *device, const struct event *event) {
  const uint32_t *field = event->field;
  const struct boson_handler *entry = find(device->subscriptions, field[0]);
  const uint8_t *name = bytes_of(device, field[1], field[2]);
  const uint8_t *data = name ? bytes_of(device, field[3], field[4]) : NULL;
  if (!data) return;
  if (!entry) {
    boson_application_event(device, event, name, data);
    return;
  }
  entry->handler.event(entry->context, (const char *)name, field[2], data, field[4], field[5]);
}

static void finish_publish(struct boson *device, uint32_t handle, int status) {
  for (int i = 0; i < BOSON_MAX_PUBLISHES; i += 1) {
    if ((uint32_t)device->publishes[i].handle != handle || handle == 0) continue;
    device->publishes[i].handle = 0;
    device->publishes[i].done(device->publishes[i].context, status);
    return;
  }
  boson_application_tell(device, EVENT_PUBLISH_DONE, handle, (uint32_t)status);
}

static void tell_connection(struct boson *device, const struct event *event) {
  const struct boson_config *config = &device->config;
  boson_internet_note(device, (int)event->field[0], (int)event->field[1]);
  if (config->on_connection) {
    config->on_connection(config->context, (int)event->field[0], (int)event->field[1],
                          (int32_t)event->field[2]);
  }
  boson_application_tell(device, EVENT_CONNECTION, event->field[0], event->field[1]);
  int is_left = device->move.state == MOVE_LEAVING && event->field[0] == BOSON_DISCONNECTED;
  if (is_left) arrive(device);
}

void boson_handle_event(struct boson *device, const struct event *event) {
  const struct boson_config *config = &device->config;
  const uint32_t *field = event->field;
  switch (event->kind) {
    case EVENT_OPEN_LINK: {
      const uint8_t *address = bytes_of(device, field[1], field[2]);
      if (address) want_link(device, address, field[2], field[3]);
      break;
    }
    case EVENT_CLOSE_LINK:
      boson_close_link(device);
      break;
    case EVENT_CONNECTION:
      tell_connection(device, event);
      break;
    case EVENT_PUBLISH_DONE:
      finish_publish(device, field[0], (int32_t)field[1]);
      break;
    case EVENT_RECEIVED:
      deliver(device, event);
      break;
    case EVENT_FUNCTION_CALL:
      call_function(device, event);
      break;
    case EVENT_VARIABLE_REQUEST:
      answer(device, ANSWER_VARIABLE, (int32_t)field[1],
             (int32_t)((field[0] & NUMBER_MASK) | field[2] << TYPE_SHIFT));
      break;
    case EVENT_TIME:
      if (config->on_time) config->on_time(config->context, field[0]);
      boson_application_tell(device, EVENT_TIME, field[0], 0);
      break;
    case EVENT_SIGNAL:
      if (config->on_signal) config->on_signal(config->context, field[0] == 1);
      boson_application_tell(device, EVENT_SIGNAL, field[0], 0);
      break;
    case EVENT_SERVER_MOVED:
      move(device, event);
      break;
    default:
      if (!boson_handle_update(device, event)) boson_handle_queue_event(device, event);
      break;
  }
}
