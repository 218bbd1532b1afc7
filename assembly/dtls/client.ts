// DTLS 1.2 client (RFC 6347): what the layers above see. Bytes go in and come out, time is an
// argument; handshake.ts makes the keys, record.ts uses them, session.ts keeps them. Application
// data passes through `dtlsNext` and `dtlsSeal`.

import { STANDARD } from "../config";
import { constantTimeEqual } from "../crypto/constant-time";
import { randomFill } from "../crypto/random";
import { Status } from "../status";
import { loadU16 } from "../util/bytes";
import { flightReset } from "./flight";
import {
  handleFragments,
  handlePlainRecord,
  handleRepeatedFinished,
  handshakeHandleTimeout,
  handshakePollTimeout,
  handshakePollTransmit,
  handshakeStart,
} from "./handshake";
import { identityFingerprint, identityLoad } from "./identity";
import { clientRandom, keyExchangeReset } from "./key-exchange";
import { currentProfile, isStandard } from "./profile";
import {
  ContentType,
  EXPLICIT_NONCE,
  RANDOM_SIZE,
  RECORD_HEADER,
  VERSION_DTLS_1_2,
} from "./protocol";
import {
  loadEpochAndNumber,
  recordContentOffset,
  recordNextNumber,
  recordOpen,
  recordReset,
  recordSeal,
  recordSetKeys,
} from "./record";
import { replayAccept, replayCheck, replayClose, replayReset, replayTop } from "./replay-window";
import {
  session,
  sessionCid,
  sessionClear,
  sessionForget,
  sessionKeepResumable,
  sessionKeyBlock,
  sessionLoad,
  sessionReserve,
  sessionSave,
  sessionToken,
  SESSION_TOKEN_SIZE,
  SessionFlag,
} from "./session";
import {
  DtlsCounter,
  DtlsState,
  buildAlert,
  count,
  dtlsIsEstablished,
  dtlsState,
  handleAlert,
  handleSessionLost,
  hasAlert,
  sendCloseNotify,
  setDtlsState,
  stateReset,
} from "./state";

/** Level and description. */
const ALERT_SIZE: i32 = 2;
/** DTLS 1.0, which some servers write in HelloVerifyRequest records (RFC 6347 §4.2.1). */
const VERSION_DTLS_1_0: u32 = 0xfeff;

/** Whether records are marked as from a possibly new address. */
let moved: bool = false;
/** Whether the receive window is that of this run, not of a restored session. */
let synchronised: bool = false;
let lastNumber: u64 = 0;

let datagramAt: usize = 0;
let datagramEnd: usize = 0;
let plaintext: usize = 0;

/** Forget keys, flights and the connection; the stored session stays. */
export function dtlsReset(): void {
  stateReset();
  moved = false;
  synchronised = false;
  recordReset();
  replayReset();
  keyExchangeReset();
  flightReset();
  sessionClear();
}

/**
 * Begin a full handshake.
 * @returns Status.Ok; Status.InvalidPrivateKey, Status.InvalidPublicKey (keys in storage);
 *   Status.RandomFailure
 */
export function dtlsStart(now: u32): i32 {
  dtlsReset();
  if (isStandard() && sessionLoad(identityFingerprint(), currentProfile()) == Status.Ok) {
    if (!sessionKeepResumable()) sessionClear();
  }
  let status = identityLoad();
  if (status == Status.Ok) status = randomFill(clientRandom(), RANDOM_SIZE);
  if (status < 0) return status;
  handshakeStart(now);
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
  const status = sessionLoad(fingerprint, currentProfile());
  if (status < 0) return status;
  // Without a connection id the server knows us by our address, which is gone.
  const canContinue = session().cidLength && !(session().flags & SessionFlag.Closed);
  if (!canContinue) return Status.NoSession;
  recordSetKeys(sessionKeyBlock(), sessionCid(), session().cidLength, session().nextRecord);
  replayClose(session().receivedTop);
  setDtlsState(DtlsState.Established);
  moved = true;
  synchronised = false;
  return Status.Ok;
}

