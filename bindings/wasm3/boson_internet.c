// The Internet test: after a failed attempt to connect one NTP request (RFC 5905 §7.3) asks whether
// anything on the Internet answers. It only watches: it runs in the pause between two attempts, gives
// its socket back when the next one begins, and sets no clock. It does not use the module.

#include <stdio.h>
#include <string.h>

#include "boson_internal.h"

enum internet_state {
  INTERNET_IDLE = 0,
  INTERNET_FAILED = 1,  /**< an attempt has failed: begin */
  INTERNET_LOOKUP = 2,  /**< the HAL looks the name up */
  INTERNET_WAITING = 3, /**< the request is out */
};

#define DEFAULT_HOST "pool.ntp.org"
#define DEFAULT_PORT 123
/** How long the name may take, and then the answer, ms. */
#define PATIENCE 10000
/** How long a lookup takes at most that the HAL waits for (hal.h), ms. */
#define LONGEST_LOOKUP 10000
/** A server is not asked again earlier, ms: the shortest poll interval of RFC 5905 §7.3, 2^4 s. */
#define INTERVAL 16000
/** Milliseconds between two looks at a lookup. */
#define LOOK_INTERVAL 20
/** Datagrams that one poll takes. */
#define DATAGRAMS_PER_POLL 4

/** RFC 5905 §7.3: the header, where in it the timestamps are, and a MAC that may follow it. */
#define HEADER_SIZE 48
#define ORIGIN 24
#define TRANSMIT 40
#define TIMESTAMP_SIZE 8
#define MAC_SIZE 20
/** Leap indicator 0, version 4, mode 3 (client); the mode of an answer is 4 (server). */
#define CLIENT (4 << 3 | 3)
#define MODE_MASK 7
#define MODE_SERVER 4

static const char *host_of(const struct boson *device) {
  return device->config.internet_host ? device->config.internet_host : DEFAULT_HOST;
}

static void tell(struct boson *device, int result) {
  static const char *const texts[] = {
      [BOSON_INTERNET_REACHABLE] = "Reachable: the Internet is there, the cloud was not reached",
      [BOSON_INTERNET_NO_ANSWER] = "NoAnswer: the network is up, nothing on the Internet answers",
      [BOSON_INTERNET_NO_NAME] = "NoName: the network is up, names do not resolve",
      [BOSON_INTERNET_NO_NETWORK] = "NoNetwork: there is no network",
  };
  char line[96];
  int length = snprintf(line, sizeof line, "internet: %s", texts[result]);
  hal_log(HAL_LOG_INFO, line, (size_t)length);
  const struct boson_config *config = &device->config;
  if (config->on_internet) config->on_internet(config->context, result);
}

void boson_internet_close(struct boson *device) {
  if (device->internet.state == INTERNET_WAITING) hal_socket_close(device->internet.socket);
  device->internet.state = INTERNET_IDLE;
  device->internet.socket = -1;
}

/** The test is over; what the handler does finds nothing of it any more. */
static void end(struct boson *device, int result) {
  boson_internet_close(device);
  tell(device, result);
}

void boson_internet_stop(struct boson *device) {
  if (device->internet.state == INTERNET_WAITING) end(device, BOSON_INTERNET_NO_ANSWER);
  else boson_internet_close(device);
}

void boson_internet_note(struct boson *device, int state, int reason) {
  if (!device->config.internet_test) return;
  if (state == BOSON_OPENING) {
    boson_internet_stop(device);
    device->internet.is_trying = 1;
  } else if (state == BOSON_CONNECTED) {
    device->internet.is_trying = 0;
  } else if (state == BOSON_DISCONNECTED) {
    int has_failed = device->internet.is_trying && reason != REASON_REQUESTED;
    device->internet.is_trying = 0;
    if (reason == REASON_REQUESTED) boson_internet_close(device);
    if (has_failed && device->internet.state == INTERNET_IDLE) {
      device->internet.state = INTERNET_FAILED;
    }
  }
}

int boson_internet_is_due(const struct boson *device) {
  return device->internet.state != INTERNET_IDLE;
}

