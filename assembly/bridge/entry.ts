// Exports of an application module, beside `setup()` and `loop()` of the application's own file. The host
// calls `app_clock` before each call, leaves bytes of an event at `app_buffer`, and calls `app_event`.

import { ARGUMENT_CAPACITY } from "../config";
import { EventKind } from "../events";
import { Status } from "../status";
import { uptimeAdvance } from "../util/uptime";
import {
  dispatchPublishDone,
  functionHandler,
  readVariable,
  runFunction,
  setNow,
} from "../app/raw";
import { dispatchEvent } from "../app/subscriptions";
import { dispatchSystem } from "../app/system";
import { vitalsPoll } from "../app/vitals";

/** Names and data of an event, arguments of functions, values of variables. */
const BUFFER: usize = memory.data(1152, 8);

/** Version of this interface. */
export function app_abi(): i32 {
  return 1;
}

/** @returns address of `app_buffer_capacity()` bytes for the bytes of an event */
export function app_buffer(): usize {
  return BUFFER;
}

export function app_buffer_capacity(): i32 {
  return ARGUMENT_CAPACITY;
}

/**
 * Tell the time, before each call of another function. No object is in use now but those that module
 * variables lead to, so this is where a collecting runtime collects.
 * @param now ms, wrapping
 */
export function app_clock(now: u32): void {
  __collect();
  setNow(now);
  uptimeAdvance(now);
  vitalsPoll(now);
}

/**
 * Hand an event to the application; bytes that belong to it are in the buffer.
 * @param kind EventKind
 * @param a FunctionCall, VariableRequest: number; EventReceived: subscription; PublishDone: handle;
 *   else the field of the core's event
 * @param b FunctionCall: bytes of the argument; VariableRequest: VariableType; EventReceived: bytes of
 *   the name, which comes first; PublishDone: Status
 * @param c EventReceived: bytes of the data, which follow the name
 * @param d EventReceived: Content-Format
 * @returns FunctionCall: 0, and the result as i32 in the buffer; VariableRequest: length of the value
 *   in the buffer; negative: nobody answers. Others: 0
 */
export function app_event(kind: i32, a: i32, b: i32, c: i32, _d: i32): i32 {
  switch (kind) {
    case EventKind.FunctionCall:
      return answerFunction(a, b);
    case EventKind.VariableRequest:
      return readVariable(a, BUFFER);
    case EventKind.EventReceived:
      dispatchEvent(a, BUFFER, b, BUFFER + <usize>b, c);
      break;
    case EventKind.PublishDone:
      dispatchPublishDone(a, b);
      break;
    default:
      dispatchSystem(kind, a);
  }
  return 0;
}

function answerFunction(number: i32, length: i32): i32 {
  const handler = functionHandler(number);
  if (!handler) return Status.NotFound;
  store<i32>(BUFFER, runFunction(handler, BUFFER, length));
  return 0;
}
