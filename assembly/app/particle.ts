// `Particle`, with the names that its developers know. Calls never block and never cut: they return
// a handle or number, or a negative Status. Handlers are functions (AssemblyScript has no closures).

import { DisconnectReason, SubscriptionContent, VariableType } from "../cloud/protocol";
import { MAX_DATA_LENGTH } from "../config";
import { ConnectionState } from "../events";
import { NO_TTL, PublishOption } from "../queue/numbers";
import { Status } from "../status";
import {
  REGISTRATIONS,
  connectionState,
  deviceConnect,
  deviceDisconnect,
  deviceSetKeepalive,
  maxDataLength,
} from "./core";
import { dispatchedNumber, millis, publishBytes, registerFunction, registerVariable } from "./raw";
import { addHandler, removeHandler, removeHandlers, subscriptionContext } from "./subscriptions";
import { System } from "./system";
import { decodeText, encodeText } from "./text";
import { isTimePending, syncTime, timeSyncedAt } from "./time";
import { CloudVariable } from "./variable";
import { Variant } from "./variant";
import { publishVitals } from "./vitals";

/** How an event is published; combine with `|`. */
export const enum PublishFlag {
  /** All events are private; here for source compatibility. */
  Private = 1,
  /** Send once, without acknowledgement. */
  NoAck = 2,
  /** The default: the server must acknowledge. */
  WithAck = 8,
  /** Take the place of a publish of the same name that still waits. */
  Coalesce = 0x100,
  LowPriority = 0x200,
  HighPriority = 0x400,
  /** Send now or fail: Status.Offline, Status.RateLimited. */
  Unqueued = 0x800,
}

/** What the data of an event are. */
export const enum ContentType {
  Text = 0,
  Jpeg = 22,
  Png = 23,
  Binary = 42,
  Json = 50,
  Cbor = 60,
  /** A Variant. */
  Structured = 65001,
}

/** Flags as the queue takes them. */
function optionsOf(flags: i32): u32 {
  let options: u32 = flags & PublishFlag.NoAck ? 0 : PublishOption.Acknowledged;
  if (flags & PublishFlag.Coalesce) options |= PublishOption.Coalesced;
  if (flags & PublishFlag.LowPriority) options |= PublishOption.LowPriority;
  if (flags & PublishFlag.HighPriority) options |= PublishOption.HighPriority;
  if (flags & PublishFlag.Unqueued) options |= PublishOption.Unqueued;
  return options;
}

/** What the application gave with a function or variable, by number: table index or object. */
// @ts-ignore: decorator
@lazy
const FUNCTIONS: usize = memory.data(4 * REGISTRATIONS, 4);
// @ts-ignore: decorator
@lazy
const VARIABLES: usize = memory.data(4 * REGISTRATIONS, 4);

function keep(table: usize, number: i32, handler: u32): i32 {
  if (number >= 0) store<u32>(table + ((<usize>number) << 2), handler);
  return number;
}

function handlerIn(table: usize): u32 {
  return load<u32>(table + ((<usize>dispatchedNumber()) << 2));
}

function callFunction(argument: usize, length: i32): i32 {
  return call_indirect<i32>(handlerIn(FUNCTIONS), decodeText(argument, length));
}

function receiveText(name: usize, nameLength: i32, data: usize, dataLength: i32): void {
  call_indirect<void>(
    subscriptionContext(),
    decodeText(name, nameLength),
    decodeText(data, dataLength),
  );
}

function receiveData(name: usize, nameLength: i32, data: usize, dataLength: i32): void {
  const handler = subscriptionContext();
  const bytes = new Uint8Array(dataLength);
  memory.copy(bytes.dataStart, data, dataLength);
  call_indirect<void>(handler, decodeText(name, nameLength), bytes);
}

/** An event that is no value of the JSON model is not handed on. */
function receiveVariant(name: usize, nameLength: i32, data: usize, dataLength: i32): void {
  const handler = subscriptionContext();
  const value = Variant.decode(data, dataLength);
  if (!value) return;
  call_indirect<void>(handler, decodeText(name, nameLength), value);
}

/** A string that is too long is refused: the cloud gets 5.00, never a part of it. */
function putString(at: usize, text: string): i32 {
  const bytes = encodeText(text);
  if (bytes.byteLength > MAX_DATA_LENGTH) return Status.TooLong;
  memory.copy(at, changetype<usize>(bytes), bytes.byteLength);
  return bytes.byteLength;
}

function readBool(value: usize): i32 {
  store<u8>(value, call_indirect<bool>(handlerIn(VARIABLES)) ? 1 : 0);
  return 1;
}

function readInt(value: usize): i32 {
  store<i32>(value, call_indirect<i32>(handlerIn(VARIABLES)));
  return 4;
}

