// The Linux port of the HAL, and the reference for others: UDP and TCP sockets, slots as files of a
// folder, names as bindings/node/storage.ts has them. Memory is static.

#define _GNU_SOURCE

#include "hal_posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS 4
#define PATH_SIZE HAL_POSIX_PATH_SIZE
#define FOLDER_MAX (PATH_SIZE - 64)
/** How long the result of a lookup that nobody fetched is good, ms. */
#define LOOKUP_LIFETIME 30000u
/** How long a TCP connection may take to come about, ms. */
#define CONNECT_TIMEOUT 20000u
#define COMMAND_LINE_MAX 8192
#define ARGUMENTS_MAX 64

static const char *const slot_files[HAL_SLOT_LAST + 1] = {
    NULL,
    "device-key.der",
    "server-public-key.der",
    "session-a.bin",
    "session-b.bin",
    "psk.bin",
    "certificate.der",
    "server-move-key.der",
};

/** Of the slots of updates. */
static const char *const update_files[] = {"update-keys.bin", "journal-a.bin", "journal-b.bin"};

static char storage_folder[FOLDER_MAX + 1];
static int watched = -1;
/** File descriptors plus 1, so that 0 is free. */
static int sockets[SOCKETS];
static int is_stream[SOCKETS];

/** The TCP connection that is coming about; one at a time. */
static struct {
  int descriptor; /**< plus 1; 0: none */
  uint16_t port;
  uint32_t since; /**< `hal_millis` */
  struct sockaddr_in to;
  char name[HAL_NAME_MAX + 1];
} connecting;

int hal_posix_open(const char *folder) {
  size_t length = folder ? strlen(folder) : 0;
  if (length == 0 || length > FOLDER_MAX) return HAL_ERR_INVALID;
  if (mkdir(folder, 0700) != 0 && errno != EEXIST) return HAL_ERR_STORAGE;
  memcpy(storage_folder, folder, length + 1);
  return HAL_OK;
}

void hal_posix_watch(int descriptor) { watched = descriptor; }

// ---- names ----------------------------------------------------------------------------------
// getaddrinfo waits, so a thread of its own calls it. One lookup at a time; one that is given up
// runs on, and its result is dropped by its number.

static struct {
  pthread_mutex_t lock;
  unsigned number; /**< of the lookup that counts */
  int busy;
  int done;
  int result;       /**< HAL_OK or the error */
  uint32_t done_at; /**< `hal_millis` */
  struct in_addr address;
  char name[HAL_NAME_MAX + 1];
} lookup = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct lookup_job {
  unsigned number;
  char name[HAL_NAME_MAX + 1];
};

/** Two, so that one that was given up can run on while the next is under way. */
static struct lookup_job lookup_jobs[2];
static int job_running[2];

