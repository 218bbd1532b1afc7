#include "replay.h"

#include <string.h>

#include "../../../hal/hal.h"
#include "../platform/machine.h"

#define SLOT_SIZE 288
/** Time that an answer of the cloud takes, ms. */
#define ROUND_TRIP 20

uint32_t replay_differences;

static enum phase current;
/** The datagram that is next in each direction. */
static uint32_t next_up, next_down;
static uint32_t now = 1000, answer_at;
static int is_open;

#define MAGIC 0x6f736f62u

/** Survives a reset. */
__attribute__((section(".storage"))) static struct {
  uint32_t magic;
  uint32_t boots;
  uint32_t random_used;
  struct {
    uint16_t length;
    uint8_t bytes[SLOT_SIZE];
  } slots[HAL_SLOT_LAST + 1];
} retained;

uint32_t replay_boots(void) {
  if (retained.magic == MAGIC) return retained.boots += 1;
  memset(&retained, 0, sizeof retained);
  retained.magic = MAGIC;
  hal_storage_write(1, recorded_device_key, recorded_device_key_size);
  hal_storage_write(2, recorded_server_key, recorded_server_key_size);
  return 0;
}

static int is_current(uint32_t index) {
  return index < recorded_count && recorded_datagrams[index].phase == current;
}

/** @returns the first datagram of a direction, not before `from` nor before the current phase */
static uint32_t find(uint32_t from, int up) {
  while (from < recorded_count &&
         (recorded_datagrams[from].up != up || recorded_datagrams[from].phase < current)) {
    from += 1;
  }
  return from;
}

void replay_phase(enum phase phase) {
  current = phase;
  next_up = find(next_up, 1);
  next_down = find(next_down, 0);
}

int replay_done(void) { return !is_current(next_up) && !is_current(next_down); }

/** Whether the cloud has sent its next datagram: all that the device sent before it then is sent. */
static int has_answer(void) { return is_current(next_down) && next_down < next_up; }

int hal_socket_open(int kind, const char *name, uint16_t port, uint8_t peer[HAL_ADDRESS_SIZE]) {
  (void)name;
  if (kind != HAL_SOCKET_UDP) return HAL_ERR_NOT_SUPPORTED;
  const uint8_t address[HAL_ADDRESS_SIZE] = {127, 0, 0, 1, (uint8_t)(port >> 8), (uint8_t)port};
  memcpy(peer, address, sizeof address);
  is_open = 1;
  return 0;
}

int hal_socket_send(int socket, const uint8_t *data, size_t length) {
  (void)socket;
  const struct recorded_datagram *datagram = &recorded_datagrams[next_up];
  answer_at = now + ROUND_TRIP;
  if (!is_current(next_up)) {
    replay_differences += 1;
    machine_printf("differs: %u bytes more\n", (unsigned)length);
    return (int)length;
  }
  if (datagram->length != length || memcmp(datagram->bytes, data, length) != 0) {
    replay_differences += 1;
    machine_printf("differs: datagram %u, %u bytes\n", (unsigned)next_up, (unsigned)length);
  }
  next_up = find(next_up + 1, 1);
  return (int)length;
}

int hal_socket_receive(int socket, uint8_t *buffer, size_t capacity) {
  (void)socket;
  if (!is_open || !has_answer() || (int32_t)(now - answer_at) < 0) return HAL_ERR_AGAIN;
  const struct recorded_datagram *datagram = &recorded_datagrams[next_down];
  next_down = find(next_down + 1, 0);
  if (datagram->length > capacity) return HAL_ERR_TOO_LONG;
  memcpy(buffer, datagram->bytes, datagram->length);
  return datagram->length;
}

int hal_socket_close(int socket) {
  (void)socket;
  is_open = 0;
  return HAL_OK;
}

int hal_storage_read(int slot, uint8_t *buffer, size_t capacity) {
  if (slot < 1 || slot > HAL_SLOT_LAST) return HAL_ERR_INVALID;
  if (retained.slots[slot].length > capacity) return HAL_ERR_TOO_LONG;
  memcpy(buffer, retained.slots[slot].bytes, retained.slots[slot].length);
  return retained.slots[slot].length;
}

int hal_storage_write(int slot, const uint8_t *data, size_t length) {
  if (slot < 1 || slot > HAL_SLOT_LAST) return HAL_ERR_INVALID;
  if (length > SLOT_SIZE) return HAL_ERR_TOO_LONG;
  memcpy(retained.slots[slot].bytes, data, length);
  retained.slots[slot].length = (uint16_t)length;
  return (int)length;
}

uint32_t hal_millis(void) { return now; }

int hal_wait(uint32_t ms) {
  // No further than the next answer, and in steps, as a device that looks for its sockets.
  uint32_t step = has_answer() && (int32_t)(answer_at - now) > 0 ? answer_at - now : ROUND_TRIP;
  now += ms < step ? ms : step;
  return has_answer();
}

int hal_reset(void) { return HAL_ERR_NOT_SUPPORTED; }

int hal_random(uint8_t *buffer, size_t length) {
  if (length > recorded_random_size - retained.random_used) return HAL_ERR_RANDOM;
  memcpy(buffer, recorded_random + retained.random_used, length);
  retained.random_used += (uint32_t)length;
  return HAL_OK;
}

void hal_log(int level, const char *text, size_t length) {
  machine_printf("log %d %.*s\n", level, (int)length, text);
}

uint32_t hal_capabilities(void) { return (uint32_t)HAL_VERSION << 16 | HAL_CAP_UDP; }
