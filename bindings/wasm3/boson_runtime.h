// A module on WASM3: loading with limits, its exports, calls. The layer below boson.h; knows nothing
// of sockets or of the order of the pump.

#ifndef WBOSON_BOSON_RUNTIME_H
#define WBOSON_BOSON_RUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct boson_runtime;
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

/** An export that the host uses. All arguments and results are i32. */
struct boson_export_type {
  const char *name;
  uint8_t arguments; /**< at most 5 */
  uint8_t results;   /**< 0 or 1 */
  uint8_t required;  /**< whether each module must have it */
};

/** What a kind of module exports, and may import. */
struct boson_interface {
  const struct boson_export_type *exports;
  uint32_t count;
  /** Link everything that the module may call. @returns 0; BOSON_ERR_IMPORT */
  int (*link)(struct boson_runtime *runtime, struct M3Module *module);
};

/** A range of the module's memory. */
struct boson_buffer {
  uint32_t at;
  uint32_t capacity; /**< bytes */
};

struct boson_runtime {
  struct M3Environment *environment;
  struct M3Runtime *runtime; /**< NULL: closed */
  const struct boson_interface *interface;
  struct M3Function **exports; /**< `interface->count` of them; NULL for one that is not there */
  uint32_t calls;
  uint32_t code_limit; /**< bytes; 0: none */
  uint8_t has_code;    /**< whether code was compiled since it was released */
  int fault;           /**< 0, or the error after which nothing is called any more */
  const char *detail;  /**< WASM3's own words for it, or NULL */
  void *owner;         /**< handed to the imports */
  /** Bytes of C stack that calls of this module leave to another's, which its imports call. */
  uint32_t stack_reserve;
  /** Of the core; an application has `argument` only. */
  struct boson_buffer rx, tx, argument, event;
};

/**
 * Load a module: parse, check its limits, link, find its exports. Nothing of it has run.
 * @param runtime [in,out] zeroed, but for `interface`, `exports` and `owner`
 * @param module [in] `size` bytes; must stay until boson_runtime_close
 * @returns 0; any `boson_error` but Time and Argument; the runtime is then closed
 */
int boson_runtime_open(struct boson_runtime *runtime, const uint8_t *module, uint32_t size,
                       const struct boson_limits *limits);

/** Close after a failure of opening. @returns `error` */
int boson_runtime_refuse(struct boson_runtime *runtime, int error);

/** Free everything. */
void boson_runtime_close(struct boson_runtime *runtime);

/** @returns whether the module has this export */
int boson_runtime_has(const struct boson_runtime *runtime, uint32_t which);

/**
 * Call an export. After a trap this and all later calls only answer the error. An import of one
 * runtime may call another.
 * @param which index into the interface's exports
 * @param arguments [in] as many as the export takes
 * @returns what the export returns, 0 if nothing; the runtime's fault
 */
int32_t boson_runtime_call(struct boson_runtime *runtime, uint32_t which,
                           const uint32_t *arguments);

/**
 * Ask a module for a buffer.
 * @param buffer [out]
 * @param at, capacity exports that tell it
 * @param least bytes that it must have
 * @returns 0; BOSON_ERR_BUFFER; the runtime's fault
 */
int boson_runtime_find(struct boson_runtime *runtime, struct boson_buffer *buffer, uint32_t at,
                       uint32_t capacity, uint32_t least);

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

#ifdef __cplusplus
}
#endif

#endif
