// The Device OS port of the HAL: network, time, randomness, log; storage is in its own file. Uses
// the documented C++ API of Device OS only. What differs between boards comes from board.h, which is
// generated from board.json and put there by tools/firmware.mjs.
//
// Name lookups block, and so does the connecting of TCP, because Device OS has no other:
// HAL_CAP_BLOCKING_LOOKUP. Nothing listens, nothing joins a group.

#include "hal_device_os.h"

#include <string.h>

#include "../../boards/board.h"
#include "Particle.h"

/** Sockets: UDP first, the last is TCP. */
#define UDP_SOCKETS 2
#define SOCKETS (UDP_SOCKETS + 1)
#define TCP_SOCKET UDP_SOCKETS
/** Datagrams of strangers that one call drops before it lets the caller go on. */
#define STRANGERS_MAX 8
/** Datagrams that could not be sent, one after the other, until the socket counts as broken. */
#define FAILURES_MAX 5
/** Milliseconds between two looks at a socket: Device OS cannot wait for one. */
#define LOOK_INTERVAL 10
/** Milliseconds that sending on TCP may take. */
#define SEND_PATIENCE 10
/** The dynamic ports of RFC 6335 §6. */
#define FIRST_DYNAMIC_PORT 49152
#define DYNAMIC_PORTS 16384
/** Bytes of a log line: Device OS cuts longer ones. */
#define LOG_LINE 120
/** Equal random words, one after the other, that say that the generator is stuck. */
#define STUCK_AFTER 3

struct socket_state {
  uint8_t used;
  uint8_t lost;     /**< the network was away: the socket may belong to an address that is gone */
  uint8_t failures; /**< sends in a row */
  uint8_t peer[HAL_ADDRESS_SIZE];
};

static socket_state states[SOCKETS];
static UDP udp_sockets[UDP_SOCKETS];
static TCPClient tcp_socket;

// ---- network --------------------------------------------------------------------------------

/** Whether there is a network. When there is none, every open socket is lost. */
static bool network_ready(void) {
  bool ready = Network.ready();
  for (int i = 0; !ready && i < SOCKETS; i += 1) states[i].lost = 1;
  return ready;
}

static socket_state *state_of(int socket) {
  return socket >= 0 && socket < SOCKETS && states[socket].used ? &states[socket] : NULL;
}

/** Read a dotted address, so that no server is asked for it. @returns whether it is one */
static bool parse_address(const char *name, uint8_t address[4]) {
  for (int part = 0; part < 4; part += 1) {
    unsigned value = 0, digits = 0;
    for (; *name >= '0' && *name <= '9' && digits < 4; name += 1, digits += 1) {
      value = value * 10 + (unsigned)(*name - '0');
    }
    if (digits == 0 || digits == 4 || value > 255 || *name != (part < 3 ? '.' : 0)) return false;
    address[part] = (uint8_t)value;
    name += 1;
  }
  return true;
}

/** @returns HAL_OK; HAL_ERR_NAME; HAL_ERR_NETWORK */
static int resolve(const char *name, uint8_t address[4]) {
  if (parse_address(name, address)) return HAL_OK;
  IPAddress found = Network.resolve(name);
#if WBOSON_DEVICE_OS_API >= 4
  if (found && found.version() != 4) return HAL_ERR_NAME;
#endif
  if (!found) return network_ready() ? HAL_ERR_NAME : HAL_ERR_NETWORK;
  for (int i = 0; i < 4; i += 1) address[i] = found[i];
  return HAL_OK;
}

static IPAddress address_of(const socket_state *state) {
  return IPAddress(state->peer[0], state->peer[1], state->peer[2], state->peer[3]);
}

static uint16_t port_of(const socket_state *state) {
  return (uint16_t)(state->peer[4] << 8 | state->peer[5]);
}

/** The local port to ask for: 0 lets the system pick one, where it can. */
static uint16_t local_port(void) {
#if WBOSON_LOCAL_PORT_BY_SYSTEM
  return 0;
#else
  return (uint16_t)(FIRST_DYNAMIC_PORT + HAL_RNG_GetRandomNumber() % DYNAMIC_PORTS);
#endif
}

/** Ports that are tried, should another socket of the device have the one that was drawn. */
#define PORT_TRIES 4