static void *look_up(void *argument) {
  struct lookup_job *job = argument;
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM};
  struct addrinfo *found = NULL;
  int failed = getaddrinfo(job->name, NULL, &hints, &found);
  pthread_mutex_lock(&lookup.lock);
  if (lookup.busy && lookup.number == job->number) {
    if (!failed) lookup.address = ((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr;
    lookup.result = !failed ? HAL_OK : failed == EAI_AGAIN ? HAL_ERR_NETWORK : HAL_ERR_NAME;
    lookup.done = 1;
    lookup.done_at = hal_millis();
  }
  job_running[job - lookup_jobs] = 0;
  pthread_mutex_unlock(&lookup.lock);
  if (found) freeaddrinfo(found);
  return NULL;
}

/** Begin a lookup; the lock is held. @returns HAL_ERR_AGAIN; HAL_ERR_NO_SPACE */
static int start_lookup(const char *name) {
  int free_job = !job_running[0] ? 0 : !job_running[1] ? 1 : -1;
  if (free_job < 0) return HAL_ERR_AGAIN;
  struct lookup_job *job = &lookup_jobs[free_job];
  job->number = ++lookup.number;
  strcpy(job->name, name);
  strcpy(lookup.name, name);
  pthread_t thread;
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  int failed = pthread_create(&thread, &detached, look_up, job);
  pthread_attr_destroy(&detached);
  if (failed) return HAL_ERR_NO_SPACE;
  job_running[free_job] = 1;
  lookup.busy = 1;
  lookup.done = 0;
  return HAL_ERR_AGAIN;
}

/** @returns HAL_OK; HAL_ERR_AGAIN; HAL_ERR_NAME; HAL_ERR_NETWORK; HAL_ERR_NO_SPACE */
static int resolve(const char *name, struct in_addr *address) {
  if (inet_pton(AF_INET, name, address) == 1) return HAL_OK;
  int result;
  pthread_mutex_lock(&lookup.lock);
  int is_old = lookup.done && hal_millis() - lookup.done_at > LOOKUP_LIFETIME;
  if (!lookup.busy || is_old || strcmp(lookup.name, name) != 0) {
    result = start_lookup(name);
  } else if (!lookup.done) {
    result = HAL_ERR_AGAIN;
  } else {
    result = lookup.result;
    *address = lookup.address;
    lookup.busy = 0;
  }
  pthread_mutex_unlock(&lookup.lock);
  return result;
}

// ---- sockets --------------------------------------------------------------------------------

static int descriptor_of(int socket) {
  return socket >= 0 && socket < SOCKETS ? sockets[socket] - 1 : -1;
}

static int connect_datagrams(const struct sockaddr_in *to) {
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return HAL_ERR_NO_SPACE;
  // Connected, so that the kernel drops what comes from anyone else.
  if (connect(descriptor, (const struct sockaddr *)(const void *)to, sizeof *to) != 0) {
    close(descriptor);
    return HAL_ERR_NETWORK;
  }
  return descriptor;
}

/** Give up the connection that is coming about. */
static void stop_connecting(void) {
  if (connecting.descriptor) close(connecting.descriptor - 1);
  connecting.descriptor = 0;
}

/** Begin to connect. @returns HAL_ERR_AGAIN; HAL_ERR_NO_SPACE; HAL_ERR_NETWORK */
static int start_connecting(const char *name, const struct sockaddr_in *to) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return HAL_ERR_NO_SPACE;
  int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int failed = connect(descriptor, (const struct sockaddr *)(const void *)to, sizeof *to);
  if (failed && errno != EINPROGRESS && errno != EINTR) {
    close(descriptor);
    return HAL_ERR_NETWORK;
  }
  connecting.descriptor = descriptor + 1;
  connecting.port = ntohs(to->sin_port);
  connecting.since = hal_millis();
  connecting.to = *to;
  strcpy(connecting.name, name);
  return HAL_ERR_AGAIN;
}

/** Whether it has come about. @returns descriptor; HAL_ERR_AGAIN; HAL_ERR_NETWORK */
static int finish_connecting(struct sockaddr_in *to) {
  struct pollfd file = {.fd = connecting.descriptor - 1, .events = POLLOUT};
  int error = 0;
  socklen_t size = sizeof error;
  if (poll(&file, 1, 0) <= 0) {
    if (hal_millis() - connecting.since <= CONNECT_TIMEOUT) return HAL_ERR_AGAIN;
    error = ETIMEDOUT;
  } else if (getsockopt(file.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  if (error) {
    stop_connecting();
    return HAL_ERR_NETWORK;
  }
  *to = connecting.to;
  connecting.descriptor = 0;
  return file.fd;
}

int hal_socket_open(int kind, const char *name, uint16_t port, uint8_t peer[HAL_ADDRESS_SIZE]) {
  if (!name || !peer || port == 0) return HAL_ERR_INVALID;
  size_t length = strnlen(name, HAL_NAME_MAX + 1);
  if (length == 0 || length > HAL_NAME_MAX) return HAL_ERR_INVALID;
  if (kind != HAL_SOCKET_UDP && kind != HAL_SOCKET_TCP) return HAL_ERR_INVALID;
  int goes_on = kind == HAL_SOCKET_TCP && connecting.descriptor && connecting.port == port &&
                strcmp(connecting.name, name) == 0;
  if (!goes_on) stop_connecting();
  int place = 0;
  while (place < SOCKETS && sockets[place] != 0) place += 1;
  if (place == SOCKETS) return HAL_ERR_NO_SPACE;

  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  int result = goes_on ? HAL_OK : resolve(name, &to.sin_addr);
  if (result < 0) return result;
  int descriptor = goes_on                  ? finish_connecting(&to)
                   : kind == HAL_SOCKET_TCP ? start_connecting(name, &to)
                                            : connect_datagrams(&to);
  if (descriptor < 0) return descriptor;
  memcpy(peer, &to.sin_addr, 4);
  memcpy(peer + 4, &to.sin_port, 2);
  sockets[place] = descriptor + 1;
  is_stream[place] = kind == HAL_SOCKET_TCP;
  return place;
}

/** What became of a call on a socket. A peer that refuses is away, which is no error. */
static int network_error(int error) {
  switch (error) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
    case EINTR:
    case ENOBUFS:
    case ENOMEM:
    case ECONNREFUSED:
    case EHOSTUNREACH:
      return HAL_ERR_AGAIN;
    case EMSGSIZE:
      return HAL_ERR_TOO_LONG;
    default:
      return HAL_ERR_NETWORK;
  }
}

/** What became of a call on a connection. */
static int stream_error(int error) {
  switch (error) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
    case EINTR:
    case ENOBUFS:
    case ENOMEM:
      return HAL_ERR_AGAIN;
    case EPIPE:
    case ECONNRESET:
      return HAL_ERR_CLOSED;
    default:
      return HAL_ERR_NETWORK;
  }
}

