// Table of the publishes that the queue knows, 64 of 32 bytes: what waits, what is on its way, and
// what has ended and may still be asked about. Payloads are in arena.ts. Nothing here sends.

import { QUEUE_ENTRIES } from "../config";
import { PublishOption } from "./numbers";

/** Where a publish is. Hosts see Queued and Sent as these numbers, see `queueState`. */
export const enum EntryState {
  Free = 0,
  Queued = 1,
  /** Handed to the connection. */
  Sent = 2,
  /** Ended; nobody was told yet. */
  Ended = 3,
  /** Ended and told; kept until its place is needed. */
  Told = 4,
}

/** One publish. */
@unmanaged
export class Entry {
  /** Handle and id, 1...2^31-1. */
  id: u32;
  /** Place in line: the lower one goes first. */
  order: u32;
  /** Uptime at which it fails unsent, seconds; 0 never. */
  expiresAt: u32;
  /** Earliest time of another delivery, ms; counts when `deliveries` is not 0. */
  retryAt: u32;
  /** Where the name stands, as arena.ts gave it. */
  place: i32;
  dataLength: u16;
  contentFormat: u16;
  /** Handle in the outbox while Sent. */
  outboxHandle: u16;
  nameLength: u8;
  /** PublishOption bits. */
  options: u8;
  state: u8;
  /** Times that it was handed to the connection and came back. */
  deliveries: u8;
  /** How it ended: Status.Ok or a reason. */
  status: i8;
  /** Number of the slot that holds the data; 0: they are in RAM behind the name. */
  slot: u8;
}
export const ENTRY_SIZE: i32 = 32;

// @ts-ignore: decorator
@lazy
const TABLE: usize = memory.data(2048, 8);

// @ts-ignore: decorator
@inline
export function entryAt(index: i32): Entry {
  return changetype<Entry>(TABLE + <usize>(index * ENTRY_SIZE));
}

/** Bytes of it in RAM: its name, and its data unless they are in a slot. */
export function payloadSize(entry: Entry): i32 {
  return <i32>entry.nameLength + (entry.slot ? 0 : <i32>entry.dataLength);
}

/** 0 low, 1 normal, 2 high. */
export function priorityOf(options: u32): i32 {
  if (options & PublishOption.HighPriority) return 2;
  return options & PublishOption.LowPriority ? 0 : 1;
}

/** @returns index of the publish with this id; -1 for none */
export function findEntry(id: u32): i32 {
  if (!id) return -1;
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.id == id && entry.state != EntryState.Free) return i;
  }
  return -1;
}

/** @returns index of a place for a new publish: a free one, else the oldest that was told; -1 */
export function findPlace(): i32 {
  let oldest = -1;
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const state = <i32>entryAt(i).state;
    if (state == EntryState.Free) return i;
    if (state != EntryState.Told) continue;
    if (oldest < 0 || <i32>(entryAt(i).id - entryAt(oldest).id) < 0) oldest = i;
  }
  return oldest;
}

/** How many publishes are in a state. */
export function countEntries(state: i32): i32 {
  let count = 0;
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    if (entryAt(i).state == state) count += 1;
  }
  return count;
}
