// ftruncate
#define _GNU_SOURCE

#include "image_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../hal.h"

/** What an erased byte reads as. */
#define ERASED 0xff
/** Bytes that are filled at a time. */
#define PIECE 64u

static int storage_error(void) { return errno == ENOSPC ? HAL_ERR_NO_SPACE : HAL_ERR_STORAGE; }

/** @returns HAL_OK; HAL_ERR_NOT_SUPPORTED; HAL_ERR_INVALID */
static int check_range(const struct image_file *image, uint32_t offset, size_t length) {
  if (image->capacity == 0) return HAL_ERR_NOT_SUPPORTED;
  if (offset > image->capacity || length > image->capacity - offset) return HAL_ERR_INVALID;
  return HAL_OK;
}

/** Write where the file stands. @returns 0; -1 with errno */
static int write_bytes(int file, const uint8_t *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    int written = (int)write(file, bytes + done, length - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return -1;
    done += (size_t)written;
  }
  return 0;
}

/** Bytes read of `length`, from where the file stands; -1 with errno. */
static int read_bytes(int file, uint8_t *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    int got = (int)read(file, bytes + done, length - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (int)done;
}

/** Make bytes erased ones. @returns 0; -1 with errno */
static int fill(int file, uint32_t from, uint32_t to) {
  uint8_t erased[PIECE];
  memset(erased, ERASED, sizeof erased);
  if (lseek(file, (off_t)from, SEEK_SET) < 0) return -1;
  for (uint32_t at = from; at < to; at += PIECE) {
    if (write_bytes(file, erased, to - at < PIECE ? to - at : PIECE) != 0) return -1;
  }
  return 0;
}

/** Close; what was written is then with the file system. @returns `result`, or the error */
static int finish(int file, int failed, int result) {
  int error = errno;
  if (close(file) != 0 && !failed) return storage_error();
  errno = error;
  return failed ? storage_error() : result;
}

int image_file_erase(const struct image_file *image, uint32_t offset, size_t length) {
  int error = check_range(image, offset, length);
  if (error) return error;
  if (offset % HAL_IMAGE_STEP != 0 || length > HAL_IMAGE_STEP) return HAL_ERR_INVALID;
  if (length == 0) return (int)image->capacity;
  int file = open(image->path, O_RDWR | O_CREAT | (offset == 0 ? O_TRUNC : 0), 0600);
  if (file < 0) return storage_error();
  int end = (int)lseek(file, 0, SEEK_END);
  uint32_t to = offset + (uint32_t)length;
  int failed = end < 0;
  if (!failed && (uint32_t)end > to) failed = fill(file, offset, to) != 0;
  else if (!failed && (uint32_t)end > offset) failed = ftruncate(file, (off_t)offset) != 0;
  return finish(file, failed, (int)image->capacity);
}

/** Bring what was written to the medium. */
static int complete(const struct image_file *image) {
  int file = open(image->path, O_RDWR);
  if (file < 0) return storage_error();
  return finish(file, fsync(file) != 0, 0);
}

int image_file_write(const struct image_file *image, uint32_t offset, const uint8_t *data,
                     size_t length) {
  int error = check_range(image, offset, length);
  if (error) return error;
  if (length == 0) return complete(image);
  if (!data) return HAL_ERR_INVALID;
  int file = open(image->path, O_RDWR | O_CREAT, 0600);
  if (file < 0) return storage_error();
  int end = (int)lseek(file, 0, SEEK_END);
  int failed = end < 0;
  if (!failed && (uint32_t)end < offset) failed = fill(file, (uint32_t)end, offset) != 0;
  if (!failed) failed = lseek(file, (off_t)offset, SEEK_SET) < 0;
  if (!failed) failed = write_bytes(file, data, length) != 0;
  return finish(file, failed, (int)length);
}

int image_file_read(const struct image_file *image, uint32_t offset, uint8_t *buffer,
                    size_t length) {
  int error = check_range(image, offset, length);
  if (error) return error;
  if (!buffer && length > 0) return HAL_ERR_INVALID;
  int file = open(image->path, O_RDONLY);
  if (file < 0 && errno != ENOENT) return storage_error();
  int done = 0, failed = 0;
  if (file >= 0) {
    failed = lseek(file, (off_t)offset, SEEK_SET) < 0;
    if (!failed) done = read_bytes(file, buffer, length);
    failed |= done < 0;
    close(file);
  }
  if (failed) return HAL_ERR_STORAGE;
  if (length > 0) memset(buffer + done, ERASED, length - (size_t)done);
  return (int)length;
}

int image_file_size(const struct image_file *image) {
  int file = open(image->path, O_RDONLY);
  if (file < 0) return errno == ENOENT ? 0 : HAL_ERR_STORAGE;
  int end = (int)lseek(file, 0, SEEK_END);
  close(file);
  return end < 0 ? HAL_ERR_STORAGE : end;
}
