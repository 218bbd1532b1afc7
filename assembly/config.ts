// Sizes and limits of the core, each with its source. Everything in linear memory is sized here;
// `npm run check` compares the sum with its budget.

/**
 * Whether this build carries the `standard` profile beside `particle` (`--use WBOSON_STANDARD=1`).
 * Constant while compiling: what only the one needs is not in the other's module.
 */
export const STANDARD: bool = isDefined(WBOSON_STANDARD);
/**
 * Whether this build asks the host for native crypto before it computes by itself
 * (`--use WBOSON_NATIVE_CRYPTO=1`): assembly/crypto/native.ts.
 */
export const NATIVE_CRYPTO: bool = isDefined(WBOSON_NATIVE_CRYPTO);

/**
 * Whether this build carries the publish queue and what stands on it (`--use WBOSON_QUEUE=1`):
 * build/boson-api.wasm and applications. See docs/queue.md.
 */
export const QUEUE: bool = isDefined(WBOSON_QUEUE);

/**
 * Whether this build takes updates over the air and runs beside an application module
 * (`--use WBOSON_OTA=1`, with WBOSON_QUEUE): build/boson-ota.wasm. See docs/updates.md.
 */
export const OTA: bool = isDefined(WBOSON_OTA);

/**
 * Whether this build carries the TCP channel beside DTLS (`--use WBOSON_TCP=1`). Memory of files that
 * only it uses is `@lazy`: laid out where something refers to it.
 */
export const TCP: bool = isDefined(WBOSON_TCP);

// ---- buffers shared with the host -----------------------------------------------------------

/** Largest datagram the core reads, bytes. An Ethernet frame's UDP payload is 1472. */
export const RX_CAPACITY: i32 = 1500;
/** Largest datagram the core sends: the largest CoAP message in a CID record (38 bytes more). */
export const TX_CAPACITY: i32 = 1190;
/**
 * Name (64) and data (1024): the longest arguments of one command. They share the transmit buffer:
 * a host sends a datagram before it writes arguments, and no command reads arguments while a
 * datagram is built.
 */
export const ARGUMENT_CAPACITY: i32 = 1152;
/** One event as `poll_event` writes it: seven 32-bit words. */
export const EVENT_SIZE: i32 = 28;

// ---- CoAP -----------------------------------------------------------------------------------

/** Largest CoAP message in either direction, bytes; announced in Hello. */
export const MAX_MESSAGE_SIZE: i32 = 1152;
/** RFC 7252 §4.8, with the value of the Particle protocol (RFC default 2000). */
export const ACK_TIMEOUT: i32 = 4000;
/** Retransmissions after the first transmission; RFC 7252 has 4, the Particle protocol 3. */
export const MAX_RETRANSMIT: i32 = 3;
/** Rounds of 1 + MAX_RETRANSMIT transmissions that a publish gets before it fails. */
export const MAX_ROUNDS: i32 = 4;
/**
 * Confirmable messages in flight at once. DEVIATION(RFC 7252 §4.7: 1): a session set-up is seven
 * messages, one at a time it would take seven round trips on a link with 2 s each.
 */
export const NSTART: i32 = 4;
/**
 * How long a received message id is remembered, ms (RFC 7252 §4.8.2). Device OS keeps it 45 s, which
 * is MAX_TRANSMIT_SPAN: the last repetition of a message can come later than that.
 */
export const EXCHANGE_LIFETIME: i32 = 247000;
/** Received message ids that are remembered with their reply. */
export const INBOX_ENTRIES: i32 = 16;
/** Bytes for messages that wait for transmission or acknowledgement. */
export const OUTBOX_CAPACITY: i32 = 2560;
/** Bytes of it that publishes leave free: Hello, 39 bytes and its entry, must always find room. */
export const OUTBOX_RESERVE: i32 = 64;
/** Block size exponent of our blockwise transfers: 2^(SZX + 4) = 512 bytes (RFC 7959 §2.2). */
export const BLOCK_SZX: i32 = 5;

// ---- DTLS -----------------------------------------------------------------------------------

/** Longest handshake message that is reassembled, bytes without its 12-byte header. */
export const MAX_HANDSHAKE_MESSAGE: i32 = STANDARD ? 2560 : 512;
/** Bytes for handshake fragments that arrive ahead of their turn. */
export const STASH_CAPACITY: i32 = STANDARD ? 1536 : 512;
/** First retransmission of a flight, ms, until a round trip has been measured. */
export const FLIGHT_TIMEOUT: i32 = 2000;
/** Upper end of the doubling, ms (RFC 6347 §4.2.4.1). */
export const MAX_FLIGHT_TIMEOUT: i32 = 60000;
/** Transmissions of one flight before the handshake is given up. */
export const MAX_FLIGHT_TRANSMISSIONS: i32 = 7;
/** Record numbers reserved by one storage write. */
export const RECORD_RESERVATION: i32 = 64;

// ---- device protocol ------------------------------------------------------------------------