/** Whether a server may be asked now; if not, there is no test after this failure. */
static int may_begin(const struct boson *device, int32_t left, uint32_t now) {
  if (!(hal_capabilities() & HAL_CAP_UDP)) return 0;
  if (device->internet.has_asked && now - device->internet.since < INTERVAL) return 0;
  // A lookup that waits must not hold up the next attempt.
  return !(hal_capabilities() & HAL_CAP_BLOCKING_LOOKUP) || left < 0 || left >= LONGEST_LOOKUP;
}

/** Send the one request: its transmit timestamp is random, an answer must repeat it. */
static void ask(struct boson *device, int socket) {
  uint8_t request[HEADER_SIZE] = {CLIENT};
  device->internet.state = INTERNET_WAITING;
  device->internet.socket = socket;
  device->internet.since = hal_millis();
  if (hal_random(device->internet.origin, TIMESTAMP_SIZE) != HAL_OK) {
    boson_internet_close(device);
    return;
  }
  memcpy(request + TRANSMIT, device->internet.origin, TIMESTAMP_SIZE);
  int sent = hal_socket_send(socket, request, sizeof request);
  if (sent == HAL_ERR_NETWORK) end(device, BOSON_INTERNET_NO_NETWORK);
}

static void look_up(struct boson *device) {
  uint8_t peer[HAL_ADDRESS_SIZE];
  uint16_t port = device->config.internet_port ? device->config.internet_port : DEFAULT_PORT;
  int socket = hal_socket_open(HAL_SOCKET_UDP, host_of(device), port, peer);
  if (socket >= 0) ask(device, socket);
  else if (socket == HAL_ERR_NAME) end(device, BOSON_INTERNET_NO_NAME);
  else if (socket == HAL_ERR_NETWORK) end(device, BOSON_INTERNET_NO_NETWORK);
  // No socket to be had: the cloud's comes first, and this one is not worth asking again.
  else if (socket != HAL_ERR_AGAIN) boson_internet_close(device);
}

static int is_answer(const struct boson *device, const uint8_t *datagram, int length) {
  return length >= HEADER_SIZE && (datagram[0] & MODE_MASK) == MODE_SERVER &&
         memcmp(datagram + ORIGIN, device->internet.origin, TIMESTAMP_SIZE) == 0;
}

static void receive(struct boson *device) {
  uint8_t datagram[HEADER_SIZE + MAC_SIZE];
  for (int i = 0; i < DATAGRAMS_PER_POLL; i += 1) {
    int length = hal_socket_receive(device->internet.socket, datagram, sizeof datagram);
    if (length == HAL_ERR_TOO_LONG) continue;
    if (length == HAL_ERR_AGAIN) return;
    if (length < 0) {
      end(device, BOSON_INTERNET_NO_NETWORK);
      return;
    }
    if (!is_answer(device, datagram, length)) continue;
    end(device, BOSON_INTERNET_REACHABLE);
    return;
  }
}

void boson_internet_poll(struct boson *device, int32_t left) {
  uint32_t now = hal_millis();
  if (device->socket >= 0 || device->link.wanted) {
    boson_internet_stop(device);
    return;
  }
  if (device->internet.state == INTERNET_FAILED) {
    if (!may_begin(device, left, now)) {
      boson_internet_close(device);
      return;
    }
    device->internet.has_asked = 1;
    device->internet.since = now;
    device->internet.state = INTERNET_LOOKUP;
  }
  if (device->internet.state == INTERNET_LOOKUP) look_up(device);
  if (device->internet.state == INTERNET_WAITING) receive(device);
  if (!boson_internet_is_due(device) || hal_millis() - device->internet.since < PATIENCE) return;
  int is_out = device->internet.state == INTERNET_WAITING;
  end(device, is_out ? BOSON_INTERNET_NO_ANSWER : BOSON_INTERNET_NO_NAME);
}

int32_t boson_internet_left(const struct boson *device) {
  switch (device->internet.state) {
    case INTERNET_IDLE:
      return INT32_MAX;
    case INTERNET_FAILED:
      return 0;
    case INTERNET_LOOKUP:
      return LOOK_INTERVAL;
    default: {
      uint32_t waited = hal_millis() - device->internet.since;
      return waited < PATIENCE ? (int32_t)(PATIENCE - waited) : 0;
    }
  }
}
