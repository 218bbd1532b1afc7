// Life cycle of the one outbound connection: when to resume, when to handshake, when to try again.
// ARCHITECTURE.md, "Life of a connection", has it as a table. device.ts moves the bytes.

import { callsReset } from "./cloud/calls";
import { describeRequestChanged, describeReset } from "./cloud/describe";
import { helloChecksum, helloResetToken, sendHello } from "./cloud/hello";
import { sendGoodbye } from "./cloud/small-messages";
import {
  STATE_SIZE,
  acknowledgeHello,
  cloudState,
  isHelloAcknowledged,
  stateReset,
} from "./cloud/state";
import { subscriptionsRequestChanged, subscriptionsReset } from "./cloud/subscriptions";
import { inboxReset } from "./coap/inbox";
import {
  Purpose,
  outboxAbort,
  outboxNextId,
  outboxPollDone,
  outboxRestart,
  outboxSetNextId,
} from "./coap/outbox";
import { isReliable } from "./coap/reliability";
import { OTA, RETRY_MAX, RETRY_MIN, STANDARD, TCP } from "./config";
import { dtlsClose, dtlsReset, dtlsRestore, dtlsSave, dtlsStart } from "./dtls/client";
import { handshakeWasAbbreviated } from "./dtls/handshake";
import { isStandard } from "./dtls/profile";
import {
  SESSION_PEER_CAPACITY,
  session,
  sessionPeer,
  sessionState,
  setResetToken,
} from "./dtls/session";
import { dtlsIsEstablished } from "./dtls/state";
import { ConnectionState, EventKind, Reason, SocketKind, pushEvent } from "./events";
import { channelReset, channelSeed, channelStart } from "./rsa-aes/channel";
import { Status } from "./status";
import { chunkedEnd } from "./update/chunked";
import { transferEnd } from "./update/transfer";
import { isDue, untilDue } from "./util/clock";

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
/** Whether no session was restored since the device started. */
let isFirstRestore: bool = true;
let failures: i32 = 0;
let retryAt: u32 = 0;

let lastHeard: u32 = 0;
/** When the state last changed; the time-outs of a state count from it. */
let changedAt: u32 = 0;
/** Whether the server knows our Hello, so that everything may be sent. */
let greeted: bool = false;

/** The connection's ConnectionState. */
export function connectionState(): i32 {
  return state;
}

/** When the connection came into its state, ms. */
export function connectionChangedAt(): u32 {
  return changedAt;
}

/** When the server was last heard, ms. */
export function connectionLastHeard(): u32 {
  return lastHeard;
}

/** Whether there is a socket. */
export function isLinkUp(): bool {
  return linkIsUp;
}

/** Whether the server knows our Hello, so that other messages may follow. */
export function isGreeted(): bool {
  return greeted;
}

/** Whether the host wants a connection. */
export function isWanted(): bool {
  return wanted;
}

function setState(next: i32, why: i32, status: i32, now: u32): void {
  state = next;
  changedAt = now;
  pushEvent(EventKind.Connection, next, why, status);
}

// ---- what the host wants --------------------------------------------------------------------

/** Connect, and stay connected until `deviceDisconnect`. @returns Status.Ok; Status.InvalidState */
export function deviceConnect(now: u32): i32 {
  if (wanted || state != ConnectionState.Disconnected) return Status.InvalidState;
  wanted = true;
  failures = 0;
  open(now);
  return Status.Ok;
}

/**
 * Disconnect; the session stays for the next connection.
 * @param goodbye DisconnectReason to tell the server first; 0 closes at once
 * @param sleepSeconds told with the goodbye when not 0
 * @returns Status.Ok; Status.InvalidState
 */
export function deviceDisconnect(goodbye: i32, sleepSeconds: u32, now: u32): i32 {
  if (!wanted) return Status.InvalidState;
  wanted = false;
  if (STANDARD) {
    if (goodbye && isStandard() && dtlsIsEstablished()) {
      dtlsClose(outboxNextId());
      setState(ConnectionState.Disconnecting, Reason.Requested, Status.Ok, now);
      return Status.Ok;
    }
  }
  if (goodbye && greeted && sendGoodbye(goodbye, sleepSeconds) == Status.Ok) {
    setState(ConnectionState.Disconnecting, Reason.Requested, Status.Ok, now);
  } else {
    close(Status.Ok, now);
  }
  return Status.Ok;
}

