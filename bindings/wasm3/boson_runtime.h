// A module on WASM3: loading with limits, its exports, calls. The layer below boson.h; knows nothing
// of sockets or of the order of the pump.

#ifndef WBOSON_BOSON_RUNTIME_H
#define WBOSON_BOSON_RUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct M3Environment;
struct M3Runtime;
struct M3Function;
struct M3Module;

/** What is wrong with a module, its host, or a call into it. Below every Status of the core. */
enum boson_error {
  BOSON_ERR_MALFORMED = -100,        /**< not a WebAssembly module, or one out of bounds */
  BOSON_ERR_INVALID = -101,          /**< a function does not validate, or cannot be compiled */
  BOSON_ERR_IMPORT = -102,           /**< imports what the host does not have, or by another type */
  BOSON_ERR_EXPORT = -103,           /**< lacks an export of the core, or has another type */
  BOSON_ERR_MEMORY_LIMIT = -104,     /**< has no memory of its own, or one above the limit */
  BOSON_ERR_NO_MEMORY = -105,        /**< the host's memory does not suffice */
  BOSON_ERR_VERSION = -106,          /**< another version of the interface */
  BOSON_ERR_BUFFER = -107,           /**< the module names a buffer outside of its memory */
  BOSON_ERR_HOST_ARGUMENT = -108,    /**< the module gave an import memory that is not its own */
  BOSON_ERR_TRAP = -109,             /**< trap: the module must be instantiated again */
  BOSON_ERR_STACK = -110,            /**< trap: the stack does not suffice */
  BOSON_ERR_TIME = -111,             /**< trap: one call made more calls than its budget */
  BOSON_ERR_ARGUMENT = -112,         /**< an argument of boson.h is out of its range */
  BOSON_ERR_HAL = -113,              /**< a HAL of another version, or one without the transport */
};

/** The exports that the host uses: name, arguments, results, whether each module has it. All i32. */
#define BOSON_EXPORTS(X)                                                                           \
  X(abi_version, 0, 1, 1)                                                                          \
  X(rx_buffer, 0, 1, 1)                                                                            \
  X(rx_capacity, 0, 1, 1)                                                                          \
  X(tx_buffer, 0, 1, 1)                                                                            \
  X(tx_capacity, 0, 1, 1)                                                                          \
  X(argument_buffer, 0, 1, 1)                                                                      \
  X(argument_capacity, 0, 1, 1)                                                                    \
  X(event_buffer, 0, 1, 1)                                                                         \
  X(event_capacity, 0, 1, 1)                                                                       \
  X(set_identity, 4, 0, 1)                                                                         \
  X(set_reservation, 1, 1, 1)                                                                      \
  X(start, 0, 1, 1)                                                                                \
  X(register_function, 2, 1, 1)                                                                    \
  X(register_variable, 3, 1, 1)                                                                    \
  X(subscribe, 3, 1, 1)                                                                            \
  X(connect, 1, 1, 1)                                                                              \
  X(disconnect, 3, 1, 1)                                                                           \
  X(link_up, 2, 1, 1)                                                                              \
  X(link_down, 1, 1, 1)                                                                            \
  X(set_keepalive, 1, 1, 1)                                                                        \
  X(connection_state, 0, 1, 1)                                                                     \
  X(publish, 5, 1, 1)                                                                              \
  X(function_result, 2, 1, 1)                                                                      \
  X(variable_result, 2, 1, 1)                                                                      \
  X(call_refused, 1, 1, 1)                                                                         \
  X(request_time, 0, 1, 1)                                                                         \
  X(receive_datagram, 2, 1, 1)                                                                     \
  X(handle_message, 1, 0, 1)                                                                       \
  X(handle_timeout, 1, 0, 1)                                                                       \
  X(poll_transmit, 1, 1, 1)                                                                        \
  X(poll_event, 0, 1, 1)                                                                           \
  X(poll_timeout, 1, 1, 1)                                                                         \
  X(statistic, 1, 1, 1)                                                                            \
  X(queue_policy, 1, 1, 0)                                                                         \
  X(queue_pacing, 2, 1, 0)                                                                         \
  X(queue_storage, 1, 1, 0)                                                                        \
  X(queue_pending, 0, 1, 0)                                                                        \
  X(queue_state, 1, 1, 0)                                                                          \
  X(queue_cancel, 1, 1, 0)                                                                         \
  X(queue_flush, 2, 1, 0)                                                                          \
  X(sleep, 4, 1, 0)                                                                                \
  X(set_max_event_data, 1, 1, 0)                                                                   \
  X(meter_storage, 1, 1, 0)                                                                        \
  X(meter, 1, 1, 0)                                                                                \
  X(ledger, 2, 1, 0)                                                                               \
  X(budget, 3, 1, 0)                                                                               \
  X(diagnosis, 0, 1, 0)                                                                            \
  X(last_end, 1, 1, 0)                                                                             \
  X(set_transport, 1, 1, 0)                                                                        \
  X(handle_stream, 2, 1, 0)                                                                        \
  X(app_clock, 1, 0, 0)                                                                            \
  X(app_poll_event, 1, 1, 0)                                                                       \
  X(setup, 0, 0, 0)                                                                                \
  X(loop, 0, 0, 0)                                                                                 \
  X(__collect, 0, 0, 0)

