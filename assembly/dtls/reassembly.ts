// Reassembly of the server's handshake messages (RFC 6347 §4.2.3): one message at a time, in
// message_seq order. Fragments that come ahead of their turn wait in a small stash; what does not
// fit is dropped and comes again with the next retransmission of the flight.

import { MAX_HANDSHAKE_MESSAGE, STANDARD, STASH_CAPACITY } from "../config";
import { Status } from "../status";
import { loadU16, loadU24 } from "../util/bytes";
import { HANDSHAKE_HEADER } from "./protocol";

const MESSAGE: usize = memory.data(STANDARD ? 2560 : 512, 8);
/** Entries of u16 length and the fragment with its header. */
const STASH: usize = memory.data(STANDARD ? 1536 : 512, 4);

let expected: u32 = 0;
let started: bool = false;
let type: u32 = 0;
let total: i32 = 0;
/** Bytes received from the start of the message on, without a gap. */
let received: i32 = 0;
let stashed: i32 = 0;

/** Expect the message with sequence number `messageSequence` next; forget all fragments. */
export function reassemblyReset(messageSequence: u32): void {
  expected = messageSequence;
  started = false;
  stashed = 0;
}

/** Sequence number of the message that is being assembled. */
export function reassemblySequence(): u32 {
  return expected;
}

export function reassemblyType(): u32 {
  return type;
}

/** The assembled body; valid until `reassemblyAdvance`. */
export function reassemblyBody(): usize {
  return MESSAGE;
}

/** @returns body bytes of the expected message when it is complete, -1 before */
export function reassemblyLength(): i32 {
  return started && received == total ? total : -1;
}

/** Go on to the next message, with what the stash holds of it. */
export function reassemblyAdvance(): void {
  expected += 1;
  started = false;
  drainStash();
}

/** Sequence number of the fragment at `fragment`. */
export function fragmentSequence(fragment: usize): u32 {
  return loadU16(fragment + 4);
}

/**
 * Length of the fragment at `fragment`, header included.
 * @param available bytes from there to the end of the record
 * @returns 12 or more; Status.Discarded when it does not fit or contradicts itself
 */
export function fragmentSize(fragment: usize, available: i32): i32 {
  if (available < HANDSHAKE_HEADER) return Status.Discarded;
  const messageLength = <i32>loadU24(fragment + 1);
  const offset = <i32>loadU24(fragment + 6);
  const length = <i32>loadU24(fragment + 9);
  if (length > available - HANDSHAKE_HEADER) return Status.Discarded;
  if (offset + length > messageLength || messageLength > MAX_HANDSHAKE_MESSAGE) {
    return Status.Discarded;
  }
  return HANDSHAKE_HEADER + length;
}

/**
 * Take one fragment, checked by `fragmentSize`.
 * @param size header and data
 * @returns Status.Ok when it was new; Status.Discarded when it was old, known, or found no room
 */
export function reassemblyAdd(fragment: usize, size: i32): i32 {
  const sequence = fragmentSequence(fragment);
  if (sequence < expected || sequence > expected + 8) return Status.Discarded;
  if (sequence > expected) return stash(fragment, size);
  const offset = <i32>loadU24(fragment + 6);
  if (started && offset > received) return stash(fragment, size);
  if (!started && offset > 0) return stash(fragment, size);
  const status = append(fragment);
  if (status == Status.Ok) drainStash();
  return status;
}

/** Extend the message under assembly by a fragment that begins at or before its end. */
function append(fragment: usize): i32 {
  const fragmentType = <u32>load<u8>(fragment);
  const messageLength = <i32>loadU24(fragment + 1);
  const offset = <i32>loadU24(fragment + 6);
  const isOther = fragmentType != type || messageLength != total;
  // A damaged fragment must not stand in the way of the genuine ones: the message begins anew.
  if (!started || (isOther && offset == 0)) {
    started = true;
    type = fragmentType;
    total = messageLength;
    received = 0;
    if (total == 0) return Status.Ok;
  } else if (isOther) {
    return Status.Discarded;
  }
  const end = offset + <i32>loadU24(fragment + 9);
  if (end <= received) return Status.Discarded;
  const skip = received - offset;
  memory.copy(MESSAGE + received, fragment + HANDSHAKE_HEADER + skip, end - received);
  received = end;
  return Status.Ok;
}

/** Keep a fragment for later, unless it is there already or there is no room. */
function stash(fragment: usize, size: i32): i32 {
  for (let at = 0; at < stashed; at += 2 + load<u16>(STASH + at)) {
    const known = STASH + at + 2;
    if (
      fragmentSequence(known) == fragmentSequence(fragment) &&
      loadU24(known + 6) == loadU24(fragment + 6) &&
      <i32>load<u16>(STASH + at) >= size
    ) {
      return Status.Discarded;
    }
  }
  if (stashed + 2 + size > STASH_CAPACITY) return Status.Discarded;
  store<u16>(STASH + stashed, <u16>size);
  memory.copy(STASH + stashed + 2, fragment, size);
  stashed += 2 + size;
  return Status.Ok;
}

/** Move stashed fragments whose turn has come into the message; drop those that are past. */
function drainStash(): void {
  let at = 0;
  while (at < stashed) {
    const size = <i32>load<u16>(STASH + at);
    const fragment = STASH + at + 2;
    const sequence = fragmentSequence(fragment);
    const isDueNow = sequence == expected && <i32>loadU24(fragment + 6) <= (started ? received : 0);
    if (sequence > expected || (sequence == expected && !isDueNow)) {
      at += 2 + size;
      continue;
    }
    if (isDueNow) append(fragment);
    stashed -= 2 + size;
    memory.copy(STASH + at, fragment + size, stashed - at);
    at = 0;
  }
}
