// assembly/cloud/router.ts and requests.ts: messages of the server, with the protocol's examples

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { EVENT_ENTRIES } from "../../../../assembly/config";
import { EventKind, pushEvent, resetEvents, takeEvent } from "../../../../assembly/events";
import { inboxPollReply, inboxReset } from "../../../../assembly/coap/inbox";
import {
  Purpose,
  outboxCommit,
  outboxDoneStatus,
  outboxPollDone,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import { Status } from "../../../../assembly/status";
import { callsReset } from "../../../../assembly/cloud/calls";
import { helloResetToken, sendHello } from "../../../../assembly/cloud/hello";
import { VariableType } from "../../../../assembly/cloud/protocol";
import { RegistryKind, registryAdd } from "../../../../assembly/cloud/registry";
import { takeKeyChange } from "../../../../assembly/cloud/requests";
import { returnFunction } from "../../../../assembly/cloud/responses";
import { handleMessage, isAnswer, malformedMessages } from "../../../../assembly/cloud/router";
import { requestTime, sendPing } from "../../../../assembly/cloud/small-messages";
import { SubscriptionContent } from "../../../../assembly/cloud/protocol";
import { subscribe } from "../../../../assembly/cloud/subscriptions";
import { seedTokens } from "../../../../assembly/cloud/tokens";

const out = heap.alloc(1200);
const event = heap.alloc(32);

function restart(): void {
  inboxReset();
  outboxReset();
  callsReset();
  resetEvents();
  outboxSetNextId(0x0017);
}

/** Bytes of hexadecimal text, blanks left out. */
function sizeOf(text: string): i32 {
  let digits = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x20) digits++;
  return digits / 2;
}

function receive(text: string): void {
  handleMessage(bytes(text), sizeOf(text), 1000);
}

/** Look at the reply that waits; "" for none. */
function replied(name: string, expected: string): void {
  memory.fill(out, 0xee, 16);
  equal(name + ": length", inboxPollReply(out, 16), sizeOf(expected));
  equalBytes(name, out, expected);
}

/** Look at the message that waits in the outbox. */
function sent(name: string, expected: string): void {
  memory.fill(out, 0xee, 64);
  equal(name + ": length", outboxPollTransmit(out, 1152, 0, 0), sizeOf(expected));
  equalBytes(name, out, expected);
}

/** Take an event and look at its kind. */
function told(name: string, kind: i32): void {
  equal(name, takeEvent(event), kind);
}

function field(index: i32): u32 {
  return load<u32>(event + 4 + 4 * index);
}

registryAdd(RegistryKind.Function, 0, bytes("6c6564"), 3);
registryAdd(RegistryKind.Variable, VariableType.Double, bytes("74656d70"), 4);
registryAdd(RegistryKind.Function, 0, bytes("612f62"), 3);
subscribe(bytes("636667"), 3, SubscriptionContent.Text);

section("ping");
restart();
receive("40000102");
replied("empty ACK, not RST", "60000102");
receive("40000102");
replied("again", "60000102");
receive("50000103");
replied("none for a non-confirmable one", "");

section("malformed");
const before = malformedMessages();
receive("41000102");
receive("40");
receive("");
receive("40010102ff");
equal("counted", malformedMessages(), before + 4);
replied("not answered", "");

section("function");
restart();
receive("41027002a5b166036c6564426f6e");
replied("empty ACK", "60007002");
told("the host is told", EventKind.FunctionCall);
equal("which", field(0), 0);
const call = field(1);
equal("bytes of the argument", field(3), 2);
equalBytes("argument", field(2), "6f6e");
receive("41027002a5b166036c6564426f6e");
replied("a repetition gets the same ACK", "60007002");
told("and is no second call", EventKind.None);
returnFunction(call, 1);
sent("answer", "41440017a5ff00000001");
receive("41027003a5b166036c656440");
told("empty argument", EventKind.FunctionCall);
equal("no bytes", field(3), 0);
receive("41027004a5b166036c6564");
told("no argument", EventKind.FunctionCall);
equal("no bytes either", field(3), 0);
receive("41027005a5b16601610162");
told("two segments are one name", EventKind.FunctionCall);
equal("the second function", field(0), 1);
receive("41027006a5b166036c6565");
told("an unknown function is not told", EventKind.None);
sent("but answered: 4.04", "41840018a5");
receive("51027007a5b166036c6564426f6e");
told("non-confirmable", EventKind.FunctionCall);
restart();
receive("51027007a5b166036c6564426f6e");
replied("has no ACK", "");

