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
  STATUS_HOST_FAILURE = -7,
  STATUS_ABORTED = -65,
  STATUS_APPLICATION_TRAP = -160,
  STATUS_APPLICATION_TIME = -161,
  STATUS_APPLICATION_FLOOD = -162,
  STATUS_APPLICATION_INVALID = -163,
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
  EVENT_UPDATE_STARTED = 19,
  EVENT_UPDATE_PENDING = 22,
  EVENT_APPLICATION_CHANGE = 23,
  EVENT_FIRMWARE_READY = 24,
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

// ---- boson_application.c, boson_update.c ----------------------------------------------------
// Without BOSON_APPLICATIONS each is a constant, and what would call it is left out.

#if BOSON_APPLICATIONS

/** The core has been started: whether it takes updates, and has an application. @returns 0; fault */
int boson_application_open(struct boson *device);

/** Free the application, and tell nobody. */
void boson_application_close(struct boson *device);

/** Do what is due: verify, load, loop(). */
void boson_application_poll(struct boson *device);

/** @returns milliseconds until boson_application_poll is to be called; INT32_MAX: not at all */
int32_t boson_application_left(const struct boson *device);

/** The core asks for another one. @param image area; -1: for none */
void boson_application_change(struct boson *device, int32_t image);

/** Call one of its functions. @returns 0; negative refuses */
int boson_application_function(struct boson *device, uint32_t number, const uint8_t *argument,
                               uint32_t length, int32_t *result);

/** Read one of its variables into the argument buffer. @returns length; negative refuses */
int32_t boson_application_variable(struct boson *device, uint32_t number, uint32_t type);

/** Hand it an event of a subscription. */
void boson_application_event(struct boson *device, const struct event *event, const uint8_t *name,
                             const uint8_t *data);

/** Tell it something that needs no buffer. */
void boson_application_tell(struct boson *device, uint32_t kind, uint32_t a, uint32_t b);

/** Handle an event of updates. @returns whether it was one */
int boson_handle_update(struct boson *device, const struct event *event);

/** Link what an application may call. @returns 0; BOSON_ERR_IMPORT */
int boson_link_bridge(struct boson_runtime *runtime, struct M3Module *module);

/** Why the bridge ended an application; compared by address. */
extern const char boson_out_of_fuel[];
extern const char boson_flood[];

#else

#define boson_application_open(device) 0
#define boson_application_close(device) ((void)0)
#define boson_application_poll(device) ((void)0)
#define boson_application_left(device) INT32_MAX
#define boson_application_function(device, number, argument, length, result) (-1)
#define boson_application_variable(device, number, type) ((void)(type), -1)
#define boson_application_event(device, event, name, data) ((void)0)
#define boson_application_tell(device, kind, a, b) ((void)0)
#define boson_handle_update(device, event) 0

#endif

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
