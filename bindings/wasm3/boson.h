// The C API of wboson for native firmware: the core module on WASM3, over the HAL. One `struct boson`
// is one device; the caller owns it, and everything is called from one thread. Nothing blocks: call
// `boson_poll` again and again, and wait in between with `hal_wait` for as long as it says.
//
// Results are 0 or more, or negative: a Status of the core (-1...-99, assembly/status.ts) or a
// `boson_error` (-100 and below). Texts are UTF-8 with a length; a pointer that a handler is given
// holds until the handler returns. Handlers may call everything here but boson_poll and boson_close.

#ifndef WBOSON_BOSON_H
#define WBOSON_BOSON_H

#include <stddef.h>
#include <stdint.h>

#include "boson_application.h"
#include "boson_core.h"
#include "boson_update.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Functions, variables and subscriptions that C code may register, each. */
#ifndef BOSON_MAX_HANDLERS
#define BOSON_MAX_HANDLERS 8
#endif
/** Publishes whose completion may be awaited at a time. */
#ifndef BOSON_MAX_PUBLISHES
#define BOSON_MAX_PUBLISHES 8
#endif
/** Calls and reads the core leaves unanswered at a time (MAX_CALLS in assembly/config.ts). */
#define BOSON_MAX_CALLS 8
/**
 * Bytes of a frame over TCP that can wait for the socket; the longest is 770 (MAX_CIPHERTEXT in
 * assembly/rsa-aes/protocol.ts, and its length). 1 saves RAM in firmware that has no TCP.
 */
#ifndef BOSON_FRAME_SIZE
#define BOSON_FRAME_SIZE 770
#endif
/** Longest name of a server, bytes with the final 0. */
#define BOSON_HOST_SIZE 64

/** State of the connection (ConnectionState in assembly/events.ts). */
enum boson_state {
  BOSON_DISCONNECTED = 0,
  BOSON_OPENING = 1,
  BOSON_HANDSHAKE = 2,
  BOSON_HELLO = 3,
  BOSON_RESUMING = 4,
  BOSON_CONNECTED = 5,
  BOSON_DISCONNECTING = 6,
};

/** What the server is told with a goodbye. */
enum boson_goodbye {
  BOSON_GOODBYE_NONE = 0, /**< close at once, tell nothing */
  BOSON_GOODBYE_USER = 2,
  BOSON_GOODBYE_RESET = 5,
  BOSON_GOODBYE_SLEEP = 6,
  BOSON_GOODBYE_SERVER_MOVED = 8,
};

enum boson_type {
  BOSON_BOOL = 1,
  BOSON_INT = 2,
  BOSON_STRING = 4,
  BOSON_DOUBLE = 9,
};

/** How the device reaches the cloud; numbers of `hal_socket_kind`. */
enum boson_transport {
  BOSON_UDP = 1, /**< DTLS */
  BOSON_TCP = 2, /**< RSA and AES, without a MAC: where UDP does not get through */
};

enum boson_content {
  BOSON_TEXT = 0,
  BOSON_BYTES = 42,
  BOSON_JSON = 50,
  BOSON_CBOR = 60,
};

/** How a publish waits, in a module with the publish queue; combined with `|` (docs/queue.md). */
enum boson_publish_flag {
  BOSON_PUBLISH_UNQUEUED = 2,   /**< send now or fail: Status.Offline, Status.RateLimited */
  BOSON_PUBLISH_COALESCED = 4,  /**< takes the place of one of the same name that waits */
  BOSON_PUBLISH_LOW = 8,
  BOSON_PUBLISH_HIGH = 16,
};

/** What a publish that finds the queue full does. */
enum boson_full_policy {
  BOSON_FULL_REFUSE = 0,
  BOSON_FULL_DROP_OLDEST = 1,
  BOSON_FULL_DROP_NEWEST = 2,
};

/** Where a publish is. */
enum boson_publish_state {
  BOSON_QUEUED = 1,
  BOSON_SENT = 2,
  BOSON_ACKNOWLEDGED = 3,
};

