// The client's flights (RFC 6347 §4.2.4), built into the caller's buffer each time they are sent:
// what is kept between transmissions is the signature and verify_data, everything else is at hand.
// A retransmission has the same messages under fresh record numbers. One datagram per flight.

import { wipe } from "../crypto/constant-time";
import { derEncodeSignature, derEncodeSpki } from "../crypto/der";
import { Status } from "../status";
import { loadU24, storeU16, storeU24 } from "../util/bytes";
import { encodeX509Certificate } from "./certificate";
import { encodeClientHello } from "./client-hello";
import { identityDeriveDeviceKey, identityDeviceKey, identitySign } from "./identity";
import {
  agreePremaster,
  clientPoint,
  clientRandom,
  deriveKeyBlock,
  deriveKeys,
  deriveVerifyData,
} from "./key-exchange";
import { readPsk, usesCertificate, usesPsk } from "./profile";
import {
  ContentType,
  HANDSHAKE_HEADER,
  HandshakeType,
  RECORD_HEADER,
  SIGNATURE_ECDSA_SHA256,
  VERIFY_DATA_SIZE,
} from "./protocol";
import { recordContentOffset, recordPlain, recordSeal, recordSetKeys } from "./record";
import {
  SCRATCH_BYTES,
  SCRATCH_BYTES_CAPACITY,
  SCRATCH_DIGEST,
  SCRATCH_SIGNATURE,
} from "./scratch";
import { session, sessionCid, sessionId, sessionKeyBlock } from "./session";
import { transcriptAdd, transcriptHash, transcriptReset, writeHandshakeHeader } from "./transcript";

/** Body of one message; the longest is the Certificate, 94 bytes. */
// @ts-ignore: decorator
@inline
const BODY: usize = SCRATCH_BYTES;
const SIGNATURE: usize = memory.data(72, 4);
const CLIENT_VERIFY_DATA: usize = memory.data(12, 4);
const SERVER_VERIFY_DATA: usize = memory.data(12, 4);

let signatureLength: i32 = 0;
/** Messages of the final flight before ChangeCipherSpec. */
let hasCertificate: bool = false;
let hasKeyExchange: bool = false;
let hasSignature: bool = false;

/** verify_data that the server's Finished must carry, 12 bytes; set by `prepareFinalFlight`. */
export function expectedVerifyData(): usize {
  return SERVER_VERIFY_DATA;
}

/** Forget what is kept between transmissions. */
export function flightReset(): void {
  wipe(CLIENT_VERIFY_DATA, VERIFY_DATA_SIZE);
  wipe(SERVER_VERIFY_DATA, VERIFY_DATA_SIZE);
  signatureLength = 0;
}

/**
 * Build the ClientHello flight.
 * @param sequence message_seq; rises with each HelloVerifyRequest
 * @param startsTranscript whether the transcript begins anew with it: as long as no message of the
 *   server has been added
 * @returns bytes of the datagram; Status.NoSpace
 */
export function buildHelloFlight(
  output: usize,
  capacity: i32,
  sequence: u32,
  cookie: usize,
  cookieLength: i32,
  startsTranscript: bool,
): i32 {
  const header = RECORD_HEADER + HANDSHAKE_HEADER;
  const body = output + header;
  const length = encodeClientHello(
    body,
    capacity - header,
    clientRandom(),
    sessionId(),
    session().idLength,
    cookie,
    cookieLength,
  );
  if (length < 0) return length;
  if (startsTranscript) {
    transcriptReset();
    transcriptAdd(HandshakeType.ClientHello, sequence, body, length);
  }
  writeHandshakeHeader(output + RECORD_HEADER, HandshakeType.ClientHello, sequence, length);
  return recordPlain(output, ContentType.Handshake, HANDSHAKE_HEADER + length);
}

// ---- bodies, into BODY ----------------------------------------------------------------------

/** Certificate: a raw public key (RFC 7250 §3), 94 bytes; or our X.509 certificate. */
function encodeCertificate(): i32 {
  if (usesCertificate()) return encodeX509Certificate(BODY, SCRATCH_BYTES_CAPACITY);
  const length = derEncodeSpki(BODY + 3, identityDeviceKey());
  storeU24(BODY, length);
  return 3 + length;
}

/** ClientKeyExchange: our point (RFC 8422 §5.7), 66 bytes; or the identity of our key (RFC 4279 §2). */
function encodeClientKeyExchange(): i32 {
  if (usesPsk()) {
    const length = readPsk(BODY);
    const identityLength = <i32>load<u8>(BODY);
    wipe(BODY + 1 + identityLength, length - 1 - identityLength);
    memory.copy(BODY + 2, BODY + 1, identityLength);
    storeU16(BODY, identityLength);
    return 2 + identityLength;
  }
  store<u8>(BODY, 65);
  memory.copy(BODY + 1, clientPoint(), 65);
  return 66;
}

/** CertificateVerify of RFC 5246 §7.4.8. @returns 4 + 68...72 */
function encodeCertificateVerify(): i32 {
  storeU16(BODY, SIGNATURE_ECDSA_SHA256);
  storeU16(BODY + 2, signatureLength);
  memory.copy(BODY + 4, SIGNATURE, signatureLength);
  return 4 + signatureLength;
}

/** Encode the body of one plaintext message of the final flight into BODY. */
function encodeBody(type: u32): i32 {
  switch (type) {
    case HandshakeType.Certificate:
      return encodeCertificate();
    case HandshakeType.ClientKeyExchange:
      return encodeClientKeyExchange();
    default:
      return encodeCertificateVerify();
  }
}

// ---- the final flight -----------------------------------------------------------------------

