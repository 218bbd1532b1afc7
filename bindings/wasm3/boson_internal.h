// What the files of this binding share: the numbers of the core that they use, and calls between
// them. Not for firmware.

#ifndef WBOSON_BOSON_INTERNAL_H
#define WBOSON_BOSON_INTERNAL_H

#include "../../hal/hal.h"
#include "boson.h"

/** Statuses of the core that this binding gives or looks for (assembly/status.ts). */
enum status {
  STATUS_INVALID_ARGUMENT = -1,
  STATUS_INVALID_STATE = -2,
  STATUS_NO_SPACE = -3,
  STATUS_TOO_LONG = -4,
  STATUS_NOT_FOUND = -5,
  STATUS_NOT_SUPPORTED = -6,
  STATUS_ABORTED = -65,
};

/** Reason of what the firmware asked for (assembly/events.ts). */
#define REASON_REQUESTED 1

/** Kinds of events (assembly/events.ts). */
enum event_kind {
  EVENT_OPEN_LINK = 1,
  EVENT_CLOSE_LINK = 2,
  EVENT_CONNECTION = 3,
  EVENT_PUBLISH_DONE = 4,
  EVENT_RECEIVED = 5,
  EVENT_FUNCTION_CALL = 6,
  EVENT_VARIABLE_REQUEST = 7,
  EVENT_TIME = 8,
  EVENT_SIGNAL = 9,
  EVENT_SERVER_MOVED = 12,
  EVENT_FLUSHED = 16,
  EVENT_SLEEP = 17,
  EVENT_BUDGET_WARNING = 18,
};

/** One event as `poll_event` writes it. */
struct event {
  uint32_t kind;
  uint32_t field[6]; /**< a...f */
};

/** Indices of `boson.counts`. */
enum count {
  COUNT_DATAGRAMS_SENT = 0,
  COUNT_BYTES_SENT = 1,
  COUNT_DATAGRAMS_RECEIVED = 2,
  COUNT_BYTES_RECEIVED = 3,
};

#define SLOT_SERVER_PUBLIC_KEY 2

/** Call an export that takes arguments, or one that takes none. */
#define CALL(device, name, ...)                                                                    \
  boson_runtime_call(&(device)->runtime, BOSON_EXPORT_##name, (const uint32_t[]){__VA_ARGS__})
#define CALL0(device, name) boson_runtime_call(&(device)->runtime, BOSON_EXPORT_##name, NULL)

// ---- boson_api.c ----------------------------------------------------------------------------

/**
 * Write bytes into the argument buffer, one behind the other.
 * @param first, second [in] either may be empty
 * @returns 0; Status.TooLong; the runtime's fault
 */
int boson_argue(struct boson *device, const void *first, uint32_t first_length, const void *second,
                uint32_t second_length);

/** A command was given: let what came of it go out. @returns `status` */
int32_t boson_commanded(struct boson *device, int32_t status);

// ---- boson_queue.c --------------------------------------------------------------------------

/** Whether publishes go through a queue of the module. */
int boson_has_queue(const struct boson *device);

/** Set up the queue as the configuration says. @returns 0; Status.NotSupported; Status.HostFailure */
int boson_start_queue(struct boson *device);

/** Handle an event of the queue or the meter. */
void boson_handle_queue_event(struct boson *device, const struct event *event);

// ---- boson_pump.c ---------------------------------------------------------------------------

/** Send and handle events until neither is left. Does nothing when called from a handler. */
void boson_drain(struct boson *device);

/** The same after an input or a command, with as much memory as there can be. */
void boson_drain_input(struct boson *device);

/** Close the socket, and look for none. */
void boson_close_link(struct boson *device);

// ---- boson_events.c -------------------------------------------------------------------------

/** Handle one event of the core. */
void boson_handle_event(struct boson *device, const struct event *event);

/** Give the answers again that found the outbox full. */
void boson_retry_answers(struct boson *device);

/** @returns whether answers wait for boson_retry_answers */
int boson_has_answers(const struct boson *device);

/** Ask the HAL for the socket that the core wants; tell the core when it is there, or cannot be. */
void boson_open_link(struct boson *device);

// ---- boson_internet.c -----------------------------------------------------------------------

/** A step of the connection: when an attempt has failed the test becomes due. */
void boson_internet_note(struct boson *device, int state, int reason);

/**
 * The core wants a socket, and the HAL may have one only: close the test's. A request that is out by
 * then counts as not answered; a name that is still looked up tells nothing.
 */
void boson_internet_stop(struct boson *device);

/** Close everything and tell nothing. */
void boson_internet_close(struct boson *device);

/** @returns whether boson_internet_poll has something to do */
int boson_internet_is_due(const struct boson *device);

/**
 * Go on with the test, without waiting. Calls on_internet when it ends.
 * @param left milliseconds until the core has something to do; negative: nothing
 */
void boson_internet_poll(struct boson *device, int32_t left);

/** @returns milliseconds until boson_internet_poll is to be called; INT32_MAX: not at all */
int32_t boson_internet_left(const struct boson *device);

#endif