/** Figures of the meter of data operations (docs/meter.md). */
enum boson_meter_number {
  BOSON_METER_PUBLISHES = 0,
  BOSON_METER_DELIVERIES = 1,
  BOSON_METER_FUNCTIONS = 2,
  BOSON_METER_VARIABLES = 3,
  BOSON_METER_OPERATIONS = 4,
  BOSON_METER_UNCONFIRMED = 5,
  BOSON_METER_REPETITIONS = 6,
  BOSON_METER_BYTES = 7,      /**< of IPv4, low 32 bits */
  BOSON_METER_BYTES_HIGH = 8,
  BOSON_METER_PERIOD = 9,
};

/** What is done near the end of a budget. */
enum boson_budget_policy {
  BOSON_BUDGET_WARN = 0,
  BOSON_BUDGET_DEFER = 1,
  BOSON_BUDGET_COALESCE = 2,
  BOSON_BUDGET_DROP_LOW = 3,
  BOSON_BUDGET_PAUSE = 4,
};

/** Figures beside those of the core (Statistic in assembly/index.ts, 0...99). */
enum boson_statistic_number {
  BOSON_STATISTIC_DATAGRAMS_SENT = 100,
  BOSON_STATISTIC_BYTES_SENT = 101,
  BOSON_STATISTIC_DATAGRAMS_RECEIVED = 102,
  BOSON_STATISTIC_BYTES_RECEIVED = 103,
  BOSON_STATISTIC_MEMORY_SIZE = 104, /**< bytes of linear memory */
  BOSON_STATISTIC_HEAP_NOW = 105,    /**< bytes that WASM3 holds, linear memory among them */
  BOSON_STATISTIC_HEAP_PEAK = 106,   /**< most of them so far */
  BOSON_STATISTIC_HEAP_BLOCKS = 107, /**< allocations alive */
};

/**
 * A function is called.
 * @param argument [in] `length` bytes
 * @param result [out] what the caller gets
 * @returns 0; negative refuses the call
 */
typedef int (*boson_function_handler)(void *context, const char *argument, uint32_t length,
                                      int32_t *result);

/** Value of a variable: the member that belongs to its type. */
union boson_value {
  int boolean;
  int32_t integer;
  double number;
  struct {
    const char *bytes; /**< must hold until the next call of boson_poll */
    uint32_t length;   /**< 0...1024 */
  } text;
};

/** A variable is read. @returns 0 with `value` set; negative refuses */
typedef int (*boson_variable_handler)(void *context, union boson_value *value);

/** An event came. Name and data are [in], not ended by 0; `content` is its Content-Format. */
typedef void (*boson_event_handler)(void *context, const char *name, uint32_t name_length,
                                    const uint8_t *data, uint32_t data_length, uint32_t content);

/** A publish ended. @param status 0 acknowledged (or sent, if that was all); else the Status */
typedef void (*boson_publish_handler)(void *context, int status);

struct boson_config {
  /** [in] the module, `module_size` bytes; must stay where it is until boson_close. */
  const uint8_t *module;
  uint32_t module_size;
  uint8_t device_id[12];
  uint16_t product_id; /**< 65535: no product */
  uint16_t product_version;
  uint16_t platform_id;
  /** [in] name or IPv4 address of the server, ended by 0, less than BOSON_HOST_SIZE; copied. */
  const char *server_host;
  uint16_t server_port; /**< 0 is 5684 over UDP, 5683 over TCP */
  /** `boson_transport`; 0 is UDP. TCP needs a module that has it, and RSA keys in storage. */
  uint8_t transport;
  /** Milliseconds of silence until a ping; 0 is the core's default, negative sends none. */
  int32_t keepalive_ms;
  /** Record numbers that one write of a session slot reserves; 0 is 64 (flash), 1 retained RAM. */
  int32_t reservation;
  struct boson_limits limits;
  /** Handed to the handlers below, each of which may be NULL. */
  void *context;
  /** A step of the connection: `boson_state`, Reason and Status behind it (assembly/events.ts). */
  void (*on_connection)(void *context, int state, int reason, int status);
  /** Answer to boson_request_time: seconds since 1970-01-01 UTC. */
  void (*on_time)(void *context, uint32_t seconds);
  /** The cloud wants the device to show itself (1), or no longer (0). */
  void (*on_signal)(void *context, int on);
  /** 1: publishes that wait are kept in storage; needs a module with the publish queue. */
  int stored_queue;
  /** A flush ended. @param pending publishes that still wait; 0: none */
  void (*on_flushed)(void *context, uint32_t pending);
  /** Answer to boson_sleep_flushed: the connection is closed, sleep now. @param pending as above */
  void (*on_sleep)(void *context, uint32_t seconds, uint32_t pending);
  /** 70, 90 or 100 percent of the budget are used. */
  void (*on_budget)(void *context, uint32_t percent, uint32_t operations);
  /** Pins and buses for applications that use them. */
  boson_board_handler board;
  /**
   * 1: after an attempt to connect has failed, ask an NTP server whether there is an Internet at all
   * (docs/diagnosis.md); 0: never. No attempt waits for it, and no clock is set from it.
   */
  int internet_test;
  /** [in] name or IPv4 address of the server, ended by 0, which must stay; NULL is pool.ntp.org. */
  const char *internet_host;
  uint16_t internet_port; /**< 0 is 123 */
  /** What the test came to: `boson_internet_result`. The log has it, too. */
  void (*on_internet)(void *context, int result);
#if BOSON_APPLICATIONS
  /** What an application module is given (docs/updates.md). */
  struct boson_application_config application;
  /** A step of an update; at BOSON_UPDATE_FIRMWARE the device is reset after it. */
  void (*on_update)(void *context, const struct boson_update *update);
#endif
};

