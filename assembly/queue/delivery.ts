// From the queue to the connection and back: what goes next, what becomes of it, what is due when.
// index.ts calls these around the core's own polls; nothing else in the core knows of the queue.

import { DEFAULT_TTL } from "../cloud/protocol";
import { allowSystemNames, publish, setPublishToken } from "../cloud/publisher";
import { outboxCapacity } from "../coap/outbox";
import {
  EVENT_SIZE,
  MAX_DELIVERIES,
  OTA,
  QUEUE_ENTRIES,
  QUEUE_WINDOW,
  REPUBLISH_MAX,
  REPUBLISH_MIN,
} from "../config";
import { connectionState, isGreeted } from "../connection";
import { devicePollEvent } from "../device";
import { ConnectionState, EventKind } from "../events";
import { budgetAllows, budgetWarning } from "../meter/budget";
import { monthOf } from "../meter/month";
import {
  meterFlush,
  meterOperations,
  meterPeriod,
  meterPublish,
  meterStoredPublish,
} from "../meter/operations";
import { meterState } from "../meter/state";
import { Status } from "../status";
import { earlier, isDue, untilDue } from "../util/clock";
import { uptime, uptimeAdvance } from "../util/uptime";
import { payloadOf } from "./arena";
import { diagnosisNote } from "./diagnosis";
import { Entry, EntryState, countEntries, entryAt, priorityOf } from "./entries";
import { flushPoll, flushPollEvent, flushPollTimeout } from "./flush";
import { pacingTake, pacingWait } from "./pacing";
import { PublishOption } from "./numbers";
import { endEntry } from "./queue";
import { slotData, slotsErase } from "./slots";

/** Id of a publish in network order: its token. */
// @ts-ignore: decorator
@lazy
const TOKEN: usize = memory.data(4, 4);

/** Time of the last call, ms. */
let lastNow: u32 = 0;
/** Room in the outbox that did not suffice for the next publish; with no more, asking is in vain. */
let vainCapacity: i32 = -1;

// ---- what goes next -------------------------------------------------------------------------

/** Whether the connection takes publishes. */
function isOpen(): bool {
  return isGreeted() && connectionState() != ConnectionState.Disconnecting;
}

function isBlocked(): bool {
  return outboxCapacity() <= vainCapacity;
}

function isReady(entry: Entry, now: u32): bool {
  if (entry.state != EntryState.Queued) return false;
  return entry.deliveries == 0 || isDue(entry.retryAt, now);
}

function goesBefore(a: Entry, b: Entry): bool {
  const difference = priorityOf(a.options) - priorityOf(b.options);
  return difference != 0 ? difference > 0 : <i32>(a.order - b.order) < 0;
}

/** Index of the publish that goes next; -1 for none. */
function nextEntry(now: u32): i32 {
  let next = -1;
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (isReady(entry, now) && (next < 0 || goesBefore(entry, entryAt(next)))) next = i;
  }
  return next;
}

/** Uptime in whole seconds, rounded up. */
function upSeconds(): u32 {
  return <u32>((uptime() + 999) / 1000);
}

/** Start times to live that were given since the last call, and end the publishes that are over. */
function expire(): void {
  const seconds = upSeconds();
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state != EntryState.Queued) continue;
    if (entry.options & PublishOption.Fresh) {
      entry.options &= ~(<u8>PublishOption.Fresh);
      entry.expiresAt += seconds;
      // 0 means never.
      if (!entry.expiresAt) entry.expiresAt = 1;
    } else if (entry.expiresAt && uptime() >= <u64>entry.expiresAt * 1000) {
      endEntry(entry, Status.Expired);
    }
  }
}

/** Give a publish to the outbox. @returns Status.Ok; Status.NoSpace; Status.HostFailure (storage) */
function handOver(entry: Entry): i32 {
  const isConfirmable = (entry.options & PublishOption.Acknowledged) != 0;
  store<u32>(TOKEN, bswap<u32>(entry.id));
  const length = isConfirmable ? 4 - (clz(entry.id) >>> 3) : 0;
  setPublishToken(TOKEN + 4 - length, length);
  const left = entry.expiresAt ? <u32>max(<i32>(entry.expiresAt - upSeconds()), 0) : DEFAULT_TTL;
  const name = payloadOf(entry);
  const nameLength = <i32>entry.nameLength;
  const data = entry.slot ? slotData(entry) : name + nameLength;
  if (!data) return Status.HostFailure;
  const format = entry.contentFormat;
  // Its name was looked at when it came into the queue.
  if (OTA) allowSystemNames(true);
  const handle = publish(name, nameLength, data, entry.dataLength, format, left, isConfirmable);
  if (OTA) allowSystemNames(false);
  if (handle < 0) return handle;
  entry.outboxHandle = <u16>handle;
  entry.state = <u8>EntryState.Sent;
  return Status.Ok;
}

/** Hand over what may go at `now`. Called before each datagram is built. */
export function queueTransmit(now: u32): void {
  lastNow = now;
  uptimeAdvance(now);
  expire();
  if (isOpen()) send(now);
  refuseUnqueued();
  slotsErase();
  flushPoll(now);
}

