// What any port of the HAL must pass. A port's own main gives the address of an echo server that
// follows the few rules below, calls the suite, and fails when it returns anything but 0.

#ifndef WBOSON_CONFORMANCE_H
#define WBOSON_CONFORMANCE_H

#include <stdint.h>

/**
 * Where the echo server is. It sends every datagram back, but:
 * - "stranger": comes back from another port;
 * - "long": is answered by 1600 bytes;
 * - "empty": is answered by a datagram of no bytes, then by "after";
 * - "silence": is not answered.
 */
struct conformance_setup {
  const char *host;    /**< dotted IPv4 address */
  const char *name;    /**< a name of the same host that the port must resolve; NULL: none here */
  uint16_t echo_port;
  uint16_t closed_port; /**< where nobody listens */
  /**
   * TCP: what comes is sent back, "close" closes the connection after that, "many" is answered by
   * 100,000 bytes more, 0, 1, 2, ... 0: none here.
   */
  uint16_t stream_port;
};

/**
 * Run the suite; it erases slots 3 to 28 and the image areas. Lines "ok NAME" and "FAILED NAME" go to `print`.
 * @returns number of failures
 */
int hal_conformance(const struct conformance_setup *setup, void (*print)(const char *line));

/** The part for image areas (conformance_images.c). @param check called with each outcome */
void hal_conformance_images(void (*check)(const char *name, int passed));

#endif
