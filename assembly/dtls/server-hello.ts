// HelloVerifyRequest and ServerHello (RFC 6347 §4.2.1, RFC 5246 §7.4.1.3). Whatever was not offered
// is refused (RFC 5246 §7.4.1.4): a server that chooses it is broken or is not the server.

import { Status } from "../status";
import {
  readBytes,
  readU16,
  readU8,
  readVector16,
  readVector8,
  readVectorLength,
  readerFailed,
  readerOpen,
  readerPosition,
  readerRemaining,
} from "../util/reader";
import { asksForCid, isStandard, usesCertificate, usesPsk } from "./profile";
import {
  CERTIFICATE_TYPE_RAW_PUBLIC_KEY,
  CERTIFICATE_TYPE_X509,
  Extension,
  RANDOM_SIZE,
  SUITE_ECDHE_ECDSA_AES_128_CCM_8,
  SUITE_PSK_AES_128_CCM_8,
  VERSION_DTLS_1_2,
} from "./protocol";
import { SESSION_CID_CAPACITY } from "./session";

/** The Particle protocol's connection ids are always this long. */
const PARTICLE_CID_LENGTH: i32 = 8;

/** Extensions seen, one bit each, so that a repetition is refused. */
const enum Seen {
  ConnectionId = 1,
  ClientCertificateType = 2,
  ServerCertificateType = 4,
  RenegotiationInfo = 8,
  EcPointFormats = 16,
  ExtendedMasterSecret = 32,
}

let cookie: usize = 0;
let cookieLength: i32 = 0;
let cid: usize = 0;
let cidLength: i32 = 0;
let sessionId: usize = 0;
let sessionIdLength: i32 = 0;
let serverKeyIsRaw: bool = false;
let seen: i32 = 0;

/** Cookie of the HelloVerifyRequest decoded last; points into the message. */
export function helloVerifyCookie(): usize {
  return cookie;
}

export function helloVerifyCookieLength(): i32 {
  return cookieLength;
}

/** Connection id of the ServerHello decoded last; points into the message. */
export function serverHelloCid(): usize {
  return cid;
}

/** 0...8; in `particle` always 8. */
export function serverHelloCidLength(): i32 {
  return cidLength;
}

/** Session id of the ServerHello decoded last; points into the message. */
export function serverHelloSessionId(): usize {
  return sessionId;
}

export function serverHelloSessionIdLength(): i32 {
  return sessionIdLength;
}

/** Whether the server's Certificate will be a raw public key. */
export function serverHelloKeyIsRaw(): bool {
  return serverKeyIsRaw;
}

/** Whether the extended master secret was agreed on. */
export function serverHelloExtendsMasterSecret(): bool {
  return (seen & Seen.ExtendedMasterSecret) != 0;
}

/**
 * Decode a HelloVerifyRequest. Its version field says nothing (RFC 6347 §4.2.1).
 * @param body [in] `length` bytes
 * @returns Status.Ok; Status.DecodeError
 */
export function decodeHelloVerifyRequest(body: usize, length: i32): i32 {
  readerOpen(body, length);
  readU16();
  cookie = readVector8();
  cookieLength = readVectorLength();
  return readerFailed() || readerRemaining() > 0 ? Status.DecodeError : Status.Ok;
}

/**
 * Decode a ServerHello and check every choice in it.
 * @param body [in] `length` bytes
 * @param random [out] server random, 32 bytes
 * @returns Status.Ok; Status.DecodeError; Status.IllegalParameter (version, suite or compression
 *   that was not offered); Status.NotSupported (an extension that was not offered);
 *   Status.HandshakeFailure (no raw public key, or no 8-byte connection id)
 */
