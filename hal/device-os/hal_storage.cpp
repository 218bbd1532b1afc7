// Storage of the Device OS port, of the kind that board.h says. Keys: files on the file system, or
// places in the EEPROM. The session: retained memory, or files.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../boards/board.h"
#include "../hal.h"
#include "Particle.h"
#include "slots.h"

#define SESSION_A 3
#define SESSION_B 4

#if WBOSON_SESSION_RETAINED

// ---- retained memory ------------------------------------------------------------------------
// Survives a reset and sleep, not a power cut: then the session is gone, and none can be too old.

/** Bytes of a session slot; the core's record has 232. */
#define SESSION_CAPACITY 256
/** As `slots_size` counts: mark, two records, a spare of no bytes. */
#define SESSION_AREA (4 + 2 * (8 + SESSION_CAPACITY) + 8)
static_assert(SESSION_AREA <= WBOSON_RETAINED_BYTES, "retained memory is too small");

static retained uint8_t session_bytes[SESSION_AREA];

static int read_session(void *, uint32_t at, uint8_t *bytes, uint32_t length) {
  memcpy(bytes, session_bytes + at, length);
  return 0;
}

static int write_session(void *, uint32_t at, const uint8_t *bytes, uint32_t length) {
  memcpy(session_bytes + at, bytes, length);
  return 0;
}

static const slot_place session_places[] = {{SESSION_A, 0, SESSION_CAPACITY},
                                            {SESSION_B, 0, SESSION_CAPACITY}};
static const slot_area session_area = {read_session, write_session,  NULL,
                                       SESSION_AREA, session_places, 2};

#endif

#if WBOSON_STORAGE_FILES

// ---- files ----------------------------------------------------------------------------------
// A slot is a file. It is written under another name first, and renamed: with LittleFS that is a
// change that happens or does not.

#define PATH_SIZE (sizeof WBOSON_STORAGE_FOLDER + 16)

static void path_of(char path[PATH_SIZE], int slot, const char *suffix) {
  char name[] = "/slot-00";
  char *end = name + 6;
  if (slot > 9) *end++ = (char)('0' + slot / 10);
  *end++ = (char)('0' + slot % 10);
  *end = 0;
  strcpy(path, WBOSON_STORAGE_FOLDER);
  strcat(path, name);
  strcat(path, suffix);
}

static int storage_error(void) { return errno == ENOSPC ? HAL_ERR_NO_SPACE : HAL_ERR_STORAGE; }

/** Make the folder, and those above it. */
static void make_folders(void) {
  char path[] = WBOSON_STORAGE_FOLDER;
  for (char *at = path + 1; *at; at += 1) {
    if (*at != '/') continue;
    *at = 0;
    mkdir(path, 0755);
    *at = '/';
  }
  mkdir(path, 0755);
}

/** Bytes read of `length`. */
static size_t read_bytes(int file, uint8_t *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    int got = (int)read(file, bytes + done, length - done);
    if (got <= 0) break;
    done += (size_t)got;
  }
  return done;
}

static int read_place(int slot, uint8_t *buffer, size_t capacity) {
  char path[PATH_SIZE];
  path_of(path, slot, "");
  int file = open(path, O_RDONLY);
  if (file < 0) return errno == ENOENT ? 0 : HAL_ERR_STORAGE;
  int size = (int)lseek(file, 0, SEEK_END);
  int result = size;
  if (size < 0 || lseek(file, 0, SEEK_SET) != 0) result = HAL_ERR_STORAGE;
  else if (size > HAL_SLOT_MAX || (size_t)size > capacity) result = HAL_ERR_TOO_LONG;
  // Straight into the buffer: this runs on the stack of the interpreter's thread, which is short.
  else if (read_bytes(file, buffer, (size_t)size) != (size_t)size) result = HAL_ERR_STORAGE;
  close(file);
  return result;
}

/** @returns 0; -1 with errno */
static int write_file(const char *path, const uint8_t *data, size_t length) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 && errno == ENOENT) {
    make_folders();
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }
  if (file < 0) return -1;
  size_t done = 0;
  while (done < length) {
    int written = (int)write(file, data + done, length - done);
    if (written <= 0) break;
    done += (size_t)written;
  }
  int failed = done < length || fsync(file) != 0;
  int error = errno;
  if (close(file) != 0 && !failed) return -1;
  errno = error;
  return failed ? -1 : 0;
}

