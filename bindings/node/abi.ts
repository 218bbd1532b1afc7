// The core's exports and numbers as the host sees them. The numbers stand in assembly/events.ts,
// assembly/status.ts and assembly/hal.ts; tests/protocol/abi.test.ts compares the two.

/** Version of the interface that this binding speaks. */
export const ABI_VERSION = 1;

/** Exports of the module; see assembly/index.ts for each. */
export interface CoreExports {
  memory: WebAssembly.Memory;
  abi_version(): number;
  rx_buffer(): number;
  rx_capacity(): number;
  tx_buffer(): number;
  tx_capacity(): number;
  argument_buffer(): number;
  argument_capacity(): number;
  event_buffer(): number;
  event_capacity(): number;
  set_identity(
    productId: number,
    productVersion: number,
    platformId: number,
    systemVersion: number,
  ): void;
  set_reservation(records: number): number;
  start(): number;
  register_function(nameLength: number, now: number): number;
  register_variable(nameLength: number, type: number, now: number): number;
  subscribe(prefixLength: number, content: number, now: number): number;
  connect(now: number): number;
  disconnect(goodbye: number, sleepSeconds: number, now: number): number;
  link_up(addressLength: number, now: number): number;
  link_down(now: number): number;
  set_keepalive(intervalMs: number): number;
  connection_state(): number;
  publish(
    nameLength: number,
    dataLength: number,
    contentFormat: number,
    ttl: number,
    confirmable: number,
  ): number;
  function_result(call: number, result: number): number;
  variable_result(call: number, length: number): number;
  call_refused(call: number): number;
  request_time(): number;
  publish_vitals(): void;
  handle_datagram(length: number, now: number): void;
  receive_datagram(length: number, now: number): number;
  handle_message(now: number): void;
  handle_timeout(now: number): void;
  poll_transmit(now: number): number;
  poll_event(): number;
  poll_timeout(now: number): number;
  statistic(number: number): number;
  /** Only in a module with the `standard` profile; see assembly/standard.ts. */
  set_profile?(profile: number, credential: number, cid: number): number;
  request?(
    method: number,
    pathLength: number,
    queryLength: number,
    payloadLength: number,
    format: number,
    observe: number,
    hasMore: number,
  ): number;
  request_block?(
    handle: number,
    payloadLength: number,
    format: number,
    szx: number,
    hasMore: number,
  ): number;
  request_cancel?(handle: number): number;
  /** Only in a module with TCP; see assembly/tcp.ts. */
  set_transport?(kind: SocketKind): number;
  handle_stream?(length: number, now: number): number;
  /** Only in a module with an application. */
  app_clock?(now: number): void;
  app_poll_event?(now: number): number;
  setup?(): void;
  loop?(): void;
  /** Only with an application whose runtime collects when asked. */
  __collect?(): void;
}

export enum EventKind {
  None = 0,
  OpenLink = 1,
  CloseLink = 2,
  Connection = 3,
  PublishDone = 4,
  EventReceived = 5,
  FunctionCall = 6,
  VariableRequest = 7,
  Time = 8,
  Signal = 9,
  SubscriptionsDone = 10,
  Response = 11,
  ServerMoved = 12,
}

/** Kinds of sockets that the core asks for. */
export enum SocketKind {
  Udp = 1,
  Tcp = 2,
}

export enum ConnectionState {
  Disconnected = 0,
  Opening = 1,
  Handshake = 2,
  Hello = 3,
  Resuming = 4,
  Connected = 5,
  Disconnecting = 6,
}

export enum Reason {
  None = 0,
  Requested = 1,
  SessionResumed = 2,
  HandshakeBecauseNoSession = 3,
  HandshakeBecauseNoAnswer = 4,
  HandshakeBecausePeerClosed = 5,
  HandshakeBecauseKeyChange = 6,
  HandshakeBecauseStorage = 7,
  HandshakeFailed = 8,
  LinkLost = 9,
  PingTimeout = 10,
  HelloTimeout = 11,
  HandshakeDone = 12,
  HandshakeBecauseForgotten = 13,
  SessionIdResumed = 14,
  ChannelFailed = 15,
}

export enum Status {
  Ok = 0,
  InvalidArgument = -1,
  InvalidState = -2,
  NoSpace = -3,
  TooLong = -4,
  NotFound = -5,
  NotSupported = -6,
  HostFailure = -7,
  Offline = -8,
  RandomFailure = -20,
  InvalidPublicKey = -21,
  InvalidPrivateKey = -22,
  InvalidSignature = -23,
  BadTag = -24,
  MalformedDer = -25,
  BadPadding = -26,
  WrongKeyType = -27,
  Discarded = -40,
  DecodeError = -41,
  UnexpectedMessage = -42,
  IllegalParameter = -43,
  AuthenticationFailed = -44,
  HandshakeTimeout = -45,
  AlertReceived = -46,
  PeerClosed = -47,
  SequenceExhausted = -48,
  NoSession = -49,
  HandshakeFailure = -50,
  SessionLost = -51,
  MalformedMessage = -60,
  MessageTimeout = -61,
  MessageReset = -62,
  ClientError = -63,
  ServerError = -64,
  Aborted = -65,
  DecryptionFailed = -70,
  NonceTimeout = -71,
  SessionTimeout = -72,
  FrameTimeout = -73,
  FrameTooLong = -74,
  FrameMalformed = -75,
  ReservedName = -80,
  AlreadyRegistered = -81,
}

export enum StorageSlot {
  DevicePrivateKey = 1,
  ServerPublicKey = 2,
  SessionA = 3,
  SessionB = 4,
  PreSharedKey = 5,
  Certificate = 6,
  ServerMoveKey = 7,
}

/** What a device of the `standard` profile proves its identity with. */
export enum Credential {
  RawPublicKey = 0,
  Certificate = 1,
  PreSharedKey = 2,
}

/** CoAP methods (RFC 7252 §12.1.1). */
export enum Method {
  Get = 1,
  Post = 2,
  Put = 3,
  Delete = 4,
}

/** Flags of a Response event. */
export enum ResponseFlag {
  More = 1,
  Notification = 2,
}

export enum VariableType {
  Bool = 1,
  Int = 2,
  String = 4,
  Double = 9,
}

export enum ContentFormat {
  Text = 0,
  OctetStream = 42,
  Json = 50,
  Cbor = 60,
  StructuredCbor = 65001,
}

/** What a subscription takes. */
export enum SubscriptionContent {
  Text = 0,
  Binary = 0x62,
  Cbor = 0x63,
}

export enum Statistic {
  RecordsMalformed = 0,
  RecordsBadTag = 1,
  RecordsReplayed = 2,
  RecordsUnexpected = 3,
  FlightsRetransmitted = 4,
  RecordsUnproven = 5,
  MessagesMalformed = 6,
  MessagesSent = 7,
  MessagesRetransmitted = 8,
  MessagesUnacknowledged = 9,
  RoundTripMs = 10,
  EventsLost = 11,
  LastAlert = 12,
  ConnectionIdLength = 13,
}

/** An error status of the core, as an exception. */
export class CoreError extends Error {
  constructor(
    readonly status: number,
    doing: string,
  ) {
    super(`${doing}: ${Status[status] ?? `status ${status}`}`);
    this.name = "CoreError";
  }
}