static bool begin_udp(UDP &udp) {
  for (int i = 0; i < PORT_TRIES; i += 1) {
    if (udp.begin(local_port())) return true;
  }
  return false;
}

static bool begin(int place) {
  if (place < UDP_SOCKETS) return begin_udp(udp_sockets[place]);
  return tcp_socket.connect(address_of(&states[place]), port_of(&states[place])) &&
         tcp_socket.connected();
}

int hal_socket_open(int kind, const char *name, uint16_t port, uint8_t peer[HAL_ADDRESS_SIZE]) {
  if (!name || !peer || port == 0) return HAL_ERR_INVALID;
  const void *end = memchr(name, 0, HAL_NAME_MAX + 1);
  if (!end || end == name) return HAL_ERR_INVALID;
  if (kind != HAL_SOCKET_UDP && kind != HAL_SOCKET_TCP) return HAL_ERR_INVALID;
  int place = kind == HAL_SOCKET_UDP ? 0 : TCP_SOCKET;
  int last = kind == HAL_SOCKET_UDP ? UDP_SOCKETS : SOCKETS;
  while (place < last && states[place].used) place += 1;
  if (place == last) return HAL_ERR_NO_SPACE;
  if (!network_ready()) return HAL_ERR_NETWORK;

  socket_state state = {};
  int error = resolve(name, state.peer);
  if (error) return error;
  state.peer[4] = (uint8_t)(port >> 8);
  state.peer[5] = (uint8_t)port;
  states[place] = state;
  if (!begin(place)) return kind == HAL_SOCKET_UDP ? HAL_ERR_NO_SPACE : HAL_ERR_NETWORK;
  states[place].used = 1;
  memcpy(peer, state.peer, HAL_ADDRESS_SIZE);
  return place;
}

static int send_stream(const uint8_t *data, size_t length) {
  size_t sent = tcp_socket.write(data, length, SEND_PATIENCE);
  if (sent > 0 && sent <= length) return (int)sent;
  return tcp_socket.connected() ? HAL_ERR_AGAIN : HAL_ERR_CLOSED;
}

int hal_socket_send(int socket, const uint8_t *data, size_t length) {
  socket_state *state = state_of(socket);
  if (!state || !data || length == 0) return HAL_ERR_INVALID;
  if (length > HAL_DATAGRAM_MAX) return HAL_ERR_TOO_LONG;
  if (!network_ready() || state->lost) return HAL_ERR_NETWORK;
  if (socket == TCP_SOCKET) return send_stream(data, length);
  int sent = udp_sockets[socket].sendPacket(data, length, address_of(state), port_of(state));
  if (sent == (int)length) {
    state->failures = 0;
    return sent;
  }
  // A modem may be busy for a moment; a socket that never sends again must be replaced.
  state->failures += 1;
  return state->failures < FAILURES_MAX ? HAL_ERR_AGAIN : HAL_ERR_NETWORK;
}

static int receive_stream(uint8_t *buffer, size_t capacity) {
  int available = tcp_socket.available();
  if (available <= 0) return tcp_socket.connected() ? HAL_ERR_AGAIN : HAL_ERR_CLOSED;
  int received = tcp_socket.read(buffer, capacity);
  return received > 0 ? received : HAL_ERR_AGAIN;
}

/** Whether the datagram that was received last is of the peer. */
static bool is_of_peer(UDP &udp, const socket_state *state) {
  IPAddress from = udp.remoteIP();
  bool same = udp.remotePort() == port_of(state);
  for (int i = 0; i < 4; i += 1) same = same && from[i] == state->peer[i];
  return same;
}

static int receive_datagram(int socket, uint8_t *buffer, size_t capacity) {
  // One byte more than any datagram may have: Device OS cuts longer ones without a word.
  uint8_t datagram[HAL_DATAGRAM_MAX + 1];
  for (int strangers = 0; strangers < STRANGERS_MAX; strangers += 1) {
    int received = udp_sockets[socket].receivePacket(datagram, sizeof datagram);
    if (received <= 0) return HAL_ERR_AGAIN;
    if (!is_of_peer(udp_sockets[socket], &states[socket])) continue;
    size_t length = (size_t)received;
    if (length > capacity || length > HAL_DATAGRAM_MAX) return HAL_ERR_TOO_LONG;
    memcpy(buffer, datagram, length);
    return received;
  }
  return HAL_ERR_AGAIN;
}

