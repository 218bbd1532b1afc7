// The short requests of the device: ping, time, goodbye.

import {
  encodeByteOption,
  encodeEnd,
  encodeMessage,
  encodeOption,
  encodePayload,
} from "../coap/message";
import { Purpose, outboxCapacity, outboxCommit, outboxHas, outboxSpace } from "../coap/outbox";
import { Code, MessageType, Option } from "../coap/protocol";
import { answerType, isReliable } from "../coap/reliability";
import { TCP } from "../config";
import { Status } from "../status";
import { Resource } from "./protocol";
import { lastToken, newToken } from "./tokens";

/** Reason and sleep duration as LEB128: 1 + 5 + 5 bytes at most. */
const GOODBYE: usize = memory.data(12, 4);
const GOODBYE_REASON: u32 = 0x01;
const GOODBYE_SLEEP: u32 = 0x04;

let timeToken: i32 = -1;

/** Queue a ping, an Empty confirmable message of 4 bytes. @returns Status.Ok; Status.NoSpace */
export function sendPing(): i32 {
  encodeMessage(outboxSpace(), outboxCapacity(), MessageType.Confirmable, Code.Empty, 0, 0, 0);
  return outboxCommit(Purpose.Ping, 0, encodeEnd());
}

/**
 * Ask for the time.
 * @returns Status.Ok; Status.InvalidState while a request is on its way; Status.NoSpace
 */
export function requestTime(): i32 {
  if (outboxHas(Purpose.Time)) return Status.InvalidState;
  encodeMessage(
    outboxSpace(),
    outboxCapacity(),
    MessageType.Confirmable,
    Code.Get,
    0,
    newToken(),
    1,
  );
  encodeByteOption(Option.UriPath, Resource.Time);
  const status = outboxCommit(Purpose.Time, 0, encodeEnd());
  if (status == Status.Ok) timeToken = lastToken();
  return status;
}

/** Whether a response with this token answers the last time request. */
export function isTimeToken(token: usize, length: i32): bool {
  return length == 1 && timeToken >= 0 && <i32>load<u8>(token) == timeToken;
}

/** Append a LEB128 number at `at`. @returns where it ends */
function putVarint(at: usize, value: u32): usize {
  while (value >= 0x80) {
    store<u8>(at, (value & 0x7f) | 0x80);
    value >>>= 7;
    at += 1;
  }
  store<u8>(at, value);
  return at + 1;
}

/**
 * Say goodbye.
 * @param reason DisconnectReason
 * @param sleepSeconds how long the device will sleep; 0 is not sent
 * @returns Status.Ok; Status.NoSpace
 */
export function sendGoodbye(reason: u32, sleepSeconds: u32): i32 {
  encodeMessage(outboxSpace(), outboxCapacity(), answerType(), Code.Post, 0, 0, 0);
  encodeByteOption(Option.UriPath, Resource.Goodbye);
  if (TCP) {
    if (isReliable()) encodeOption(Option.NoResponse, 0, 0);
  }
  let at = putVarint(GOODBYE, GOODBYE_REASON | (sleepSeconds ? GOODBYE_SLEEP : 0));
  at = putVarint(at, reason);
  if (sleepSeconds) at = putVarint(at, sleepSeconds);
  encodePayload(GOODBYE, <i32>(at - GOODBYE));
  return outboxCommit(Purpose.Goodbye, 0, encodeEnd());
}
