// boson-run: a device as a Linux process, of WASM3 and the posix HAL. Runs a module that holds an
// application, or the core alone: then it publishes a line of stdin at a time, and offers the function
// `double`, the variable `lines` and a subscription to `command`, so that there is something to try.

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../hal/posix/hal_posix.h"
#include "boson.h"
#include "boson_heap.h"

#define EXIT_USAGE 2
/** The module trapped, or is none. */
#define EXIT_MODULE 3
#define PLATFORM_GCC 3
#define MODULE_MAX (8u << 20)
/** Longest image of an application, bytes: an area of hal/posix. */
#define IMAGE_MAX 262144u
#define LINE_MAX_BYTES 1024
/** How long a wait lasts at most, so that a signal is seen, ms. */
#define LONGEST_WAIT 500

struct options {
  const char *module, *storage, *server, *device_id, *internet;
  int32_t keepalive;
  uint8_t transport; /**< `boson_transport` */
  uint32_t memory, stack, calls, code, heap;
  uint32_t steps, time;
  int statistics, applications;
};

static struct boson device;
static int32_t lines;
static int reads_stdin;
static volatile sig_atomic_t signals;

// ---- what it tells --------------------------------------------------------------------------

static const char *const state_names[] = {
    "Disconnected", "Opening", "Handshake", "Hello", "Resuming", "Connected", "Disconnecting"};
static const char *const reason_names[] = {
    "None", "Requested", "SessionResumed", "HandshakeBecauseNoSession", "HandshakeBecauseNoAnswer",
    "HandshakeBecausePeerClosed", "HandshakeBecauseKeyChange", "HandshakeBecauseStorage",
    "HandshakeFailed", "LinkLost", "PingTimeout", "HelloTimeout", "HandshakeDone",
    "HandshakeBecauseForgotten", "SessionIdResumed", "ChannelFailed"};

static const char *const internet_names[] = {"?", "Reachable", "NoAnswer", "NoName", "NoNetwork"};

#define NAME(names, number)                                                                        \
  ((size_t)(number) < sizeof(names) / sizeof *(names) ? (names)[number] : "?")

static void on_connection(void *context, int state, int reason, int status) {
  (void)context;
  printf("connection %s %s %s\n", NAME(state_names, state), NAME(reason_names, reason),
         boson_error_name(status));
}

static void on_time(void *context, uint32_t seconds) {
  (void)context;
  printf("time %" PRIu32 "\n", seconds);
}

static void on_signal_event(void *context, int on) {
  (void)context;
  printf("signal %s\n", on ? "on" : "off");
}

static void on_internet(void *context, int result) {
  (void)context;
  printf("internet %s\n", NAME(internet_names, result));
}

static void on_update(void *context, const struct boson_update *update) {
  (void)context;
  const char *status = boson_error_name(update->status);
  switch (update->step) {
    case BOSON_UPDATE_STARTED:
      printf("update started %d %" PRIu32 "\n", update->kind, update->size);
      break;
    case BOSON_UPDATE_PROGRESS:
      printf("update progress %" PRIu32 " %" PRIu32 "\n", update->received, update->size);
      break;
    case BOSON_UPDATE_ENDED:
      printf("update ended %s %" PRIu32 " %d\n", status, update->version, update->kind);
      break;
    case BOSON_UPDATE_PENDING:
      printf("update pending %" PRIu32 "\n", update->version);
      break;
    case BOSON_UPDATE_APPLICATION:
      printf("application %d %s %" PRIu32 " %" PRIu32 "\n", update->image, status, update->version,
             update->size);
      break;
    default:
      printf("update firmware %" PRIu32 "\n", update->version);
      break;
  }
  fflush(stdout);
}

static void print_statistics(void) {
  static const struct {
    int number;
    const char *name;
  } figures[] = {
      {BOSON_STATISTIC_HEAP_PEAK, "heapPeak"},
      {BOSON_STATISTIC_HEAP_NOW, "heapNow"},
      {BOSON_STATISTIC_HEAP_BLOCKS, "heapBlocks"},
      {BOSON_STATISTIC_MEMORY_SIZE, "linearMemory"},
      {BOSON_STATISTIC_DATAGRAMS_SENT, "datagramsSent"},
      {BOSON_STATISTIC_BYTES_SENT, "bytesSent"},
      {BOSON_STATISTIC_DATAGRAMS_RECEIVED, "datagramsReceived"},
      {BOSON_STATISTIC_BYTES_RECEIVED, "bytesReceived"},
  };
  printf("statistics {\"device\":%zu", sizeof device);
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i += 1) {
    printf(",\"%s\":%" PRId32, figures[i].name, boson_statistic(&device, figures[i].number));
  }
  printf("}\n");
}

