// The device: one outbound connection with its life cycle. Routes bytes between the channel (dtls/)
// and the messages (coap/, cloud/), which do not know each other, and decides when to resume, when
// to handshake, and what goes out first. ARCHITECTURE.md, "Life of a connection", has the table.

import { callsReset } from "./cloud/calls";
import {
  describeDone,
  describeIsBusy,
  describePoll,
  describeRequestChanged,
  describeReset,
} from "./cloud/describe";
import { helloChecksum, sendHello } from "./cloud/hello";
import { takeKeyChange } from "./cloud/requests";
import { handleMessage, isAnswer } from "./cloud/router";
import { sendGoodbye, sendPing } from "./cloud/small-messages";
import {
  STATE_SIZE,
  acknowledgeHello,
  cloudState,
  isHelloAcknowledged,
  stateReset,
  stateTakeChanged,
} from "./cloud/state";
import {
  subscriptionsAreBusy,
  subscriptionsDone,
  subscriptionsPoll,
  subscriptionsRequestChanged,
  subscriptionsReset,
} from "./cloud/subscriptions";
import { seedTokens } from "./cloud/tokens";
import { inboxHasReply, inboxPollReply, inboxReset } from "./coap/inbox";
import {
  Purpose,
  outboxAbort,
  outboxDoneHandle,
  outboxDoneStatus,
  outboxHandleTimeout,
  outboxHas,
  outboxNextId,
  outboxPollDone,
  outboxPollTimeout,
  outboxPollTransmit,
  outboxRestart,
  outboxSetNextId,
} from "./coap/outbox";
import {
  DEFAULT_KEEPALIVE,
  GOODBYE_TIMEOUT,
  RESUME_GRACE,
  RESUME_TIMEOUT,
  RETRY_MAX,
  RETRY_MIN,
  RX_CAPACITY,
  TX_CAPACITY,
} from "./config";
import { randomFill } from "./crypto/random";
import {
  DtlsState,
  dtlsContentOffset,
  dtlsFailure,
  dtlsForget,
  dtlsHandleTimeout,
  dtlsIsEstablished,
  dtlsIsSynchronised,
  dtlsNext,
  dtlsPlaintext,
  dtlsPollTimeout,
  dtlsPollTransmit,
  dtlsReceive,
  dtlsReset,
  dtlsRestore,
  dtlsSave,
  dtlsSeal,
  dtlsStart,
  dtlsState,
  dtlsSynchronise,
} from "./dtls/client";
import { identityLoad } from "./dtls/identity";
import { SESSION_PEER_CAPACITY, session, sessionPeer, sessionState } from "./dtls/session";
import { ConnectionState, EventKind, Reason, pushEvent, takeEvent } from "./events";
import { Status } from "./status";
import { earlier, isDue, untilDue } from "./util/clock";
import { seedJitter } from "./util/jitter";

/** Bytes after the content of a record: inner type and tag. */
const SEAL_ROOM: i32 = 9;

/** Where the host leaves datagrams, RX_CAPACITY bytes. */
export const RX_BUFFER: usize = memory.data(1500, 8);
/** Where the core leaves datagrams, TX_CAPACITY bytes; between them, arguments of commands. */
export const TX_BUFFER: usize = memory.data(1190, 8);
const SEED: usize = memory.data(8, 8);
/** Address of the peer as the host writes it; the core only keeps it. */
const PEER: usize = memory.data(20, 4);
let peerLength: i32 = 0;

let state: i32 = ConnectionState.Disconnected;
/** Whether the host wants a connection; the core reconnects while it does. */
let wanted: bool = false;
let linkIsUp: bool = false;
/** Why the connection that is being set up is as it is. */
let reason: i32 = Reason.None;
/** Whether the next attempt is a handshake even though a session may be stored. */
let mustHandshake: bool = false;
let handshakeReason: i32 = Reason.HandshakeBecauseNoSession;
let failures: i32 = 0;
let retryAt: u32 = 0;

let lastHeard: u32 = 0;
let resumedAt: u32 = 0;
let goodbyeAt: u32 = 0;
let keepalive: i32 = DEFAULT_KEEPALIVE;
/** Whether the server knows our Hello, so that everything may be sent. */
let greeted: bool = false;

/** Records that came between a restore and the first answer, and did not prove to be new. */
let unproven: u32 = 0;

export function connectionState(): i32 {
  return state;
}

export function unprovenRecords(): u32 {
  return unproven;
}

function setState(next: i32, why: i32, status: i32): void {
  state = next;
  pushEvent(EventKind.Connection, next, why, status);
}