export function decodeServerHello(body: usize, length: i32, random: usize): i32 {
  readerOpen(body, length);
  const version = readU16();
  const serverRandom = readBytes(RANDOM_SIZE);
  sessionId = readVector8();
  sessionIdLength = readVectorLength();
  const suite = readU16();
  const compression = readU8();
  if (readerFailed() || sessionIdLength > 32) return Status.DecodeError;
  if (version != VERSION_DTLS_1_2) return Status.IllegalParameter;
  const offered = usesPsk() ? SUITE_PSK_AES_128_CCM_8 : SUITE_ECDHE_ECDSA_AES_128_CCM_8;
  if (suite != offered || compression != 0) return Status.IllegalParameter;
  memory.copy(random, serverRandom, RANDOM_SIZE);
  seen = 0;
  cidLength = 0;
  serverKeyIsRaw = false;
  if (readerRemaining() > 0) {
    const status = decodeExtensions();
    if (status < 0) return status;
  }
  if (isStandard()) return Status.Ok;
  const needed = Seen.ConnectionId | Seen.ClientCertificateType;
  return (seen & needed) == needed ? Status.Ok : Status.HandshakeFailure;
}

function decodeExtensions(): i32 {
  const length = <i32>readU16();
  if (length != readerRemaining()) return Status.DecodeError;
  while (readerRemaining() > 0) {
    const type = readU16();
    const value = readVector16();
    const valueLength = readVectorLength();
    if (readerFailed()) return Status.DecodeError;
    const next = readerPosition();
    const left = readerRemaining();
    const status = decodeExtension(type, value, valueLength);
    if (status < 0) return status;
    readerOpen(next, left);
  }
  return readerFailed() ? Status.DecodeError : Status.Ok;
}

/** Note that the extension with this bit came. @returns Status.DecodeError the second time */
function once(bit: i32): i32 {
  if (seen & bit) return Status.DecodeError;
  seen |= bit;
  return Status.Ok;
}

function decodeExtension(type: u32, value: usize, length: i32): i32 {
  switch (type) {
    case Extension.ConnectionIdDraft05:
      return isStandard() ? Status.NotSupported : decodeCid(value, length);
    case Extension.ConnectionId:
      return isStandard() && asksForCid() ? decodeCid(value, length) : Status.NotSupported;
    case Extension.ClientCertificateType:
    case Extension.ServerCertificateType:
      return usesPsk() ? Status.NotSupported : decodeCertificateType(type, value, length);
    case Extension.ExtendedMasterSecret:
      if (!isStandard()) return Status.NotSupported;
      return length ? Status.DecodeError : once(Seen.ExtendedMasterSecret);
    case Extension.RenegotiationInfo:
      // RFC 5746 §3.4: empty in an initial handshake
      if (length != 1 || load<u8>(value) != 0) return Status.HandshakeFailure;
      return once(Seen.RenegotiationInfo);
    case Extension.EcPointFormats:
      return usesPsk() ? Status.NotSupported : decodePointFormats(value, length);
    default:
      return Status.NotSupported;
  }
}

/** RFC 9146 §3: a connection id towards the server, of any length up to ours. */
function decodeCid(value: usize, length: i32): i32 {
  if (length < 1 || <i32>load<u8>(value) != length - 1) return Status.DecodeError;
  cid = value + 1;
  cidLength = length - 1;
  const fits = isStandard() ? cidLength <= SESSION_CID_CAPACITY : cidLength == PARTICLE_CID_LENGTH;
  return fits ? once(Seen.ConnectionId) : Status.HandshakeFailure;
}

/** RFC 7250 §4.2: the type that the server chose of those offered. */
function decodeCertificateType(extension: u32, value: usize, length: i32): i32 {
  if (length != 1) return Status.DecodeError;
  const isRaw = load<u8>(value) == CERTIFICATE_TYPE_RAW_PUBLIC_KEY;
  if (extension == Extension.ClientCertificateType) {
    if (usesCertificate()) return Status.NotSupported;
    return isRaw ? once(Seen.ClientCertificateType) : Status.HandshakeFailure;
  }
  if (!isRaw && !(isStandard() && load<u8>(value) == CERTIFICATE_TYPE_X509)) {
    return Status.HandshakeFailure;
  }
  serverKeyIsRaw = isRaw;
  return once(Seen.ServerCertificateType);
}

/** RFC 8422 §5.1.2: a list without "uncompressed" is illegal. */
function decodePointFormats(value: usize, length: i32): i32 {
  readerOpen(value, length);
  const formats = readVector8();
  if (readerFailed() || readerRemaining() > 0) return Status.DecodeError;
  for (let i = 0; i < readVectorLength(); i++) {
    if (load<u8>(formats + i) == 0) return once(Seen.EcPointFormats);
  }
  return Status.IllegalParameter;
}
