// What an emulated board has beside the HAL: commands of the test that runs it.

#ifndef WBOSON_MCU_HAL_BOARD_H
#define WBOSON_MCU_HAL_BOARD_H

#include <stddef.h>
#include <stdint.h>

struct board_command {
  int type; /**< `frame`: FRAME_GO, FRAME_PUBLISH, FRAME_RESET, FRAME_GOODBYE */
  size_t length;
  uint8_t content[257]; /**< a 0 follows it */
};

/** Start the UART and tell the bridge. */
void board_start(void);

/** @returns 1 and the next command; 0 when there is none */
int board_command(struct board_command *command);

#endif
