// Loading a module into WASM3 and calling it. Reads three of WASM3's structures directly, because
// its API has neither the limit of a memory, nor the list of exports, nor that of imports.

#include "boson_code.h"
#include "boson_runtime.h"
#include "boson_section.h"

#include <string.h>

#include "m3_env.h"
#include "wasm3.h"

#define PAGE 65536u
#define DEFAULT_STACK 8192u
#define MIN_STACK 1024u
#define MAX_STACK 1048576u
/** Most arguments of an export. */
#define MAX_ARGUMENTS 5

// ---- call budget ----------------------------------------------------------------------------

/** Why a call ended whose budget was used up; compared by its address. */
static const char too_many_calls[] = "[trap] call budget used up";

/** Left to the call that runs. WASM3 has one interpreter, whatever the number of runtimes. */
static uint32_t calls_left;

/** Whose call that is; NULL when none runs. */
static struct boson_runtime *running;

/** WASM3 calls this for every call inside a module. */
M3Result m3_Yield(void) {
  if (calls_left == 0) return too_many_calls;
  calls_left -= 1;
  return m3Err_none;
}

// ---- errors ---------------------------------------------------------------------------------

/** What a WASM3 result means; `other` for one that the phase decides. */
static int error_of(M3Result result, int other) {
  if (result == boson_host_argument) return BOSON_ERR_HOST_ARGUMENT;
  if (result == too_many_calls) return BOSON_ERR_TIME;
  if (result == m3Err_mallocFailed || result == m3Err_mallocFailedCodePage) {
    return BOSON_ERR_NO_MEMORY;
  }
  if (result == m3Err_wasmMemoryOverflow) return BOSON_ERR_MEMORY_LIMIT;
  if (result == m3Err_trapStackOverflow || result == m3Err_functionStackOverflow) {
    return BOSON_ERR_STACK;
  }
  return strncmp(result, "[trap]", 6) == 0 ? BOSON_ERR_TRAP : other;
}

int boson_runtime_fail(struct boson_runtime *runtime, int error, const char *detail) {
  runtime->fault = error;
  runtime->detail = detail;
  return error;
}

// ---- loading --------------------------------------------------------------------------------

/** Refuse a memory that is not the module's own, or begins above one page. */
static int check_memory(const struct M3Module *module) {
  uint32_t page = module->memoryInfo.pageSize ? module->memoryInfo.pageSize : PAGE;
  if (module->memoryImported || !module->memoryDeclared) return BOSON_ERR_MEMORY_LIMIT;
  return (uint64_t)module->memoryInfo.initPages * page > PAGE ? BOSON_ERR_MEMORY_LIMIT : 0;
}

/** Let the memory grow up to the limit at most; WASM3 itself only stops short of allocating it. */
static void limit_growth(struct M3Runtime *runtime, uint32_t limit) {
  uint32_t pages = limit / runtime->memory.pageSize;
  if (pages < runtime->memory.numPages) pages = runtime->memory.numPages;
  if (runtime->memory.maxPages > pages) runtime->memory.maxPages = pages;
}

/** Refuse imports that nothing was linked to, and those that are no functions. */
static int check_imports(const struct M3Module *module) {
  struct boson_section imports =
      boson_section_find(module->wasmStart, module->wasmEnd, BOSON_SECTION_IMPORT);
  if (boson_section_u32(&imports) != module->numFuncImports) return BOSON_ERR_IMPORT;
  for (uint32_t i = 0; i < module->numFunctions; i += 1) {
    const struct M3Function *function = &module->functions[i];
    if (function->import.fieldUtf8 && !function->compiled) return BOSON_ERR_IMPORT;
  }
  return 0;
}

static int has_type(struct M3Function *function, const struct boson_export_type *type) {
  if (m3_GetArgCount(function) != type->arguments) return 0;
  if (m3_GetRetCount(function) != type->results) return 0;
  for (uint32_t i = 0; i < type->arguments; i += 1) {
    if (m3_GetArgType(function, i) != c_m3Type_i32) return 0;
  }
  return type->results == 0 || m3_GetRetType(function, 0) == c_m3Type_i32;
}