/** Ask the host for a socket: for the stored session if there is one, else for a handshake. */
export function open(now: u32): void {
  if (TCP) {
    if (isReliable()) {
      openStream(now);
      return;
    }
  }
  if (!mustHandshake && dtlsRestore() == Status.Ok) {
    reason = Reason.SessionResumed;
    memory.copy(cloudState(), sessionState(), STATE_SIZE);
    continueMessageIds(session().nextMessageId);
    peerLength = session().peerLength;
    memory.copy(PEER, sessionPeer(), peerLength);
  } else {
    dtlsReset();
    reason = mustHandshake ? handshakeReason : Reason.HandshakeBecauseNoSession;
    peerLength = 0;
  }
  setState(ConnectionState.Opening, reason, Status.Ok, now);
  pushEvent(EventKind.OpenLink, reason, <u32>PEER, peerLength);
}

/** Over TCP there is no session to take up. */
function openStream(now: u32): void {
  reason = mustHandshake ? handshakeReason : Reason.HandshakeBecauseNoSession;
  peerLength = 0;
  setState(ConnectionState.Opening, reason, Status.Ok, now);
  pushEvent(EventKind.OpenLink, reason, <u32>PEER, 0, SocketKind.Tcp);
}

/**
 * Go on with message ids at the stored ones, which are reserved for this; within one boot never
 * backwards, as an older session would have it: messages in the outbox carry later ids.
 */
function continueMessageIds(stored: u32): void {
  const isAhead = <i16>(stored - outboxNextId()) > 0;
  if (isFirstRestore || isAhead) outboxSetNextId(stored);
  isFirstRestore = false;
}

/** Try again when the pause after a failure is over. */
export function openWhenDue(now: u32): void {
  if (wanted && isDue(retryAt, now)) open(now);
}

/** @returns ms until `openWhenDue` is due; -1 when no connection is wanted */
export function openTimeout(now: u32): i32 {
  return wanted ? untilDue(retryAt, now) : -1;
}

// ---- the link -------------------------------------------------------------------------------

/**
 * The host's socket is open.
 * @param address [in] the server's address as the host wants it back in a later OpenLink;
 *   `length` bytes, 0...20, opaque here
 * @returns Status.Ok; Status.InvalidState: the host closes the socket again;
 *   Status.InvalidArgument
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
  if (TCP) {
    if (isReliable()) {
      channelStart(now);
      setState(ConnectionState.Handshake, reason, Status.Ok, now);
      return Status.Ok;
    }
  }
  const status = dtlsStart(now);
  if (status < 0) lose(Reason.HandshakeFailed, status, now);
  else setState(ConnectionState.Handshake, reason, Status.Ok, now);
  return Status.Ok;
}

/** The host's socket failed or closed. The session stays. @returns Status.Ok; Status.InvalidState */
export function deviceLinkDown(now: u32): i32 {
  if (state == ConnectionState.Disconnected) return Status.InvalidState;
  lose(Reason.LinkLost, Status.Ok, now);
  return Status.Ok;
}

/** Take up the restored session: what waits goes out first, a ping only if nothing does. */
function resume(now: u32): void {
  startMessages(false);
  greeted = isStandard() || isHelloAcknowledged(helloChecksum());
  setState(ConnectionState.Resuming, Reason.SessionResumed, Status.Ok, now);
  if (greeted) {
    requestChanged(now);
  } else {
    // A Hello starts everything anew at the server, so nothing else is acknowledged any more.
    stateReset();
    sendHello();
  }
}

/** End the link and try again later; what waits in the outbox keeps waiting. */
export function lose(why: i32, status: i32, now: u32): void {
  closeLink(why);
  setState(ConnectionState.Disconnected, why, status, now);
  retryAt = now + min(RETRY_MIN << min(failures / 5, 7), RETRY_MAX);
  failures += 1;
}

/** End the connection because the host asked for it. */
export function close(status: i32, now: u32): void {
  closeLink(Reason.Requested);
  mustHandshake = false;
  setState(ConnectionState.Disconnected, Reason.Requested, status, now);
}

