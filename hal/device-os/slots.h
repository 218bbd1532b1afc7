// Storage slots in an area of bytes: an EEPROM, or RAM that survives a reset. Plain C over two
// functions that read and write bytes; knows nothing of Device OS, holds no state, needs no buffer.
//
// A write may be cut at any byte. A safe slot then holds the old content or the new one, an unsafe
// one nothing; no other slot changes.

#ifndef WBOSON_SLOTS_H
#define WBOSON_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One slot of an area. */
struct slot_place {
  uint8_t slot;      /**< its number, 1...255 */
  uint8_t safe;      /**< 1: a cut leaves old or new content. 0: it may leave none */
  uint16_t capacity; /**< bytes */
};

struct slot_area {
  /** Read `length` bytes of the area from `at`. @returns 0; else the medium has failed */
  int (*read)(void *context, uint32_t at, uint8_t *bytes, uint32_t length);
  /** Write them. When this returns 0 they are on the medium. */
  int (*write)(void *context, uint32_t at, const uint8_t *bytes, uint32_t length);
  void *context;
  uint32_t size; /**< bytes of the area, at least `slots_size` */
  const struct slot_place *places;
  uint32_t count; /**< of `places` */
};

/** @returns bytes that an area with these places takes */
uint32_t slots_size(const struct slot_place *places, uint32_t count);

/**
 * Read a slot.
 * @param area of which an untouched medium reads as all empty
 * @param buffer [out] `capacity` bytes; unchanged unless the result is above 0
 * @returns bytes of the content; 0 for an empty slot, or an unsafe one that a cut has torn;
 *   HAL_ERR_INVALID (no such slot in this area); HAL_ERR_TOO_LONG; HAL_ERR_STORAGE
 */
int slots_read(const struct slot_area *area, int slot, uint8_t *buffer, size_t capacity);

/**
 * Replace a slot.
 * @param data [in] `length` bytes; 0 erases
 * @returns `length`; HAL_ERR_INVALID (no such slot in this area); HAL_ERR_NO_SPACE (longer than the
 *   slot's place); HAL_ERR_STORAGE
 */
int slots_write(const struct slot_area *area, int slot, const uint8_t *data, size_t length);

#ifdef __cplusplus
}
#endif

#endif
