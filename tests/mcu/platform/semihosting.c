// Calls to the emulator's host.

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

enum operation {
  SYS_OPEN = 0x01,
  SYS_CLOSE = 0x02,
  SYS_WRITE0 = 0x04,
  SYS_READ = 0x06,
  SYS_EXIT_EXTENDED = 0x20,
};

#define ADP_STOPPED_APPLICATION_EXIT 0x20026
#define OPEN_READ_BINARY 1

static int call(enum operation operation, const void *argument) {
  register int r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void machine_print(const char *text) { call(SYS_WRITE0, text); }

void machine_printf(const char *format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  machine_print(line);
}

void machine_exit(int code) {
  uint32_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
  for (;;) call(SYS_EXIT_EXTENDED, block);
}

int machine_read_file(const char *path, void *buffer, size_t capacity) {
  const uint32_t open[3] = {(uint32_t)path, OPEN_READ_BINARY, strlen(path)};
  int file = call(SYS_OPEN, open);
  if (file < 0) return -1;
  const uint32_t read[3] = {(uint32_t)file, (uint32_t)buffer, capacity};
  int left = call(SYS_READ, read);
  call(SYS_CLOSE, &file);
  return left < 0 ? -1 : (int)(capacity - (size_t)left);
}
