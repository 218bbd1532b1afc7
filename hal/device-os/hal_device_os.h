// What the Device OS port offers beside hal.h.

#ifndef WBOSON_HAL_DEVICE_OS_H
#define WBOSON_HAL_DEVICE_OS_H

#include "../hal.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Call before and after System.sleep. Whether millis() goes on during a sleep depends on board and
 * mode; what it missed is added from the real-time clock, to the second.
 */
void hal_device_os_before_sleep(void);
void hal_device_os_after_sleep(void);

#ifdef __cplusplus
}
#endif

#endif
