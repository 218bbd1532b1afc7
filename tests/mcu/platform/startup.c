// Vector table and reset: copies .data, clears .bss, calls main. The region .storage is left as it
// is, so that it survives a reset as retained RAM does.

#include <stdint.h>

#include "machine.h"

extern uint32_t ld_stack_top, ld_data_load, ld_data_start, ld_data_end, ld_bss_start, ld_bss_end;

int main(void);
void systick_handler(void);
void uart_handler(void) __attribute__((weak));

void reset_handler(void);

static void fault_handler(void) {
  machine_print("fault: the processor stopped\n");
  machine_exit(70);
}

typedef void (*handler)(void);

/** Interrupt lines behind the 16 exceptions, as many as a UART's number needs. */
#define LINES 64

#define LINE_8(h) h, h, h, h, h, h, h, h

__attribute__((section(".vectors"), used)) static const handler vectors[16 + LINES] = {
    (handler)&ld_stack_top,
    reset_handler,
    fault_handler, // NMI
    fault_handler, // HardFault
    fault_handler, // MemManage
    fault_handler, // BusFault
    fault_handler, // UsageFault
    fault_handler, // SecureFault
    0,
    0,
    0,
    fault_handler, // SVCall
    fault_handler, // DebugMonitor
    0,
    fault_handler, // PendSV
    systick_handler,
    // Whatever the line, only the UART's is ever enabled.
    LINE_8(uart_handler),
    LINE_8(uart_handler),
    LINE_8(uart_handler),
    LINE_8(uart_handler),
    LINE_8(uart_handler),
    LINE_8(uart_handler),
    LINE_8(uart_handler),
    LINE_8(uart_handler),
};

void reset_handler(void) {
  for (uint32_t *to = &ld_data_start, *from = &ld_data_load; to < &ld_data_end;) *to++ = *from++;
  for (uint32_t *to = &ld_bss_start; to < &ld_bss_end;) *to++ = 0;
#if defined(__ARM_FP)
  // CPACR: full access to the coprocessors 10 and 11, the floating-point unit.
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
  __asm volatile("dsb\n isb");
#endif
  machine_clock_start();
  machine_exit(main());
}

void machine_reset(void) {
  __asm volatile("dsb");
  *(volatile uint32_t *)0xE000ED0C = 0x05FA0004; // AIRCR: SYSRESETREQ
  for (;;) __asm volatile("nop");
}
