// ClientHello of the `particle` profile (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1): one suite, one group,
// one signature algorithm, raw public keys both ways, an empty connection id of our own. 85 bytes
// without cookie; it crosses the air twice when the server asks for one, so nothing idle is in it.

import { writeBytes, writeU16, writeU8, writerLength, writerOpen } from "../util/writer";
import {
  CERTIFICATE_TYPE_RAW_PUBLIC_KEY,
  Extension,
  GROUP_SECP256R1,
  RANDOM_SIZE,
  SCSV_RENEGOTIATION,
  SIGNATURE_ECDSA_SHA256,
  SUITE_ECDHE_ECDSA_AES_128_CCM_8,
  VERSION_DTLS_1_2,
} from "./protocol";

/** Bytes of the extensions below, without their own length field. */
const EXTENSIONS_LENGTH: i32 = 8 + 8 + 6 + 5 + 6 + 6;

/**
 * Encode the body of a ClientHello.
 * @param output [out] at least 85 + `cookieLength` bytes
 * @param random [in] client random, 32 bytes
 * @param cookie [in] `cookieLength` bytes, 0...255
 * @returns body bytes; Status.NoSpace
 */
export function encodeClientHello(
  output: usize,
  capacity: i32,
  random: usize,
  cookie: usize,
  cookieLength: i32,
): i32 {
  writerOpen(output, capacity);
  writeU16(VERSION_DTLS_1_2);
  writeBytes(random, RANDOM_SIZE);
  writeU8(0); // session_id
  writeU8(cookieLength);
  writeBytes(cookie, cookieLength);
  writeU16(4);
  writeU16(SUITE_ECDHE_ECDSA_AES_128_CCM_8);
  writeU16(SCSV_RENEGOTIATION);
  writeU8(1);
  writeU8(0); // null compression
  writeU16(EXTENSIONS_LENGTH);
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
  // draft-ietf-tls-dtls-connection-id-05 §3: we ask for no connection id towards us
  writeU16(Extension.ConnectionIdDraft05);
  writeU16(1);
  writeU8(0);
  // RFC 7250 §4.1
  writeU16(Extension.ClientCertificateType);
  writeU16(2);
  writeU8(1);
  writeU8(CERTIFICATE_TYPE_RAW_PUBLIC_KEY);
  writeU16(Extension.ServerCertificateType);
  writeU16(2);
  writeU8(1);
  writeU8(CERTIFICATE_TYPE_RAW_PUBLIC_KEY);
  return writerLength();
}
