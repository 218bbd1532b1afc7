// The declarations of ../device-os-api on Linux: sockets of the loopback, EEPROM and retained memory
// as files, threads. It plays Device OS for tests of the port; it is written from the declarations
// and holds nothing of Device OS. The first argument of the program is the folder of its files.

#include "Particle.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

#define EEPROM_SIZE 4096

int fake_argument_count;
char **fake_arguments;
bool fake_network = true;
bool fake_random_stuck;
char fake_log[4096];

static uint32_t slept_seconds;
static uint8_t eeprom[EEPROM_SIZE];

/** Where the linker has put the retained memory; there may be none. */
extern uint8_t __start_retained_user[] __attribute__((weak));
extern uint8_t __stop_retained_user[] __attribute__((weak));

SystemClass System;
TimeClass Time;
EEPROMClass EEPROM;
const Logger Log;
#ifdef WBOSON_DEVICE_OS_2_H
static NetworkClass network;
NetworkClass &Network = network;
#else
NetworkClass Network;
#endif

/** Reaches the fields of the declared classes. */
struct fake_device_os {
  static sockaddr_in address_of(const IPAddress &ip, uint16_t port) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    memcpy(&to.sin_addr, ip.fields_, 4);
    return to;
  }
  static uint8_t *bytes(IPAddress &ip) { return ip.fields_; }
  static const uint8_t *bytes(const IPAddress &ip) { return ip.fields_; }
  static char *text(String &string) { return string.fields_; }
  static const char *text(const String &string) { return string.fields_; }
  static String empty() { return String(); }
  /** File descriptor plus 1, then address and port of the last datagram. */
  static uint32_t *fields(UDP *udp) { return udp->fields_; }
  static uint32_t *fields(TCPClient *tcp) { return tcp->fields_; }
};
typedef fake_device_os fake;

// ---- files ----------------------------------------------------------------------------------

static void path_of(char *path, size_t size, const char *name) {
  snprintf(path, size, "%s/%s", fake_arguments[1], name);
}

static void load(const char *name, uint8_t *bytes, size_t size) {
  char path[4096];
  path_of(path, sizeof path, name);
  FILE *file = fopen(path, "rb");
  if (!file) return;
  if (fread(bytes, 1, size, file) != size) fprintf(stderr, "fake: %s is short\n", name);
  fclose(file);
}

static void save(const char *name, const uint8_t *bytes, size_t size) {
  char path[4096], fresh[4200];
  path_of(path, sizeof path, name);
  snprintf(fresh, sizeof fresh, "%s.new", path);
  FILE *file = fopen(fresh, "wb");
  if (!file) return;
  size_t written = fwrite(bytes, 1, size, file);
  if (fclose(file) == 0 && written == size) rename(fresh, path);
}

static size_t retained_size(void) { return (size_t)(__stop_retained_user - __start_retained_user); }

// ---- addresses and texts --------------------------------------------------------------------

IPAddress::IPAddress() { memset(fields_, 0, sizeof fields_); }
IPAddress::IPAddress(uint8_t first, uint8_t second, uint8_t third, uint8_t fourth) : IPAddress() {
  uint8_t bytes[4] = {first, second, third, fourth};
  memcpy(fields_, bytes, 4);
}
IPAddress::IPAddress(const IPAddress &other) { memcpy(fields_, other.fields_, sizeof fields_); }
IPAddress::~IPAddress() {}
uint8_t IPAddress::operator[](int index) const { return fields_[index]; }
#ifdef WBOSON_DEVICE_OS_2_H
IPAddress::operator bool() { return fields_[0] || fields_[1] || fields_[2] || fields_[3]; }
#else
IPAddress::operator bool() const { return fields_[0] || fields_[1] || fields_[2] || fields_[3]; }
uint8_t IPAddress::version() const { return 4; }
#endif

