// The conformance suite of the HAL: each promise of hal/hal.h that can be tried from outside. Uses
// the contract and nothing of any operating system.

#include "conformance.h"

#include <stdio.h>
#include <string.h>

#include "../../hal/hal.h"

/** How long an answer over the network may take, ms. */
#define PATIENCE 2000
/** How long a name lookup may take, ms. */
#define LOOKUP_PATIENCE 15000
/** A call that does not block may take this long on a busy machine, ms. */
#define AT_ONCE 100
#define GUARD 0xa5

static int failures;
static void (*print_line)(const char *line);
static uint8_t big[HAL_DATAGRAM_MAX + 200];

static void check(const char *name, int passed) {
  char line[160];
  snprintf(line, sizeof line, "%s %s", passed ? "ok" : "FAILED", name);
  print_line(line);
  if (!passed) failures += 1;
}

static int is_all(const uint8_t *bytes, size_t length, uint8_t value) {
  for (size_t i = 0; i < length; i += 1) {
    if (bytes[i] != value) return 0;
  }
  return 1;
}

static void check_basics(void) {
  uint32_t capabilities = hal_capabilities();
  check("capabilities: version", capabilities >> 16 == HAL_VERSION);
  check("capabilities: the same at every call", capabilities == hal_capabilities());
  hal_log(HAL_LOG_INFO, "not ended by 0: X", 16);
  hal_log(12345, "an unknown level", 16);
  hal_log(HAL_LOG_WARN, "", 0);
}

static void check_random(void) {
  uint8_t one[40], two[40];
  memset(one, GUARD, sizeof one);
  memset(two, GUARD, sizeof two);
  check("random: fills", hal_random(one, 32) == HAL_OK && hal_random(two, 32) == HAL_OK);
  check("random: twice is different", memcmp(one, two, 32) != 0);
  check("random: writes no further", is_all(one + 32, 8, GUARD));
  check("random: no bytes", hal_random(one, 0) == HAL_OK);
  check("random: no buffer", hal_random(NULL, 1) == HAL_ERR_INVALID);
  check("random: too many", hal_random(one, 65537) == HAL_ERR_INVALID);
}

static void check_time(void) {
  uint32_t before = hal_millis();
  int result = hal_wait(60);
  uint32_t took = hal_millis() - before;
  check("wait: nothing comes", result == 0 && took <= 60 + AT_ONCE);
  before = hal_millis();
  while (hal_millis() - before < 30) hal_wait(5);
  check("millis: goes on", hal_millis() - before >= 30);
  before = hal_millis();
  check("wait: not at all", hal_wait(0) == 0 && hal_millis() - before <= AT_ONCE);
  check("wait: too long", hal_wait(0x80000000u) == HAL_ERR_INVALID);
}

// ---- storage --------------------------------------------------------------------------------

static int has(int slot, const char *text) {
  uint8_t buffer[64];
  int length = hal_storage_read(slot, buffer, sizeof buffer);
  return length == (int)strlen(text) && memcmp(buffer, text, strlen(text)) == 0;
}

static int put(int slot, const char *text) {
  return hal_storage_write(slot, (const uint8_t *)text, strlen(text)) == (int)strlen(text);
}

/** The slots of the publish queue, on a port that has them. */
static void check_queue_slots(void) {
  uint8_t buffer[HAL_QUEUE_SLOT_MAX + 1];
  int written = 1, apart = 1;
  if (hal_storage_write(HAL_QUEUE_SLOT_FIRST, NULL, 0) == HAL_ERR_NOT_SUPPORTED) return;
  for (int slot = HAL_QUEUE_SLOT_FIRST; slot <= HAL_QUEUE_SLOT_LAST; slot += 1) {
    memset(buffer, slot, sizeof buffer);
    written &= hal_storage_write(slot, buffer, HAL_QUEUE_SLOT_MAX) == HAL_QUEUE_SLOT_MAX;
  }
  for (int slot = HAL_QUEUE_SLOT_FIRST; slot <= HAL_QUEUE_SLOT_LAST; slot += 1) {
    memset(buffer, 0, sizeof buffer);
    apart &= hal_storage_read(slot, buffer, sizeof buffer) == HAL_QUEUE_SLOT_MAX;
    apart &= is_all(buffer, HAL_QUEUE_SLOT_MAX, (uint8_t)slot);
  }
  check("storage: queue slots take their longest", written);
  check("storage: queue slots are apart", apart);
  check("storage: longer than a queue slot is refused",
        hal_storage_write(HAL_QUEUE_SLOT_LAST, buffer, sizeof buffer) == HAL_ERR_TOO_LONG);
  for (int slot = HAL_QUEUE_SLOT_FIRST; slot <= HAL_QUEUE_SLOT_LAST; slot += 1) {
    hal_storage_write(slot, NULL, 0);
  }
}

