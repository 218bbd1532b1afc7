// The port of the application interface for an application module: the same names as assembly/app/core.ts,
// over the bridge. The host knows the time, so `now` goes no further than here. The budget of the data
// plan and storage belong to the host: what would set them answers Status.NotSupported.

import { MAX_DATA_LENGTH } from "../config";
import { Diagnosis } from "../queue/numbers";
import { Status } from "../status";
import {
  BridgeControl,
  BridgeQueue,
  BridgeValue,
  bridgeControl,
  bridgeDeviceId,
  bridgeGet,
  bridgeQueue,
  bridgeRegisterFunction,
  bridgeRegisterVariable,
  bridgeSubscribe,
} from "./imports";

export {
  bridgeLog as logBytes,
  bridgePublish as enqueue,
  bridgeRandom as randomFill,
  bridgeUpdate as updateControl,
} from "./imports";

/** Fewer than the core has, for each costs RAM: see assembly/app/core.ts. */
// @ts-ignore: decorator
@inline
export const REGISTRATIONS: i32 = 32;
// @ts-ignore: decorator
@inline
export const EVENT_HANDLERS: i32 = 8;
// @ts-ignore: decorator
@inline
export const WIRE_SUBSCRIPTIONS: i32 = 8;

// @ts-ignore: decorator
@lazy
const DEVICE_ID: usize = memory.data(12, 4);

export function connectionState(): i32 {
  return bridgeGet(BridgeValue.ConnectionState);
}

export function deviceConnect(_now: u32): i32 {
  return bridgeControl(BridgeControl.Connect, 0, 0);
}

export function deviceDisconnect(reason: i32, seconds: u32, _now: u32): i32 {
  return bridgeControl(BridgeControl.Disconnect, reason, seconds);
}

export function deviceSetKeepalive(interval: i32): i32 {
  return bridgeControl(BridgeControl.Keepalive, interval, 0);
}

export function requestTime(): i32 {
  return bridgeControl(BridgeControl.RequestTime, 0, 0);
}

export function requestVitals(): void {
  bridgeControl(BridgeControl.PublishVitals, 0, 0);
}

/** The time that the queue may take is the host's choice. */
export function queueSleep(seconds: u32, goodbye: bool, _timeout: i32, _now: u32): i32 {
  return bridgeControl(BridgeControl.Sleep, seconds, goodbye ? 1 : 0);
}

export function queueFlush(timeout: i32, _now: u32): i32 {
  return bridgeControl(BridgeControl.Flush, timeout, 0);
}

export function diagnosis(): i32 {
  const number = bridgeGet(BridgeValue.Diagnosis);
  return number < 0 ? Diagnosis.Unknown : number;
}

export function deviceId(): usize {
  bridgeDeviceId(DEVICE_ID);
  return DEVICE_ID;
}

export function offerFunction(name: usize, length: i32, _now: u32): i32 {
  return bridgeRegisterFunction(name, length);
}

export function offerVariable(name: usize, length: i32, type: i32, _now: u32): i32 {
  return bridgeRegisterVariable(name, length, type);
}

export function openSubscription(prefix: usize, length: i32, content: i32, _now: u32): i32 {
  return bridgeSubscribe(prefix, length, content);
}

export function maxDataLength(): i32 {
  const length = bridgeGet(BridgeValue.MaxEventData);
  return length < 0 ? MAX_DATA_LENGTH : length;
}

export function queuePending(): i32 {
  return bridgeGet(BridgeValue.Pending);
}

export function queueState(handle: i32): i32 {
  return bridgeQueue(BridgeQueue.State, handle, 0);
}

export function queueCancel(handle: i32): i32 {
  return bridgeQueue(BridgeQueue.Cancel, handle, 0);
}

export function setFullPolicy(policy: i32): i32 {
  return bridgeQueue(BridgeQueue.Policy, policy, 0);
}

export function setPacing(burst: i32, interval: i32): i32 {
  return bridgeQueue(BridgeQueue.Pacing, burst, interval);
}

export function setMaxData(length: i32): i32 {
  return bridgeQueue(BridgeQueue.MaxData, length, 0);
}

export function meterValue(number: i32): u32 {
  return number < 0 ? 0 : bridgeGet(BridgeValue.Meter + number);
}

export function updateInfo(number: i32): i32 {
  return bridgeGet(number);
}

// ---- the host's, not the application's --------------------------------------------------------

export function queueUseStorage(): i32 {
  return Status.NotSupported;
}

export function setBudget(_operations: u32, _bytes: u64, _policy: i32): i32 {
  return Status.NotSupported;
}

export function setPlan(_plan: i32, _devices: i32, _policy: i32): i32 {
  return Status.NotSupported;
}

export function meterPeriod(_number: u32): void {}

export function meterStore(_operations: u32): void {}
