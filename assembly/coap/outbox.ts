// Messages to send, oldest first, in one arena that closes its gaps: nothing fragments, and a
// message stays byte for byte until it is acknowledged (RFC 7252 §4.2). Confirmable messages are
// retransmitted with exponential back-off, NSTART of them at a time (§4.7, §4.8).

import {
  ACK_TIMEOUT,
  MAX_RETRANSMIT,
  MAX_ROUNDS,
  MAX_STREAM_MESSAGE,
  NSTART,
  OTA,
  OUTBOX_CAPACITY,
  QUEUE,
  STREAM_TIMEOUT,
  TCP,
} from "../config";
import { Status } from "../status";
import { loadU16, storeU16 } from "../util/bytes";
import { earlier, isDue, untilDue } from "../util/clock";
import { nextJitter } from "../util/jitter";
import { retransmissionTimeout, roundTripSample } from "../util/round-trip";
import { trafficAnswer, trafficSend } from "../util/traffic";
import { MessageType } from "./protocol";
import { isReliable } from "./reliability";

/** What a message is for; decides who hears of its end. */
export const enum Purpose {
  Hello = 1,
  Ping = 2,
  Describe = 3,
  Subscribe = 4,
  Publish = 5,
  Time = 6,
  Response = 7,
  Goodbye = 8,
  /** An application's request, in the `standard` profile. */
  Request = 9,
  /** An answer in an update, in builds with OTA. */
  Update = 10,
}

const enum EntryState {
  Waiting = 0,
  /** Sent, not acknowledged. */
  InFlight = 1,
  /** Its end is known and waits for `outboxPollDone`. */
  Done = 2,
}

/** Header of an entry; the message follows, and the next entry at the next multiple of 4. */
@unmanaged
class Entry {
  length: u16;
  state: u8;
  purpose: u8;
  /** Transmissions so far. */
  transmissions: u8;
  /** Rounds of up to 1 + MAX_RETRANSMIT transmissions begun; the first one gives the message id. */
  rounds: u8;
  /** Number that the owner knows it by. */
  handle: u16;
  /** When the next retransmission is due. */
  deadline: u32;
  /** When this round's first transmission was. */
  sentAt: u32;
  /** Status.Ok or why it failed. */
  status: i32;
}
const ENTRY_HEADER: i32 = 20;

const ARENA: usize = memory.data(2560, 4);

let used: i32 = 0;
let nextId: u32 = 1;
let inFlight: i32 = 0;
let retransmitted: u32 = 0;
let transmitted: u32 = 0;
let unacknowledged: u32 = 0;
/** End that `outboxPollDone` returned last. */
let donePurpose: i32 = 0;
let doneHandle: i32 = 0;
let doneStatus: i32 = 0;

// @ts-ignore: decorator
@inline
function entryAt(offset: i32): Entry {
  return changetype<Entry>(ARENA + offset);
}

// @ts-ignore: decorator
@inline
function messageAt(offset: i32): usize {
  return ARENA + offset + ENTRY_HEADER;
}

// @ts-ignore: decorator
@inline
function sizeAt(offset: i32): i32 {
  return ENTRY_HEADER + ((<i32>entryAt(offset).length + 3) & ~3);
}

function isConfirmable(offset: i32): bool {
  return ((load<u8>(messageAt(offset)) >>> 4) & 3) == MessageType.Confirmable;
}

/** Forget all messages. */
export function outboxReset(): void {
  memory.fill(ARENA, 0, used);
  used = 0;
  inFlight = 0;
}

/** Message id that the next new message will carry. */
export function outboxNextId(): u32 {
  return nextId;
}

/** Take the next message id, for a message that never was in the outbox. */
export function outboxTakeId(): u32 {
  const id = nextId;
  nextId = (nextId + 1) & 0xffff;
  return id;
}

/** Continue message ids at `id` (RFC 7252 §4.4: an id is not used again for a while). */
export function outboxSetNextId(id: u32): void {
  nextId = id & 0xffff;
}

// ---- adding ---------------------------------------------------------------------------------

/** Room for a message, to encode in place. @returns bytes, -1 when the arena is full */
export function outboxCapacity(): i32 {
  return OUTBOX_CAPACITY - used - ENTRY_HEADER;
}

/** Where a new message is to be encoded; `outboxCommit` makes it an entry. */
export function outboxSpace(): usize {
  return messageAt(used);
}