/** What the Internet test came to (docs/diagnosis.md). */
enum boson_internet_result {
  BOSON_INTERNET_REACHABLE = 1,  /**< it answered: the fault is the cloud's or on the way to it */
  BOSON_INTERNET_NO_ANSWER = 2,  /**< the request went out, nothing came back */
  BOSON_INTERNET_NO_NAME = 3,    /**< the network has no address for the server's name */
  BOSON_INTERNET_NO_NETWORK = 4, /**< the request could not be sent */
};

struct boson_handler {
  int32_t number; /**< the core's */
  uint8_t used;
  uint8_t type; /**< `boson_type` of a variable */
  void *context;
  union {
    boson_function_handler function;
    boson_variable_handler variable;
    boson_event_handler event;
  } handler;
};

/** A device. Private, but for its size: use the functions below. */
struct boson {
  struct boson_runtime runtime;
  struct M3Function *exports[BOSON_EXPORT_COUNT];
  struct boson_host host_calls;
#if BOSON_APPLICATIONS
  struct boson_application application;
#endif
  struct boson_config config;
  char host[BOSON_HOST_SIZE];
  uint16_t port;
  int socket; /**< -1: none */
  struct {
    uint8_t wanted;
    uint8_t kind; /**< `boson_transport` */
    char name[BOSON_HOST_SIZE];
    uint16_t port;
  } link;
  /** TCP: bytes that the socket has not taken yet; they go out before anything else. */
  struct {
    uint16_t from;
    uint16_t end; /**< 0: none */
    uint8_t bytes[BOSON_FRAME_SIZE];
  } rest;
  uint8_t polling;
  uint8_t pumping;
  uint8_t link_failed;
  uint8_t has_application;
  uint32_t loop_at; /**< when the application's loop() is due */
  struct boson_handler functions[BOSON_MAX_HANDLERS];
  struct boson_handler variables[BOSON_MAX_HANDLERS];
  struct boson_handler subscriptions[BOSON_MAX_HANDLERS];
  struct {
    int32_t handle; /**< 0: free */
    boson_publish_handler done;
    void *context;
  } publishes[BOSON_MAX_PUBLISHES];
  /** Answers that found the outbox full. */
  struct {
    uint8_t kind; /**< 0: free */
    int32_t call;
    int32_t value; /**< result of a function, number of a variable */
  } answers[BOSON_MAX_CALLS];
  uint32_t answer_at;
  struct {
    uint8_t state;
    uint16_t port;
    char host[BOSON_HOST_SIZE];
    uint8_t key[128];
    uint16_t key_length;
  } move;
  uint32_t counts[4];
  struct {
    uint8_t state;     /**< 0: nothing to do */
    uint8_t is_trying; /**< an attempt is under way that has not come to a connection */
    uint8_t has_asked;
    int socket;        /**< -1: none */
    uint32_t since;    /**< when the lookup began, then when the request went out */
    uint8_t origin[8]; /**< transmit timestamp of the request */
  } internet;
};

