// Status codes that fallible calls of the core return: 0 or a positive number is a value, a
// negative number one of these. Each layer has a range of its own, so that a code in a log names
// the layer that refused.

/** Outcome of a call; negative members only. Host code reads the same numbers. */
export const enum Status {
  Ok = 0,

  // Any layer
  /** An argument is outside the range that the docstring gives. */
  InvalidArgument = -1,
  /** The call is not allowed in the present state. */
  InvalidState = -2,
  /** A fixed table or buffer is full; nothing was changed. */
  NoSpace = -3,
  /** Longer than the limit for this field; nothing was truncated or sent. */
  TooLong = -4,
  /** No entry of that name or number. */
  NotFound = -5,
  /** The host does not offer this. */
  NotSupported = -6,
  /** The host's storage or random source failed. */
  HostFailure = -7,
  /** Offline, and the caller asked not to queue. */
  Offline = -8,

  // assembly/crypto: -20...
  /** The random source returned too little or failed. */
  RandomFailure = -20,
  /** Not a point on P-256, or the point at infinity. */
  InvalidPublicKey = -21,
  /** Zero, or not below the group order. */
  InvalidPrivateKey = -22,
  /** r or s out of range, or the signature does not verify. */
  InvalidSignature = -23,
  /** AEAD tag mismatch. */
  BadTag = -24,
  /** Not the DER structure that is expected here. */
  MalformedDer = -25,
  /** The padding of a decrypted block is not what it must be. */
  BadPadding = -26,
  /** The key in storage is one for the other transport: P-256 for UDP, RSA for TCP. */
  WrongKeyType = -27,

  // assembly/dtls: -40...
  /** A datagram or record that RFC 6347 says to discard silently. */
  Discarded = -40,
  /** Handshake or record content with a field out of its bounds. */
  DecodeError = -41,
  /** A message that is not allowed in this state. */
  UnexpectedMessage = -42,
  /** The server chose what was not offered. */
  IllegalParameter = -43,
  /** The server's signature or Finished does not verify against the pinned key. */
  AuthenticationFailed = -44,
  /** The handshake was not completed within its time. */
  HandshakeTimeout = -45,
  /** The server sent a fatal alert. */
  AlertReceived = -46,
  /** The server ended the connection (close_notify). */
  PeerClosed = -47,
  /** No record numbers are left in the epoch. */
  SequenceExhausted = -48,
  /** No stored session, or one that fits other keys. */
  NoSession = -49,
  /** The server does not offer a feature that the profile needs (suite, key type, CID). */
  HandshakeFailure = -50,
  /** The server proved that it has lost the session (reset token). */
  SessionLost = -51,

  // assembly/coap: -60...
  /** Not a well-formed CoAP message. */
  MalformedMessage = -60,
  /** No ACK after MAX_RETRANSMIT retransmissions. */
  MessageTimeout = -61,
  /** The peer answered RST. */
  MessageReset = -62,
  /** The peer answered 4.xx. */
  ClientError = -63,
  /** The peer answered 5.xx. */
  ServerError = -64,
  /** The connection closed before the answer came. */
  Aborted = -65,

  // assembly/rsa-aes: -70...
  /** The session block was encrypted for another key, or changed on its way. */
  DecryptionFailed = -70,
  /** The server's nonce did not come in time. */
  NonceTimeout = -71,
  /** The server's session message did not come in time. */
  SessionTimeout = -72,
  /** The rest of a frame did not come in time. */
  FrameTimeout = -73,
  /** A frame longer than the protocol has them. */
  FrameTooLong = -74,
  /** A frame of no bytes, or not of whole blocks, or without a message. */
  FrameMalformed = -75,

  // assembly/cloud: -80...
  /** A name that belongs to the system ("particle", "spark"). */
  ReservedName = -80,
  /** This name is registered already. */
  AlreadyRegistered = -81,
}
