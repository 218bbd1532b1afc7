// An application module on a runtime of its own, beside the core (docs/updates.md): what it may take,
// and what a device keeps of it. Only in firmware with BOSON_APPLICATIONS.

#ifndef WBOSON_BOSON_APPLICATION_H
#define WBOSON_BOSON_APPLICATION_H

#include "boson_core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The exports of an application that the host uses, as BOSON_EXPORTS. */
#define BOSON_APPLICATION_EXPORTS(X)                                                               \
  X(app_abi, 0, 1, 1)                                                                              \
  X(app_buffer, 0, 1, 1)                                                                           \
  X(app_buffer_capacity, 0, 1, 1)                                                                  \
  X(app_clock, 1, 0, 1)                                                                            \
  X(app_event, 5, 1, 1)                                                                            \
  X(setup, 0, 0, 1)                                                                                \
  X(loop, 0, 0, 1)

enum boson_application_export {
#define X(name, arguments, results, required) BOSON_APPLICATION_##name,
  BOSON_APPLICATION_EXPORTS(X)
#undef X
  BOSON_APPLICATION_EXPORT_COUNT,
};

/** What the firmware gives to applications; 0 is the default of each number. */
struct boson_application_config {
  /** [in] memory for the application's image, which stays in it while the application runs;
   * NULL: none is run, and updates of it are refused. Longer images are, too. */
  uint8_t *image;
  uint32_t image_size; /**< bytes */
  /** As for the core. `code` bounds what is kept between calls; within a call WASM3 makes about five
   * bytes of code for one of the image. */
  struct boson_limits limits;
  uint32_t steps;     /**< of fuel that one call into it may take; default 50000 */
  uint32_t time_ms;   /**< that one call may take; default 40 */
  uint32_t publishes; /**< that it may make in a second; default 100 */
};

/** Where an application is. */
enum boson_application_state {
  BOSON_APPLICATION_NONE = 0,      /**< there is none, or it has been stopped */
  BOSON_APPLICATION_VERIFYING = 1, /**< its image is hashed */
  BOSON_APPLICATION_LOADING = 2,
  BOSON_APPLICATION_RUNNING = 3,
};

/** Publishes that a flood leaves in the queue: as many as the queue takes. */
#define BOSON_APPLICATION_RECENT 16

/** Private. */
struct boson_application {
  struct boson_runtime runtime;
  struct M3Function *exports[BOSON_APPLICATION_EXPORT_COUNT];
  uint8_t state; /**< `boson_application_state` */
  uint32_t capabilities;
  uint32_t loop_at;    /**< when loop() is due */
  uint32_t steps_left; /**< of the call that runs */
  uint32_t called_at;
  uint32_t second_at; /**< when the second began in which `publishes` were made */
  uint32_t publishes;
  int32_t recent[BOSON_APPLICATION_RECENT]; /**< handles of its last publishes, in a ring */
  uint8_t recent_at;
};

/** What an application may use (docs/updates.md); bits that its manifest grants. */
enum boson_capability {
  BOSON_MAY_PUBLISH = 1,
  BOSON_MAY_SUBSCRIBE = 2,
  BOSON_MAY_REGISTER = 4, /**< functions and variables */
  BOSON_MAY_CONNECT = 8,
  BOSON_MAY_USE_BOARD = 16,
  BOSON_MAY_USE_RANDOM = 32,
};

#ifdef __cplusplus
}
#endif

#endif
