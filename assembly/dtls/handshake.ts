// The client's side of the DTLS 1.2 handshake (RFC 6347 §4.2), `particle` profile. One handler for
// each state, in protocol order:
//
//   ClientHello -> [HelloVerifyRequest -> ClientHello with cookie ->] ServerHello,
//   ServerKeyExchange, CertificateRequest, ServerHelloDone -> Certificate, ClientKeyExchange,
//   CertificateVerify, ChangeCipherSpec, Finished -> ChangeCipherSpec, Finished
//
// There is no server Certificate message: the server's key is pinned.

import { FLIGHT_TIMEOUT, MAX_FLIGHT_TIMEOUT, MAX_FLIGHT_TRANSMISSIONS, STANDARD } from "../config";
import { constantTimeEqual } from "../crypto/constant-time";
import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { isDue, untilDue } from "../util/clock";
import { retransmissionTimeout, roundTripSample } from "../util/round-trip";
import { handleServerCertificate } from "./certificate";
import {
  buildFinalFlight,
  buildHelloFlight,
  expectedVerifyData,
  flightReset,
  prepareAbbreviated,
  prepareAbbreviatedFlight,
  prepareFinalFlight,
} from "./flight";
import { handleServerKeyExchange, keyExchangeReset, serverRandom } from "./key-exchange";
import { isStandard, usesPsk } from "./profile";
import { ContentType, HANDSHAKE_HEADER, HandshakeType, VERIFY_DATA_SIZE } from "./protocol";
import {
  fragmentSequence,
  fragmentSize,
  reassemblyAdd,
  reassemblyAdvance,
  reassemblyBody,
  reassemblyLength,
  reassemblyReset,
  reassemblySequence,
  reassemblyType,
} from "./reassembly";
import {
  decodeHelloVerifyRequest,
  decodeServerHello,
  helloVerifyCookie,
  helloVerifyCookieLength,
  serverHelloCid,
  serverHelloCidLength,
  serverHelloExtendsMasterSecret,
  serverHelloKeyIsRaw,
  serverHelloSessionId,
  serverHelloSessionIdLength,
} from "./server-hello";
import { SessionFlag, session, sessionCid, sessionId } from "./session";
import {
  DtlsCounter,
  DtlsState,
  buildAlert,
  count,
  dtlsIsEstablished,
  dtlsState,
  fail,
  handleAlert,
  isHandshaking,
  setDtlsState,
} from "./state";
import { transcriptAdd } from "./transcript";

/** Types, algorithms and names of a CertificateRequest, each with one entry or empty, bytes. */
const MIN_CERTIFICATE_REQUEST: i32 = 6;
/** HelloVerifyRequests that one handshake follows. */
const MAX_COOKIE_ROUNDS: u32 = 4;
/** The server's retransmission makes ours early, but not sooner after the last one than this, ms. */
const MIN_RETRANSMIT_GAP: u32 = 500;

const COOKIE: usize = memory.data(255, 4);
let cookieLength: i32 = 0;
/** message_seq of our last ClientHello; the rest of both sides' messages count on from it. */
let helloSequence: u32 = 0;

let flightPending: bool = false;
/** When it was sent first, and last. */
let flightBeganAt: u32 = 0;
let flightSentAt: u32 = 0;
let flightTimeout: i32 = 0;
let transmissions: i32 = 0;

/** Whether the server resumed the session that we offered. */
let isAbbreviated: bool = false;
/** Whether the server asked for our Certificate. */
let certificateRequested: bool = false;

/** Whether the last handshake resumed a session by its id. */
export function handshakeWasAbbreviated(): bool {
  return isAbbreviated;
}

/** Begin with a ClientHello; the client random stands ready. */
export function handshakeStart(now: u32): void {
  helloSequence = 0;
  cookieLength = 0;
  isAbbreviated = false;
  certificateRequested = false;
  reassemblyReset(0);
  setDtlsState(DtlsState.AwaitServerHello);
  transmissions = 0;
  sendFlight(now);
}

// ---- flights --------------------------------------------------------------------------------

