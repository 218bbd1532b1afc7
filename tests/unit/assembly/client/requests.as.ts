// assembly/client/requests.ts (`standard` profile): RFC 7252 §5, RFC 7959, RFC 7641

import "../support/standard";
import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { EVENT_ENTRIES, STANDARD } from "../../../../assembly/config";
import { EventKind, pushEvent, resetEvents, takeEvent } from "../../../../assembly/events";
import { Status } from "../../../../assembly/status";
import { decodeMessage } from "../../../../assembly/coap/message";
import { Code } from "../../../../assembly/coap/protocol";
import {
  Purpose,
  outboxCommit,
  outboxHas,
  outboxPollDone,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import {
  ResponseFlag,
  beginRequest,
  cancelRequest,
  continueRequest,
  handleResponse,
  isForRequest,
  requestFailed,
} from "../../../../assembly/client/requests";

const NONE: i32 = -1;
/** Handles of requests that observe. */
const observations = new Set<i32>();
const out = heap.alloc(1200);
const event = heap.alloc(32);
const targetAt = heap.alloc(300);
const payload = heap.alloc(1100);
memory.fill(payload, 0x2e, 1100);

/** Begin a request for `path` and `query`. */
function begin(
  method: i32,
  path: string,
  query: string = "",
  length: i32 = 0,
  format: i32 = NONE,
  observe: bool = false,
  hasMore: bool = false,
): i32 {
  const text = path + query;
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, targetAt, false);
  const pathLength = path.length;
  const handle = beginRequest(
    method,
    targetAt,
    pathLength,
    query.length,
    payload,
    length,
    format,
    observe,
    hasMore,
  );
  if (observe && handle > 0) observations.add(handle);
  return handle;
}

/** Bytes of a request's token: an observation's has two, any other one. */
function tokenLength(handle: i32): i32 {
  return observations.has(handle) ? 2 : 1;
}

/** A handle's token, hexadecimal: the handle of an observation, the low byte of any other. */
function token(handle: i32): string {
  return (0x10000 + handle).toString(16).substring(observations.has(handle) ? 1 : 3);
}

/** Send the next message and look at its bytes after message id and token. */
function sent(name: string, handle: i32, expected: string): void {
  memory.fill(out, 0xee, 64);
  let digits = 0;
  for (let i = 0; i < expected.length; i++) if (expected.charCodeAt(i) > 0x20) digits++;
  equal(
    name + ": length",
    outboxPollTransmit(out, 1152, 0, 0),
    3 + tokenLength(handle) + digits / 2,
  );
  equalBytes(name + ": token", out + 4, token(handle));
  equalBytes(name + ": code", out, "4" + tokenLength(handle).toString() + expected.substring(0, 2));
  equalBytes(name, out + 4 + tokenLength(handle), expected.substring(2));
}

/** Receive a message with this handle's token. @returns what `handleResponse` says; -999: not ours */
function respond(code: string, handle: i32, rest: string): i32 {
  const text = "6" + tokenLength(handle).toString() + code + "1234" + token(handle) + rest;
  decodeMessage(bytes(text), text.length / 2);
  return isForRequest() ? handleResponse() : -999;
}

function told(name: string, handle: i32, code: i32, flags: i32): void {
  equal(name, takeEvent(event), EventKind.Response);
  equal(name + ": handle", load<i32>(event, 4), handle);
  equal(name + ": code", load<i32>(event, 8), code);
  equal(name + ": flags", load<i32>(event, 24), flags);
}

function restart(): void {
  outboxReset();
  outboxSetNextId(1);
  resetEvents();
}

check("this build has the standard profile", STANDARD);

section("bytes of a request");
let handle = begin(Code.Get, "a/bc", "x=1&y");
check("has a handle", handle > 0);
sent("path, then query", handle, "01 b161 026263 43783d31 0179");
cancelRequest(handle);
handle = begin(Code.Get, "");
sent("no path", handle, "01");
cancelRequest(handle);
handle = begin(Code.Get, "a//b/");
sent("empty segments stay", handle, "01 b161 00 0162 00");
cancelRequest(handle);
handle = begin(Code.Post, "t", "", 2, 50);
sent("Content-Format between path and payload", handle, "02 b174 1132 ff2e2e");
cancelRequest(handle);
handle = begin(Code.Put, "t", "q", 1, 0);
sent("format 0 is an empty option, then query", handle, "03 b174 10 3171 ff2e");
cancelRequest(handle);
handle = begin(Code.Delete, "t");
sent("DELETE", handle, "04 b174");
cancelRequest(handle);
handle = begin(Code.Get, "t", "", 0, NONE, true);
sent("Observe 0 comes before the path", handle, "01 60 5174");
cancelRequest(handle);
handle = begin(Code.Post, "t", "q", 16, 60, false, true);
sent("Block1 0, more, 16 bytes", handle, "02 b174 113c 3171 c108 ff" + "2e".repeat(16));
cancelRequest(handle);
handle = begin(Code.Put, "t", "", 1024, NONE, false, true);
equal("largest block", outboxPollTransmit(out, 1152, 0, 0), 5 + 2 + 3 + 1 + 1024);
equalBytes("Block1 0, more, 1024 bytes", out + 5, "b174 d1030e ff");
cancelRequest(handle);