function send(now: u32): void {
  let inFlight = countEntries(EntryState.Sent);
  while (!isBlocked() && inFlight < QUEUE_WINDOW && pacingWait(now) == 0) {
    const next = nextEntry(now);
    if (next < 0 || !budgetAllows(priorityOf(entryAt(next).options), inFlight)) return;
    const status = handOver(entryAt(next));
    if (status == Status.NoSpace) {
      vainCapacity = outboxCapacity();
    } else if (status < 0) {
      endEntry(entryAt(next), status);
    } else {
      vainCapacity = -1;
      pacingTake();
      inFlight += 1;
    }
  }
}

/** End the publishes that wanted to go at once and did not. */
function refuseUnqueued(): void {
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state != EntryState.Queued || !(entry.options & PublishOption.Unqueued)) continue;
    endEntry(entry, isOpen() ? Status.RateLimited : Status.Offline);
  }
}

// ---- what becomes of it ---------------------------------------------------------------------

/** Whether another delivery may do better. */
function isTransient(status: i32): bool {
  return (
    status == Status.MessageTimeout ||
    status == Status.MessageReset ||
    status == Status.ServerError ||
    status == Status.Aborted
  );
}

/** The outbox is done with a publish: it has ended, or waits for another delivery. */
function settle(handle: i32, status: i32): void {
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state != EntryState.Sent || <i32>entry.outboxHandle != handle) continue;
    entry.deliveries += 1;
    if (isTransient(status) && <i32>entry.deliveries < MAX_DELIVERIES) {
      const pause = min(REPUBLISH_MIN << (entry.deliveries - 1), REPUBLISH_MAX);
      entry.retryAt = lastNow + pause;
      entry.state = <u8>EntryState.Queued;
    } else {
      if (status == Status.Ok) countPublish(entry);
      endEntry(entry, status);
      slotsErase();
    }
    return;
  }
}

function countPublish(entry: Entry): void {
  if (entry.slot) meterStoredPublish(entry.id, entry.dataLength);
  else meterPublish(entry.dataLength);
}

/** Let the meter see an event on its way to the host. */
function noteEvent(kind: i32, event: usize): void {
  if (kind == EventKind.Time) meterPeriod(monthOf(load<u32>(event, 4)));
  if (kind != EventKind.Connection) return;
  const state = load<i32>(event, 4);
  diagnosisNote(state, load<i32>(event, 8), load<i32>(event, 12));
  if (state == ConnectionState.Disconnected) meterFlush();
}

function pollWarning(output: usize): i32 {
  const percent = budgetWarning();
  if (!percent) return EventKind.None;
  store<i32>(output, EventKind.BudgetWarning);
  store<i32>(output, percent, 4);
  store<u32>(output, meterOperations(), 8);
  store<u64>(output, meterState().bytes, 12);
  return EventKind.BudgetWarning;
}

/**
 * Take the next event; those of publishes name the handles of the queue.
 * @param output [out] EVENT_SIZE bytes
 * @returns its kind; EventKind.None
 */
export function queuePollEvent(output: usize): i32 {
  let kind: i32;
  while ((kind = devicePollEvent(output)) == EventKind.PublishDone) {
    settle(load<i32>(output, 4), load<i32>(output, 8));
  }
  if (kind != EventKind.None) {
    noteEvent(kind, output);
    return kind;
  }
  memory.fill(output, 0, EVENT_SIZE);
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state != EntryState.Ended) continue;
    entry.state = <u8>EntryState.Told;
    store<i32>(output, EventKind.PublishDone);
    store<i32>(output, entry.id, 4);
    store<i32>(output, entry.status, 8);
    return EventKind.PublishDone;
  }
  kind = pollWarning(output);
  return kind ? kind : flushPollEvent(output);
}

// ---- time -----------------------------------------------------------------------------------

/** Milliseconds until an uptime in seconds; 0 when it has come. */
function untilUptime(seconds: u32): i32 {
  const at = <u64>seconds * 1000;
  return at <= uptime() ? 0 : <i32>min(at - uptime(), <u64>i32.MAX_VALUE);
}

/** @returns ms until the queue has something to do; 0 now; -1 nothing, unless something comes */
export function queuePollTimeout(now: u32): i32 {
  uptimeAdvance(now);
  let wait = flushPollTimeout(now);
  const inFlight = countEntries(EntryState.Sent);
  const takes = isOpen() && !isBlocked() && inFlight < QUEUE_WINDOW;
  const pace = pacingWait(now);
  for (let i = 0; i < QUEUE_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state != EntryState.Queued) continue;
    if (entry.options & PublishOption.Fresh) return 0;
    if (entry.expiresAt) wait = earlier(wait, untilUptime(entry.expiresAt));
    if (!takes || !budgetAllows(priorityOf(entry.options), inFlight)) continue;
    const pause = entry.deliveries ? untilDue(entry.retryAt, now) : 0;
    wait = earlier(wait, max(pause, pace));
  }
  return wait;
}
