// A port of the HAL to copy: every function answers that it is not there. Replace them one by one, and
// run tests/hal/conformance.c on the device until it says nothing but "ok". See hal/README.md.

#include "../hal.h"

uint32_t hal_capabilities(void) {
  // Add HAL_CAP_UDP as soon as sockets work: boson_open refuses a HAL without it.
  return (uint32_t)HAL_VERSION << 16;
}

// ---- network --------------------------------------------------------------------------------

int hal_socket_open(int kind, const char *name, uint16_t port, uint8_t peer[HAL_ADDRESS_SIZE]) {
  (void)kind, (void)name, (void)port, (void)peer;
  return HAL_ERR_NOT_SUPPORTED;
}

int hal_socket_send(int socket, const uint8_t *data, size_t length) {
  (void)socket, (void)data, (void)length;
  return HAL_ERR_NOT_SUPPORTED;
}

int hal_socket_receive(int socket, uint8_t *buffer, size_t capacity) {
  (void)socket, (void)buffer, (void)capacity;
  return HAL_ERR_NOT_SUPPORTED;
}

int hal_socket_close(int socket) {
  (void)socket;
  return HAL_ERR_NOT_SUPPORTED;
}

// ---- storage --------------------------------------------------------------------------------

int hal_storage_read(int slot, uint8_t *buffer, size_t capacity) {
  (void)slot, (void)buffer, (void)capacity;
  return HAL_ERR_NOT_SUPPORTED;
}

int hal_storage_write(int slot, const uint8_t *data, size_t length) {
  (void)slot, (void)data, (void)length;
  return HAL_ERR_NOT_SUPPORTED;
}

// ---- image areas ----------------------------------------------------------------------------

int hal_image_erase(int image, uint32_t offset, size_t length) {
  (void)image, (void)offset, (void)length;
  return HAL_ERR_NOT_SUPPORTED;
}

int hal_image_write(int image, uint32_t offset, const uint8_t *data, size_t length) {
  (void)image, (void)offset, (void)data, (void)length;
  return HAL_ERR_NOT_SUPPORTED;
}

int hal_image_read(int image, uint32_t offset, uint8_t *buffer, size_t length) {
  (void)image, (void)offset, (void)buffer, (void)length;
  return HAL_ERR_NOT_SUPPORTED;
}

// ---- time and power -------------------------------------------------------------------------

uint32_t hal_millis(void) {
  // The one function that cannot say that it is not there. Without a clock nothing times out.
  return 0;
}

int hal_wait(uint32_t ms) {
  (void)ms;
  return HAL_ERR_NOT_SUPPORTED;
}

int hal_reset(void) { return HAL_ERR_NOT_SUPPORTED; }

// ---- the rest -------------------------------------------------------------------------------

int hal_random(uint8_t *buffer, size_t length) {
  (void)buffer, (void)length;
  return HAL_ERR_NOT_SUPPORTED;
}

void hal_log(int level, const char *text, size_t length) { (void)level, (void)text, (void)length; }
