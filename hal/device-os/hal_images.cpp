// Image areas of the Device OS port: files beside the slots, where board.h gives them room.

#include "../../boards/board.h"
#include "../files/image_files.h"
#include "../hal.h"

#if WBOSON_APPLICATION_SLOT

static struct image_file area_of(int image) {
  switch (image) {
    case HAL_IMAGE_APPLICATION_A:
      return {WBOSON_STORAGE_FOLDER "/image-0", WBOSON_APPLICATION_SLOT};
    case HAL_IMAGE_APPLICATION_B:
      return {WBOSON_STORAGE_FOLDER "/image-1", WBOSON_APPLICATION_SLOT};
    default:
      return {"", 0};
  }
}

int hal_image_erase(int image, uint32_t offset, size_t length) {
  struct image_file area = area_of(image);
  return image_file_erase(&area, offset, length);
}

int hal_image_write(int image, uint32_t offset, const uint8_t *data, size_t length) {
  struct image_file area = area_of(image);
  return image_file_write(&area, offset, data, length);
}

int hal_image_read(int image, uint32_t offset, uint8_t *buffer, size_t length) {
  struct image_file area = area_of(image);
  return image_file_read(&area, offset, buffer, length);
}

#else

int hal_image_erase(int, uint32_t, size_t) { return HAL_ERR_NOT_SUPPORTED; }

int hal_image_write(int, uint32_t, const uint8_t *, size_t) { return HAL_ERR_NOT_SUPPORTED; }

int hal_image_read(int, uint32_t, uint8_t *, size_t) { return HAL_ERR_NOT_SUPPORTED; }

#endif
