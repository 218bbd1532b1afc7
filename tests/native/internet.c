// The Internet test of boson_internet.c over a HAL made here, in virtual time: prints each call of the
// HAL and each result with its millisecond. Nothing leaves the process.
// usage: internet SCENARIO

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bindings/wasm3/boson_internal.h"

#define SOCKET 7
#define HANDSHAKE_FAILED 8
#define LOOKUP_FOREVER 1000000

static struct boson device;
static uint32_t now;
static uint32_t capabilities = HAL_VERSION << 16 | HAL_CAP_UDP | HAL_CAP_IDLE_WAIT;
static int lookups, open_result = SOCKET, send_result = 48;
/** When the answers come after the request, ms; 0: never. */
static uint32_t answer_after;
static uint32_t sent_at;
static uint8_t request[48];
static int forged;

// ---- the HAL --------------------------------------------------------------------------------

uint32_t hal_millis(void) { return now; }

uint32_t hal_capabilities(void) { return capabilities; }

int hal_random(uint8_t *buffer, size_t length) {
  for (size_t i = 0; i < length; i += 1) buffer[i] = (uint8_t)(0xa0 + i);
  return HAL_OK;
}

void hal_log(int level, const char *text, size_t length) {
  printf("%" PRIu32 " log %d %.*s\n", now, level, (int)length, text);
}

int hal_socket_open(int kind, const char *name, uint16_t port, uint8_t peer[HAL_ADDRESS_SIZE]) {
  if (lookups > 0 && lookups-- > 0) return HAL_ERR_AGAIN;
  memset(peer, 0, HAL_ADDRESS_SIZE);
  printf("%" PRIu32 " open %d %s %u: %d\n", now, kind, name, port, open_result);
  return open_result;
}

int hal_socket_send(int socket, const uint8_t *data, size_t length) {
  printf("%" PRIu32 " send %d", now, socket);
  for (size_t i = 0; i < length; i += 1) printf("%s%02x", i % 8 ? "" : " ", data[i]);
  printf("\n");
  sent_at = now;
  if (length == sizeof request) memcpy(request, data, length);
  return send_result;
}

/** The server's answer, and before it what is none: each differs from it in one thing. */
int hal_socket_receive(int socket, uint8_t *buffer, size_t capacity) {
  if (socket != SOCKET || !answer_after || now - sent_at < answer_after) return HAL_ERR_AGAIN;
  if (capacity < 48) return HAL_ERR_TOO_LONG;
  memset(buffer, 0, capacity);
  buffer[0] = 4 << 3 | 4;
  memcpy(buffer + 24, request + 40, 8);
  switch (forged++) {
    case 0:
      buffer[31] ^= 1;
      return 48;
    case 1:
      buffer[0] = 4 << 3 | 3;
      return 48;
    case 2:
      return 47;
    case 3:
      return HAL_ERR_TOO_LONG;
    default:
      return 68;
  }
}

int hal_socket_close(int socket) {
  printf("%" PRIu32 " close %d\n", now, socket);
  return HAL_OK;
}

// ---- the device -----------------------------------------------------------------------------

static void on_internet(void *context, int result) {
  (void)context;
  printf("%" PRIu32 " internet %d\n", now, result);
}

/** An attempt that fails. */
static void fail(void) {
  boson_internet_note(&device, BOSON_OPENING, 0);
  boson_internet_note(&device, BOSON_HANDSHAKE, 0);
  boson_internet_note(&device, BOSON_DISCONNECTED, HANDSHAKE_FAILED);
}

/** Poll as boson_poll does, for so long. @param left until the next attempt, at the start; -1: none */
static void run(uint32_t ms, int32_t left) {
  uint32_t end = now + ms;
  while (now < end) {
    if (boson_internet_is_due(&device)) boson_internet_poll(&device, left);
    uint32_t step = end - now;
    if ((uint32_t)boson_internet_left(&device) < step) step = (uint32_t)boson_internet_left(&device);
    // An answer wakes hal_wait.
    if (answer_after && answer_after < step) step = answer_after;
    now += step ? step : 1;
  }
}

static void fail_and_run(void) {
  fail();
  run(60000, -1);
}

static void connect_and_lose(void) {
  boson_internet_note(&device, BOSON_OPENING, 0);
  boson_internet_note(&device, BOSON_CONNECTED, 0);
  boson_internet_note(&device, BOSON_DISCONNECTED, HANDSHAKE_FAILED);
  run(60000, -1);
  boson_internet_note(&device, BOSON_OPENING, 0);
  boson_internet_note(&device, BOSON_DISCONNECTED, REASON_REQUESTED);
  run(60000, -1);
}

/** The next attempt comes a second after each failure. */
static void retry(int attempts) {
  for (int i = 0; i < attempts; i += 1) {
    fail();
    run(1000, 1000);
  }
  boson_internet_note(&device, BOSON_OPENING, 0);
  printf("%" PRIu32 " opening, %d\n", now, boson_internet_is_due(&device));
  run(60000, -1);
}

static int is(const char *scenario, const char *name) { return strcmp(scenario, name) == 0; }

int main(int count, char **arguments) {
  if (count != 2) return EXIT_FAILURE;
  const char *scenario = arguments[1];
  device.socket = device.internet.socket = -1;
  device.config.internet_test = !is(scenario, "off");
  device.config.on_internet = on_internet;
  if (is(scenario, "lookup")) lookups = 2;
  if (is(scenario, "slow-lookup") || is(scenario, "cut-lookup")) lookups = LOOKUP_FOREVER;
  if (is(scenario, "answer") || is(scenario, "lookup")) answer_after = 40;
  if (is(scenario, "no-name")) open_result = HAL_ERR_NAME;
  if (is(scenario, "no-network")) open_result = HAL_ERR_NETWORK;
  if (is(scenario, "no-route")) send_result = HAL_ERR_NETWORK;
  if (is(scenario, "no-space")) open_result = HAL_ERR_NO_SPACE;
  if (is(scenario, "no-udp")) capabilities &= ~(uint32_t)HAL_CAP_UDP;
  if (is(scenario, "blocking")) capabilities |= HAL_CAP_BLOCKING_LOOKUP;

  if (is(scenario, "connected")) connect_and_lose();
  else if (is(scenario, "cut") || is(scenario, "cut-lookup")) retry(1);
  else if (is(scenario, "often")) retry(20);
  else if (is(scenario, "busy")) {
    fail();
    device.socket = 0;
    run(60000, -1);
  } else if (is(scenario, "blocking")) {
    fail();
    run(9999, 9999);
    fail();
    run(10000, 10000);
  } else {
    fail_and_run();
  }
  boson_internet_close(&device);
  return EXIT_SUCCESS;
}
