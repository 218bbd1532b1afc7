// Publishes in storage, one a slot, so that they outlive a power cut. A slot holds a checked copy of
// the table's entry, the name and the data; in RAM stay entry and name. One slot is always left free:
// a new publish is written before the one that it displaces is erased, and a torn write costs
// only the publish that was not yet taken.

import { MAX_DATA_LENGTH, MAX_NAME_LENGTH, QUEUE_SLOTS } from "../config";
import { TX_BUFFER } from "../device";
import { StorageSlot, halStorageRead, halStorageWrite } from "../hal";
import { Status } from "../status";
import { crc32 } from "../util/crc32";
import { ENTRY_SIZE, Entry } from "./entries";

/** "WQ", and the layout's version in the high byte pair. */
const MAGIC: u32 = 0x00015157;
/** A record: u32 magic, u32 CRC-32 of all that follows, entry, name, data. */
const RECORD_HEADER: i32 = 8;
const RECORD_MAX: i32 = RECORD_HEADER + ENTRY_SIZE + MAX_NAME_LENGTH + MAX_DATA_LENGTH;

/**
 * Where a record is put together and read: the transmit buffer, which is free whenever the queue
 * runs, but for the arguments of a publish at its start.
 */
// @ts-ignore: decorator
@inline
const RECORD: usize = TX_BUFFER;

/** Slots in use, and those of them that are to be erased, as bits. */
let used: u32 = 0;
let released: u32 = 0;

/** How many slots are free, those to be erased among them. */
export function freeSlots(): i32 {
  return QUEUE_SLOTS - popcnt(used & ~released);
}

/** Storage slot of a number, 1...QUEUE_SLOTS. */
function slotOf(number: i32): i32 {
  return StorageSlot.QueueFirst - 1 + number;
}

/**
 * Write a publish to a free slot.
 * @param entry [in,out] complete; `slot` is set
 * @param name [in] may stand in the transmit buffer, with the data behind it
 * @returns Status.Ok; Status.NoSpace; Status.HostFailure
 */
export function slotWrite(entry: Entry, name: usize, data: usize): i32 {
  const number = <i32>ctz(~used) + 1;
  if (number > QUEUE_SLOTS) return Status.NoSpace;
  entry.slot = <u8>number;
  const nameLength = <i32>entry.nameLength;
  const content = RECORD + RECORD_HEADER;
  // In this order nothing is overwritten before it has moved.
  memory.copy(content + ENTRY_SIZE + nameLength, data, entry.dataLength);
  memory.copy(content + ENTRY_SIZE, name, nameLength);
  memory.copy(content, changetype<usize>(entry), ENTRY_SIZE);
  const length = ENTRY_SIZE + nameLength + <i32>entry.dataLength;
  store<u32>(RECORD, MAGIC);
  store<u32>(RECORD, crc32(0, content, length), 4);
  const total = RECORD_HEADER + length;
  if (halStorageWrite(slotOf(number), RECORD, total) != total) return Status.HostFailure;
  used |= 1 << (number - 1);
  return Status.Ok;
}

/** Read a slot. @returns its entry in the transmit buffer, before name and data; null if not intact */
function readSlot(number: i32): usize {
  const length = halStorageRead(slotOf(number), RECORD, RECORD_MAX) - RECORD_HEADER;
  if (length < ENTRY_SIZE || load<u32>(RECORD) != MAGIC) return 0;
  const content = RECORD + RECORD_HEADER;
  const entry = changetype<Entry>(content);
  if (length != ENTRY_SIZE + <i32>entry.nameLength + <i32>entry.dataLength) return 0;
  return load<u32>(RECORD, 4) == crc32(0, content, length) ? content : 0;
}

/** @returns data of a stored publish, in the transmit buffer; 0 when storage failed */
export function slotData(entry: Entry): usize {
  const content = readSlot(entry.slot);
  if (!content || changetype<Entry>(content).id != entry.id) return 0;
  return content + ENTRY_SIZE + <i32>entry.nameLength;
}

/**
 * Look for a publish in a slot, after a start.
 * @param number 1...QUEUE_SLOTS
 * @returns its entry in the transmit buffer, before its name; 0 when there is none. The slot is in
 *   use then
 */
export function slotRestore(number: i32): usize {
  const content = readSlot(number);
  if (content) used |= 1 << (number - 1);
  return content;
}

/** A stored publish has ended: its slot is erased with the next `slotsErase`. */
export function slotRelease(entry: Entry): void {
  released |= 1 << (entry.slot - 1);
}

/** Erase what was released. A failure costs a repetition after the next start, nothing else. */
export function slotsErase(): void {
  while (released) {
    const index = ctz(released);
    halStorageWrite(slotOf(index + 1), RECORD, 0);
    released &= ~(1 << index);
    used &= ~(1 << index);
  }
}
