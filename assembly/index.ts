// The wasm exports: the whole interface between the core and a host, in snake_case. Buffers have
// fixed addresses that the host reads once; calls exchange lengths. After every input the host
// drains, in this order: poll_transmit until 0, poll_event until 0, poll_timeout.

import { setDeviceId, setPlatform, setProduct } from "./cloud/identity";
import { describeRequest } from "./cloud/describe";
import { DescribeType, VariableType } from "./cloud/protocol";
import { publish as publishEvent } from "./cloud/publisher";
import { RegistryKind, registryAdd } from "./cloud/registry";
import { refuseCall, returnFunction, returnVariable } from "./cloud/responses";
import { malformedMessages } from "./cloud/router";
import { requestTime } from "./cloud/small-messages";
import { subscribe as subscribeTo } from "./cloud/subscriptions";
import { outboxRetransmitted, outboxTransmitted, outboxUnacknowledged } from "./coap/outbox";
import { ARGUMENT_CAPACITY, EVENT_SIZE, OTA, QUEUE, RX_CAPACITY, TX_CAPACITY } from "./config";
import {
  connectionState,
  deviceConnect,
  deviceDisconnect,
  deviceLinkDown,
  deviceLinkUp,
  deviceRegistryChanged,
} from "./connection";
import {
  RX_BUFFER,
  TX_BUFFER,
  deviceHandleMessage,
  deviceHandleTimeout,
  devicePollEvent,
  devicePollTimeout,
  devicePollTransmit,
  deviceReceive,
  deviceSetKeepalive,
  deviceStart,
  deviceUpdatePollTimeout,
  unprovenRecords,
} from "./device";
import { session, setReservation } from "./dtls/session";
import { dtlsAlertReceived, dtlsCount } from "./dtls/state";
import { eventsLost } from "./events";
import { meterPollTransmit, meterReceive } from "./queue/metered";
import { queuePollEvent, queuePollTimeout, queueTransmit } from "./queue/delivery";
import { enqueue } from "./queue/queue";
import { Status } from "./status";
import { earlier } from "./util/clock";
import { roundTrip } from "./util/round-trip";
// The last import: what it brings is laid out behind all that other builds have, too.
import {
  applicationHandleTimeout,
  applicationPoll,
  applicationPollEvent,
  applicationPollTimeout,
} from "./application/lifecycle";

/** Version of this interface; a host refuses another one. */
const ABI_VERSION: i32 = 1;

// @ts-ignore: decorator
@inline
const ARGUMENT: usize = TX_BUFFER;
const EVENT: usize = memory.data(28, 4);

// ---- buffers --------------------------------------------------------------------------------

export function abi_version(): i32 {
  return ABI_VERSION;
}

/** Where the host writes a datagram before `handle_datagram`; `rx_capacity` bytes. */
export function rx_buffer(): usize {
  return RX_BUFFER;
}

export function rx_capacity(): i32 {
  return RX_CAPACITY;
}

/** Where `poll_transmit` leaves a datagram; `tx_capacity` bytes. */
export function tx_buffer(): usize {
  return TX_BUFFER;
}

export function tx_capacity(): i32 {
  return TX_CAPACITY;
}

/** Where the host writes the arguments of a command; `argument_capacity` bytes. */
export function argument_buffer(): usize {
  return ARGUMENT;
}

export function argument_capacity(): i32 {
  return ARGUMENT_CAPACITY;
}

/** Where `poll_event` leaves an event: u32 kind, then fields a...f (see events.ts). */
export function event_buffer(): usize {
  return EVENT;
}

export function event_capacity(): i32 {
  return EVENT_SIZE;
}

// ---- setting up -----------------------------------------------------------------------------

/**
 * Say what the device is. The device id, 12 bytes, stands in the argument buffer.
 * @param product_id 0...65535; 65535 is "no product"
 * @param product_version firmware version, 0...65535
 * @param platform_id of the board
 * @param system_version version of the SDK as Hello carries it, 0...65535
 */
export function set_identity(
  product_id: u32,
  product_version: u32,
  platform_id: u32,
  system_version: u32,
): void {
  setDeviceId(ARGUMENT);
  setProduct(product_id, product_version);
  setPlatform(platform_id, system_version);
}

/**
 * Say how the session slots wear: before `start`.
 * @param records record numbers that one write reserves: 64 for flash (the default), 1 for retained
 *   RAM; always the same on one device
 * @returns Status.Ok; Status.InvalidArgument
 */
