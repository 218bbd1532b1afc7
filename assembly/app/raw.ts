// The heap-free application interface: names and data as (pointer, length), handlers as plain
// functions. particle.ts builds the string API on it; an application that uses only this file
// allocates nothing and needs no runtime.

import { refuseCall, returnFunction, returnVariable } from "../cloud/responses";
import { RegistryKind, registryAdd } from "../cloud/registry";
import { MAX_FUNCTIONS, MAX_VARIABLES } from "../config";
import { deviceRegistryChanged } from "../connection";
import { enqueue } from "../queue/queue";
import { Status } from "../status";
import { EventHandler, addHandler } from "./subscriptions";

/** Time of the call into the module that runs now, ms. */
let now: u32 = 0;

/** Set the time for everything that the application does until the next call. */
export function setNow(value: u32): void {
  now = value;
}

/** Milliseconds since the device started; wraps after 49.7 days. */
export function millis(): u32 {
  return now;
}

/** Handlers by number of the function or variable: table indices, 0 for none. */
const FUNCTION_HANDLERS: usize = memory.data(400, 4);
const VARIABLE_HANDLERS: usize = memory.data(400, 4);

/** A called function: argument (UTF-8) in, result out. */
export type FunctionHandler = (argument: usize, length: i32) => i32;
/** A read variable: writes its value to `value` (1024 bytes). @returns bytes, negative to refuse */
export type VariableHandler = (value: usize) => i32;

function keep(table: usize, limit: i32, number: i32, handler: u32): i32 {
  if (number < 0) return number;
  if (number >= limit) return Status.NoSpace;
  store<u32>(table + ((<usize>number) << 2), handler);
  deviceRegistryChanged(now);
  return number;
}

/**
 * Offer a function to the cloud.
 * @param name [in] 1...64 bytes of UTF-8
 * @returns its number; Status.InvalidArgument, Status.TooLong, Status.AlreadyRegistered,
 *   Status.NoSpace
 */
export function registerFunction(name: usize, length: i32, handler: FunctionHandler): i32 {
  const number = registryAdd(RegistryKind.Function, 0, name, length);
  return keep(FUNCTION_HANDLERS, MAX_FUNCTIONS, number, handler.index);
}

/**
 * Offer a variable to the cloud.
 * @param type VariableType
 * @returns as `registerFunction`
 */
export function registerVariable(
  name: usize,
  length: i32,
  type: i32,
  handler: VariableHandler,
): i32 {
  const number = registryAdd(RegistryKind.Variable, type, name, length);
  return keep(VARIABLE_HANDLERS, MAX_VARIABLES, number, handler.index);
}

/**
 * Subscribe to events whose name begins with `prefix`.
 * @param content SubscriptionContent
 * @returns number for `removeHandler`; Status.InvalidArgument, Status.TooLong, Status.NoSpace
 */
export function subscribeTo(prefix: usize, length: i32, content: i32, handler: EventHandler): i32 {
  return addHandler(prefix, length, content, handler.index, 0, now);
}

/** Publish an event: (name, length, data, length, content format, ttl, PublishOption bits). */
export { enqueue as publishBytes };

/** A publish ended. @param status Status.Ok or why it failed */
export type PublishHandler = (handle: i32, status: i32) => void;

let publishHandler: u32 = 0;

/** Be told of the end of every publish. */
export function onPublishDone(handler: PublishHandler): void {
  publishHandler = handler.index;
}

// ---- dispatch, for entry.ts -----------------------------------------------------------------

const VALUE: usize = memory.data(1024, 8);
let dispatched: i32 = 0;

/** Number of the function or variable whose handler runs. */
export function dispatchedNumber(): i32 {
  return dispatched;
}

function handlerAt(table: usize, number: i32): u32 {
  dispatched = number;
  return load<u32>(table + ((<usize>number) << 2));
}

export function dispatchFunction(number: i32, call: i32, argument: usize, length: i32): void {
  const handler = handlerAt(FUNCTION_HANDLERS, number);
  if (handler) returnFunction(call, call_indirect<i32>(handler, argument, length));
  else refuseCall(call);
}

export function dispatchVariable(number: i32, call: i32): void {
  const handler = handlerAt(VARIABLE_HANDLERS, number);
  const length = handler ? call_indirect<i32>(handler, VALUE) : -1;
  if (length < 0 || returnVariable(call, VALUE, length) < 0) refuseCall(call);
}

export function dispatchPublishDone(handle: i32, status: i32): void {
  if (publishHandler) call_indirect<void>(publishHandler, handle, status);
}