// ---- the demonstration on the plain core ----------------------------------------------------

static int double_it(void *context, const char *argument, uint32_t length, int32_t *result) {
  (void)context;
  char text[16];
  if (length >= sizeof text) return -1;
  memcpy(text, argument, length);
  text[length] = 0;
  char *end;
  long value = strtol(text, &end, 10);
  if (end == text || *end || value > INT32_MAX / 2 || value < INT32_MIN / 2) return -1;
  *result = (int32_t)value * 2;
  return 0;
}

static int read_lines(void *context, union boson_value *value) {
  (void)context;
  value->integer = lines;
  return 0;
}

static void print_event(void *context, const char *name, uint32_t name_length, const uint8_t *data,
                        uint32_t data_length, uint32_t content) {
  (void)context;
  printf("event %.*s %" PRIu32 " %.*s\n", (int)name_length, name, content, (int)data_length,
         (const char *)data);
}

static void print_done(void *context, int status) {
  printf("published %d %s\n", (int)(intptr_t)context, boson_error_name(status));
}

static int demonstrate(int has_applications) {
  int error = boson_function(&device, "double", double_it, NULL);
  if (!error) error = boson_variable(&device, "lines", BOSON_INT, read_lines, NULL);
  // An application module may want it.
  if (!error && !has_applications) {
    error = boson_subscribe(&device, "command", 0, print_event, NULL);
  }
  if (error) return error;
  reads_stdin = fcntl(STDIN_FILENO, F_GETFD) != -1;
  if (reads_stdin) {
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    hal_posix_watch(STDIN_FILENO);
  }
  return 0;
}

static void publish_line(const char *line, size_t length) {
  int number = (int)++lines;
  int handle = boson_publish(&device, "line", line, (uint32_t)length, NULL, print_done,
                             (void *)(intptr_t)number);
  if (handle < 0) printf("published %d %s\n", number, boson_error_name(handle));
}

/** Publish the lines that stdin has; at its end stop reading. */
static void read_stdin(void) {
  static char buffer[LINE_MAX_BYTES + 1];
  static size_t length;
  for (;;) {
    ssize_t got = read(STDIN_FILENO, buffer + length, sizeof buffer - length);
    if (got < 0) return;
    if (got == 0) {
      reads_stdin = 0;
      hal_posix_watch(-1);
      if (length > 0) publish_line(buffer, length);
      return;
    }
    length += (size_t)got;
    char *end;
    while ((end = memchr(buffer, '\n', length)) != NULL) {
      size_t line = (size_t)(end - buffer);
      publish_line(buffer, line);
      length -= line + 1;
      memmove(buffer, end + 1, length);
    }
    // A longer line goes out in pieces.
    if (length == sizeof buffer) {
      publish_line(buffer, LINE_MAX_BYTES);
      length -= LINE_MAX_BYTES;
      buffer[0] = buffer[LINE_MAX_BYTES];
    }
  }
}

// ---- arguments ------------------------------------------------------------------------------

static void usage(FILE *output) {
  fprintf(output,
          "usage: boson-run --module FILE --storage DIR --server HOST[:PORT] [--device-id HEX]\n"
          "  --module FILE     a module with an application, or build/boson.wasm\n"
          "  --storage DIR     keys and session, as cloud/bin/provision.ts writes them\n"
          "  --server          of the cloud; port 5684 unless given, over TCP 5683\n"
          "  --device-id HEX   24 digits; unless given, what DIR/device-id says\n"
          "  --transport NAME  udp, which is the default, or tcp: a module with TCP, and RSA keys\n"
          "  --internet SERVER after a failed attempt ask this NTP server, HOST[:PORT], for an answer\n"
          "  --keepalive MS    silence until a ping; negative: none\n"
          "  --memory BYTES    of linear memory, 65536 at most, which is the default\n"
          "  --stack BYTES     of WebAssembly stack\n"
          "  --calls COUNT     calls that one call into the module may make\n"
          "  --code BYTES      of compiled code to keep between calls\n"
          "  --heap BYTES      that WASM3 may allocate\n"
          "  --applications    take updates, and run the application beside build/boson-ota.wasm\n"
          "  --steps COUNT     of fuel that one call into the application may take\n"
          "  --time MS         that one call into the application may take\n"
          "  --statistics      print memory and traffic at the end (SIGINT, SIGTERM)\n");
}

