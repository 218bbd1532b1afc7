// The recording that the bench replays; tests/mcu/bench/recording.ts writes it as recording.c.

#ifndef WBOSON_MCU_RECORDING_H
#define WBOSON_MCU_RECORDING_H

#include <stdint.h>

/** PHASES of recording.ts. */
enum phase { PHASE_CONNECT, PHASE_RESUME, PHASE_PUBLISH, PHASE_EVENT, PHASE_CALL };

struct recorded_datagram {
  uint8_t phase;
  uint8_t up; /**< 1: the device sends it */
  uint16_t length;
  const uint8_t *bytes;
};

extern const struct recorded_datagram recorded_datagrams[];
extern const uint32_t recorded_count;
extern const uint8_t recorded_id[], recorded_device_key[], recorded_server_key[], recorded_random[];
extern const uint32_t recorded_id_size, recorded_device_key_size, recorded_server_key_size,
    recorded_random_size;

#endif