/** The slots of updates, on a port that has them. */
static void check_update_slots(void) {
  uint8_t buffer[HAL_SLOT_MAX];
  if (hal_storage_write(HAL_UPDATE_SLOT_FIRST, NULL, 0) == HAL_ERR_NOT_SUPPORTED) return;
  int written = 1, apart = 1;
  for (int slot = HAL_UPDATE_SLOT_FIRST; slot <= HAL_UPDATE_SLOT_LAST; slot += 1) {
    memset(buffer, slot, sizeof buffer);
    written &= hal_storage_write(slot, buffer, sizeof buffer) == sizeof buffer;
  }
  for (int slot = HAL_UPDATE_SLOT_FIRST; slot <= HAL_UPDATE_SLOT_LAST; slot += 1) {
    memset(buffer, 0, sizeof buffer);
    apart &= hal_storage_read(slot, buffer, sizeof buffer) == sizeof buffer;
    apart &= is_all(buffer, sizeof buffer, (uint8_t)slot);
    hal_storage_write(slot, NULL, 0);
  }
  check("storage: slots of updates take their longest", written);
  check("storage: slots of updates are apart", apart);
}

static void check_slots(void) {
  uint8_t buffer[16];
  int erased = 1, written = 1, apart = 1;
  char text[] = "content 0";
  for (int slot = 3; slot <= HAL_SLOT_LAST; slot += 1) {
    erased &= hal_storage_write(slot, NULL, 0) == 0;
    erased &= hal_storage_read(slot, buffer, sizeof buffer) == 0;
  }
  check("storage: erased slots are empty", erased);
  for (int slot = 3; slot <= HAL_SLOT_LAST; slot += 1) {
    text[8] = (char)('0' + slot);
    written &= put(slot, text);
  }
  for (int slot = 3; slot <= HAL_SLOT_LAST; slot += 1) {
    text[8] = (char)('0' + slot);
    apart &= has(slot, text);
  }
  check("storage: writes", written);
  check("storage: slots are apart", apart);
  check("storage: replaced by a shorter one", put(4, "x") && has(4, "x") && has(3, "content 3"));
  check("storage: erases one", hal_storage_write(4, NULL, 0) == 0 && has(4, "") && has(5, "content 5"));
}

static void check_slot_limits(void) {
  uint8_t buffer[HAL_SLOT_MAX + 1];
  memset(buffer, GUARD, sizeof buffer);
  check("storage: too long for the buffer", hal_storage_read(3, buffer, 4) == HAL_ERR_TOO_LONG);
  check("storage: leaves the buffer then", is_all(buffer, sizeof buffer, GUARD));
  check("storage: just fits", hal_storage_read(3, buffer, 9) == 9 && buffer[9] == GUARD);
  memset(buffer, 0x5c, sizeof buffer);
  check("storage: the longest", hal_storage_write(6, buffer, HAL_SLOT_MAX) == HAL_SLOT_MAX);
  memset(buffer, 0, sizeof buffer);
  check("storage: reads the longest", hal_storage_read(6, buffer, HAL_SLOT_MAX) == HAL_SLOT_MAX &&
                                          is_all(buffer, HAL_SLOT_MAX, 0x5c));
  check("storage: longer is refused",
        hal_storage_write(6, buffer, HAL_SLOT_MAX + 1) == HAL_ERR_TOO_LONG);
  check("storage: and changes nothing",
        hal_storage_read(6, buffer, HAL_SLOT_MAX) == HAL_SLOT_MAX && buffer[0] == 0x5c);
  int low = hal_storage_read(0, buffer, 4), high = hal_storage_read(HAL_UPDATE_SLOT_LAST + 1, buffer, 4);
  check("storage: reads no other slot", low == HAL_ERR_INVALID && high == HAL_ERR_INVALID);
  low = hal_storage_write(-1, buffer, 4);
  high = hal_storage_write(HAL_UPDATE_SLOT_LAST + 1, buffer, 4);
  check("storage: writes no other slot", low == HAL_ERR_INVALID && high == HAL_ERR_INVALID);
  check("storage: no buffer", hal_storage_write(3, NULL, 4) == HAL_ERR_INVALID);
  for (int slot = 3; slot <= HAL_SLOT_LAST; slot += 1) hal_storage_write(slot, NULL, 0);
}

