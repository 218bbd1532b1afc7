// The handshake messages that the server sends, bodies only (RFC 5246 §7.4, RFC 8422 §5.4, RFC 6347 §4.2.1).
// There is no Certificate encoder: the device has the server's public key pinned and refuses that message.

import { uint, vector } from "../bytes";
import {
  DTLS_1_2,
  ECDHE_ECDSA_AES_128_CCM_8,
  ECDSA_SHA256,
  ExtensionType,
  RAW_PUBLIC_KEY,
  SECP256R1,
} from "./protocol";
import type { Agreement } from "./client-hello";
import type { ConnectionIdVariant } from "./record";

/**
 * HelloVerifyRequest: version 2 | cookie <0..255>.
 * DEVIATION(RFC 6347 §4.2.1): the version is DTLS 1.2 and not the recommended 1.0; devices in the field were only ever
 * seen against this value, and clients have to ignore it.
 */
export function encodeHelloVerifyRequest(cookie: Uint8Array): Buffer {
  return Buffer.concat([uint(DTLS_1_2, 2), vector(1, cookie)]);
}

/**
 * ServerHello: version 2 | random 32 | session id <0..32> | suite 2 | compression 1 | extensions <0..2^16-1>.
 * The session id is empty: sessions resume by connection id, without a handshake.
 * @param connectionId the id that the client must put into its records; devices accept exactly 8 bytes
 */
export function encodeServerHello(
  random: Uint8Array,
  connectionId: Uint8Array,
  variant: ConnectionIdVariant,
  agreement: Agreement,
): Buffer {
  const extensions: Buffer[] = [];
  if (agreement.renegotiationInfo)
    extensions.push(extension(ExtensionType.RenegotiationInfo, Buffer.of(0)));
  extensions.push(extension(variant.extension, vector(1, connectionId)));
  extensions.push(extension(ExtensionType.ClientCertificateType, Buffer.of(RAW_PUBLIC_KEY)));
  if (agreement.serverCertificateType) {
    extensions.push(extension(ExtensionType.ServerCertificateType, Buffer.of(RAW_PUBLIC_KEY)));
  }
  return Buffer.concat([
    uint(DTLS_1_2, 2),
    random,
    vector(1),
    uint(ECDHE_ECDSA_AES_128_CCM_8, 2),
    uint(0, 1),
    vector(2, ...extensions),
  ]);
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

function extension(type: ExtensionType, body: Uint8Array): Buffer {
  return Buffer.concat([uint(type, 2), vector(2, body)]);
}
