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
  /** Only in a module with the publish queue; see assembly/api.ts. */
  queue_policy?(policy: number): number;
  queue_pacing?(burst: number, intervalMs: number): number;
  queue_storage?(stored: number): number;
  queue_pending?(): number;
  queue_state?(handle: number): number;
  queue_cancel?(handle: number): number;
  queue_flush?(timeoutMs: number, now: number): number;
  sleep?(seconds: number, goodbye: number, timeoutMs: number, now: number): number;
  meter_storage?(operations: number): number;
  meter_period?(period: number): number;
  meter?(number: number): number;
  ledger?(cause: number, field: number): number;
  budget?(operations: number, bytes: number, policy: number): number;
  diagnosis?(): number;
  last_end?(back: number): number;
  budget_plan?(plan: number, devices: number, policy: number): number;
  set_max_event_data?(length: number): number;
  max_event_data?(): number;
  /** Only in a module with TCP; see assembly/tcp.ts. */
  set_transport?(kind: SocketKind): number;
  handle_stream?(length: number, now: number): number;
  /** Only in a module that takes updates; see assembly/application/exports.ts. */
  update_open?(now: number): number;
  application_image?(): number;
  application_length?(): number;
  application_version?(): number;
  application_capabilities?(): number;
  application_verify?(): number;
  application_begin?(now: number): number;
  application_fault?(status: number, now: number): number;
  application_healthy?(now: number): number;
  update_enable?(enabled: number, now: number): number;
  update_gate?(open: number): number;
  update_apply?(now: number): number;
  update_rollback?(now: number): number;
  update_info?(number: number): number;
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
  Flushed = 16,
  Sleep = 17,
  BudgetWarning = 18,
  UpdateStarted = 19,
  UpdateProgress = 20,
  UpdateEnded = 21,
  UpdatePending = 22,
  ApplicationChange = 23,
  FirmwareReady = 24,
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
  Expired = -90,
  Replaced = -91,
  Dropped = -92,
  RateLimited = -93,
  OverBudget = -94,
  UpdateDisabled = -140,
  UpdateTooLarge = -141,
  UpdateMalformed = -142,
  UpdateSignature = -143,
  UpdateWrongBoard = -144,
  UpdateNotNewer = -145,
  UpdateCoreTooOld = -146,
  UpdateImports = -147,
  UpdateUnmetered = -148,
  UpdateHash = -149,
  UpdateTruncated = -150,
  UpdateStorage = -151,
  UpdateBusy = -152,
  UpdateTimeout = -153,
  UpdateCancelled = -154,
  UpdateNoKeys = -155,
  UpdateReplayed = -156,
  ApplicationTrap = -160,
  ApplicationTime = -161,
  ApplicationFlood = -162,
  ApplicationInvalid = -163,
  ApplicationUnhealthy = -164,
  ApplicationDisabled = -165,
}

export enum StorageSlot {
  DevicePrivateKey = 1,
  ServerPublicKey = 2,
  SessionA = 3,
  SessionB = 4,
  PreSharedKey = 5,
  Certificate = 6,
  ServerMoveKey = 7,
  QueueStateA = 8,
  QueueStateB = 9,
  QueueFirst = 10,
  QueueLast = 25,
  UpdateKeys = 26,
  JournalA = 27,
  JournalB = 28,
}

/** Areas that the host keeps for images. */
export enum ImageArea {
  ApplicationA = 0,
  ApplicationB = 1,
  Firmware = 2,
}

/** What a manifest lets an application do; bits (docs/updates.md). */
export enum Capability {
  Publish = 1,
  Subscribe = 2,
  /** Functions and variables. */
  Register = 4,
  /** Connect, disconnect, sleep, keepalive. */
  Connection = 8,
  /** Pins and buses. */
  Board = 16,
  Random = 32,
}

/** Numbers of `update_info`. */
export enum UpdateInfo {
  State = 0,
  RunningVersion = 1,
  FormerVersion = 2,
  LastStatus = 3,
  Received = 4,
  Size = 5,
  Enabled = 6,
  PendingVersion = 7,
  Probation = 8,
  GateOpen = 9,
}

/** Where updates stand. */
export enum UpdateState {
  Idle = 0,
  Receiving = 1,
  Pending = 2,
  Probation = 3,
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

/** How a publish is treated, in a module with the publish queue; combined with `|`. */
export enum PublishOption {
  Acknowledged = 1,
  Unqueued = 2,
  Coalesced = 4,
  LowPriority = 8,
  HighPriority = 16,
  Untold = 32,
}

/** What a publish that finds the queue full does. */
export enum FullPolicy {
  Refuse = 0,
  DropOldest = 1,
  DropNewest = 2,
}

/** Numbers of the meter of data operations. */
export enum Meter {
  Publishes = 0,
  Deliveries = 1,
  Functions = 2,
  Variables = 3,
  Operations = 4,
  Unconfirmed = 5,
  Repetitions = 6,
  Bytes = 7,
  BytesHigh = 8,
  Period = 9,
}

/** What a datagram was for, in the byte ledger. */
export enum Cause {
  Handshake = 0,
  Hello = 1,
  Resume = 2,
  Keepalive = 3,
  Describe = 4,
  Subscribe = 5,
  Publish = 6,
  Time = 7,
  Event = 8,
  Call = 9,
  Goodbye = 10,
  Other = 11,
}

export enum LedgerField {
  UpBytes = 0,
  UpDatagrams = 1,
  DownBytes = 2,
  DownDatagrams = 3,
}

export enum BudgetPolicy {
  Warn = 0,
  Defer = 1,
  Coalesce = 2,
  DropLow = 3,
  Pause = 4,
}

/** What an application asks of its board. */
export enum BoardFunction {
  PinMode = 1,
  DigitalWrite = 2,
  DigitalRead = 3,
  AnalogWrite = 4,
  AnalogRead = 5,
  SerialBegin = 6,
  SerialWrite = 7,
  SerialRead = 8,
  I2cWrite = 9,
  I2cRead = 10,
}

/** Why there is no connection, as far as the device can tell. */
export enum Diagnosis {
  Unknown = 0,
  Connected = 1,
  NoNetwork = 2,
  Silent = 3,
  PortalSuspected = 4,
  WrongServer = 5,
  Refused = 6,
}

export enum Plan {
  Free = 1,
  Basic = 2,
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
