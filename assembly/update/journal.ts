// What updates remember over power cuts: which application runs, what each area holds, which update
// is under way, the keys after a rotation. One checksummed blob in two alternating storage slots, as
// the session is kept (dtls/session.ts): a torn write leaves the other one. With both gone the device
// is as one that was never updated.

import { WORKSPACE } from "../crypto/workspace";
import { StorageSlot, halStorageRead, halStorageWrite } from "../hal";
import { Status } from "../status";
import { crc32 } from "../util/crc32";
import { NO_AREA } from "./area";

/** The blob, little-endian; 456 bytes of at most JOURNAL_CAPACITY. */
@unmanaged
export class Journal {
  /** "WJ" and the layout's version in the high byte pair. */
  magic: u32;
  /** Rises by one each write; the slot with the later one counts. */
  generation: u32;
  /** Area of the application that runs; NO_AREA. */
  active: u8;
  /** Area of an application that is complete and waits; NO_AREA. */
  pending: u8;
  /** Whether the active application is on probation. */
  probation: u8;
  /** Its starts since it came. */
  starts: u8;
  /** Whether a signed command has switched applications off. */
  disabled: u8;
  /** Keys of a rotation, 0...4; 0: those of provisioning count. */
  keyCount: u8;
  /** Area of the update under way. */
  downloadArea: u8;
  reserved: u8;
  /** Sequence number of the last command obeyed. */
  sequence: u32;
  /** Version of the native firmware that was handed to the platform last. */
  firmwareVersion: u32;
  /** How the last update or application ended: Status. */
  lastStatus: i32;
  /** Bytes of the update under way; 0 none that can be resumed. */
  downloadSize: u32;
  /** Bytes of it that are in the area, from its beginning: a multiple of UPDATE_STEP. */
  downloadPrefix: u32;
  // 36: SHA-256 of the file under way, 32 B | 68: SHA-256 of its prefix, 32 B
  // 100: two AreaEntry of 48 B | 196: keys, 4 of 64 B | 452: CRC-32
}

/** What an application area holds. */
@unmanaged
export class AreaEntry {
  /** AreaStatus. */
  status: u32;
  /** Bytes of the file. */
  length: u32;
  version: u32;
  /** Bits that its manifest grants. */
  capabilities: u32;
  // 16: SHA-256 of the file, 32 B
}

export const enum AreaStatus {
  /** Nothing that may run. */
  Empty = 0,
  /** An application that was verified. */
  Ready = 1,
  /** One that did not pass its probation. */
  Failed = 2,
}

const MAGIC: u32 = 0x00014a57;
const JOURNAL_SIZE: i32 = 456;
const CRC_OFFSET: i32 = 452;
const AREA_SIZE: i32 = 48;

// @ts-ignore: decorator
@lazy
const JOURNAL: usize = memory.data(456, 8);
/** The other slot while they are compared. */
// @ts-ignore: decorator
@inline
const OTHER: usize = WORKSPACE;

/** Whether it was read from storage. */
let isOpen: bool = false;

// @ts-ignore: decorator
@inline
export function journal(): Journal {
  return changetype<Journal>(JOURNAL);
}

/** SHA-256 of the file under way, 32 bytes. */
// @ts-ignore: decorator
@inline
export function journalFileHash(): usize {
  return JOURNAL + 36;
}

/** SHA-256 of the prefix that is in its area, 32 bytes. */
// @ts-ignore: decorator
@inline
export function journalPrefixHash(): usize {
  return JOURNAL + 68;
}

/** @param area 0 or 1 */
// @ts-ignore: decorator
@inline
export function areaEntry(area: i32): AreaEntry {
  return changetype<AreaEntry>(JOURNAL + 100 + <usize>(area * AREA_SIZE));
}

/** SHA-256 of the file in an area, 32 bytes. */
// @ts-ignore: decorator
@inline
export function areaFileHash(area: i32): usize {
  return JOURNAL + 116 + <usize>(area * AREA_SIZE);
}

/** Keys after a rotation, `keyCount` of 64 bytes. */
// @ts-ignore: decorator
@inline
export function journalKeys(): usize {
  return JOURNAL + 196;
}

/** Whether `journalLoad` was called. */
export function journalIsOpen(): bool {
  return isOpen;
}

/** Read a slot. @returns whether it holds an intact journal of this layout */
function read(slot: i32, blob: usize): bool {
  if (halStorageRead(slot, blob, JOURNAL_SIZE) != JOURNAL_SIZE) return false;
  if (load<u32>(blob) != MAGIC) return false;
  return load<u32>(blob + CRC_OFFSET) == crc32(0, blob, CRC_OFFSET);
}

function clear(): void {
  memory.fill(JOURNAL, 0, JOURNAL_SIZE);
  journal().active = <u8>NO_AREA;
  journal().pending = <u8>NO_AREA;
}

/** Load the later of the two journals; that of a new device when there is none. */
export function journalLoad(): void {
  isOpen = true;
  const a = read(StorageSlot.JournalA, JOURNAL);
  const b = read(StorageSlot.JournalB, OTHER);
  const isLater = <i32>(changetype<Journal>(OTHER).generation - journal().generation) > 0;
  if (b && (!a || isLater)) memory.copy(JOURNAL, OTHER, JOURNAL_SIZE);
  else if (!a) clear();
}

function slotOf(generation: u32): i32 {
  return generation & 1 ? StorageSlot.JournalB : StorageSlot.JournalA;
}

/**
 * Write the journal as it stands to the slot that does not hold the latest one.
 * @returns Status.Ok; Status.UpdateStorage: storage holds what it held before
 */
export function journalSave(): i32 {
  const j = journal();
  j.magic = MAGIC;
  j.generation += 1;
  store<u32>(JOURNAL + CRC_OFFSET, crc32(0, JOURNAL, CRC_OFFSET));
  const slot = slotOf(j.generation);
  if (halStorageWrite(slot, JOURNAL, JOURNAL_SIZE) == JOURNAL_SIZE) return Status.Ok;
  // A write may have happened and only its report have failed.
  if (read(slot, OTHER) && changetype<Journal>(OTHER).generation == j.generation) return Status.Ok;
  // The slot may be torn: the next attempt goes to it again, not to the intact one.
  j.generation -= 1;
  return Status.UpdateStorage;
}

/** Forget changes that could not be written: go back to what storage holds. */
export function journalRevert(): void {
  const generation = journal().generation;
  if (generation == 0) clear();
  else if (read(slotOf(generation), OTHER)) memory.copy(JOURNAL, OTHER, JOURNAL_SIZE);
}
