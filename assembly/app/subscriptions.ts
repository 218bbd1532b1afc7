// Many handlers over few subscriptions on the wire: the protocol has eight at most and no way to end
// one. A handler whose prefix begins with one that is subscribed already, for the same content, shares
// it; ending one is local. Tables are static: nothing here allocates.

import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { EVENT_HANDLERS, WIRE_SUBSCRIPTIONS, openSubscription } from "./core";

/** A received event. */
export type EventHandler = (name: usize, nameLength: i32, data: usize, dataLength: i32) => void;

const PREFIX_MAX: i32 = 64;

/** A prefix: u8 length, u8 content, u8 wire number, u8 in use, u32 handler, u32 context, 64 bytes. */
const ENTRY_SIZE: i32 = 76;
const PREFIX: i32 = 12;

// @ts-ignore: decorator
@lazy
const TABLE: usize = memory.data(ENTRY_SIZE * EVENT_HANDLERS, 4);
/** Of each wire subscription: u8 length, u8 content, two spare, 64 bytes. */
const WIRE_SIZE: i32 = 68;
// @ts-ignore: decorator
@lazy
const WIRE_TABLE: usize = memory.data(WIRE_SIZE * WIRE_SUBSCRIPTIONS, 4);
let wires: i32 = 0;
let context: u32 = 0;

// @ts-ignore: decorator
@inline
function entryAt(index: i32): usize {
  return TABLE + <usize>(index * ENTRY_SIZE);
}

// @ts-ignore: decorator
@inline
function wireAt(index: i32): usize {
  return WIRE_TABLE + <usize>(index * WIRE_SIZE);
}

/** What the handler that runs was registered with. */
export function subscriptionContext(): u32 {
  return context;
}

function startsWith(name: usize, length: i32, prefix: usize, prefixLength: i32): bool {
  return prefixLength <= length && equalBytes(name, prefix, prefixLength);
}

/** Number of a wire subscription that brings all events of this prefix; -1 for none. */
function findWire(prefix: usize, length: i32, content: i32): i32 {
  for (let i = 0; i < wires; i++) {
    const wire = wireAt(i);
    if (<i32>load<u8>(wire, 1) != content) continue;
    if (startsWith(prefix, length, wire + 4, load<u8>(wire))) return i;
  }
  return -1;
}

function openWire(prefix: usize, length: i32, content: i32, now: u32): i32 {
  const number = openSubscription(prefix, length, content, now);
  if (number < 0) return number;
  if (number != wires || number >= WIRE_SUBSCRIPTIONS) return Status.NoSpace;
  const wire = wireAt(number);
  store<u8>(wire, length);
  store<u8>(wire, content, 1);
  memory.copy(wire + 4, prefix, length);
  wires += 1;
  return number;
}

/** Number of the same registration; -1 for none. */
function findHandler(prefix: usize, length: i32, content: i32, handler: u32, about: u32): i32 {
  for (let i = 0; i < EVENT_HANDLERS; i++) {
    const entry = entryAt(i);
    const isSame =
      load<u8>(entry, 3) != 0 &&
      <i32>load<u8>(entry) == length &&
      <i32>load<u8>(entry, 1) == content &&
      load<u32>(entry, 4) == handler &&
      load<u32>(entry, 8) == about;
    if (isSame && equalBytes(prefix, entry + PREFIX, length)) return i;
  }
  return -1;
}

/**
 * Hand events whose name begins with `prefix` to `handler`.
 * @param prefix [in] 1...64 bytes
 * @param content SubscriptionContent
 * @param handler index of an EventHandler in the table
 * @param about handed to the handler by `subscriptionContext`
 * @returns number for `removeHandler`, that of before when it is registered already; Status.InvalidArgument, Status.TooLong; Status.NoSpace
 *   (32 handlers, or eight prefixes on the wire that do not contain this one)
 */
export function addHandler(
  prefix: usize,
  length: i32,
  content: i32,
  handler: u32,
  about: u32,
  now: u32,
): i32 {
  if (length < 1) return Status.InvalidArgument;
  if (length > PREFIX_MAX) return Status.TooLong;
  let place = findHandler(prefix, length, content, handler, about);
  if (place >= 0) return place;
  place = 0;
  while (place < EVENT_HANDLERS && load<u8>(entryAt(place), 3)) place += 1;
  if (place == EVENT_HANDLERS) return Status.NoSpace;
  let wire = findWire(prefix, length, content);
  if (wire < 0) wire = openWire(prefix, length, content, now);
  if (wire < 0) return wire;
  const entry = entryAt(place);
  store<u8>(entry, length);
  store<u8>(entry, content, 1);
  store<u8>(entry, wire, 2);
  store<u8>(entry, 1, 3);
  store<u32>(entry, handler, 4);
  store<u32>(entry, about, 8);
  memory.copy(entry + PREFIX, prefix, length);
  return place;
}

/** End one handler. The cloud goes on sending; what nobody handles is dropped here. */
export function removeHandler(number: i32): i32 {
  if (number < 0 || number >= EVENT_HANDLERS || !load<u8>(entryAt(number), 3))
    return Status.NotFound;
  store<u8>(entryAt(number), 0, 3);
  return Status.Ok;
}

/** End all handlers. */
export function removeHandlers(): void {
  for (let i = 0; i < EVENT_HANDLERS; i++) store<u8>(entryAt(i), 0, 3);
}

/** An event came for wire subscription `wire`: each handler that it fits gets it once. */
export function dispatchEvent(
  wire: i32,
  name: usize,
  nameLength: i32,
  data: usize,
  dataLength: i32,
): void {
  for (let i = 0; i < EVENT_HANDLERS; i++) {
    const entry = entryAt(i);
    if (!load<u8>(entry, 3) || <i32>load<u8>(entry, 2) != wire) continue;
    if (!startsWith(name, nameLength, entry + PREFIX, load<u8>(entry))) continue;
    context = load<u32>(entry, 8);
    call_indirect<void>(load<u32>(entry, 4), name, nameLength, data, dataLength);
  }
}
