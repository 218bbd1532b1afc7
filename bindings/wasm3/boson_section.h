// Reads sections of a WebAssembly module (Core Specification 2.0 §5.5): what WASM3 does not tell.

#ifndef WBOSON_BOSON_SECTION_H
#define WBOSON_BOSON_SECTION_H

#include <stdint.h>

/** Ids of sections (§5.5.2). */
enum boson_section_id {
  BOSON_SECTION_IMPORT = 2,
  BOSON_SECTION_FUNCTION = 3,
  BOSON_SECTION_GLOBAL = 6,
  BOSON_SECTION_EXPORT = 7,
};

/** Kind of an export that is a function (§5.5.10). */
#define BOSON_EXTERNAL_FUNCTION 0
/** Kind of an export that is a memory. */
#define BOSON_EXTERNAL_MEMORY 2

/** What is left to read of a section. */
struct boson_section {
  const uint8_t *at, *end;
};

/**
 * @param bytes [in] the module, up to `end`; need not be one
 * @returns the content of the first section with that id; empty when there is none
 */
struct boson_section boson_section_find(const uint8_t *bytes, const uint8_t *end,
                                        enum boson_section_id id);

/** Read an unsigned LEB128 of 32 bits (§5.2.2). What is beyond the end reads as 0. */
uint32_t boson_section_u32(struct boson_section *section);

/** Skip bytes. @returns where they are; NULL when there are not as many */
const uint8_t *boson_section_skip(struct boson_section *section, uint32_t length);

#endif
