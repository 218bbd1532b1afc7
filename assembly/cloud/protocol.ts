// Numbers of the Particle device protocol over UDP, as a Device OS 6.2 device speaks it.

/** Resources: the first Uri-Path segment, one ASCII character. */
export const enum Resource {
  /** E: an event to publish; also inbound. */
  Event = 0x45,
  /** e: subscription; also inbound events. */
  LowerEvent = 0x65,
  /** d */
  Describe = 0x64,
  /** f */
  Function = 0x66,
  /** h */
  Hello = 0x68,
  /** M: the server has moved */
  Moved = 0x4d,
  /** k */
  KeyChange = 0x6b,
  /** s */
  Signal = 0x73,
  /** t */
  Time = 0x74,
  /** v */
  Variable = 0x76,
  /** x */
  Goodbye = 0x78,
}

/** Describe types: one raw byte in Uri-Query. */
export const enum DescribeType {
  System = 1,
  Application = 2,
  Metrics = 4,
}

/** Variable types as the application Describe names them. */
export const enum VariableType {
  Bool = 1,
  Int = 2,
  String = 4,
  Double = 9,
}

/** What a subscription takes: the query letter of its GET, 0 for text only. */
export const enum SubscriptionContent {
  Text = 0,
  /** b: anything */
  Binary = 0x62,
  /** c: CBOR */
  Cbor = 0x63,
}

/** Content-Formats (RFC 7252 §12.3, CoAP registry; 65001 is the vendor's JSON model in CBOR). */
export const enum ContentFormat {
  Text = 0,
  LinkFormat = 40,
  Xml = 41,
  OctetStream = 42,
  Json = 50,
  Cbor = 60,
  StructuredCbor = 65001,
}

/** Flags of Hello. */
export const enum HelloFlag {
  DiagnosticsSupported = 0x02,
  ImmediateUpdates = 0x04,
  GoodbyeSupported = 0x10,
  DeviceInitiatedDescribe = 0x20,
  /** OTA protocol v3. */
  ChunkedUpdates = 0x80,
  /** Ours: the answer to Hello may carry a reset token (ARCHITECTURE.md, "A server that forgot"). */
  ResetToken = 0x0100,
}

/** Cloud disconnect reasons of Goodbye. */
export const enum DisconnectReason {
  Error = 1,
  User = 2,
  NetworkDisconnect = 3,
  SystemReset = 5,
  Sleep = 6,
}

/** What a device is; set once before `connect`. */
export const DEVICE_ID_SIZE: i32 = 12;
/** Default Max-Age of an event, seconds; then the option is left out. */
export const DEFAULT_TTL: u32 = 60;
export const MAX_TTL: u32 = 16777215;
