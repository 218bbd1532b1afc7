// The application of every board: connects, publishes its uptime once a minute, has a function and a
// variable. `npm run firmware -- BOARD` puts it together with the SDK into a Device OS project.
//
// The stock client of Device OS stays off: two clients would be the same device, online twice. The
// interpreter runs on a thread of its own: its need of stack is known, the application's is not.

#include "Particle.h"

#include <stdio.h>
#include <string.h>

#include "../bindings/wasm3/boson.h"
#include "../hal/hal.h"
#include "board.h"
#include "module.h"
#include "settings.h"

#if PLATFORM_ID != WBOSON_PLATFORM_ID
#error "this project is for another board: npm run firmware -- BOARD"
#endif

#if !WBOSON_TRANSPORT_UDP
#error "the C binding speaks UDP only"
#endif

#define PUBLISH_INTERVAL 60000u
/** Milliseconds until the next attempt after the module could not be opened, or failed. */
#define RETRY_INTERVAL 10000u
#define LED D7
#define SLOT_DEVICE_KEY 1
#define SLOT_SERVER_KEY 2
#define SLOT_UPDATE_KEYS 26
/** Status.NotSupported (assembly/status.ts): the module holds an application of its own. */
#define STATUS_NOT_SUPPORTED (-6)

SYSTEM_MODE(SEMI_AUTOMATIC);
SYSTEM_THREAD(ENABLED);
#if WBOSON_RETAINED_FEATURE
STARTUP(System.enableFeature(FEATURE_RETAINED_MEMORY));
#endif

static SerialLogHandler log_handler(LOG_LEVEL_INFO);
static struct boson device;
/** Whether the module is the core alone, so that the functions below are what the cloud sees. */
static bool is_core_only;
static uint32_t publish_at;

// ---- what the cloud sees --------------------------------------------------------------------

static int set_led(void *, const char *argument, uint32_t length, int32_t *result) {
  bool on = length == 2 && memcmp(argument, "on", 2) == 0;
  digitalWrite(LED, on ? HIGH : LOW);
  *result = on ? 1 : 0;
  return 0;
}

static int32_t uptime(void) { return (int32_t)(System.millis() / 1000); }

static int read_uptime(void *, union boson_value *value) {
  value->integer = uptime();
  return 0;
}

static void on_connection(void *, int state, int reason, int status) {
  Log.info("connection: state %d, reason %d, status %d", state, reason, status);
}

#if BOSON_APPLICATIONS
static void on_update(void *, const struct boson_update *update) {
  Log.info("update: step %d, version %lu, %s", update->step, (unsigned long)update->version,
           boson_error_name(update->status));
}
#endif

static void publish_uptime(void) {
  uint32_t now = hal_millis();
  if (!is_core_only || (int32_t)(now - publish_at) < 0) return;
  publish_at = now + PUBLISH_INTERVAL;
  char text[16];
  int length = snprintf(text, sizeof text, "%ld", (long)uptime());
  int result = boson_publish(&device, "uptime", text, (uint32_t)length, NULL, NULL, NULL);
  if (result < 0) Log.warn("publish: %s", boson_error_name(result));
}

// ---- life -----------------------------------------------------------------------------------

/** @returns value of a hexadecimal digit; 0 for anything else */
static uint8_t digit(char character) {
  if (character >= '0' && character <= '9') return (uint8_t)(character - '0');
  if (character >= 'a' && character <= 'f') return (uint8_t)(character - 'a' + 10);
  return 0;
}

