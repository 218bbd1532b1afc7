// The session cache: all that a device needs to go on after a reset with no handshake, as one
// versioned, checksummed blob in two alternating storage slots. A torn write leaves the other slot.
// Before a record number is used the stored blob already reserves it, so that no (key, nonce) pair
// is used twice, whatever byte of whatever write the power fails at (RFC 6655 §3, RFC 9325 §4.4).

import { RECORD_RESERVATION } from "../config";
import { StorageSlot, halStorageRead, halStorageWrite } from "../hal";
import { Status } from "../status";
import { crc32 } from "../util/crc32";
import { roundTrip, roundTripRestore } from "../util/round-trip";
import { wipe } from "../crypto/constant-time";
import { SCRATCH_BYTES } from "./scratch";

/** Layout of the blob, little-endian as linear memory is. Wire profile numbers: see `Profile`. */
@unmanaged
export class Session {
  /** "WB" and the layout's version in the high byte pair. */
  magic: u32;
  /** Rises by one each write; the slot with the later one counts. */
  generation: u32;
  /** First record number that a restored session may use. */
  nextRecord: u64;
  /** Highest record number received when this was written. */
  receivedTop: u64;
  /** Of the keys in storage that the session was made with: first 8 bytes of a SHA-256. */
  identity: u64;
  /** First CoAP message id that a restored session may use. */
  nextMessageId: u16;
  profile: u8;
  cidLength: u8;
  peerLength: u8;
  /** Length of the session id (RFC 5246 §7.4.1.3), 0...32; always 0 in `particle`. */
  idLength: u8;
  /** SessionFlag bits. */
  flags: u8;
  /** Smoothed round trip in units of 128 ms, 255 at most. */
  roundTrip: u8;
  // 40: master secret 48 B | 88: client key 16 B, server key 16 B, client IV 4 B, server IV 4 B
  // 128: CID 8 B | 136: peer address 20 B | 156: application state 24 B | 180: reset token 16 B
  // 196: session id 32 B | 228: CRC-32
}

export const enum SessionFlag {
  /** The master secret is bound to its handshake (RFC 7627). */
  ExtendedMasterSecret = 1,
  /** The server gave a reset token. */
  ResetToken = 2,
  /** Ended by our close_notify: only an abbreviated handshake may take it up. */
  Closed = 4,
}

/** Round trips are stored in units of 2^7 ms. */
const ROUND_TRIP_SHIFT: i32 = 7;
const MAGIC: u32 = 0x00024257;
const SESSION_SIZE: i32 = 232;
const CRC_OFFSET: i32 = 228;

/** Capacities of the byte fields. */
export const SESSION_CID_CAPACITY: i32 = 8;
export const SESSION_PEER_CAPACITY: i32 = 20;
export const SESSION_STATE_SIZE: i32 = 24;
export const SESSION_TOKEN_SIZE: i32 = 16;
export const SESSION_ID_CAPACITY: i32 = 32;
export const KEY_BLOCK_SIZE: i32 = 40;

const BLOB: usize = memory.data(232, 8);
/** The other slot while they are compared. */
// @ts-ignore: decorator
@inline
const OTHER: usize = SCRATCH_BYTES;

/** Whether storage holds a blob of the session in memory, so that it can be restored. */
let stored: bool = false;
/** Record numbers that one write reserves. */
let reservation: u32 = 64;
/** Numbers below this are reserved in storage. */
let reservedUntil: u64 = 0;

// @ts-ignore: decorator
@inline
export function session(): Session {
  return changetype<Session>(BLOB);
}

// @ts-ignore: decorator
@inline
export function sessionMasterSecret(): usize {
  return BLOB + 40;
}

// @ts-ignore: decorator
@inline
export function sessionKeyBlock(): usize {
  return BLOB + 88;
}

// @ts-ignore: decorator
@inline
export function sessionCid(): usize {
  return BLOB + 128;
}

// @ts-ignore: decorator
@inline
export function sessionPeer(): usize {
  return BLOB + 136;
}

/** Bytes that the layers above keep with the session; opaque here. */
// @ts-ignore: decorator
@inline
export function sessionState(): usize {
  return BLOB + 156;
}

/** Token with which the server can prove that it has lost this session, 16 bytes. */
// @ts-ignore: decorator
@inline
export function sessionToken(): usize {
  return BLOB + 180;
}

/** Keep a reset token with the session. @param token [in] 16 bytes; 0 for none */
export function setResetToken(token: usize): void {
  const s = session();
  s.flags &= ~(<u8>SessionFlag.ResetToken);
  if (!token) return;
  s.flags |= <u8>SessionFlag.ResetToken;
  memory.copy(sessionToken(), token, SESSION_TOKEN_SIZE);
}

/** The server's session id, `idLength` bytes. */
// @ts-ignore: decorator
@inline
export function sessionId(): usize {
  return BLOB + 196;
}

/**
 * How many record numbers one write reserves: RECORD_RESERVATION for flash, where a write wears, 1
 * for retained RAM, where it costs nothing. It must never be less than what a session now in
 * storage was written with.
 * @returns Status.Ok; Status.InvalidArgument unless 1...RECORD_RESERVATION
 */
export function setReservation(records: i32): i32 {
  if (records < 1 || records > RECORD_RESERVATION) return Status.InvalidArgument;
  reservation = records;
  return Status.Ok;
}

