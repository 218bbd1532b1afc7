// Waiting for the queue to be empty: flush, and the planned way to sleep (flush, say goodbye, close,
// tell the host). Both end with one event, which delivery.ts hands out.

import { describeIsBusy } from "../cloud/describe";
import { DisconnectReason } from "../cloud/protocol";
import { subscriptionsAreBusy } from "../cloud/subscriptions";
import { outboxHas } from "../coap/outbox";
import { connectionState, deviceDisconnect, isGreeted } from "../connection";
import { ConnectionState, EventKind } from "../events";
import { Status } from "../status";
import { earlier, isDue, untilDue } from "../util/clock";
import { queuePending } from "./queue";

const enum Sleep {
  None = 0,
  /** Waiting for the queue. */
  Flushing = 1,
  /** Waiting for the connection to close. */
  Closing = 2,
}

let isFlushing: bool = false;
let flushUntil: u32 = 0;
let sleep: i32 = Sleep.None;
let sleepUntil: u32 = 0;
let sleepSeconds: u32 = 0;
let saysGoodbye: bool = false;

/** Outcomes that wait to be told; 1 for none. */
let flushed: i32 = 1;
let asleep: i32 = 1;

/**
 * Ask to be told when nothing waits any more: a Flushed event follows. A later call replaces it.
 * @param timeout ms after which it says MessageTimeout, 0...2147483647
 * @returns Status.Ok; Status.InvalidArgument
 */
export function queueFlush(timeout: i32, now: u32): i32 {
  if (timeout < 0) return Status.InvalidArgument;
  isFlushing = true;
  flushUntil = now + timeout;
  return Status.Ok;
}

/**
 * Sleep when nothing waits any more: a Sleep event tells the host that the connection is closed. The
 * session stays for the wake.
 * @param seconds how long; 0 until something else wakes the device
 * @param goodbye whether to tell the server, which costs two datagrams
 * @param timeout ms that the queue may take, 0...2147483647
 * @returns Status.Ok; Status.InvalidArgument; Status.InvalidState while going to sleep
 */
export function queueSleep(seconds: u32, goodbye: bool, timeout: i32, now: u32): i32 {
  if (timeout < 0) return Status.InvalidArgument;
  if (sleep != Sleep.None) return Status.InvalidState;
  sleep = Sleep.Flushing;
  sleepUntil = now + timeout;
  sleepSeconds = seconds;
  saysGoodbye = goodbye;
  return Status.Ok;
}

/**
 * Whether the device may go: what the server has not acknowledged (the description, for one) would
 * be sent again at each wake.
 */
function isQuiet(): bool {
  return !isGreeted() || !(outboxHas(0) || describeIsBusy() || subscriptionsAreBusy());
}

/** See whether a wait is over. */
export function flushPoll(now: u32): void {
  const isEmpty = queuePending() == 0;
  const outcome = isEmpty ? Status.Ok : Status.MessageTimeout;
  if (isFlushing && (isEmpty || isDue(flushUntil, now))) {
    isFlushing = false;
    flushed = outcome;
  }
  if (sleep == Sleep.Flushing && ((isEmpty && isQuiet()) || isDue(sleepUntil, now))) {
    sleep = Sleep.Closing;
    // InvalidState: nobody had asked for a connection.
    deviceDisconnect(saysGoodbye ? DisconnectReason.Sleep : 0, sleepSeconds, now);
  }
  if (sleep == Sleep.Closing && connectionState() == ConnectionState.Disconnected) {
    sleep = Sleep.None;
    asleep = outcome;
  }
}

/**
 * Take the outcome of a wait.
 * @param output [out] fields of the event: kind, status, pending publishes, seconds to sleep
 * @returns its kind; EventKind.None
 */
export function flushPollEvent(output: usize): i32 {
  let kind = EventKind.None;
  if (flushed <= 0) {
    kind = EventKind.Flushed;
    store<i32>(output, flushed, 4);
    flushed = 1;
  } else if (asleep <= 0) {
    kind = EventKind.Sleep;
    store<i32>(output, asleep, 4);
    store<u32>(output, sleepSeconds, 12);
    asleep = 1;
  }
  store<i32>(output, kind);
  store<i32>(output, queuePending(), 8);
  return kind;
}

/** @returns ms until a wait is over; -1 for none */
export function flushPollTimeout(now: u32): i32 {
  const wait = isFlushing ? untilDue(flushUntil, now) : -1;
  return sleep == Sleep.Flushing ? earlier(wait, untilDue(sleepUntil, now)) : wait;
}
