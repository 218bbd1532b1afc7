// The publish queue: every publish is checked, gets an id and waits here, in RAM, until the
// connection and the pacing let it go (delivery.ts). A publish is bounded work: no wait, no loop
// over more than the table. docs/queue.md tells the whole.

import { isReservedName } from "../cloud/publisher";
import { MAX_TTL } from "../cloud/protocol";
import { MAX_DATA_LENGTH, MAX_NAME_LENGTH, QUEUE_ENTRIES, QUEUE_SLOTS } from "../config";
import { isGreeted } from "../connection";
import { randomFill } from "../crypto/random";
import { budgetCoalesces, budgetRefuses } from "../meter/budget";
import { meterLoad, meterUnconfirmed } from "../meter/operations";
import { meterState, stateReserve } from "../meter/state";
import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { arenaDrop, arenaPut, arenaSpace, payloadOf } from "./arena";
import {
  ENTRY_SIZE,
  Entry,
  EntryState,
  countEntries,
  entryAt,
  findEntry,
  findPlace,
  payloadSize,
  priorityOf,
} from "./entries";
import { FullPolicy, NO_TTL, PublishOption } from "./numbers";
import { freeSlots, slotRelease, slotRestore, slotWrite, slotsErase } from "./slots";

/** What `queueState` tells of a publish that was acknowledged. */
export const ACKNOWLEDGED: i32 = 3;

// @ts-ignore: decorator
@lazy
const SEED: usize = memory.data(4, 4);
let lastId: u32 = 0;
let lastOrder: u32 = 0;
let policy: i32 = FullPolicy.Refuse;
/** MAX_DATA_LENGTH until board or session say less. */
let maxData: i32 = 1024;
/** Whether publishes that must be acknowledged go into storage. */
let isStored: bool = false;

/** @param value FullPolicy @returns Status.Ok; Status.InvalidArgument */
export function setFullPolicy(value: i32): i32 {
  if (value < FullPolicy.Refuse || value > FullPolicy.DropNewest) return Status.InvalidArgument;
  policy = value;
  return Status.Ok;
}

/** Longest data of a publish, bytes: what board and session take, 1...1024. */
export function setMaxData(length: i32): i32 {
  if (length < 1 || length > MAX_DATA_LENGTH) return Status.InvalidArgument;
  maxData = length;
  return Status.Ok;
}

export function maxDataLength(): i32 {
  return maxData;
}

/**
 * A new id. With storage the ids that may have been given are remembered; without they begin
 * anywhere, so that after a restart they do not repeat those of before.
 */
function nextId(): u32 {
  if (!lastId) {
    if (isStored) lastId = meterState().reservedId;
    else if (randomFill(SEED, 4) >= 0) lastId = load<u32>(SEED) & 0x7fffffff;
  }
  lastId = (lastId & 0x7fffffff) == 0x7fffffff ? 1 : lastId + 1;
  return lastId;
}

// ---- storage --------------------------------------------------------------------------------

/**
 * Keep publishes that must be acknowledged in storage from now on; call it before the first publish.
 * Those that wait there since before the last power cut come back into the queue, with their ids.
 * @returns how many came back; Status.InvalidState when something has been published
 */
export function queueUseStorage(): i32 {
  if (lastId || isStored) return Status.InvalidState;
  isStored = true;
  meterLoad();
  let count = 0;
  for (let number = 1; number <= QUEUE_SLOTS; number++) {
    const content = slotRestore(number);
    if (!content) continue;
    restore(number, content);
    count += 1;
  }
  return count - dropCounted();
}

/** Put a stored publish back into the table. @param content [in] entry, then name */
function restore(number: i32, content: usize): void {
  const entry = entryAt(findPlace());
  memory.copy(changetype<usize>(entry), content, ENTRY_SIZE);
  entry.slot = <u8>number;
  entry.state = <u8>EntryState.Queued;
  entry.deliveries = 0;
  arenaPut(entry, content + ENTRY_SIZE, 0);
  if (<i32>(entry.order - lastOrder) > 0) lastOrder = entry.order;
  lastId = max(lastId, max(entry.id, meterState().reservedId));
}

