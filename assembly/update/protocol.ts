// Numbers of updates on the wire: OTA protocol v3 over UDP, chunked transfer over TCP. Both are the
// Particle protocol's; one option is ours.

/** Resources: the Uri-Path, one ASCII character. */
export const enum UpdateResource {
  /** A: chunks received, from the device */
  Ack = 0x41,
  /** C */
  Chunk = 0x43,
  /** F */
  Finish = 0x46,
  /** S */
  Start = 0x53,
  /** c: over TCP, a chunk; from the device, those that are missing */
  StreamChunk = 0x63,
  /** u: over TCP, begin (POST) and end (PUT) */
  StreamUpdate = 0x75,
}

/** Options, all critical but the last. */
export const enum UpdateOption {
  ChunkIndex = 2049,
  WindowSize = 2053,
  FileSize = 2057,
  FileHash = 2061,
  ChunkSize = 2065,
  DiscardData = 2069,
  CancelUpdate = 2073,
  ModuleFunction = 2077,
  /** Ours, elective: chunks that the sender wants acknowledged by one message, 1...255. */
  AckInterval = 2080,
}

/** Bytes of a SHA-256. */
export const FILE_HASH_SIZE: i32 = 32;
