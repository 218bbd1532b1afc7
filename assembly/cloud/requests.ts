// Requests of the server, by resource. Each handler says how the request is to be acknowledged:
// Code.Empty (an answer follows separately, or none is needed), a response code to piggyback, or
// Status.NoSpace when it cannot be served now: then it is not acknowledged, and comes again.

import { MAX_DATA_LENGTH, OTA, TCP } from "../config";
import {
  messageCode,
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
  optionLength,
  optionNext,
  optionNumber,
  optionRewind,
  optionUint,
  optionValue,
} from "../coap/message";
import { outboxCapacity } from "../coap/outbox";
import { Code, Option } from "../coap/protocol";
import { EventKind, eventSpace, pushEvent } from "../events";
import { Status } from "../status";
import { CallKind, callOpen } from "./calls";
import { Served } from "../util/traffic";
import { describeAnswer } from "./describe";
import { ContentFormat, Resource } from "./protocol";
import { isReservedName } from "./publisher";
import { RegistryKind, registryDetail, registryFind } from "./registry";
import { respond } from "./responses";
import { handleServerMoved } from "./server-moved";
import { handleEvent } from "./subscriptions";
import { handleForced } from "./update-flags";

/** Room for a separate response without a value. */
const SMALL_RESPONSE: i32 = 24;

let resource: i32 = 0;
let name: usize = 0;
let nameLength: i32 = 0;
let query: usize = 0;
let queryLength: i32 = 0;
let contentFormat: u32 = 0;
let block2: i32 = -1;
let keyChangeAsked: bool = false;
let serverHelloCame: bool = false;

/** Whether PUT /k came since the last call. */
export function takeKeyChange(): bool {
  const result = keyChangeAsked;
  keyChangeAsked = false;
  return result;
}

/** Whether POST /h came since the last call: over TCP, the answer to our Hello. */
export function takeServerHello(): bool {
  const result = serverHelloCame;
  serverHelloCame = false;
  return result;
}

/** Whether the request handled last was an event. */
export function wasEvent(): bool {
  return resource == Resource.Event || resource == Resource.LowerEvent;
}

/** Add a Uri-Path segment to the name: segments after the first are joined with "/". */
function addSegment(isFirst: bool): void {
  const value = optionValue();
  const length = optionLength();
  if (isFirst) {
    resource = length == 1 ? <i32>load<u8>(value) : 0;
    return;
  }
  if (!name) {
    name = value;
    nameLength = length;
    return;
  }
  // The header of each option left room for the slash; options before this one are read already.
  store<u8>(name + nameLength, 0x2f);
  memory.copy(name + nameLength + 1, value, length);
  nameLength += 1 + length;
}

/**
 * Collect the options of the decoded request.
 * @returns Status.Ok; Status.InvalidArgument for a critical option that is not understood
 *   (RFC 7252 §5.4.1)
 */
function readOptions(): i32 {
  resource = 0;
  name = 0;
  nameLength = 0;
  query = 0;
  queryLength = 0;
  contentFormat = ContentFormat.Text;
  block2 = -1;
  let segments = 0;
  optionRewind();
  while (optionNext()) {
    const number = optionNumber();
    if (number == Option.UriPath) {
      addSegment(segments == 0);
      segments += 1;
    } else if (number == Option.UriQuery) {
      if (!query) {
        query = optionValue();
        queryLength = optionLength();
      }
    } else if (number == Option.ContentFormat) {
      contentFormat = optionUint();
    } else if (number == Option.Block2) {
      // RFC 7959 §2.2: 0...3 bytes; 7 is no size, so that a longer one is refused with it
      block2 = optionLength() > 3 ? 7 : <i32>optionUint();
    } else if (number & 1) {
      return Status.InvalidArgument;
    }
  }
  return Status.Ok;
}

/** What the request handled last was for, as Served; events of the system are Other. */
export function servedKind(): i32 {
  if (resource == Resource.Function) return Served.Function;
  if (resource == Resource.Variable) return Served.Variable;
  const isEvent = resource == Resource.Event || resource == Resource.LowerEvent;
  return isEvent && !isReservedName(name, nameLength) ? Served.Event : Served.Other;
}

/**
 * Handle the decoded request.
 * @returns Code.Empty or a response code to acknowledge with; Status.NoSpace: do not acknowledge
 */
export function handleRequest(now: u32): i32 {
  if (readOptions() < 0) return Code.BadOption;
  // Every kind of request but an event is answered, or told to the host once.
  const isEvent = resource == Resource.Event || resource == Resource.LowerEvent;
  if (!isEvent && !hasRoom()) return Status.NoSpace;
  switch (messageCode()) {
    case Code.Get:
      if (resource == Resource.Variable) return handleVariable();
      if (resource == Resource.Describe) return handleDescribe(now);
      break;
    case Code.Post:
      if (isEvent) return handleInboundEvent();
      if (resource == Resource.Function) return handleFunction();
      if (resource == Resource.Moved) return handleServerMoved();
      if (resource == Resource.Hello) return handleHello();
      break;
    case Code.Put:
      if (resource == Resource.Signal) return handleSignal();
      if (resource == Resource.KeyChange) return handleKeyChange();
      break;
    default:
      break;
  }
  return Code.NotFound;
}

function handleInboundEvent(): i32 {
  const data = messagePayload();
  if (OTA) {
    if (handleForced(name, nameLength, data, messagePayloadLength())) return Code.Empty;
  }
  const status = handleEvent(name, nameLength, data, messagePayloadLength(), contentFormat);
  return status < 0 ? status : Code.Empty;
}

function handleHello(): i32 {
  if (TCP) serverHelloCame = true;
  return Code.Empty;
}

/** 4.04 as a separate response, where a Particle server waits for one. */
function answerNotFound(): i32 {
  const status = respond(Code.NotFound, messageToken(), messageTokenLength(), 0, 0);
  return status < 0 ? status : Code.Empty;
}

/** Whether the host can be asked, and its answer be sent. */
function hasRoom(): bool {
  return eventSpace() > 0 && outboxCapacity() >= SMALL_RESPONSE;
}

function handleFunction(): i32 {
  if (queryLength > MAX_DATA_LENGTH) return Code.BadRequest;
  const target = registryFind(RegistryKind.Function, name, nameLength);
  if (target < 0) return answerNotFound();
  const call = callOpen(CallKind.Function, target, messageToken(), messageTokenLength());
  if (call < 0) return Code.ServiceUnavailable;
  pushEvent(EventKind.FunctionCall, target, call, <u32>query, queryLength);
  return Code.Empty;
}

function handleVariable(): i32 {
  const target = registryFind(RegistryKind.Variable, name, nameLength);
  if (target < 0) return answerNotFound();
  const type = registryDetail();
  const call = callOpen(CallKind.Variable, target, messageToken(), messageTokenLength());
  if (call < 0) return Code.ServiceUnavailable;
  pushEvent(EventKind.VariableRequest, target, call, type);
  return Code.Empty;
}

function handleDescribe(now: u32): i32 {
  if (queryLength != 1) return Code.BadRequest;
  return describeAnswer(load<u8>(query), block2, messageToken(), messageTokenLength(), now);
}

function handleSignal(): i32 {
  if (queryLength != 1) return Code.BadRequest;
  pushEvent(EventKind.Signal, load<u8>(query) == 1 ? 1 : 0);
  return Code.Changed;
}

function handleKeyChange(): i32 {
  if (queryLength == 1 && load<u8>(query) == 1) keyChangeAsked = true;
  return Code.Empty;
}