/** End what was acknowledged and counted before the power failed. @returns how many */
function dropCounted(): i32 {
  const at = findEntry(meterState().countedId);
  if (at < 0) return 0;
  const entry = entryAt(at);
  entry.options |= <u8>PublishOption.Untold;
  endEntry(entry, Status.Ok);
  slotsErase();
  return 1;
}

/** Write a new publish to storage, then erase those that it displaced. */
function storeEntry(entry: Entry, name: usize, data: usize): i32 {
  let status = stateReserve(entry.id);
  if (status == Status.Ok) status = slotWrite(entry, name, data);
  slotsErase();
  if (status == Status.Ok) return status;
  arenaDrop(entry);
  entry.state = <u8>EntryState.Free;
  return status;
}

// ---- ending ---------------------------------------------------------------------------------

/** End a publish; `slotsErase` must follow. @param status Status.Ok or why it failed */
export function endEntry(entry: Entry, status: i32): void {
  arenaDrop(entry);
  if (entry.slot) slotRelease(entry);
  if (status < 0 && entry.deliveries) meterUnconfirmed(entry.dataLength);
  entry.status = <i8>status;
  const isTold = (entry.options & PublishOption.Untold) != 0;
  entry.state = <u8>(isTold ? EntryState.Told : EntryState.Ended);
}

// ---- room -----------------------------------------------------------------------------------

/** Whether there is room now. @param size bytes in RAM @param inSlot whether it needs a slot, too */
function fits(size: i32, inSlot: bool): bool {
  return arenaSpace() >= size && (!inSlot || freeSlots() > 1);
}

/** Whether `entry` may give way to a publish of this priority and kind. */
function mayGiveWay(entry: Entry, priority: i32, inSlot: bool): bool {
  if (policy == FullPolicy.Refuse || entry.state != EntryState.Queued) return false;
  return (entry.slot != 0) == inSlot && priorityOf(entry.options) <= priority;
}

/** Whether `a` gives way before `b`. */
function givesWayBefore(a: Entry, b: Entry): bool {
  const difference = priorityOf(a.options) - priorityOf(b.options);
  if (difference != 0) return difference < 0;
  const isOlder = <i32>(a.order - b.order) < 0;
  return isOlder == (policy == FullPolicy.DropOldest);
}

/** Index of the publish that gives way first; -1 for none. */
function findVictim(priority: i32, inSlot: bool): i32 {
  let victim = -1;
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (!mayGiveWay(entry, priority, inSlot)) continue;
    if (victim < 0 || givesWayBefore(entry, entryAt(victim))) victim = i;
  }
  return victim;
}

/** Whether there would be room if all that may give way did. */
function couldFit(size: i32, priority: i32, inSlot: bool, twin: i32): bool {
  let space = arenaSpace();
  let slots = freeSlots();
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (i != twin && !mayGiveWay(entry, priority, inSlot)) continue;
    space += payloadSize(entry);
    if (entry.slot) slots += 1;
  }
  return space >= size && (!inSlot || slots > 1);
}

/**
 * Make room as the policy says; all or nothing.
 * @param twin index of the publish that the new one replaces, -1 for none
 * @returns index of a place in the table; Status.NoSpace
 */
function makeRoom(size: i32, priority: i32, inSlot: bool, twin: i32): i32 {
  if (!couldFit(size, priority, inSlot, twin)) return Status.NoSpace;
  if (twin >= 0) endEntry(entryAt(twin), Status.Replaced);
  let place = findPlace();
  while (place < 0 || !fits(size, inSlot)) {
    const victim = findVictim(priority, inSlot);
    if (victim < 0) return Status.NoSpace;
    endEntry(entryAt(victim), Status.Dropped);
    if (place < 0) place = findPlace();
    if (place < 0) return Status.NoSpace;
  }
  return place;
}

/** Index of a publish of this name that waits; -1 for none. */
function findTwin(name: usize, length: i32): i32 {
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state != EntryState.Queued || <i32>entry.nameLength != length) continue;
    if (equalBytes(payloadOf(entry), name, length)) return i;
  }
  return -1;
}

// ---- commands -------------------------------------------------------------------------------

