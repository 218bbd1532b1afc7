// The machine's first UART. Received bytes wait in a buffer that an interrupt fills.

#ifndef WBOSON_MCU_UART_H
#define WBOSON_MCU_UART_H

#include <stdint.h>

void uart_start(void);

/** @returns the next byte; -1 when none waits */
int uart_read(void);

/** Send a byte; waits while the UART is busy. */
void uart_write(uint8_t byte);

/** Bytes that came while the buffer was full, so far. */
extern volatile uint32_t uart_lost;

#endif
