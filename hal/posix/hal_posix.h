// What the Linux port of the HAL needs beside the contract: where storage is, and other things to
// wait for.

#ifndef WBOSON_HAL_POSIX_H
#define WBOSON_HAL_POSIX_H

#include "../hal.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Say where storage is, before any other call. The folder is made if it is not there.
 * @param folder [in] path, ended by 0, at most 3800 bytes; copied
 * @returns HAL_OK; HAL_ERR_INVALID; HAL_ERR_STORAGE
 */
int hal_posix_open(const char *folder);

/** Longest path of a file in storage, bytes with the final 0. */
#define HAL_POSIX_PATH_SIZE 3864

/**
 * Path of a file in storage; for the files of this port.
 * @param name [in] ended by 0, at most 60 bytes
 * @returns HAL_OK; HAL_ERR_STORAGE before hal_posix_open
 */
int hal_posix_path(char path[HAL_POSIX_PATH_SIZE], const char *name);

/**
 * Let `hal_wait` return 1 also when a file can be read.
 * @param descriptor of the file; -1 for none
 */
void hal_posix_watch(int descriptor);

#ifdef __cplusplus
}
#endif

#endif