/**
 * Publish: take name and data into the queue.
 * @param name [in] 1...64 bytes of UTF-8, not beginning with "particle" or "spark"
 * @param data [in] 0...`maxDataLength()` bytes
 * @param contentFormat 0...65535
 * @param ttl seconds, 0...16777215, after which it fails if it has not gone out; what is left then
 *   goes with it as Max-Age. NO_TTL: it waits as long as it takes
 * @param options PublishOption bits
 * @returns handle, 1...2^31-1; Status.InvalidArgument; Status.TooLong; Status.ReservedName;
 *   Status.NoSpace; Status.Offline (Unqueued only); Status.HostFailure: storage failed;
 *   Status.OverBudget
 * Cost: at most QUEUE_ENTRIES publishes give way, each a search of the table.
 */
export function enqueue(
  name: usize,
  nameLength: i32,
  data: usize,
  dataLength: i32,
  contentFormat: u32,
  ttl: u32,
  options: u32,
): i32 {
  const hasTtl = ttl != NO_TTL;
  if (nameLength < 1 || dataLength < 0 || contentFormat > 0xffff) return Status.InvalidArgument;
  if ((hasTtl && ttl > MAX_TTL) || options & ~PublishOption.All) return Status.InvalidArgument;
  if (nameLength > MAX_NAME_LENGTH || dataLength > maxData) return Status.TooLong;
  if (isReservedName(name, nameLength)) return Status.ReservedName;
  if (options & PublishOption.Unqueued && !isGreeted()) return Status.Offline;
  if (budgetRefuses(priorityOf(options))) return Status.OverBudget;
  const coalesces = (options & PublishOption.Coalesced) != 0 || budgetCoalesces();
  const twin = coalesces ? findTwin(name, nameLength) : -1;
  const twinOrder = twin < 0 ? 0 : entryAt(twin).order;
  const inSlot = isStored && (options & PublishOption.Acknowledged) != 0;
  const size = nameLength + (inSlot ? 0 : dataLength);
  const place = makeRoom(size, priorityOf(options), inSlot, twin);
  if (place < 0) {
    slotsErase();
    return place;
  }
  const entry = entryAt(place);
  entry.id = nextId();
  lastOrder += 1;
  entry.order = twin < 0 ? lastOrder : twinOrder;
  entry.options = <u8>(options | (hasTtl ? PublishOption.Fresh : 0));
  entry.expiresAt = hasTtl ? ttl : 0;
  entry.dataLength = <u16>dataLength;
  entry.contentFormat = <u16>contentFormat;
  entry.nameLength = <u8>nameLength;
  entry.deliveries = 0;
  entry.status = 0;
  entry.state = <u8>EntryState.Queued;
  // Any number but 0 says that the data do not go into RAM; storage gives the right one.
  entry.slot = inSlot ? 1 : 0;
  arenaPut(entry, name, data);
  const status = inSlot ? storeEntry(entry, name, data) : Status.Ok;
  return status < 0 ? status : entry.id;
}

/** How many publishes wait or are on their way. */
export function queuePending(): i32 {
  return countEntries(EntryState.Queued) + countEntries(EntryState.Sent);
}

/**
 * Where a publish is.
 * @returns 1 queued; 2 sent (without acknowledgement: for good); 3 acknowledged; the Status with
 *   which it failed; Status.NotFound: never given, or too long ago
 */
export function queueState(id: u32): i32 {
  const at = findEntry(id);
  if (at < 0) return Status.NotFound;
  const entry = entryAt(at);
  if (<i32>entry.state < EntryState.Ended) return entry.state;
  if (entry.status < 0) return entry.status;
  return entry.options & PublishOption.Acknowledged ? ACKNOWLEDGED : EntryState.Sent;
}

/** Take back a publish that still waits. @returns Status.Ok; Status.NotFound; Status.InvalidState */
export function queueCancel(id: u32): i32 {
  const at = findEntry(id);
  if (at < 0) return Status.NotFound;
  if (entryAt(at).state != EntryState.Queued) return Status.InvalidState;
  endEntry(entryAt(at), Status.Aborted);
  slotsErase();
  return Status.Ok;
}
