// The hardware abstraction layer: all that wboson asks of an operating system, in plain C.
//
// Rules for every function: it does not block (but `hal_wait`, and a name lookup where the OS has no
// other: HAL_CAP_BLOCKING_LOOKUP), it calls nothing back, it is called from one thread, it keeps no
// pointer after it returned, and it allocates nothing per call. A result below 0 is a `hal_error`.
// A feature that a port lacks answers HAL_ERR_NOT_SUPPORTED. There is no listen and no accept.

#ifndef WBOSON_HAL_H
#define WBOSON_HAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this contract; a port states it in the upper 16 bits of `hal_capabilities`. */
#define HAL_VERSION 1

enum hal_error {
  HAL_OK = 0,
  HAL_ERR_NOT_SUPPORTED = -1,  /**< this port does not have it */
  HAL_ERR_INVALID = -2,        /**< an argument is outside its range; nothing was done */
  HAL_ERR_AGAIN = -3,          /**< not now, no fault: ask again later */
  HAL_ERR_NAME = -4,           /**< the name does not resolve to an IPv4 address */
  HAL_ERR_NETWORK = -5,        /**< no network, or the socket failed: close it, open another */
  HAL_ERR_CLOSED = -6,         /**< TCP: the peer closed the connection */
  HAL_ERR_TOO_LONG = -7,       /**< longer than the buffer or the slot; nothing was cut */
  HAL_ERR_NO_SPACE = -8,       /**< no socket, memory or flash is left */
  HAL_ERR_STORAGE = -9,        /**< reading or writing storage failed */
  HAL_ERR_RANDOM = -10,        /**< the random source failed */
};

enum hal_socket_kind {
  HAL_SOCKET_UDP = 1,
  HAL_SOCKET_TCP = 2,
};

enum hal_capability {
  HAL_CAP_UDP = 1,             /**< UDP sockets */
  HAL_CAP_TCP = 2,             /**< TCP sockets */
  HAL_CAP_BLOCKING_LOOKUP = 4, /**< `hal_socket_open` waits for the name server, 10 s at most */
  HAL_CAP_WEAR = 8,            /**< storage wears (flash): few writes, many record numbers in each */
  HAL_CAP_RESET = 16,          /**< `hal_reset` works */
  HAL_CAP_IDLE_WAIT = 32,      /**< `hal_wait` saves power and wakes at once for a datagram */
};

/** Severity of a log line. */
enum hal_log_level {
  HAL_LOG_TRACE = 1,
  HAL_LOG_INFO = 30,
  HAL_LOG_WARN = 40,
  HAL_LOG_ERROR = 50,
};

/** Bytes of a peer's address: IPv4 address, then port, both in network byte order. */
#define HAL_ADDRESS_SIZE 6
/** Longest name of a server, bytes without the final 0. */
#define HAL_NAME_MAX 253
/** Longest UDP datagram that a port must be able to send and receive, bytes of payload. */
#define HAL_DATAGRAM_MAX 1500
/** Longest content of a storage slot that a port must hold, bytes. */
#define HAL_SLOT_MAX 1024
/** Highest number of a storage slot; the lowest is 1. */
#define HAL_SLOT_LAST 7
/**
 * Slots of the publish queue, for modules that have one: 8 and 9 its state, the others a publish
 * each. A port may lack them (HAL_ERR_NOT_SUPPORTED): publishes then wait in RAM only.
 */
#define HAL_QUEUE_SLOT_FIRST 8
#define HAL_QUEUE_SLOT_LAST 25
/** Longest content of a queue slot, bytes. */
#define HAL_QUEUE_SLOT_MAX 1152
/**
 * Slots of updates, each of HAL_SLOT_MAX at least: 26 the keys that sign them, 27 and 28 the journal.
 * A port may lack them (HAL_ERR_NOT_SUPPORTED): then there are no updates.
 */