/**
 * Make the next flight due: the one before, if any, was answered, and measures the round trip.
 */
function sendFlight(now: u32): void {
  measureFlight(now);
  flightTimeout = retransmissionTimeout(FLIGHT_TIMEOUT);
  flightBeganAt = now;
  flightPending = true;
  transmissions = 0;
  flightSentAt = now;
}

/**
 * The flight was answered. Time counts from its first transmission, also when it was repeated: on a
 * link that is slower than the timer every flight is, and must still teach the timers.
 */
function measureFlight(now: u32): void {
  if (transmissions > 0 && transmissions <= 3) roundTripSample(<i32>(now - flightBeganAt));
}

/**
 * Build the flight that is due.
 * @param output [out] `capacity` bytes
 * @returns bytes of the datagram; 0 when none is due; Status.NoSpace
 */
export function handshakePollTransmit(output: usize, capacity: i32, now: u32): i32 {
  const isOurs = isHandshaking() || (isAbbreviated && dtlsIsEstablished());
  if (!flightPending || !isOurs) return 0;
  flightPending = false;
  flightSentAt = now;
  if (transmissions > 0) count(DtlsCounter.Retransmissions);
  transmissions += 1;
  const state = dtlsState();
  const waitsForServer = isAbbreviated && state != DtlsState.Established;
  if (state >= DtlsState.AwaitChangeCipherSpec && !waitsForServer) {
    return pollFinalFlight(output, capacity);
  }
  // Also when part of the server's flight is here: the server repeats the whole of it.
  const isFirst = state == DtlsState.AwaitServerHello;
  return buildHelloFlight(output, capacity, helloSequence, COOKIE, cookieLength, isFirst);
}

/**
 * Build the final flight; before its first transmission do its public-key work. Here and not when the
 * server's flight came, so that no call both verifies and signs: an interpreter can let go of the code
 * of the one before it needs that of the other.
 */
function pollFinalFlight(output: usize, capacity: i32): i32 {
  const sequence = helloSequence + 1;
  if (!isAbbreviated && transmissions == 1) {
    const status = prepareFinalFlight(
      sequence,
      certificateRequested,
      serverHelloExtendsMasterSecret(),
    );
    if (status < 0) {
      fail(status);
      return buildAlert(output);
    }
  }
  return buildFinalFlight(output, capacity, sequence);
}

/** @returns ms until `handshakeHandleTimeout` is due, 0 now, -1 never */
export function handshakePollTimeout(now: u32): i32 {
  if (isAbbreviated && dtlsIsEstablished()) return flightPending ? 0 : -1;
  if (!isHandshaking()) return -1;
  return flightPending ? 0 : untilDue(flightSentAt + flightTimeout, now);
}

/** Retransmit the flight when its timer has run out; give up after the last transmission. */
export function handshakeHandleTimeout(now: u32): void {
  if (!isHandshaking() || flightPending) return;
  if (!isDue(flightSentAt + flightTimeout, now)) return;
  if (transmissions >= MAX_FLIGHT_TRANSMISSIONS) {
    fail(Status.HandshakeTimeout);
    return;
  }
  flightTimeout = min(flightTimeout * 2, MAX_FLIGHT_TIMEOUT);
  flightPending = true;
}

// ---- records and fragments ------------------------------------------------------------------

/** Epoch 0: handshake only, and only until it is complete. Nothing here is authenticated. */
export function handlePlainRecord(type: i32, content: usize, length: i32, now: u32): void {
  if (!isHandshaking() || dtlsState() == DtlsState.AwaitFinished) {
    count(DtlsCounter.Unexpected);
    return;
  }
  if (type == ContentType.Handshake) {
    handleFragments(content, length, now);
  } else if (type == ContentType.ChangeCipherSpec && length == 1 && load<u8>(content) == 1) {
    if (dtlsState() == DtlsState.AwaitChangeCipherSpec) setDtlsState(DtlsState.AwaitFinished);
    else count(DtlsCounter.Unexpected);
  } else if (type == ContentType.Alert && length == 2) {
    handleAlert(content);
  } else {
    count(DtlsCounter.Malformed);
  }
}

