// The imports of assembly/hal.ts on the HAL of the board. Whatever the module passes is hostile: a
// range that does not lie in its memory ends it; nothing is read or written before that is known.

#include "boson_imports.h"

#include "../../hal/hal.h"

/** Slots that a module may write, beside the queue's; the others belong to provisioning. */
#define SLOT_SESSION_A 3
#define SLOT_SESSION_B 4
#define SLOT_JOURNAL_A 27
#define SLOT_JOURNAL_B 28
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

/** Whether a module may write a slot. */
static int is_modules(uint32_t slot) {
  if (slot >= HAL_QUEUE_SLOT_FIRST && slot <= HAL_QUEUE_SLOT_LAST) return 1;
#if BOSON_APPLICATIONS
  if (slot == SLOT_JOURNAL_A || slot == SLOT_JOURNAL_B) return 1;
#endif
  return slot == SLOT_SESSION_A || slot == SLOT_SESSION_B;
}

/** storage_write(slot, buffer, length): i32 */
static m3ApiRawFunction(storage_write) {
  (void)_ctx, (void)_mem;
  uint32_t slot = argument(_sp, 1);
  uint32_t length = argument(_sp, 3);
  const uint8_t *data = range(runtime, argument(_sp, 2), length);
  if (!data) return boson_host_argument;
  if (!is_modules(slot)) return answer(_sp, FAILED);
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

#if BOSON_APPLICATIONS

/** What an area holds as far as the firmware has memory for it; negative: there is none. */
static int32_t capacity_of(const struct boson_host *host, int image, int capacity) {
  if (capacity < 0 || image == HAL_IMAGE_FIRMWARE) return capacity > 0 ? capacity : FAILED;
  if (host->image_capacity == 0) return FAILED;
  return (uint32_t)capacity < host->image_capacity ? capacity : (int32_t)host->image_capacity;
}

/** image_erase(image, offset, length): i32 */
static m3ApiRawFunction(image_erase) {
  (void)runtime, (void)_mem;
  int image = (int)argument(_sp, 1);
  int capacity = hal_image_erase(image, argument(_sp, 2), argument(_sp, 3));
  return answer(_sp, capacity_of(_ctx->userdata, image, capacity));
}

/** image_write(image, offset, buffer, length): i32 */
static m3ApiRawFunction(image_write) {
  (void)_ctx, (void)_mem;
  uint32_t length = argument(_sp, 4);
  const uint8_t *data = range(runtime, argument(_sp, 3), length);
  if (!data) return boson_host_argument;
  int written = hal_image_write((int)argument(_sp, 1), argument(_sp, 2), length ? data : NULL, length);
  return answer(_sp, written >= 0 && (uint32_t)written == length ? written : FAILED);
}

/** image_read(image, offset, buffer, length): i32 */
static m3ApiRawFunction(image_read) {
  (void)_ctx, (void)_mem;
  uint32_t length = argument(_sp, 4);
  uint8_t *buffer = range(runtime, argument(_sp, 3), length);
  if (!buffer) return boson_host_argument;
  int got = hal_image_read((int)argument(_sp, 1), argument(_sp, 2), buffer, length);
  return answer(_sp, got >= 0 && (uint32_t)got == length ? got : FAILED);
}

#endif

/** call(number, a, b, data, length): i32, of the namespace `board` */
static m3ApiRawFunction(board_call) {
  (void)_mem;
  const struct boson_host *host = _ctx->userdata;
  uint32_t length = argument(_sp, 5);
  uint8_t *data = range(runtime, argument(_sp, 4), length);
  if (!data) return boson_host_argument;
  if (!host->board) return answer(_sp, NOT_SUPPORTED);
  int32_t number = (int32_t)argument(_sp, 1);
  int32_t a = (int32_t)argument(_sp, 2), b = (int32_t)argument(_sp, 3);
  return answer(_sp, host->board(host->board_context, number, a, b, data, length));
}

int boson_link(struct boson_runtime *runtime, struct M3Module *module, const char *space,
               const struct boson_import *imports, size_t count, void *owner) {
  for (size_t i = 0; i < count; i += 1) {
    M3Result result = m3_LinkRawFunctionEx(module, space, imports[i].name, imports[i].type,
                                           imports[i].call, owner);
    if (result && result != m3Err_functionLookupFailed) {
      return boson_runtime_fail(runtime, BOSON_ERR_IMPORT, result);
    }
  }
  return 0;
}

int boson_link_board(struct boson_runtime *runtime, struct M3Module *module,
                     struct boson_host *host) {
  static const struct boson_import import = {"call", "i(iiiii)", board_call};
  return boson_link(runtime, module, "board", &import, 1, host);
}

int boson_link_imports(struct boson_runtime *runtime, struct M3Module *module) {
  static const struct boson_import hal_imports[] = {
      {"random_fill", "i(ii)", random_fill},
      {"storage_read", "i(iii)", storage_read},
      {"storage_write", "i(iii)", storage_write},
      {"log", "v(iii)", log_line},
#if BOSON_APPLICATIONS
      {"image_erase", "i(iii)", image_erase},
      {"image_write", "i(iiii)", image_write},
      {"image_read", "i(iiii)", image_read},
#endif
  };
  int error = boson_link(runtime, module, "hal", hal_imports,
                         sizeof hal_imports / sizeof *hal_imports, runtime->owner);
  if (!error) error = boson_link_board(runtime, module, runtime->owner);
  return error ? error : boson_link_crypto(runtime, module);
}
