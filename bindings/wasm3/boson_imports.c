// The imports of assembly/hal.ts on the HAL of the board. Whatever the module passes is hostile: a
// range that does not lie in its memory ends it; nothing is read or written before that is known.

#include "boson_imports.h"

#include "../../hal/hal.h"

/** Slots that a module may write, beside the queue's; the others belong to provisioning. */
#define SLOT_SESSION_A 3
#define SLOT_SESSION_B 4
/** What the core is answered when the HAL fails; it asks no further. */
#define FAILED (-1)
/** Status.NotSupported. */
#define NOT_SUPPORTED (-6)

const char boson_host_argument[] = "[trap] host call with an argument outside of memory";

/** random_fill(buffer, length): i32 */
static m3ApiRawFunction(random_fill) {
  (void)_ctx, (void)_mem;
  uint32_t length = argument(_sp, 2);
  uint8_t *buffer = range(runtime, argument(_sp, 1), length);
  if (!buffer) return boson_host_argument;
  return answer(_sp, hal_random(buffer, length) == HAL_OK ? (int32_t)length : FAILED);
}

/** storage_read(slot, buffer, capacity): i32 */
static m3ApiRawFunction(storage_read) {
  (void)_ctx, (void)_mem;
  uint32_t capacity = argument(_sp, 3);
  uint8_t *buffer = range(runtime, argument(_sp, 2), capacity);
  if (!buffer) return boson_host_argument;
  int length = hal_storage_read((int32_t)argument(_sp, 1), buffer, capacity);
  return answer(_sp, length >= 0 && (uint32_t)length <= capacity ? length : FAILED);
}

/** storage_write(slot, buffer, length): i32 */
static m3ApiRawFunction(storage_write) {
  (void)_ctx, (void)_mem;
  uint32_t slot = argument(_sp, 1);
  uint32_t length = argument(_sp, 3);
  const uint8_t *data = range(runtime, argument(_sp, 2), length);
  if (!data) return boson_host_argument;
  int is_queue = slot >= HAL_QUEUE_SLOT_FIRST && slot <= HAL_QUEUE_SLOT_LAST;
  if (slot != SLOT_SESSION_A && slot != SLOT_SESSION_B && !is_queue) return answer(_sp, FAILED);
  int written = hal_storage_write((int)slot, data, length);
  return answer(_sp, written >= 0 && (uint32_t)written == length ? written : FAILED);
}

/** log(level, text, length) */
static m3ApiRawFunction(log_line) {
  (void)_ctx, (void)_mem;
  uint32_t length = argument(_sp, 2);
  const uint8_t *text = range(runtime, argument(_sp, 1), length);
  if (!text) return boson_host_argument;
  hal_log((int32_t)argument(_sp, 0), (const char *)text, length < HAL_LOG_MAX ? length : HAL_LOG_MAX);
  return m3Err_none;
}

/** call(number, a, b, data, length): i32, of the namespace `board` */
static m3ApiRawFunction(board_call) {
  (void)_mem;
  const struct boson_runtime *host = _ctx->userdata;
  uint32_t length = argument(_sp, 5);
  uint8_t *data = range(runtime, argument(_sp, 4), length);
  if (!data) return boson_host_argument;
  if (!host->board) return answer(_sp, NOT_SUPPORTED);
  int32_t number = (int32_t)argument(_sp, 1);
  int32_t a = (int32_t)argument(_sp, 2), b = (int32_t)argument(_sp, 3);
  return answer(_sp, host->board(host->board_context, number, a, b, data, length));
}

int boson_link(struct boson_runtime *runtime, struct M3Module *module, const char *space,
               const struct boson_import *imports, size_t count) {
  for (size_t i = 0; i < count; i += 1) {
    M3Result result =
        m3_LinkRawFunction(module, space, imports[i].name, imports[i].type, imports[i].call);
    if (result && result != m3Err_functionLookupFailed) {
      return boson_runtime_fail(runtime, BOSON_ERR_IMPORT, result);
    }
  }
  return 0;
}

/** The function of the board, which knows its host. */
static int link_board(struct boson_runtime *runtime, struct M3Module *module) {
  M3Result result = m3_LinkRawFunctionEx(module, "board", "call", "i(iiiii)", board_call, runtime);
  if (result && result != m3Err_functionLookupFailed) {
    return boson_runtime_fail(runtime, BOSON_ERR_IMPORT, result);
  }
  return 0;
}

int boson_link_imports(struct boson_runtime *runtime, struct M3Module *module) {
  static const struct boson_import imports[] = {
      {"random_fill", "i(ii)", random_fill},
      {"storage_read", "i(iii)", storage_read},
      {"storage_write", "i(iii)", storage_write},
      {"log", "v(iii)", log_line},
  };
  int error = boson_link(runtime, module, "hal", imports, sizeof imports / sizeof *imports);
  if (!error) error = link_board(runtime, module);
  return error ? error : boson_link_crypto(runtime, module);
}
