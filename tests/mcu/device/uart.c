// UARTs of QEMU's machines. STM32: RM0033 §24.6; CMSDK: Arm DDI 0479 §3.4 (APB UART).

#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(MACHINE_UART + (offset)))
#define NVIC_ENABLE(line) ((volatile uint32_t *)0xE000E100)[(line) / 32] = 1u << ((line) % 32)

/** More than the longest frame: 1500 bytes, each of which may take two. */
#define BUFFER_SIZE 4096u

volatile uint32_t uart_lost;

static volatile uint8_t buffer[BUFFER_SIZE];
static volatile uint32_t head, tail;

#if defined(MACHINE_UART_STM32)

#define SR REGISTER(0x00)
#define DR REGISTER(0x04)
#define CR1 REGISTER(0x0C)
#define SR_RXNE 0x20u
#define SR_TXE 0x80u
/** UE, RXNEIE, TE, RE. */
#define CR1_RUN 0x202Cu
/** USART1 of the STM32F2. */
#define LINE 37

static void start(void) { CR1 = CR1_RUN; }
static int has_byte(void) { return (SR & SR_RXNE) != 0; }
static uint8_t take(void) { return (uint8_t)DR; }
static int is_busy(void) { return !(SR & SR_TXE); }
static void put(uint8_t byte) { DR = byte; }
static void acknowledge(void) {}

#elif defined(MACHINE_UART_CMSDK)

#define DATA REGISTER(0x00)
#define STATE REGISTER(0x04)
#define CTRL REGISTER(0x08)
#define INTCLEAR REGISTER(0x0C)
#define BAUDDIV REGISTER(0x10)
#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
/** TX and RX enabled, RX interrupt. */
#define CTRL_RUN 0x0Bu
#define INT_RX 2u
/** The receive line of UART0: 0 on AN386, 32 on AN505. */
#if MACHINE_UART == 0x40004000u
#define LINE 0
#else
#define LINE 32
#endif

static void start(void) {
  BAUDDIV = 16;
  CTRL = CTRL_RUN;
}
static int has_byte(void) { return (STATE & STATE_RX_FULL) != 0; }
static uint8_t take(void) { return (uint8_t)DATA; }
static int is_busy(void) { return (STATE & STATE_TX_FULL) != 0; }
static void put(uint8_t byte) { DATA = byte; }
static void acknowledge(void) { INTCLEAR = INT_RX; }

#else
#error "no UART of this kind"
#endif

/** Called for the UART's interrupt; startup.c has it in the vector table. */
void uart_handler(void);
void uart_handler(void) {
  acknowledge();
  while (has_byte()) {
    uint8_t byte = take();
    if (head - tail == BUFFER_SIZE) {
      uart_lost += 1;
      continue;
    }
    buffer[head % BUFFER_SIZE] = byte;
    head += 1;
  }
}

void uart_start(void) {
  start();
  NVIC_ENABLE(LINE);
}

int uart_read(void) {
  if (head == tail) return -1;
  uint8_t byte = buffer[tail % BUFFER_SIZE];
  tail += 1;
  return byte;
}

void uart_write(uint8_t byte) {
  while (is_busy()) {
  }
  put(byte);
}