section("function, argument");
restart();
const argument = "2e".repeat(1024);
receive("41027008a5b166036c65644e02f3" + argument);
told("1024 bytes", EventKind.FunctionCall);
equal("all of them", field(3), 1024);
receive("41027009a5b166036c65644e02f4" + argument + "2e");
told("1025 bytes are not told", EventKind.None);
inboxPollReply(out, 16);
replied("4.00", "61807009a5");

section("variable");
restart();
receive("41017003a6b1760474656d70");
replied("empty ACK", "60007003");
told("the host is asked", EventKind.VariableRequest);
equal("which", field(0), 0);
equal("type", field(2), VariableType.Double);
receive("41017004a6b1760474656d71");
replied("unknown: empty ACK", "60007004");
sent("then 4.04", "41840017a6");
told("not asked", EventKind.None);

section("calls that nobody answers");
restart();
for (let i = 0; i < 8; i++) {
  receive("410271" + "0" + i.toString() + "a5b166036c6564");
  takeEvent(event);
  inboxPollReply(out, 16);
}
receive("41027120a5b166036c6564");
replied("a ninth: 5.03", "61a37120a5");
told("not told", EventKind.None);

section("event");
restart();
receive("40027001b145036366670161313cff6869");
replied("empty ACK", "60007001");
told("told", EventKind.EventReceived);
equal("bytes of its name", field(2), 5);
equalBytes("segments joined", field(1), "6366672f61");
equal("bytes of its data", field(4), 2);
equalBytes("data", field(3), "6869");
receive("40027002b1650363666711 32ff7b7d");
told("lower-case e, JSON", EventKind.EventReceived);
equal("format", field(5), 50);
receive("40027003b145 036f7468ff6869");
told("no subscription", EventKind.None);
inboxPollReply(out, 16);
inboxPollReply(out, 16);
receive("40027004b145");
told("no name", EventKind.None);
replied("is acknowledged", "60007004");

section("signal, key change, Hello");
restart();
receive("41037006a9b1734101");
replied("2.04 with the token", "61447006a9");
told("on", EventKind.Signal);
equal("1", field(0), 1);
receive("41037007a9b1734100");
told("off", EventKind.Signal);
equal("0", field(0), 0);
inboxPollReply(out, 16);
receive("41037008a9b173");
replied("no value: 4.00", "61807008a9");
check("no key change yet", !takeKeyChange());
receive("41037009aab16b4100");
check("not with 0", !takeKeyChange());
replied("acknowledged", "60007009");
receive("4103700aaab16b4101");
check("with 1", takeKeyChange());
check("once", !takeKeyChange());
replied("acknowledged too", "6000700a");
receive("4002700bb168");
replied("Hello of the server", "6000700b");

section("describe");
restart();
receive("41017004a7b1644102");
replied("empty ACK", "60007004");
equal("then the answer", outboxPollTransmit(out, 1152, 0, 0), 6 + 34);
equalBytes("2.05", out, "41450017a7ff 7b2266223a5b226c6564222c22612f62225d");
receive("41017005a7b164");
replied("no type: 4.00", "61807005a7");
receive("41017006a7b1644103");
replied("type 3: 4.00", "61807006a7");
receive("41017007a7b16441028116");
replied("block 1 in blocks of 1024: 4.02", "61827007a7");
receive("41017008a7b16441028115");
replied("block 1 of one: 4.04", "61847008a7");
receive("41017009a7b16441028400000005");
replied("a Block2 of 4 bytes: 4.02", "61827009a7");