int hal_socket_receive(int socket, uint8_t *buffer, size_t capacity) {
  socket_state *state = state_of(socket);
  if (!state || !buffer || capacity == 0) return HAL_ERR_INVALID;
  if (!network_ready() || state->lost) return HAL_ERR_NETWORK;
  return socket == TCP_SOCKET ? receive_stream(buffer, capacity)
                              : receive_datagram(socket, buffer, capacity);
}

int hal_socket_close(int socket) {
  socket_state *state = state_of(socket);
  if (!state) return HAL_ERR_INVALID;
  if (socket == TCP_SOCKET) tcp_socket.stop();
  else udp_sockets[socket].stop();
  state->used = 0;
  return HAL_OK;
}

// ---- time and power -------------------------------------------------------------------------

static struct {
  uint32_t millis;  /**< when the sleep began, by millis() */
  uint32_t seconds; /**< and by the real-time clock */
  uint32_t missed;  /**< milliseconds that millis() did not count, in all sleeps so far */
} slept;

uint32_t hal_millis(void) { return (uint32_t)System.millis() + slept.missed; }

void hal_device_os_before_sleep(void) {
  slept.millis = (uint32_t)System.millis();
  slept.seconds = (uint32_t)Time.now();
}

void hal_device_os_after_sleep(void) {
  uint32_t counted = (uint32_t)System.millis() - slept.millis;
  uint32_t passed = ((uint32_t)Time.now() - slept.seconds) * 1000u;
  if ((int32_t)(passed - counted) > 0) slept.missed += passed - counted;
}

int hal_wait(uint32_t ms) {
  if (ms > INT32_MAX) return HAL_ERR_INVALID;
  delay(ms < LOOK_INTERVAL ? ms : LOOK_INTERVAL);
  for (int i = 0; i < SOCKETS; i += 1) {
    if (states[i].used) return 1;
  }
  return 0;
}

int hal_reset(void) {
  System.reset();
  return HAL_ERR_NOT_SUPPORTED;
}

// ---- the rest -------------------------------------------------------------------------------

/** A random word. Device OS tells of no failure, so look for a generator that is stuck. */
static bool random_word(uint32_t *word) {
  static uint32_t last;
  static uint8_t equal;
  *word = HAL_RNG_GetRandomNumber();
  equal = *word == last ? (uint8_t)(equal + 1) : 1;
  last = *word;
  if (equal < STUCK_AFTER) return true;
  equal = STUCK_AFTER;
  return false;
}

int hal_random(uint8_t *buffer, size_t length) {
  if ((!buffer && length > 0) || length > 65536) return HAL_ERR_INVALID;
  for (size_t done = 0; done < length; done += sizeof(uint32_t)) {
    uint32_t word;
    if (!random_word(&word)) return HAL_ERR_RANDOM;
    size_t part = length - done < sizeof word ? length - done : sizeof word;
    memcpy(buffer + done, &word, part);
  }
  return HAL_OK;
}

static void log_line(int level, const char *line) {
  if (level >= HAL_LOG_ERROR) Log.error("%s", line);
  else if (level >= HAL_LOG_WARN) Log.warn("%s", line);
  else if (level >= HAL_LOG_INFO) Log.info("%s", line);
  else Log.trace("%s", line);
}

void hal_log(int level, const char *text, size_t length) {
  if (!text) return;
  if (length > HAL_LOG_MAX) length = HAL_LOG_MAX;
  char line[LOG_LINE + 1];
  for (size_t done = 0; done < length || done == 0; done += LOG_LINE) {
    size_t part = length - done < LOG_LINE ? length - done : LOG_LINE;
    // Untrusted text must not forge lines or drive a terminal.
    for (size_t i = 0; i < part; i += 1) {
      unsigned char byte = (unsigned char)text[done + i];
      line[i] = byte < 32 || byte == 127 ? '?' : (char)byte;
    }
    line[part] = 0;
    log_line(level, line);
  }
}

uint32_t hal_capabilities(void) {
  uint32_t bits = HAL_CAP_UDP | HAL_CAP_TCP | HAL_CAP_BLOCKING_LOOKUP | HAL_CAP_RESET;
#if !WBOSON_SESSION_RETAINED
  bits |= HAL_CAP_WEAR;
#endif
  return (uint32_t)HAL_VERSION << 16 | bits;
}
