// ClientHello (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1): one suite, one group, one signature algorithm, an
// empty connection id of our own. It crosses the air twice when the server asks for a cookie, so
// nothing idle is in it: 85 bytes in the `particle` profile, 55 with a pre-shared key.

import { storeU16 } from "../util/bytes";
import {
  writeBytes,
  writeSpace,
  writeU16,
  writeU8,
  writerLength,
  writerOpen,
  writerPosition,
} from "../util/writer";
import { asksForCid, isStandard, usesCertificate, usesPsk } from "./profile";
import {
  CERTIFICATE_TYPE_RAW_PUBLIC_KEY,
  CERTIFICATE_TYPE_X509,
  Extension,
  GROUP_SECP256R1,
  RANDOM_SIZE,
  SCSV_RENEGOTIATION,
  SIGNATURE_ECDSA_SHA256,
  SUITE_ECDHE_ECDSA_AES_128_CCM_8,
  SUITE_PSK_AES_128_CCM_8,
  VERSION_DTLS_1_2,
} from "./protocol";

/**
 * Encode the body of a ClientHello.
 * @param output [out] at least 97 + `sessionIdLength` + `cookieLength` bytes
 * @param random [in] client random, 32 bytes
 * @param sessionId [in] session to resume (RFC 5246 §7.4.1.2), `sessionIdLength` bytes, 0...32
 * @param cookie [in] `cookieLength` bytes, 0...255
 * @returns body bytes; Status.NoSpace
 */
export function encodeClientHello(
  output: usize,
  capacity: i32,
  random: usize,
  sessionId: usize,
  sessionIdLength: i32,
  cookie: usize,
  cookieLength: i32,
): i32 {
  writerOpen(output, capacity);
  writeU16(VERSION_DTLS_1_2);
  writeBytes(random, RANDOM_SIZE);
  writeU8(sessionIdLength);
  writeBytes(sessionId, sessionIdLength);
  writeU8(cookieLength);
  writeBytes(cookie, cookieLength);
  writeU16(4);
  writeU16(usesPsk() ? SUITE_PSK_AES_128_CCM_8 : SUITE_ECDHE_ECDSA_AES_128_CCM_8);
  writeU16(SCSV_RENEGOTIATION);
  writeU8(1);
  writeU8(0); // null compression
  const extensionsLength = writeSpace(2);
  if (!usesPsk()) encodeEcdheExtensions();
  if (asksForCid()) {
    // RFC 9146 §3, draft-05 §3: we ask for no connection id towards us
    writeU16(isStandard() ? Extension.ConnectionId : Extension.ConnectionIdDraft05);
    writeU16(1);
    writeU8(0);
  }
  if (!usesPsk()) encodeCertificateTypes();
  if (isStandard()) {
    writeU16(Extension.ExtendedMasterSecret); // RFC 7627 §5.1
    writeU16(0);
  }
  if (extensionsLength) {
    storeU16(extensionsLength, <u32>(writerPosition() - extensionsLength - 2));
  }
  return writerLength();
}

function encodeEcdheExtensions(): void {
  // RFC 5246 §7.4.1.4.1
  writeU16(Extension.SignatureAlgorithms);
  writeU16(4);
  writeU16(2);
  writeU16(SIGNATURE_ECDSA_SHA256);
  // RFC 8422 §5.1.1
  writeU16(Extension.SupportedGroups);
  writeU16(4);
  writeU16(2);
  writeU16(GROUP_SECP256R1);
  // RFC 8422 §5.1.2: uncompressed
  writeU16(Extension.EcPointFormats);
  writeU16(2);
  writeU8(1);
  writeU8(0);
}

/** RFC 7250 §4.1: our raw key; the server's raw key, or in `standard` a certificate that has it. */
function encodeCertificateTypes(): void {
  if (!usesCertificate()) {
    writeU16(Extension.ClientCertificateType);
    writeU16(2);
    writeU8(1);
    writeU8(CERTIFICATE_TYPE_RAW_PUBLIC_KEY);
  }
  writeU16(Extension.ServerCertificateType);
  writeU16(isStandard() ? 3 : 2);
  writeU8(isStandard() ? 2 : 1);
  writeU8(CERTIFICATE_TYPE_RAW_PUBLIC_KEY);
  if (isStandard()) writeU8(CERTIFICATE_TYPE_X509);
}
