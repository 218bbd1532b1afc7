// assembly/cloud/subscriptions.ts

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { EVENT_ENTRIES } from "../../../../assembly/config";
import { EventKind, pushEvent, resetEvents, takeEvent } from "../../../../assembly/events";
import { Status } from "../../../../assembly/status";
import {
  Purpose,
  outboxAcknowledge,
  outboxCommit,
  outboxPollDone,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import { stateReset } from "../../../../assembly/cloud/state";
import { SubscriptionContent } from "../../../../assembly/cloud/protocol";
import {
  handleEvent,
  subscribe,
  subscriptionsAreBusy,
  subscriptionsDone,
  subscriptionsPoll,
  subscriptionsRequestChanged,
  subscriptionsReset,
} from "../../../../assembly/cloud/subscriptions";

const out = heap.alloc(256);
const event = heap.alloc(32);
const nameAt = heap.alloc(200);
const data = bytes("68656c6c6f");

function text(value: string): i32 {
  return String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, nameAt, false) as i32;
}

function add(prefix: string, content: i32): i32 {
  return subscribe(nameAt, text(prefix), content);
}

/** Send all that waits. @returns messages */
function sendAll(): i32 {
  let count = 0;
  while (outboxPollTransmit(out, 256, 0, 0) > 0) count++;
  return count;
}

/** The server answers message `id`. */
function answer(id: u32, status: i32): void {
  outboxAcknowledge(id, status, 0);
  outboxPollDone(false);
  subscriptionsDone(status);
}

/** Subscriptions that an event reaches, as decimal digits each one higher. */
function reached(name: string, format: u32): i32 {
  resetEvents();
  handleEvent(nameAt, text(name), data, 5, format);
  let digits = 0;
  while (takeEvent(event) == EventKind.EventReceived)
    digits = digits * 10 + load<i32>(event, 4) + 1;
  return digits;
}

// ---- the set towards the server ---------------------------------------------------------------

section("none");
stateReset();
subscriptionsReset();
subscriptionsRequestChanged();
check("nothing to send", !subscriptionsAreBusy());
equal("no event of it", takeEvent(event), EventKind.None);

section("adding");
equal("text", add("particle", SubscriptionContent.Text), 0);
equal("CBOR", add("cfg", SubscriptionContent.Cbor), 1);
equal("binary", add("cfg/b", SubscriptionContent.Binary), 2);
equal("no such content", add("x", 0x64), Status.InvalidArgument);
equal("again", add("cfg", SubscriptionContent.Text), Status.AlreadyRegistered);
equal("no prefix", add("", SubscriptionContent.Text), Status.InvalidArgument);
equal("65 bytes", add("p".repeat(65), SubscriptionContent.Text), Status.TooLong);

section("messages");
outboxReset();
outboxSetNextId(0x0015);
subscriptionsRequestChanged();
check("are to be sent", subscriptionsAreBusy());
subscriptionsPoll();
equal("/e/particle", outboxPollTransmit(out, 256, 0, 0), 15);
equalBytes("text only: no query", out, "40010015b165087061727469636c65");
equal("/e/cfg?c", outboxPollTransmit(out, 256, 0, 0), 12);
equalBytes("CBOR", out, "40010016b165036366674163");
outboxPollTransmit(out, 256, 0, 0);
equalBytes("binary, the name in one option", out, "40010017b165056366672f624162");
equal("no more", sendAll(), 0);
subscriptionsPoll();
equal("each once", sendAll(), 0);

section("acknowledged");
resetEvents();
answer(0x0015, Status.Ok);
equal("the first settles nothing", takeEvent(event), EventKind.None);
answer(0x0017, Status.Ok);
check("order does not matter", subscriptionsAreBusy());
answer(0x0016, Status.Ok);
check("the last one does", !subscriptionsAreBusy());
equal("the host is told", takeEvent(event), EventKind.SubscriptionsDone);
equal("well", load<i32>(event, 4), Status.Ok);
equal("once", takeEvent(event), EventKind.None);
subscriptionsRequestChanged();
check("the same set is not sent again", !subscriptionsAreBusy());
stateReset();
subscriptionsRequestChanged();
check("unless the server forgot it", subscriptionsAreBusy());
subscriptionsReset();
check("a reset takes that back", !subscriptionsAreBusy());