export function set_reservation(records: i32): i32 {
  return setReservation(records);
}

/** @returns Status.Ok; Status.InvalidPrivateKey; Status.InvalidPublicKey; Status.RandomFailure */
export function start(): i32 {
  return deviceStart();
}

/**
 * Register a function. Its name stands in the argument buffer, `name_length` bytes, 1...64.
 * @returns its number; Status.InvalidArgument; Status.TooLong; Status.AlreadyRegistered;
 *   Status.NoSpace
 */
export function register_function(name_length: i32, now: u32): i32 {
  return registered(registryAdd(RegistryKind.Function, 0, ARGUMENT, name_length), now);
}

/**
 * Register a variable. Its name stands in the argument buffer.
 * @param type 1 bool, 2 int, 4 string, 9 double
 * @returns as `register_function`
 */
export function register_variable(name_length: i32, type: i32, now: u32): i32 {
  const isKnown =
    type == VariableType.Bool ||
    type == VariableType.Int ||
    type == VariableType.String ||
    type == VariableType.Double;
  if (!isKnown) return Status.InvalidArgument;
  return registered(registryAdd(RegistryKind.Variable, type, ARGUMENT, name_length), now);
}

/**
 * Subscribe to events by a prefix of their name, in the argument buffer.
 * @param content 0 text, 0x62 anything, 0x63 CBOR
 * @returns as `register_function`
 */
export function subscribe(prefix_length: i32, content: i32, now: u32): i32 {
  return registered(subscribeTo(ARGUMENT, prefix_length, content), now);
}

function registered(number: i32, now: u32): i32 {
  if (number >= 0) deviceRegistryChanged(now);
  return number;
}

// ---- connection -----------------------------------------------------------------------------

/** @returns Status.Ok; Status.InvalidState when connecting or connected */
export function connect(now: u32): i32 {
  return deviceConnect(now);
}

/**
 * @param goodbye reason to tell the server first (2 user, 5 reset, 6 sleep); 0 closes at once
 * @param sleep_seconds told with the goodbye when not 0
 * @returns Status.Ok; Status.InvalidState when not connecting or connected
 */
export function disconnect(goodbye: i32, sleep_seconds: u32, now: u32): i32 {
  return deviceDisconnect(goodbye, sleep_seconds, now);
}

/**
 * The socket that OpenLink asked for is open. The server's address, as the host wants to see it
 * again, stands in the argument buffer: 0...20 bytes.
 */
export function link_up(address_length: i32, now: u32): i32 {
  return deviceLinkUp(ARGUMENT, address_length, now);
}

/** The socket failed. */
export function link_down(now: u32): i32 {
  return deviceLinkDown(now);
}

/** @param interval_ms 0 sends none */
export function set_keepalive(interval_ms: i32): i32 {
  return deviceSetKeepalive(interval_ms);
}

/** @returns a ConnectionState */
export function connection_state(): i32 {
  return connectionState();
}

// ---- messages -------------------------------------------------------------------------------

/**
 * Publish an event: name, then data, stand in the argument buffer.
 * @param content_format 0 text, 42 octets, 50 JSON, 60 CBOR, 65001 JSON model in CBOR
 * @param ttl seconds, 0...16777215; in builds with QUEUE also -1, as long as it takes
 * @param confirmable 0 sends once without ACK; in builds with QUEUE bits of PublishOption
 * @returns handle, 1...65535, that PublishDone names; Status.InvalidArgument; Status.TooLong;
 *   Status.ReservedName; Status.NoSpace. In builds with QUEUE: as `enqueue`
 */
export function publish(
  name_length: i32,
  data_length: i32,
  content_format: u32,
  ttl: u32,
  confirmable: i32,
): i32 {
  if (name_length < 0 || data_length < 0) return Status.InvalidArgument;
  if (name_length > ARGUMENT_CAPACITY || data_length > ARGUMENT_CAPACITY - name_length) {
    return Status.TooLong;
  }
  const data = ARGUMENT + name_length;
  if (QUEUE) {
    return enqueue(ARGUMENT, name_length, data, data_length, content_format, ttl, confirmable);
  }
  return publishEvent(
    ARGUMENT,
    name_length,
    data,
    data_length,
    content_format,
    ttl,
    confirmable != 0,
  );
}