function readDouble(value: usize): i32 {
  store<f64>(value, call_indirect<f64>(handlerIn(VARIABLES)));
  return 8;
}

function readString(value: usize): i32 {
  return putString(value, call_indirect<string>(handlerIn(VARIABLES)));
}

function readBoolCell(value: usize): i32 {
  store<u8>(value, changetype<CloudVariable<bool>>(handlerIn(VARIABLES)).value ? 1 : 0);
  return 1;
}

function readIntCell(value: usize): i32 {
  store<i32>(value, changetype<CloudVariable<i32>>(handlerIn(VARIABLES)).value);
  return 4;
}

function readDoubleCell(value: usize): i32 {
  store<f64>(value, changetype<CloudVariable<f64>>(handlerIn(VARIABLES)).value);
  return 8;
}

function readStringCell(value: usize): i32 {
  return putString(value, changetype<CloudVariable<string>>(handlerIn(VARIABLES)).value);
}

/** Names and data of `publish` and its siblings as the queue takes them. */
function publishAt(name: string, data: usize, length: i32, type: u32, ttl: u32, flags: i32): i32 {
  const bytes = encodeText(name);
  const at = changetype<usize>(bytes);
  return publishBytes(at, bytes.byteLength, data, length, type, ttl, optionsOf(flags));
}

export class Particle {
  /**
   * Publish an event; it waits in the queue until connection and pacing let it go.
   * @param ttl seconds after which it fails if it has not gone out; without one it waits as long as
   *   it takes
   * @param flags PublishFlag
   * @param type ContentType of the data: Text or Json
   * @returns handle for `PublishQueue.state`; Status.InvalidArgument; Status.TooLong (name over 64
   *   or data over `maxEventDataSize` bytes of UTF-8); Status.ReservedName; Status.NoSpace (the
   *   queue is full); Status.Offline (Unqueued only); Status.OverBudget; Status.HostFailure
   */
  static publish(
    name: string,
    data: string = "",
    ttl: u32 = NO_TTL,
    flags: i32 = PublishFlag.WithAck,
    type: u32 = ContentType.Text,
  ): i32 {
    const bytes = encodeText(data);
    return publishAt(name, changetype<usize>(bytes), bytes.byteLength, type, ttl, flags);
  }

  /**
   * Publish bytes.
   * @param type ContentType
   * @returns as `publish`
   */
  static publishData(
    name: string,
    data: Uint8Array,
    type: u32 = ContentType.Binary,
    ttl: u32 = NO_TTL,
    flags: i32 = PublishFlag.WithAck,
  ): i32 {
    return publishAt(name, data.dataStart, data.length, type, ttl, flags);
  }

  /** Publish structured data. @returns as `publish`; the length of its CBOR counts */
  static publishVariant(
    name: string,
    data: Variant,
    ttl: u32 = NO_TTL,
    flags: i32 = PublishFlag.WithAck,
  ): i32 {
    return Particle.publishData(name, data.encode(), ContentType.Structured, ttl, flags);
  }

  /**
   * Subscribe to events whose name begins with `prefix`. Handlers share subscriptions on the wire
   * where one prefix begins with another: 32 handlers, 8 prefixes.
   * @returns number for `unsubscribe`; Status.InvalidArgument, Status.TooLong, Status.NoSpace
   */
  static subscribe(prefix: string, handler: (name: string, data: string) => void): i32 {
    return Particle.add(prefix, SubscriptionContent.Text, receiveText.index, handler.index);
  }

  /** Subscribe to events of any content, as bytes. @returns as `subscribe` */
  static subscribeData(prefix: string, handler: (name: string, data: Uint8Array) => void): i32 {
    return Particle.add(prefix, SubscriptionContent.Binary, receiveData.index, handler.index);
  }

  /** Subscribe to structured events. @returns as `subscribe` */
  static subscribeVariant(prefix: string, handler: (name: string, data: Variant) => void): i32 {
    return Particle.add(prefix, SubscriptionContent.Cbor, receiveVariant.index, handler.index);
  }

  private static add(prefix: string, content: i32, receive: u32, handler: u32): i32 {
    const bytes = encodeText(prefix);
    const at = changetype<usize>(bytes);
    return addHandler(at, bytes.byteLength, content, receive, handler, millis());
  }

  /**
   * End one subscription, or all of them. The cloud is not told: the protocol has no word for it.
   * @param number of `subscribe`; -1 for all
   * @returns Status.Ok; Status.NotFound
   */
  static unsubscribe(number: i32 = -1): i32 {
    if (number >= 0) return removeHandler(number);
    removeHandlers();
    return Status.Ok;
  }