// ---- network --------------------------------------------------------------------------------

/** Open, asking again while the name is looked up. */
static int open_socket(const char *name, uint16_t port, uint8_t *peer) {
  uint32_t start = hal_millis();
  int result;
  while ((result = hal_socket_open(HAL_SOCKET_UDP, name, port, peer)) == HAL_ERR_AGAIN) {
    if (hal_millis() - start > LOOKUP_PATIENCE) break;
    hal_wait(10);
  }
  return result;
}

/** Receive one datagram, waiting for it. */
static int receive(int socket, size_t capacity, uint32_t patience) {
  uint32_t start = hal_millis();
  int result;
  while ((result = hal_socket_receive(socket, big, capacity)) == HAL_ERR_AGAIN) {
    uint32_t spent = hal_millis() - start;
    if (spent >= patience) break;
    hal_wait(patience - spent);
  }
  return result;
}

static int send_text(int socket, const char *text) {
  return hal_socket_send(socket, (const uint8_t *)text, strlen(text)) == (int)strlen(text);
}

static int receives(int socket, const char *text) {
  int length = receive(socket, sizeof big, PATIENCE);
  return length == (int)strlen(text) && memcmp(big, text, strlen(text)) == 0;
}

/** Send `length` bytes and get them back. */
static int echoes(int socket, size_t length) {
  uint8_t datagram[HAL_DATAGRAM_MAX];
  for (size_t i = 0; i < length; i += 1) datagram[i] = (uint8_t)(i * 7 + length);
  if (hal_socket_send(socket, datagram, length) != (int)length) return 0;
  memset(big, 0, sizeof big);
  return receive(socket, sizeof big, PATIENCE) == (int)length && memcmp(big, datagram, length) == 0;
}

static void check_open(const struct conformance_setup *setup) {
  uint8_t peer[HAL_ADDRESS_SIZE];
  char name[HAL_NAME_MAX + 2];
  memset(name, 'a', sizeof name);
  name[sizeof name - 1] = 0;
  const char *host = setup->host;
  uint16_t port = setup->echo_port;
  check("open: kind", hal_socket_open(3, host, port, peer) == HAL_ERR_INVALID);
  check("open: port 0", hal_socket_open(HAL_SOCKET_UDP, host, 0, peer) == HAL_ERR_INVALID);
  check("open: no name", hal_socket_open(HAL_SOCKET_UDP, NULL, port, peer) == HAL_ERR_INVALID);
  check("open: empty name", hal_socket_open(HAL_SOCKET_UDP, "", port, peer) == HAL_ERR_INVALID);
  check("open: long name", hal_socket_open(HAL_SOCKET_UDP, name, port, peer) == HAL_ERR_INVALID);
  check("open: no place for the address",
        hal_socket_open(HAL_SOCKET_UDP, host, port, NULL) == HAL_ERR_INVALID);
  if (!(hal_capabilities() & HAL_CAP_TCP)) {
    int result = hal_socket_open(HAL_SOCKET_TCP, host, port, peer);
    check("open: TCP is not supported", result == HAL_ERR_NOT_SUPPORTED);
  }
  int error = open_socket("no-such-host.invalid", port, peer);
  check("open: a name that is none", error == HAL_ERR_NAME || error == HAL_ERR_NETWORK);
  if (!(hal_capabilities() & HAL_CAP_BLOCKING_LOOKUP)) {
    uint32_t before = hal_millis();
    hal_socket_open(HAL_SOCKET_UDP, "another-host.invalid", port, peer);
    check("open: a lookup does not block", hal_millis() - before <= AT_ONCE);
  }
  if (!setup->name) return;
  int socket = open_socket(setup->name, port, peer);
  check("open: by name", socket >= 0 && echoes(socket, 20));
  if (socket >= 0) hal_socket_close(socket);
}

