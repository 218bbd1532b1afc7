// The heap of newlib, and how much of heap and stack was used.

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

extern uint8_t ld_data_start, ld_bss_end, ld_heap_start, ld_heap_end, ld_stack_bottom, ld_stack_top;

#define PAINT 0xA5

static uint8_t *heap_end, *heap_highest;

void *_sbrk(ptrdiff_t more);
void *_sbrk(ptrdiff_t more) {
  if (!heap_end) heap_end = heap_highest = &ld_heap_start;
  if (more > &ld_heap_end - heap_end) {
    errno = ENOMEM;
    return (void *)-1;
  }
  uint8_t *before = heap_end;
  heap_end += more;
  if (heap_end > heap_highest) heap_highest = heap_end;
  return before;
}

void machine_paint(void) {
  // Up to this function's own frame.
  uint8_t *end = (uint8_t *)__builtin_frame_address(0) - 64;
  for (uint8_t *at = &ld_stack_bottom; at < end; at += 1) *at = PAINT;
  heap_highest = heap_end;
}

void machine_read_memory(struct machine_memory *memory) {
  const uint8_t *at = &ld_stack_bottom;
  while (at < &ld_stack_top && *at == PAINT) at += 1;
  memory->stack_peak = (uint32_t)(&ld_stack_top - at);
  memory->static_ram = (uint32_t)(&ld_bss_end - &ld_data_start);
  memory->heap_peak = (uint32_t)(heap_highest - &ld_heap_start);
  memory->heap_now = mallinfo().uordblks;
}

// What newlib's stdio asks for, and this program never does.

int _close(int file);
int _close(int file) { (void)file; return -1; }
int _lseek(int file, int offset, int from);
int _lseek(int file, int offset, int from) { (void)file; (void)offset; (void)from; return -1; }
int _read(int file, char *buffer, int length);
int _read(int file, char *buffer, int length) { (void)file; (void)buffer; (void)length; return -1; }
int _write(int file, char *buffer, int length);
int _write(int file, char *buffer, int length) { (void)file; (void)buffer; (void)length; return -1; }
int _fstat(int file, void *status);
int _fstat(int file, void *status) { (void)file; (void)status; return -1; }
int _isatty(int file);
int _isatty(int file) { (void)file; return 1; }
int _kill(int process, int signal);
int _kill(int process, int signal) { (void)process; (void)signal; return -1; }
int _getpid(void);
int _getpid(void) { return 1; }
void _exit(int code);
void _exit(int code) { machine_exit(code); }
