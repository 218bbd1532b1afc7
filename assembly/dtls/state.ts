// State of the DTLS client, its counters, and the two ways in which it ends: `fail`, with an alert
// of ours, and `handleAlert`, because the server said so.

import { Status } from "../status";
import { flightReset } from "./flight";
import { keyExchangeReset } from "./key-exchange";
import { Alert, AlertLevel, ContentType, RECORD_HEADER } from "./protocol";
import { recordContentOffset, recordHasKeys, recordPlain, recordReset, recordSeal } from "./record";
import { sessionClear, sessionForget } from "./session";

/** Where the connection stands. Values appear in logs only. */
export const enum DtlsState {
  Idle = 0,
  AwaitServerHello = 1,
  /** `standard` only. */
  AwaitCertificate = 2,
  AwaitServerKeyExchange = 3,
  AwaitCertificateRequest = 4,
  AwaitServerHelloDone = 5,
  AwaitChangeCipherSpec = 6,
  AwaitFinished = 7,
  Established = 8,
  Failed = 9,
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

const COUNTERS: usize = memory.data(20, 4);

let state: i32 = DtlsState.Idle;
let failure: i32 = 0;
let alertReceived: i32 = 0;
/** Alert to send: level << 8 | description; -1 none. */
let pendingAlert: i32 = -1;

/** Count one more of `counter`. */
export function count(counter: i32): void {
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

export function setDtlsState(next: i32): void {
  state = next;
}

export function dtlsIsEstablished(): bool {
  return state == DtlsState.Established;
}

/** Whether a handshake is under way. */
export function isHandshaking(): bool {
  return state >= DtlsState.AwaitServerHello && state <= DtlsState.AwaitFinished;
}

/** Why the state is Failed: a Status. */
export function dtlsFailure(): i32 {
  return failure;
}

/** Description of the alert behind Status.AlertReceived. */
export function dtlsAlertReceived(): i32 {
  return alertReceived;
}

/** Back to Idle. */
export function stateReset(): void {
  state = DtlsState.Idle;
  pendingAlert = -1;
}

/** Whether an alert waits for `buildAlert`. */
export function hasAlert(): bool {
  return pendingAlert >= 0;
}

/** Build the waiting alert; with it the keys of a failed handshake are wiped. @returns its bytes */
export function buildAlert(output: usize): i32 {
  const offset = recordHasKeys() ? recordContentOffset() : RECORD_HEADER;
  store<u8>(output + offset, pendingAlert >> 8);
  store<u8>(output + offset + 1, pendingAlert);
  pendingAlert = -1;
  const size = recordHasKeys()
    ? recordSeal(output, ContentType.Alert, 2, false)
    : recordPlain(output, ContentType.Alert, 2);
  recordReset();
  return size;
}

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
export function fail(status: i32): void {
  failure = status;
  state = DtlsState.Failed;
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
  pendingAlert = -1;
  recordReset();
  keyExchangeReset();
  flightReset();
  sessionForget();
}

/** Let a close_notify go out; then the state is Idle. */
export function sendCloseNotify(): void {
  pendingAlert = (AlertLevel.Warning << 8) | Alert.CloseNotify;
  state = DtlsState.Idle;
}

/** The server proved that it has lost the session. */
export function handleSessionLost(): void {
  end(Status.SessionLost);
}

/**
 * RFC 5246 §7.2: close_notify and fatal alerts end the connection, other warnings do not.
 * @param alert [in] level and description, 2 bytes
 */
export function handleAlert(alert: usize): void {
  alertReceived = load<u8>(alert + 1);
  if (alertReceived == Alert.CloseNotify) end(Status.PeerClosed);
  else if (load<u8>(alert) == AlertLevel.Fatal) end(Status.AlertReceived);
}