static void check_datagrams(const struct conformance_setup *setup) {
  uint8_t peer[HAL_ADDRESS_SIZE];
  memset(peer, 0, sizeof peer);
  int socket = open_socket(setup->host, setup->echo_port, peer);
  check("socket: opens", socket >= 0);
  if (socket < 0) return;
  char text[32];
  snprintf(text, sizeof text, "%u.%u.%u.%u", peer[0], peer[1], peer[2], peer[3]);
  check("socket: address of the peer", strcmp(text, setup->host) == 0);
  check("socket: port of the peer", (peer[4] << 8 | peer[5]) == setup->echo_port);
  check("receive: nothing there", hal_socket_receive(socket, big, sizeof big) == HAL_ERR_AGAIN);
  check("datagram of 1 byte", echoes(socket, 1));
  check("datagram of 1200 bytes", echoes(socket, 1200));
  check("datagram of the largest size", echoes(socket, HAL_DATAGRAM_MAX));
  check("send: larger", hal_socket_send(socket, big, HAL_DATAGRAM_MAX + 1) == HAL_ERR_TOO_LONG);
  check("send: nothing", hal_socket_send(socket, big, 0) == HAL_ERR_INVALID);
  check("receive: no room", hal_socket_receive(socket, big, 0) == HAL_ERR_INVALID);

  send_text(socket, "four and more");
  check("receive: too long for the buffer", receive(socket, 4, PATIENCE) == HAL_ERR_TOO_LONG);
  check("receive: and dropped as a whole", send_text(socket, "next") && receives(socket, "next"));
  send_text(socket, "long");
  check("receive: longer than any", receive(socket, HAL_DATAGRAM_MAX, PATIENCE) == HAL_ERR_TOO_LONG);
  check("receive: an empty datagram is skipped",
        send_text(socket, "empty") && receives(socket, "after"));
  send_text(socket, "stranger");
  check("receive: of the peer only", send_text(socket, "mine") && receives(socket, "mine"));
  check("receive: nothing of others", receive(socket, sizeof big, 100) == HAL_ERR_AGAIN);

  send_text(socket, "wake");
  uint32_t before = hal_millis();
  int woken = hal_wait(PATIENCE);
  uint32_t took = hal_millis() - before;
  int idle = (hal_capabilities() & HAL_CAP_IDLE_WAIT) != 0;
  check("wait: a datagram ends it", !idle || (woken == 1 && took < PATIENCE / 2));
  check("wait: and is there", receives(socket, "wake"));
  check("close", hal_socket_close(socket) == HAL_OK);
  check("close: twice", hal_socket_close(socket) == HAL_ERR_INVALID);
  check("send: closed", hal_socket_send(socket, big, 4) == HAL_ERR_INVALID);
  check("receive: closed", hal_socket_receive(socket, big, 4) == HAL_ERR_INVALID);
  check("close: none", hal_socket_close(-1) == HAL_ERR_INVALID);
}

static void check_several(const struct conformance_setup *setup) {
  uint8_t peer[HAL_ADDRESS_SIZE];
  int first = open_socket(setup->host, setup->echo_port, peer);
  int second = open_socket(setup->host, setup->echo_port, peer);
  check("two sockets", first >= 0 && second >= 0 && first != second);
  send_text(first, "to the first");
  send_text(second, "to the second");
  check("two sockets: each its own",
        receives(second, "to the second") && receives(first, "to the first"));
  hal_socket_close(first);
  check("two sockets: one closed", send_text(second, "still") && receives(second, "still"));
  hal_socket_close(second);

  int away = open_socket(setup->host, setup->closed_port, peer);
  int fine = away >= 0;
  for (int i = 0; i < 5; i += 1) {
    int sent = hal_socket_send(away, (const uint8_t *)"anyone", 6);
    fine &= sent == 6 || sent == HAL_ERR_AGAIN;
    fine &= receive(away, sizeof big, 20) == HAL_ERR_AGAIN;
  }
  check("a peer that is away is no error", fine);
  hal_socket_close(away);

  int sockets[64], count = 0;
  while (count < 64 && (sockets[count] = open_socket(setup->host, setup->echo_port, peer)) >= 0) {
    count += 1;
  }
  check("no socket is left", count == 64 || sockets[count] == HAL_ERR_NO_SPACE);
  for (int i = 0; i < count; i += 1) hal_socket_close(sockets[i]);
  int again = 1;
  for (int i = 0; i < 100; i += 1) {
    int socket = open_socket(setup->host, setup->echo_port, peer);
    again &= socket >= 0;
    again &= hal_socket_close(socket) == HAL_OK;
  }
  check("sockets do not leak", again);
}

