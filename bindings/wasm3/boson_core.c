#include "boson_core.h"

#include <string.h>

#include "boson_imports.h"

/** The version of the interface that this binding speaks (assembly/index.ts). */
#define ABI_VERSION 1

static const struct boson_export_type exports_of_core[BOSON_EXPORT_COUNT] = {
#define X(name, arguments, results, required) {#name, arguments, results, required},
    BOSON_EXPORTS(X)
#undef X
};

static const struct boson_interface core_interface = {exports_of_core, BOSON_EXPORT_COUNT,
                                                      boson_link_imports};

static int find_buffers(struct boson_runtime *runtime) {
  int32_t version = boson_runtime_call(runtime, BOSON_EXPORT_abi_version, NULL);
  if (runtime->fault) return runtime->fault;
  if (version != ABI_VERSION) return BOSON_ERR_VERSION;
#define FIND(name, least)                                                                          \
  boson_runtime_find(runtime, &runtime->name, BOSON_EXPORT_##name##_buffer,                        \
                     BOSON_EXPORT_##name##_capacity, least)
  int error = FIND(rx, 64);
  if (!error) error = FIND(tx, 64);
  if (!error) error = FIND(argument, 128);
  if (!error) error = FIND(event, 28);
#undef FIND
  return error;
}

int boson_core_open(struct boson_runtime *runtime, struct M3Function *exports[BOSON_EXPORT_COUNT],
                    struct boson_host *host, const uint8_t *module, uint32_t size,
                    const struct boson_limits *limits) {
  memset(runtime, 0, sizeof *runtime);
  runtime->interface = &core_interface;
  runtime->exports = exports;
  runtime->owner = host;
  int error = boson_runtime_open(runtime, module, size, limits);
  if (error) return error;
  error = find_buffers(runtime);
  return error ? boson_runtime_refuse(runtime, error) : 0;
}
