// Preloaded into boson-run: a socket that takes few bytes at a time, and often none, as that of a small
// board does.

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

ssize_t send(int descriptor, const void *data, size_t length, int flags) {
  static ssize_t (*real)(int, const void *, size_t, int);
  static unsigned calls;
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "send");
  calls += 1;
  if (calls % 3 == 0) {
    errno = EAGAIN;
    return -1;
  }
  size_t most = 1 + calls % 97;
  return real(descriptor, data, length < most ? length : most, flags);
}
