// Updates over the air, of firmware with BOSON_APPLICATIONS and a module that takes them (docs/updates.md):
// part of boson.h, which describes the results.
//
// Functions, variables and subscriptions that are to outlive the application are registered before the
// first boson_poll.

#ifndef WBOSON_BOSON_UPDATE_H
#define WBOSON_BOSON_UPDATE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct boson;

/** A step of an update (docs/updates.md). Number of the core's event. */
enum boson_update_step {
  BOSON_UPDATE_STARTED = 19,     /**< `kind` (0: not known yet), `size` */
  BOSON_UPDATE_PROGRESS = 20,    /**< `received`, `size` */
  BOSON_UPDATE_ENDED = 21,       /**< `status`: 0, or why it was refused; `version`, `kind` */
  BOSON_UPDATE_PENDING = 22,     /**< `version` waits for the gate, or boson_update_apply */
  /** Another application comes: `image`, `size`, `version`; `status`: 0, or why the former was stopped. */
  BOSON_UPDATE_APPLICATION = 23,
  BOSON_UPDATE_FIRMWARE = 24,    /**< native firmware of this `version` is with the platform */
};

struct boson_update {
  int step;   /**< `boson_update_step` */
  int status; /**< a Status */
  int kind;   /**< of the image: 1 application, 2 native firmware, 3...6 keys and commands */
  int image;  /**< area; -1: none */
  uint32_t version;
  uint32_t received; /**< bytes */
  uint32_t size;     /**< bytes */
};

/** Figures of updates. */
enum boson_update_number {
  BOSON_UPDATE_STATE = 0,
  BOSON_UPDATE_RUNNING_VERSION = 1,
  BOSON_UPDATE_PREVIOUS_VERSION = 2,
  BOSON_UPDATE_LAST_STATUS = 3,
  BOSON_UPDATE_RECEIVED = 4,
  BOSON_UPDATE_SIZE = 5,
  BOSON_UPDATE_ENABLED = 6,
  BOSON_UPDATE_PENDING_VERSION = 7,
  BOSON_UPDATE_PROBATION = 8, /**< ms left */
};

/** Take updates, or none. @returns 0; a Status */
int boson_update_enable(struct boson *device, int enabled);

/** Open the gate: what is complete is applied at once; closed, it waits. @returns 0; a Status */
int boson_update_gate(struct boson *device, int open);

/** Apply what waits. @returns 0; Status.NotFound */
int boson_update_apply(struct boson *device);

/** Go back to the application before. @returns 0; Status.NotFound; a Status */
int boson_update_rollback(struct boson *device);

/** The application that runs on probation is good. @returns 0; a Status */
int boson_application_healthy(struct boson *device);

/** @param number `boson_update_number` @returns the figure; Status.NotFound */
int32_t boson_update_info(struct boson *device, int number);

#ifdef __cplusplus
}
#endif

#endif
