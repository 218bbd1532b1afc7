// Numbers of DTLS 1.2 on the wire. Sources are named at each group.

/** Record content types: RFC 5246 §6.2.1, draft-ietf-tls-dtls-connection-id-05 §4, Particle's 253. */
export const enum ContentType {
  ChangeCipherSpec = 20,
  Alert = 21,
  Handshake = 22,
  ApplicationData = 23,
  /** A record with a connection id; the true type is inside. */
  ConnectionId = 25,
  /** The same, from a device that may have moved (Particle protocol): the AAD still says 25. */
  MovedConnectionId = 253,
}

/** Handshake types: RFC 5246 §7.4, RFC 6347 §4.3.2. */
export const enum HandshakeType {
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

/** Extension numbers: IANA TLS ExtensionType values; 254 is the draft-05 number of Particle. */
export const enum Extension {
  SupportedGroups = 10,
  EcPointFormats = 11,
  SignatureAlgorithms = 13,
  ClientCertificateType = 19,
  ServerCertificateType = 20,
  ExtendedMasterSecret = 23,
  /** RFC 9146 §3 */
  ConnectionId = 54,
  ConnectionIdDraft05 = 254,
  RenegotiationInfo = 0xff01,
}

/** Alert descriptions: RFC 5246 §7.2, RFC 7250 §4.2. */
export const enum Alert {
  CloseNotify = 0,
  UnexpectedMessage = 10,
  HandshakeFailure = 40,
  BadCertificate = 42,
  IllegalParameter = 47,
  DecodeError = 50,
  DecryptError = 51,
  ProtocolVersion = 70,
  InternalError = 80,
  UnsupportedExtension = 110,
}

export const enum AlertLevel {
  Warning = 1,
  Fatal = 2,
}

/** DTLS 1.2 as it stands in records and hellos (RFC 6347 §4.1). */
export const VERSION_DTLS_1_2: u32 = 0xfefd;
/** TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 (RFC 7251). */
export const SUITE_ECDHE_ECDSA_AES_128_CCM_8: u32 = 0xc0ae;
/** TLS_PSK_WITH_AES_128_CCM_8 (RFC 6655). */
export const SUITE_PSK_AES_128_CCM_8: u32 = 0xc0a8;
/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 §3.3). */
export const SCSV_RENEGOTIATION: u32 = 0x00ff;
/** secp256r1 (RFC 8422 §5.1.1). */
export const GROUP_SECP256R1: u32 = 23;
/** ecdsa with SHA-256: SignatureAndHashAlgorithm 4, 3 (RFC 5246 §7.4.1.4.1). */
export const SIGNATURE_ECDSA_SHA256: u32 = 0x0403;
/** CertificateType X.509 (RFC 7250 §3). */
export const CERTIFICATE_TYPE_X509: u32 = 0;
/** CertificateType RawPublicKey (RFC 7250 §3). */
export const CERTIFICATE_TYPE_RAW_PUBLIC_KEY: u32 = 2;

/** Record header without a connection id, bytes (RFC 6347 §4.1). */
export const RECORD_HEADER: i32 = 13;
/** Explicit nonce of an AES-CCM record (RFC 6655 §3). */
export const EXPLICIT_NONCE: i32 = 8;
/** Tag of AES-128-CCM-8. */
export const TAG: i32 = 8;
/** Handshake message header, bytes (RFC 6347 §4.2.2). */
export const HANDSHAKE_HEADER: i32 = 12;
export const RANDOM_SIZE: i32 = 32;
export const VERIFY_DATA_SIZE: i32 = 12;
export const MASTER_SECRET_SIZE: i32 = 48;