#define HAL_UPDATE_SLOT_FIRST 26
#define HAL_UPDATE_SLOT_LAST 28
/** Image areas: the two slots of the application, and native firmware until the platform has it. */
#define HAL_IMAGE_APPLICATION_A 0
#define HAL_IMAGE_APPLICATION_B 1
#define HAL_IMAGE_FIRMWARE 2
/** Bytes of one step of erasing. */
#define HAL_IMAGE_STEP 4096
/** Longest line of the log, bytes. */
#define HAL_LOG_MAX 1024

// ---- network --------------------------------------------------------------------------------

/**
 * Open an outbound socket, on a local port that the system picks, to one IPv4 peer.
 *
 * While the name is looked up (or TCP connects) the answer is HAL_ERR_AGAIN: call again, with the
 * same arguments, until it is another one. A call with other arguments gives up the first lookup.
 *
 * @param kind HAL_SOCKET_UDP or HAL_SOCKET_TCP
 * @param name [in] host name or dotted IPv4 address, 1...HAL_NAME_MAX bytes and a final 0
 * @param port of the peer, 1...65535
 * @param peer [out] HAL_ADDRESS_SIZE bytes: the address that was resolved, and the port
 * @returns socket, 0 or more; HAL_ERR_AGAIN; HAL_ERR_INVALID; HAL_ERR_NAME; HAL_ERR_NETWORK;
 *   HAL_ERR_NO_SPACE; HAL_ERR_NOT_SUPPORTED (kind)
 */
int hal_socket_open(int kind, const char *name, uint16_t port, uint8_t peer[HAL_ADDRESS_SIZE]);

/**
 * Send one datagram, or bytes of a stream.
 *
 * That a datagram left says nothing about its arrival: a peer that is away is no error here.
 *
 * @param socket of `hal_socket_open`
 * @param data [in] `length` bytes
 * @param length bytes, 1...HAL_DATAGRAM_MAX
 * @returns bytes sent: for UDP `length`, for TCP 1...length; HAL_ERR_AGAIN (a buffer is full: UDP
 *   has dropped the datagram); HAL_ERR_TOO_LONG (above the MTU); HAL_ERR_NETWORK; HAL_ERR_CLOSED;
 *   HAL_ERR_INVALID
 */
int hal_socket_send(int socket, const uint8_t *data, size_t length);

/**
 * Take the next datagram of the peer (of nobody else), or bytes of a stream.
 * @param socket of `hal_socket_open`
 * @param buffer [out] `capacity` bytes
 * @param capacity bytes, 1 or more; a longer datagram is dropped as a whole
 * @returns bytes received, 1 or more; HAL_ERR_AGAIN (nothing there); HAL_ERR_TOO_LONG (dropped one,
 *   call again); HAL_ERR_NETWORK; HAL_ERR_CLOSED; HAL_ERR_INVALID
 */
int hal_socket_receive(int socket, uint8_t *buffer, size_t capacity);

/**
 * Close a socket; what waits in it is lost.
 * @param socket of `hal_socket_open`; its number may be given again afterwards
 * @returns HAL_OK; HAL_ERR_INVALID
 */
int hal_socket_close(int socket);

// ---- storage --------------------------------------------------------------------------------

/**
 * Read a storage slot (1 device key, 2 server key, 3 and 4 session, 5...7 as ARCHITECTURE.md says).
 * @param slot 1...HAL_SLOT_LAST, or a queue slot
 * @param buffer [out] `capacity` bytes; unchanged unless the result is above 0
 * @param capacity bytes
 * @returns bytes of the content; 0 for a slot never written or erased; HAL_ERR_TOO_LONG (content
 *   longer than `capacity`); HAL_ERR_STORAGE; HAL_ERR_INVALID; HAL_ERR_NOT_SUPPORTED (queue slots)
 */
int hal_storage_read(int slot, uint8_t *buffer, size_t capacity);

