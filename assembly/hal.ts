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
}
