// The HAL of an emulated board: its radio is the bridge at the other end of the UART, its flash a
// region of RAM that survives a reset, its random generator the host's.

#include "hal_board.h"

#include <string.h>

#include "../../../hal/hal.h"
#include "../platform/machine.h"
#include "board.h"
#include "uart.h"
#include "frames.h"

#define SLOT_SIZE 704
#define UPDATE_SLOTS (HAL_UPDATE_SLOT_LAST - HAL_UPDATE_SLOT_FIRST + 1)
#define MAGIC 0x626f7331u
/** Of the board's areas for applications as much as the emulated RAM has room for, bytes. */
#define IMAGE_SIZE 16384u
/** Datagrams that wait for the device. */
#define WAITING 4

__attribute__((section(".storage"))) static struct {
  uint32_t magic;
  struct {
    uint16_t length;
    uint8_t bytes[SLOT_SIZE];
  } slots[HAL_SLOT_LAST + 1 + UPDATE_SLOTS];
#if WBOSON_APPLICATION_SLOT
  /** Stands for files: what is written is cleared bits only, as in flash. */
  uint8_t images[2][IMAGE_SIZE];
#endif
} storage;

static struct {
  int state; /**< 0 closed, 1 asked for, 2 open, -1 refused */
  int kind;  /**< `hal_socket_kind` */
  int has_ended;
  uint8_t peer[HAL_ADDRESS_SIZE];
} link;

static struct {
  uint16_t length;
  uint16_t taken; /**< of a stream's piece, what was read already */
  uint8_t bytes[HAL_DATAGRAM_MAX];
} waiting[WAITING];
static unsigned first, count;

static struct board_command command;

// ---- the bridge -----------------------------------------------------------------------------

static void take_datagram(const uint8_t *bytes, size_t length) {
  // As a radio does when nobody takes them in time.
  if (link.state != 2 || count == WAITING) return;
  unsigned at = (first + count++) % WAITING;
  waiting[at].length = (uint16_t)length;
  waiting[at].taken = 0;
  memcpy(waiting[at].bytes, bytes, length);
}

static void take_address(const uint8_t *bytes, size_t length) {
  if (link.state != 1) return;
  link.state = length == HAL_ADDRESS_SIZE ? 2 : -1;
  if (link.state == 2) memcpy(link.peer, bytes, HAL_ADDRESS_SIZE);
}

static void take_command(int type, const uint8_t *content, size_t length) {
  if (length >= sizeof command.content) return;
  command.type = type;
  command.length = length;
  memcpy(command.content, content, length);
  command.content[length] = 0;
}

/** A stream loses nothing: what finds no room stays in the UART's buffer. */
static int is_full(void) { return link.kind == HAL_SOCKET_TCP && count == WAITING; }

/** Handle what the bridge has sent, up to a command. */
static void listen(void) {
  static uint8_t content[FRAME_MAX];
  size_t length;
  while (command.type == 0 && !is_full()) {
    int type = frame_receive(content, &length);
    if (type == 0) return;
    if (type == FRAME_DATAGRAM) take_datagram(content, length);
    else if (type == FRAME_ENDED) link.has_ended = 1;
    else if (type == FRAME_ADDRESS) take_address(content, length);
    else if (type == FRAME_KEY && length > 1) hal_storage_write(content[0], content + 1, length - 1);
    else take_command(type, content, length);
  }
}

void board_start(void) {
  uart_start();
  uint8_t survived = storage.magic == MAGIC;
  if (!survived) memset(&storage, 0, sizeof storage);
  storage.magic = MAGIC;
  frame_send(FRAME_BOOT, &survived, 1, NULL, 0);
}

int board_command(struct board_command *output) {
  listen();
  if (command.type == 0) return 0;
  *output = command;
  command.type = 0;
  return 1;
}

// ---- hal.h ----------------------------------------------------------------------------------

int hal_socket_open(int kind, const char *name, uint16_t port, uint8_t peer[HAL_ADDRESS_SIZE]) {
  listen();
  if (link.state == 0) {
    const uint8_t head[3] = {(uint8_t)kind, (uint8_t)(port >> 8), (uint8_t)port};
    frame_send(FRAME_OPEN, head, sizeof head, name, strlen(name));
    link.state = 1;
    link.kind = kind;
    link.has_ended = 0;
    first = count = 0;
  }
  if (link.state == 1) return HAL_ERR_AGAIN;
  if (link.state < 0) {
    link.state = 0;
    return HAL_ERR_NAME;
  }
  memcpy(peer, link.peer, HAL_ADDRESS_SIZE);
  return 0;
}

int hal_socket_send(int socket, const uint8_t *data, size_t length) {
  if (socket != 0 || link.state != 2) return HAL_ERR_INVALID;
  frame_send(FRAME_DATAGRAM, data, length, NULL, 0);
  return (int)length;
}