/**
 * Replace a storage slot. When this returns, the content outlives a power cut. A cut during the
 * call leaves the old content, the new one, or for slots 3, 4 and the queue's a torn one; no other
 * slot changes.
 * @param slot 1...HAL_SLOT_LAST, or a queue slot
 * @param data [in] `length` bytes
 * @param length bytes, 0...HAL_SLOT_MAX or HAL_QUEUE_SLOT_MAX; 0 erases the slot
 * @returns `length`; HAL_ERR_TOO_LONG; HAL_ERR_NO_SPACE; HAL_ERR_STORAGE; HAL_ERR_INVALID;
 *   HAL_ERR_NOT_SUPPORTED (queue slots)
 */
int hal_storage_write(int slot, const uint8_t *data, size_t length);

// ---- image areas ----------------------------------------------------------------------------

/**
 * Erase part of an image area, so that its bytes can be written once; or ask how large it is.
 * @param image HAL_IMAGE_*
 * @param offset of the first byte, a multiple of HAL_IMAGE_STEP
 * @param length bytes, 0...HAL_IMAGE_STEP; 0 erases nothing
 *   From offset 0 on a new image begins: a port may then erase all of the area.
 * @returns capacity of the area in bytes, 1 or more; HAL_ERR_NOT_SUPPORTED (no such area);
 *   HAL_ERR_STORAGE; HAL_ERR_NO_SPACE; HAL_ERR_INVALID (no such bytes, offset or length)
 */
int hal_image_erase(int image, uint32_t offset, size_t length);

/**
 * Write into an image area, where it is erased. A cut during the call leaves any bytes of the range.
 * @param image HAL_IMAGE_*
 * @param offset of the first byte
 * @param data [in] `length` bytes; NULL when 0
 * @param length bytes. 0 says that the image is complete and that its body begins at `offset`: what
 *   was written outlives a power cut when this returns; firmware is handed to the platform, which
 *   takes it at the next reset
 * @returns `length`; HAL_ERR_NOT_SUPPORTED; HAL_ERR_STORAGE; HAL_ERR_NO_SPACE;
 *   HAL_ERR_INVALID (outside of the area)
 */
int hal_image_write(int image, uint32_t offset, const uint8_t *data, size_t length);

/**
 * Read from an image area.
 * @param image HAL_IMAGE_*
 * @param offset of the first byte
 * @param buffer [out] `length` bytes
 * @param length bytes
 * @returns `length`; HAL_ERR_NOT_SUPPORTED; HAL_ERR_STORAGE; HAL_ERR_INVALID (outside of the area)
 */
int hal_image_read(int image, uint32_t offset, uint8_t *buffer, size_t length);

// ---- time and power -------------------------------------------------------------------------

/** @returns milliseconds since any moment; monotonic, 32 bits, wraps; goes on during sleep */
uint32_t hal_millis(void);

/**
 * Wait until a socket has something to receive, or the time is over. The only call that may wait.
 * @param ms milliseconds, 0...2147483647; a port may return earlier, never much later
 * @returns 1 when a socket may have something; 0 when not; HAL_ERR_INVALID
 */
int hal_wait(uint32_t ms);

/** Restart the device. @returns only where it cannot: HAL_ERR_NOT_SUPPORTED */
int hal_reset(void);

// ---- the rest -------------------------------------------------------------------------------

/**
 * Fill a buffer from a cryptographically secure source.
 * @param buffer [out] `length` bytes
 * @param length bytes, 0...65536
 * @returns HAL_OK; HAL_ERR_RANDOM (the buffer then holds nothing to be used); HAL_ERR_INVALID
 */
int hal_random(uint8_t *buffer, size_t length);

/**
 * Write one line to the log.
 * @param level `hal_log_level`
 * @param text [in] `length` bytes of UTF-8, no line end, not ended by 0; of untrusted origin
 * @param length bytes; above HAL_LOG_MAX it may be cut
 */
void hal_log(int level, const char *text, size_t length);

/** @returns HAL_VERSION << 16 | bits of `hal_capability`; the same at every call */
uint32_t hal_capabilities(void);

#ifdef __cplusplus
}
#endif

#endif
