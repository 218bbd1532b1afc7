// The imports of an application module: the bridge to the core, which runs in an instance of its own.
// Numbers and pointers into the application's own memory go over it; the host copies. What a module
// does not call, it does not import, and its manifest grants no more than it imports.

/** Numbers of `bridgeGet`. Part of the host interface. */
export const enum BridgeValue {
  /** ConnectionState */
  ConnectionState = 1,
  /** Longest data of an event, bytes. */
  MaxEventData = 2,
  /** Publishes that wait or are on their way. */
  Pending = 3,
  // 4...7: UpdateInfo of assembly/app/update-numbers.ts.
  /** Diagnosis; a host may lack it. */
  Diagnosis = 8,
  /** First statistic of the core. */
  Statistic = 16,
  /** First figure of the meter. */
  Meter = 64,
}

/** Numbers of `bridgeControl`. Part of the host interface. */
export const enum BridgeControl {
  Connect = 1,
  /** a: DisconnectReason for a goodbye, 0 for none; b: seconds until it is back, 0 unknown */
  Disconnect = 2,
  /** a: ms */
  Keepalive = 3,
  RequestTime = 4,
  PublishVitals = 5,
  /** a: seconds; b: 1 with a goodbye */
  Sleep = 6,
  /** a: ms */
  Flush = 7,
}

/** Numbers of `bridgeQueue`. Part of the host interface. */
export const enum BridgeQueue {
  /** a: handle */
  State = 1,
  /** a: handle */
  Cancel = 2,
  /** a: FullPolicy */
  Policy = 3,
  /** a: burst; b: interval, ms */
  Pacing = 4,
  /** a: bytes */
  MaxData = 5,
}

/** @param level LogLevel @param text [in] `length` bytes of UTF-8 */
// @ts-ignore: decorator
@external("wboson", "log")
export declare function bridgeLog(level: i32, text: usize, length: i32): void;

/** @param name [in] @param data [in] @returns as `enqueue` of the core */
// @ts-ignore: decorator
@external("wboson", "publish")
export declare function bridgePublish(
  name: usize,
  nameLength: i32,
  data: usize,
  dataLength: i32,
  contentFormat: u32,
  ttl: u32,
  options: u32,
): i32;

/** @param name [in] @returns number of the function, or a Status */
// @ts-ignore: decorator
@external("wboson", "register_function")
export declare function bridgeRegisterFunction(name: usize, length: i32): i32;

/** @param name [in] @param type VariableType @returns number of the variable, or a Status */
// @ts-ignore: decorator
@external("wboson", "register_variable")
export declare function bridgeRegisterVariable(name: usize, length: i32, type: i32): i32;

/** @param prefix [in] @param content SubscriptionContent @returns number of the subscription, or a Status */
// @ts-ignore: decorator
@external("wboson", "subscribe")
export declare function bridgeSubscribe(prefix: usize, length: i32, content: i32): i32;

/** @param buffer [out] `length` random bytes @returns `length`, or a Status */
// @ts-ignore: decorator
@external("wboson", "random")
export declare function bridgeRandom(buffer: usize, length: i32): i32;

/** @param buffer [out] 12 bytes @returns 12, or a Status */
// @ts-ignore: decorator
@external("wboson", "device_id")
export declare function bridgeDeviceId(buffer: usize): i32;

/** @param number BridgeValue @returns the value; Status.NotFound */
// @ts-ignore: decorator
@external("wboson", "get")
export declare function bridgeGet(number: i32): i32;

/** @param number BridgeControl @returns Status.Ok, or a Status of the core */
// @ts-ignore: decorator
@external("wboson", "control")
export declare function bridgeControl(number: i32, a: i32, b: i32): i32;

/** @param number BridgeQueue @returns as the core's function of that name */
// @ts-ignore: decorator
@external("wboson", "queue")
export declare function bridgeQueue(number: i32, a: i32, b: i32): i32;

/** @param number UpdateControl @returns Status.Ok, or a Status of the core */
// @ts-ignore: decorator
@external("wboson", "update")
export declare function bridgeUpdate(number: i32, a: i32): i32;