/** Wipe the session in memory and start an empty one; storage keeps what it has. */
export function sessionClear(): void {
  const generation = session().generation;
  wipe(BLOB, SESSION_SIZE);
  session().generation = generation;
  stored = false;
  reservedUntil = 0;
}

/** Read one slot into `blob`. @returns whether it holds an intact blob of this layout */
function readSlot(slot: i32, blob: usize): bool {
  if (halStorageRead(slot, blob, SESSION_SIZE) != SESSION_SIZE) return false;
  if (load<u32>(blob) != MAGIC) return false;
  if (load<u32>(blob + CRC_OFFSET) != crc32(0, blob, CRC_OFFSET)) return false;
  return (
    <i32>changetype<Session>(blob).cidLength <= SESSION_CID_CAPACITY &&
    <i32>changetype<Session>(blob).peerLength <= SESSION_PEER_CAPACITY &&
    <i32>changetype<Session>(blob).idLength <= SESSION_ID_CAPACITY
  );
}

/**
 * Load the latest intact blob from storage.
 * @param identity fingerprint that the blob must carry
 * @param profile wire profile that it must carry
 * @returns Status.Ok; Status.NoSession when there is none that fits (the session is then empty)
 */
export function sessionLoad(identity: u64, profile: i32): i32 {
  const a = readSlot(StorageSlot.SessionA, BLOB);
  const b = readSlot(StorageSlot.SessionB, OTHER);
  const otherIsLater =
    b && (!a || <i32>(changetype<Session>(OTHER).generation - session().generation) > 0);
  if (otherIsLater) memory.copy(BLOB, OTHER, SESSION_SIZE);
  wipe(OTHER, SESSION_SIZE);
  if (!a && !b) {
    session().generation = 0;
    sessionClear();
    return Status.NoSession;
  }
  const s = session();
  if (s.identity != identity || <i32>s.profile != profile || s.nextRecord == 0) {
    sessionClear();
    return Status.NoSession;
  }
  // The slot written last may have gone bad since: it reserved at most this much more.
  s.nextRecord += reservation;
  s.nextMessageId += <u16>reservation;
  if (s.roundTrip) roundTripRestore((<i32>s.roundTrip) << ROUND_TRIP_SHIFT);
  stored = true;
  reservedUntil = s.nextRecord;
  return Status.Ok;
}

/**
 * Keep of the session what an abbreviated handshake needs: master secret, session id, flags.
 * @returns whether there is anything to resume
 */
export function sessionKeepResumable(): bool {
  const s = session();
  stored = false;
  reservedUntil = 0;
  if (!s.idLength) return false;
  wipe(sessionKeyBlock(), KEY_BLOCK_SIZE);
  s.cidLength = 0;
  s.nextRecord = 0;
  s.receivedTop = 0;
  return true;
}

/** Write the blob as it stands to the slot that does not hold the latest one. */
function write(): i32 {
  const s = session();
  s.magic = MAGIC;
  s.generation += 1;
  store<u32>(BLOB + CRC_OFFSET, crc32(0, BLOB, CRC_OFFSET));
  const slot = s.generation & 1 ? StorageSlot.SessionB : StorageSlot.SessionA;
  if (halStorageWrite(slot, BLOB, SESSION_SIZE) != SESSION_SIZE) {
    // The slot may be torn now; the next attempt must go to it again, not to the intact one. But a
    // write may also have happened and only its report have failed: then it can be restored.
    const happened = readSlot(slot, OTHER) && changetype<Session>(OTHER).generation == s.generation;
    wipe(OTHER, SESSION_SIZE);
    if (happened) return Status.Ok;
    s.generation -= 1;
    return Status.HostFailure;
  }
  return Status.Ok;
}

/**
 * Store the session with a reservation that starts at `nextRecord`, the first number not yet used.
 * @param nextMessageId first CoAP message id not yet used; as many are reserved as records
 * @returns Status.Ok; Status.HostFailure when storage failed
 */
export function sessionSave(nextRecord: u64, nextMessageId: u32): i32 {
  const s = session();
  const keepRecord = s.nextRecord;
  const keepId = s.nextMessageId;
  s.nextRecord = nextRecord + reservation;
  s.nextMessageId = <u16>(nextMessageId + reservation);
  s.roundTrip = <u8>min(max(roundTrip(), 0) >> ROUND_TRIP_SHIFT, 255);
  const status = write();
  if (status < 0) {
    s.nextRecord = keepRecord;
    s.nextMessageId = keepId;
    return status;
  }
  stored = true;
  reservedUntil = s.nextRecord;
  return Status.Ok;
}

/**
 * Make sure that `record` may be used: it is below the stored reservation, or a new reservation is
 * written first. A session that never reached storage needs none: nothing can restore it.
 * @returns Status.Ok; Status.HostFailure when the reservation cannot be stored: the record must
 *   not be sent, and the session must end
 */
export function sessionReserve(record: u64, nextMessageId: u32): i32 {
  if (!stored || record < reservedUntil) return Status.Ok;
  return sessionSave(record, nextMessageId);
}

/**
 * Make the session unusable, in memory and in storage: an empty blob becomes the latest one. A
 * power cut before the write costs one vain attempt to resume, nothing else.
 */
export function sessionForget(): void {
  const wasStored = stored;
  sessionClear();
  if (wasStored) write();
}