static void read_device_id(uint8_t id[12]) {
  String text = System.deviceID();
  const char *hex = text.c_str();
  for (unsigned i = 0; i < 12 && 2 * i + 1 < text.length(); i += 1) {
    id[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
}

/** Store a key that the firmware carries, unless it is there. @param length 0: it carries none */
static void install_key(int slot, const uint8_t *key, size_t length) {
  uint8_t present[WBOSON_KEY_MAX];
  if (length == 0 || length > sizeof present) return;
  int found = hal_storage_read(slot, present, sizeof present);
  if (found == (int)length && memcmp(present, key, length) == 0) return;
  int written = hal_storage_write(slot, key, length);
  if (written != (int)length) Log.error("key %d is not stored: %d", slot, written);
}

static int register_handlers(void) {
  int error = boson_function(&device, "led", set_led, NULL);
  is_core_only = error != STATUS_NOT_SUPPORTED;
  if (!is_core_only) return 0;
  if (!error) error = boson_variable(&device, "uptime", BOSON_INT, read_uptime, NULL);
  return error;
}

/** Open the module and connect. @returns 0; an error of boson.h, then the device is closed */
static int open_device(void) {
  struct boson_config config = {};
  config.module = wboson_module;
  config.module_size = wboson_module_size;
  read_device_id(config.device_id);
  config.product_id = WBOSON_PRODUCT_ID;
  config.product_version = WBOSON_PRODUCT_VERSION;
  config.platform_id = WBOSON_PLATFORM_ID;
  config.server_host = WBOSON_SERVER_HOST;
  // A module with TCP (tools/build.mjs --tcp) and RSA keys, where board.json says so.
  config.transport = WBOSON_TRANSPORT_UDP ? BOSON_UDP : BOSON_TCP;
  config.server_port = WBOSON_TRANSPORT_UDP ? WBOSON_UDP_PORT : WBOSON_TCP_PORT;
  config.keepalive_ms = WBOSON_KEEPALIVE_MS;
  config.reservation = WBOSON_SESSION_RESERVATION;
  config.limits.memory = WBOSON_MODULE_MEMORY;
  config.limits.stack = WBOSON_WASM_STACK;
  config.limits.code = WBOSON_COMPILED_CODE;
  config.on_connection = on_connection;
#if BOSON_APPLICATIONS
  static uint8_t image[WBOSON_APPLICATION_IMAGE];
  config.application.image = image;
  config.application.image_size = sizeof image;
  config.application.limits.memory = WBOSON_APPLICATION_MEMORY;
  config.application.limits.stack = WBOSON_APPLICATION_STACK;
  config.application.limits.code = WBOSON_APPLICATION_CODE;
  config.application.time_ms = WBOSON_APPLICATION_TIME_MS;
  config.on_update = on_update;
#endif
  int error = boson_open(&device, &config);
  if (error) return error;
  publish_at = hal_millis();
  error = register_handlers();
  // A module with an application decides itself when to connect.
  if (!error && is_core_only) error = boson_connect(&device);
  if (error) boson_close(&device);
  return error;
}

/** Open the module and poll it until it fails. */
static void run_device(void) {
  int error = open_device();
  while (!error) {
    int32_t left = boson_poll(&device);
    if (left < 0) {
      error = left;
      boson_close(&device);
    } else {
      publish_uptime();
      hal_wait((uint32_t)left);
    }
  }
  Log.error("%s %s", boson_error_name(error), boson_error_detail(&device));
}

static os_thread_return_t run(void *) {
  install_key(SLOT_DEVICE_KEY, wboson_device_key, wboson_device_key_size);
  install_key(SLOT_SERVER_KEY, wboson_server_key, wboson_server_key_size);
#if BOSON_APPLICATIONS
  // Only the first ones: a signed update may have replaced them since.
  uint8_t present[WBOSON_KEY_MAX];
  if (hal_storage_read(SLOT_UPDATE_KEYS, present, sizeof present) == 0) {
    install_key(SLOT_UPDATE_KEYS, wboson_update_keys, wboson_update_keys_size);
  }
#endif
  for (;;) {
    while (!Network.ready()) delay(100);
    run_device();
    delay(RETRY_INTERVAL);
  }
}

void setup() {
  pinMode(LED, OUTPUT);
  Network.connect();
  new Thread("wboson", run, NULL, OS_THREAD_PRIORITY_DEFAULT, WBOSON_THREAD_STACK);
}

void loop() { delay(1000); }
