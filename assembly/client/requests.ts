// CoAP requests of an application (`standard` profile): RFC 7252 §5 with blockwise transfer
// (RFC 7959) and Observe (RFC 7641). A request has a handle, of which its token is made. Blocks of a
// response come as one event each, the next one being asked for meanwhile; blocks of an upload are
// given one by one as the server asks for them.

import {
  encodeEnd,
  encodeMessage,
  encodeOption,
  encodePayload,
  encodeUintOption,
  messageCode,
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
  optionNext,
  optionNumber,
  optionRewind,
  optionUint,
} from "../coap/message";
import {
  Purpose,
  outboxCapacity,
  outboxCommit,
  outboxFinish,
  outboxNextId,
  outboxSpace,
} from "../coap/outbox";
import { Code, MessageType, Option } from "../coap/protocol";
import { STANDARD } from "../config";
import { EventKind, eventSpace, pushEvent } from "../events";
import { Status } from "../status";
import { equalBytes, storeU16 } from "../util/bytes";

/** Requests open at a time, observations among them. */
const MAX_REQUESTS: i32 = 4;
/** Path and query of a request, bytes together; a block is asked for with the same. */
const TARGET_CAPACITY: i32 = 120;
/** Option value for "leave it out". */
const NONE: i32 = -1;
const MORE: i32 = 8;

/** u16 handle (0 free) | u8 method | u8 path length | u8 query length | u8 flags | u16 accept |
 * u32 last observe value | target 120 */
@unmanaged
class Request {
  handle: u16;
  method: u8;
  pathLength: u8;
  queryLength: u8;
  flags: u8;
  /** Number of the block on its way up (RFC 7959 §2.2). */
  block: u16;
  observed: u32;
}
const REQUEST_SIZE: usize = 132;
const TARGET_OFFSET: usize = 12;

const enum Flag {
  /** The server was asked to notify. */
  Observe = 1,
  /** At least one notification came. */
  Observed = 2,
}

/** Flags of a Response event. */
export const enum ResponseFlag {
  /** Blocks follow. */
  More = 1,
  /** A notification: the request stays open. */
  Notification = 2,
}

// Tables are laid out even where nothing uses them, hence the size.
const REQUESTS: usize = memory.data(STANDARD ? 528 : 4, 4);
const TOKEN: usize = memory.data(2, 2);
let lastHandle: i32 = 0;

// @ts-ignore: decorator
@inline
function requestAt(index: i32): Request {
  return changetype<Request>(REQUESTS + <usize>index * REQUEST_SIZE);
}

/**
 * Token of a request: an observation's is its handle, two bytes; the server knows it for long, over
 * reboots, too. Any other one's is the low byte of its handle, which no other open request has.
 * @returns its length
 */
function tokenOf(request: Request): i32 {
  storeU16(TOKEN, request.handle);
  return request.flags & Flag.Observe ? 2 : 1;
}

/** Whether the decoded message carries the token of this open request. */
function isAnswered(request: Request): bool {
  const length = tokenOf(request);
  return (
    request.handle != 0 &&
    messageTokenLength() == length &&
    equalBytes(messageToken(), TOKEN + 2 - length, length)
  );
}

/** Index of the open request that the decoded message answers; -1 for none. */
function findAnswered(): i32 {
  for (let i = 0; i < MAX_REQUESTS; i++) {
    if (isAnswered(requestAt(i))) return i;
  }
  return -1;
}

/** The next handle. Its low byte is no open request's; the first goes on ahead of earlier boots'. */
function nextHandle(): i32 {
  // Message ids are reserved ahead over reboots, and there are never more handles than ids.
  let handle = lastHandle ? lastHandle : <i32>outboxNextId();
  let isFree: bool;
  do {
    handle = handle == 0xffff ? 1 : handle + 1;
    isFree = true;
    for (let i = 0; i < MAX_REQUESTS; i++) {
      const open = <i32>requestAt(i).handle;
      if (open && (open & 0xff) == (handle & 0xff)) isFree = false;
    }
  } while (!isFree);
  return handle;
}

