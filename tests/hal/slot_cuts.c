// Slots in an area of bytes, with the power cut at every byte of every write, and again at every
// byte of the write after it.

#include "../../hal/device-os/slots.h"

#include <stdio.h>
#include <string.h>

#include "../../hal/hal.h"

#define AREA_SIZE 256
#define UNLIMITED 0xffffffffu
#define COUNT(list) (sizeof(list) / sizeof *(list))

static const struct slot_place places[] = {{1, 1, 12}, {3, 0, 10}, {4, 0, 10}, {5, 1, 40}};

/** The medium: its bytes, and how many more it takes before the power fails. */
struct medium {
  uint8_t bytes[AREA_SIZE];
  uint32_t power;
  uint8_t garbage; /**< what a byte holds whose write was cut, xor what it should */
};

static struct medium medium;
static int failures;

static int read_bytes(void *context, uint32_t at, uint8_t *bytes, uint32_t length) {
  const struct medium *from = context;
  if (at > AREA_SIZE || length > AREA_SIZE - at) return -1;
  memcpy(bytes, from->bytes + at, length);
  return 0;
}

static int write_bytes(void *context, uint32_t at, const uint8_t *bytes, uint32_t length) {
  struct medium *to = context;
  if (at > AREA_SIZE || length > AREA_SIZE - at) return -1;
  for (uint32_t i = 0; i < length; i += 1) {
    if (to->power == 0) {
      to->bytes[at + i] ^= to->garbage;
      to->garbage = 0;
      return -1;
    }
    if (to->power != UNLIMITED) to->power -= 1;
    to->bytes[at + i] = bytes[i];
  }
  return 0;
}

static const struct slot_area area = {read_bytes, write_bytes, &medium, AREA_SIZE,
                                      places,     COUNT(places)};

static void check(const char *name, int passed) {
  printf("%s %s\n", passed ? "ok" : "FAILED", name);
  if (!passed) failures += 1;
}

// ---- contents -------------------------------------------------------------------------------

/** What the slots hold, in the order of `places`; length below 0: an error. */
struct contents {
  int length[COUNT(places)];
  uint8_t bytes[COUNT(places)][48];
};

static void read_all(struct contents *contents) {
  memset(contents, 0, sizeof *contents);
  for (size_t i = 0; i < COUNT(places); i += 1) {
    contents->length[i] = slots_read(&area, places[i].slot, contents->bytes[i], 48);
  }
}

static int same(const struct contents *a, const struct contents *b, size_t index) {
  return a->length[index] == b->length[index] &&
         memcmp(a->bytes[index], b->bytes[index], sizeof a->bytes[index]) == 0;
}

/** One write: slot, length, the byte that fills it. */
struct change {
  size_t index;
  uint32_t length;
  uint8_t fill;
};

static int apply(const struct change *change) {
  uint8_t data[48];
  for (uint32_t i = 0; i < change->length; i += 1) data[i] = (uint8_t)(change->fill + i);
  return slots_write(&area, places[change->index].slot, data, change->length);
}

/**
 * Whether `now` is what a cut change may leave: it, or what was before. An unsafe slot may hold
 * nothing, or what it held before an earlier cut (`elder`): a byte torn twice may be as it was.
 */
static int is_allowed(const struct contents *elder, const struct contents *before,
                      const struct contents *after, const struct contents *now, size_t changed) {
  for (size_t i = 0; i < COUNT(places); i += 1) {
    int kept = same(now, before, i);
    int replaced = i == changed && same(now, after, i);
    int torn = i == changed && !places[i].safe && (now->length[i] == 0 || same(now, elder, i));
    if (!kept && !replaced && !torn) return 0;
  }
  return 1;
}

static void restore(const struct medium *saved, uint32_t power, uint8_t garbage) {
  medium = *saved;
  medium.power = power;
  medium.garbage = garbage;
}

// ---- cuts -----------------------------------------------------------------------------------

/** A cut that left `start`: the next write is cut at every byte, too. @returns cuts; 0 a failure */
static uint32_t cut_again(const struct contents *elder, const struct medium *start,
                          const struct change *next) {
  struct contents before, after, now;
  restore(start, UNLIMITED, 0);
  read_all(&before);
  if (apply(next) != (int)next->length) return 0;
  read_all(&after);
  for (size_t i = 0; i < COUNT(places); i += 1) {
    if (i != next->index && !same(&before, &after, i)) return 0;
  }
  uint32_t cut = 0;
  for (;; cut += 1) {
    restore(start, cut, 0xff);
    int result = apply(next);
    medium.power = UNLIMITED;
    read_all(&now);
    if (!is_allowed(elder, &before, &after, &now, next->index)) return 0;
    if (result == (int)next->length) return cut + 1;
  }
}

/** Cut one write at every byte; after each cut, another. @returns cuts; 0 a failure */
static uint32_t cut_everywhere(const struct change *change, const struct change *next,
                               uint8_t garbage) {
  struct medium start = medium;
  struct contents before, after, now;
  read_all(&before);
  restore(&start, UNLIMITED, 0);
  if (apply(change) != (int)change->length) return 0;
  read_all(&after);
  uint32_t cuts = 0;
  for (uint32_t cut = 0;; cut += 1) {
    restore(&start, cut, garbage);
    int result = apply(change);
    medium.power = UNLIMITED;
    read_all(&now);
    if (!is_allowed(&before, &before, &after, &now, change->index)) return 0;
    struct medium left = medium;
    uint32_t more = cut_again(&before, &left, next);
    if (more == 0) return 0;
    cuts += more;
    if (result != (int)change->length) continue;
    restore(&left, UNLIMITED, 0);
    return cuts;
  }
}

