// The conformance suite of the HAL on the Device OS port, and what only this port promises.
// Arguments: folder, port of the echo server, a port where nobody listens, a port of TCP that echoes
// and, when it is sent "bye", closes.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Particle.h"
#include "fake.h"
#include "src/hal/device-os/hal_device_os.h"

extern "C" {
#include "conformance.h"
}

static int failures;

static void print(const char *line) { puts(line); }

static void check(const char *name, bool passed) {
  printf("%s %s\n", passed ? "ok" : "FAILED", name);
  if (!passed) failures += 1;
}

/** Receive from a socket, waiting for it. */
static int receive(int socket, uint8_t *buffer, size_t capacity) {
  int result = HAL_ERR_AGAIN;
  for (int i = 0; i < 200 && result == HAL_ERR_AGAIN; i += 1) {
    result = hal_socket_receive(socket, buffer, capacity);
    if (result == HAL_ERR_AGAIN) hal_wait(10);
  }
  return result;
}

static void check_tcp(uint16_t port, uint16_t closed_port) {
  uint8_t peer[HAL_ADDRESS_SIZE], buffer[64];
  check("tcp: nobody listens",
        hal_socket_open(HAL_SOCKET_TCP, "127.0.0.1", closed_port, peer) == HAL_ERR_NETWORK);
  int socket = hal_socket_open(HAL_SOCKET_TCP, "localhost", port, peer);
  check("tcp: opens", socket >= 0 && memcmp(peer, "\x7f\0\0\1", 4) == 0);
  check("tcp: one at a time",
        hal_socket_open(HAL_SOCKET_TCP, "127.0.0.1", port, peer) == HAL_ERR_NO_SPACE);
  check("tcp: nothing there", hal_socket_receive(socket, buffer, sizeof buffer) == HAL_ERR_AGAIN);
  check("tcp: sends", hal_socket_send(socket, (const uint8_t *)"echo", 4) == 4);
  check("tcp: receives in parts", receive(socket, buffer, 3) == 3 && memcmp(buffer, "ech", 3) == 0);
  check("tcp: the rest", receive(socket, buffer, 60) == 1 && buffer[0] == 'o');
  check("tcp: says goodbye", hal_socket_send(socket, (const uint8_t *)"bye", 3) == 3);
  check("tcp: closed by the peer", receive(socket, buffer, 60) == HAL_ERR_CLOSED);
  check("tcp: closes", hal_socket_close(socket) == HAL_OK);
  check("tcp: is closed", hal_socket_send(socket, buffer, 1) == HAL_ERR_INVALID);
}

static void check_network(uint16_t port) {
  uint8_t peer[HAL_ADDRESS_SIZE], buffer[64];
  int socket = hal_socket_open(HAL_SOCKET_UDP, "127.0.0.1", port, peer);
  check("network: there", hal_socket_send(socket, (const uint8_t *)"x", 1) == 1);
  fake_network = false;
  check("network: away", hal_socket_send(socket, (const uint8_t *)"x", 1) == HAL_ERR_NETWORK);
  check("network: opens nothing",
        hal_socket_open(HAL_SOCKET_UDP, "127.0.0.1", port, peer) == HAL_ERR_NETWORK);
  fake_network = true;
  check("network: back, but not for an old socket",
        hal_socket_receive(socket, buffer, sizeof buffer) == HAL_ERR_NETWORK);
  hal_socket_close(socket);
  socket = hal_socket_open(HAL_SOCKET_UDP, "127.0.0.1", port, peer);
  check("network: a fresh one works", hal_socket_send(socket, (const uint8_t *)"x", 1) == 1);
  hal_socket_close(socket);
  const char *names[] = {"256.0.0.1", "1.2.3.4.5", "1..2.3"};
  bool none = true;
  for (const char *name : names) {
    none = none && hal_socket_open(HAL_SOCKET_UDP, name, port, peer) == HAL_ERR_NAME;
  }
  check("network: no addresses", none);
}

static void check_random(void) {
  uint8_t bytes[64];
  fake_random_stuck = true;
  check("random: a generator that is stuck", hal_random(bytes, sizeof bytes) == HAL_ERR_RANDOM);
  check("random: and stays so", hal_random(bytes, 4) == HAL_ERR_RANDOM);
  fake_random_stuck = false;
  check("random: works again", hal_random(bytes, sizeof bytes) == HAL_OK);
}

static void check_sleep(void) {
  uint32_t before = hal_millis();
  hal_device_os_before_sleep();
  fake_sleep(100);
  hal_device_os_after_sleep();
  uint32_t passed = hal_millis() - before;
  check("sleep: counts", passed >= 99000 && passed < 105000);
  before = hal_millis();
  hal_device_os_before_sleep();
  hal_device_os_after_sleep();
  check("sleep: counts nothing twice", hal_millis() - before < 2000);
}

static void check_log(void) {
  fake_log[0] = 0;
  hal_log(HAL_LOG_WARN, "a\nerror: forged\x1b[2J", 19);
  check("log: no control characters", strcmp(fake_log, "warn: a?error: forged?[2J\n") == 0);
  char text[300];
  memset(text, 'y', sizeof text);
  fake_log[0] = 0;
  hal_log(HAL_LOG_ERROR, text, sizeof text);
  int count = 0, lines = 0;
  for (const char *at = fake_log; *at; at += 1) count += *at == 'y', lines += *at == '\n';
  check("log: long lines in parts", count == 300 && lines == 3);
}

/** What the file system or EEPROM holds is there after a restart. */
static void check_restart(bool second) {
  uint8_t buffer[16] = {};
  if (second) {
    check("restart: a key", hal_storage_read(1, buffer, 16) == 5 && !memcmp(buffer, "a key", 5));
    check("restart: the session", hal_storage_read(4, buffer, 16) == 4 && !memcmp(buffer, "here", 4));
    int length = hal_image_read(1, 5000, buffer, 5);
    check("restart: an image", length == HAL_ERR_NOT_SUPPORTED || !memcmp(buffer, "image", 5));
    return;
  }
  hal_image_erase(1, 4096, HAL_IMAGE_STEP);
  hal_image_write(1, 5000, (const uint8_t *)"image", 5);
  hal_storage_write(1, (const uint8_t *)"a key", 5);
  hal_storage_write(4, (const uint8_t *)"here", 4);
  hal_wait(1);
}

void setup() {
  bool second = fake_argument_count == 3;
  if (second) {
    check_restart(true);
    exit(failures == 0 ? 0 : 1);
  }
  if (fake_argument_count != 5) exit(2);
  struct conformance_setup setup = {"127.0.0.1", "localhost", (uint16_t)atoi(fake_arguments[2]),
                                    (uint16_t)atoi(fake_arguments[3])};
  failures = hal_conformance(&setup, print);
  check_tcp((uint16_t)atoi(fake_arguments[4]), setup.closed_port);
  check_network(setup.echo_port);
  check_random();
  check_sleep();
  check_log();
  check_restart(false);
  fflush(stdout);
  hal_reset();
}

void loop() {}