enum boson_export {
#define X(name, arguments, results, required) BOSON_EXPORT_##name,
  BOSON_EXPORTS(X)
#undef X
  BOSON_EXPORT_COUNT,
};

/** What a module may use; 0 is the default of each. */
struct boson_limits {
  uint32_t memory; /**< bytes of linear memory; default and most: one page, 65536 */
  uint32_t stack;  /**< bytes of WebAssembly stack; default 8192 */
  /** Calls that one call may make inside the module; default: no limit. WASM3 does not count the
   * rounds of a loop: one that calls nothing and never ends is the watchdog's business. */
  uint32_t calls;
  /** Bytes of compiled code to keep; default: all. WASM3 compiles a function when it first runs, and
   * keeps it. With a limit it is freed between calls, before one that needs much and when there is
   * more than this, and compiled anew when it next runs: less RAM, more work. */
  uint32_t code;
};

/** A range of the module's memory. */
struct boson_buffer {
  uint32_t at;
  uint32_t capacity; /**< bytes */
};

/**
 * Pins and buses of the board, for applications that use them (assembly/app/board.ts).
 * @param call number of the function (BoardFunction there), with its arguments `a` and `b`
 * @param data [in,out] `length` bytes of the module's memory
 * @returns 0 or more; a negative Status
 */
typedef int32_t (*boson_board_handler)(void *context, int32_t call, int32_t a, int32_t b,
                                       uint8_t *data, uint32_t length);

struct boson_runtime {
  struct M3Environment *environment;
  struct M3Runtime *runtime; /**< NULL: closed */
  struct M3Function *exports[BOSON_EXPORT_COUNT];
  uint32_t calls;
  uint32_t code_limit;                    /**< bytes; 0: none */
  uint8_t has_code;                       /**< whether code was compiled since it was released */
  int fault;          /**< 0, or the error after which nothing is called any more */
  const char *detail; /**< WASM3's own words for it, or NULL */
  struct boson_buffer rx, tx, argument, event;
  boson_board_handler board; /**< NULL: every call is NotSupported */
  void *board_context;
};

/**
 * Load a module: parse, check its limits, link, find its exports and buffers. Nothing of it has run
 * but the functions that tell the interface's version and the buffers.
 * @param module [in] `size` bytes; must stay until boson_runtime_close
 * @returns 0; any `boson_error` but Time and Argument; the runtime is then closed
 */
int boson_runtime_open(struct boson_runtime *runtime, const uint8_t *module, uint32_t size,
                       const struct boson_limits *limits);

/** Free everything. */
void boson_runtime_close(struct boson_runtime *runtime);

/** @returns whether the module has this export */
int boson_runtime_has(const struct boson_runtime *runtime, enum boson_export which);

/**
 * Call an export. After a trap this and all later calls only answer the error.
 * @param arguments [in] as many as the export takes
 * @returns what the export returns, 0 if nothing; the runtime's fault
 */
int32_t boson_runtime_call(struct boson_runtime *runtime, enum boson_export which,
                           const uint32_t *arguments);

/**
 * Where a range of the module's memory is now; any call into the module may move it.
 * @returns NULL unless all of `length` bytes from `at` are inside
 */
uint8_t *boson_runtime_memory(const struct boson_runtime *runtime, uint32_t at, uint32_t length);

/** @returns bytes of the module's memory now; 0 when closed */
uint32_t boson_runtime_memory_size(const struct boson_runtime *runtime);

/** Stop using the module. @returns `error` */
int boson_runtime_fail(struct boson_runtime *runtime, int error, const char *detail);

/**
 * Why an import ended the module: the argument lay outside of its memory. The text is compared by its
 * address.
 */
extern const char boson_host_argument[];

/**
 * Everything that a module may call: the functions of assembly/hal.ts, over the HAL, and those of
 * assembly/crypto/native.ts, over boson_crypto.h. @returns 0; BOSON_ERR_IMPORT
 */
int boson_link_imports(struct boson_runtime *runtime, struct M3Module *module);

#ifdef __cplusplus
}
#endif

#endif
