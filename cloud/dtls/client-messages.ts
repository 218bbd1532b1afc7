// The handshake messages of a client's second flight, bodies only (RFC 5246 §7.4.7-7.4.9, RFC 7250 §3, RFC 8422 §5.7-5.8).

import { ByteReader } from "../bytes";
import { AlertDescription, ECDSA_SHA256, HandshakeError, VERIFY_DATA_LENGTH } from "./protocol";

/** Certificate with a raw public key: SubjectPublicKeyInfo <1..2^24-1>, and no list around it. @throws DecodeError */
export function decodeRawPublicKeyCertificate(body: Uint8Array): Buffer {
  const reader = new ByteReader(body);
  const publicKey = reader.vector(3);
  reader.end();
  if (publicKey.length === 0) {
    throw new HandshakeError(
      AlertDescription.HandshakeFailure,
      "the client has no public key to show",
    );
  }
  return publicKey;
}

/** ClientKeyExchange: point <1..255>, uncompressed: 04 | x 32 | y 32. @throws DecodeError */
export function decodeClientKeyExchange(body: Uint8Array): Buffer {
  const reader = new ByteReader(body);
  const point = reader.vector(1);
  reader.end();
  return point;
}

/** ClientKeyExchange of a PSK suite: identity <0..2^16-1> (RFC 4279 §2). @throws DecodeError */
export function decodePskIdentity(body: Uint8Array): Buffer {
  const reader = new ByteReader(body);
  const identity = reader.vector(2);
  reader.end();
  return identity;
}

/** CertificateVerify: algorithm 2 | DER signature <0..2^16-1>. @throws DecodeError, HandshakeError(illegal_parameter) */
export function decodeCertificateVerify(body: Uint8Array): Buffer {
  const reader = new ByteReader(body);
  const algorithm = reader.uint(2);
  const signature = reader.vector(2);
  reader.end();
  if (algorithm !== ECDSA_SHA256) {
    throw new HandshakeError(
      AlertDescription.IllegalParameter,
      `signature algorithm ${algorithm.toString(16)}`,
    );
  }
  return signature;
}

/** Finished: verify_data, 12 bytes. @throws DecodeError */
export function decodeFinished(body: Uint8Array): Buffer {
  const reader = new ByteReader(body);
  const verifyData = reader.take(VERIFY_DATA_LENGTH);
  reader.end();
  return verifyData;
}
