// The conformance suite of the HAL, image areas: on a port that has them.

#include <string.h>

#include "../../hal/hal.h"
#include "conformance.h"

/** An uneven part, as chunks of an update are. */
#define PART 1136u

static uint8_t part[PART + 1];

static uint8_t pattern(int image, uint32_t at) { return (uint8_t)(at * 7 + at / 251 + (uint32_t)image); }

static int put(int image, uint32_t offset, uint32_t length) {
  for (uint32_t i = 0; i < length; i += 1) part[i] = pattern(image, offset + i);
  return hal_image_write(image, offset, part, length) == (int)length;
}

static int has(int image, uint32_t offset, uint32_t length) {
  memset(part, 0, sizeof part);
  if (hal_image_read(image, offset, part, length) != (int)length || part[length] != 0) return 0;
  for (uint32_t i = 0; i < length; i += 1) {
    if (part[i] != pattern(image, offset + i)) return 0;
  }
  return 1;
}

/** Write all of `size` bytes: the even parts, then the odd ones. */
static int put_all(int image, uint32_t size) {
  int done = 1;
  for (uint32_t odd = 0; odd < 2; odd += 1) {
    for (uint32_t at = odd * PART; at < size; at += 2 * PART) {
      done &= put(image, at, size - at < PART ? size - at : PART);
    }
  }
  return done;
}

static int has_all(int image, uint32_t size) {
  int done = 1;
  for (uint32_t at = 0; at < size; at += PART) {
    done &= has(image, at, size - at < PART ? size - at : PART);
  }
  return done;
}

static int erase_all(int image, uint32_t size) {
  int capacity = hal_image_erase(image, 0, 0), done = 1;
  for (uint32_t at = 0; at < size; at += HAL_IMAGE_STEP) {
    uint32_t length = size - at < HAL_IMAGE_STEP ? size - at : HAL_IMAGE_STEP;
    done &= hal_image_erase(image, at, length) == capacity;
  }
  return done;
}

/** Capacity of an area; 0 when the port has none, which it then says to every call. */
static uint32_t capacity_of(int image) {
  int capacity = hal_image_erase(image, 0, 0);
  return capacity > 0 ? (uint32_t)capacity : 0;
}

static int is_absent(int image) {
  return hal_image_erase(image, 0, HAL_IMAGE_STEP) == HAL_ERR_NOT_SUPPORTED &&
         hal_image_write(image, 0, part, 4) == HAL_ERR_NOT_SUPPORTED &&
         hal_image_read(image, 0, part, 4) == HAL_ERR_NOT_SUPPORTED;
}

static void check_bounds(void (*check)(const char *name, int passed), int image, uint32_t capacity) {
  check("image: step that is none",
        hal_image_erase(image, 1, HAL_IMAGE_STEP) == HAL_ERR_INVALID &&
            hal_image_erase(image, 0, HAL_IMAGE_STEP + 1) == HAL_ERR_INVALID);
  check("image: erasing behind the end",
        hal_image_erase(image, capacity, HAL_IMAGE_STEP) == HAL_ERR_INVALID &&
            hal_image_erase(image, 0xfffff000u, HAL_IMAGE_STEP) == HAL_ERR_INVALID);
  check("image: writing behind the end",
        hal_image_write(image, capacity - 3, part, 4) == HAL_ERR_INVALID &&
            hal_image_write(image, 0xfffffffeu, part, 4) == HAL_ERR_INVALID);
  check("image: reading behind the end",
        hal_image_read(image, capacity - 3, part, 4) == HAL_ERR_INVALID &&
            hal_image_read(image, 0xfffffffeu, part, 4) == HAL_ERR_INVALID);
  check("image: no bytes", hal_image_write(image, 0, NULL, 4) == HAL_ERR_INVALID &&
                               hal_image_read(image, 0, NULL, 4) == HAL_ERR_INVALID);
}

void hal_conformance_images(void (*check)(const char *name, int passed)) {
  uint32_t sizes[3];
  int writes = 1, reads = 1, completes = 1, again = 1, absent = 1;
  check("image: no such area", is_absent(-1) && is_absent(3));
  for (int image = 0; image < 3; image += 1) {
    uint32_t capacity = capacity_of(image);
    sizes[image] = capacity < 70000 ? capacity : 70000;
    if (capacity == 0) {
      absent &= is_absent(image);
      continue;
    }
    writes &= erase_all(image, sizes[image]) && put_all(image, sizes[image]);
    check_bounds(check, image, capacity);
  }
  check("image: an area that is not there", absent);
  for (int image = 0; image < 3; image += 1) reads &= has_all(image, sizes[image]);
  check("image: writes in any order", writes);
  check("image: reads, and areas are apart", reads);
  for (int image = 0; image < 3 && sizes[image] > 0; image += 1) {
    // An image of firmware is none: a port may refuse what is in there now.
    if (image == HAL_IMAGE_FIRMWARE) continue;
    completes &= hal_image_write(image, 100, NULL, 0) == 0 && has_all(image, sizes[image]);
    // A shorter one in its place.
    again &= erase_all(image, 5000) && put(image, 4100, 900) && put(image, 0, 200);
    again &= has(image, 4100, 900) && has(image, 0, 200);
  }
  check("image: completes", completes);
  check("image: is replaced", again);
}
