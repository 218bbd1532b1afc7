// The client's flights (RFC 6347 §4.2.4), built into the caller's buffer each time they are sent:
// what is kept between transmissions is the signature and verify_data, everything else is at hand.
// A retransmission has the same messages under fresh record numbers. One datagram per flight.

import { wipe } from "../crypto/constant-time";
import { derEncodeSignature, derEncodeSpki } from "../crypto/der";
import { Status } from "../status";
import { storeU16, storeU24 } from "../util/bytes";
import { encodeClientHello } from "./client-hello";
import { identityDeriveDeviceKey, identityDeviceKey, identitySign } from "./identity";
import { clientPoint, clientRandom, deriveKeys, deriveVerifyData } from "./key-exchange";
import {
  ContentType,
  HANDSHAKE_HEADER,
  HandshakeType,
  RECORD_HEADER,
  SIGNATURE_ECDSA_SHA256,
  VERIFY_DATA_SIZE,
} from "./protocol";
import { recordContentOffset, recordPlain, recordSeal, recordSetKeys } from "./record";
import { SCRATCH_BYTES, SCRATCH_DIGEST, SCRATCH_SIGNATURE } from "./scratch";
import { session, sessionCid, sessionKeyBlock } from "./session";
import { transcriptAdd, transcriptHash, transcriptReset, writeHandshakeHeader } from "./transcript";

/** Body of one message; the longest is the Certificate, 94 bytes. */
// @ts-ignore: decorator
@inline
const BODY: usize = SCRATCH_BYTES;
const SIGNATURE: usize = memory.data(72, 4);
const CLIENT_VERIFY_DATA: usize = memory.data(12, 4);
const SERVER_VERIFY_DATA: usize = memory.data(12, 4);

let signatureLength: i32 = 0;

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
  const length = encodeClientHello(body, capacity - header, clientRandom(), cookie, cookieLength);
  if (length < 0) return length;
  if (startsTranscript) {
    transcriptReset();
    transcriptAdd(HandshakeType.ClientHello, sequence, body, length);
  }
  writeHandshakeHeader(output + RECORD_HEADER, HandshakeType.ClientHello, sequence, length);
  return recordPlain(output, ContentType.Handshake, HANDSHAKE_HEADER + length);
}

/** Certificate of RFC 7250 §3: a SubjectPublicKeyInfo with a 3-byte length. @returns 94 */
function encodeCertificate(): i32 {
  const length = derEncodeSpki(BODY + 3, identityDeviceKey());
  storeU24(BODY, length);
  return 3 + length;
}

/** ClientKeyExchange of RFC 8422 §5.7. @returns 66 */
function encodeClientKeyExchange(): i32 {
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

/**
 * Do the public-key work of the final flight: derive the keys, sign the transcript, compute both
 * verify_data, and install the keys of epoch 1.
 * @param sequence message_seq of the Certificate, the first message of the flight
 * @returns Status.Ok; Status.InvalidPrivateKey, Status.RandomFailure, Status.InvalidPublicKey
 */
export function prepareFinalFlight(sequence: u32): i32 {
  let status = identityDeriveDeviceKey();
  if (status == Status.Ok) status = deriveKeys();
  if (status < 0) return status;
  transcriptAdd(HandshakeType.Certificate, sequence, BODY, encodeCertificate());
  transcriptAdd(HandshakeType.ClientKeyExchange, sequence + 1, BODY, encodeClientKeyExchange());
  transcriptHash(SCRATCH_DIGEST);
  status = identitySign(SCRATCH_SIGNATURE, SCRATCH_DIGEST);
  if (status < 0) return status;
  signatureLength = derEncodeSignature(SIGNATURE, SCRATCH_SIGNATURE);
  transcriptAdd(HandshakeType.CertificateVerify, sequence + 2, BODY, encodeCertificateVerify());
  transcriptHash(SCRATCH_DIGEST);
  deriveVerifyData(CLIENT_VERIFY_DATA, true, SCRATCH_DIGEST);
  transcriptAdd(HandshakeType.Finished, sequence + 3, CLIENT_VERIFY_DATA, VERIFY_DATA_SIZE);
  transcriptHash(SCRATCH_DIGEST);
  deriveVerifyData(SERVER_VERIFY_DATA, false, SCRATCH_DIGEST);
  recordSetKeys(sessionKeyBlock(), sessionCid(), session().cidLength, 0);
  return Status.Ok;
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

/**
 * Build Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec and Finished.
 * @param sequence message_seq of the Certificate
 * @returns bytes of the datagram, 382...386; Status.NoSpace
 */
export function buildFinalFlight(output: usize, capacity: i32, sequence: u32): i32 {
  let at = 0;
  for (let i: u32 = 0; i < 3; i++) {
    let type: u32 = HandshakeType.Certificate;
    if (i == 1) type = HandshakeType.ClientKeyExchange;
    if (i == 2) type = HandshakeType.CertificateVerify;
    const size = appendMessage(output + at, capacity - at, type, sequence + i);
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
  writeHandshakeHeader(content, HandshakeType.Finished, sequence + 3, VERIFY_DATA_SIZE);
  memory.copy(content + HANDSHAKE_HEADER, CLIENT_VERIFY_DATA, VERIFY_DATA_SIZE);
  const sealed = recordSeal(output + at, ContentType.Handshake, finished, false);
  return sealed < 0 ? sealed : at + sealed;
}
