// What this server can agree on with a client: the wire profile, the suite, and the extensions that go with them.
// RFC 5246 §7.4.1, RFC 5746 §3.6, RFC 7250 §4, RFC 7627 §5, RFC 9146 §3.

import { ByteReader, DecodeError } from "../bytes";
import type { ClientHello } from "./client-hello";
import {
  AlertDescription,
  CertificateType,
  DTLS_1_2,
  ECDHE_ECDSA_AES_128_CCM_8,
  ECDSA_SHA256,
  EMPTY_RENEGOTIATION_INFO_SCSV,
  ExtensionType,
  HandshakeError,
  PSK_AES_128_CCM_8,
  SECP256R1,
} from "./protocol";
import { DRAFT_05, RFC_9146 } from "./record";
import type { ConnectionIdVariant } from "./record";
import type { ResumableSession } from "./session-cache";

/**
 * `particle` is what Device OS speaks: connection ids of a draft, and no Certificate of the server.
 * `standard` is DTLS 1.2 by its RFCs.
 */
export type Profile = "particle" | "standard";

/** What the server has, beside its key. */
export interface Abilities {
  /** It knows pre-shared keys. */
  psk: boolean;
  /** It has an X.509 certificate. */
  x509: boolean;
}

/** What both sides will do. */
export interface Agreement {
  profile: Profile;
  suite: number;
  variant: ConnectionIdVariant;
  /** The id that the client wants in records to it, may be empty; undefined when it does not speak connection ids. */
  peerConnectionId: Buffer | undefined;
  /** By an abbreviated handshake, which has no certificates. */
  resumed: boolean;
  /** How the server shows its key; undefined when it does not. */
  serverCertificate: CertificateType | undefined;
  /** The client listed server_certificate_type, so the answer names the choice. */
  serverCertificateType: boolean;
  extendedMasterSecret: boolean;
  /** The client signalled secure renegotiation (RFC 5746 §3.6). */
  renegotiationInfo: boolean;
}

/** A client that offers the connection ids of Device OS gets the profile of Device OS. */
export function profileOf(hello: ClientHello): Profile {
  return hello.extensions.has(ExtensionType.DraftConnectionId) ? "particle" : "standard";
}

/**
 * Check an offer against what this server speaks.
 * @param session what the client's session id stands for, if the server knows it
 * @throws HandshakeError with the alert to send; DecodeError for a malformed extension
 */
export function negotiate(
  hello: ClientHello,
  abilities: Abilities,
  session?: ResumableSession,
): Agreement {
  if (hello.version !== DTLS_1_2) {
    const version = hello.version.toString(16);
    throw new HandshakeError(AlertDescription.ProtocolVersion, `client version ${version}`);
  }
  if (!hello.compressionMethods.includes(0)) refuse("null compression not offered");
  const renegotiation = hello.extensions.get(ExtensionType.RenegotiationInfo);
  if (renegotiation && !renegotiation.equals(Buffer.of(0)))
    refuse("renegotiation_info is not empty");
  const renegotiationInfo =
    renegotiation !== undefined || hello.cipherSuites.includes(EMPTY_RENEGOTIATION_INFO_SCSV);
  return profileOf(hello) === "particle"
    ? agreeParticle(hello, renegotiationInfo)
    : agreeStandard(hello, abilities, renegotiationInfo, session);
}

function agreeParticle(hello: ClientHello, renegotiationInfo: boolean): Agreement {
  if (!hello.cipherSuites.includes(ECDHE_ECDSA_AES_128_CCM_8))
    refuse("cipher suite c0ae not offered");
  checkCurveAndSignature(hello);
  const peerConnectionId = uint8List(hello, ExtensionType.DraftConnectionId) as Buffer;
  if (peerConnectionId.length > 0)
    refuse("client asks for records with a connection id of its own");
  requireRawClientKey(hello);
  const types = uint8List(hello, ExtensionType.ServerCertificateType);
  if (types && !types.includes(CertificateType.RawPublicKey))
    refuseCertificate("server_certificate_type RawPublicKey not offered");
  return {
    profile: "particle",
    suite: ECDHE_ECDSA_AES_128_CCM_8,
    variant: DRAFT_05,
    peerConnectionId,
    resumed: false,
    // The device has the server's key pinned and refuses the message.
    serverCertificate: undefined,
    serverCertificateType: types !== undefined,
    extendedMasterSecret: false,
    renegotiationInfo,
  };
}

