// The numbers of DTLS 1.2 that the cloud uses, with the names of RFC 5246, RFC 6347, RFC 7250 and RFC 9146.

/** `fe ff`: DTLS 1.0, which is not spoken here (RFC 6347 §4.1). */
export const DTLS_1_0 = 0xfeff;

/** `fe fd`: DTLS 1.2 (RFC 6347 §4.1). */
export const DTLS_1_2 = 0xfefd;

/** TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 (RFC 7251 §2). */
export const ECDHE_ECDSA_AES_128_CCM_8 = 0xc0ae;

/** TLS_PSK_WITH_AES_128_CCM_8 (RFC 6655 §4). Same record protection, same PRF. */
export const PSK_AES_128_CCM_8 = 0xc0a8;

/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 §3.3). */
export const EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff;

/** secp256r1 (RFC 8422 §5.1.1). */
export const SECP256R1 = 0x0017;

/** SignatureAndHashAlgorithm {sha256, ecdsa} (RFC 5246 §7.4.1.4.1). */
export const ECDSA_SHA256 = 0x0403;

/** Certificate types (RFC 7250 §3). */
export enum CertificateType {
  X509 = 0,
  RawPublicKey = 2,
}

/** Bytes of verify_data (RFC 5246 §7.4.9). */
export const VERIFY_DATA_LENGTH = 12;

/** Content types of records (RFC 5246 §6.2.1, RFC 9146 §4). */
export enum ContentType {
  ChangeCipherSpec = 20,
  Alert = 21,
  Handshake = 22,
  ApplicationData = 23,
  ConnectionId = 25,
  /** Not a DTLS record: a reachability probe of Device OS, answered by an echo. */
  ReachabilityProbe = 252,
  /** A connection-id record whose sender may have a new address; authenticated as type 25. */
  MovedConnectionId = 253,
}

/** Handshake message types (RFC 5246 §7.4, RFC 6347 §4.3.2). */
export enum HandshakeType {
  HelloRequest = 0,
  ClientHello = 1,
  ServerHello = 2,
  HelloVerifyRequest = 3,
  Certificate = 11,
  ServerKeyExchange = 12,
  CertificateRequest = 13,
  ServerHelloDone = 14,
  CertificateVerify = 15,
  ClientKeyExchange = 16,
  Finished = 20,
}

/** Extension numbers. */
export enum ExtensionType {
  SupportedGroups = 10,
  EcPointFormats = 11,
  SignatureAlgorithms = 13,
  ClientCertificateType = 19,
  ServerCertificateType = 20,
  /** extended_master_secret of RFC 7627. */
  ExtendedMasterSecret = 23,
  /** connection_id of RFC 9146. */
  ConnectionId = 54,
  /** connection_id of draft-ietf-tls-dtls-connection-id-05, as Device OS speaks it. */
  DraftConnectionId = 254,
  RenegotiationInfo = 0xff01,
}

export enum AlertLevel {
  Warning = 1,
  Fatal = 2,
}

/** Alert descriptions (RFC 5246 §7.2). */
export enum AlertDescription {
  CloseNotify = 0,
  UnexpectedMessage = 10,
  BadRecordMac = 20,
  HandshakeFailure = 40,
  BadCertificate = 42,
  UnsupportedCertificate = 43,
  IllegalParameter = 47,
  AccessDenied = 49,
  DecodeError = 50,
  DecryptError = 51,
  ProtocolVersion = 70,
  InternalError = 80,
}

/** A reason to end a handshake with a fatal alert. */
export class HandshakeError extends Error {
  override name = "HandshakeError";
  constructor(
    readonly description: AlertDescription,
    message: string,
  ) {
    super(message);
  }
}