static const struct change life[] = {
    {0, 12, 10}, {3, 40, 60}, {1, 10, 1}, {2, 8, 2},  {1, 10, 3},   {0, 5, 30},
    {3, 0, 0},   {2, 10, 4},  {0, 0, 0},  {3, 7, 90}, {0, 12, 120}, {1, 0, 0},
};

/** A life of writes, each cut at every byte, each followed by each other kind of write. */
static void check_cuts(uint8_t fresh, uint8_t garbage) {
  memset(medium.bytes, fresh, sizeof medium.bytes);
  uint32_t cuts = 0;
  int passed = 1;
  for (size_t step = 0; step < COUNT(life); step += 1) {
    struct medium start = medium;
    for (size_t next = 0; next < 4; next += 1) {
      restore(&start, UNLIMITED, 0);
      uint32_t found = cut_everywhere(&life[step], &life[next], garbage);
      if (found == 0) printf("slot %d, then slot %d\n", places[life[step].index].slot,
                             places[life[next].index].slot);
      passed &= found != 0;
      cuts += found;
    }
  }
  char name[80];
  snprintf(name, sizeof name, "slots: fresh %02x, torn %02x, %u cuts", fresh, garbage,
           (unsigned)cuts);
  check(name, passed && cuts > 10000);
}

// ---- the rest -------------------------------------------------------------------------------

static int has(int slot, const char *text) {
  uint8_t buffer[48];
  int length = slots_read(&area, slot, buffer, sizeof buffer);
  return length == (int)strlen(text) && memcmp(buffer, text, strlen(text)) == 0;
}

static int put(int slot, const char *text) {
  return slots_write(&area, slot, (const uint8_t *)text, strlen(text)) == (int)strlen(text);
}

static void check_basics(void) {
  uint8_t buffer[48];
  memset(&medium, 0xff, sizeof medium);
  check("size", slots_size(places, COUNT(places)) == 4 + 5 * 8 + 12 + 10 + 10 + 40 + 40);
  check("untouched: empty", slots_read(&area, 1, buffer, 48) == 0 && has(5, ""));
  check("no such slot", slots_read(&area, 2, buffer, 48) == HAL_ERR_INVALID &&
                            slots_write(&area, 6, buffer, 1) == HAL_ERR_INVALID);
  check("writes", put(1, "twelve bytes") && put(3, "a") && put(4, "bb") && put(5, "ccc"));
  check("reads", has(1, "twelve bytes") && has(3, "a") && has(4, "bb") && has(5, "ccc"));
  check("longer than its place", slots_write(&area, 1, buffer, 13) == HAL_ERR_NO_SPACE);
  check("and changes nothing", has(1, "twelve bytes"));
  memset(buffer, 7, sizeof buffer);
  check("longer than the buffer", slots_read(&area, 1, buffer, 11) == HAL_ERR_TOO_LONG);
  check("and leaves the buffer", buffer[0] == 7 && buffer[11] == 7);
  check("erases", slots_write(&area, 5, NULL, 0) == 0 && has(5, "") && has(4, "bb"));
}

/** Bytes that no cut explains: a safe slot says so, an unsafe one is empty. */
static void check_damage(void) {
  uint8_t buffer[48];
  struct medium whole = medium;
  put(1, "first");
  put(5, "spare");
  struct medium both = medium;
  check("damage: none", has(1, "first"));
  medium.bytes[4 + 8] ^= 1;
  check("damage: of a safe slot", slots_read(&area, 1, buffer, 48) == HAL_ERR_STORAGE);
  check("damage: and others are whole", has(5, "spare") && has(3, "a"));
  check("damage: written anew", put(1, "again") && has(1, "again"));
  medium = both;
  medium.bytes[4 + 20 + 8] ^= 1;
  check("damage: of an unsafe slot", slots_read(&area, 3, buffer, 48) == 0 && has(4, "bb"));
  medium = whole;
}

/** Bytes that are the same are not written: EEPROM and flash wear. */
static void check_wear(void) {
  put(1, "same");
  medium.power = 0;
  check("wear: the same again writes nothing", put(1, "same"));
  medium.power = UNLIMITED;
}

static void check_medium(void) {
  struct slot_area broken = area;
  uint8_t buffer[48];
  medium.power = 0;
  check("medium: a failed write", slots_write(&area, 3, (const uint8_t *)"zz", 2) == HAL_ERR_STORAGE);
  medium.power = UNLIMITED;
  struct slot_place outside[] = {{1, 1, 300}};
  broken.places = outside;
  broken.count = 1;
  medium.bytes[6] = 0x2c, medium.bytes[7] = 1, medium.bytes[5] = 1;
  check("medium: a failed read", slots_read(&broken, 1, buffer, 48) == HAL_ERR_STORAGE);
}

int main(void) {
  medium.power = UNLIMITED;
  check_basics();
  medium.power = UNLIMITED;
  check_damage();
  check_wear();
  check_medium();
  check_cuts(0xff, 0x00);
  check_cuts(0x00, 0x5a);
  check_cuts(0xa5, 0xff);
  return failures == 0 ? 0 : 1;
}