/** Note a function under the name that it is exported by, unless the host does not use it. */
static int note_export(struct boson_runtime *runtime, struct M3Function *function,
                       const uint8_t *name, uint32_t length) {
  for (uint32_t which = 0; which < runtime->interface->count; which += 1) {
    const struct boson_export_type *type = &runtime->interface->exports[which];
    if (strlen(type->name) != length || memcmp(name, type->name, length) != 0) continue;
    if (!has_type(function, type)) {
      return boson_runtime_fail(runtime, BOSON_ERR_EXPORT, type->name);
    }
    runtime->exports[which] = function;
  }
  return 0;
}

/**
 * Find the exports, in the module's bytes: WASM3 keeps only some of a function's names, each in RAM.
 * None is compiled before its first call: what never runs costs no RAM.
 */
static int find_exports(struct boson_runtime *runtime, struct M3Module *module) {
  struct boson_section section =
      boson_section_find(module->wasmStart, module->wasmEnd, BOSON_SECTION_EXPORT);
  for (uint32_t left = boson_section_u32(&section); left > 0; left -= 1) {
    uint32_t length = boson_section_u32(&section);
    const uint8_t *name = boson_section_skip(&section, length);
    const uint8_t *kind = boson_section_skip(&section, 1);
    uint32_t index = boson_section_u32(&section);
    if (!name || !kind) return BOSON_ERR_MALFORMED;
    if (*kind != BOSON_EXTERNAL_FUNCTION || index >= module->numFunctions) continue;
    struct M3Function *function = &module->functions[index];
    int error = function->import.fieldUtf8 ? 0 : note_export(runtime, function, name, length);
    if (error) return error;
  }
  for (uint32_t which = 0; which < runtime->interface->count; which += 1) {
    const struct boson_export_type *type = &runtime->interface->exports[which];
    if (type->required && !runtime->exports[which]) {
      return boson_runtime_fail(runtime, BOSON_ERR_EXPORT, type->name);
    }
  }
  return 0;
}

/**
 * Whether there is memory for what WASM3 keeps of each function and variable: it loses its way when
 * it runs out just there.
 */
static int has_memory(const uint8_t *bytes, uint32_t size) {
  const uint8_t *end = bytes + size;
  struct boson_section functions = boson_section_find(bytes, end, BOSON_SECTION_FUNCTION);
  struct boson_section globals = boson_section_find(bytes, end, BOSON_SECTION_GLOBAL);
  uint32_t function_count = boson_section_u32(&functions);
  uint32_t global_count = boson_section_u32(&globals);
  // Counts that the module cannot hold are WASM3's to refuse.
  if (function_count > size || global_count > size) return 1;
  // Variables are added one by one: old and new list at a time.
  void *room = m3_Malloc("", function_count * sizeof(struct M3Function) +
                                 2 * global_count * sizeof(struct M3Global));
  int is_there = room != NULL;
  m3_Free(room);
  return is_there;
}

/** Parse and load. After this the module belongs to the runtime. */
static int load(struct boson_runtime *runtime, const uint8_t *bytes, uint32_t size,
                const struct boson_limits *limits) {
  uint32_t limit = limits->memory ? limits->memory : PAGE;
  uint32_t stack = limits->stack ? limits->stack : DEFAULT_STACK;
  if (limit > PAGE || stack < MIN_STACK || stack > MAX_STACK) return BOSON_ERR_ARGUMENT;
  runtime->environment = m3_NewEnvironment();
  if (!runtime->environment) return BOSON_ERR_NO_MEMORY;
  runtime->runtime = m3_NewRuntime(runtime->environment, stack, NULL);
  if (!runtime->runtime) return BOSON_ERR_NO_MEMORY;
  runtime->runtime->memoryLimit = limit;

  if (!has_memory(bytes, size)) return BOSON_ERR_NO_MEMORY;
  struct M3Module *module = NULL;
  calls_left = runtime->calls;
  M3Result result = m3_ParseModule(runtime->environment, &module, bytes, size);
  int error = result ? error_of(result, BOSON_ERR_MALFORMED) : check_memory(module);
  if (!error) {
    result = m3_LoadModule(runtime->runtime, module);
    if (result) error = error_of(result, BOSON_ERR_MALFORMED);
  }
  if (error) {
    runtime->detail = result;
    // WASM3 has freed a module that it could not parse.
    if (module) m3_FreeModule(module);
    return error;
  }
  limit_growth(runtime->runtime, limit);
  error = runtime->interface->link(runtime, module);
  if (!error) error = check_imports(module);
  return error ? error : find_exports(runtime, module);
}