  /**
   * Offer a function to the cloud, 100 at most.
   * @returns number; Status.InvalidArgument, Status.TooLong, Status.AlreadyRegistered,
   *   Status.NoSpace
   */
  static function(name: string, handler: (argument: string) => i32): i32 {
    const bytes = encodeText(name);
    const number = registerFunction(changetype<usize>(bytes), bytes.byteLength, callFunction);
    return keep(FUNCTIONS, number, handler.index);
  }

  /**
   * Offer a variable to the cloud, 100 at most; `handler` is asked for its value when the cloud
   * reads it. T is bool, an integer of up to 32 bits, f64, or string.
   * @returns as `function`
   */
  static variable<T>(name: string, handler: () => T): i32 {
    if (isString<T>()) return Particle.offer(name, VariableType.String, readString, handler.index);
    if (isBoolean<T>()) return Particle.offer(name, VariableType.Bool, readBool, handler.index);
    if (isFloat<T>()) {
      if (sizeof<T>() != 8) ERROR("a floating-point variable is an f64");
      return Particle.offer(name, VariableType.Double, readDouble, handler.index);
    }
    if (!isInteger<T>() || sizeof<T>() > 4) ERROR("a variable is bool, i32, f64 or string");
    return Particle.offer(name, VariableType.Int, readInt, handler.index);
  }

  /**
   * Offer a variable to the cloud that the application assigns to: `.value`. T is bool, i32, f64 or
   * string. Its `.status` is the result of `function`'s kind.
   */
  static variableOf<T>(name: string, value: T): CloudVariable<T> {
    const cell = new CloudVariable<T>(value);
    const at = <u32>__pin(changetype<usize>(cell));
    if (isString<T>()) cell.status = Particle.offer(name, VariableType.String, readStringCell, at);
    else if (isBoolean<T>()) {
      cell.status = Particle.offer(name, VariableType.Bool, readBoolCell, at);
    } else if (isFloat<T>()) {
      if (sizeof<T>() != 8) ERROR("a floating-point variable is an f64");
      cell.status = Particle.offer(name, VariableType.Double, readDoubleCell, at);
    } else {
      if (!isInteger<T>() || sizeof<T>() != 4) ERROR("a variable is bool, i32, f64 or string");
      cell.status = Particle.offer(name, VariableType.Int, readIntCell, at);
    }
    return cell;
  }

  private static offer(name: string, type: i32, read: (value: usize) => i32, handler: u32): i32 {
    const bytes = encodeText(name);
    const number = registerVariable(changetype<usize>(bytes), bytes.byteLength, type, read);
    return keep(VARIABLES, number, handler);
  }

  /** Connect and stay connected. @returns Status.Ok; Status.InvalidState when already asked for */
  static connect(): i32 {
    return deviceConnect(millis());
  }

  /**
   * Disconnect; the session stays.
   * @param graceful say goodbye first, 10 s at most
   * @returns Status.Ok; Status.InvalidState
   */
  static disconnect(graceful: bool = true): i32 {
    return deviceDisconnect(graceful ? DisconnectReason.User : 0, 0, millis());
  }

  static connected(): bool {
    return connectionState() == ConnectionState.Connected;
  }

  static disconnected(): bool {
    return connectionState() == ConnectionState.Disconnected;
  }

  /** Does nothing, at once: the host moves bytes between two calls of `loop()`. @returns connected */
  static process(): bool {
    return Particle.connected();
  }

  /** Interval of keepalive pings, seconds; 0 sends none. */
  static keepAlive(seconds: u32): i32 {
    return deviceSetKeepalive(seconds * 1000);
  }

  /** Ask the cloud for the time. @returns Status.Ok; Status.InvalidState; Status.NoSpace */
  static syncTime(): i32 {
    return syncTime();
  }

  static syncTimePending(): bool {
    return isTimePending();
  }

  static syncTimeDone(): bool {
    return !isTimePending() && timeSyncedAt() != 0;
  }

  /** Milliseconds of uptime at the last answer; 0 for none. */
  static timeSyncedLast(): u64 {
    return timeSyncedAt();
  }

  /** Send vitals. @param seconds -1 once; 0 once, and no longer; else now and at this interval */
  static publishVitals(seconds: i32 = -1): void {
    publishVitals(seconds, millis());
  }

  /** Longest data of an event, bytes. */
  static maxEventDataSize(): i32 {
    return maxDataLength();
  }

  /** Longest string variable, bytes. */
  static maxVariableValueSize(): i32 {
    return MAX_DATA_LENGTH;
  }

  /** Longest argument of a function, bytes. */
  static maxFunctionArgumentSize(): i32 {
    return MAX_DATA_LENGTH;
  }

  static deviceID(): string {
    return System.deviceID();
  }
}
