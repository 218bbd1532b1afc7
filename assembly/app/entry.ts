// Exports of a module that holds an application beside the core. The application's own file exports
// `setup()` and `loop()`; the host calls `app_clock` before either, and `app_poll_event` in place of
// `poll_event`: events for the application go to its handlers, the others to the host.

export * from "../api";

import { refuseCall, returnFunction, returnVariable } from "../cloud/responses";
import { EVENT_SIZE } from "../config";
import { EventKind } from "../events";
import { event_buffer } from "../index";
import { queuePollEvent } from "../queue/delivery";
import { uptimeAdvance } from "../util/uptime";
import { dispatchPublishDone, functionHandler, readVariable, runFunction, setNow } from "./raw";
import { dispatchEvent } from "./subscriptions";
import { dispatchSystem } from "./system";
import { vitalsPoll } from "./vitals";

/** A variable's value on its way to the cloud. */
const VALUE: usize = memory.data(1024, 8);

/** Tell the application the time, ms. */
export function app_clock(now: u32): void {
  setNow(now);
  uptimeAdvance(now);
  vitalsPoll(now);
}

/** @returns kind of the next event for the host, in the event buffer; 0 when there is none */
export function app_poll_event(now: u32): i32 {
  setNow(now);
  const event = event_buffer();
  let kind: i32;
  while ((kind = queuePollEvent(event)) != EventKind.None) {
    if (!dispatch(kind, event)) return kind;
  }
  memory.fill(event, 0, EVENT_SIZE);
  return EventKind.None;
}

function answerFunction(number: i32, call: i32, argument: usize, length: i32): void {
  const handler = functionHandler(number);
  if (handler) returnFunction(call, runFunction(handler, argument, length));
  else refuseCall(call);
}

function answerVariable(number: i32, call: i32): void {
  const length = readVariable(number, VALUE);
  if (length < 0 || returnVariable(call, VALUE, length) < 0) refuseCall(call);
}

/** @returns whether the event was the application's */
function dispatch(kind: i32, event: usize): bool {
  const a = load<u32>(event, 4);
  const b = load<u32>(event, 8);
  const c = load<u32>(event, 12);
  const d = load<u32>(event, 16);
  switch (kind) {
    case EventKind.FunctionCall:
      answerFunction(a, b, c, d);
      return true;
    case EventKind.VariableRequest:
      answerVariable(a, b);
      return true;
    case EventKind.EventReceived:
      dispatchEvent(a, b, c, d, load<u32>(event, 20));
      return true;
    case EventKind.PublishDone:
      // The host may have published, too: it hears of it as well.
      dispatchPublishDone(a, b);
      return false;
    default:
      dispatchSystem(kind, a);
      return false;
  }
}