// ---- commands -------------------------------------------------------------------------------

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
  return identityLoad();
}

/** Connect, and stay connected until `deviceDisconnect`. @returns Status.Ok; Status.InvalidState */
export function deviceConnect(now: u32): i32 {
  if (wanted) return Status.InvalidState;
  wanted = true;
  failures = 0;
  if (state == ConnectionState.Disconnected) open(now);
  return Status.Ok;
}

/**
 * Disconnect; the session stays for the next connection.
 * @param goodbye DisconnectReason to tell the server first; 0 closes at once
 * @param sleepSeconds told with the goodbye when not 0
 */
export function deviceDisconnect(goodbye: i32, sleepSeconds: u32, now: u32): i32 {
  if (!wanted) return Status.InvalidState;
  wanted = false;
  const canSay =
    goodbye && (state == ConnectionState.Connected || state == ConnectionState.Resuming);
  if (canSay && sendGoodbye(goodbye, sleepSeconds) == Status.Ok) {
    goodbyeAt = now;
    setState(ConnectionState.Disconnecting, Reason.Requested, Status.Ok);
  } else {
    close(Reason.Requested, Status.Ok);
  }
  return Status.Ok;
}

/** Keepalive interval in ms, counted from the last message received; 0 sends none. */
export function deviceSetKeepalive(interval: i32): i32 {
  if (interval < 0) return Status.InvalidArgument;
  keepalive = interval;
  return Status.Ok;
}

// ---- the link -------------------------------------------------------------------------------

/** Ask the host for a socket: for the stored session if there is one, else for a handshake. */
function open(now: u32): void {
  retryAt = now;
  const restored = !mustHandshake && dtlsRestore() == Status.Ok;
  if (restored) {
    reason = Reason.SessionResumed;
    memory.copy(cloudState(), sessionState(), STATE_SIZE);
    outboxSetNextId(session().nextMessageId);
    peerLength = session().peerLength;
    memory.copy(PEER, sessionPeer(), peerLength);
  } else {
    dtlsReset();
    reason = mustHandshake ? handshakeReason : Reason.HandshakeBecauseNoSession;
    peerLength = 0;
  }
  setState(ConnectionState.Opening, reason, Status.Ok);
  pushEvent(EventKind.OpenLink, reason, <u32>PEER, peerLength);
}

/**
 * The host's socket is open.
 * @param address [in] the server's address as the host wants it back in a later OpenLink;
 *   `length` bytes, 0...20, opaque here
 * @returns Status.Ok; Status.InvalidState; Status.InvalidArgument
 */
export function deviceLinkUp(address: usize, length: i32, now: u32): i32 {
  if (state != ConnectionState.Opening) return Status.InvalidState;
  if (length < 0 || length > SESSION_PEER_CAPACITY) return Status.InvalidArgument;
  memory.copy(PEER, address, length);
  peerLength = length;
  linkIsUp = true;
  lastHeard = now;
  if (reason == Reason.SessionResumed) {
    resume(now);
    return Status.Ok;
  }
  const status = dtlsStart(now);
  if (status < 0) {
    lose(Reason.HandshakeFailed, status, now);
    return Status.Ok;
  }
  setState(ConnectionState.Handshake, reason, Status.Ok);
  return Status.Ok;
}

/** The host's socket failed or closed. The session stays. */
export function deviceLinkDown(now: u32): i32 {
  if (state == ConnectionState.Disconnected) return Status.InvalidState;
  linkIsUp = false;
  lose(Reason.LinkLost, Status.Ok, now);
  return Status.Ok;
}

/** Take up the restored session: what waits goes out first, a ping only if nothing does. */
function resume(now: u32): void {
  resumedAt = now;
  startMessages();
  greeted = isHelloAcknowledged(helloChecksum());
  setState(ConnectionState.Resuming, Reason.SessionResumed, Status.Ok);
  if (greeted) requestChanged(now);
  else sendHello();
}

/** End the link and try again later; what waits in the outbox keeps waiting. */
function lose(why: i32, status: i32, now: u32): void {
  closeLink(why);
  outboxRestart();
  setState(ConnectionState.Disconnected, why, status);
  if (!wanted) return;
  const pause = RETRY_MIN << min(failures / 5, 7);
  failures += 1;
  retryAt = now + min(pause, RETRY_MAX);
}

/** End the connection because the host asked for it. */
function close(why: i32, status: i32): void {
  closeLink(why);
  outboxRestart();
  mustHandshake = false;
  setState(ConnectionState.Disconnected, why, status);
}