function find(handle: i32): i32 {
  for (let i = 0; i < MAX_REQUESTS; i++) {
    if (handle && requestAt(i).handle == handle) return i;
  }
  return -1;
}

/** Add an option for each part of `text` between separators; none for an empty text. */
function encodeParts(option: i32, text: usize, length: i32, separator: u32): void {
  let start = 0;
  for (let i = 0; i <= length && length > 0; i++) {
    if (i < length && load<u8>(text + i) != separator) continue;
    encodeOption(option, text + start, i - start);
    start = i + 1;
  }
}

/** Encode a request of the table into the outbox. @returns Status.Ok; Status.NoSpace */
function send(
  index: i32,
  payload: usize,
  length: i32,
  format: i32,
  observe: i32,
  block1: i32,
  block2: i32,
): i32 {
  const request = requestAt(index);
  const target = changetype<usize>(request) + TARGET_OFFSET;
  const tokenLength = tokenOf(request);
  encodeMessage(
    outboxSpace(),
    outboxCapacity(),
    MessageType.Confirmable,
    request.method,
    0,
    TOKEN + 2 - tokenLength,
    tokenLength,
  );
  if (observe >= 0) encodeUintOption(Option.Observe, observe);
  encodeParts(Option.UriPath, target, request.pathLength, 0x2f);
  if (format >= 0) encodeUintOption(Option.ContentFormat, format);
  encodeParts(Option.UriQuery, target + request.pathLength, request.queryLength, 0x26);
  if (block2 >= 0) encodeUintOption(Option.Block2, block2);
  if (block1 >= 0) encodeUintOption(Option.Block1, block1);
  encodePayload(payload, length);
  return outboxCommit(Purpose.Request, request.handle, encodeEnd());
}

/** SZX for a block of this size, 16...1024; -1 for any other size (RFC 7959 §2.2). */
function sizeExponent(size: i32): i32 {
  for (let szx = 0; szx <= 6; szx++) if (size == 16 << szx) return szx;
  return -1;
}

/**
 * Begin a request.
 * @param method Code.Get, Post, Put, Delete
 * @param target [in] path, segments separated by "/", then query, parts separated by "&"
 * @param payload [in] `length` bytes, 0...1024
 * @param format Content-Format of the payload, -1 for none
 * @param observe whether to ask for notifications
 * @param hasMore whether the payload is the first block of more; its length is then 16 * 2^n
 * @returns handle, 1...65535; Status.InvalidArgument; Status.TooLong; Status.NoSpace
 */
export function beginRequest(
  method: i32,
  target: usize,
  pathLength: i32,
  queryLength: i32,
  payload: usize,
  length: i32,
  format: i32,
  observe: bool,
  hasMore: bool,
): i32 {
  if (method < Code.Get || method > Code.Delete) return Status.InvalidArgument;
  if (pathLength < 0 || queryLength < 0 || length < 0) return Status.InvalidArgument;
  if (pathLength + queryLength > TARGET_CAPACITY || length > 1024) return Status.TooLong;
  const szx = sizeExponent(length);
  if (hasMore && szx < 0) return Status.InvalidArgument;
  let index = 0;
  while (index < MAX_REQUESTS && requestAt(index).handle) index++;
  if (index == MAX_REQUESTS) return Status.NoSpace;
  const request = requestAt(index);
  const handle = nextHandle();
  request.handle = <u16>handle;
  request.method = <u8>method;
  request.pathLength = <u8>pathLength;
  request.queryLength = <u8>queryLength;
  request.flags = observe ? <u8>Flag.Observe : 0;
  request.block = 0;
  memory.copy(changetype<usize>(request) + TARGET_OFFSET, target, pathLength + queryLength);
  const block1 = hasMore ? MORE | szx : NONE;
  const status = send(index, payload, length, format, observe ? 0 : NONE, block1, NONE);
  if (status < 0) {
    request.handle = 0;
    return status;
  }
  lastHandle = handle;
  return handle;
}

