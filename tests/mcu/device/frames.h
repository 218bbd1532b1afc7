// Frames between an emulated board and its bridge (tests/mcu/bridge.ts): a byte that says what it is
// and its content, as SLIP (RFC 1055) over the UART.

#ifndef WBOSON_MCU_FRAMES_H
#define WBOSON_MCU_FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum frame {
  // The board says
  FRAME_BOOT = 'B',      /**< it has started; u8: whether its storage survived */
  FRAME_OPEN = 'O',      /**< open a socket: u8 `hal_socket_kind`, u16 port, name */
  FRAME_CLOSE = 'C',     /**< close the socket */
  FRAME_LOG = 'L',       /**< u8 level, text */
  // the bridge says
  FRAME_KEY = 'K',       /**< content of a storage slot: u8 slot, bytes */
  FRAME_GO = 'G',        /**< start: 12 bytes of device id, u8 transport, u16 port, server */
  FRAME_ADDRESS = 'A',   /**< the socket is open: IPv4 address and port; nothing: no such name */
  FRAME_ENDED = 'X',     /**< the peer has closed the TCP connection */
  FRAME_PUBLISH = 'P',   /**< publish this as event `line` */
  FRAME_RESET = 'R',     /**< reset the board */
  FRAME_GOODBYE = 'E',   /**< disconnect with a goodbye */
  FRAME_MEMORY = 'M',    /**< log what memory was used, and count from here */
  // both say
  FRAME_DATAGRAM = 'D',  /**< a datagram, or bytes of a stream */
};

/** Longest content, bytes. */
#define FRAME_MAX 1500

void frame_send(enum frame type, const void *first, size_t first_length, const void *second,
                size_t second_length);

/**
 * Take the next whole frame.
 * @param content [out] FRAME_MAX bytes
 * @param length [out] bytes of it; a longer frame is dropped
 * @returns its type; 0 when none is there
 */
int frame_receive(uint8_t *content, size_t *length);

#endif
