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

  // assembly/queue: -90...
  /** Not sent within its time to live. */
  Expired = -90,
  /** A later publish of the same name took its place. */
  Replaced = -91,
  /** It made room for a later publish, as the policy for a full queue says. */
  Dropped = -92,
  /** More publishes than the pacing allows, and the caller asked not to queue. */
  RateLimited = -93,
  /** The budget of the period leaves nothing for it. */
  OverBudget = -94,

  // assembly/update: -140... a file that was not taken
  /** Updates are switched off. */
  UpdateDisabled = -140,
  /** The file is larger than the area that it is for. */
  UpdateTooLarge = -141,
  /** Not an image: no manifest, or what it describes is not there. */
  UpdateMalformed = -142,
  /** The manifest is not signed with a key that the device pins. */
  UpdateSignature = -143,
  /** The manifest is for other boards. */
  UpdateWrongBoard = -144,
  /** Not newer than what runs, and not signed as forced. */
  UpdateNotNewer = -145,
  /** The application needs a later core. */
  UpdateCoreTooOld = -146,
  /** The module imports what its manifest does not grant, or what does not exist. */
  UpdateImports = -147,
  /** A loop or a function of the module does not ask for fuel. */
  UpdateUnmetered = -148,
  /** The file, or its body, does not have the hash that was announced. */
  UpdateHash = -149,
  /** The sender finished before all was there. */
  UpdateTruncated = -150,
  /** The image area failed. */
  UpdateStorage = -151,
  /** The application that runs is on probation. */
  UpdateBusy = -152,
  /** No chunk came for 300 s. */
  UpdateTimeout = -153,
  /** The server cancelled. */
  UpdateCancelled = -154,
  /** The device pins no update key. */
  UpdateNoKeys = -155,
  /** A command that is not newer than the last one obeyed. */
  UpdateReplayed = -156,

  // assembly/update: -160... an application that was stopped
  /** It trapped, or gave an import memory that is not its own. */
  ApplicationTrap = -160,
  /** It ran out of steps or time in one call. */
  ApplicationTime = -161,
  /** It published without end. */
  ApplicationFlood = -162,
  /** It could not be loaded. */
  ApplicationInvalid = -163,
  /** It did not prove itself during its probation. */
  ApplicationUnhealthy = -164,
  /** A signed command has switched it off. */
  ApplicationDisabled = -165,
}