/** Store the session. @returns Status.Ok; Status.HostFailure; Status.InvalidState */
export function dtlsSave(nextMessageId: u32): i32 {
  if (!dtlsIsEstablished()) return Status.InvalidState;
  session().receivedTop = replayTop();
  return sessionSave(recordNextNumber(), nextMessageId);
}

/**
 * Say close_notify (RFC 5246 §7.2.1) with the next datagram. The stored session serves an
 * abbreviated handshake only.
 */
export function dtlsClose(nextMessageId: u32): void {
  if (!dtlsIsEstablished()) return;
  session().flags |= <u8>SessionFlag.Closed;
  dtlsSave(nextMessageId);
  sendCloseNotify();
}

/** End the session for good: in memory and in storage. */
export function dtlsForget(): void {
  sessionForget();
  dtlsReset();
}

// ---- sending --------------------------------------------------------------------------------

/**
 * The next datagram of the handshake: an alert or a flight that is due.
 * @param output [out] `capacity` bytes
 * @returns bytes of the datagram; 0 when there is none; Status.NoSpace
 */
export function dtlsPollTransmit(output: usize, capacity: i32, now: u32): i32 {
  return hasAlert() ? buildAlert(output) : handshakePollTransmit(output, capacity, now);
}

/** @returns ms until `dtlsHandleTimeout` is due, 0 now, -1 never */
export function dtlsPollTimeout(now: u32): i32 {
  return hasAlert() ? 0 : handshakePollTimeout(now);
}

export function dtlsHandleTimeout(now: u32): void {
  handshakeHandleTimeout(now);
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
  if (!dtlsIsEstablished()) return Status.InvalidState;
  session().receivedTop = replayTop();
  const status = sessionReserve(recordNextNumber(), nextMessageId);
  if (status < 0) return status;
  return recordSeal(output, ContentType.ApplicationData, length, moved && !isStandard());
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
    const content = record + RECORD_HEADER;
    if (isResetToken(type, content, length)) handleSessionLost();
    else handlePlainRecord(type, content, length, now);
    return 0;
  }
  const state = dtlsState();
  if (epoch != 1 || (state != DtlsState.AwaitFinished && state != DtlsState.Established)) {
    count(DtlsCounter.Unexpected);
    return 0;
  }
  return handleSealedRecord(type, record, length, epochAndNumber & 0xffffffffffff, now);
}

/**
 * Whether a plaintext alert ends in the token that the server gave for this session, which it can
 * know only from its reset key: then it has lost the session (after RFC 9000 §10.3).
 */
function isResetToken(type: i32, content: usize, length: i32): bool {
  if (!dtlsIsEstablished() || !(session().flags & SessionFlag.ResetToken)) return false;
  return (
    type == ContentType.Alert &&
    length == ALERT_SIZE + SESSION_TOKEN_SIZE &&
    constantTimeEqual(content + ALERT_SIZE, sessionToken(), SESSION_TOKEN_SIZE)
  );
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
  if (dtlsState() == DtlsState.AwaitFinished) {
    replayAccept(number);
    handleEarlyRecord(type, content, size, now);
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
  if (STANDARD) {
    if (type == ContentType.Handshake) handleRepeatedFinished(now);
  }
  if (type == ContentType.Alert && size == 2) handleAlert(content);
  else count(DtlsCounter.Unexpected);
  return 0;
}

/** A record of epoch 1 before the handshake is complete: Finished, or an alert. */
function handleEarlyRecord(type: i32, content: usize, size: i32, now: u32): void {
  if (type == ContentType.Handshake) {
    handleFragments(content, size, now);
    if (dtlsIsEstablished()) completeSession();
  } else if (type == ContentType.Alert && size == 2) {
    handleAlert(content);
  } else {
    count(DtlsCounter.Unexpected);
  }
}

/** The handshake is done: its session is the one of these keys, and its window is complete. */
function completeSession(): void {
  session().identity = identityFingerprint();
  session().profile = <u8>currentProfile();
  session().flags &= ~(<u8>SessionFlag.Closed);
  synchronised = true;
}

function acceptNumber(number: u64): void {
  replayAccept(number);
  moved = false;
}
