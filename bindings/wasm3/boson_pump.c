// The pump: receive, handle, drain, in the order that ARCHITECTURE.md gives. After every input the
// datagrams go out first, because events' answers are written where the datagrams are.

#include <string.h>

#include "boson_code.h"
#include "boson_internal.h"

/** Milliseconds between two calls of an application's loop(). */
#define LOOP_INTERVAL 10
/** Milliseconds between two looks at a name lookup. */
#define LOOKUP_INTERVAL 20
/** Milliseconds between two tries to send what a TCP socket has not taken. */
#define SEND_INTERVAL 20
/** Milliseconds until an answer that found the outbox full is tried again. */
#define ANSWER_RETRY 50
/** Datagrams that one poll takes before it lets the caller have its turn. */
#define DATAGRAMS_PER_POLL 16
/** Datagrams and events that one input can cause, with a wide margin; more is a broken module. */
#define MAX_ROUNDS 1000

static int is_due(uint32_t at, uint32_t now) { return (int32_t)(now - at) >= 0; }

// ---- out ------------------------------------------------------------------------------------

/** Bytes of a stream went out, or the connection is gone. */
static void note_sent(struct boson *device, int sent) {
  if (sent > 0) device->counts[COUNT_BYTES_SENT] += (uint32_t)sent;
  else if (sent != HAL_ERR_AGAIN) device->link_failed = 1;
}

/** TCP: send what is left of the bytes before. @returns 0 when some is left still */
static int transmit_rest(struct boson *device) {
  while (device->rest.end > 0) {
    size_t length = (size_t)(device->rest.end - device->rest.from);
    int sent = hal_socket_send(device->socket, device->rest.bytes + device->rest.from, length);
    note_sent(device, sent);
    if (sent <= 0) return 0;
    device->rest.from = (uint16_t)(device->rest.from + sent);
    if (device->rest.from >= device->rest.end) device->rest.end = 0;
  }
  return 1;
}

/** TCP: send in one go what the socket takes, and keep the rest: the core builds it once only. */
static void transmit_stream(struct boson *device, const uint8_t *bytes, uint32_t length) {
  int sent = hal_socket_send(device->socket, bytes, length);
  note_sent(device, sent);
  device->counts[COUNT_DATAGRAMS_SENT] += 1;
  if (device->link_failed || sent >= (int)length) return;
  uint32_t done = sent > 0 ? (uint32_t)sent : 0;
  if (length - done > sizeof device->rest.bytes) {
    boson_runtime_fail(&device->runtime, BOSON_ERR_BUFFER, "poll_transmit");
    return;
  }
  memcpy(device->rest.bytes, bytes + done, length - done);
  device->rest.from = 0;
  device->rest.end = (uint16_t)(length - done);
}

/** Send what the core has built. @returns 0 when there was nothing */
static int transmit(struct boson *device) {
  if (device->rest.end > 0 && !transmit_rest(device)) return 0;
  int32_t length = CALL(device, poll_transmit, hal_millis());
  if (length <= 0) return 0;
  struct boson_runtime *runtime = &device->runtime;
  const uint8_t *datagram = (uint32_t)length <= runtime->tx.capacity
                                ? boson_runtime_memory(runtime, runtime->tx.at, (uint32_t)length)
                                : NULL;
  if (!datagram) {
    boson_runtime_fail(runtime, BOSON_ERR_BUFFER, "poll_transmit");
    return 0;
  }
  if (device->socket < 0) return 1;
  if (device->link.kind == BOSON_TCP) {
    transmit_stream(device, datagram, (uint32_t)length);
    return 1;
  }
  int sent = hal_socket_send(device->socket, datagram, (size_t)length);
  if (sent == HAL_ERR_NETWORK) device->link_failed = 1;
  if (sent == length) {
    device->counts[COUNT_DATAGRAMS_SENT] += 1;
    device->counts[COUNT_BYTES_SENT] += (uint32_t)length;
  }
  return 1;
}

/** Take and handle one event. @returns 0 when there was none */
static int take_event(struct boson *device) {
  int32_t kind = device->has_application ? CALL(device, app_poll_event, hal_millis())
                                         : CALL0(device, poll_event);
  if (kind <= 0) return 0;
  struct boson_runtime *runtime = &device->runtime;
  const uint8_t *bytes = boson_runtime_memory(runtime, runtime->event.at, sizeof(struct event));
  if (!bytes) {
    boson_runtime_fail(runtime, BOSON_ERR_BUFFER, "event_buffer");
    return 0;
  }
  uint32_t words[7];
  for (int i = 0; i < 7; i += 1) {
    const uint8_t *at = bytes + 4 * i;
    words[i] = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
  }
  struct event event = {.kind = words[0]};
  memcpy(event.field, words + 1, sizeof event.field);
  boson_handle_event(device, &event);
  return 1;
}

/** Tell the core that its socket failed; the session stays. */
static void fail_link(struct boson *device) {
  boson_close_link(device);
  CALL(device, link_down, hal_millis());
}

void boson_close_link(struct boson *device) {
  device->link.wanted = 0;
  device->link_failed = 0;
  device->rest.end = 0;
  if (device->socket < 0) return;
  hal_socket_close(device->socket);
  device->socket = -1;
}

void boson_drain(struct boson *device) {
  if (device->pumping) return;
  device->pumping = 1;
  for (int rounds = 0; device->runtime.fault == 0; rounds += 1) {
    if (rounds == MAX_ROUNDS) boson_runtime_fail(&device->runtime, BOSON_ERR_TIME, "drain");
    if (transmit(device)) continue;
    if (take_event(device)) {
      // Its handler may have left something to seal.
      boson_code_release(&device->runtime);
      continue;
    }
    if (!device->link_failed) break;
    fail_link(device);
  }
  device->pumping = 0;
}