/**
 * Make the message that was encoded at `outboxSpace()` an entry that waits for transmission. Its
 * message id is given when it is first sent.
 * @param length what `encodeEnd` returned; a negative one is returned as it is
 * @param handle number for the owner, 0...65535
 * @returns Status.Ok; Status.NoSpace; Status.TooLong for the frames of a reliable transport
 */
export function outboxCommit(purpose: i32, handle: i32, length: i32): i32 {
  if (length < 0) return length;
  if (TCP) {
    if (isReliable() && length > MAX_STREAM_MESSAGE) return Status.TooLong;
  }
  if (length > outboxCapacity()) return Status.NoSpace;
  const entry = entryAt(used);
  entry.length = <u16>length;
  entry.state = <u8>EntryState.Waiting;
  entry.purpose = <u8>purpose;
  entry.transmissions = 0;
  entry.rounds = 0;
  entry.handle = <u16>handle;
  entry.status = 0;
  used += sizeAt(used);
  return Status.Ok;
}

// ---- sending --------------------------------------------------------------------------------

/** Whether a message of this purpose is in the outbox and not done. `purpose` 0: any. */
export function outboxHas(purpose: i32): bool {
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (entry.state != EntryState.Done && (!purpose || entry.purpose == purpose)) return true;
  }
  return false;
}

/** Whether the peer waits for a message of this purpose. */
// @ts-ignore: decorator
@inline
function isAnswer(purpose: i32): bool {
  if (OTA) return purpose == Purpose.Response || purpose == Purpose.Update;
  return purpose == Purpose.Response;
}

/** @returns offset of the entry to send now, -1 for none */
function nextToSend(only: i32, now: u32): i32 {
  let first = -1;
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (only && entry.purpose != only) continue;
    if (entry.state == EntryState.InFlight && isDue(entry.deadline, now)) {
      if (<i32>entry.transmissions <= MAX_RETRANSMIT) return at;
      continue;
    }
    if (entry.state != EntryState.Waiting || first >= 0) continue;
    // Answers to the peer do not wait behind our own requests.
    const isFree = !isConfirmable(at) || isAnswer(entry.purpose);
    if (isFree || inFlight < NSTART) first = at;
  }
  return first;
}

/**
 * The next message to send: a due retransmission, else a waiting one.
 * @param output [out] `capacity` bytes
 * @param only send messages of this purpose only; 0 sends all
 * @returns its bytes; 0 when there is none; Status.NoSpace
 */
export function outboxPollTransmit(output: usize, capacity: i32, only: i32, now: u32): i32 {
  const at = nextToSend(only, now);
  if (at < 0) return 0;
  const entry = entryAt(at);
  const length = <i32>entry.length;
  if (length > capacity) return Status.NoSpace;
  const message = messageAt(at);
  if (QUEUE) trafficSend(entry.purpose, entry.rounds != 0);
  if (entry.rounds) {
    retransmitted += 1;
  } else {
    entry.rounds = 1;
    storeU16(message + 2, nextId);
    nextId = (nextId + 1) & 0xffff;
  }
  transmitted += 1;
  memory.copy(output, message, length);
  if (!isConfirmable(at)) {
    finish(at, Status.Ok);
    return length;
  }
  if (entry.state == EntryState.Waiting) inFlight += 1;
  entry.state = <u8>EntryState.InFlight;
  let timeout = retransmissionTimeout(ACK_TIMEOUT) << entry.transmissions;
  timeout += (timeout * <i32>nextJitter()) >> 9;
  if (!entry.transmissions) entry.sentAt = now;
  entry.transmissions += 1;
  entry.deadline = now + timeout;
  if (TCP) {
    if (isReliable()) awaitOnly(entry, now);
  }
  return length;
}

/** Over a reliable transport a message is sent once; its answer may take STREAM_TIMEOUT. */
function awaitOnly(entry: Entry, now: u32): void {
  entry.transmissions = <u8>(MAX_RETRANSMIT + 1);
  entry.rounds = <u8>MAX_ROUNDS;
  entry.deadline = now + STREAM_TIMEOUT;
}

/** @returns ms until something is due: a retransmission or a give-up; 0 now, -1 never */
export function outboxPollTimeout(only: i32, now: u32): i32 {
  if (nextToSend(only, now) >= 0) return 0;
  let wait = -1;
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (only && entry.purpose != only) continue;
    if (entry.state == EntryState.InFlight) wait = earlier(wait, untilDue(entry.deadline, now));
  }
  return wait;
}

/**
 * End the round of messages whose last transmission was not acknowledged in time (RFC 7252 §4.2).
 * Hello, a publish and a request get MAX_ROUNDS rounds under the same message id, others one.
 * @returns whether there was one
 */