function closeLink(why: i32): void {
  if (linkIsUp) pushEvent(EventKind.CloseLink, why);
  linkIsUp = false;
  greeted = false;
  dtlsReset();
}

/** Begin again with a handshake, on a new socket, at once. */
function handshakeAgain(why: i32, status: i32, now: u32): void {
  mustHandshake = true;
  handshakeReason = why;
  lose(why, status, now);
  if (wanted) open(now);
}

// ---- messages of a connection ---------------------------------------------------------------

/** Drop what belonged to the connection before; publishes stay. */
function startMessages(): void {
  inboxReset();
  callsReset();
  describeReset();
  subscriptionsReset();
  for (let purpose: i32 = Purpose.Hello; purpose <= Purpose.Goodbye; purpose++) {
    if (purpose != Purpose.Publish) outboxAbort(purpose, Status.Aborted);
  }
  while (outboxPollDone(false)) {}
  outboxRestart();
}

/** Send Describe and subscriptions where the server does not know them as they are now. */
function requestChanged(now: u32): void {
  describeRequestChanged(now);
  subscriptionsRequestChanged();
}

/** Registrations changed: tell the server, now if connected, else with the next connection. */
export function deviceRegistryChanged(now: u32): void {
  if (greeted) requestChanged(now);
}

/** The handshake is complete. */
function handleEstablished(now: u32): void {
  memory.copy(sessionPeer(), PEER, peerLength);
  session().peerLength = <u8>peerLength;
  stateReset();
  startMessages();
  mustHandshake = false;
  lastHeard = now;
  setState(ConnectionState.Hello, reason, Status.Ok);
  sendHello();
  dtlsSave(outboxNextId()); // a failure costs the resume, not the connection
}

function handleConnected(why: i32): void {
  failures = 0;
  mustHandshake = false;
  setState(ConnectionState.Connected, why, Status.Ok);
}

/** Something authenticated came from the server. */
function handleHeard(now: u32): void {
  lastHeard = now;
  if (state == ConnectionState.Resuming && greeted) handleConnected(Reason.SessionResumed);
}

/** Act on the ends of our own messages, other than publishes. */
function settle(now: u32): void {
  let purpose: i32;
  while ((purpose = outboxPollDone(false)) != 0) {
    const status = outboxDoneStatus();
    if (purpose == Purpose.Describe) describeDone(status);
    else if (purpose == Purpose.Subscribe) subscriptionsDone(status);
    else if (purpose == Purpose.Goodbye) close(Reason.Requested, Status.Ok);
    else if (purpose == Purpose.Hello) handleHelloDone(status, now);
  }
  if (greeted && !describeIsBusy() && !subscriptionsAreBusy() && stateTakeChanged()) {
    memory.copy(sessionState(), cloudState(), STATE_SIZE);
    dtlsSave(outboxNextId());
  }
}

function handleHelloDone(status: i32, now: u32): void {
  if (status == Status.MessageTimeout) {
    handshakeAgain(Reason.HelloTimeout, status, now);
    return;
  }
  if (status == Status.Aborted) return;
  greeted = true;
  acknowledgeHello(helloChecksum());
  handleConnected(state == ConnectionState.Resuming ? Reason.SessionResumed : Reason.HandshakeDone);
  requestChanged(now);
}

// ---- input ----------------------------------------------------------------------------------

/**
 * Handle a datagram from the peer.
 * @param length bytes at `RX_BUFFER`, 0...1500
 */
export function deviceHandleDatagram(length: i32, now: u32): void {
  if (!linkIsUp || length <= 0 || length > RX_CAPACITY) return;
  dtlsReceive(RX_BUFFER, length);
  let size: i32;
  while ((size = dtlsNext(now)) > 0) {
    if (!dtlsIsSynchronised()) {
      if (!isAnswer(dtlsPlaintext(), size)) {
        unproven += 1;
        continue;
      }
      dtlsSynchronise();
    }
    handleHeard(now);
    handleMessage(dtlsPlaintext(), size, now);
    settle(now);
    if (!linkIsUp) return;
  }
  advance(now);
}

/** Follow the channel's state after an input. */
function advance(now: u32): void {
  if (state == ConnectionState.Handshake && dtlsIsEstablished()) handleEstablished(now);
  if (takeKeyChange()) {
    // The acknowledgement goes out first; the session ends with `pollTransmit`.
    keyChange = true;
  }
  if (dtlsState() != DtlsState.Failed || dtlsPollTimeout(now) == 0) return;
  handleChannelFailure(now);
}

let keyChange: bool = false;