section("refused");
outboxReset();
outboxSetNextId(1);
subscriptionsRequestChanged();
subscriptionsPoll();
sendAll();
answer(1, Status.Ok);
answer(2, Status.ClientError);
answer(3, Status.Ok);
equal("the host is told", takeEvent(event), EventKind.SubscriptionsDone);
equal("of the refusal", load<i32>(event, 4), Status.ClientError);
subscriptionsRequestChanged();
check("the set is sent again", subscriptionsAreBusy());
outboxReset();
outboxSetNextId(1);
subscriptionsPoll();
equal("whole", sendAll(), 3);
for (let id = 1; id <= 3; id++) answer(id, Status.Ok);
takeEvent(event);
equal("an old refusal does not count", load<i32>(event, 4), Status.Ok);
equal("a further one", add("late", SubscriptionContent.Text), 3);
subscriptionsRequestChanged();
check("makes the set another", subscriptionsAreBusy());

section("full outbox");
outboxReset();
outboxSetNextId(1);
outboxCommit(Purpose.Publish, 0, 2480);
subscriptionsPoll();
check("what finds no room waits", subscriptionsAreBusy());
outboxReset();
subscriptionsPoll();
const later = sendAll();
check("and is sent later", later > 0 && later <= 4);
subscriptionsReset();

// ---- events of the server ---------------------------------------------------------------------

section("prefix");
equal("the name itself", reached("particle", 0), 1);
equal("a longer name", reached("particle/device", 0), 1);
equal("without a border", reached("particles", 0), 1);
equal("a shorter name", reached("particl", 0), 0);
equal("another case", reached("Particle", 0), 0);
equal("another name", reached("other", 0), 0);
equal("no name", reached("", 0), 0);

section("content");
equal("CBOR to CBOR, and to binary", reached("cfg/b", 60), 23);
equal("text to binary only", reached("cfg/b", 0), 3);
equal("octets to binary only", reached("cfg/b", 42), 3);
equal("JSON to text", reached("late", 50), 4);
equal("link format to text", reached("late", 40), 4);
equal("XML to text", reached("late", 41), 4);
equal("octets not", reached("late", 42), 0);
equal("CBOR not", reached("late", 60), 0);
equal("the vendor's CBOR not, not even to CBOR", reached("cfg", 65001), 0);

section("fields");
resetEvents();
const length = text("late/1");
equal("delivered", handleEvent(nameAt, length, data, 5, 50), Status.Ok);
takeEvent(event);
equal("subscription", load<i32>(event, 4), 3);
equal("name", load<u32>(event, 8), nameAt);
equal("its length", load<i32>(event, 12), 6);
equal("data", load<u32>(event, 16), data);
equal("its length", load<i32>(event, 20), 5);
equal("format", load<i32>(event, 24), 50);

section("events that are not drained");
resetEvents();
for (let i = 0; i < EVENT_ENTRIES - 1; i++) pushEvent(EventKind.Time);
equal("no room for two", handleEvent(nameAt, text("cfg/b"), data, 5, 60), Status.NoSpace);
equal("room for one", handleEvent(nameAt, text("late"), data, 5, 0), Status.Ok);
equal("then for none", handleEvent(nameAt, text("late"), data, 5, 0), Status.NoSpace);
equal("which needs none", handleEvent(nameAt, text("other"), data, 5, 0), Status.Ok);
let told = 0;
while (takeEvent(event)) told++;
equal("nothing was delivered in part", told, EVENT_ENTRIES);

finish();
