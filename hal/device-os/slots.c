// Slots in an area of bytes. Layout, all numbers little-endian:
//
//   mark 4 | record of places[0] | record of places[1] | ... | spare record
//   record: slot 1 | version 1 | length 2 | CRC-32 of those four and the content 4 | content
//
// The spare is as long as the longest safe slot. A safe slot is written to the spare first, then to
// its own record: whatever byte the power fails at, one of both is whole. An unsafe slot is written
// in place. Records are whole or torn, never unwritten: an area without the mark is formatted.

#include "slots.h"

#include <string.h>

#include "../hal.h"

#define MARK_SIZE 4u
#define HEADER_SIZE 8u
#define VERSION 1
/** Slot number of a spare that holds nothing. */
#define NO_SLOT 0
/** Bytes that are read or compared at a time. */
#define CHUNK 32u

static const uint8_t mark[MARK_SIZE] = {'w', 'b', 's', VERSION};

/** A record: where it is, and what its header says. */
struct record {
  uint32_t at;
  uint32_t capacity;
  uint8_t slot;
  uint16_t length;
  int is_whole; /**< header and content fit together */
};

// ---- bytes ----------------------------------------------------------------------------------

/** CRC-32 of IEEE 802.3, reflected, bit by bit: a slot is short, a table is not. */
static uint32_t crc32_update(uint32_t crc, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i += 1) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit += 1) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return crc;
}

static void put32(uint8_t *bytes, uint32_t value) {
  for (int i = 0; i < 4; i += 1) bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
         (uint32_t)bytes[3] << 24;
}

/** Write what differs, so that bytes that stay do not wear. @returns 0; HAL_ERR_STORAGE */
static int update(const struct slot_area *area, uint32_t at, const uint8_t *bytes, uint32_t length) {
  uint8_t present[CHUNK];
  for (uint32_t done = 0; done < length; done += CHUNK) {
    uint32_t part = length - done < CHUNK ? length - done : CHUNK;
    if (area->read(area->context, at + done, present, part) != 0) return HAL_ERR_STORAGE;
    if (memcmp(present, bytes + done, part) == 0) continue;
    if (area->write(area->context, at + done, bytes + done, part) != 0) return HAL_ERR_STORAGE;
  }
  return HAL_OK;
}

// ---- records --------------------------------------------------------------------------------

/** Capacity of the spare: 0 when no slot is safe. */
static uint32_t spare_capacity(const struct slot_place *places, uint32_t count) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < count; i += 1) {
    if (places[i].safe && places[i].capacity > most) most = places[i].capacity;
  }
  return most;
}

uint32_t slots_size(const struct slot_place *places, uint32_t count) {
  uint32_t size = MARK_SIZE + HEADER_SIZE + spare_capacity(places, count);
  for (uint32_t i = 0; i < count; i += 1) size += HEADER_SIZE + places[i].capacity;
  return size;
}

/** Where the record of places[index] is; of the spare for index == count. */
static struct record place_of(const struct slot_area *area, uint32_t index) {
  struct record record = {.at = MARK_SIZE};
  for (uint32_t i = 0; i < index; i += 1) record.at += HEADER_SIZE + area->places[i].capacity;
  record.capacity = index < area->count ? area->places[index].capacity
                                        : spare_capacity(area->places, area->count);
  return record;
}

/** @returns index into the places; `count` when the area has no such slot */
static uint32_t index_of(const struct slot_area *area, int slot) {
  uint32_t index = 0;
  while (index < area->count && area->places[index].slot != slot) index += 1;
  return index;
}

/** Read a header, and look whether the content fits it. @returns 0; HAL_ERR_STORAGE */
static int inspect(const struct slot_area *area, struct record *record) {
  uint8_t header[HEADER_SIZE], chunk[CHUNK];
  if (area->read(area->context, record->at, header, HEADER_SIZE) != 0) return HAL_ERR_STORAGE;
  record->slot = header[0];
  record->length = (uint16_t)(header[2] | header[3] << 8);
  record->is_whole = 0;
  if (header[1] != VERSION || record->length > record->capacity) return HAL_OK;
  uint32_t crc = crc32_update(0xffffffffu, header, 4);
  for (uint32_t done = 0; done < record->length; done += CHUNK) {
    uint32_t part = record->length - done < CHUNK ? record->length - done : CHUNK;
    uint32_t at = record->at + HEADER_SIZE + done;
    if (area->read(area->context, at, chunk, part) != 0) return HAL_ERR_STORAGE;
    crc = crc32_update(crc, chunk, part);
  }
  memset(chunk, 0, sizeof chunk);
  record->is_whole = ~crc == get32(header + 4);
  return HAL_OK;
}