/** @returns 0; -1 when it is no number of that range */
static int parse_number(const char *text, int64_t least, int64_t most, int64_t *number) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || end == text || *end || value < least || value > most) return -1;
  *number = value;
  return 0;
}

static int parse_limit(const char *text, uint32_t *limit) {
  int64_t number;
  if (parse_number(text, 1, UINT32_MAX, &number) != 0) return -1;
  *limit = (uint32_t)number;
  return 0;
}

/** @returns 0; -1 after a message */
static int parse_options(int count, char **arguments, struct options *options) {
  static const struct option known[] = {
      {"module", required_argument, NULL, 'm'},    {"storage", required_argument, NULL, 'd'},
      {"server", required_argument, NULL, 's'},    {"device-id", required_argument, NULL, 'i'},
      {"transport", required_argument, NULL, 't'}, {"internet", required_argument, NULL, 'n'},
      {"keepalive", required_argument, NULL, 'k'}, {"memory", required_argument, NULL, 'M'},
      {"stack", required_argument, NULL, 'S'},     {"calls", required_argument, NULL, 'T'},
      {"code", required_argument, NULL, 'C'},      {"heap", required_argument, NULL, 'H'},
      {"applications", no_argument, NULL, 'a'},    {"steps", required_argument, NULL, 'f'},
      {"time", required_argument, NULL, 'e'},      {"statistics", no_argument, NULL, 'x'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  int letter, bad = 0;
  int64_t number;
  while ((letter = getopt_long(count, arguments, "", known, NULL)) != -1) {
    switch (letter) {
      case 'm': options->module = optarg; break;
      case 'd': options->storage = optarg; break;
      case 's': options->server = optarg; break;
      case 'i': options->device_id = optarg; break;
      case 'k':
        bad |= parse_number(optarg, -1, INT32_MAX, &number);
        if (!bad) options->keepalive = (int32_t)number;
        break;
      case 't':
        options->transport = strcmp(optarg, "tcp") == 0 ? BOSON_TCP : BOSON_UDP;
        bad |= options->transport == BOSON_UDP && strcmp(optarg, "udp") != 0;
        break;
      case 'n': options->internet = optarg; break;
      case 'M': bad |= parse_limit(optarg, &options->memory); break;
      case 'S': bad |= parse_limit(optarg, &options->stack); break;
      case 'T': bad |= parse_limit(optarg, &options->calls); break;
      case 'C': bad |= parse_limit(optarg, &options->code); break;
      case 'H': bad |= parse_limit(optarg, &options->heap); break;
      case 'a': options->applications = 1; break;
      case 'f': bad |= parse_limit(optarg, &options->steps); break;
      case 'e': bad |= parse_limit(optarg, &options->time); break;
      case 'x': options->statistics = 1; break;
      case 'h':
        usage(stdout);
        exit(EXIT_SUCCESS);
      default: bad = 1; break;
    }
  }
  if (bad || optind < count || !options->module || !options->storage || !options->server) {
    usage(stderr);
    return -1;
  }
  return 0;
}

static int parse_hex(const char *text, uint8_t id[12]) {
  for (int i = 0; i < 24; i += 1) {
    char c = text[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    id[i / 2] = (uint8_t)(i % 2 ? id[i / 2] << 4 | digit : digit);
  }
  return text[24] == 0 || text[24] == '\n' ? 0 : -1;
}

/** @returns 0; -1 after a message */
static int find_device_id(const struct options *options, uint8_t id[12]) {
  char path[4096], text[32] = "";
  if (options->device_id) {
    if (parse_hex(options->device_id, id) == 0) return 0;
    fprintf(stderr, "boson-run: --device-id takes 24 hexadecimal digits\n");
    return -1;
  }
  snprintf(path, sizeof path, "%s/device-id", options->storage);
  FILE *file = fopen(path, "r");
  int read = file && fgets(text, sizeof text, file) && parse_hex(text, id) == 0;
  if (file) fclose(file);
  if (!read) fprintf(stderr, "boson-run: no --device-id, and none in %s\n", path);
  return read ? 0 : -1;
}

/** "HOST:PORT" or "HOST" behind an option. @returns 0; -1 after a message */
static int parse_server(const char *option, const char *text, char host[BOSON_HOST_SIZE],
                        uint16_t *port) {
  const char *colon = strrchr(text, ':');
  size_t length = colon ? (size_t)(colon - text) : strlen(text);
  int64_t number = 0;
  int bad = length == 0 || length >= BOSON_HOST_SIZE;
  if (colon) bad |= parse_number(colon + 1, 1, 65535, &number) != 0;
  if (bad) {
    fprintf(stderr, "boson-run: %s takes HOST:PORT\n", option);
    return -1;
  }
  memcpy(host, text, length);
  host[length] = 0;
  *port = (uint16_t)number;
  return 0;
}

/** Read a module. @returns NULL after a message */
static uint8_t *read_module(const char *path, uint32_t *size) {
  FILE *file = fopen(path, "rb");
  struct stat status;
  uint8_t *bytes = NULL;
  if (file && fstat(fileno(file), &status) == 0 && status.st_size <= (off_t)MODULE_MAX) {
    *size = (uint32_t)status.st_size;
    bytes = malloc(*size + 1);
    if (bytes && fread(bytes, 1, *size, file) != *size) {
      free(bytes);
      bytes = NULL;
    }
  }
  if (file) fclose(file);
  if (!bytes) fprintf(stderr, "boson-run: cannot read %s\n", path);
  return bytes;
}

// ---- running --------------------------------------------------------------------------------

static void count_signal(int number) {
  (void)number;
  signals += 1;
}

static int fail(int error) {
  const char *detail = boson_error_detail(&device);
  fprintf(stderr, "boson-run: %s%s%s\n", boson_error_name(error), *detail ? ": " : "", detail);
  return error <= BOSON_ERR_MALFORMED ? EXIT_MODULE : EXIT_FAILURE;
}

/** Poll until a signal asks for the end; the first lets the device say goodbye. */
static int run(void) {
  int leaving = 0;
  for (;;) {
    if (signals > 0 && !leaving) {
      leaving = 1;
      boson_disconnect(&device, BOSON_GOODBYE_USER);
    }
    if (signals > 1 || (leaving && boson_state(&device) == BOSON_DISCONNECTED)) return 0;
    int32_t left = boson_poll(&device);
    if (left < 0) return fail(left);
    fflush(stdout);
    hal_wait(left < LONGEST_WAIT ? (uint32_t)left : LONGEST_WAIT);
    if (reads_stdin) read_stdin();
  }
}

static int open_device(const struct options *options, uint8_t *module, uint32_t size) {
  struct boson_config config = {
      .module = module,
      .module_size = size,
      .product_id = 65535,
      .platform_id = PLATFORM_GCC,
      .transport = options->transport,
      .keepalive_ms = options->keepalive,
      .limits = {.memory = options->memory,
                 .stack = options->stack,
                 .calls = options->calls,
                 .code = options->code},
      .on_connection = on_connection,
      .on_time = on_time,
      .on_signal = on_signal_event,
      .on_internet = on_internet,
      .application = {.steps = options->steps, .time_ms = options->time},
      .on_update = on_update,
  };
  static uint8_t image[IMAGE_MAX];
  if (options->applications) {
    config.application.image = image;
    config.application.image_size = sizeof image;
  }
  char host[BOSON_HOST_SIZE];
  if (find_device_id(options, config.device_id) != 0) return EXIT_USAGE;
  if (parse_server("--server", options->server, host, &config.server_port) != 0) return EXIT_USAGE;
  config.server_host = host;
  if (options->internet) {
    static char server[BOSON_HOST_SIZE];
    int error = parse_server("--internet", options->internet, server, &config.internet_port);
    if (error) return EXIT_USAGE;
    config.internet_test = 1;
    config.internet_host = server;
  }
  boson_heap_limit(options->heap);
  int error = boson_open(&device, &config);
  if (error) return fail(error);
  // With an application in the module the demonstration stays away, and it connects by itself.
  error = demonstrate(options->applications);
  if (error == -6) return 0;
  if (!error) error = boson_connect(&device);
  return error ? fail(error) : 0;
}

int main(int count, char **arguments) {
  struct options options = {0};
  if (parse_options(count, arguments, &options) != 0) return EXIT_USAGE;
  if (hal_posix_open(options.storage) != HAL_OK) {
    fprintf(stderr, "boson-run: cannot use %s\n", options.storage);
    return EXIT_FAILURE;
  }
  uint32_t size = 0;
  uint8_t *module = read_module(options.module, &size);
  if (!module) return EXIT_FAILURE;
  struct sigaction action = {.sa_handler = count_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  int result = open_device(&options, module, size);
  if (result == 0) result = run();
  if (options.statistics) print_statistics();
  boson_close(&device);
  free(module);
  return result;
}