static int write_place(int slot, const uint8_t *data, size_t length) {
  char path[PATH_SIZE], fresh[PATH_SIZE];
  path_of(path, slot, "");
  path_of(fresh, slot, ".new");
  if (length == 0) return unlink(path) == 0 || errno == ENOENT ? 0 : storage_error();
  if (write_file(fresh, data, length) != 0) return storage_error();
  return rename(fresh, path) == 0 ? (int)length : storage_error();
}

#else

// ---- EEPROM ---------------------------------------------------------------------------------
// DEVIATION(hal.h, HAL_SLOT_MAX): there is no room for seven slots of 1024 bytes. Keys have what
// they need; the certificate and the spare share the rest.

#define KEY_CAPACITY 192    /* PKCS#8 of P-256: 138 */
#define PUBLIC_CAPACITY 128 /* SubjectPublicKeyInfo of P-256: 91 */
#define PSK_CAPACITY 96
#define CERTIFICATE_CAPACITY                                                                       \
  ((WBOSON_EEPROM_BYTES - 4 - 6 * 8 - KEY_CAPACITY - 2 * PUBLIC_CAPACITY - PSK_CAPACITY) / 2)
static_assert(CERTIFICATE_CAPACITY >= KEY_CAPACITY, "the EEPROM is too small");
static_assert(WBOSON_SESSION_RETAINED, "the EEPROM has no place for the session");

static int read_eeprom(void *, uint32_t at, uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i += 1) bytes[i] = EEPROM.read((int)(at + i));
  return 0;
}

static int write_eeprom(void *, uint32_t at, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i += 1) {
    int index = (int)(at + i);
    if (EEPROM.read(index) != bytes[i]) EEPROM.write(index, bytes[i]);
    if (EEPROM.read(index) != bytes[i]) return -1;
  }
  return 0;
}

static const slot_place eeprom_places[] = {{1, 1, KEY_CAPACITY},
                                           {2, 1, PUBLIC_CAPACITY},
                                           {5, 1, PSK_CAPACITY},
                                           {6, 1, CERTIFICATE_CAPACITY},
                                           {7, 1, PUBLIC_CAPACITY}};
static const slot_area eeprom_area = {
    read_eeprom,   write_eeprom, NULL, WBOSON_EEPROM_BYTES,
    eeprom_places, sizeof eeprom_places / sizeof *eeprom_places};

static int read_place(int slot, uint8_t *buffer, size_t capacity) {
  return slots_read(&eeprom_area, slot, buffer, capacity);
}

static int write_place(int slot, const uint8_t *data, size_t length) {
  return slots_write(&eeprom_area, slot, data, length);
}

#endif

// ---- hal.h ----------------------------------------------------------------------------------

/**
 * The publish queue's slots: not on this port yet, so publishes wait in RAM. Those of updates: where
 * there are files.
 */
static bool is_absent(int slot) {
  if (slot >= HAL_UPDATE_SLOT_FIRST && slot <= HAL_UPDATE_SLOT_LAST) return !WBOSON_STORAGE_FILES;
  return slot >= HAL_QUEUE_SLOT_FIRST && slot <= HAL_QUEUE_SLOT_LAST;
}

int hal_storage_read(int slot, uint8_t *buffer, size_t capacity) {
  if (is_absent(slot)) return HAL_ERR_NOT_SUPPORTED;
  if (slot < 1 || slot > HAL_UPDATE_SLOT_LAST || (!buffer && capacity > 0)) return HAL_ERR_INVALID;
#if WBOSON_SESSION_RETAINED
  if (slot == SESSION_A || slot == SESSION_B) {
    return slots_read(&session_area, slot, buffer, capacity);
  }
#endif
  return read_place(slot, buffer, capacity);
}

int hal_storage_write(int slot, const uint8_t *data, size_t length) {
  if (is_absent(slot)) return HAL_ERR_NOT_SUPPORTED;
  if (slot < 1 || slot > HAL_UPDATE_SLOT_LAST || (!data && length > 0)) return HAL_ERR_INVALID;
  if (length > HAL_SLOT_MAX) return HAL_ERR_TOO_LONG;
#if WBOSON_SESSION_RETAINED
  if (slot == SESSION_A || slot == SESSION_B) {
    return slots_write(&session_area, slot, data, length);
  }
#endif
  return write_place(slot, data, length);
}
