// What a test may do to the Device OS that is played on Linux.

#ifndef WBOSON_FAKE_DEVICE_OS_H
#define WBOSON_FAKE_DEVICE_OS_H

#include <stdint.h>

/** Arguments of the program. */
extern int fake_argument_count;
extern char **fake_arguments;

/** Whether there is a network. A file "network-down" in the folder ends it, too. */
extern bool fake_network;
/** Whether the random generator repeats itself. */
extern bool fake_random_stuck;
/** Lines that were logged, one after the other, each ended by a line feed. */
extern char fake_log[4096];
/** Let time pass that millis() does not count. */
void fake_sleep(uint32_t seconds);

#endif