/** Fill a header. @param crc of slot, version, length and content */
static void make_header(uint8_t header[HEADER_SIZE], int slot, const uint8_t *data, uint16_t length) {
  header[0] = (uint8_t)slot;
  header[1] = VERSION;
  header[2] = (uint8_t)length;
  header[3] = (uint8_t)(length >> 8);
  uint32_t crc = crc32_update(0xffffffffu, header, 4);
  put32(header + 4, ~crc32_update(crc, data, length));
}

/** Write a whole record. @returns 0; HAL_ERR_STORAGE */
static int write_record(const struct slot_area *area, const struct record *record, int slot,
                        const uint8_t *data, uint16_t length) {
  uint8_t header[HEADER_SIZE];
  make_header(header, slot, data, length);
  int error = update(area, record->at, header, HEADER_SIZE);
  return error ? error : update(area, record->at + HEADER_SIZE, data, length);
}

/** Copy a whole spare to the record that it was meant for. @returns 0; HAL_ERR_STORAGE */
static int copy_record(const struct slot_area *area, const struct record *from,
                       const struct record *to) {
  uint8_t chunk[CHUNK];
  uint32_t length = HEADER_SIZE + from->length;
  int error = HAL_OK;
  for (uint32_t done = 0; !error && done < length; done += CHUNK) {
    uint32_t part = length - done < CHUNK ? length - done : CHUNK;
    if (area->read(area->context, from->at + done, chunk, part) != 0) error = HAL_ERR_STORAGE;
    else error = update(area, to->at + done, chunk, part);
  }
  memset(chunk, 0, sizeof chunk);
  return error;
}

// ---- the area -------------------------------------------------------------------------------

/** @returns 1 when the area has the mark; 0; HAL_ERR_STORAGE */
static int is_formatted(const struct slot_area *area) {
  uint8_t found[MARK_SIZE];
  if (area->read(area->context, 0, found, MARK_SIZE) != 0) return HAL_ERR_STORAGE;
  return memcmp(found, mark, MARK_SIZE) == 0;
}

/** Make all records empty, then set the mark: a cut before it begins anew. */
static int format(const struct slot_area *area) {
  int error = HAL_OK;
  for (uint32_t i = 0; !error && i <= area->count; i += 1) {
    struct record record = place_of(area, i);
    int slot = i < area->count ? area->places[i].slot : NO_SLOT;
    error = write_record(area, &record, slot, mark, 0);
  }
  return error ? error : update(area, 0, mark, MARK_SIZE);
}

/** Finish a write of a safe slot that was cut off after its spare was whole. */
static int recover(const struct slot_area *area) {
  struct record spare = place_of(area, area->count);
  int error = inspect(area, &spare);
  if (error || !spare.is_whole || spare.slot == NO_SLOT) return error;
  uint32_t index = index_of(area, spare.slot);
  if (index == area->count) return HAL_OK;
  struct record record = place_of(area, index);
  return spare.length <= record.capacity ? copy_record(area, &spare, &record) : HAL_OK;
}

/**
 * The record that holds a slot's content. A whole spare is never older than the slot's own record,
 * and counts even if that is whole, too: a byte that the power tore may read as it was before.
 */
static int find(const struct slot_area *area, uint32_t index, struct record *record) {
  const struct slot_place *place = &area->places[index];
  int error;
  if (place->safe) {
    *record = place_of(area, area->count);
    error = inspect(area, record);
    if (error || (record->is_whole && record->slot == place->slot)) return error;
  }
  *record = place_of(area, index);
  error = inspect(area, record);
  if (error || (record->is_whole && record->slot == place->slot)) return error;
  record->is_whole = 0;
  return place->safe ? HAL_ERR_STORAGE : HAL_OK;
}

int slots_read(const struct slot_area *area, int slot, uint8_t *buffer, size_t capacity) {
  uint32_t index = index_of(area, slot);
  if (index == area->count) return HAL_ERR_INVALID;
  int formatted = is_formatted(area);
  if (formatted <= 0) return formatted;
  struct record record;
  int error = find(area, index, &record);
  if (error) return error;
  if (!record.is_whole || record.length == 0) return 0;
  if (record.length > capacity) return HAL_ERR_TOO_LONG;
  error = area->read(area->context, record.at + HEADER_SIZE, buffer, record.length);
  return error ? HAL_ERR_STORAGE : record.length;
}

int slots_write(const struct slot_area *area, int slot, const uint8_t *data, size_t length) {
  uint32_t index = index_of(area, slot);
  if (index == area->count) return HAL_ERR_INVALID;
  struct record record = place_of(area, index);
  if (length > record.capacity) return HAL_ERR_NO_SPACE;
  int formatted = is_formatted(area);
  int error = formatted < 0 ? formatted : formatted == 0 ? format(area) : recover(area);
  if (error) return error;
  uint16_t size = (uint16_t)length;
  if (area->places[index].safe) {
    struct record spare = place_of(area, area->count);
    error = write_record(area, &spare, slot, data, size);
  }
  if (!error) error = write_record(area, &record, slot, data, size);
  return error ? error : (int)length;
}
