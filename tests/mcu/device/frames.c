#include "frames.h"

#include "uart.h"

#define END 0xC0
#define ESCAPE 0xDB
#define ESCAPED_END 0xDC
#define ESCAPED_ESCAPE 0xDD

/** The frame that is coming: its type, then its content. */
static uint8_t coming[1 + FRAME_MAX];
static size_t come;
static int is_escaped, is_too_long;

static void send_bytes(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i += 1) {
    uint8_t byte = bytes[i];
    if (byte != END && byte != ESCAPE) {
      uart_write(byte);
      continue;
    }
    uart_write(ESCAPE);
    uart_write(byte == END ? ESCAPED_END : ESCAPED_ESCAPE);
  }
}

void frame_send(enum frame type, const void *first, size_t first_length, const void *second,
                size_t second_length) {
  uint8_t type_byte = (uint8_t)type;
  uart_write(END);
  send_bytes(&type_byte, 1);
  send_bytes(first, first_length);
  send_bytes(second, second_length);
  uart_write(END);
}

static void take_byte(uint8_t byte) {
  if (byte == ESCAPE) {
    is_escaped = 1;
    return;
  }
  if (is_escaped) byte = byte == ESCAPED_END ? END : ESCAPE;
  is_escaped = 0;
  if (come == sizeof coming) is_too_long = 1;
  else coming[come++] = byte;
}

int frame_receive(uint8_t *content, size_t *length) {
  for (int byte; (byte = uart_read()) >= 0;) {
    if (byte != END) {
      take_byte((uint8_t)byte);
      continue;
    }
    size_t size = come;
    int is_whole = size > 0 && !is_too_long;
    come = 0;
    is_too_long = is_escaped = 0;
    if (!is_whole) continue;
    *length = size - 1;
    for (size_t i = 1; i < size; i += 1) content[i - 1] = coming[i];
    return coming[0];
  }
  return 0;
}