/** Connect, asking again until it has come about. */
static int open_stream(const char *name, uint16_t port, uint8_t *peer) {
  uint32_t start = hal_millis();
  int result;
  while ((result = hal_socket_open(HAL_SOCKET_TCP, name, port, peer)) == HAL_ERR_AGAIN) {
    if (hal_millis() - start > LOOKUP_PATIENCE) break;
    hal_wait(10);
  }
  return result;
}

/** Receive as many bytes as the text has, in whatever pieces. */
static int receives_stream(int socket, const char *text) {
  size_t have = 0, length = strlen(text);
  while (have < length) {
    int got = receive(socket, length - have, PATIENCE);
    if (got <= 0 || memcmp(big, text + have, (size_t)got) != 0) return 0;
    have += (size_t)got;
  }
  return 1;
}

/** "many" and its 100,000 bytes come whole and in order. */
static int receives_many(int socket) {
  if (!send_text(socket, "many") || !receives_stream(socket, "many")) return 0;
  for (uint32_t have = 0; have < 100000;) {
    int got = receive(socket, sizeof big, PATIENCE);
    if (got <= 0) return 0;
    for (int i = 0; i < got; i += 1, have += 1) {
      if (big[i] != (uint8_t)have) return 0;
    }
  }
  return receive(socket, sizeof big, 20) == HAL_ERR_AGAIN;
}

static void check_streams(const struct conformance_setup *setup) {
  if (!(hal_capabilities() & HAL_CAP_TCP) || setup->stream_port == 0) return;
  uint8_t peer[HAL_ADDRESS_SIZE];
  memset(peer, 0, sizeof peer);
  int socket = open_stream(setup->host, setup->stream_port, peer);
  check("stream: opens", socket >= 0);
  if (socket < 0) return;
  check("stream: port of the peer", (peer[4] << 8 | peer[5]) == setup->stream_port);
  check("stream: nothing there", hal_socket_receive(socket, big, sizeof big) == HAL_ERR_AGAIN);
  check("stream: comes back", send_text(socket, "there") && receives_stream(socket, "there"));
  check("stream: in pieces", send_text(socket, "and back") && receives_stream(socket, "and ") &&
                                 receives_stream(socket, "back"));
  check("stream: more than a buffer", receives_many(socket));
  int second = open_stream(setup->host, setup->stream_port, peer);
  check("stream: two", second >= 0 && second != socket && send_text(second, "2") &&
                           receives_stream(second, "2"));
  hal_socket_close(second);
  int sent = 1;
  for (int i = 0; i < 4096 && sent > 0; i += 1) {
    sent = hal_socket_send(socket, big, sizeof big < 1400 ? sizeof big : 1400);
  }
  check("stream: a full buffer is no fault", sent > 0 || sent == HAL_ERR_AGAIN);
  hal_socket_close(socket);

  socket = open_stream(setup->host, setup->stream_port, peer);
  check("stream: closed by the peer", send_text(socket, "close") &&
                                          receives_stream(socket, "close") &&
                                          receive(socket, sizeof big, PATIENCE) == HAL_ERR_CLOSED);
  hal_socket_close(socket);
  int error = open_stream(setup->host, setup->closed_port, peer);
  check("stream: nobody listens", error == HAL_ERR_NETWORK);
  check("stream: another call gives it up",
        hal_socket_open(HAL_SOCKET_TCP, setup->host, setup->closed_port, peer) <= HAL_ERR_AGAIN &&
            (socket = open_stream(setup->host, setup->stream_port, peer)) >= 0 &&
            send_text(socket, "fine") && receives_stream(socket, "fine"));
  hal_socket_close(socket);
}

int hal_conformance(const struct conformance_setup *setup, void (*print)(const char *line)) {
  failures = 0;
  print_line = print;
  check_basics();
  check_random();
  check_time();
  check_slots();
  check_queue_slots();
  check_slot_limits();
  check_update_slots();
  hal_conformance_images(check);
  check_open(setup);
  check_datagrams(setup);
  check_several(setup);
  check_streams(setup);
  return failures;
}
