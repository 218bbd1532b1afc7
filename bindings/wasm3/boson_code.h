// The code that WASM3 has compiled, and a limit for it. Below boson_runtime.h; not for firmware.

#ifndef WBOSON_BOSON_CODE_H
#define WBOSON_BOSON_CODE_H

#include "boson_runtime.h"

/** @returns bytes of code that WASM3 has compiled and holds */
uint32_t boson_code_size(const struct boson_runtime *runtime);

/**
 * With a limit: free all code, before a call that needs much of its own. Each function is compiled
 * anew when it next runs; the module's memory and variables stay. Only between calls. May set the
 * runtime's fault.
 */
void boson_code_release(struct boson_runtime *runtime);

/** After a call: free all code when it exceeds the limit. */
void boson_code_trim(struct boson_runtime *runtime);

#endif
