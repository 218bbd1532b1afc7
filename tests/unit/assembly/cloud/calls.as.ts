// assembly/cloud/calls.ts

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { MAX_CALLS } from "../../../../assembly/config";
import { Status } from "../../../../assembly/status";
import {
  CallKind,
  callClose,
  callFind,
  callOpen,
  callTarget,
  callToken,
  callTokenLength,
  callsReset,
} from "../../../../assembly/cloud/calls";

const token = bytes("a1a2a3a4a5a6a7a8a9");

section("one call");
callsReset();
const call = callOpen(CallKind.Function, 7, token, 1);
check("has a number", call > 0);
equal("is found", callFind(call, CallKind.Function), Status.Ok);
equal("its target", callTarget(), 7);
equal("its token", callTokenLength(), 1);
equalBytes("the byte", callToken(), "a1");
equal("not as a variable read", callFind(call, CallKind.Variable), Status.NotFound);
equal("not as free", callFind(call, CallKind.Free), Status.NotFound);
equal("finding does not end it", callFind(call, CallKind.Function), Status.Ok);
callClose();
equal("closed it is not found", callFind(call, CallKind.Function), Status.NotFound);

section("numbers that are none");
callOpen(CallKind.Function, 0, token, 1);
equal("0", callFind(0, CallKind.Function), Status.NotFound);
equal("-1", callFind(-1, CallKind.Function), Status.NotFound);
equal("the lowest", callFind(i32.MIN_VALUE, CallKind.Function), Status.NotFound);
equal("the highest", callFind(i32.MAX_VALUE, CallKind.Function), Status.NotFound);
equal("another serial", callFind(0x7ff0, CallKind.Function), Status.NotFound);
equal("past the table", callFind((1 << 4) | 8, CallKind.Function), Status.NotFound);
equal("the last of 16", callFind((1 << 4) | 15, CallKind.Function), Status.NotFound);

section("tokens");
callsReset();
const none = callOpen(CallKind.Variable, 0, 0, 0);
callFind(none, CallKind.Variable);
equal("none", callTokenLength(), 0);
const long = callOpen(CallKind.Variable, 0xffff, token, 8);
callFind(long, CallKind.Variable);
equalBytes("8 bytes", callToken(), "a1a2a3a4a5a6a7a8");
equal("the highest target", callTarget(), 0xffff);
const longer = callOpen(CallKind.Variable, 0, token, 9);
callFind(longer, CallKind.Variable);
equal("9 are cut to 8", callTokenLength(), 8);

section("table");
callsReset();
const calls = new StaticArray<i32>(MAX_CALLS);
for (let i = 0; i < MAX_CALLS; i++) calls[i] = callOpen(CallKind.Function, i, token + i, 1);
equal("a ninth", callOpen(CallKind.Function, 9, token, 1), Status.NoSpace);
let wrong = 0;
for (let i = 0; i < MAX_CALLS; i++) {
  if (callFind(calls[i], CallKind.Function) != Status.Ok || callTarget() != i) wrong++;
  if (load<u8>(callToken()) != 0xa1 + i) wrong++;
  for (let k = 0; k < i; k++) if (calls[k] == calls[i]) wrong++;
}
equal("each has its own number, target and token", wrong, 0);
callFind(calls[3], CallKind.Function);
callClose();
const taken = callOpen(CallKind.Variable, 44, token, 1);
check("a closed place is taken again", taken > 0);
check("under another number", taken != calls[3]);
equal("a stale answer finds nothing", callFind(calls[3], CallKind.Function), Status.NotFound);
equal("of either kind", callFind(calls[3], CallKind.Variable), Status.NotFound);
equal("the new call is found", callFind(taken, CallKind.Variable), Status.Ok);

section("session's end");
callsReset();
equal("forgets all", callFind(taken, CallKind.Variable), Status.NotFound);
const after = callOpen(CallKind.Function, 0, token, 1);
check("numbers go on after it", after != calls[0] && after > 0);
equal("no call of before is found", callFind(calls[0], CallKind.Function), Status.NotFound);

section("serials");
let repeated = 0;
let negative = 0;
let last = 0;
for (let i = 0; i < 70000; i++) {
  callsReset();
  const number = callOpen(CallKind.Function, 0, token, 1);
  if (number == last) repeated++;
  if (number <= 0 || callFind(number, CallKind.Function) < 0) negative++;
  last = number;
}
equal("neighbours differ", repeated, 0);
equal("all are positive, also where they wrap", negative, 0);

finish();