function agreeStandard(
  hello: ClientHello,
  abilities: Abilities,
  renegotiationInfo: boolean,
  session: ResumableSession | undefined,
): Agreement {
  const extension = hello.extensions.get(ExtensionType.ExtendedMasterSecret);
  if (extension && extension.length > 0)
    throw new DecodeError("extended_master_secret with content");
  const extendedMasterSecret = extension !== undefined;
  // RFC 7627 §5.3. Every session in the cache has one; a session without could not be resumed at all.
  if (session && !extendedMasterSecret)
    refuse(`device ${session.deviceId} resumes without extended_master_secret`);
  const resumed = session !== undefined && hello.cipherSuites.includes(session.suite);
  const suite = resumed ? session.suite : chooseSuite(hello, abilities);
  const withCertificate = suite === ECDHE_ECDSA_AES_128_CCM_8 && !resumed;
  const types = uint8List(hello, ExtensionType.ServerCertificateType);
  return {
    profile: "standard",
    suite,
    variant: RFC_9146,
    peerConnectionId: uint8List(hello, ExtensionType.ConnectionId),
    resumed,
    serverCertificate: withCertificate ? serverCertificate(hello, abilities) : undefined,
    serverCertificateType: types !== undefined,
    extendedMasterSecret,
    renegotiationInfo,
  };
}

/** The first suite in the order of the client for which everything else is there. */
function chooseSuite(hello: ClientHello, abilities: Abilities): number {
  let why = new HandshakeError(AlertDescription.HandshakeFailure, "no common cipher suite");
  for (const suite of hello.cipherSuites) {
    if (suite === PSK_AES_128_CCM_8 && abilities.psk) return suite;
    if (suite !== ECDHE_ECDSA_AES_128_CCM_8) continue;
    try {
      checkCurveAndSignature(hello);
      requireRawClientKey(hello);
      serverCertificate(hello, abilities);
      return suite;
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      why = error;
    }
  }
  throw why;
}

function checkCurveAndSignature(hello: ClientHello): void {
  const groups = uint16List(hello, ExtensionType.SupportedGroups);
  if (groups && !groups.includes(SECP256R1)) refuse("secp256r1 not offered");
  const formats = uint8List(hello, ExtensionType.EcPointFormats);
  if (formats && !formats.includes(0)) refuse("uncompressed points not offered");
  // Without the extension a TLS 1.2 client means SHA-1 (RFC 5246 §7.4.1.4.1), which is not spoken here.
  const signatures = uint16List(hello, ExtensionType.SignatureAlgorithms);
  if (!signatures?.includes(ECDSA_SHA256)) refuse("ECDSA with SHA-256 not offered");
}

function requireRawClientKey(hello: ClientHello): void {
  const types = uint8List(hello, ExtensionType.ClientCertificateType);
  if (!types?.includes(CertificateType.RawPublicKey))
    refuseCertificate("client_certificate_type RawPublicKey not offered");
}

/** A raw key wherever the client takes one. Without the extension it means X.509 (RFC 7250 §4.1). */
function serverCertificate(hello: ClientHello, abilities: Abilities): CertificateType {
  const types = uint8List(hello, ExtensionType.ServerCertificateType) ?? [CertificateType.X509];
  if (types.includes(CertificateType.RawPublicKey)) return CertificateType.RawPublicKey;
  if (!types.includes(CertificateType.X509) || !abilities.x509)
    refuseCertificate("server_certificate_type RawPublicKey not offered");
  return CertificateType.X509;
}

function refuse(why: string): never {
  throw new HandshakeError(AlertDescription.HandshakeFailure, why);
}

function refuseCertificate(why: string): never {
  throw new HandshakeError(AlertDescription.UnsupportedCertificate, why);
}

function uint8List(hello: ClientHello, type: ExtensionType): Buffer | undefined {
  const body = hello.extensions.get(type);
  if (!body) return undefined;
  const reader = new ByteReader(body);
  const list = reader.vector(1);
  reader.end();
  return list;
}

function uint16List(hello: ClientHello, type: ExtensionType): number[] | undefined {
  const body = hello.extensions.get(type);
  if (!body) return undefined;
  const reader = new ByteReader(body);
  const list = new ByteReader(reader.vector(2));
  reader.end();
  const values: number[] = [];
  while (list.remaining > 0) values.push(list.uint(2));
  return values;
}
