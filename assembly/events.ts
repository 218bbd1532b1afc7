// Events towards the host: a ring that `poll_event` empties. Pointers in an event lead into the
// receive buffer and hold until the next input; that is why the host drains after every input.

import { EVENT_ENTRIES, EVENT_SIZE } from "./config";

/** Kind of an event; the fields a...f of each are given here. */
export const enum EventKind {
  None = 0,
  /** The host shall open its socket. a: `Reason`; b, c: address of the peer that was used last
   * (pointer, length; 0 bytes: resolve the server's name); d: 2 for a TCP socket, else UDP.
   * Answer: `link_up`. */
  OpenLink = 1,
  /** The host shall close its socket. a: `Reason`. */
  CloseLink = 2,
  /** The connection changed. a: `ConnectionState`; b: `Reason`; c: Status behind it (as i32). */
  Connection = 3,
  /** A publish ended. a: handle; b: Status.Ok when acknowledged (or, without ACK, sent). */
  PublishDone = 4,
  /** An event came for a subscription. a: subscription; b, c: name; d, e: data;
   * f: Content-Format. */
  EventReceived = 5,
  /** A function is called. a: function; b: call (answer with it); c, d: argument. */
  FunctionCall = 6,
  /** A variable is read. a: variable; b: call; c: its type. */
  VariableRequest = 7,
  /** Time of the cloud. a: seconds since 1970-01-01 UTC. */
  Time = 8,
  /** Signalling ("nyan") was switched. a: 1 on, 0 off. */
  Signal = 9,
  /** The set of subscriptions was acknowledged or refused. a: Status. */
  SubscriptionsDone = 10,
  /** A response to a request, or a block of it (`standard` profile). a: handle; b: response code, or
   * a negative Status; c, d: payload; e: Content-Format; f: ResponseFlag. */
  Response = 11,
  /** The server has moved, signed with the key in slot ServerMoveKey. a: port; b, c: address;
   * d, e: its new public key, DER. The host stores them and connects anew. */
  ServerMoved = 12,
  /** A flush of the publish queue ended. a: Status.Ok when nothing waits any more,
   * Status.MessageTimeout; b: publishes that still wait (builds with QUEUE). */
  Flushed = 16,
  /** The host shall sleep: the connection is closed. a: as Flushed; b: as Flushed; c: seconds, 0
   * until something else wakes it (builds with QUEUE). */
  Sleep = 17,
  /** A threshold of the budget is reached. a: percent, 70, 90 or 100; b: data operations of the
   * period; c, d: its bytes of IPv4, low and high 32 bits (builds with QUEUE). */
  BudgetWarning = 18,
  /** An update began. a: ImageKind, 0 while unknown; b: its bytes (builds with OTA, as the next). */
  UpdateStarted = 19,
  /** a: bytes in sequence; b: all of them. At most 9 times an update. */
  UpdateProgress = 20,
  /** a: Status.Ok when the file was verified, else why it was refused; b: version; c: ImageKind. */
  UpdateEnded = 21,
  /** An update is complete and waits for the gate, or for `update_apply`. a: version. */
  UpdatePending = 22,
  /** The host shall run another application. a: image area, -1 for none; b: bytes of the image;
   * c: Status.Ok for a new one, else why the former was stopped; d: version. */
  ApplicationChange = 23,
  /** Native firmware is with the platform: the host shall reset. a: version. */
  FirmwareReady = 24,
}

/** Kinds of sockets, as `hal_socket_kind` has them. */
export const enum SocketKind {
  Udp = 1,
  Tcp = 2,
}

/** States of the connection as the host sees them. */
export const enum ConnectionState {
  Disconnected = 0,
  /** Waiting for the host's socket. */
  Opening = 1,
  /** DTLS handshake. */
  Handshake = 2,
  /** Waiting for the acknowledgement of Hello. */
  Hello = 3,
  /** A stored session is taken up; nothing was heard from the server yet. */
  Resuming = 4,
  Connected = 5,
  /** Goodbye is on its way. */
  Disconnecting = 6,
}

/** Why a connection opened, changed or closed; part of the host interface. */
export const enum Reason {
  None = 0,
  /** The host asked for it. */
  Requested = 1,
  /** A stored session was taken up, with no handshake. */
  SessionResumed = 2,
  /** Handshake, because storage holds no session (or none for these keys). */
  HandshakeBecauseNoSession = 3,
  /** Handshake, because the server did not answer the resumed session. */
  HandshakeBecauseNoAnswer = 4,
  /** Handshake, because the server ended the session (close_notify or a fatal alert). */
  HandshakeBecausePeerClosed = 5,
  /** Handshake, because the server asked for new keys (PUT /k). */
  HandshakeBecauseKeyChange = 6,
  /** Handshake, because storage failed and record numbers could not be reserved. */
  HandshakeBecauseStorage = 7,
  /** The handshake failed; the Status says why. */
  HandshakeFailed = 8,
  /** The host reported that its socket failed; the session stays. */
  LinkLost = 9,
  /** Keepalive was not answered; the session stays for one more attempt. */
  PingTimeout = 10,
  /** Hello was not acknowledged. */
  HelloTimeout = 11,
  /** Hello was acknowledged after a full handshake. */
  HandshakeDone = 12,
  /** Handshake, because the server proved that it has lost the session. */
  HandshakeBecauseForgotten = 13,
  /** The server resumed the session by its id: an abbreviated handshake (`standard` profile). */
  SessionIdResumed = 14,
  /** The TCP channel broke; the Status says why. */
  ChannelFailed = 15,
}

// @ts-ignore: decorator
@lazy
const RING: usize = memory.data(448, 4);

let head: i32 = 0;
let length: i32 = 0;
let lost: u32 = 0;

/** Free places in the ring. */
export function eventSpace(): i32 {
  return EVENT_ENTRIES - length;
}

/** Events that found no place; stays 0 unless the host does not drain. */
export function eventsLost(): u32 {
  return lost;
}

/** Add an event. */
export function pushEvent(
  kind: i32,
  a: u32 = 0,
  b: u32 = 0,
  c: u32 = 0,
  d: u32 = 0,
  e: u32 = 0,
  f: u32 = 0,
): void {
  if (length == EVENT_ENTRIES) {
    lost += 1;
    return;
  }
  const at = RING + <usize>((head + length) % EVENT_ENTRIES) * EVENT_SIZE;
  store<u32>(at, kind);
  store<u32>(at, a, 4);
  store<u32>(at, b, 8);
  store<u32>(at, c, 12);
  store<u32>(at, d, 16);
  store<u32>(at, e, 20);
  store<u32>(at, f, 24);
  length += 1;
}

/**
 * Take the oldest event.
 * @param output [out] 28 bytes: u32 kind, then fields a...f as u32, little-endian
 * @returns its kind; EventKind.None when there is none
 */
export function takeEvent(output: usize): i32 {
  if (length == 0) return EventKind.None;
  memory.copy(output, RING + <usize>head * EVENT_SIZE, EVENT_SIZE);
  head = (head + 1) % EVENT_ENTRIES;
  length -= 1;
  return load<i32>(output);
}

/** Forget all events. */
export function resetEvents(): void {
  head = 0;
  length = 0;
}