int boson_runtime_open(struct boson_runtime *runtime, const uint8_t *module, uint32_t size,
                       const struct boson_limits *limits) {
  runtime->calls = limits->calls ? limits->calls : UINT32_MAX;
  runtime->code_limit = limits->code;
  int error = load(runtime, module, size, limits);
  return error ? boson_runtime_refuse(runtime, error) : 0;
}

int boson_runtime_refuse(struct boson_runtime *runtime, int error) {
  boson_runtime_close(runtime);
  return boson_runtime_fail(runtime, error, runtime->detail);
}

void boson_runtime_close(struct boson_runtime *runtime) {
  if (runtime->runtime) m3_FreeRuntime(runtime->runtime);
  if (runtime->environment) m3_FreeEnvironment(runtime->environment);
  runtime->runtime = NULL;
  runtime->environment = NULL;
  if (!runtime->exports) return;
  memset(runtime->exports, 0, runtime->interface->count * sizeof *runtime->exports);
}

// ---- use ------------------------------------------------------------------------------------

int boson_runtime_has(const struct boson_runtime *runtime, uint32_t which) {
  return runtime->exports[which] != NULL;
}

uint8_t *boson_runtime_memory(const struct boson_runtime *runtime, uint32_t at, uint32_t length) {
  // WASM3 does not look whether there is a memory.
  if (!runtime->runtime || !runtime->runtime->memory.mallocated) return NULL;
  uint32_t size = 0;
  uint8_t *memory = m3_GetMemory(runtime->runtime, &size, 0);
  return memory && at <= size && length <= size - at ? memory + at : NULL;
}

uint32_t boson_runtime_memory_size(const struct boson_runtime *runtime) {
  if (!runtime->runtime || !runtime->runtime->memory.mallocated) return 0;
  return m3_GetMemorySize(runtime->runtime);
}

/** Call a function, compiled before if it is not. */
static M3Result call(struct M3Function *function, const struct boson_export_type *type,
                     const uint32_t *arguments, int32_t *returned) {
  M3Result result = function->compiled ? m3Err_none : CompileFunction(function);
  if (result) return result;
  const void *pointers[MAX_ARGUMENTS];
  for (uint32_t i = 0; i < type->arguments; i += 1) pointers[i] = &arguments[i];
  result = m3_Call(function, type->arguments, pointers);
  if (result || !type->results) return result;
  pointers[0] = returned;
  return m3_GetResults(function, 1, pointers);
}

/**
 * How far a call may go down the C stack: WASM3's own limit, less what it leaves to others; inside of
 * another's call as far as that one leaves to it.
 */
static void limit_stack(struct boson_runtime *runtime, const struct boson_runtime *outer) {
#if d_m3MaxNativeStack > 0
  uint8_t *limit = outer ? (uint8_t *)outer->runtime->stackLimit - outer->stack_reserve
                         : (uint8_t *)m3_NativeStackPtr() - d_m3MaxNativeStack;
  runtime->runtime->stackLimit = limit + runtime->stack_reserve;
#else
  (void)runtime, (void)outer;
#endif
}

int32_t boson_runtime_call(struct boson_runtime *runtime, uint32_t which,
                           const uint32_t *arguments) {
  if (runtime->fault) return runtime->fault;
  struct M3Function *function = runtime->runtime ? runtime->exports[which] : NULL;
  if (!function) return BOSON_ERR_EXPORT;
  struct boson_runtime *outer = running;
  uint32_t outer_calls = calls_left;
  limit_stack(runtime, outer);
  running = runtime;
  calls_left = runtime->calls;
  int32_t returned = 0;
  M3Result result = call(function, &runtime->interface->exports[which], arguments, &returned);
  running = outer;
  calls_left = outer_calls;
  runtime->runtime->stackLimit = NULL;
  if (result) return boson_runtime_fail(runtime, error_of(result, BOSON_ERR_INVALID), result);
  boson_code_trim(runtime);
  return runtime->fault ? runtime->fault : returned;
}

int boson_runtime_find(struct boson_runtime *runtime, struct boson_buffer *buffer, uint32_t at,
                       uint32_t capacity, uint32_t least) {
  buffer->at = (uint32_t)boson_runtime_call(runtime, at, NULL);
  buffer->capacity = (uint32_t)boson_runtime_call(runtime, capacity, NULL);
  if (runtime->fault) return runtime->fault;
  int fits = buffer->capacity >= least &&
             boson_runtime_memory(runtime, buffer->at, buffer->capacity) != NULL;
  return fits ? 0 : BOSON_ERR_BUFFER;
}