String::String() { memset(fields_, 0, sizeof fields_); }
String::String(const String &other) { memcpy(fields_, other.fields_, sizeof fields_); }
String::~String() {}
const char *String::c_str() const { return fields_; }
unsigned String::length() const { return (unsigned)strlen(fields_); }

// ---- network --------------------------------------------------------------------------------

void NetworkClass::connect(unsigned) {}

bool NetworkClass::ready() {
  char path[4096];
  path_of(path, sizeof path, "network-down");
  return fake_network && access(path, F_OK) != 0;
}

IPAddress NetworkClass::resolve(const char *name) {
  IPAddress address;
  addrinfo hints = {};
  hints.ai_family = AF_INET;
  addrinfo *found = NULL;
  if (!ready() || getaddrinfo(name, NULL, &hints, &found) != 0) return address;
  memcpy(fake::bytes(address), &((sockaddr_in *)(void *)found->ai_addr)->sin_addr, 4);
  freeaddrinfo(found);
  return address;
}

static int descriptor_of(const uint32_t *fields) { return (int)fields[0] - 1; }

UDP::UDP() { memset(fields_, 0, sizeof fields_); }
UDP::~UDP() { stop(); }

uint8_t UDP::begin(uint16_t port, network_interface_t) {
  stop();
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return 0;
  sockaddr_in own = fake::address_of(IPAddress(127, 0, 0, 1), port);
  if (bind(descriptor, (sockaddr *)(void *)&own, sizeof own) != 0) {
    close(descriptor);
    return 0;
  }
  fields_[0] = (uint32_t)descriptor + 1;
  return 1;
}

void UDP::stop() {
  if (fields_[0]) close(descriptor_of(fields_));
  fields_[0] = 0;
}

int UDP::sendPacket(const uint8_t *buffer, size_t length, IPAddress destination, uint16_t port) {
  sockaddr_in to = fake::address_of(destination, port);
  return (int)sendto(descriptor_of(fields_), buffer, length, 0, (sockaddr *)(void *)&to, sizeof to);
}

/** As Device OS does: what does not fit is cut off without a word. */
int UDP::receivePacket(uint8_t *buffer, size_t size, system_tick_t) {
  sockaddr_in from = {};
  socklen_t length = sizeof from;
  sockaddr *address = (sockaddr *)(void *)&from;
  int received = (int)recvfrom(descriptor_of(fields_), buffer, size, 0, address, &length);
  if (received < 0) return -1;
  memcpy(fields_ + 1, &from.sin_addr, 4);
  fields_[2] = ntohs(from.sin_port);
  return received;
}

IPAddress UDP::remoteIP() {
  IPAddress address;
  memcpy(fake::bytes(address), fields_ + 1, 4);
  return address;
}

uint16_t UDP::remotePort() { return (uint16_t)fields_[2]; }

TCPClient::TCPClient() { memset(fields_, 0, sizeof fields_); }
TCPClient::~TCPClient() { stop(); }

int TCPClient::connect(IPAddress ip, uint16_t port, network_interface_t) {
  stop();
  int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to = fake::address_of(ip, port);
  if (descriptor < 0) return 0;
  if (::connect(descriptor, (sockaddr *)(void *)&to, sizeof to) != 0) {
    close(descriptor);
    return 0;
  }
  fields_[0] = (uint32_t)descriptor + 1;
  return 1;
}

size_t TCPClient::write(const uint8_t *buffer, size_t size, system_tick_t) {
  ssize_t sent = send(descriptor_of(fields_), buffer, size, MSG_NOSIGNAL);
  return sent > 0 ? (size_t)sent : 0;
}

