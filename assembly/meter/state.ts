// What queue and meter remember over power cuts, beside the publishes: which ids are given, what was
// counted in this period. One checksummed blob in two alternating slots, as the session is kept
// (dtls/session.ts); a torn write leaves the other one.

import { StorageSlot, halStorageRead, halStorageWrite } from "../hal";
import { Status } from "../status";
import { crc32 } from "../util/crc32";

/** The blob; little-endian. Counters are those of the period. */
@unmanaged
export class MeterState {
  magic: u32;
  /** Rises by one each write; the later one counts. */
  generation: u32;
  /** Ids below this may have been given. */
  reservedId: u32;
  /** Publish that is counted already although its slot may still hold it; 0 none. */
  countedId: u32;
  /** Number that the host or the time gives the period: months since 1970-01; 0 unknown. */
  period: u32;
  /** Data operations. */
  publishes: u32;
  deliveries: u32;
  functions: u32;
  variables: u32;
  /** Publishes that went out and failed: the cloud may have counted them. */
  unconfirmed: u32;
  /** Transmissions of messages that had gone out before. */
  repetitions: u32;
  /** Bytes of IPv4, both ways. */
  bytes: u64;
  /** Thresholds that were told: percent of the last one. */
  warned: u32;
  spare: u32;
}

/** "WS", and the layout's version in the high byte pair. */
const MAGIC: u32 = 0x00015357;
const SIZE: i32 = 68;
const CRC_OFFSET: i32 = 64;
/** Ids that one write reserves. */
const RESERVATION: u32 = 64;

// @ts-ignore: decorator
@lazy
const STATE: usize = memory.data(68, 8);
// @ts-ignore: decorator
@lazy
const OTHER: usize = memory.data(68, 8);

// @ts-ignore: decorator
@inline
export function meterState(): MeterState {
  return changetype<MeterState>(STATE);
}

function read(slot: i32, blob: usize): bool {
  if (halStorageRead(slot, blob, SIZE) != SIZE || load<u32>(blob) != MAGIC) return false;
  return load<u32>(blob + CRC_OFFSET) == crc32(0, blob, CRC_OFFSET);
}

/** Load the later of the two blobs; an empty one when there is none. */
export function stateLoad(): void {
  const a = read(StorageSlot.QueueStateA, STATE);
  const b = read(StorageSlot.QueueStateB, OTHER);
  const state = meterState();
  const isLater = <i32>(changetype<MeterState>(OTHER).generation - state.generation) > 0;
  if (b && (!a || isLater)) memory.copy(STATE, OTHER, SIZE);
  if (!a && !b) memory.fill(STATE, 0, SIZE);
  // The slot written last may have gone bad since: it reserved this much more.
  if (a || b) state.reservedId += RESERVATION;
}

/** Write the blob. @returns Status.Ok; Status.HostFailure */
export function stateSave(): i32 {
  const state = meterState();
  state.magic = MAGIC;
  state.generation += 1;
  store<u32>(STATE + CRC_OFFSET, crc32(0, STATE, CRC_OFFSET));
  const slot = state.generation & 1 ? StorageSlot.QueueStateB : StorageSlot.QueueStateA;
  if (halStorageWrite(slot, STATE, SIZE) == SIZE) return Status.Ok;
  // The slot may be torn: the next attempt goes to it again, not to the intact one.
  state.generation -= 1;
  return Status.HostFailure;
}

/** Reserve ids from `id` on. @returns Status.Ok; Status.HostFailure */
export function stateReserve(id: u32): i32 {
  const state = meterState();
  if (id < state.reservedId) return Status.Ok;
  const before = state.reservedId;
  state.reservedId = id + RESERVATION;
  const status = stateSave();
  if (status < 0) state.reservedId = before;
  return status;
}