/** Handle the handshake fragments of one record. */
export function handleFragments(content: usize, length: i32, now: u32): void {
  let at = content;
  let left = length;
  while (left > 0 && isHandshaking()) {
    const size = fragmentSize(at, left);
    if (size < 0) {
      count(DtlsCounter.Malformed);
      return;
    }
    handleFragment(at, size, now);
    at += size;
    left -= size;
  }
}

function handleFragment(fragment: usize, size: i32, now: u32): void {
  if (<i32>load<u8>(fragment) == HandshakeType.HelloVerifyRequest) {
    handleHelloVerifyRequest(fragment, size, now);
    return;
  }
  if (fragmentSequence(fragment) < reassemblySequence()) {
    // RFC 6347 §4.2.4: the server repeats its flight, so ours was lost.
    const waits = dtlsState() >= DtlsState.AwaitChangeCipherSpec;
    if (waits && isDue(flightSentAt + MIN_RETRANSMIT_GAP, now)) flightPending = true;
    return;
  }
  if (reassemblyAdd(fragment, size) < 0) {
    count(DtlsCounter.Unexpected);
    return;
  }
  while (reassemblyLength() >= 0 && isHandshaking()) {
    const sequence = reassemblySequence();
    handleMessage(reassemblyType(), sequence, reassemblyBody(), reassemblyLength(), now);
    reassemblyAdvance();
  }
}

/** RFC 6347 §4.2.1. Whole in one fragment, or it is dropped. */
function handleHelloVerifyRequest(fragment: usize, size: i32, now: u32): void {
  const isExpected = dtlsState() == DtlsState.AwaitServerHello && helloSequence < MAX_COOKIE_ROUNDS;
  const body = fragment + HANDSHAKE_HEADER;
  if (!isExpected || decodeHelloVerifyRequest(body, size - HANDSHAKE_HEADER) < 0) {
    count(DtlsCounter.Unexpected);
    return;
  }
  const length = helloVerifyCookieLength();
  if (length == cookieLength && equalBytes(COOKIE, helloVerifyCookie(), length)) {
    // A copy of the one that our present ClientHello answers: another round would confuse both.
    count(DtlsCounter.Unexpected);
    return;
  }
  cookieLength = length;
  memory.copy(COOKIE, helloVerifyCookie(), length);
  helloSequence += 1;
  reassemblyReset(helloSequence);
  sendFlight(now);
}

/** One complete handshake message, in order. */
function handleMessage(type: u32, sequence: u32, body: usize, length: i32, now: u32): void {
  if (type == HandshakeType.HelloRequest) return; // RFC 5246 §7.4.1.1: ignored while negotiating
  const status = handleInState(type, body, length, now);
  if (status < 0) {
    fail(status);
    return;
  }
  const isServerFinished = type == HandshakeType.Finished;
  if (!isServerFinished || isAbbreviated) transcriptAdd(type, sequence, body, length);
  if (type == HandshakeType.ServerHelloDone) {
    setDtlsState(DtlsState.AwaitChangeCipherSpec);
    sendFlight(now);
  } else if (type == HandshakeType.ServerHello && isAbbreviated) {
    prepareAbbreviated();
    setDtlsState(DtlsState.AwaitChangeCipherSpec);
  } else if (isServerFinished && isAbbreviated) {
    prepareAbbreviatedFlight(helloSequence + 1);
    sendFlight(now);
  }
}

