// Image areas as files, for ports whose system has open, lseek, ftruncate and fsync. Bytes behind the
// end of a file are erased ones, so that erasing is cutting off, and the end is the image's.

#ifndef WBOSON_IMAGE_FILES_H
#define WBOSON_IMAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct image_file {
  const char *path;
  uint32_t capacity; /**< bytes; 0: there is no such area */
};

/** As `hal_image_erase`. Erasing from offset 0 on empties the file. */
int image_file_erase(const struct image_file *image, uint32_t offset, size_t length);

/** As `hal_image_write`; what is complete is only brought to the medium. */
int image_file_write(const struct image_file *image, uint32_t offset, const uint8_t *data,
                     size_t length);

/** As `hal_image_read`. */
int image_file_read(const struct image_file *image, uint32_t offset, uint8_t *buffer, size_t length);

/** @returns bytes up to the last one written; HAL_ERR_STORAGE */
int image_file_size(const struct image_file *image);

#ifdef __cplusplus
}
#endif

#endif