section("arguments");
restart();
equal("code 0", begin(0, "t"), Status.InvalidArgument);
equal("a response code", begin(Code.Content, "t"), Status.InvalidArgument);
equal("FETCH", begin(5, "t"), Status.InvalidArgument);
equal("121 bytes of target", begin(Code.Get, "p".repeat(100), "q".repeat(21)), Status.TooLong);
handle = begin(Code.Get, "p".repeat(100), "q".repeat(20));
check("120 bytes", handle > 0);
cancelRequest(handle);
equal("1025 bytes", begin(Code.Post, "t", "", 1025), Status.TooLong);
equal("negative length", begin(Code.Post, "t", "", -1), Status.InvalidArgument);
let refused = 0;
for (let length = 0; length <= 1024; length++) {
  const isSize = length >= 16 && (length & (length - 1)) == 0;
  restart();
  const first = begin(Code.Post, "t", "", length, NONE, false, true);
  if (isSize != first > 0) refused++;
  cancelRequest(first);
}
equal("a first block has 16 * 2^n bytes", refused, 0);
restart();
outboxCommit(Purpose.Publish, 0, 2530);
equal("a full outbox", begin(Code.Get, "t"), Status.NoSpace);
restart();
const next = begin(Code.Get, "t");
cancelRequest(next);
equal("handles count up", begin(Code.Get, "t"), next + 1);
cancelRequest(next + 1);

section("table");
restart();
const handles = new StaticArray<i32>(4);
for (let i = 0; i < 4; i++) handles[i] = begin(Code.Get, "t");
equal("a fifth request", begin(Code.Get, "t"), Status.NoSpace);
equal("unless one ends", cancelRequest(handles[2]), Status.Ok);
equal("once", cancelRequest(handles[2]), Status.NotFound);
const fifth = begin(Code.Get, "t");
check("then there is room", fifth > 0 && fifth != handles[2]);
handles[2] = fifth;
equal("for one", begin(Code.Get, "t"), Status.NoSpace);
for (let i = 0; i < 4; i++) cancelRequest(handles[i]);
while (outboxPollDone(false)) {}
check("a request given up is not sent", !outboxHas(Purpose.Request));
equal("handle 0 is none", cancelRequest(0), Status.NotFound);

section("response");
restart();
handle = begin(Code.Get, "t");
outboxPollTransmit(out, 1152, 0, 0);
equal("of another token", respond("45", handle + 1, ""), -999);
equal("2.05", respond("45", handle, "c132ff6869"), Status.Ok);
told("told", handle, Code.Content, 0);
equal("payload", load<i32>(event, 16), 2);
equalBytes("bytes", load<u32>(event, 12), "6869");
equal("format", load<i32>(event, 20), 50);
check("it is not sent again", !outboxHas(Purpose.Request));
equal("closed", respond("45", handle, ""), -999);
handle = begin(Code.Get, "t");
respond("84", handle, "");
told("4.04 ends it, too", handle, Code.NotFound, 0);
equal("no payload", load<i32>(event, 16), 0);
equal("closed", cancelRequest(handle), Status.NotFound);

section("no response");
handle = begin(Code.Get, "t");
requestFailed(handle, Status.MessageTimeout);
told("a failure is told", handle, Status.MessageTimeout, 0);
equal("closed", cancelRequest(handle), Status.NotFound);
requestFailed(handle, Status.MessageTimeout);
equal("once", takeEvent(event), EventKind.None);
handle = begin(Code.Get, "t");
requestFailed(handle, Status.Ok);
equal("an ACK is no end", takeEvent(event), EventKind.None);
equal("the request stays", cancelRequest(handle), Status.Ok);

