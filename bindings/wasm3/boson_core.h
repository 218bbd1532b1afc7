// The core's module on WASM3: its exports, its buffers, what it may call.

#ifndef WBOSON_BOSON_CORE_H
#define WBOSON_BOSON_CORE_H

#include "boson_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Whether firmware takes updates over the air and runs application modules beside the core (needs
 * build/boson-ota.wasm): 1 or 0. The same for all files.
 */
#ifndef BOSON_APPLICATIONS
#define BOSON_APPLICATIONS 0
#endif

#if BOSON_APPLICATIONS
/** Those of modules that take updates (assembly/application/exports.ts). */
#define BOSON_UPDATE_EXPORTS(X)                                                                    \
  X(update_open, 1, 1, 0)                                                                          \
  X(application_image, 0, 1, 0)                                                                    \
  X(application_length, 0, 1, 0)                                                                   \
  X(application_version, 0, 1, 0)                                                                  \
  X(application_capabilities, 0, 1, 0)                                                             \
  X(application_verify, 0, 1, 0)                                                                   \
  X(application_begin, 1, 1, 0)                                                                    \
  X(application_fault, 2, 1, 0)                                                                    \
  X(application_healthy, 1, 1, 0)                                                                  \
  X(update_enable, 2, 1, 0)                                                                        \
  X(update_gate, 1, 1, 0)                                                                          \
  X(update_apply, 1, 1, 0)                                                                         \
  X(update_rollback, 1, 1, 0)                                                                      \
  X(update_info, 1, 1, 0)                                                                          \
  X(publish_vitals, 0, 0, 0)                                                                       \
  X(max_event_data, 0, 1, 0)
#else
#define BOSON_UPDATE_EXPORTS(X)
#endif

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
  X(__collect, 0, 0, 0)                                                                            \
  BOSON_UPDATE_EXPORTS(X)

enum boson_export {
#define X(name, arguments, results, required) BOSON_EXPORT_##name,
  BOSON_EXPORTS(X)
#undef X
  BOSON_EXPORT_COUNT,
};

/**
 * Pins and buses of the board, for applications that use them (assembly/app/board.ts).
 * @param call number of the function (BoardFunction there), with its arguments `a` and `b`
 * @param data [in,out] `length` bytes of the module's memory
 * @returns 0 or more; a negative Status
 */
typedef int32_t (*boson_board_handler)(void *context, int32_t call, int32_t a, int32_t b,
                                       uint8_t *data, uint32_t length);

/** What the host gives the core's imports beside the HAL. */
struct boson_host {
  boson_board_handler board; /**< NULL: every call is NotSupported */
  void *board_context;
#if BOSON_APPLICATIONS
  uint32_t image_capacity; /**< bytes that an application's image may have; 0: there are none */
#endif
};

/**
 * Load the core. Nothing of it has run but the functions that tell the interface's version and the
 * buffers.
 * @param runtime [out] with the core's interface
 * @param exports [out] must stay as long as the runtime
 * @param host [in] must stay, too
 * @param module [in] `size` bytes; must stay until boson_runtime_close
 * @returns as boson_runtime_open; BOSON_ERR_VERSION; BOSON_ERR_BUFFER
 */
int boson_core_open(struct boson_runtime *runtime, struct M3Function *exports[BOSON_EXPORT_COUNT],
                    struct boson_host *host, const uint8_t *module, uint32_t size,
                    const struct boson_limits *limits);

#ifdef __cplusplus
}
#endif

#endif