function handleChannelFailure(now: u32): void {
  const status = dtlsFailure();
  if (state != ConnectionState.Handshake && wanted) {
    handshakeAgain(Reason.HandshakeBecausePeerClosed, status, now);
  } else {
    // The next attempt resumes if a session is still stored: this one may have met no server.
    mustHandshake = false;
    lose(Reason.HandshakeFailed, status, now);
  }
}

/** Do what is due at `now`. */
export function deviceHandleTimeout(now: u32): void {
  if (state == ConnectionState.Disconnected) {
    if (wanted && isDue(retryAt, now)) open(now);
    return;
  }
  if (!linkIsUp) return;
  dtlsHandleTimeout(now);
  if (dtlsIsEstablished()) handleMessageTimeouts(now);
  if (linkIsUp) advance(now);
}

function handleMessageTimeouts(now: u32): void {
  const ended = outboxHandleTimeout(now);
  settle(now);
  if (!linkIsUp) return;
  if (state == ConnectionState.Disconnecting) {
    if (isDue(goodbyeAt + GOODBYE_TIMEOUT, now)) close(Reason.Requested, Status.MessageTimeout);
  } else if (state == ConnectionState.Resuming) {
    if (isDue(resumedAt + RESUME_TIMEOUT, now)) {
      handshakeAgain(Reason.HandshakeBecauseNoAnswer, Status.MessageTimeout, now);
    } else if (isDue(resumedAt + RESUME_GRACE, now) && !outboxHas(0)) {
      sendPing();
    }
  } else if (ended && isDue(lastHeard + RESUME_TIMEOUT, now)) {
    // Nothing came for long although we asked: a new socket, the same session.
    lose(Reason.PingTimeout, Status.MessageTimeout, now);
    open(now);
  } else if (state == ConnectionState.Connected && keepalive && !outboxHas(0)) {
    if (isDue(lastHeard + keepalive, now)) sendPing();
  }
}

// ---- output ---------------------------------------------------------------------------------

// @ts-ignore: decorator
@inline
function allowedPurpose(): i32 {
  return greeted ? 0 : Purpose.Hello;
}

/**
 * Build the next datagram: alert, handshake flight, reply, due retransmission, new message.
 * @returns its bytes at `TX_BUFFER`; 0 when there is none
 */
export function devicePollTransmit(now: u32): i32 {
  if (!linkIsUp) return 0;
  const handshake = dtlsPollTransmit(TX_BUFFER, TX_CAPACITY, now);
  if (handshake != 0) return max(handshake, 0);
  if (dtlsState() == DtlsState.Failed) {
    handleChannelFailure(now);
    return 0;
  }
  if (!dtlsIsEstablished()) return 0;
  if (greeted) {
    describePoll(now);
    subscriptionsPoll();
  }
  const offset = dtlsContentOffset();
  const capacity = TX_CAPACITY - offset - SEAL_ROOM;
  let size = inboxPollReply(TX_BUFFER + offset, capacity);
  if (size == 0) size = outboxPollTransmit(TX_BUFFER + offset, capacity, allowedPurpose(), now);
  if (size <= 0) {
    if (keyChange) {
      keyChange = false;
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
  memory.fill(output, 0, 28);
  store<i32>(output, EventKind.PublishDone);
  store<i32>(output, outboxDoneHandle(), 4);
  store<i32>(output, outboxDoneStatus(), 8);
  return EventKind.PublishDone;
}

/** @returns ms until `deviceHandleTimeout` is due; 0 now; -1 never */
export function devicePollTimeout(now: u32): i32 {
  if (state == ConnectionState.Disconnected) return wanted ? untilDue(retryAt, now) : -1;
  if (!linkIsUp) return -1;
  let wait = dtlsPollTimeout(now);
  if (!dtlsIsEstablished()) return wait;
  if (inboxHasReply()) return 0;
  wait = earlier(wait, outboxPollTimeout(allowedPurpose(), now));
  if (state == ConnectionState.Disconnecting) {
    wait = earlier(wait, untilDue(goodbyeAt + GOODBYE_TIMEOUT, now));
  } else if (state == ConnectionState.Resuming) {
    wait = earlier(wait, untilDue(resumedAt + RESUME_TIMEOUT, now));
    if (!outboxHas(0)) wait = earlier(wait, untilDue(resumedAt + RESUME_GRACE, now));
  } else if (state == ConnectionState.Connected && keepalive && !outboxHas(0)) {
    wait = earlier(wait, untilDue(lastHeard + keepalive, now));
  }
  return wait;
}
