#include "boson_section.h"

#include <stddef.h>

#define MAGIC_AND_VERSION 8

uint32_t boson_section_u32(struct boson_section *section) {
  uint32_t value = 0;
  for (uint32_t shift = 0; shift < 32 && section->at < section->end; shift += 7) {
    uint8_t byte = *section->at++;
    value |= (uint32_t)(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

const uint8_t *boson_section_skip(struct boson_section *section, uint32_t length) {
  const uint8_t *at = section->at;
  if (length > (size_t)(section->end - at)) return NULL;
  section->at += length;
  return at;
}

struct boson_section boson_section_find(const uint8_t *bytes, const uint8_t *end,
                                        enum boson_section_id id) {
  struct boson_section rest = {bytes, end};
  if (!boson_section_skip(&rest, MAGIC_AND_VERSION)) return (struct boson_section){NULL, NULL};
  while (rest.at < rest.end) {
    uint8_t found = *rest.at++;
    uint32_t length = boson_section_u32(&rest);
    const uint8_t *at = boson_section_skip(&rest, length);
    if (!at) break;
    if (found == id) return (struct boson_section){at, at + length};
  }
  return (struct boson_section){NULL, NULL};
}