/** Event, function and variable names and subscription prefixes, bytes. */
export const MAX_NAME_LENGTH: i32 = 64;
/** Event data, function argument and variable value, bytes. */
export const MAX_DATA_LENGTH: i32 = 1024;
export const MAX_FUNCTIONS: i32 = 100;
export const MAX_VARIABLES: i32 = 100;
/** Subscriptions on the wire. */
export const MAX_SUBSCRIPTIONS: i32 = 8;
/** Bytes for the names of functions, variables and subscriptions, with 4 bytes each beside. */
export const REGISTRY_CAPACITY: i32 = 2048;
/** Function calls and variable reads that the application has not answered yet. */
export const MAX_CALLS: i32 = 8;
/** Default keepalive, ms: Wi-Fi devices of the Particle cloud send one after 25 s of silence. */
// @ts-ignore: decorator
@inline
export const DEFAULT_KEEPALIVE: i32 = 25000;
/** After a resume with nothing to send: how long to wait for the application's first message. */
export const RESUME_GRACE: i32 = 250;
/** How long a resumed session may stay unanswered before a handshake is tried, ms. */
export const RESUME_TIMEOUT: i32 = 25000;
/** First and longest pause before another attempt to connect, ms. */
export const RETRY_MIN: i32 = 1000;
export const RETRY_MAX: i32 = 128000;
/** How long a graceful disconnect waits for its acknowledgements, ms. */
export const GOODBYE_TIMEOUT: i32 = 10000;
/** Events towards the host that can wait for `poll_event`. */
export const EVENT_ENTRIES: i32 = 16;

// ---- TCP channel, only in builds with TCP ---------------------------------------------------

/** Largest CoAP message over TCP, bytes: what a Photon takes; announced in Hello. */
export const MAX_STREAM_MESSAGE: i32 = 767;
/** How long the rest of a piece of the stream, and the answer to a message, may take, ms. */
export const STREAM_TIMEOUT: i32 = 20000;
/** How long the server's Hello may take, ms. */
export const SERVER_HELLO_TIMEOUT: i32 = 4000;
/** Default keepalive over TCP, and how long the answer to a ping may take, ms. */
export const STREAM_KEEPALIVE: i32 = 15000;
export const STREAM_PING_TIMEOUT: i32 = 10000;

// ---- publish queue, only in builds with QUEUE --------------------------------------------------

/** Publishes that are remembered: waiting, on their way, or ended and not yet asked about. */
export const QUEUE_ENTRIES: i32 = 64;
/** Bytes for names and data of publishes that wait in RAM. */
export const QUEUE_CAPACITY: i32 = 4096;
/** Storage slots for publishes; one of them is always left free. */
export const QUEUE_SLOTS: i32 = 16;
/** Publishes on their way at a time; 1 keeps them in order even when datagrams are lost. */
export const QUEUE_WINDOW: i32 = 4;
/** The Particle cloud takes one publish a second, four at once. */
// @ts-ignore: decorator
@inline
export const PUBLISH_BURST: u32 = 4;
// @ts-ignore: decorator
@inline
export const PUBLISH_INTERVAL: u32 = 1000;
/** First and longest pause before a publish that was not acknowledged is sent again, ms. */
export const REPUBLISH_MIN: i32 = 5000;
export const REPUBLISH_MAX: i32 = 300000;
/** How often a publish is handed to the connection before it fails; each is MAX_ROUNDS rounds. */
export const MAX_DELIVERIES: i32 = 8;

// ---- updates, only in builds with OTA ----------------------------------------------------------

/** Version of the bridge between application modules and this core (docs/updates.md). */
export const UPDATE_ABI: i32 = 1;
/** Sizes of chunks that the device takes, bytes: multiples of 4 (OTA protocol v3). */
export const CHUNK_MIN: i32 = 512;
export const CHUNK_MAX: i32 = 1136;
/**
 * Chunk sizes that Hello asks for, bytes. Over UDP the largest, since a chunk costs 68 bytes above its
 * content; over TCP what fits a message with room to spare.
 */
export const UPDATE_CHUNK_SIZE: i32 = 1136;
export const STREAM_CHUNK_SIZE: i32 = 512;
/** Sizes of chunks over TCP, bytes: multiples of 4; the largest message less 16 bytes before it. */
export const STREAM_CHUNK_MIN: i32 = 64;
export const STREAM_CHUNK_MAX: i32 = 748;
/** Chunks ahead of a missing one that are stored, and bytes of them. */
export const UPDATE_WINDOW: i32 = 256;
export const UPDATE_WINDOW_BYTES: i32 = 131072;
/** A chunk that is not acknowledged at once is so many ms later. */
export const UPDATE_ACK_DELAY: i32 = 200;
/** Chunks for which one acknowledgement is sent, unless the sender asks for fewer. */
export const UPDATE_ACK_CHUNKS: i32 = 2;
/** Bytes erased, hashed or read by one step of an update. */
export const UPDATE_STEP: i32 = 4096;
/** Longest journal of updates, bytes. */
export const JOURNAL_CAPACITY: i32 = 640;
/** An update without a chunk for so long is given up, ms. */
export const UPDATE_TIMEOUT: i32 = 300000;
/** How long a new application must run, and how long it may be without connection, ms. */
export const PROBATION: i32 = 30000;
export const PROBATION_OFFLINE: i32 = 300000;
/** Starts of a new application that may be cut short before it is given up. */
export const PROBATION_STARTS: i32 = 3;
