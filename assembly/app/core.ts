// The port of the application interface: everything that the other files here take from the core. This
// one is for an application that is linked with the core; an application module, which runs beside it,
// gets assembly/bridge/core.ts in its place, with the same names.

import { describeRequest } from "../cloud/describe";
import { DEVICE_ID } from "../cloud/identity";
import { DescribeType } from "../cloud/protocol";
import { RegistryKind, registryAdd } from "../cloud/registry";
import { subscribe } from "../cloud/subscriptions";
import { deviceRegistryChanged } from "../connection";
import { Status } from "../status";

export { requestTime } from "../cloud/small-messages";
export { connectionState, deviceConnect, deviceDisconnect } from "../connection";
export { randomFill } from "../crypto/random";
export { deviceSetKeepalive } from "../device";
export { setBudget, setPlan } from "../meter/budget";
export { meterPeriod, meterStore, meterValue } from "../meter/operations";
export { diagnosis } from "../queue/diagnosis";
export { queueFlush, queueSleep } from "../queue/flush";
export { setPacing } from "../queue/pacing";
export {
  enqueue,
  maxDataLength,
  queueCancel,
  queuePending,
  queueState,
  queueUseStorage,
  setFullPolicy,
  setMaxData,
} from "../queue/queue";
export { logBytes } from "../util/log";

/** Functions and variables at most, each; handlers of events; prefixes that go over the wire. */
// @ts-ignore: decorator
@inline
export const REGISTRATIONS: i32 = 100;
// @ts-ignore: decorator
@inline
export const EVENT_HANDLERS: i32 = 32;
// @ts-ignore: decorator
@inline
export const WIRE_SUBSCRIPTIONS: i32 = 8;

/** Offer a function to the cloud. @returns its number; a Status, see `registerFunction` */
export function offerFunction(name: usize, length: i32, now: u32): i32 {
  return offer(RegistryKind.Function, 0, name, length, now);
}

/** Offer a variable to the cloud. @param type VariableType @returns as `offerFunction` */
export function offerVariable(name: usize, length: i32, type: i32, now: u32): i32 {
  return offer(RegistryKind.Variable, type, name, length, now);
}

function offer(kind: i32, type: i32, name: usize, length: i32, now: u32): i32 {
  const number = registryAdd(kind, type, name, length);
  if (number >= 0) deviceRegistryChanged(now);
  return number;
}

/** Subscribe on the wire. @returns number of the subscription; a Status, see `subscribeTo` */
export function openSubscription(prefix: usize, length: i32, content: i32, now: u32): i32 {
  const number = subscribe(prefix, length, content);
  if (number >= 0) deviceRegistryChanged(now);
  return number;
}

/** Send vitals. */
export function requestVitals(): void {
  describeRequest(DescribeType.Metrics);
}

/** The device id, 12 bytes. */
export function deviceId(): usize {
  return DEVICE_ID;
}

/** What an application may say about updates of itself: it is one with the core, so nothing. */
export function updateControl(_number: i32, _value: i32): i32 {
  return Status.NotSupported;
}

/** What an application may ask about updates of itself. */
export function updateInfo(_number: i32): i32 {
  return Status.NotSupported;
}