// ---- life -----------------------------------------------------------------------------------

/**
 * Load the module, link it to the HAL, and start the core (and the application in it: `setup()`).
 * Allocates; later calls do not, but for code that WASM3 compiles when it first runs.
 * @param device [out] need not be initialised; must stay where it is until boson_close
 * @param config [in] copied
 * @returns 0; any `boson_error`; BOSON_ERR_ARGUMENT; Status.InvalidPrivateKey and
 *   Status.InvalidPublicKey (storage does not hold usable keys); Status.RandomFailure. After an
 *   error `device` is closed; boson_error_detail still works.
 */
int boson_open(struct boson *device, const struct boson_config *config);

/** Free everything, at once, as a power cut would: no goodbye. The session stays in storage. */
void boson_close(struct boson *device);

/**
 * Do what is due: receive, time out, run `loop()`, send, call handlers.
 * @returns milliseconds until the next call is due, 0...2147483647 (earlier when a datagram
 *   comes); a `boson_error` when the module has failed: close it, and open it again
 */
int32_t boson_poll(struct boson *device);

/** Connect and stay connected. @returns 0; Status.InvalidState when connecting or connected */
int boson_connect(struct boson *device);

/**
 * Disconnect; the session stays, and boson_connect takes it up again.
 * @param goodbye `boson_goodbye`
 * @returns 0; Status.InvalidState when not connecting or connected
 */
int boson_disconnect(struct boson *device, int goodbye);

/**
 * Tell the server that the device sleeps, then disconnect. Poll until boson_state is
 * BOSON_DISCONNECTED (10 s at most), then sleep.
 * @param seconds how long; 0 unknown
 * @returns as boson_disconnect
 */
int boson_sleep(struct boson *device, uint32_t seconds);

/** Go on after sleep with the session of before. @returns as boson_connect */
int boson_wake(struct boson *device);

/** @returns `boson_state`; a `boson_error` when the module has failed */
int boson_state(struct boson *device);

// ---- messages -------------------------------------------------------------------------------

struct boson_publish_options {
  uint32_t content;   /**< `boson_content` */
  uint32_t ttl; /**< seconds; 0 is 60, with a queue: as long as it takes */
  /** 1: send once, ask for no ACK; -1: ask for one; 0: over UDP ask for one, over TCP not */
  int unacknowledged;
  uint32_t flags; /**< `boson_publish_flag` bits */
};

/**
 * Publish an event. It waits while there is no connection.
 * @param name [in] 1...64 bytes, ended by 0
 * @param data [in] `length` bytes, 0...1024; copied
 * @param options [in] NULL: all 0
 * @param done called once when the publish has ended, unless this fails; may be NULL
 * @returns handle, 1...65535, with a queue 1...2^31-1; Status.InvalidArgument; Status.TooLong;
 *   Status.ReservedName; Status.NoSpace (outbox or queue full, or BOSON_MAX_PUBLISHES awaited);
 *   with a queue also Status.Offline, Status.HostFailure, Status.OverBudget; Status.NotSupported
 *   (flags without a queue)
 */
int boson_publish(struct boson *device, const char *name, const void *data, uint32_t length,
                  const struct boson_publish_options *options, boson_publish_handler done,
                  void *context);

/**
 * Subscribe to events whose name begins with `prefix`.
 * @param prefix [in] 1...64 bytes, ended by 0
 * @param content 0 text, 0x62 anything, 0x63 CBOR
 * @returns 0; Status.InvalidArgument; Status.TooLong; Status.AlreadyRegistered; Status.NoSpace;
 *   Status.NotSupported (the module holds an application, to which events go)
 */
int boson_subscribe(struct boson *device, const char *prefix, int content,
                    boson_event_handler handler, void *context);

/** Offer a function to the cloud. @returns as boson_subscribe */
int boson_function(struct boson *device, const char *name, boson_function_handler handler,
                   void *context);

/** Offer a variable to the cloud. @param type `boson_type` @returns as boson_subscribe */
int boson_variable(struct boson *device, const char *name, int type, boson_variable_handler handler,
                   void *context);

