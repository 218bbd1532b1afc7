// The heap-free application interface: names and data as (pointer, length), handlers as plain
// functions. particle.ts builds the string API on it; an application that uses only this file
// allocates nothing and needs no runtime.

import { Status } from "../status";
import { REGISTRATIONS, enqueue, offerFunction, offerVariable } from "./core";
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
// @ts-ignore: decorator
@lazy
const FUNCTION_HANDLERS: usize = memory.data(4 * REGISTRATIONS, 4);
// @ts-ignore: decorator
@lazy
const VARIABLE_HANDLERS: usize = memory.data(4 * REGISTRATIONS, 4);

/** A called function: argument (UTF-8) in, result out. */
export type FunctionHandler = (argument: usize, length: i32) => i32;
/** A read variable: writes its value to `value` (1024 bytes). @returns bytes, negative to refuse */
export type VariableHandler = (value: usize) => i32;

function keep(table: usize, number: i32, handler: u32): i32 {
  if (number < 0) return number;
  if (number >= REGISTRATIONS) return Status.NoSpace;
  store<u32>(table + ((<usize>number) << 2), handler);
  return number;
}

/**
 * Offer a function to the cloud.
 * @param name [in] 1...64 bytes of UTF-8
 * @returns its number; Status.InvalidArgument, Status.TooLong, Status.AlreadyRegistered,
 *   Status.NoSpace
 */
export function registerFunction(name: usize, length: i32, handler: FunctionHandler): i32 {
  return keep(FUNCTION_HANDLERS, offerFunction(name, length, now), handler.index);
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
  return keep(VARIABLE_HANDLERS, offerVariable(name, length, type, now), handler.index);
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

// ---- dispatch, for the entry files ------------------------------------------------------------

let dispatched: i32 = 0;

/** Number of the function or variable whose handler runs. */
export function dispatchedNumber(): i32 {
  return dispatched;
}

function handlerAt(table: usize, number: i32): u32 {
  dispatched = number;
  return load<u32>(table + ((<usize>number) << 2));
}

/** Handler of a function, for `runFunction`; 0 for none. */
export function functionHandler(number: i32): u32 {
  return handlerAt(FUNCTION_HANDLERS, number);
}

export function runFunction(handler: u32, argument: usize, length: i32): i32 {
  return call_indirect<i32>(handler, argument, length);
}

/** @param value [out] 1024 bytes @returns bytes of the value; negative: nobody gives one */
export function readVariable(number: i32, value: usize): i32 {
  const handler = handlerAt(VARIABLE_HANDLERS, number);
  return handler ? call_indirect<i32>(handler, value) : -1;
}

export function dispatchPublishDone(handle: i32, status: i32): void {
  if (publishHandler) call_indirect<void>(publishHandler, handle, status);
}