section("requests that nobody serves");
restart();
receive("4101700aa7b17a");
replied("path: 4.04", "6184700aa7");
receive("4101700ba7b27676");
replied("path of two letters: 4.04", "6184700ba7");
receive("4101700ca7");
replied("no path: 4.04", "6184700ca7");
receive("4104700da7b176");
replied("DELETE: 4.04", "6184700da7");
receive("4107700ea7b176");
replied("a method that is none: 4.04", "6184700ea7");
receive("4102700fa7b166036c65642101");
replied("a critical option (17): 4.02", "6182700fa7");
told("nothing is told", EventKind.None);
receive("41027010a7b166036c6564 1101");
replied("an elective one", "60007010");
told("is ignored", EventKind.FunctionCall);

section("events that are not drained");
restart();
for (let i = 0; i < EVENT_ENTRIES; i++) pushEvent(EventKind.Time);
receive("41027002a5b166036c6564426f6e");
replied("a call is not acknowledged", "");
receive("40027001b145036366670161313cff6869");
replied("nor an event", "");
receive("41037006a9b1734101");
replied("nor a signal", "");
resetEvents();
receive("41027002a5b166036c6564426f6e");
told("its repetition counts as new", EventKind.FunctionCall);
replied("and is acknowledged", "60007002");

section("full outbox");
restart();
outboxCommit(Purpose.Publish, 0, 2520);
receive("41027002a5b166036c6564426f6e");
replied("a call is not acknowledged", "");
told("nor told", EventKind.None);
receive("41017004a7b1644102");
replied("nor a describe", "");
outboxReset();
receive("41017004a7b1644102");
replied("until there is room", "60007004");

// ---- answers ----------------------------------------------------------------------------------

/** Whether the message is one that `isAnswer` lets through. */
function answers(text: string): bool {
  return isAnswer(bytes(text), sizeOf(text));
}

/** Ping, receive this answer, and look at how the ping ended. */
function ping(name: string, text: string, status: i32): void {
  restart();
  sendPing();
  outboxPollTransmit(out, 64, 0, 1000);
  receive(text);
  equal(name, outboxPollDone(false), Purpose.Ping);
  equal(name + ": status", outboxDoneStatus(), status);
}

section("answers");
ping("empty ACK", "60000017", Status.Ok);
ping("2.04", "60440017", Status.Ok);
ping("4.04", "60840017", Status.ClientError);
ping("4.31", "609f0017", Status.ClientError);
ping("5.00", "60a00017", Status.ServerError);
ping("RST", "70000017", Status.MessageReset);
restart();
sendPing();
outboxPollTransmit(out, 64, 0, 1000);
receive("60000018");
equal("of another id", outboxPollDone(false), 0);
check("is no answer", !answers("60000018"));
check("ACK of ours is one", answers("60000017"));
check("RST too", answers("70000017"));
check("a request is none", !answers("40000017"));
check("malformed is none", !answers("6100"));
receive("60000017");
check("nor a second one", !answers("60000017"));

section("Hello");
restart();
sendHello();
outboxPollTransmit(out, 64, 0, 1000);
receive("60440017ff000102030405060708090a0b0c0d0e0f");
equalBytes("a reset token in the answer", helloResetToken(), "000102030405060708090a0b0c0d0e0f");
restart();
sendHello();
outboxPollTransmit(out, 64, 0, 1000);
receive("60000017");
equal("none in an empty one", helloResetToken(), 0);

section("time");
restart();
seedTokens(0x34);
outboxSetNextId(0x0020);
requestTime();
outboxPollTransmit(out, 64, 0, 1000);
receive("6145002035ff6707d980");
told("piggybacked", EventKind.Time);
equal("seconds", field(0), 0x6707d980);
receive("6145002035ff6707d980");
told("once", EventKind.None);
receive("4145700135ff6707d981");
told("separate", EventKind.Time);
replied("is acknowledged", "60007001");
receive("4145700236ff6707d981");
told("of another token", EventKind.None);
replied("RST", "70007002");
receive("5145700336ff6707d981");
replied("not when non-confirmable", "");
requestTime();
outboxPollTransmit(out, 64, 0, 1000);
receive("6145002136ff6707d9");
told("3 bytes are no time", EventKind.None);

finish();
