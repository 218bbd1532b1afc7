// Frees code that WASM3 has compiled. WASM3 compiles a function when it first runs and never frees it,
// at about four bytes for one of the module; between two calls nothing points to it, and all of it can
// go. Reads and writes structures of WASM3 directly.

#include "boson_code.h"

#include "m3_env.h"

static uint32_t bytes_of_pages(const struct M3CodePage *page) {
  uint32_t bytes = 0;
  for (; page; page = page->info.next) bytes += page->info.lineIndex * (uint32_t)sizeof(code_t);
  return bytes;
}

uint32_t boson_code_size(const struct boson_runtime *runtime) {
  if (!runtime->runtime) return 0;
  return bytes_of_pages(runtime->runtime->pagesOpen) + bytes_of_pages(runtime->runtime->pagesFull);
}

/**
 * Empty a list of pages: as many as the limit has room for are kept for the next code, so that the
 * heap does not fall to pieces; the others are freed.
 */
static void empty_pages(struct boson_runtime *runtime, struct M3CodePage **list) {
  struct M3Environment *environment = runtime->environment;
  uint32_t kept = CountCodePages(environment->pagesReleased);
  while (*list) {
    struct M3CodePage *page = *list;
    *list = page->info.next;
    if (kept >= runtime->code_limit / d_m3CodePageAlignSize) {
      m3_Free(page);
      continue;
    }
    kept += 1;
    page->info.lineIndex = 0;
    page->info.next = environment->pagesReleased;
    environment->pagesReleased = page;
  }
}

void boson_code_release(struct boson_runtime *runtime) {
  if (!runtime->code_limit || !runtime->has_code || runtime->fault || !runtime->runtime) return;
  struct M3Module *module = runtime->runtime->modules;
  for (uint32_t i = 0; i < module->numFunctions; i += 1) {
    struct M3Function *function = &module->functions[i];
    function->compiled = NULL;
    m3_Free(function->constants);
    function->numConstantBytes = 0;
  }
  empty_pages(runtime, &runtime->runtime->pagesOpen);
  empty_pages(runtime, &runtime->runtime->pagesFull);
  runtime->runtime->numCodePages = 0;
  runtime->has_code = 0;
  // The stubs of the imports were among it.
  int error = runtime->interface->link(runtime, module);
  if (error) boson_runtime_fail(runtime, error, runtime->detail);
}

void boson_code_trim(struct boson_runtime *runtime) {
  if (!runtime->code_limit) return;
  runtime->has_code = 1;
  if (boson_code_size(runtime) > runtime->code_limit) boson_code_release(runtime);
}
