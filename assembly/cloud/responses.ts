// Separate responses (RFC 7252 §5.2.2): the request was acknowledged at once, the answer follows
// as a confirmable message with its token, as the Particle server expects it; over TCP as one that is
// not confirmable.

import { MAX_CALLS, MAX_DATA_LENGTH } from "../config";
import { encodeEnd, encodeMessage, encodePayload } from "../coap/message";
import { Purpose, outboxCapacity, outboxCommit, outboxSpace } from "../coap/outbox";
import { Code } from "../coap/protocol";
import { answerType } from "../coap/reliability";
import { Status } from "../status";
import { storeU32 } from "../util/bytes";
import {
  CallKind,
  callClose,
  callFind,
  callNumber,
  callTarget,
  callToken,
  callTokenLength,
} from "./calls";
import { VariableType } from "./protocol";
import { RegistryKind, registryDetail, registryOpen } from "./registry";

const RESULT: usize = memory.data(4, 4);

/**
 * Queue a separate response.
 * @param payload [in] `length` bytes
 * @returns Status.Ok; Status.NoSpace
 */
export function respond(
  code: i32,
  token: usize,
  tokenLength: i32,
  payload: usize,
  length: i32,
): i32 {
  encodeMessage(outboxSpace(), outboxCapacity(), answerType(), code, 0, token, tokenLength);
  encodePayload(payload, length);
  return outboxCommit(Purpose.Response, 0, encodeEnd());
}

/**
 * Answer a function call: 2.04 with the result as 32 bits, big-endian.
 * @returns Status.Ok; Status.NotFound (no such call, or its connection is gone); Status.NoSpace
 */
export function returnFunction(call: i32, result: i32): i32 {
  if (callFind(call, CallKind.Function) < 0) return Status.NotFound;
  storeU32(RESULT, result);
  return answer(Code.Changed, RESULT, 4);
}

/** Answer a call that has no result: 2.04. @returns Status.Ok; Status.NotFound; Status.NoSpace */
export function returnEmpty(call: i32): i32 {
  if (callFind(call, CallKind.Move) < 0) return Status.NotFound;
  return answer(Code.Changed, 0, 0);
}

/** Queue the answer to the call found last and close it. @returns Status.Ok; Status.NoSpace */
function answer(code: i32, payload: usize, length: i32): i32 {
  const status = respond(code, callToken(), callTokenLength(), payload, length);
  if (status == Status.Ok) callClose();
  return status;
}

/** Bytes that a value of this type has; -1 for any up to the limit. */
function sizeOf(type: u32): i32 {
  if (type == VariableType.Bool) return 1;
  if (type == VariableType.Int) return 4;
  return type == VariableType.Double ? 8 : -1;
}

/**
 * Answer a variable read: 2.05 with the value. Bool is 1 byte; int goes out big-endian, double
 * little-endian; a string has no terminator.
 * @param value [in] the value as linear memory holds it (little-endian), `length` bytes
 * @returns Status.Ok; Status.NotFound; Status.InvalidArgument (length does not fit the type);
 *   Status.TooLong; Status.NoSpace
 */
export function returnVariable(call: i32, value: usize, length: i32): i32 {
  if (callFind(call, CallKind.Variable) < 0) return Status.NotFound;
  if (!registryOpen(RegistryKind.Variable, callTarget())) return Status.NotFound;
  const type = registryDetail();
  const expected = sizeOf(type);
  if (length < 0 || (expected >= 0 && length != expected)) return Status.InvalidArgument;
  if (length > MAX_DATA_LENGTH) return Status.TooLong;
  if (type == VariableType.Int) {
    storeU32(RESULT, load<u32>(value));
    return answer(Code.Content, RESULT, length);
  }
  return answer(Code.Content, value, length);
}

/**
 * Refuse a call or read that the application cannot serve: 5.00; a move, which is not genuine: 4.03.
 * @returns Status.Ok; Status.NotFound; Status.NoSpace
 */
export function refuseCall(call: i32): i32 {
  for (let kind: i32 = CallKind.Function; kind <= CallKind.Move; kind++) {
    if (callFind(call, kind) < 0) continue;
    return answer(kind == CallKind.Move ? Code.Forbidden : Code.InternalServerError, 0, 0);
  }
  return Status.NotFound;
}

/**
 * Refuse the calls that wait of these functions and variables, and of all after them: who should
 * answer is gone. Those that find no room time out.
 */
export function refuseCalls(functions: i32, variables: i32): void {
  for (let i = 0; i < MAX_CALLS; i++) {
    const call = callNumber(i);
    const isFunction = callFind(call, CallKind.Function) == Status.Ok;
    if (!isFunction && callFind(call, CallKind.Variable) < 0) continue;
    if (callTarget() >= (isFunction ? functions : variables)) refuseCall(call);
  }
}