int hal_socket_send(int socket, const uint8_t *data, size_t length) {
  int descriptor = descriptor_of(socket);
  if (descriptor < 0 || !data || length == 0) return HAL_ERR_INVALID;
  if (length > HAL_DATAGRAM_MAX) return HAL_ERR_TOO_LONG;
  ssize_t sent = send(descriptor, data, length, MSG_NOSIGNAL);
  if (is_stream[socket]) return sent >= 0 ? (int)sent : stream_error(errno);
  // An answer to an earlier datagram is reported here, and the call has sent nothing.
  if (sent < 0 && errno == ECONNREFUSED) sent = send(descriptor, data, length, MSG_NOSIGNAL);
  return sent >= 0 ? (int)sent : network_error(errno);
}

int hal_socket_receive(int socket, uint8_t *buffer, size_t capacity) {
  int descriptor = descriptor_of(socket);
  if (descriptor < 0 || !buffer || capacity == 0) return HAL_ERR_INVALID;
  ssize_t received;
  if (is_stream[socket]) {
    received = recv(descriptor, buffer, capacity, 0);
    if (received == 0) return HAL_ERR_CLOSED;
    return received > 0 ? (int)received : stream_error(errno);
  }
  do {
    // MSG_TRUNC: the whole length, even if the buffer is shorter. An empty datagram is skipped.
    received = recv(descriptor, buffer, capacity, MSG_TRUNC);
  } while (received == 0);
  if (received < 0) return network_error(errno);
  return (size_t)received > capacity ? HAL_ERR_TOO_LONG : (int)received;
}

int hal_socket_close(int socket) {
  int descriptor = descriptor_of(socket);
  if (descriptor < 0) return HAL_ERR_INVALID;
  close(descriptor);
  sockets[socket] = 0;
  return HAL_OK;
}

// ---- storage --------------------------------------------------------------------------------

int hal_posix_path(char path[PATH_SIZE], const char *name) {
  snprintf(path, PATH_SIZE, "%s/%.60s", storage_folder, name);
  return storage_folder[0] ? HAL_OK : HAL_ERR_STORAGE;
}

static void path_of(char path[PATH_SIZE], int slot, const char *suffix) {
  if (slot <= HAL_SLOT_LAST) {
    snprintf(path, PATH_SIZE, "%s/%s%s", storage_folder, slot_files[slot], suffix);
  } else if (slot >= HAL_UPDATE_SLOT_FIRST) {
    const char *file = update_files[slot - HAL_UPDATE_SLOT_FIRST];
    snprintf(path, PATH_SIZE, "%s/%s%s", storage_folder, file, suffix);
  } else {
    snprintf(path, PATH_SIZE, "%s/slot-%d.bin%s", storage_folder, slot, suffix);
  }
}

static int is_slot(int slot) { return slot >= 1 && slot <= HAL_UPDATE_SLOT_LAST; }

static size_t longest_in(int slot) {
  int is_queue = slot >= HAL_QUEUE_SLOT_FIRST && slot <= HAL_QUEUE_SLOT_LAST;
  return is_queue ? HAL_QUEUE_SLOT_MAX : HAL_SLOT_MAX;
}

