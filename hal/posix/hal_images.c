// Image areas of the Linux port: files beside the slots. Native firmware that is complete is copied to
// `firmware.bin`, without what stands before its body.

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../files/image_files.h"
#include "hal_posix.h"

/** Bytes of an application's area, and of firmware's. */
#define APPLICATION_CAPACITY 262144u
#define FIRMWARE_CAPACITY 1048576u
#define PIECE 4096u

static int area_of(int image, char path[HAL_POSIX_PATH_SIZE], struct image_file *area) {
  // As bindings/node/file-images.ts has them.
  static const char *const names[] = {"application-a.wasm", "application-b.wasm", "firmware.image"};
  if (image < HAL_IMAGE_APPLICATION_A || image > HAL_IMAGE_FIRMWARE) return HAL_ERR_NOT_SUPPORTED;
  area->path = path;
  area->capacity = image == HAL_IMAGE_FIRMWARE ? FIRMWARE_CAPACITY : APPLICATION_CAPACITY;
  return hal_posix_path(path, names[image]);
}

/** Copy the rest of an image. @returns HAL_OK; HAL_ERR_STORAGE; HAL_ERR_INVALID */
static int copy(const struct image_file *area, uint32_t from, int output) {
  int size = image_file_size(area);
  if (size < 0) return size;
  if (from > (uint32_t)size) return HAL_ERR_INVALID;
  uint8_t piece[PIECE];
  while (from < (uint32_t)size) {
    uint32_t length = (uint32_t)size - from < PIECE ? (uint32_t)size - from : PIECE;
    if (image_file_read(area, from, piece, length) < 0) return HAL_ERR_STORAGE;
    if (write(output, piece, length) != (ssize_t)length) return HAL_ERR_STORAGE;
    from += length;
  }
  return fsync(output) == 0 ? HAL_OK : HAL_ERR_STORAGE;
}

/** Hand native firmware over: all of the file is there, or none. */
static int stage(const struct image_file *area, uint32_t body) {
  char path[HAL_POSIX_PATH_SIZE], fresh[HAL_POSIX_PATH_SIZE];
  if (hal_posix_path(path, "firmware.bin") < 0) return HAL_ERR_STORAGE;
  if (hal_posix_path(fresh, "firmware.bin.new") < 0) return HAL_ERR_STORAGE;
  int output = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (output < 0) return HAL_ERR_STORAGE;
  int result = copy(area, body, output);
  if (close(output) != 0 || result != HAL_OK) return result < 0 ? result : HAL_ERR_STORAGE;
  return rename(fresh, path) == 0 ? HAL_OK : HAL_ERR_STORAGE;
}

int hal_image_erase(int image, uint32_t offset, size_t length) {
  char path[HAL_POSIX_PATH_SIZE];
  struct image_file area;
  int error = area_of(image, path, &area);
  return error ? error : image_file_erase(&area, offset, length);
}

int hal_image_write(int image, uint32_t offset, const uint8_t *data, size_t length) {
  char path[HAL_POSIX_PATH_SIZE];
  struct image_file area;
  int error = area_of(image, path, &area);
  if (error) return error;
  int result = image_file_write(&area, offset, data, length);
  if (result < 0 || length > 0 || image != HAL_IMAGE_FIRMWARE) return result;
  return stage(&area, offset);
}

int hal_image_read(int image, uint32_t offset, uint8_t *buffer, size_t length) {
  char path[HAL_POSIX_PATH_SIZE];
  struct image_file area;
  int error = area_of(image, path, &area);
  return error ? error : image_file_read(&area, offset, buffer, length);
}