/** Answer FunctionCall. @returns Status.Ok; Status.NotFound; Status.NoSpace (try again later) */
export function function_result(call: i32, result: i32): i32 {
  return returnFunction(call, result);
}

/**
 * Answer VariableRequest: the value stands in the argument buffer (bool 1 byte, int 4 and double 8
 * little-endian, string UTF-8).
 * @returns Status.Ok; Status.NotFound; Status.InvalidArgument; Status.TooLong; Status.NoSpace
 */
export function variable_result(call: i32, length: i32): i32 {
  return returnVariable(call, ARGUMENT, length);
}

/** Answer a call or read with 5.00. @returns Status.Ok; Status.NotFound; Status.NoSpace */
export function call_refused(call: i32): i32 {
  return refuseCall(call);
}

/** Ask for the time. @returns Status.Ok; Status.InvalidState while asking; Status.NoSpace */
export function request_time(): i32 {
  return requestTime();
}

/** Send the metrics description ("vitals"). */
export function publish_vitals(): void {
  describeRequest(DescribeType.Metrics);
}

// ---- input and output -----------------------------------------------------------------------

/** @param length bytes in the receive buffer */
export function handle_datagram(length: i32, now: u32): void {
  if (length <= 0) return;
  if (QUEUE) {
    while (meterReceive(length, now)) {
      deviceHandleMessage(now);
      length = 0;
    }
    return;
  }
  while (deviceReceive(length, now)) {
    deviceHandleMessage(now);
    length = 0;
  }
}

/**
 * `handle_datagram` in steps, for an interpreter that has little RAM for compiled code: opens the
 * datagram as far as its next message. While it answers 1, call `handle_message` and this again,
 * with length 0.
 * @param length bytes in the receive buffer; 0 goes on in the datagram
 * @returns 1 when a message waits for `handle_message`; 0 when the datagram is done
 */
export function receive_datagram(length: i32, now: u32): i32 {
  if (QUEUE) return meterReceive(length, now) ? 1 : 0;
  return deviceReceive(length, now) ? 1 : 0;
}

export function handle_message(now: u32): void {
  deviceHandleMessage(now);
}

export function handle_timeout(now: u32): void {
  if (OTA) applicationHandleTimeout(now);
  deviceHandleTimeout(now);
}

/** @returns bytes in the transmit buffer; 0 when there is nothing to send */
export function poll_transmit(now: u32): i32 {
  if (OTA) applicationPoll(now);
  if (QUEUE) {
    queueTransmit(now);
    return meterPollTransmit(now);
  }
  return devicePollTransmit(now);
}

/** @returns kind of the event in the event buffer; 0 when there is none */
export function poll_event(): i32 {
  if (OTA) return applicationPollEvent(EVENT);
  if (QUEUE) return queuePollEvent(EVENT);
  return devicePollEvent(EVENT);
}

/** @returns ms until `handle_timeout` is due; 0 now; -1 never */
export function poll_timeout(now: u32): i32 {
  if (OTA) {
    const wait = earlier(deviceUpdatePollTimeout(now), queuePollTimeout(now));
    return earlier(applicationPollTimeout(now), wait);
  }
  if (QUEUE) return earlier(devicePollTimeout(now), queuePollTimeout(now));
  return devicePollTimeout(now);
}

// ---- figures --------------------------------------------------------------------------------

/** What `statistic` counts, since the module was made. */
const enum Statistic {
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

/** @returns the figure with this number (see ARCHITECTURE.md); Status.NotFound */
export function statistic(number: i32): i32 {
  if (number >= Statistic.RecordsMalformed && number <= Statistic.FlightsRetransmitted) {
    return dtlsCount(number);
  }
  switch (number) {
    case Statistic.RecordsUnproven:
      return unprovenRecords();
    case Statistic.MessagesMalformed:
      return malformedMessages();
    case Statistic.MessagesSent:
      return outboxTransmitted();
    case Statistic.MessagesRetransmitted:
      return outboxRetransmitted();
    case Statistic.MessagesUnacknowledged:
      return outboxUnacknowledged();
    case Statistic.RoundTripMs:
      return roundTrip();
    case Statistic.EventsLost:
      return eventsLost();
    case Statistic.ConnectionIdLength:
      return session().cidLength;
    case Statistic.LastAlert:
      return dtlsAlertReceived();
    default:
      return Status.NotFound;
  }
}