int hal_storage_read(int slot, uint8_t *buffer, size_t capacity) {
  if (!is_slot(slot) || (!buffer && capacity > 0)) return HAL_ERR_INVALID;
  if (!storage_folder[0]) return HAL_ERR_STORAGE;
  char path[PATH_SIZE];
  path_of(path, slot, "");
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno == ENOENT ? 0 : HAL_ERR_STORAGE;
  uint8_t content[HAL_QUEUE_SLOT_MAX + 1];
  size_t length = 0;
  ssize_t got;
  while (length < sizeof content &&
         (got = read(file, content + length, sizeof content - length)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    length += (size_t)got;
  }
  close(file);
  int result;
  if (got < 0) result = HAL_ERR_STORAGE;
  else if (length > longest_in(slot) || length > capacity) result = HAL_ERR_TOO_LONG;
  else result = (int)length;
  if (result > 0) memcpy(buffer, content, length);
  explicit_bzero(content, sizeof content);
  return result;
}

/** Let the folder's entry of a file outlive a power cut. */
static int sync_folder(void) {
  int folder = open(storage_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return -1;
  int failed = fsync(folder);
  close(folder);
  return failed;
}

static int storage_error(int error) {
  return error == ENOSPC || error == EDQUOT ? HAL_ERR_NO_SPACE : HAL_ERR_STORAGE;
}

/** Write a whole file that its owner only may read. @returns 0; -1 with errno */
static int write_file(const char *path, const uint8_t *data, size_t length) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return -1;
  size_t done = 0;
  while (done < length) {
    ssize_t written = write(file, data + done, length - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    done += (size_t)written;
  }
  int failed = done < length || fsync(file) != 0;
  int error = errno;
  if (close(file) != 0 && !failed) return -1;
  errno = error;
  return failed ? -1 : 0;
}

int hal_storage_write(int slot, const uint8_t *data, size_t length) {
  if (!is_slot(slot) || (!data && length > 0)) return HAL_ERR_INVALID;
  if (length > longest_in(slot)) return HAL_ERR_TOO_LONG;
  if (!storage_folder[0]) return HAL_ERR_STORAGE;
  char path[PATH_SIZE], fresh[PATH_SIZE];
  path_of(path, slot, "");
  path_of(fresh, slot, ".new");
  if (length == 0) {
    if (unlink(path) != 0 && errno != ENOENT) return storage_error(errno);
  } else {
    if (write_file(fresh, data, length) != 0) return storage_error(errno);
    if (rename(fresh, path) != 0) return storage_error(errno);
  }
  return sync_folder() == 0 ? (int)length : HAL_ERR_STORAGE;
}

// ---- time and power -------------------------------------------------------------------------

uint32_t hal_millis(void) {
  struct timespec now;
  // CLOCK_BOOTTIME goes on while the machine is suspended.
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

int hal_wait(uint32_t ms) {
  if (ms > INT32_MAX) return HAL_ERR_INVALID;
  struct pollfd files[SOCKETS + 2];
  nfds_t count = 0;
  for (int i = 0; i < SOCKETS; i += 1) {
    if (sockets[i]) files[count++] = (struct pollfd){.fd = sockets[i] - 1, .events = POLLIN};
  }
  if (connecting.descriptor) {
    files[count++] = (struct pollfd){.fd = connecting.descriptor - 1, .events = POLLOUT};
  }
  if (watched >= 0) files[count++] = (struct pollfd){.fd = watched, .events = POLLIN};
  return poll(files, count, (int)ms) > 0 ? 1 : 0;
}

/** Replaces the process by a fresh one with the same command line. */
int hal_reset(void) {
  static char text[COMMAND_LINE_MAX];
  static char *arguments[ARGUMENTS_MAX + 1];
  int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  if (file < 0) return HAL_ERR_NOT_SUPPORTED;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  int count = 0;
  for (char *at = text; length > 0 && at < text + length && count < ARGUMENTS_MAX;) {
    arguments[count++] = at;
    at += strlen(at) + 1;
  }
  execv("/proc/self/exe", arguments);
  return HAL_ERR_NOT_SUPPORTED;
}

// ---- the rest -------------------------------------------------------------------------------

int hal_random(uint8_t *buffer, size_t length) {
  if ((!buffer && length > 0) || length > 65536) return HAL_ERR_INVALID;
  size_t done = 0;
  while (done < length) {
    ssize_t got = getrandom(buffer + done, length - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return HAL_ERR_RANDOM;
    done += (size_t)got;
  }
  return HAL_OK;
}

void hal_log(int level, const char *text, size_t length) {
  if (!text) return;
  const char *name = level >= HAL_LOG_ERROR  ? "error"
                     : level >= HAL_LOG_WARN ? "warn"
                     : level >= HAL_LOG_INFO ? "info"
                                             : "trace";
  char line[HAL_LOG_MAX];
  size_t cut = length < sizeof line ? length : sizeof line;
  // Untrusted text must not forge lines or drive a terminal.
  for (size_t i = 0; i < cut; i += 1) {
    unsigned char byte = (unsigned char)text[i];
    line[i] = byte < 32 || byte == 127 ? '?' : text[i];
  }
  fprintf(stderr, "%s: %.*s\n", name, (int)cut, line);
}

uint32_t hal_capabilities(void) {
  return (uint32_t)HAL_VERSION << 16 | HAL_CAP_UDP | HAL_CAP_TCP | HAL_CAP_WEAR | HAL_CAP_RESET |
         HAL_CAP_IDLE_WAIT;
}
