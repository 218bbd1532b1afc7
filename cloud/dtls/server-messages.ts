// The handshake messages that the server sends, bodies only (RFC 5246 §7.4, RFC 8422 §5.4, RFC 6347 §4.2.1).

import { uint, vector } from "../bytes";
import {
  DTLS_1_2,
  CertificateType,
  ECDHE_ECDSA_AES_128_CCM_8,
  ECDSA_SHA256,
  ExtensionType,
  SECP256R1,
} from "./protocol";
import type { Agreement } from "./negotiation";

/**
 * HelloVerifyRequest: version 2 | cookie <0..255>.
 * DEVIATION(RFC 6347 §4.2.1): the version is DTLS 1.2 and not the recommended 1.0; devices in the field were only ever
 * seen against this value, and clients have to ignore it.
 */
export function encodeHelloVerifyRequest(cookie: Uint8Array): Buffer {
  return Buffer.concat([uint(DTLS_1_2, 2), vector(1, cookie)]);
}

/** What a ServerHello says beside the agreement. */
export interface ServerHelloFields {
  /** 32 bytes. */
  random: Uint8Array;
  /** Empty when the session cannot be resumed by it; always in the Particle profile. */
  sessionId: Uint8Array;
  /** The id that the client must put into its records; Device OS accepts exactly 8 bytes. */
  connectionId: Uint8Array;
}

/**
 * ServerHello: version 2 | random 32 | session id <0..32> | suite 2 | compression 1 | extensions <0..2^16-1>.
 * Without an extension their list is left out, length and all (RFC 5246 §7.4.1.3).
 */
export function encodeServerHello(agreement: Agreement, fields: ServerHelloFields): Buffer {
  const extensions: Buffer[] = [];
  const add = (type: ExtensionType, body: Uint8Array): number =>
    extensions.push(uint(type, 2), vector(2, body));
  if (agreement.renegotiationInfo) add(ExtensionType.RenegotiationInfo, Buffer.of(0));
  if (agreement.extendedMasterSecret) add(ExtensionType.ExtendedMasterSecret, Buffer.alloc(0));
  if (agreement.peerConnectionId) add(agreement.variant.extension, vector(1, fields.connectionId));
  if (agreement.suite === ECDHE_ECDSA_AES_128_CCM_8 && !agreement.resumed) {
    add(ExtensionType.ClientCertificateType, Buffer.of(CertificateType.RawPublicKey));
    if (agreement.serverCertificateType) {
      const type = agreement.serverCertificate ?? CertificateType.RawPublicKey;
      add(ExtensionType.ServerCertificateType, Buffer.of(type));
    }
  }
  return Buffer.concat([
    uint(DTLS_1_2, 2),
    fields.random,
    vector(1, fields.sessionId),
    uint(agreement.suite, 2),
    uint(0, 1),
    extensions.length > 0 ? vector(2, ...extensions) : Buffer.alloc(0),
  ]);
}

/** Certificate with a raw public key: SubjectPublicKeyInfo <1..2^24-1> (RFC 7250 §3). */
export function encodeRawPublicKeyCertificate(spki: Uint8Array): Buffer {
  return vector(3, spki);
}

/** Certificate with X.509: a list <0..2^24-1> of certificates <1..2^24-1>, the server's first (RFC 5246 §7.4.2). */
export function encodeX509Certificate(chain: Uint8Array[]): Buffer {
  return vector(3, ...chain.map((certificate) => vector(3, certificate)));
}

/** ServerECDHParams: named_curve 3 | secp256r1 2 | point <1..255>. 69 bytes (RFC 8422 §5.4). */
export function encodeEcdhParameters(publicPoint: Uint8Array): Buffer {
  return Buffer.concat([uint(3, 1), uint(SECP256R1, 2), vector(1, publicPoint)]);
}

/** ServerKeyExchange: params 69 | algorithm 2 | signature <0..2^16-1> over client random + server random + params. */
export function encodeServerKeyExchange(parameters: Uint8Array, signature: Uint8Array): Buffer {
  return Buffer.concat([parameters, uint(ECDSA_SHA256, 2), vector(2, signature)]);
}

/** CertificateRequest: types {ecdsa_sign} | {ECDSA with SHA-256} | no authorities. 8 bytes (RFC 5246 §7.4.4). */
export function encodeCertificateRequest(): Buffer {
  const ecdsaSign = 64;
  return Buffer.concat([
    vector(1, Buffer.of(ecdsaSign)),
    vector(2, uint(ECDSA_SHA256, 2)),
    vector(2),
  ]);
}
