// The device: routes bytes between the channel (dtls/) and the messages (coap/, cloud/), which do not
// know each other, and keeps the timers of the connection, whose life cycle is in connection.ts.

import { describePoll } from "./cloud/describe";
import { takeKeyChange } from "./cloud/requests";
import { handleMessage, isAnswer } from "./cloud/router";
import { MoveField, finishMove, isMoveAsked, moveLength, moveStart } from "./cloud/server-moved";
import { sendPing } from "./cloud/small-messages";
import { subscriptionsPoll } from "./cloud/subscriptions";
import { seedTokens } from "./cloud/tokens";
import { inboxHasReply, inboxPollReply } from "./coap/inbox";
import {
  Purpose,
  outboxDoneHandle,
  outboxDoneStatus,
  outboxHandleTimeout,
  outboxHas,
  outboxNextId,
  outboxPollDone,
  outboxPollTimeout,
  outboxPollTransmit,
  outboxSetNextId,
} from "./coap/outbox";
import { isReliable, setReliable } from "./coap/reliability";
import {
  ACK_TIMEOUT,
  DEFAULT_KEEPALIVE,
  EVENT_SIZE,
  GOODBYE_TIMEOUT,
  OTA,
  RESUME_GRACE,
  RESUME_TIMEOUT,
  RX_CAPACITY,
  STANDARD,
  STREAM_KEEPALIVE,
  TCP,
  TX_CAPACITY,
} from "./config";
import {
  close,
  connectionChangedAt,
  connectionLastHeard,
  connectionState,
  handleEstablished,
  handleHandshakeFailed,
  handleHeard,
  handshakeAgain,
  isGreeted,
  isLinkUp,
  isWanted,
  openAgain,
  openTimeout,
  openWhenDue,
} from "./connection";
import { randomFill } from "./crypto/random";
import {
  dtlsContentOffset,
  dtlsForget,
  dtlsHandleTimeout,
  dtlsIsSynchronised,
  dtlsNext,
  dtlsPlaintext,
  dtlsPollTimeout,
  dtlsPollTransmit,
  dtlsReceive,
  dtlsSeal,
  dtlsSynchronise,
} from "./dtls/client";
import { identityLoad, identityVerifyMove } from "./dtls/identity";
import { DtlsState, dtlsFailure, dtlsIsEstablished, dtlsState } from "./dtls/state";
import { ConnectionState, EventKind, Reason, SocketKind, takeEvent } from "./events";
import { settle } from "./settle";
import { Status } from "./status";
import {
  streamHandle,
  streamHandleTimeout,
  streamPollTimeout,
  streamPollTransmit,
  streamStart,
} from "./stream";
import { chunkedHandleTimeout, chunkedHasWork } from "./update/chunked";
import {
  transferHandle,
  transferHandleTimeout,
  transferPoll,
  transferPollTimeout,
} from "./update/transfer";
import { earlier, isDue, untilDue } from "./util/clock";
import { seedJitter } from "./util/jitter";
import { retransmissionTimeout } from "./util/round-trip";

/** Bytes after the content of a record: inner type and tag. */
const SEAL_ROOM: i32 = 9;

/** Where the host leaves datagrams, RX_CAPACITY bytes. */
export const RX_BUFFER: usize = memory.data(1500, 8);
/** Where the core leaves datagrams, TX_CAPACITY bytes; between them, arguments of commands. */
export const TX_BUFFER: usize = memory.data(1190, 8);
const SEED: usize = memory.data(8, 8);

let keepalive: i32 = DEFAULT_KEEPALIVE;
/** Records that came between a restore and the first answer, and did not prove to be new. */
let unproven: u32 = 0;

export function unprovenRecords(): u32 {
  return unproven;
}

/**
 * Check keys and random source; call once, before anything else.
 * @returns Status.Ok; Status.InvalidPrivateKey, Status.InvalidPublicKey; Status.RandomFailure
 */
export function deviceStart(): i32 {
  const status = randomFill(SEED, 8);
  if (status < 0) return status;
  seedJitter(load<u32>(SEED));
  seedTokens(load<u8>(SEED + 4));
  outboxSetNextId(load<u16>(SEED + 5));
  if (TCP) {
    if (isReliable()) return streamStart();
  }
  return identityLoad();
}

/**
 * Choose the transport; before `deviceStart`, which checks its keys.
 * @param kind SocketKind
 * @returns Status.Ok; Status.InvalidArgument; Status.InvalidState while a connection is wanted
 */
export function deviceSetTransport(kind: i32): i32 {
  if (kind != SocketKind.Udp && kind != SocketKind.Tcp) return Status.InvalidArgument;
  if (isWanted() || connectionState() != ConnectionState.Disconnected) return Status.InvalidState;
  setReliable(kind == SocketKind.Tcp);
  keepalive = isReliable() ? STREAM_KEEPALIVE : DEFAULT_KEEPALIVE;
  return Status.Ok;
}

/** Keepalive interval in ms, counted from the last message received; 0 sends none. */
export function deviceSetKeepalive(interval: i32): i32 {
  if (interval < 0) return Status.InvalidArgument;
  keepalive = interval;
  return Status.Ok;
}

