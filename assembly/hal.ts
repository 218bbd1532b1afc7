// Everything the core asks of its host: the complete import list of the module. The host side of
// each is documented in ARCHITECTURE.md, "Host imports". No call may block or call back.

// ---- random -------------------------------------------------------------------------------

/**
 * Fill `buffer` with `length` cryptographically secure random bytes.
 * @param buffer [out] `length` bytes
 * @returns `length`, or negative when the source failed
 */
@external("hal", "random_fill")
export declare function halRandomFill(buffer: usize, length: i32): i32;

// ---- storage ------------------------------------------------------------------------------

/**
 * Read a storage slot (see `StorageSlot`).
 * @param buffer [out] `capacity` bytes
 * @returns bytes read; 0 for a slot never written; negative when storage failed or the slot is
 *   longer than `capacity`
 */
@external("hal", "storage_read")
export declare function halStorageRead(slot: i32, buffer: usize, capacity: i32): i32;

/**
 * Replace a storage slot. The write may tear at a power cut; it must never touch another slot.
 * @param buffer [in] `length` bytes; 0 erases the slot
 * @returns `length`, or negative when storage failed
 */
@external("hal", "storage_write")
export declare function halStorageWrite(slot: i32, buffer: usize, length: i32): i32;

// ---- image areas, only in builds with OTA ---------------------------------------------------

/**
 * Erase part of an image area, so that its bytes can be written once.
 * @param image `ImageArea`
 * @param offset of the first byte, a multiple of 4096
 * @param length bytes, 0...4096; 0 erases nothing
 * @returns capacity of the area in bytes; negative when there is none, or when erasing failed
 */
@external("hal", "image_erase")
export declare function halImageErase(image: i32, offset: u32, length: i32): i32;

/**
 * Write into an image area, where it is erased.
 * @param buffer [in] `length` bytes; 0 says that the image is complete, and that its body starts at
 *   `offset`: the native firmware is then handed to the platform
 * @returns `length`, or negative when writing failed
 */
@external("hal", "image_write")
export declare function halImageWrite(image: i32, offset: u32, buffer: usize, length: i32): i32;

/** Read from an image area. @param buffer [out] `length` bytes @returns `length`, or negative */
@external("hal", "image_read")
export declare function halImageRead(image: i32, offset: u32, buffer: usize, length: i32): i32;

// ---- log ----------------------------------------------------------------------------------

/**
 * Hand one line of text to the host.
 * @param level `LogLevel`
 * @param text [in] `length` bytes of UTF-8 without a line end; valid during the call only
 */
@external("hal", "log")
export declare function halLog(level: i32, text: usize, length: i32): void;

/** Storage slots that the core reads and writes. Numbers are part of the host interface. */
export const enum StorageSlot {
  /** SEC 1 or PKCS#8 DER of the device's P-256 private key; written by provisioning only. */
  DevicePrivateKey = 1,
  /** SubjectPublicKeyInfo DER of the server's pinned P-256 key; written by provisioning only. */
  ServerPublicKey = 2,
  /** First of the two alternating session slots. */
  SessionA = 3,
  /** Second of the two alternating session slots. */
  SessionB = 4,
  /** Pre-shared key: u8 identity length, identity, key; written by provisioning only. */
  PreSharedKey = 5,
  /** The device's X.509 certificate, DER; written by provisioning only. */
  Certificate = 6,
  /** SubjectPublicKeyInfo DER of the key that signs server moves; written by provisioning only. */
  ServerMoveKey = 7,
  /** Alternating slots for what the publish queue remembers; a host may lack these and the next. */
  QueueStateA = 8,
  QueueStateB = 9,
  /** First of the 16 slots for publishes that wait, 1152 bytes each. */
  QueueFirst = 10,
  QueueLast = 25,
  /** 1...4 P-256 keys that sign updates, 64 bytes x || y each; written by provisioning only. A host
   * may lack this and the next two: then there are no updates. */
  UpdateKeys = 26,
  /** Alternating slots of the journal of updates. */
  JournalA = 27,
  JournalB = 28,
}

/** Areas that the host keeps for images. */
export const enum ImageArea {
  /** The two slots of the application module. */
  ApplicationA = 0,
  ApplicationB = 1,
  /** Native firmware, until the platform has it. */
  Firmware = 2,
}