export function outboxHandleTimeout(now: u32): bool {
  let ended = false;
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (entry.state != EntryState.InFlight || !isDue(entry.deadline, now)) continue;
    if (<i32>entry.transmissions <= MAX_RETRANSMIT) continue;
    ended = true;
    const isKept =
      entry.purpose == Purpose.Publish ||
      entry.purpose == Purpose.Request ||
      entry.purpose == Purpose.Hello;
    if (isKept && <i32>entry.rounds < MAX_ROUNDS) {
      entry.rounds += 1;
      entry.transmissions = 0;
      entry.state = <u8>EntryState.Waiting;
      inFlight -= 1;
      continue;
    }
    unacknowledged += 1;
    finish(at, Status.MessageTimeout);
  }
  return ended;
}

// ---- ending ---------------------------------------------------------------------------------

function finish(offset: i32, status: i32): void {
  const entry = entryAt(offset);
  if (entry.state == EntryState.InFlight) inFlight -= 1;
  entry.state = <u8>EntryState.Done;
  entry.status = status;
}

/** Offset of the unacknowledged message with this id; -1 for none. */
function findInFlight(id: u32): i32 {
  for (let at = 0; at < used; at += sizeAt(at)) {
    if (entryAt(at).state == EntryState.InFlight && loadU16(messageAt(at) + 2) == id) return at;
  }
  return -1;
}

/** Whether a message of ours with this id waits for its acknowledgement. */
export function outboxAwaits(id: u32): bool {
  return findInFlight(id) >= 0;
}

/**
 * Handle an ACK or RST.
 * @param status how the message ended
 * @returns the purpose of the message; Status.NotFound when none waits for this id
 */
export function outboxAcknowledge(id: u32, status: i32, now: u32): i32 {
  const at = findInFlight(id);
  if (at < 0) return Status.NotFound;
  const entry = entryAt(at);
  if (QUEUE) trafficAnswer(entry.purpose);
  // Karn: the answer to a message that was repeated says nothing about the round trip.
  if (entry.transmissions == 1) roundTripSample(<i32>(now - entry.sentAt));
  finish(at, status);
  return entry.purpose;
}

/** End the message of this purpose and handle, if it is still on its way: it was answered. */
export function outboxFinish(purpose: i32, handle: i32): void {
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (entry.purpose != purpose || <i32>entry.handle != handle) continue;
    if (entry.state != EntryState.Done) finish(at, Status.Ok);
  }
}

/**
 * End all messages of a purpose, sent or not.
 * @param purpose 0 ends all
 */
export function outboxAbort(purpose: i32, status: i32): void {
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (purpose && entry.purpose != purpose) continue;
    if (entry.state != EntryState.Done) finish(at, status);
  }
}

/**
 * Make every message in flight wait again, with all its transmissions ahead of it. It keeps its
 * message id, so that the peer can still tell a repetition; over a reliable transport it gets a new
 * one, and may arrive twice.
 */
export function outboxRestart(): void {
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (TCP) {
      // A server of the TCP channel wants each id to be the one after the last.
      if (isReliable()) entry.rounds = 0;
    }
    if (entry.state != EntryState.InFlight) continue;
    entry.state = <u8>EntryState.Waiting;
    entry.transmissions = 0;
  }
  inFlight = 0;
}

/**
 * Take the next message whose end is known out of the outbox.
 * @param publishes whether to take publishes only, or everything else only
 * @returns its purpose; 0 when there is none. Handle and status: `outboxDoneHandle/Status`
 */
export function outboxPollDone(publishes: bool): i32 {
  for (let at = 0; at < used; at += sizeAt(at)) {
    const entry = entryAt(at);
    if (entry.state != EntryState.Done) continue;
    if ((entry.purpose == Purpose.Publish) != publishes) continue;
    donePurpose = entry.purpose;
    doneHandle = entry.handle;
    doneStatus = entry.status;
    const size = sizeAt(at);
    used -= size;
    memory.copy(ARENA + at, ARENA + at + size, used - at);
    return donePurpose;
  }
  return 0;
}

export function outboxDoneHandle(): i32 {
  return doneHandle;
}

export function outboxDoneStatus(): i32 {
  return doneStatus;
}

// ---- figures --------------------------------------------------------------------------------

/** Messages sent, retransmissions among them. */
export function outboxTransmitted(): u32 {
  return transmitted;
}

export function outboxRetransmitted(): u32 {
  return retransmitted;
}

/** Messages given up. */
export function outboxUnacknowledged(): u32 {
  return unacknowledged;
}