// ---- input ----------------------------------------------------------------------------------

/** Bytes of the message that waits for `deviceHandleMessage`; 0 for none. */
let messageLength: i32 = 0;

/**
 * Take a datagram from the peer, or go on in it, up to its next message.
 * @param length bytes at `RX_BUFFER`, 1...1500; 0 goes on after `deviceHandleMessage`
 * @returns whether a message waits for `deviceHandleMessage`; false when the datagram is done
 */
export function deviceReceive(length: i32, now: u32): bool {
  messageLength = 0;
  if (!isLinkUp() || length < 0 || length > RX_CAPACITY) return false;
  if (TCP) {
    if (isReliable()) return false;
  }
  if (length > 0) dtlsReceive(RX_BUFFER, length);
  else settle(now);
  return isLinkUp() && nextMessage(now);
}

/** Handle the message that waits; `deviceReceive` goes on. */
export function deviceHandleMessage(now: u32): void {
  const size = messageLength;
  messageLength = 0;
  if (!isLinkUp() || size == 0) return;
  handleHeard(now);
  if (OTA) {
    if (transferHandle(dtlsPlaintext(), size, now)) return;
  }
  handleMessage(dtlsPlaintext(), size, now);
  if (isMoveAsked()) finishMove(isMoveGenuine());
}

/** Open records up to one with a message; at the end of the datagram see what the channel has become. */
function nextMessage(now: u32): bool {
  let size: i32;
  while ((size = dtlsNext(now)) > 0) {
    if (dtlsIsSynchronised() || isAnswer(dtlsPlaintext(), size)) {
      if (!dtlsIsSynchronised()) dtlsSynchronise();
      messageLength = size;
      return true;
    }
    unproven += 1;
  }
  const isNew = connectionState() == ConnectionState.Handshake && dtlsIsEstablished();
  if (isNew) handleEstablished(now);
  followChannel(now);
  return false;
}

/**
 * Handle bytes of the stream: one message at most, so that the host drains before the next.
 * @param length bytes at `RX_BUFFER`, 0...1500
 * @returns bytes taken; the host drains, then hands over the rest
 */
export function deviceHandleStream(length: i32, now: u32): i32 {
  if (length < 0 || length > RX_CAPACITY || !isReliable()) return Status.InvalidArgument;
  return isLinkUp() ? streamHandle(RX_BUFFER, length, now) : length;
}

/** Whether the server move that was asked for is signed with the key that the device carries. */
function isMoveGenuine(): bool {
  const status = identityVerifyMove(
    moveStart(MoveField.Key),
    moveLength(MoveField.Key),
    moveStart(MoveField.Address),
    moveLength(MoveField.Address),
    moveLength(MoveField.Port),
    moveStart(MoveField.Signature),
    moveLength(MoveField.Signature),
  );
  return status == Status.Ok;
}

/** End the connection when the channel has failed and its alert, if any, is on its way. */
function followChannel(now: u32): void {
  if (dtlsState() != DtlsState.Failed || dtlsPollTimeout(now) == 0) return;
  const status = dtlsFailure();
  const state = connectionState();
  // A server that refuses our Hello would refuse it again at once.
  const wasNew = state == ConnectionState.Handshake || state == ConnectionState.Hello;
  if (wasNew) handleHandshakeFailed(status, now);
  else if (isWanted()) handshakeAgain(reasonFor(status), status, now);
  else close(status, now);
}

function reasonFor(status: i32): i32 {
  return status == Status.SessionLost
    ? Reason.HandshakeBecauseForgotten
    : Reason.HandshakeBecausePeerClosed;
}

/** Do what is due at `now`. */
export function deviceHandleTimeout(now: u32): void {
  if (OTA) {
    transferHandleTimeout(now);
    if (TCP) chunkedHandleTimeout(now);
  }
  if (connectionState() == ConnectionState.Disconnected) {
    openWhenDue(now);
    return;
  }
  if (!isLinkUp()) return;
  if (TCP) {
    if (isReliable()) {
      streamHandleTimeout(now, keepalive);
      return;
    }
  }
  dtlsHandleTimeout(now);
  if (dtlsIsEstablished()) handleMessageTimeouts(now);
  if (isLinkUp()) followChannel(now);
}

function handleMessageTimeouts(now: u32): void {
  const ended = outboxHandleTimeout(now);
  settle(now);
  if (!isLinkUp()) return;
  const state = connectionState();
  if (state == ConnectionState.Disconnecting) {
    const isOver = isDue(connectionChangedAt() + GOODBYE_TIMEOUT, now);
    if (isOver) close(Status.MessageTimeout, now);
  } else if (state == ConnectionState.Resuming) {
    if (isDue(connectionChangedAt() + resumeTimeout(), now)) {
      handshakeAgain(Reason.HandshakeBecauseNoAnswer, Status.MessageTimeout, now);
    } else if (isDue(connectionChangedAt() + RESUME_GRACE, now) && !outboxHas(0)) {
      sendPing();
    }
  } else if (ended && isDue(connectionLastHeard() + resumeTimeout(), now)) {
    // Nothing came for long although we asked: a new socket, the same session.
    openAgain(Reason.PingTimeout, Status.MessageTimeout, now);
  } else if (isPingDue(now)) {
    sendPing();
  }
}

