// Message ids received, with the reply that each got (RFC 7252 §4.2, §4.5): a repeated confirmable
// message is answered by the same ACK and not acted on again. Replies wait here for transmission.

import { EXCHANGE_LIFETIME, INBOX_ENTRIES } from "../config";
import { isDue } from "../util/clock";
import { encodeEnd, encodeMessage } from "./message";
import { Code, MAX_TOKEN_LENGTH } from "./protocol";

const enum EntryState {
  Free = 0,
  /** Received; answered by nothing so far. */
  Received = 1,
  /** The reply waits for transmission. */
  ReplyPending = 2,
  Replied = 3,
}

/** 20 bytes: u32 receivedAt | u16 id | u8 state | u8 type | u8 code | u8 tokenLength | token 8 */
@unmanaged
class Entry {
  receivedAt: u32;
  id: u16;
  state: u8;
  type: u8;
  code: u8;
  tokenLength: u8;
}
const TOKEN_OFFSET: usize = 10;
const ENTRY_SIZE: usize = 20;

const ENTRIES: usize = memory.data(320, 4);

// @ts-ignore: decorator
@inline
function entryAt(index: i32): Entry {
  return changetype<Entry>(ENTRIES + <usize>index * ENTRY_SIZE);
}

/** Forget all ids: those of another session mean nothing here. */
export function inboxReset(): void {
  memory.fill(ENTRIES, 0, ENTRY_SIZE * <usize>INBOX_ENTRIES);
}

function find(id: u32, now: u32): i32 {
  for (let i = 0; i < INBOX_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state == EntryState.Free || entry.id != id) continue;
    if (isDue(entry.receivedAt + EXCHANGE_LIFETIME, now)) entry.state = <u8>EntryState.Free;
    else return i;
  }
  return -1;
}

/**
 * Note a received message.
 * @returns whether it is new; a repetition makes its reply, if it had one, pending again
 */
export function inboxReceive(id: u32, now: u32): bool {
  const known = find(id, now);
  if (known >= 0) {
    const entry = entryAt(known);
    if (entry.state == EntryState.Replied) entry.state = <u8>EntryState.ReplyPending;
    return false;
  }
  let oldest = 0;
  for (let i = 0; i < INBOX_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state == EntryState.Free) {
      oldest = i;
      break;
    }
    if (<i32>(entry.receivedAt - entryAt(oldest).receivedAt) < 0) oldest = i;
  }
  const entry = entryAt(oldest);
  entry.receivedAt = now;
  entry.id = <u16>id;
  entry.state = <u8>EntryState.Received;
  return true;
}

/** Forget a message again: it could not be served, and a repetition of it shall count as new. */
export function inboxForget(id: u32, now: u32): void {
  const index = find(id, now);
  if (index >= 0) entryAt(index).state = <u8>EntryState.Free;
}

/**
 * Give the reply to a message noted before.
 * @param type Acknowledgement or Reset
 * @param code Code.Empty, or a response code for a piggybacked response (RFC 7252 §5.2.1)
 * @param token [in] `tokenLength` bytes; none with Code.Empty
 */
export function inboxReply(
  id: u32,
  type: i32,
  code: i32,
  token: usize,
  tokenLength: i32,
  now: u32,
): void {
  const index = find(id, now);
  if (index < 0) return;
  const entry = entryAt(index);
  entry.type = <u8>type;
  entry.code = <u8>code;
  entry.tokenLength = <u8>(code == Code.Empty ? 0 : min(tokenLength, MAX_TOKEN_LENGTH));
  memory.copy(changetype<usize>(entry) + TOKEN_OFFSET, token, entry.tokenLength);
  entry.state = <u8>EntryState.ReplyPending;
}

/** Whether a reply waits. */
export function inboxHasReply(): bool {
  for (let i = 0; i < INBOX_ENTRIES; i++) {
    if (entryAt(i).state == EntryState.ReplyPending) return true;
  }
  return false;
}

/**
 * Encode the next waiting reply.
 * @param output [out] 12 bytes at most
 * @returns its bytes; 0 when none waits
 */
export function inboxPollReply(output: usize, capacity: i32): i32 {
  for (let i = 0; i < INBOX_ENTRIES; i++) {
    const entry = entryAt(i);
    if (entry.state != EntryState.ReplyPending) continue;
    entry.state = <u8>EntryState.Replied;
    const token = changetype<usize>(entry) + TOKEN_OFFSET;
    encodeMessage(output, capacity, entry.type, entry.code, entry.id, token, entry.tokenLength);
    return encodeEnd();
  }
  return 0;
}
