// Time from SysTick, which counts down 24 bits. MACHINE_CLOCK_HZ is its rate on the machine.

#include "machine.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018)
/** Ticks of 10 ms, so that a processor that waits for an interrupt wakes often enough. */
#define RELOAD (MACHINE_CLOCK_HZ / 100 - 1)
#define ENABLE_WITH_INTERRUPT 7u

static volatile uint32_t wraps;

void systick_handler(void);
void systick_handler(void) { wraps += 1; }

void machine_clock_start(void) {
  SYST_RVR = RELOAD;
  SYST_CVR = 0;
  SYST_CSR = ENABLE_WITH_INTERRUPT;
  // It reads 0 until the first reload.
  while (SYST_CVR == 0) {}
}

uint64_t machine_nanoseconds(void) {
  uint32_t before, left;
  do {
    before = wraps;
    left = SYST_CVR;
  } while (before != wraps);
  uint64_t ticks = (uint64_t)before * (RELOAD + 1) + (RELOAD - left);
  return ticks * 1000 / (MACHINE_CLOCK_HZ / 1000000);
}