/** Take bytes of the first piece that waits. */
static int read_stream(uint8_t *buffer, size_t capacity) {
  size_t left = (size_t)waiting[first].length - waiting[first].taken;
  size_t length = left < capacity ? left : capacity;
  memcpy(buffer, waiting[first].bytes + waiting[first].taken, length);
  waiting[first].taken += (uint16_t)length;
  if (length == left) {
    first = (first + 1) % WAITING;
    count -= 1;
  }
  return (int)length;
}

int hal_socket_receive(int socket, uint8_t *buffer, size_t capacity) {
  if (socket != 0 || link.state != 2) return HAL_ERR_INVALID;
  listen();
  if (count == 0) return link.has_ended ? HAL_ERR_CLOSED : HAL_ERR_AGAIN;
  if (link.kind == HAL_SOCKET_TCP) return read_stream(buffer, capacity);
  unsigned at = first;
  first = (first + 1) % WAITING;
  count -= 1;
  if (waiting[at].length > capacity) return HAL_ERR_TOO_LONG;
  memcpy(buffer, waiting[at].bytes, waiting[at].length);
  return waiting[at].length;
}

int hal_socket_close(int socket) {
  if (socket != 0 || link.state == 0) return HAL_ERR_INVALID;
  link.state = 0;
  frame_send(FRAME_CLOSE, NULL, 0, NULL, 0);
  return HAL_OK;
}

/** @returns the index of a slot; -1 when there is none */
static int index_of(int slot) {
  if (slot >= 1 && slot <= HAL_SLOT_LAST) return slot;
  int is_update = slot >= HAL_UPDATE_SLOT_FIRST && slot <= HAL_UPDATE_SLOT_LAST;
  return is_update ? HAL_SLOT_LAST + 1 + slot - HAL_UPDATE_SLOT_FIRST : -1;
}

int hal_storage_read(int slot, uint8_t *buffer, size_t capacity) {
  int index = index_of(slot);
  if (index < 0) return HAL_ERR_INVALID;
  if (storage.slots[index].length > capacity) return HAL_ERR_TOO_LONG;
  memcpy(buffer, storage.slots[index].bytes, storage.slots[index].length);
  return storage.slots[index].length;
}

int hal_storage_write(int slot, const uint8_t *data, size_t length) {
  int index = index_of(slot);
  if (index < 0) return HAL_ERR_INVALID;
  if (length > SLOT_SIZE) return HAL_ERR_TOO_LONG;
  memcpy(storage.slots[index].bytes, data, length);
  storage.slots[index].length = (uint16_t)length;
  return (int)length;
}

/** @returns `length` bytes of an area; NULL with the error when they are not there */
static uint8_t *bytes_of(int image, uint32_t offset, size_t length, int *error) {
#if WBOSON_APPLICATION_SLOT
  if (image == HAL_IMAGE_APPLICATION_A || image == HAL_IMAGE_APPLICATION_B) {
    *error = HAL_ERR_INVALID;
    return offset > IMAGE_SIZE || length > IMAGE_SIZE - offset ? NULL : storage.images[image] + offset;
  }
#else
  (void)image, (void)offset, (void)length;
#endif
  *error = HAL_ERR_NOT_SUPPORTED;
  return NULL;
}

int hal_image_erase(int image, uint32_t offset, size_t length) {
  int error;
  uint8_t *bytes = bytes_of(image, offset, length, &error);
  if (!bytes) return error;
  memset(bytes, 0xff, length);
  return IMAGE_SIZE;
}

int hal_image_write(int image, uint32_t offset, const uint8_t *data, size_t length) {
  int error;
  uint8_t *bytes = bytes_of(image, offset, length, &error);
  if (!bytes) return error;
  for (size_t i = 0; i < length; i += 1) bytes[i] &= data[i];
  return (int)length;
}

int hal_image_read(int image, uint32_t offset, uint8_t *buffer, size_t length) {
  int error;
  const uint8_t *bytes = bytes_of(image, offset, length, &error);
  if (!bytes) return error;
  memcpy(buffer, bytes, length);
  return (int)length;
}

uint32_t hal_millis(void) { return (uint32_t)(machine_nanoseconds() / 1000000); }

int hal_wait(uint32_t ms) {
  uint32_t start = hal_millis();
  while (count == 0 && command.type == 0 && hal_millis() - start < ms) {
    // Polling without a pause would keep the emulator from receiving.
    __asm volatile("wfi");
    listen();
  }
  return count > 0;
}

int hal_reset(void) { machine_reset(); }

int hal_random(uint8_t *buffer, size_t length) {
  if (length == 0) return HAL_OK;
  return machine_read_file("/dev/urandom", buffer, length) == (int)length ? HAL_OK : HAL_ERR_RANDOM;
}

void hal_log(int level, const char *text, size_t length) {
  uint8_t level_byte = (uint8_t)level;
  frame_send(FRAME_LOG, &level_byte, 1, text, length);
}

uint32_t hal_capabilities(void) {
  return (uint32_t)HAL_VERSION << 16 | HAL_CAP_UDP | HAL_CAP_TCP | HAL_CAP_RESET |
         HAL_CAP_IDLE_WAIT;
}
