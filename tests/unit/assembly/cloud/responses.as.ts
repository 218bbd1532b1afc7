// assembly/cloud/responses.ts: the byte examples of the protocol

import { bytes, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  Purpose,
  outboxCommit,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import { CallKind, callFind, callOpen, callsReset } from "../../../../assembly/cloud/calls";
import { VariableType } from "../../../../assembly/cloud/protocol";
import { RegistryKind, registryAdd } from "../../../../assembly/cloud/registry";
import {
  refuseCall,
  returnEmpty,
  returnFunction,
  returnVariable,
} from "../../../../assembly/cloud/responses";

const out = heap.alloc(1200);
const value = heap.alloc(1100);

/** Open a call with a token of one byte. */
function open(kind: i32, target: i32, token: string): i32 {
  return callOpen(kind, target, bytes(token), token.length / 2);
}

/** Send what is queued and look at its bytes. */
function sent(name: string, expected: string): void {
  memory.fill(out, 0xee, 64);
  equal(name + ": length", outboxPollTransmit(out, 1152, 0, 0), expected.length / 2);
  equalBytes(name, out, expected + "ee");
}

function restart(id: u32): void {
  callsReset();
  outboxReset();
  outboxSetNextId(id);
}

section("function");
restart(0x0017);
let call = open(CallKind.Function, 0, "a5");
equal("answered", returnFunction(call, -1), Status.Ok);
sent("-1", "41440017a5ffffffffff");
equal("once", returnFunction(call, -1), Status.NotFound);
returnFunction(open(CallKind.Function, 0, "a5"), 1);
sent("1", "41440018a5ff00000001");
returnFunction(open(CallKind.Function, 0, "a5"), i32.MIN_VALUE);
sent("the lowest", "41440019a5ff80000000");
returnFunction(open(CallKind.Function, 0, "0102030405060708"), 2);
sent("a token of 8 bytes", "4844001a0102030405060708ff00000002");
returnFunction(open(CallKind.Function, 0, ""), 2);
sent("no token", "4044001bff00000002");
equal("no such call", returnFunction(0, 1), Status.NotFound);
call = open(CallKind.Variable, 0, "a5");
equal("a variable read is no call", returnFunction(call, 1), Status.NotFound);

section("variable");
restart(0x0018);
registryAdd(RegistryKind.Variable, VariableType.Bool, bytes("62"), 1);
registryAdd(RegistryKind.Variable, VariableType.Int, bytes("69"), 1);
registryAdd(RegistryKind.Variable, VariableType.Double, bytes("64"), 1);
registryAdd(RegistryKind.Variable, VariableType.String, bytes("73"), 1);
store<u8>(value, 1);
equal("bool", returnVariable(open(CallKind.Variable, 0, "a6"), value, 1), Status.Ok);
sent("true", "41450018a6ff01");
store<i32>(value, 42);
equal("int", returnVariable(open(CallKind.Variable, 1, "a6"), value, 4), Status.Ok);
sent("42, big-endian", "41450019a6ff0000002a");
store<f64>(value, 21.5);
equal("double", returnVariable(open(CallKind.Variable, 2, "a6"), value, 8), Status.Ok);
sent("21.5, little-endian", "4145001aa6ff0000000000803540");
equal("string", returnVariable(open(CallKind.Variable, 3, "a6"), bytes("6f6b"), 2), Status.Ok);
sent('"ok", no terminator', "4145001ba6ff6f6b");
returnVariable(open(CallKind.Variable, 3, "a6"), value, 0);
sent("empty: no marker", "4145001ca6");

section("values that do not fit");
restart(1);
call = open(CallKind.Variable, 0, "a6");
equal("bool of 2 bytes", returnVariable(call, value, 2), Status.InvalidArgument);
equal("bool of none", returnVariable(call, value, 0), Status.InvalidArgument);
call = open(CallKind.Variable, 1, "a6");
equal("int of 3 bytes", returnVariable(call, value, 3), Status.InvalidArgument);
store<i32>(value, 42);
equal("a refusal leaves the call open", returnVariable(call, value, 4), Status.Ok);
sent("answered", "41450001a6ff0000002a");
call = open(CallKind.Variable, 2, "a6");
equal("double of 4 bytes", returnVariable(call, value, 4), Status.InvalidArgument);
call = open(CallKind.Variable, 3, "a6");
equal("string of 1025 bytes", returnVariable(call, value, 1025), Status.TooLong);
equal("negative length", returnVariable(call, value, -1), Status.InvalidArgument);
equal("1024 bytes", returnVariable(call, value, 1024), Status.Ok);
equal("are sent whole", outboxPollTransmit(out, 1152, 0, 0), 1030);
call = open(CallKind.Variable, 4, "a6");
equal("a variable that does not exist", returnVariable(call, value, 1), Status.NotFound);
call = open(CallKind.Function, 0, "a6");
equal("a function call", returnVariable(call, value, 1), Status.NotFound);

section("refusal");
restart(0x0018);
equal("function", refuseCall(open(CallKind.Function, 0, "a6")), Status.Ok);
sent("5.00", "41a00018a6");
equal("variable", refuseCall(open(CallKind.Variable, 0, "a6")), Status.Ok);
sent("5.00 too", "41a00019a6");
equal("move", refuseCall(open(CallKind.Move, 0, "ad")), Status.Ok);
sent("4.03", "4183001aad");
equal("no such call", refuseCall(0x7fff), Status.NotFound);

section("no result");
restart(0x0027);
equal("move", returnEmpty(open(CallKind.Move, 0, "ad")), Status.Ok);
sent("2.04", "41440027ad");
equal("a function has one", returnEmpty(open(CallKind.Function, 0, "ad")), Status.NotFound);

section("full outbox");
restart(1);
outboxCommit(Purpose.Publish, 0, 2510);
call = open(CallKind.Function, 0, "a6");
equal("no space", returnFunction(call, 1), Status.NoSpace);
equal("the call stays", callFind(call, CallKind.Function), Status.Ok);
outboxReset();
equal("and can be answered later", returnFunction(call, 1), Status.Ok);
call = open(CallKind.Variable, 1, "a6");
store<i32>(value, 42);
outboxReset();
outboxCommit(Purpose.Publish, 0, 2510);
equal("no space for a variable", returnVariable(call, value, 4), Status.NoSpace);

finish();