/** Add a message of the final flight to the transcript. */
function addMessage(type: u32, sequence: u32): void {
  const length = encodeBody(type);
  transcriptAdd(type, sequence, BODY, length);
}

/**
 * Do the public-key work of the final flight of a full handshake: agree on the keys, sign the
 * transcript, compute both verify_data, and install the keys of epoch 1.
 * @param sequence message_seq of the first message of the flight
 * @param showsCertificate whether the server asked for our Certificate
 * @param extendsMasterSecret whether RFC 7627 was agreed on
 * @returns Status.Ok; Status.InvalidPrivateKey, Status.RandomFailure, Status.InvalidPublicKey
 */
export function prepareFinalFlight(
  sequence: u32,
  showsCertificate: bool,
  extendsMasterSecret: bool,
): i32 {
  hasCertificate = showsCertificate;
  hasKeyExchange = true;
  let status: i32 = Status.Ok;
  if (showsCertificate && !usesCertificate()) status = identityDeriveDeviceKey();
  if (status == Status.Ok) status = agreePremaster();
  if (status < 0) return status;
  let next = sequence;
  hasSignature = showsCertificate;
  if (showsCertificate) {
    addMessage(HandshakeType.Certificate, next++);
    // RFC 5246 §7.4.8: no signature goes with an empty list.
    hasSignature = loadU24(BODY) > 0;
  }
  addMessage(HandshakeType.ClientKeyExchange, next++);
  transcriptHash(SCRATCH_DIGEST);
  deriveKeys(extendsMasterSecret ? SCRATCH_DIGEST : 0);
  if (hasSignature) {
    status = identitySign(SCRATCH_SIGNATURE, SCRATCH_DIGEST);
    if (status < 0) return status;
    signatureLength = derEncodeSignature(SIGNATURE, SCRATCH_SIGNATURE);
    addMessage(HandshakeType.CertificateVerify, next++);
  }
  addVerifyData(CLIENT_VERIFY_DATA, true, next);
  addVerifyData(SERVER_VERIFY_DATA, false, 0);
  recordSetKeys(sessionKeyBlock(), sessionCid(), session().cidLength, 0);
  return Status.Ok;
}

/** Compute verify_data of the transcript so far; our own Finished becomes part of it. */
function addVerifyData(output: usize, isClient: bool, sequence: u32): void {
  transcriptHash(SCRATCH_DIGEST);
  deriveVerifyData(output, isClient, SCRATCH_DIGEST);
  if (isClient) transcriptAdd(HandshakeType.Finished, sequence, output, VERIFY_DATA_SIZE);
}

/** Abbreviated handshake (RFC 5246 §7.3): keys of the session resumed; the server finishes first. */
export function prepareAbbreviated(): void {
  deriveKeyBlock();
  addVerifyData(SERVER_VERIFY_DATA, false, 0);
  recordSetKeys(sessionKeyBlock(), sessionCid(), session().cidLength, 0);
}

/** The server's Finished is in the transcript: our flight is ChangeCipherSpec and Finished. */
export function prepareAbbreviatedFlight(sequence: u32): void {
  hasCertificate = false;
  hasKeyExchange = false;
  hasSignature = false;
  addVerifyData(CLIENT_VERIFY_DATA, true, sequence);
}

/** Append one plaintext handshake record. @returns its bytes; Status.NoSpace */
function appendMessage(output: usize, capacity: i32, type: u32, sequence: u32): i32 {
  const length = encodeBody(type);
  const header = RECORD_HEADER + HANDSHAKE_HEADER;
  if (length + header > capacity) return Status.NoSpace;
  writeHandshakeHeader(output + RECORD_HEADER, type, sequence, length);
  memory.copy(output + header, BODY, length);
  return recordPlain(output, ContentType.Handshake, HANDSHAKE_HEADER + length);
}

/** The `index`-th possible message of the final flight; 0 when this flight has it not. */
function messageOf(index: i32): u32 {
  if (index == 0) return hasCertificate ? HandshakeType.Certificate : 0;
  if (index == 1) return hasKeyExchange ? HandshakeType.ClientKeyExchange : 0;
  return hasSignature ? HandshakeType.CertificateVerify : 0;
}

/**
 * Build Certificate, ClientKeyExchange, CertificateVerify, as far as they are part of this flight,
 * ChangeCipherSpec and Finished.
 * @param sequence message_seq of the first message
 * @returns bytes of the datagram, 382...386 with raw public keys; Status.NoSpace
 */
export function buildFinalFlight(output: usize, capacity: i32, sequence: u32): i32 {
  let at = 0;
  let next = sequence;
  for (let i = 0; i < 3; i++) {
    const type = messageOf(i);
    if (!type) continue;
    const size = appendMessage(output + at, capacity - at, type, next++);
    if (size < 0) return size;
    at += size;
  }
  const finished = HANDSHAKE_HEADER + VERIFY_DATA_SIZE;
  if (at + RECORD_HEADER + 1 + recordContentOffset() + finished + 9 > capacity) {
    return Status.NoSpace;
  }
  store<u8>(output + at + RECORD_HEADER, 1);
  at += recordPlain(output + at, ContentType.ChangeCipherSpec, 1);
  const content = output + at + recordContentOffset();
  writeHandshakeHeader(content, HandshakeType.Finished, next, VERIFY_DATA_SIZE);
  memory.copy(content + HANDSHAKE_HEADER, CLIENT_VERIFY_DATA, VERIFY_DATA_SIZE);
  const sealed = recordSeal(output + at, ContentType.Handshake, finished, false);
  return sealed < 0 ? sealed : at + sealed;
}
