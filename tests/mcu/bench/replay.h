// A HAL whose network is the recording: it answers what the cloud answered, and compares what the
// device sends with what it sent then. Time is virtual.

#ifndef WBOSON_MCU_REPLAY_H
#define WBOSON_MCU_REPLAY_H

#include "recording.h"

/** Let the datagrams of a phase come. */
void replay_phase(enum phase phase);

/** @returns whether all datagrams of the phase were sent and received */
int replay_done(void);

/** @returns resets of the processor since power on */
uint32_t replay_boots(void);

/** Datagrams that differed from the recording, since the last reset. */
extern uint32_t replay_differences;

#endif