section("response in blocks");
restart();
handle = begin(Code.Get, "t", "q", 0, 60);
sent("first", handle, "01 b174 113c 3171");
respond("45", handle, "d10a0aff" + "2e".repeat(64));
told("block 0 of 64 bytes", handle, Code.Content, ResponseFlag.More);
equal("payload", load<i32>(event, 16), 64);
sent("asks for block 1, same target and size", handle, "01 b174 4171 8112");
respond("45", handle, "d10a1aff" + "2e".repeat(64));
told("block 1", handle, Code.Content, ResponseFlag.More);
sent("asks for block 2", handle, "01 b174 4171 8122");
respond("45", handle, "d10a22ff2e");
told("the last block", handle, Code.Content, 0);
equal("closed", respond("45", handle, ""), -999);
handle = begin(Code.Get, "t");
outboxPollTransmit(out, 1152, 0, 0);
respond("45", handle, "d20affeeff" + "2e");
told("a block number of two bytes", handle, Code.Content, ResponseFlag.More);
sent("asks for the next of two", handle, "01 b174 c2fff6");
cancelRequest(handle);

section("upload in blocks");
restart();
handle = begin(Code.Put, "t", "", 32, 42, false, true);
sent("block 0", handle, "03 b174 112a d10209 ff" + "2e".repeat(32));
respond("5f", handle, "d10e09");
told("2.31", handle, Code.Continue, 0);
const again = continueRequest(handle, payload, 32, 42, 1, true);
equal("goes on", again, Status.Ok);
sent("block 1", handle, "03 b174 112a d10219 ff" + "2e".repeat(32));
equal(
  "more, but shorter",
  continueRequest(handle, payload, 31, 42, 1, true),
  Status.InvalidArgument,
);
equal("longer", continueRequest(handle, payload, 33, 42, 1, false), Status.InvalidArgument);
equal("size 7", continueRequest(handle, payload, 16, 42, 7, false), Status.InvalidArgument);
equal("size -1", continueRequest(handle, payload, 16, 42, -1, false), Status.InvalidArgument);
equal("of no request", continueRequest(handle + 1, payload, 1, 42, 1, false), Status.NotFound);
respond("5f", handle, "d10e19");
takeEvent(event);
continueRequest(handle, payload, 5, 42, 1, false);
sent("the last, 5 bytes", handle, "03 b174 112a d10221 ff2e2e2e2e2e");
respond("44", handle, "");
told("2.04", handle, Code.Changed, 0);
equal("closed", cancelRequest(handle), Status.NotFound);
handle = begin(Code.Put, "t", "", 32, 42, false, true);
outboxPollTransmit(out, 1152, 0, 0);
outboxReset();
outboxCommit(Purpose.Publish, 0, 2530);
equal("a full outbox", continueRequest(handle, payload, 32, 42, 1, true), Status.NoSpace);
outboxReset();
continueRequest(handle, payload, 32, 42, 1, true);
sent("does not skip a block", handle, "03 b174 112a d10219 ff" + "2e".repeat(32));
cancelRequest(handle);

/** Receive a notification with this Observe value. @returns whether it was told */
function notified(value: string): bool {
  respond("45", handle, "6" + (value.length / 2).toString() + value + "ff2e");
  const kind = takeEvent(event);
  return kind == EventKind.Response && load<i32>(event, 24) == ResponseFlag.Notification;
}

section("notifications, RFC 7641 §3.4");
restart();
handle = begin(Code.Get, "t", "", 0, NONE, true);
outboxPollTransmit(out, 1152, 0, 0);
check("the first, whatever its number", notified("05"));
check("a later one", notified("06"));
check("the same again is out of date", !notified("06"));
check("an earlier one too", !notified("05"));
check("the largest step", notified("800005"));
check("half the range is no step", !notified("000005"));
check("the next", notified("ffffff"));
check("across the wrap", notified(""));
check("and on", notified("01"));
equal("an error", respond("84", handle, ""), Status.Ok);
told("without Observe is told", handle, Code.NotFound, 0);
cancelRequest(handle);
handle = begin(Code.Get, "t");
respond("45", handle, "6105ff2e");
told("Observe that was not asked for", handle, Code.Content, 0);
equal("is a plain response", cancelRequest(handle), Status.NotFound);
handle = begin(Code.Get, "t", "", 0, NONE, true);
respond("45", handle, "ff2e");
told("a server that does not observe", handle, Code.Content, 0);
equal("ends it with the response", cancelRequest(handle), Status.NotFound);

section("events that are not drained");
restart();
handle = begin(Code.Get, "t");
for (let i = 0; i < EVENT_ENTRIES; i++) pushEvent(EventKind.Time);
equal("no space", respond("45", handle, ""), Status.NoSpace);
resetEvents();
equal("the request stays", respond("45", handle, ""), Status.Ok);
told("and is answered", handle, Code.Content, 0);

finish();
