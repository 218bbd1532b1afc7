// Names and data of the publishes that wait, one after the other in one arena that closes its gaps,
// so that nothing fragments. The table is told where things have moved.

import { QUEUE_CAPACITY, QUEUE_ENTRIES } from "../config";
import { Entry, EntryState, entryAt, payloadSize } from "./entries";

// @ts-ignore: decorator
@lazy
const ARENA: usize = memory.data(4096, 4);
let used: i32 = 0;

/** Bytes that are free. */
export function arenaSpace(): i32 {
  return QUEUE_CAPACITY - used;
}

/** Name of a publish; its data follow, unless they are in a slot. */
export function payloadOf(entry: Entry): usize {
  return ARENA + entry.place;
}

/** Keep `payloadSize` bytes of `entry`, which fit `arenaSpace()`. `data` is not read for a slot. */
export function arenaPut(entry: Entry, name: usize, data: usize): void {
  entry.place = used;
  const nameLength = <i32>entry.nameLength;
  memory.copy(ARENA + used, name, nameLength);
  memory.copy(ARENA + used + nameLength, data, payloadSize(entry) - nameLength);
  used += payloadSize(entry);
}

/** Give up what is kept of a publish that ends. */
export function arenaDrop(entry: Entry): void {
  const place = entry.place;
  const size = payloadSize(entry);
  used -= size;
  memory.copy(ARENA + place, ARENA + place + size, used - place);
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const other = entryAt(i);
    const isKept = other.state == EntryState.Queued || other.state == EntryState.Sent;
    if (isKept && other.place > place) other.place -= size;
  }
}
