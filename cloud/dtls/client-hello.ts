// ClientHello: parsing, and what this server can agree on (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1, RFC 7250 §4, RFC 9146 §3).

import { ByteReader, DecodeError, uint, vector } from "../bytes";
import {
  AlertDescription,
  DTLS_1_2,
  ECDHE_ECDSA_AES_128_CCM_8,
  ECDSA_SHA256,
  EMPTY_RENEGOTIATION_INFO_SCSV,
  ExtensionType,
  HandshakeError,
  RAW_PUBLIC_KEY,
  SECP256R1,
} from "./protocol";
import type { ConnectionIdVariant } from "./record";

export interface ClientHello {
  version: number;
  /** 32 bytes. */
  random: Buffer;
  sessionId: Buffer;
  cookie: Buffer;
  cipherSuites: number[];
  compressionMethods: Buffer;
  extensions: Map<number, Buffer>;
  /** The fields that RFC 6347 §4.2.1 requires to stay the same after a HelloVerifyRequest; a cookie covers them. */
  parameters: Buffer;
}

/** Decode the body of a ClientHello. @throws DecodeError */
export function decodeClientHello(body: Uint8Array): ClientHello {
  const reader = new ByteReader(body);
  const version = reader.uint(2);
  const random = reader.take(32);
  const sessionId = reader.vector(1);
  const cookie = reader.vector(1);
  const suites = reader.vector(2);
  const compressionMethods = reader.vector(1);
  if (sessionId.length > 32) throw new DecodeError("session id above 32 bytes");
  if (suites.length === 0 || suites.length % 2 !== 0)
    throw new DecodeError("bad cipher suite list");
  const extensions = new Map<number, Buffer>();
  if (reader.remaining > 0) {
    const list = new ByteReader(reader.vector(2));
    reader.end();
    while (list.remaining > 0) {
      const type = list.uint(2);
      if (extensions.has(type)) throw new DecodeError(`extension ${type} twice`);
      extensions.set(type, list.vector(2));
    }
  }
  const cipherSuites: number[] = [];
  for (let i = 0; i < suites.length; i += 2) cipherSuites.push(suites.readUInt16BE(i));
  const parameters = Buffer.concat([
    uint(version, 2),
    random,
    vector(1, sessionId),
    vector(2, suites),
    vector(1, compressionMethods),
  ]);
  return {
    version,
    random,
    sessionId,
    cookie,
    cipherSuites,
    compressionMethods,
    extensions,
    parameters,
  };
}

/** What the ServerHello may say, given the offer. */
export interface Agreement {
  /** The client listed server_certificate_type, so the answer names the choice. */
  serverCertificateType: boolean;
  /** The client signalled secure renegotiation (RFC 5746 §3.6). */
  renegotiationInfo: boolean;
}

/**
 * Check an offer against what this server speaks.
 * @throws HandshakeError with the alert to send; DecodeError for a malformed extension
 */
export function agree(hello: ClientHello, variant: ConnectionIdVariant): Agreement {
  const refuse = (why: string): never => {
    throw new HandshakeError(AlertDescription.HandshakeFailure, why);
  };
  if (hello.version !== DTLS_1_2) {
    throw new HandshakeError(
      AlertDescription.ProtocolVersion,
      `client version ${hello.version.toString(16)}`,
    );
  }
  if (!hello.cipherSuites.includes(ECDHE_ECDSA_AES_128_CCM_8))
    refuse("cipher suite c0ae not offered");
  if (!hello.compressionMethods.includes(0)) refuse("null compression not offered");
  const groups = hello.extensions.get(ExtensionType.SupportedGroups);
  if (groups && !uint16List(groups).includes(SECP256R1)) refuse("secp256r1 not offered");
  const formats = hello.extensions.get(ExtensionType.EcPointFormats);
  if (formats && !uint8List(formats).includes(0)) refuse("uncompressed points not offered");
  // Without the extension a TLS 1.2 client means SHA-1 (RFC 5246 §7.4.1.4.1), which is not spoken here.
  const signatures = hello.extensions.get(ExtensionType.SignatureAlgorithms);
  if (!signatures || !uint16List(signatures).includes(ECDSA_SHA256))
    refuse("ECDSA with SHA-256 not offered");
  const connectionId = hello.extensions.get(variant.extension);
  if (!connectionId) return refuse(`connection_id (extension ${variant.extension}) not offered`);
  if (uint8List(connectionId).length > 0)
    refuse("client asks for records with a connection id of its own");
  const clientTypes = hello.extensions.get(ExtensionType.ClientCertificateType);
  if (!clientTypes || !uint8List(clientTypes).includes(RAW_PUBLIC_KEY)) {
    throw new HandshakeError(
      AlertDescription.UnsupportedCertificate,
      "client_certificate_type RawPublicKey not offered",
    );
  }
  const serverTypes = hello.extensions.get(ExtensionType.ServerCertificateType);
  if (serverTypes && !uint8List(serverTypes).includes(RAW_PUBLIC_KEY)) {
    throw new HandshakeError(
      AlertDescription.UnsupportedCertificate,
      "server_certificate_type RawPublicKey not offered",
    );
  }
  const renegotiation = hello.extensions.get(ExtensionType.RenegotiationInfo);
  if (renegotiation && !renegotiation.equals(Buffer.of(0)))
    refuse("renegotiation_info is not empty");
  return {
    serverCertificateType: serverTypes !== undefined,
    renegotiationInfo:
      renegotiation !== undefined || hello.cipherSuites.includes(EMPTY_RENEGOTIATION_INFO_SCSV),
  };
}

function uint8List(body: Buffer): number[] {
  const reader = new ByteReader(body);
  const list = reader.vector(1);
  reader.end();
  return [...list];
}

function uint16List(body: Buffer): number[] {
  const reader = new ByteReader(body);
  const list = new ByteReader(reader.vector(2));
  reader.end();
  const values: number[] = [];
  while (list.remaining > 0) values.push(list.uint(2));
  return values;
}
