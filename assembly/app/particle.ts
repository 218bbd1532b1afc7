// `Particle`, with the names that its developers know. Calls never block and never cut: they return
// a handle or number, or a negative Status. Handlers are functions (AssemblyScript has no closures).

import { ContentFormat, DisconnectReason, VariableType } from "../cloud/protocol";
import { requestTime } from "../cloud/small-messages";
import { SubscriptionContent } from "../cloud/subscriptions";
import { MAX_DATA_LENGTH } from "../config";
import { connectionState, deviceConnect, deviceDisconnect } from "../connection";
import { deviceSetKeepalive } from "../device";
import { ConnectionState } from "../events";
import { PublishOption } from "../queue/entries";
import { NO_TTL, queuePending, queueState, setFullPolicy } from "../queue/queue";
import { Status } from "../status";
import {
  PublishHandler,
  dispatchedNumber,
  millis,
  onPublishDone,
  publishBytes,
  registerFunction,
  registerVariable,
  subscribeTo,
} from "./raw";

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

/** Flags as the queue takes them. */
function optionsOf(flags: i32): u32 {
  let options: u32 = flags & PublishFlag.NoAck ? 0 : PublishOption.Acknowledged;
  if (flags & PublishFlag.Coalesce) options |= PublishOption.Coalesced;
  if (flags & PublishFlag.LowPriority) options |= PublishOption.LowPriority;
  if (flags & PublishFlag.HighPriority) options |= PublishOption.HighPriority;
  if (flags & PublishFlag.Unqueued) options |= PublishOption.Unqueued;
  return options;
}

/** The application's handlers by number: table indices. */
const FUNCTIONS: usize = memory.data(400, 4);
const VARIABLES: usize = memory.data(400, 4);
const SUBSCRIPTIONS: usize = memory.data(32, 4);

// @ts-ignore: decorator
@inline
function utf8(text: string): ArrayBuffer {
  return String.UTF8.encode(text);
}

function keep(table: usize, number: i32, handler: u32): i32 {
  if (number >= 0) store<u32>(table + ((<usize>number) << 2), handler);
  return number;
}

function handlerIn(table: usize): u32 {
  return load<u32>(table + ((<usize>dispatchedNumber()) << 2));
}

function callFunction(argument: usize, length: i32): i32 {
  return call_indirect<i32>(handlerIn(FUNCTIONS), String.UTF8.decodeUnsafe(argument, length));
}

function receiveEvent(name: usize, nameLength: i32, data: usize, dataLength: i32): void {
  call_indirect<void>(
    handlerIn(SUBSCRIPTIONS),
    String.UTF8.decodeUnsafe(name, nameLength),
    String.UTF8.decodeUnsafe(data, dataLength),
  );
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

/** A string that is too long is refused: the cloud gets 5.00, never a part of it. */
function readString(value: usize): i32 {
  const bytes = utf8(call_indirect<string>(handlerIn(VARIABLES)));
  if (bytes.byteLength > MAX_DATA_LENGTH) return Status.TooLong;
  memory.copy(value, changetype<usize>(bytes), bytes.byteLength);
  return bytes.byteLength;
}

export class Particle {
  /**
   * Publish an event; it waits in the queue until connection and pacing let it go.
   * @param ttl seconds after which it fails if it has not gone out; without one it waits as long as
   *   it takes
   * @param flags PublishFlag
   * @returns handle for `state`; Status.InvalidArgument; Status.TooLong (name over 64 or data over
   *   1024 bytes of UTF-8); Status.ReservedName; Status.NoSpace (the queue is full);
   *   Status.Offline (Unqueued only)
   */
  static publish(
    name: string,
    data: string = "",
    ttl: u32 = NO_TTL,
    flags: i32 = PublishFlag.WithAck,
  ): i32 {
    const nameBytes = utf8(name);
    const dataBytes = utf8(data);
    return publishBytes(
      changetype<usize>(nameBytes),
      nameBytes.byteLength,
      changetype<usize>(dataBytes),
      dataBytes.byteLength,
      ContentFormat.Text,
      ttl,
      optionsOf(flags),
    );
  }

  /**
   * Where a publish is.
   * @returns 1 queued, 2 sent, 3 acknowledged; the Status with which it failed; Status.NotFound:
   *   more than 64 publishes ago
   */
  static state(handle: i32): i32 {
    return queueState(handle);
  }

  /** Be told of the end of every publish: Status.Ok, or why it failed. */
  static onPublish(handler: PublishHandler): void {
    onPublishDone(handler);
  }

  /** Publishes that wait or are on their way. */
  static pending(): i32 {
    return queuePending();
  }

  /** What a publish that finds the queue full does. @param policy FullPolicy @returns Status.Ok */
  static whenFull(policy: i32): i32 {
    return setFullPolicy(policy);
  }

  /**
   * Subscribe to events whose name begins with `prefix`.
   * @returns number; Status.InvalidArgument, Status.TooLong, Status.AlreadyRegistered,
   *   Status.NoSpace
   */
  static subscribe(prefix: string, handler: (name: string, data: string) => void): i32 {
    const bytes = utf8(prefix);
    const number = subscribeTo(
      changetype<usize>(bytes),
      bytes.byteLength,
      SubscriptionContent.Text,
      receiveEvent,
    );
    return keep(SUBSCRIPTIONS, number, handler.index);
  }

  /**
   * Offer a function to the cloud.
   * @returns as `subscribe`
   */
  static function(name: string, handler: (argument: string) => i32): i32 {
    const bytes = utf8(name);
    const number = registerFunction(changetype<usize>(bytes), bytes.byteLength, callFunction);
    return keep(FUNCTIONS, number, handler.index);
  }

  /**
   * Offer a variable to the cloud; `handler` is asked for its value when the cloud reads it. T is
   * bool, an integer of up to 32 bits, a float, or string.
   * @returns as `subscribe`
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

  private static offer(name: string, type: i32, read: (value: usize) => i32, handler: u32): i32 {
    const bytes = utf8(name);
    const number = registerVariable(changetype<usize>(bytes), bytes.byteLength, type, read);
    return keep(VARIABLES, number, handler);
  }

  /** Connect and stay connected. @returns Status.Ok; Status.InvalidState when already asked for */
  static connect(): i32 {
    return deviceConnect(millis());
  }

  /** Say goodbye and disconnect; the session stays. @returns Status.Ok; Status.InvalidState */
  static disconnect(): i32 {
    return deviceDisconnect(DisconnectReason.User, 0, millis());
  }

  static connected(): bool {
    return connectionState() == ConnectionState.Connected;
  }

  static disconnected(): bool {
    return connectionState() == ConnectionState.Disconnected;
  }

  /** Interval of keepalive pings, seconds; 0 sends none. */
  static keepAlive(seconds: u32): i32 {
    return deviceSetKeepalive(seconds * 1000);
  }

  /** Ask the cloud for the time. @returns Status.Ok; Status.InvalidState; Status.NoSpace */
  static syncTime(): i32 {
    return requestTime();
  }
}