function closeLink(why: i32): void {
  pushEvent(EventKind.CloseLink, why);
  linkIsUp = false;
  greeted = false;
  dtlsReset();
  if (TCP) channelReset();
  outboxRestart();
}

/** Begin again at once, on a new socket, with a handshake. */
export function handshakeAgain(why: i32, status: i32, now: u32): void {
  mustHandshake = true;
  handshakeReason = why;
  openAgain(why, status, now);
}

/** Begin again at once, on a new socket. */
export function openAgain(why: i32, status: i32, now: u32): void {
  lose(why, status, now);
  if (wanted) open(now);
}

/** A handshake failed. The next attempt resumes what is stored: this one may have met no server. */
export function handleHandshakeFailed(status: i32, now: u32): void {
  mustHandshake = false;
  lose(Reason.HandshakeFailed, status, now);
}

// ---- steps ----------------------------------------------------------------------------------

/**
 * Drop what is made anew with each connection. After a new handshake this is all but the
 * application's own messages; a session that goes on keeps its received ids, calls and answers.
 */
function startMessages(isNewSession: bool): void {
  if (isNewSession) {
    inboxReset();
    callsReset();
    if (OTA) {
      transferEnd();
      if (TCP) chunkedEnd();
    }
  }
  describeReset();
  subscriptionsReset();
  for (let purpose: i32 = Purpose.Hello; purpose <= Purpose.Request; purpose++) {
    const stays =
      purpose == Purpose.Publish ||
      purpose == Purpose.Time ||
      purpose == Purpose.Request ||
      (purpose == Purpose.Response && !isNewSession);
    if (!stays) outboxAbort(purpose, Status.Aborted);
  }
  while (outboxPollDone(false)) {}
  outboxRestart();
}

/** Send Describe and subscriptions where the server does not know them as they are now. */
function requestChanged(now: u32): void {
  if (isStandard()) return;
  describeRequestChanged(now);
  subscriptionsRequestChanged();
}

/** Registrations changed: tell the server, now if connected, else with the next connection. */
export function deviceRegistryChanged(now: u32): void {
  if (greeted) requestChanged(now);
}

/** The handshake is complete: say Hello. */
export function handleEstablished(now: u32): void {
  if (TCP) {
    if (isReliable()) {
      handleStreamEstablished(now);
      return;
    }
  }
  memory.copy(sessionPeer(), PEER, peerLength);
  session().peerLength = <u8>peerLength;
  stateReset();
  startMessages(true);
  lastHeard = now;
  if (isStandard()) {
    greeted = true;
    const isById = handshakeWasAbbreviated();
    handleConnected(isById ? Reason.SessionIdResumed : Reason.HandshakeDone, now);
  } else {
    setState(ConnectionState.Hello, reason, Status.Ok, now);
    sendHello();
  }
  dtlsSave(outboxNextId()); // a failure costs the resume, not the connection
}

/** The handshake of the TCP channel is complete: say Hello. */
function handleStreamEstablished(now: u32): void {
  stateReset();
  startMessages(true);
  // The salt's number is the one before the first (the Particle protocol's).
  outboxSetNextId(channelSeed() + 1);
  lastHeard = now;
  setState(ConnectionState.Hello, reason, Status.Ok, now);
  sendHello();
}

/** Hello was answered. */
export function handleHelloDone(status: i32, now: u32): void {
  if (status == Status.Aborted) return;
  if (status == Status.MessageTimeout) {
    handshakeAgain(Reason.HelloTimeout, status, now);
    return;
  }
  greeted = true;
  acknowledgeHello(helloChecksum());
  setResetToken(helloResetToken());
  const isResumed = state == ConnectionState.Resuming;
  handleConnected(isResumed ? Reason.SessionResumed : Reason.HandshakeDone, now);
  requestChanged(now);
}

/** Something authenticated came from the server. */
export function handleHeard(now: u32): void {
  lastHeard = now;
  if (state == ConnectionState.Resuming && greeted) handleConnected(Reason.SessionResumed, now);
}

function handleConnected(why: i32, now: u32): void {
  failures = 0;
  mustHandshake = false;
  setState(ConnectionState.Connected, why, Status.Ok, now);
}
