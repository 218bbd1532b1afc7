// Declarations for a syntax and size check, not Device OS: see README.md. What 2.x and 4.x share.

#ifndef WBOSON_DEVICE_OS_DECLARATIONS_H
#define WBOSON_DEVICE_OS_DECLARATIONS_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t system_tick_t;
typedef uint8_t network_interface_t;

class String {
 public:
  String(const String &other);
  ~String();
  const char *c_str() const;
  unsigned length() const;

 private:
  friend struct fake_device_os;
  String();
  char fields_[32];
};

class UDP {
 public:
  UDP();
  ~UDP();
  uint8_t begin(uint16_t port, network_interface_t nif = 0);
  void stop();
  int sendPacket(const uint8_t *buffer, size_t length, IPAddress destination, uint16_t port);
  int receivePacket(uint8_t *buffer, size_t size, system_tick_t timeout = 0);
  IPAddress remoteIP();
  uint16_t remotePort();

 private:
  friend struct fake_device_os;
  uint32_t fields_[16];
};

class TCPClient {
 public:
  TCPClient();
  ~TCPClient();
  int connect(IPAddress ip, uint16_t port, network_interface_t nif = 0);
  size_t write(const uint8_t *buffer, size_t size, system_tick_t timeout);
  int available();
  int read(uint8_t *buffer, size_t size);
  uint8_t connected();
  void stop();

 private:
  friend struct fake_device_os;
  uint32_t fields_[4];
};

class NetworkClass {
 public:
  void connect(unsigned flags = 0);
  bool ready();
  IPAddress resolve(const char *name);
};

enum HAL_Feature { FEATURE_RETAINED_MEMORY = 1 };

class SystemClass {
 public:
  static uint64_t millis();
  static void reset();
  static String deviceID();
  static int enableFeature(HAL_Feature feature);
};
extern SystemClass System;

class TimeClass {
 public:
  static time32_t now();
};
extern TimeClass Time;

class EEPROMClass {
 public:
  uint8_t read(int index);
  void write(int index, uint8_t value);
};
extern EEPROMClass EEPROM;

enum LogLevel { LOG_LEVEL_INFO = 30 };

class Logger {
 public:
  void trace(const char *format, ...) const __attribute__((format(printf, 2, 3)));
  void info(const char *format, ...) const __attribute__((format(printf, 2, 3)));
  void warn(const char *format, ...) const __attribute__((format(printf, 2, 3)));
  void error(const char *format, ...) const __attribute__((format(printf, 2, 3)));
};
extern const Logger Log;

class SerialLogHandler {
 public:
  explicit SerialLogHandler(LogLevel level);
  ~SerialLogHandler();
};

typedef void os_thread_return_t;
typedef os_thread_return_t (*os_thread_fn_t)(void *parameter);
typedef uint8_t os_thread_prio_t;
const os_thread_prio_t OS_THREAD_PRIORITY_DEFAULT = 2;

class Thread {
 public:
  Thread(const char *name, os_thread_fn_t function, void *parameter, os_thread_prio_t priority,
         size_t stack_size);
};

extern "C" {
uint32_t HAL_RNG_GetRandomNumber(void);
}

void delay(unsigned long ms);

typedef uint16_t pin_t;
enum PinMode { INPUT, OUTPUT };
const pin_t D7 = 7;
void pinMode(pin_t pin, PinMode mode);
void digitalWrite(pin_t pin, uint8_t value);
#define HIGH 1
#define LOW 0

enum System_Mode_TypeDef { SEMI_AUTOMATIC = 2, MANUAL = 3 };
struct declared_mode {
  explicit declared_mode(System_Mode_TypeDef mode);
};
#define SYSTEM_MODE(mode) declared_mode declared_system_mode(mode)

enum declared_state { ENABLED };
struct declared_threading {
  explicit declared_threading(declared_state state);
};
#define SYSTEM_THREAD(state) declared_threading declared_system_thread(state)

#define STARTUP(code)        \
  struct declared_startup {  \
    declared_startup() {     \
      code;                  \
    }                        \
  } declared_startup_instance

#ifndef retained
#define retained __attribute__((section(".retained_user")))
#endif

// The application's own, which Device OS calls.
void setup();
void loop();

#endif
