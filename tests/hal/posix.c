// Runs the conformance suite on the posix HAL. Arguments: an empty folder, port of the echo server, a
// port where nobody listens, port of the echo server on TCP. Then what only this port promises: names and rights of its files.

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../hal/posix/hal_posix.h"
#include "conformance.h"

static void print(const char *line) { puts(line); }

static int check(const char *name, int passed) {
  printf("%s %s\n", passed ? "ok" : "FAILED", name);
  return !passed;
}

/** The device key under the name that provisioning gives it, readable by its owner only. */
static int check_files(const char *folder) {
  char path[4096];
  struct stat status;
  snprintf(path, sizeof path, "%s/device-key.der", folder);
  int written = hal_storage_write(1, (const uint8_t *)"key", 3) == 3;
  int failures = check("posix: name of a file", written && stat(path, &status) == 0);
  failures += check("posix: its owner's only", (status.st_mode & 077) == 0);
  return failures;
}

/** Native firmware that is complete is a file of its own, without what stands before its body. */
static int check_firmware(const char *folder) {
  char path[4096];
  uint8_t bytes[16] = {0};
  for (int i = 0; i < 8; i += 1) hal_image_erase(2, (uint32_t)i * HAL_IMAGE_STEP, HAL_IMAGE_STEP);
  int staged = hal_image_write(2, 0, (const uint8_t *)"manifest", 8) == 8 &&
               hal_image_write(2, 8, (const uint8_t *)"the body", 8) == 8 &&
               hal_image_write(2, 8, NULL, 0) == 0;
  snprintf(path, sizeof path, "%s/firmware.bin", folder);
  FILE *file = fopen(path, "rb");
  size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file) fclose(file);
  int failures = check("posix: firmware is staged", staged);
  failures += check("posix: its body alone", length == 8 && memcmp(bytes, "the body", 8) == 0);
  failures += check("posix: a body behind the end", hal_image_write(2, 17, NULL, 0) == HAL_ERR_INVALID);
  return failures;
}

/** A file that is readable ends the wait, too. */
static int check_watch(void) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  hal_posix_watch(ends[0]);
  int failures = check("posix: nothing to read", hal_wait(10) == 0);
  if (write(ends[1], "x", 1) != 1) failures += 1;
  failures += check("posix: a file to read", hal_wait(1000) == 1);
  hal_posix_watch(-1);
  close(ends[0]);
  close(ends[1]);
  return failures;
}

/** The reset starts this program anew, which then finds the mark. */
static int check_reset(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setenv("CONFORMANCE_RESET", "1", 1);
    hal_reset();
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return check("posix: reset", WIFEXITED(status) && WEXITSTATUS(status) == 77);
}

int main(int count, char **arguments) {
  if (getenv("CONFORMANCE_RESET")) return count == 5 ? 77 : 1;
  if (count != 5) return 2;
  int failures = check("posix: no storage yet", hal_storage_write(3, NULL, 0) == HAL_ERR_STORAGE);
  failures += check("posix: no image areas yet", hal_image_erase(0, 0, 0) == HAL_ERR_STORAGE);
  failures += check("posix: opens", hal_posix_open(arguments[1]) == HAL_OK);
  struct conformance_setup setup = {
      .host = "127.0.0.1",
      .name = "localhost",
      .echo_port = (uint16_t)atoi(arguments[2]),
      .closed_port = (uint16_t)atoi(arguments[3]),
      .stream_port = (uint16_t)atoi(arguments[4]),
  };
  failures += hal_conformance(&setup, print);
  failures += check_files(arguments[1]);
  failures += check_firmware(arguments[1]);
  failures += check_watch();
  failures += check_reset();
  return failures == 0 ? 0 : 1;
}