/** Bytes that wait; -1 at the end of the stream. */
static int waiting(int descriptor) {
  uint8_t bytes[128];
  ssize_t count = recv(descriptor, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  return count > 0 ? (int)count : count == 0 ? -1 : 0;
}

int TCPClient::available() {
  int count = fields_[0] ? waiting(descriptor_of(fields_)) : 0;
  return count > 0 ? count : 0;
}

int TCPClient::read(uint8_t *buffer, size_t size) {
  return (int)recv(descriptor_of(fields_), buffer, size, MSG_DONTWAIT);
}

uint8_t TCPClient::connected() { return fields_[0] && waiting(descriptor_of(fields_)) >= 0; }

void TCPClient::stop() {
  if (fields_[0]) close(descriptor_of(fields_));
  fields_[0] = 0;
}

// ---- the rest -------------------------------------------------------------------------------

void fake_sleep(uint32_t seconds) { slept_seconds += seconds; }

uint64_t SystemClass::millis() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}
void SystemClass::reset() { _exit(42); }
int SystemClass::enableFeature(HAL_Feature) { return 0; }
String SystemClass::deviceID() {
  String id = fake::empty();
  const char *given = getenv("FAKE_DEVICE_ID");
  strncpy(fake::text(id), given ? given : "0123456789abcdef01234567", 24);
  return id;
}
time32_t TimeClass::now() { return (time32_t)(time(NULL) + slept_seconds); }

uint8_t EEPROMClass::read(int index) { return eeprom[index]; }
void EEPROMClass::write(int index, uint8_t value) {
  eeprom[index] = value;
  save("eeprom", eeprom, sizeof eeprom);
}

static void log_line(const char *level, const char *format, va_list arguments) {
  char line[512];
  vsnprintf(line, sizeof line, format, arguments);
  fprintf(stderr, "%s: %s\n", level, line);
  size_t used = strlen(fake_log);
  snprintf(fake_log + used, sizeof fake_log - used, "%s: %s\n", level, line);
}
#define LEVEL(name)                                     \
  void Logger::name(const char *format, ...) const {    \
    va_list arguments;                                  \
    va_start(arguments, format);                        \
    log_line(#name, format, arguments);                 \
    va_end(arguments);                                  \
  }
LEVEL(trace)
LEVEL(info)
LEVEL(warn)
LEVEL(error)

SerialLogHandler::SerialLogHandler(LogLevel) {}
SerialLogHandler::~SerialLogHandler() {}

struct thread_start {
  os_thread_fn_t function;
  void *parameter;
};

static void *run_thread(void *parameter) {
  thread_start start = *(thread_start *)parameter;
  delete (thread_start *)parameter;
  start.function(start.parameter);
  return NULL;
}

Thread::Thread(const char *, os_thread_fn_t function, void *parameter, os_thread_prio_t, size_t) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run_thread, new thread_start{function, parameter}) != 0) abort();
  pthread_detach(thread);
}

uint32_t HAL_RNG_GetRandomNumber(void) {
  uint32_t word = 7;
  if (!fake_random_stuck && getrandom(&word, sizeof word, 0) != sizeof word) abort();
  return word;
}

/** Retained memory is saved here, so that it outlives a program that is killed. */
void delay(unsigned long ms) {
  static uint8_t saved[4096];
  size_t size = retained_size();
  if (size > 0 && size <= sizeof saved && memcmp(saved, __start_retained_user, size) != 0) {
    memcpy(saved, __start_retained_user, size);
    save("retained", saved, size);
  }
  usleep((useconds_t)ms * 1000);
}

void pinMode(pin_t, PinMode) {}
void digitalWrite(pin_t pin, uint8_t value) { fprintf(stderr, "pin %d: %d\n", pin, value); }

declared_mode::declared_mode(System_Mode_TypeDef mode) {
  if (mode != SEMI_AUTOMATIC && mode != MANUAL) abort();
}
declared_threading::declared_threading(declared_state) {}

int main(int count, char **arguments) {
  if (count < 2) return 2;
  fake_argument_count = count;
  fake_arguments = arguments;
  memset(eeprom, 0xff, sizeof eeprom);
  load("eeprom", eeprom, sizeof eeprom);
  if (retained_size() > 0) load("retained", __start_retained_user, retained_size());
  setup();
  for (;;) loop();
}