/** Ask for the time; on_time follows. @returns 0; Status.InvalidState; Status.NoSpace */
int boson_request_time(struct boson *device);

// ---- publish queue, meter: in a module that has them, else Status.NotSupported ---------------

/** @returns `boson_publish_state`; the Status with which it failed; Status.NotFound */
int boson_publish_state(struct boson *device, int32_t handle);

/** Take back a publish that waits. @returns 0; Status.NotFound; Status.InvalidState (sent) */
int boson_cancel(struct boson *device, int32_t handle);

/** @returns publishes that wait or are on their way */
int32_t boson_pending(struct boson *device);

/** Call on_flushed when nothing waits any more, or the time is over. @returns 0 */
int boson_flush(struct boson *device, uint32_t timeout_ms);

/**
 * Sleep when nothing waits any more: flush, say goodbye, disconnect; on_sleep follows.
 * @param seconds how long; 0 unknown
 * @param goodbye 0 tells the server nothing, which saves two datagrams
 * @param timeout_ms that the queue may take
 * @returns 0; Status.InvalidState while going to sleep
 */
int boson_sleep_flushed(struct boson *device, uint32_t seconds, int goodbye, uint32_t timeout_ms);

/** @param policy `boson_full_policy` @returns 0; Status.InvalidArgument */
int boson_queue_policy(struct boson *device, int policy);

/**
 * Set the pace: 4 publishes at once and one each 1000 ms unless set.
 * @param burst 1...255
 * @param interval_ms 0...3600000; 0 does not pace
 * @returns 0; Status.InvalidArgument
 */
int boson_queue_pacing(struct boson *device, int burst, uint32_t interval_ms);

/** Longest data of a publish, bytes, as board and session take it. @returns 0 */
int boson_max_event_data(struct boson *device, uint32_t length);

/** Keep the meter in storage. @param operations one write each so many, 1...65535 @returns 0 */
int boson_meter_storage(struct boson *device, uint32_t operations);

/** @param number `boson_meter_number` @returns the figure of the period, 0 if there is no meter */
uint32_t boson_meter(struct boson *device, int number);

/**
 * What the datagrams since the start were for.
 * @param cause Cause of assembly/meter/ledger.ts
 * @param field 0 bytes up, 1 datagrams up, 2 bytes down, 3 datagrams down; UDP payload
 * @returns the figure, 0 if there is no meter
 */
uint32_t boson_ledger(struct boson *device, int cause, int field);

/**
 * Set the budget of a period; on_budget warns.
 * @param operations, bytes 0 for no limit
 * @param policy `boson_budget_policy`
 * @returns 0; Status.InvalidArgument
 */
int boson_budget(struct boson *device, uint32_t operations, uint32_t bytes, int policy);

/** Why there is no connection, as far as the device can tell (docs/diagnosis.md). */
enum boson_diagnosis_result {
  BOSON_DIAGNOSIS_UNKNOWN = 0,
  BOSON_DIAGNOSIS_CONNECTED = 1,
  BOSON_DIAGNOSIS_NO_NETWORK = 2,
  BOSON_DIAGNOSIS_SILENT = 3,
  BOSON_DIAGNOSIS_PORTAL_SUSPECTED = 4,
  BOSON_DIAGNOSIS_WRONG_SERVER = 5,
  BOSON_DIAGNOSIS_REFUSED = 6,
};

/** @returns `boson_diagnosis_result` */
int boson_diagnosis(struct boson *device);

/**
 * Why a connection ended.
 * @param back 0 the last one, up to 7
 * @param status [out] Status behind it; may be NULL
 * @returns Reason (assembly/events.ts); 0 for none
 */
int boson_last_end(struct boson *device, int back, int *status);

// ---- figures and errors ---------------------------------------------------------------------

/** @param number of Statistic or `boson_statistic_number` @returns it; Status.NotFound */
int32_t boson_statistic(struct boson *device, int number);

/** @returns name of a Status or `boson_error`, as "Trap"; "?" for an unknown one */
const char *boson_error_name(int error);

/** @returns what WASM3 said of the last failure; "" if nothing. Valid until the next boson_open */
const char *boson_error_detail(const struct boson *device);

#ifdef __cplusplus
}
#endif

#endif
