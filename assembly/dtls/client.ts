// DTLS 1.2 client (RFC 6347), `particle` profile. One handler for each state, in protocol order:
//
//   ClientHello -> [HelloVerifyRequest -> ClientHello with cookie ->] ServerHello,
//   ServerKeyExchange, CertificateRequest, ServerHelloDone -> Certificate, ClientKeyExchange,
//   CertificateVerify, ChangeCipherSpec, Finished -> ChangeCipherSpec, Finished
//
// There is no server Certificate message: the server's key is pinned. Bytes go in and come out;
// time is an argument. Records after the handshake pass through `dtlsNext` and `dtlsSeal`.

import { FLIGHT_TIMEOUT, MAX_FLIGHT_TIMEOUT, MAX_FLIGHT_TRANSMISSIONS } from "../config";
import { constantTimeEqual } from "../crypto/constant-time";
import { randomFill } from "../crypto/random";
import { Status } from "../status";
import { loadU16 } from "../util/bytes";
import { isDue, untilDue } from "../util/clock";
import {
  buildFinalFlight,
  buildHelloFlight,
  expectedVerifyData,
  flightReset,
  prepareFinalFlight,
} from "./flight";
import { identityFingerprint, identityLoad } from "./identity";
import {
  clientRandom,
  handleServerKeyExchange,
  keyExchangeReset,
  serverRandom,
} from "./key-exchange";
import {
  Alert,
  AlertLevel,
  ContentType,
  EXPLICIT_NONCE,
  HandshakeType,
  RANDOM_SIZE,
  RECORD_HEADER,
  VERIFY_DATA_SIZE,
  VERSION_DTLS_1_2,
} from "./protocol";
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
  loadEpochAndNumber,
  recordContentOffset,
  recordHasKeys,
  recordNextNumber,
  recordOpen,
  recordPlain,
  recordReset,
  recordSeal,
  recordSetKeys,
} from "./record";
import { replayAccept, replayCheck, replayClose, replayReset, replayTop } from "./replay-window";
import {
  decodeHelloVerifyRequest,
  decodeServerHello,
  helloVerifyCookie,
  helloVerifyCookieLength,
  serverHelloCid,
} from "./server-hello";
import {
  session,
  sessionCid,
  sessionClear,
  sessionForget,
  sessionKeyBlock,
  sessionLoad,
  sessionReserve,
  sessionSave,
} from "./session";
import { transcriptAdd } from "./transcript";

/** Where the connection stands. Values appear in logs only. */
export const enum DtlsState {
  Idle = 0,
  AwaitServerHello = 1,
  AwaitServerKeyExchange = 2,
  AwaitCertificateRequest = 3,
  AwaitServerHelloDone = 4,
  AwaitChangeCipherSpec = 5,
  AwaitFinished = 6,
  Established = 7,
  Failed = 8,
}

/** What was dropped, for `dtlsCount`. */
export const enum DtlsCounter {
  /** Records with a bad header, type, epoch or length. */
  Malformed = 0,
  /** Records whose tag is wrong. */
  BadTag = 1,
  /** Records received before, or older than the window. */
  Replayed = 2,
  /** Handshake fragments out of place, and records after their time. */
  Unexpected = 3,
  /** Flights sent again. */
  Retransmissions = 4,
}

/** Wire profile number in the session blob. */
const PROFILE_PARTICLE: i32 = 1;
const PARTICLE_CID_LENGTH: u8 = 8;
/** HelloVerifyRequests that one handshake follows. */
const MAX_COOKIE_ROUNDS: u32 = 4;
/** The server's retransmission makes ours early, but not sooner after the last one than this, ms. */
const MIN_RETRANSMIT_GAP: u32 = 500;
/** DTLS 1.0, which some servers write in HelloVerifyRequest records (RFC 6347 §4.2.1). */
const VERSION_DTLS_1_0: u32 = 0xfeff;

const COOKIE: usize = memory.data(255, 4);
const COUNTERS: usize = memory.data(20, 4);

let state: i32 = DtlsState.Idle;
let failure: i32 = 0;
let alertReceived: i32 = 0;
/** Alert to send: level << 8 | description; -1 none. */
let pendingAlert: i32 = -1;

let helloSequence: u32 = 0;
let cookieLength: i32 = 0;