/** Whether `type` may come in the present state; if so, its handler. @returns a Status */
function handleInState(type: u32, body: usize, length: i32, now: u32): i32 {
  switch (dtlsState()) {
    case DtlsState.AwaitServerHello:
      return type == HandshakeType.ServerHello
        ? handleServerHello(body, length)
        : Status.UnexpectedMessage;
    case DtlsState.AwaitCertificate:
      if (type != HandshakeType.Certificate) return Status.UnexpectedMessage;
      setDtlsState(DtlsState.AwaitServerKeyExchange);
      return STANDARD
        ? handleServerCertificate(body, length, serverHelloKeyIsRaw())
        : Status.UnexpectedMessage;
    case DtlsState.AwaitServerKeyExchange:
      // RFC 4279 §2: a server without a hint for the key's identity leaves the message out.
      if (usesPsk() && type == HandshakeType.ServerHelloDone) return handleServerHelloDone(length);
      if (type != HandshakeType.ServerKeyExchange) return Status.UnexpectedMessage;
      setDtlsState(DtlsState.AwaitCertificateRequest);
      return usesPsk() ? Status.Ok : handleServerKeyExchange(body, length);
    case DtlsState.AwaitCertificateRequest:
      // Only its presence matters: the device has one key to offer.
      if (type == HandshakeType.CertificateRequest && !usesPsk()) {
        certificateRequested = true;
        setDtlsState(DtlsState.AwaitServerHelloDone);
        return length >= MIN_CERTIFICATE_REQUEST ? Status.Ok : Status.DecodeError;
      }
      if (isStandard() && type == HandshakeType.ServerHelloDone) {
        return handleServerHelloDone(length);
      }
      return Status.UnexpectedMessage;
    case DtlsState.AwaitServerHelloDone:
      return type == HandshakeType.ServerHelloDone
        ? handleServerHelloDone(length)
        : Status.UnexpectedMessage;
    case DtlsState.AwaitFinished:
      return type == HandshakeType.Finished
        ? handleFinished(body, length, now)
        : Status.UnexpectedMessage;
    default:
      return Status.UnexpectedMessage;
  }
}

function handleServerHello(body: usize, length: i32): i32 {
  const status = decodeServerHello(body, length, serverRandom());
  if (status < 0) return status;
  const s = session();
  memory.copy(sessionCid(), serverHelloCid(), serverHelloCidLength());
  s.cidLength = <u8>serverHelloCidLength();
  if (!isStandard()) {
    setDtlsState(DtlsState.AwaitServerKeyExchange);
    return Status.Ok;
  }
  return handleSessionId();
}

/** Resume the session that we offered if the server names it (RFC 5246 §7.4.1.3), or note its own. */
function handleSessionId(): i32 {
  const s = session();
  const length = serverHelloSessionIdLength();
  const isExtended = serverHelloExtendsMasterSecret();
  const isOffered =
    length > 0 &&
    length == <i32>s.idLength &&
    equalBytes(sessionId(), serverHelloSessionId(), length);
  if (isOffered) {
    // RFC 7627 §5.3: both handshakes bind their master secret, or neither does.
    if (isExtended != ((s.flags & SessionFlag.ExtendedMasterSecret) != 0)) {
      return Status.HandshakeFailure;
    }
    isAbbreviated = true;
    return Status.Ok;
  }
  memory.copy(sessionId(), serverHelloSessionId(), length);
  s.idLength = <u8>length;
  s.flags = isExtended ? <u8>SessionFlag.ExtendedMasterSecret : 0;
  setDtlsState(usesPsk() ? DtlsState.AwaitServerKeyExchange : DtlsState.AwaitCertificate);
  return Status.Ok;
}

function handleServerHelloDone(length: i32): i32 {
  return length == 0 ? Status.Ok : Status.DecodeError;
}

function handleFinished(body: usize, length: i32, now: u32): i32 {
  if (length != VERIFY_DATA_SIZE) return Status.DecodeError;
  if (!constantTimeEqual(body, expectedVerifyData(), VERIFY_DATA_SIZE)) {
    return Status.AuthenticationFailed;
  }
  measureFlight(now);
  keyExchangeReset();
  if (!isAbbreviated) flightReset();
  setDtlsState(DtlsState.Established);
  return Status.Ok;
}

/**
 * The server repeats its Finished, so the last flight of an abbreviated handshake was lost
 * (RFC 6347 §4.2.4).
 */
export function handleRepeatedFinished(now: u32): void {
  if (isAbbreviated && isDue(flightSentAt + MIN_RETRANSMIT_GAP, now)) flightPending = true;
}