/** Silence after which a session is doubted, ms: RESUME_TIMEOUT, more on a slow network. */
function resumeTimeout(): i32 {
  return max(RESUME_TIMEOUT, 3 * retransmissionTimeout(ACK_TIMEOUT));
}

/** Whether the connection has been silent for a keepalive interval. */
function isPingDue(now: u32): bool {
  return usesKeepalive() && isDue(connectionLastHeard() + keepalive, now);
}

// A message that waits for its ACK asks the same question as a ping.
function usesKeepalive(): bool {
  return connectionState() == ConnectionState.Connected && keepalive > 0 && !outboxHas(0);
}

// ---- output ---------------------------------------------------------------------------------

/** Purpose of the only messages that may be sent now; 0 for all. */
function allowedPurpose(): i32 {
  return isGreeted() ? 0 : Purpose.Hello;
}

/**
 * Build the next datagram: alert, handshake flight, reply, due retransmission, new message.
 * @returns its bytes at `TX_BUFFER`; 0 when there is none
 */
export function devicePollTransmit(now: u32): i32 {
  if (!isLinkUp()) return 0;
  if (TCP) {
    if (isReliable()) return streamPollTransmit(TX_BUFFER, now);
  }
  const handshake = dtlsPollTransmit(TX_BUFFER, TX_CAPACITY, now);
  if (handshake != 0) return max(handshake, 0);
  followChannel(now);
  if (STANDARD) {
    // The close_notify is out.
    const isClosed = connectionState() == ConnectionState.Disconnecting && !dtlsIsEstablished();
    if (isClosed && isLinkUp()) close(Status.Ok, now);
  }
  if (!dtlsIsEstablished() || !isLinkUp()) return 0;
  if (isGreeted()) {
    describePoll(now);
    subscriptionsPoll();
  }
  const offset = dtlsContentOffset();
  const capacity = TX_CAPACITY - offset - SEAL_ROOM;
  let size = inboxPollReply(TX_BUFFER + offset, capacity);
  if (OTA) {
    if (size == 0 && isGreeted()) size = transferPoll(TX_BUFFER + offset, capacity);
  }
  if (size == 0) size = outboxPollTransmit(TX_BUFFER + offset, capacity, allowedPurpose(), now);
  if (size <= 0) {
    if (takeKeyChange()) {
      // Its acknowledgement is out: these keys have served.
      dtlsForget();
      handshakeAgain(Reason.HandshakeBecauseKeyChange, Status.Ok, now);
    }
    return 0;
  }
  const sealed = dtlsSeal(TX_BUFFER, size, outboxNextId());
  if (sealed > 0) return sealed;
  // Record numbers cannot be reserved or are used up: these keys must not seal anything more.
  handshakeAgain(Reason.HandshakeBecauseStorage, sealed, now);
  return 0;
}

/**
 * Take the next event.
 * @param output [out] EVENT_SIZE bytes, see `EventKind`
 * @returns its kind; EventKind.None when there is none
 */
export function devicePollEvent(output: usize): i32 {
  if (!outboxPollDone(true)) return takeEvent(output);
  memory.fill(output, 0, EVENT_SIZE);
  store<i32>(output, EventKind.PublishDone);
  store<i32>(output, outboxDoneHandle(), 4);
  store<i32>(output, outboxDoneStatus(), 8);
  return EventKind.PublishDone;
}

/** @returns ms until `deviceHandleTimeout` is due; 0 now; -1 never */
export function devicePollTimeout(now: u32): i32 {
  const state = connectionState();
  if (state == ConnectionState.Disconnected) return openTimeout(now);
  if (!isLinkUp()) return -1;
  if (TCP) {
    if (isReliable()) return streamPollTimeout(now, keepalive);
  }
  let wait = dtlsPollTimeout(now);
  if (!dtlsIsEstablished()) return wait;
  if (inboxHasReply()) return 0;
  wait = earlier(wait, outboxPollTimeout(allowedPurpose(), now));
  if (state == ConnectionState.Disconnecting) {
    wait = earlier(wait, untilDue(connectionChangedAt() + GOODBYE_TIMEOUT, now));
  } else if (state == ConnectionState.Resuming) {
    wait = earlier(wait, untilDue(connectionChangedAt() + resumeTimeout(), now));
    if (!outboxHas(0)) wait = earlier(wait, untilDue(connectionChangedAt() + RESUME_GRACE, now));
  } else if (usesKeepalive()) {
    wait = earlier(wait, untilDue(connectionLastHeard() + keepalive, now));
  }
  return wait;
}

/** The same together with the steps of an update, in builds with OTA. */
export function deviceUpdatePollTimeout(now: u32): i32 {
  if (TCP) {
    if (chunkedHasWork()) return 0;
  }
  return earlier(devicePollTimeout(now), transferPollTimeout(now));
}