let flightPending: bool = false;
let flightSentAt: u32 = 0;
let flightTimeout: i32 = 0;
let transmissions: i32 = 0;

/** Whether records are marked as from a possibly new address. */
let moved: bool = false;
/** Whether the receive window is that of this run, not of a restored session. */
let synchronised: bool = false;
let lastNumber: u64 = 0;

let datagramAt: usize = 0;
let datagramEnd: usize = 0;
let plaintext: usize = 0;

function count(counter: i32): void {
  const at = COUNTERS + ((<usize>counter) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Value of a counter, a `DtlsCounter`, since the module was made. */
export function dtlsCount(counter: i32): u32 {
  return load<u32>(COUNTERS + ((<usize>counter) << 2));
}

export function dtlsState(): i32 {
  return state;
}

export function dtlsIsEstablished(): bool {
  return state == DtlsState.Established;
}

/** Why the state is Failed: a Status. */
export function dtlsFailure(): i32 {
  return failure;
}

/** Description of the alert behind Status.AlertReceived. */
export function dtlsAlertReceived(): i32 {
  return alertReceived;
}

/** Forget keys, flights and the connection; the stored session stays. */
export function dtlsReset(): void {
  state = DtlsState.Idle;
  pendingAlert = -1;
  flightPending = false;
  moved = false;
  synchronised = false;
  recordReset();
  replayReset();
  keyExchangeReset();
  flightReset();
  reassemblyReset(0);
  sessionClear();
}

/**
 * Begin a full handshake.
 * @returns Status.Ok; Status.InvalidPrivateKey, Status.InvalidPublicKey (keys in storage);
 *   Status.RandomFailure
 */
export function dtlsStart(now: u32): i32 {
  dtlsReset();
  let status = identityLoad();
  if (status == Status.Ok) status = randomFill(clientRandom(), RANDOM_SIZE);
  if (status < 0) return status;
  helloSequence = 0;
  cookieLength = 0;
  state = DtlsState.AwaitServerHello;
  sendFlight(now);
  return Status.Ok;
}

/**
 * Take up the stored session: keys, counters and connection id, with no byte on the wire.
 * @returns Status.Ok; Status.NoSession when none fits the keys in storage
 */
export function dtlsRestore(): i32 {
  dtlsReset();
  const fingerprint = identityFingerprint();
  if (!fingerprint) return Status.NoSession;
  const status = sessionLoad(fingerprint, PROFILE_PARTICLE);
  if (status < 0) return status;
  recordSetKeys(sessionKeyBlock(), sessionCid(), session().cidLength, session().nextRecord);
  replayClose(session().receivedTop);
  state = DtlsState.Established;
  moved = true;
  synchronised = false;
  return Status.Ok;
}

/** Mark records as from a possibly new address until the server is heard (type 253). */
export function dtlsMarkMoved(): void {
  moved = true;
}

/** Store the session. @returns Status.Ok; Status.HostFailure; Status.InvalidState */
export function dtlsSave(nextMessageId: u32): i32 {
  if (state != DtlsState.Established) return Status.InvalidState;
  session().receivedTop = replayTop();
  return sessionSave(recordNextNumber(), nextMessageId);
}

/** End the session for good: in memory and in storage. */
export function dtlsForget(): void {
  sessionForget();
  dtlsReset();
}

// ---- sending --------------------------------------------------------------------------------

/** Make the current flight due, with fresh timers. */
function sendFlight(now: u32): void {
  flightPending = true;
  flightTimeout = FLIGHT_TIMEOUT;
  transmissions = 0;
  flightSentAt = now;
}

/**
 * The next datagram of the handshake: an alert or a flight that is due.
 * @param output [out] `capacity` bytes
 * @returns bytes of the datagram; 0 when there is none; Status.NoSpace
 */
export function dtlsPollTransmit(output: usize, capacity: i32, now: u32): i32 {
  if (pendingAlert >= 0) return buildAlert(output);
  if (!flightPending) return 0;
  flightPending = false;
  flightSentAt = now;
  if (transmissions > 0) count(DtlsCounter.Retransmissions);
  transmissions += 1;
  return state == DtlsState.AwaitServerHello
    ? buildHelloFlight(output, capacity, helloSequence, COOKIE, cookieLength)
    : buildFinalFlight(output, capacity, helloSequence + 1);
}

function buildAlert(output: usize): i32 {
  const offset = recordHasKeys() ? recordContentOffset() : RECORD_HEADER;
  store<u8>(output + offset, pendingAlert >> 8);
  store<u8>(output + offset + 1, pendingAlert);
  pendingAlert = -1;
  const size = recordHasKeys()
    ? recordSeal(output, ContentType.Alert, 2, moved)
    : recordPlain(output, ContentType.Alert, 2);
  if (state == DtlsState.Failed) recordReset();
  return size;
}

/** @returns ms until `dtlsHandleTimeout` is due, 0 now, -1 never */
export function dtlsPollTimeout(now: u32): i32 {
  if (flightPending || pendingAlert >= 0) return 0;
  if (state < DtlsState.AwaitServerHello || state > DtlsState.AwaitFinished) return -1;
  return untilDue(flightSentAt + flightTimeout, now);
}

/** Retransmit the flight when its timer has run out; give up after the last transmission. */
export function dtlsHandleTimeout(now: u32): void {
  if (state < DtlsState.AwaitServerHello || state > DtlsState.AwaitFinished) return;
  if (flightPending || !isDue(flightSentAt + flightTimeout, now)) return;
  if (transmissions >= MAX_FLIGHT_TRANSMISSIONS) {
    fail(Status.HandshakeTimeout);
    return;
  }
  flightTimeout = min(flightTimeout * 2, MAX_FLIGHT_TIMEOUT);
  flightPending = true;
}

/** Offset in the transmit buffer at which `dtlsSeal` wants its content. */
export function dtlsContentOffset(): i32 {
  return recordContentOffset();
}

/**
 * Seal application data that stands at `dtlsContentOffset()` in `output`.
 * @param output [in,out] room for `length` + 38 bytes
 * @param nextMessageId goes into the reservation that this record may need
 * @returns bytes of the datagram; Status.InvalidState; Status.SequenceExhausted;
 *   Status.HostFailure when the reservation could not be stored: the session must end
 */
export function dtlsSeal(output: usize, length: i32, nextMessageId: u32): i32 {
  if (state != DtlsState.Established) return Status.InvalidState;
  session().receivedTop = replayTop();
  const status = sessionReserve(recordNextNumber(), nextMessageId);
  if (status < 0) return status;
  return recordSeal(output, ContentType.ApplicationData, length, moved);
}

// ---- receiving ------------------------------------------------------------------------------

/** Take a datagram; `dtlsNext` goes through its records. Decrypts in place. */
export function dtlsReceive(datagram: usize, length: i32): void {
  datagramAt = datagram;
  datagramEnd = datagram + length;
}

/** Plaintext of the record that `dtlsNext` returned; stays until the next datagram. */
export function dtlsPlaintext(): usize {
  return plaintext;
}

/**
 * Go on through the datagram up to the next application record.
 * @returns its plaintext bytes, at `dtlsPlaintext()`; 0 at the end of the datagram
 */
export function dtlsNext(now: u32): i32 {
  while (datagramEnd - datagramAt >= <usize>RECORD_HEADER) {
    const record = datagramAt;
    const length = <i32>loadU16(record + 11);
    if (<usize>(RECORD_HEADER + length) > datagramEnd - record) break;
    datagramAt = record + RECORD_HEADER + length;
    const size = handleRecord(record, length, now);
    if (size > 0) return size;
  }
  if (datagramAt != datagramEnd) count(DtlsCounter.Malformed);
  datagramAt = datagramEnd;
  return 0;
}

/** Whether the record returned last may be acted on at once; if not, it must prove to be new. */
export function dtlsIsSynchronised(): bool {
  return synchronised;
}

/**
 * The record returned last is the answer to a message of this run, hence new: everything up to it
 * counts as received from now on.
 */
export function dtlsSynchronise(): void {
  replayClose(lastNumber);
  synchronised = true;
  moved = false;
}

/** @returns plaintext bytes of an application record, else 0 */
function handleRecord(record: usize, length: i32, now: u32): i32 {
  const type = <i32>load<u8>(record);
  const version = loadU16(record + 1);
  const epochAndNumber = loadEpochAndNumber(record);
  const epoch = <i32>(epochAndNumber >> 48);
  if (version != VERSION_DTLS_1_2 && !(version == VERSION_DTLS_1_0 && epoch == 0)) {
    count(DtlsCounter.Malformed);
    return 0;
  }
  if (epoch == 0) {
    handlePlainRecord(type, record + RECORD_HEADER, length, now);
    return 0;
  }
  if (epoch != 1 || state < DtlsState.AwaitFinished || state > DtlsState.Established) {
    count(DtlsCounter.Unexpected);
    return 0;
  }
  return handleSealedRecord(type, record, length, epochAndNumber & 0xffffffffffff, now);
}

/** Epoch 0: handshake only, and only until it is complete. Nothing here is authenticated. */
function handlePlainRecord(type: i32, content: usize, length: i32, now: u32): void {
  if (state < DtlsState.AwaitServerHello || state > DtlsState.AwaitChangeCipherSpec) {
    count(DtlsCounter.Unexpected);
    return;
  }
  if (type == ContentType.Handshake) {
    handleFragments(content, length, now);
  } else if (type == ContentType.ChangeCipherSpec && length == 1 && load<u8>(content) == 1) {
    if (state == DtlsState.AwaitChangeCipherSpec) state = DtlsState.AwaitFinished;
    else count(DtlsCounter.Unexpected);
  } else if (type == ContentType.Alert && length == 2) {
    handleAlert(load<u8>(content), load<u8>(content + 1));
  } else {
    count(DtlsCounter.Malformed);
  }
}

function handleSealedRecord(type: i32, record: usize, length: i32, number: u64, now: u32): i32 {
  if (!replayCheck(number)) {
    count(DtlsCounter.Replayed);
    return 0;
  }
  const size = recordOpen(record, length);
  if (size < 0) {
    count(DtlsCounter.BadTag);
    return 0;
  }
  const content = record + RECORD_HEADER + EXPLICIT_NONCE;
  if (state == DtlsState.AwaitFinished) {
    replayAccept(number);
    if (type == ContentType.Handshake) handleFragments(content, size, now);
    else if (type == ContentType.Alert && size == 2)
      handleAlert(load<u8>(content), load<u8>(content + 1));
    else count(DtlsCounter.Unexpected);
    return 0;
  }
  lastNumber = number;
  if (type == ContentType.ApplicationData) {
    if (synchronised) acceptNumber(number);
    plaintext = content;
    return size;
  }
  if (!synchronised) {
    // A recording from before the restart could say the same; only an answer proves to be new.
    count(DtlsCounter.Unexpected);
    return 0;
  }
  acceptNumber(number);
  if (type == ContentType.Alert && size == 2) handleAlert(load<u8>(content), load<u8>(content + 1));
  else count(DtlsCounter.Unexpected);
  return 0;
}

function acceptNumber(number: u64): void {
  replayAccept(number);
  moved = false;
}

/** RFC 5246 §7.2: close_notify and fatal alerts end the connection, other warnings do not. */
function handleAlert(level: i32, description: i32): void {
  alertReceived = description;
  if (description == Alert.CloseNotify) end(Status.PeerClosed);
  else if (level == AlertLevel.Fatal) end(Status.AlertReceived);
}

function handleFragments(content: usize, length: i32, now: u32): void {
  let at = content;
  let left = length;
  while (left > 0 && state != DtlsState.Failed) {
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
    const waits = state == DtlsState.AwaitChangeCipherSpec || state == DtlsState.AwaitFinished;
    if (waits && isDue(flightSentAt + MIN_RETRANSMIT_GAP, now)) flightPending = true;
    return;
  }
  if (reassemblyAdd(fragment, size) < 0) {
    count(DtlsCounter.Unexpected);
    return;
  }
  while (reassemblyLength() >= 0 && state != DtlsState.Failed) {
    const sequence = reassemblySequence();
    handleMessage(reassemblyType(), sequence, reassemblyBody(), reassemblyLength(), now);
    reassemblyAdvance();
  }
}

/** RFC 6347 §4.2.1. Whole in one fragment, or it is dropped. */
function handleHelloVerifyRequest(fragment: usize, size: i32, now: u32): void {
  const isExpected = state == DtlsState.AwaitServerHello && helloSequence < MAX_COOKIE_ROUNDS;
  const body = fragment + 12;
  if (!isExpected || decodeHelloVerifyRequest(body, size - 12) < 0) {
    count(DtlsCounter.Unexpected);
    return;
  }
  cookieLength = helloVerifyCookieLength();
  memory.copy(COOKIE, helloVerifyCookie(), cookieLength);
  helloSequence += 1;
  reassemblyReset(helloSequence);
  sendFlight(now);
}

/** One complete handshake message, in order. */
function handleMessage(type: u32, sequence: u32, body: usize, length: i32, now: u32): void {
  if (type == HandshakeType.HelloRequest) return; // RFC 5246 §7.4.1.1: ignored while negotiating
  let status: i32 = Status.UnexpectedMessage;
  switch (state) {
    case DtlsState.AwaitServerHello:
      if (type == HandshakeType.ServerHello) status = handleServerHello(body, length);
      break;
    case DtlsState.AwaitServerKeyExchange:
      if (type == HandshakeType.ServerKeyExchange) {
        status = handleServerKeyExchange(body, length);
        state = DtlsState.AwaitCertificateRequest;
      }
      break;
    case DtlsState.AwaitCertificateRequest:
      // Only its presence matters: the device has one key to offer.
      if (type == HandshakeType.CertificateRequest) {
        status = length >= 8 ? Status.Ok : Status.DecodeError;
        state = DtlsState.AwaitServerHelloDone;
      }
      break;
    case DtlsState.AwaitServerHelloDone:
      if (type == HandshakeType.ServerHelloDone) {
        status = length == 0 ? Status.Ok : Status.DecodeError;
      }
      break;
    case DtlsState.AwaitFinished:
      if (type == HandshakeType.Finished) status = handleFinished(body, length);
      break;
    default:
      break;
  }
  if (status < 0) {
    fail(status);
    return;
  }
  if (state == DtlsState.Established) return;
  transcriptAdd(type, sequence, body, length);
  if (type == HandshakeType.ServerHelloDone) {
    status = prepareFinalFlight(helloSequence + 1);
    if (status < 0) {
      fail(status);
      return;
    }
    state = DtlsState.AwaitChangeCipherSpec;
    sendFlight(now);
  }
}

function handleServerHello(body: usize, length: i32): i32 {
  const status = decodeServerHello(body, length, serverRandom());
  if (status < 0) return status;
  memory.copy(sessionCid(), serverHelloCid(), PARTICLE_CID_LENGTH);
  session().cidLength = PARTICLE_CID_LENGTH;
  state = DtlsState.AwaitServerKeyExchange;
  return Status.Ok;
}

function handleFinished(body: usize, length: i32): i32 {
  if (length != VERIFY_DATA_SIZE) return Status.DecodeError;
  if (!constantTimeEqual(body, expectedVerifyData(), VERIFY_DATA_SIZE)) {
    return Status.AuthenticationFailed;
  }
  session().identity = identityFingerprint();
  session().profile = <u8>PROFILE_PARTICLE;
  keyExchangeReset();
  flightReset();
  flightPending = false;
  synchronised = true;
  state = DtlsState.Established;
  return Status.Ok;
}

// ---- ending ---------------------------------------------------------------------------------

/** The alert that tells the server why (RFC 5246 §7.2.2); -1 for none. */
function alertFor(status: i32): i32 {
  switch (status) {
    case Status.UnexpectedMessage:
      return Alert.UnexpectedMessage;
    case Status.DecodeError:
      return Alert.DecodeError;
    case Status.IllegalParameter:
    case Status.InvalidPublicKey:
      return Alert.IllegalParameter;
    case Status.NotSupported:
      return Alert.UnsupportedExtension;
    case Status.HandshakeFailure:
      return Alert.HandshakeFailure;
    case Status.AuthenticationFailed:
      return Alert.DecryptError;
    case Status.HandshakeTimeout:
      return -1;
    default:
      return Alert.InternalError;
  }
}

/** End the handshake for a reason of ours, with an alert. */
function fail(status: i32): void {
  failure = status;
  state = DtlsState.Failed;
  flightPending = false;
  const alert = alertFor(status);
  pendingAlert = alert < 0 ? -1 : (AlertLevel.Fatal << 8) | alert;
  if (pendingAlert < 0) recordReset();
  keyExchangeReset();
  flightReset();
  sessionClear();
}

/** End the connection because the server said so. */
function end(status: i32): void {
  failure = status;
  state = DtlsState.Failed;
  flightPending = false;
  pendingAlert = -1;
  recordReset();
  keyExchangeReset();
  flightReset();
  sessionForget();
}
