// What the emulated machines of QEMU have in common: an ARMv7-M or ARMv8-M core with SysTick and
// semihosting. For tests: an emulated machine stands for a board's processor and memory, not for its
// radio.

#ifndef WBOSON_MCU_MACHINE_H
#define WBOSON_MCU_MACHINE_H

#include <stddef.h>
#include <stdint.h>

// ---- semihosting (Arm, "Semihosting for AArch32 and AArch64") ---------------------------------

/** Write text, ended by 0, to the emulator's stderr. */
void machine_print(const char *text);

/** As printf, of one line up to 255 bytes. */
void machine_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** End the emulator with an exit code. */
void machine_exit(int code) __attribute__((noreturn));

/**
 * Read from a file of the host.
 * @returns bytes read; -1 when it cannot be opened
 */
int machine_read_file(const char *path, void *buffer, size_t capacity);

// ---- time -----------------------------------------------------------------------------------

/** Start SysTick. */
void machine_clock_start(void);

/** @returns nanoseconds since the start; under `-icount shift=0` that is instructions */
uint64_t machine_nanoseconds(void);

/** Reset the processor; RAM keeps its content. */
void machine_reset(void) __attribute__((noreturn));

// ---- memory ---------------------------------------------------------------------------------

struct machine_memory {
  uint32_t static_ram; /**< .data and .bss, without heap, stack and the storage region */
  uint32_t heap_peak;  /**< bytes between the start of the heap and its highest end so far */
  uint32_t heap_now;   /**< bytes that malloc has given away */
  uint32_t stack_peak; /**< deepest use since machine_paint_stack */
};

/** Fill the unused stack, and forget the heap's peak, so that machine_read_memory measures anew. */
void machine_paint(void);

void machine_read_memory(struct machine_memory *memory);

#endif