/**
 * Give the next block of an upload, after a Response event with code 2.31.
 * @returns Status.Ok; Status.NotFound; Status.InvalidArgument (more to come, but not the size of
 *   the blocks before); Status.NoSpace: try again
 */
export function continueRequest(
  handle: i32,
  payload: usize,
  length: i32,
  format: i32,
  szx: i32,
  hasMore: bool,
): i32 {
  const index = find(handle);
  if (index < 0) return Status.NotFound;
  const size = 16 << szx;
  if (szx < 0 || szx > 6 || length > size || (hasMore && length != size)) {
    return Status.InvalidArgument;
  }
  const request = requestAt(index);
  const number = <i32>request.block + 1;
  const block1 = (number << 4) | (hasMore ? MORE : 0) | szx;
  const status = send(index, payload, length, format, NONE, block1, NONE);
  if (status == Status.Ok) request.block = <u16>number;
  return status;
}

/** Give a request up, or end an observation. @returns Status.Ok; Status.NotFound */
export function cancelRequest(handle: i32): i32 {
  const index = find(handle);
  if (index < 0) return Status.NotFound;
  requestAt(index).handle = 0;
  outboxFinish(Purpose.Request, handle);
  return Status.Ok;
}

/** Whether the decoded message carries the token of an open request. */
export function isForRequest(): bool {
  return findAnswered() >= 0;
}

/** A request ended without a response. */
export function requestFailed(handle: i32, status: i32): void {
  const index = find(handle);
  if (index < 0 || status == Status.Ok) return;
  requestAt(index).handle = 0;
  pushEvent(EventKind.Response, handle, status);
}

let observe: i32 = -1;
let block2: i32 = -1;
let contentFormat: u32 = 0;

function readOptions(): void {
  observe = NONE;
  block2 = NONE;
  contentFormat = 0;
  optionRewind();
  while (optionNext()) {
    if (optionNumber() == Option.Observe) observe = <i32>optionUint();
    else if (optionNumber() == Option.Block2) block2 = <i32>optionUint();
    else if (optionNumber() == Option.ContentFormat) contentFormat = optionUint();
  }
}

/** RFC 7641 §3.4, without its clock: older by the 24-bit order is out of date. */
function isOutdated(request: Request): bool {
  if (!(request.flags & Flag.Observed)) return false;
  const step = (observe - <i32>request.observed) & 0xffffff;
  return step == 0 || step >= 0x800000;
}

/**
 * Handle the decoded response to an open request.
 * @returns Status.Ok; Status.NoSpace when the host has not drained its events: the response shall
 *   not be acknowledged
 */
export function handleResponse(): i32 {
  if (eventSpace() < 1) return Status.NoSpace;
  const index = findAnswered();
  const request = requestAt(index);
  const handle = <i32>request.handle;
  readOptions();
  outboxFinish(Purpose.Request, handle);
  const isNotification = observe >= 0 && (request.flags & Flag.Observe) != 0;
  if (isNotification) {
    if (isOutdated(request)) return Status.Ok;
    request.flags |= <u8>Flag.Observed;
    request.observed = observe;
  }
  const hasMore = block2 >= 0 && (block2 & MORE) != 0;
  const continues = messageCode() == Code.Continue;
  let flags = isNotification ? ResponseFlag.Notification : 0;
  if (hasMore) {
    flags |= ResponseFlag.More;
    const next = (((block2 >>> 4) + 1) << 4) | (block2 & 7);
    send(index, 0, 0, NONE, NONE, NONE, next);
  } else if (!isNotification && !continues && !(request.flags & Flag.Observed)) {
    request.handle = 0;
  }
  pushEvent(
    EventKind.Response,
    handle,
    messageCode(),
    <u32>messagePayload(),
    messagePayloadLength(),
    contentFormat,
    flags,
  );
  return Status.Ok;
}