void boson_drain_input(struct boson *device) {
  // What is sent now may take a handshake's public-key work.
  if (!device->pumping) boson_code_release(&device->runtime);
  boson_drain(device);
}

// ---- in -------------------------------------------------------------------------------------

/** Hand a datagram in the receive buffer to the core, message by message. */
static void handle_datagram(struct boson *device, uint32_t length) {
  for (int messages = 0; messages < MAX_ROUNDS; messages += 1) {
    boson_code_release(&device->runtime);
    int32_t waits = CALL(device, receive_datagram, length, hal_millis());
    if (waits <= 0) return;
    boson_code_release(&device->runtime);
    CALL(device, handle_message, hal_millis());
    length = 0;
  }
  boson_runtime_fail(&device->runtime, BOSON_ERR_TIME, "receive_datagram");
}

/** Hand bytes of a stream in the receive buffer to the core, which takes a message at a time. */
static void handle_stream(struct boson *device, uint8_t *bytes, uint32_t length) {
  int socket = device->socket;
  for (int calls = 0; calls < MAX_ROUNDS && length > 0; calls += 1) {
    boson_code_release(&device->runtime);
    int32_t taken = CALL(device, handle_stream, length, hal_millis());
    if (device->runtime.fault) return;
    if (taken < 0 || (uint32_t)taken > length) break;
    boson_drain_input(device);
    // Whoever closes the connection wants nothing more of it.
    if (device->socket != socket) return;
    length -= (uint32_t)taken;
    memmove(bytes, bytes + taken, length);
  }
  if (length > 0) boson_runtime_fail(&device->runtime, BOSON_ERR_TIME, "handle_stream");
}

/**
 * Take one datagram from the socket, or bytes of a stream, and hand it to the core.
 * @returns whether there may be another
 */
static int receive(struct boson *device) {
  struct boson_runtime *runtime = &device->runtime;
  if (device->socket < 0 || runtime->fault) return 0;
  uint8_t *buffer = boson_runtime_memory(runtime, runtime->rx.at, runtime->rx.capacity);
  if (!buffer) {
    boson_runtime_fail(runtime, BOSON_ERR_BUFFER, "rx_buffer");
    return 0;
  }
  int length = hal_socket_receive(device->socket, buffer, runtime->rx.capacity);
  if (length == HAL_ERR_TOO_LONG) return 1;
  if (length == HAL_ERR_AGAIN || length == 0) return 0;
  if (length < 0) {
    device->link_failed = 1;
  } else {
    device->counts[COUNT_DATAGRAMS_RECEIVED] += 1;
    device->counts[COUNT_BYTES_RECEIVED] += (uint32_t)length;
    if (device->link.kind == BOSON_TCP) handle_stream(device, buffer, (uint32_t)length);
    else handle_datagram(device, (uint32_t)length);
  }
  boson_drain_input(device);
  return length > 0;
}

/** Run the application's loop() when it is due. */
static void run_application(struct boson *device) {
  uint32_t now = hal_millis();
  if (!device->has_application || !is_due(device->loop_at, now)) return;
  device->loop_at = now + LOOP_INTERVAL;
  CALL(device, app_clock, now);
  if (boson_runtime_has(&device->runtime, BOSON_EXPORT_loop)) CALL0(device, loop);
  if (boson_runtime_has(&device->runtime, BOSON_EXPORT___collect)) CALL0(device, __collect);
}

/** Milliseconds until something is due. */
static int32_t time_left(struct boson *device) {
  int32_t left = CALL(device, poll_timeout, hal_millis());
  if (device->runtime.fault) return device->runtime.fault;
  if (left < 0) left = INT32_MAX;
  if (device->link.wanted && left > LOOKUP_INTERVAL) left = LOOKUP_INTERVAL;
  if (device->rest.end > 0 && left > SEND_INTERVAL) left = SEND_INTERVAL;
  int32_t internet = boson_internet_left(device);
  if (internet < left) left = internet;
  int32_t application = boson_application_left(device);
  if (application < left) left = application;
  if (boson_has_answers(device) && left > ANSWER_RETRY) left = ANSWER_RETRY;
  if (device->has_application) {
    int32_t loop = (int32_t)(device->loop_at - hal_millis());
    if (loop < left) left = loop > 0 ? loop : 0;
  }
  return left;
}

int32_t boson_poll(struct boson *device) {
  if (device->polling || device->pumping) return STATUS_INVALID_STATE;
  if (device->runtime.fault) return device->runtime.fault;
  device->polling = 1;
  if (device->link.wanted) boson_open_link(device);
  int taken = 0;
  while (taken < DATAGRAMS_PER_POLL && receive(device)) taken += 1;
  if (CALL(device, poll_timeout, hal_millis()) == 0) {
    boson_code_release(&device->runtime);
    CALL(device, handle_timeout, hal_millis());
    boson_drain_input(device);
  }
  if (boson_has_answers(device) && is_due(device->answer_at, hal_millis())) {
    device->answer_at = hal_millis() + ANSWER_RETRY;
    boson_retry_answers(device);
  }
  run_application(device);
  boson_application_poll(device);
  boson_drain(device);
  if (boson_internet_is_due(device)) {
    boson_internet_poll(device, CALL(device, poll_timeout, hal_millis()));
  }
  int32_t left = time_left(device);
  device->polling = 0;
  return taken == DATAGRAMS_PER_POLL && left > 0 ? 0 : left;
}
