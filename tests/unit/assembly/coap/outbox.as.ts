// assembly/coap/outbox.ts: order, retransmission, acknowledgement, and the arena

import { check, equal, equalBytes, finish, section } from "../support/check";
import { MAX_RETRANSMIT, MAX_ROUNDS, NSTART, OUTBOX_CAPACITY } from "../../../../assembly/config";
import { Status } from "../../../../assembly/status";
import { loadU16 } from "../../../../assembly/util/bytes";
import { roundTrip, roundTripRestore } from "../../../../assembly/util/round-trip";
import {
  Purpose,
  outboxAbort,
  outboxAcknowledge,
  outboxAwaits,
  outboxCapacity,
  outboxCommit,
  outboxDoneHandle,
  outboxDoneStatus,
  outboxFinish,
  outboxHandleTimeout,
  outboxHas,
  outboxNextId,
  outboxPollDone,
  outboxPollTimeout,
  outboxPollTransmit,
  outboxReset,
  outboxRestart,
  outboxRetransmitted,
  outboxSetNextId,
  outboxSpace,
  outboxTransmitted,
  outboxUnacknowledged,
} from "../../../../assembly/coap/outbox";

const CON: u32 = 0x40;
const NON: u32 = 0x50;
const out = heap.alloc(1200);

/** Add a message of `length` bytes whose fifth byte, if it has one, is the handle. */
function add(purpose: i32, handle: i32, length: i32 = 5, first: u32 = CON): i32 {
  const at = outboxSpace();
  if (length >= 4 && length <= outboxCapacity()) {
    memory.fill(at, 0xaa, length);
    store<u32>(at, first | 0x0200);
    if (length > 4) store<u8>(at + 4, handle);
  }
  return outboxCommit(purpose, handle, length);
}

/** Send the next message. @returns its bytes */
function send(now: u32, only: i32 = 0): i32 {
  memory.fill(out, 0xee, 1200);
  return outboxPollTransmit(out, 1152, only, now);
}

/** Send the next message. @returns its fifth byte, which is its handle; -1 for none */
function sendHandle(now: u32, only: i32 = 0): i32 {
  return send(now, only) > 0 ? <i32>load<u8>(out + 4) : -1;
}

function restart(): void {
  outboxReset();
  outboxSetNextId(0x0101);
}

// ---- message ids and bytes --------------------------------------------------------------------

section("message ids");
restart();
add(Purpose.Publish, 1);
add(Purpose.Publish, 2);
equal("none is used before the first transmission", outboxNextId(), 0x0101);
equalBytes("the waiting message has none", outboxSpace() - 28, "40020000 02");
equal("5 bytes", send(0), 5);
equalBytes("it gets one when it is sent", out, "40020101 01 ee");
equal("the next is one higher", outboxNextId(), 0x0102);
send(0);
equalBytes("given in the order of sending", out, "40020102 02");
outboxSetNextId(0xffff);
add(Purpose.Publish, 3);
add(Purpose.Publish, 4);
send(0);
equalBytes("the highest", out, "4002ffff 03");
send(0);
equalBytes("wraps to 0", out, "40020000 04");
outboxSetNextId(0x12345);
equal("16 bits are kept", outboxNextId(), 0x2345);
restart();
add(Purpose.Publish, 1);
add(Purpose.Response, 2);
outboxAbort(Purpose.Publish, Status.Aborted);
send(0);
equal("a message that is never sent uses none", loadU16(out + 2), 0x0101);

section("non-confirmable");
restart();
add(Purpose.Publish, 7, 5, NON);
equal("is sent", send(0), 5);
equalBytes("with an id", out, "50020101 07");
equal("once", send(100000), 0);
equal("and is done", outboxPollDone(true), Purpose.Publish);
equal("well", outboxDoneStatus(), Status.Ok);
check("nothing awaits its id", !outboxAwaits(0x0101));

// ---- retransmission ---------------------------------------------------------------------------

section("schedule of a request");
restart();
roundTripRestore(0);
add(Purpose.Describe, 1);
let now: u32 = 1000;
let sent = 0;
let outside = 0;
let changedBytes = 0;
const FIRST = outboxTransmitted();
const FIRST_AGAIN = outboxRetransmitted();
while (send(now) > 0) {
  if (load<u32>(out) != 0x01010240 || load<u8>(out + 4) != 1) changedBytes++;
  const wait = outboxPollTimeout(0, now);
  const least = 4000 << sent;
  if (wait < least || wait > least + (least * 255) / 512) outside++;
  equal("nothing 1 ms before transmission " + (sent + 2).toString(), send(now + wait - 1), 0);
  sent++;
  now += wait;
}
equal("4 transmissions", sent, 1 + MAX_RETRANSMIT);
equal("with the same bytes", changedBytes, 0);
equal("each wait within 4000 * 2^n and 1.5 times that", outside, 0);
check("give-up after 60.0 to 89.8 s", now - 1000 >= 60000 && now - 1000 <= 89900);
equal("transmissions are counted", outboxTransmitted() - FIRST, 4);
equal("retransmissions too", outboxRetransmitted() - FIRST_AGAIN, 3);
check("still unanswered until it is given up", outboxAwaits(0x0101));
equal("the give-up is due now", outboxPollTimeout(0, now), 0);
check("1 ms earlier nothing ends", !outboxHandleTimeout(now - 1));
const LOST = outboxUnacknowledged();
check("it ends", outboxHandleTimeout(now));
check("once", !outboxHandleTimeout(now));
equal("counted", outboxUnacknowledged() - LOST, 1);
equal("it is reported", outboxPollDone(false), Purpose.Describe);
equal("as a time-out", outboxDoneStatus(), Status.MessageTimeout);
equal("nothing is due any more", outboxPollTimeout(0, now), -1);

section("spread of the waits");
let lowest = i32.MAX_VALUE;
let highest = 0;
for (let i = 0; i < 2000; i++) {
  restart();
  add(Purpose.Hello, 1);
  send(0);
  const wait = outboxPollTimeout(0, 0);
  lowest = min(lowest, wait);
  highest = max(highest, wait);
}
check("from ACK_TIMEOUT", lowest >= 4000 && lowest < 4050);
check("to nearly 1.5 times that", highest > 5900 && highest < 6000);

section("slow network");
restart();
roundTripRestore(6000);
add(Purpose.Hello, 1);
send(0);
const slowWait = outboxPollTimeout(0, 0);
check("raises the first wait", slowWait > 6000 && slowWait < 27000);
roundTripRestore(60000);
restart();
add(Purpose.Hello, 1);
let longest = 0;
now = 0;
for (let i = 0; i < 4; i++) {
  send(now);
  const wait = outboxPollTimeout(0, now);
  longest = max(longest, wait);
  check("no wait overflows, nor falls: transmission " + (i + 1).toString(), wait >= 60000);
  now += wait;
}
check("the longest is bounded", longest <= 719000);
roundTripRestore(0);

section("wrap of the clock");
restart();
add(Purpose.Hello, 1);
send(0xfffff000);
const acrossWrap = outboxPollTimeout(0, 0xfffff000);
check("the wait runs across it", acrossWrap >= 4000 && acrossWrap < 6000);
equal("nothing before", send(0xffffffff), 0);
equal("the retransmission comes after it", send(0xfffff000 + acrossWrap), 5);

section("rounds of a publish");
restart();
add(Purpose.Publish, 9);
now = 0;
sent = 0;
let rounds = 0;
for (let i = 0; i < 100 && outboxHas(Purpose.Publish); i++) {
  if (send(now) > 0) {
    sent++;
    if (loadU16(out + 2) != 0x0101) changedBytes++;
  } else if (outboxHandleTimeout(now)) rounds++;
  const wait = outboxPollTimeout(0, now);
  if (wait > 0) now += wait;
}
equal("4 rounds", rounds, MAX_ROUNDS);
equal("of 4 transmissions", sent, MAX_ROUNDS * (1 + MAX_RETRANSMIT));
equal("all under one id", changedBytes, 0);
equal("then it is done", outboxPollDone(true), Purpose.Publish);
equal("as a time-out", outboxDoneStatus(), Status.MessageTimeout);
equal("with its handle", outboxDoneHandle(), 9);
check("after at least four times 60 s", now >= 240000);

// ---- NSTART and order -------------------------------------------------------------------------

section("NSTART");
restart();
for (let i = 1; i <= 6; i++) add(Purpose.Publish, i);
for (let i = 1; i <= NSTART; i++) equal("message " + i.toString(), sendHandle(0), i);
equal("a fifth waits", sendHandle(0), -1);
add(Purpose.Response, 20);
equal("a response does not", sendHandle(0), 20);
add(Purpose.Publish, 21, 5, NON);
equal("a non-confirmable message neither", sendHandle(0), 21);
equal("an ACK", outboxAcknowledge(0x0102, Status.Ok, 100), Purpose.Publish);
equal("still waits while the response counts, too", sendHandle(0), -1);
outboxAcknowledge(0x0105, Status.Ok, 100);
equal("makes room for one", sendHandle(100), 5);
equal("and only one", sendHandle(100), -1);
outboxAcknowledge(0x0101, Status.ClientError, 100);
equal("a refusal too", sendHandle(100), 6);
outboxAbort(0, Status.Aborted);
add(Purpose.Publish, 30);
equal("so does an end of all", sendHandle(100), 30);

section("order");
restart();
add(Purpose.Publish, 1);
send(0);
add(Purpose.Publish, 2);
equal("oldest first", sendHandle(5999), 1);
equal("a due retransmission comes before a waiting message", sendHandle(5999), 2);
restart();
add(Purpose.Publish, 1);
add(Purpose.Hello, 2);
equal("of one purpose only", sendHandle(0, Purpose.Hello), 2);
equal("no other of it", sendHandle(0, Purpose.Hello), -1);
equal("the others wait for ever then", outboxPollTimeout(Purpose.Describe, 0), -1);
equal("and are due without that", outboxPollTimeout(0, 0), 0);
equal("they were not lost", sendHandle(0), 1);
equal("a retransmission of another purpose is held back", sendHandle(50000, Purpose.Ping), -1);
restart();
add(Purpose.Publish, 1, 1100);
equal("no room in the datagram", outboxPollTransmit(out, 1099, 0, 0), Status.NoSpace);
equal("takes no id", outboxNextId(), 0x0101);
equal("just room", outboxPollTransmit(out, 1100, 0, 0), 1100);

// ---- ends -------------------------------------------------------------------------------------

section("acknowledgement");
restart();
equal("of nothing", outboxAcknowledge(0x0101, Status.Ok, 0), Status.NotFound);
add(Purpose.Describe, 4);
equal("before it was sent", outboxAcknowledge(0, Status.Ok, 0), Status.NotFound);
send(1000);
check("its id is awaited", outboxAwaits(0x0101));
check("another is not", !outboxAwaits(0x0102));
equal("of another id", outboxAcknowledge(0x0102, Status.Ok, 0), Status.NotFound);
equal("tells the purpose", outboxAcknowledge(0x0101, Status.ServerError, 2500), Purpose.Describe);
check("then its id is not awaited", !outboxAwaits(0x0101));
equal("again", outboxAcknowledge(0x0101, Status.Ok, 2600), Status.NotFound);
check("it is not on its way", !outboxHas(Purpose.Describe));
check("nor is anything", !outboxHas(0));
equal("nothing for publishes", outboxPollDone(true), 0);
equal("done", outboxPollDone(false), Purpose.Describe);
equal("handle", outboxDoneHandle(), 4);
equal("status", outboxDoneStatus(), Status.ServerError);
equal("once", outboxPollDone(false), 0);

section("round trips");
roundTripRestore(0);
restart();
add(Purpose.Publish, 1);
send(1000);
outboxAcknowledge(0x0101, Status.Ok, 1800);
equal("of a message sent once: an eighth of 800", roundTrip(), 100);
add(Purpose.Publish, 2);
send(2000);
send(8000);
outboxAcknowledge(0x0102, Status.Ok, 8001);
equal("none of a repeated one (Karn)", roundTrip(), 100);
add(Purpose.Publish, 3);
send(0xffffff00);
outboxAcknowledge(0x0103, Status.Ok, 0x220);
check("across the wrap: 100 + (800 - 100) / 8", roundTrip() >= 187 && roundTrip() <= 188);

section("finish, abort");
restart();
add(Purpose.Request, 1);
add(Purpose.Request, 2);
add(Purpose.Publish, 2);
outboxFinish(Purpose.Request, 2);
equal("finishes a message that waits", outboxPollDone(false), Purpose.Request);
equal("of that handle", outboxDoneHandle(), 2);
equal("well", outboxDoneStatus(), Status.Ok);
equal("and no other", outboxPollDone(false), 0);
check("not that of another purpose", outboxHas(Purpose.Publish));
send(0);
outboxFinish(Purpose.Request, 1);
check("finishes one in flight", !outboxAwaits(0x0101));
outboxAcknowledge(0x0101, Status.ClientError, 10);
outboxPollDone(false);
equal("whose ACK comes too late", outboxDoneStatus(), Status.Ok);
outboxAbort(Purpose.Publish, Status.Aborted);
equal("aborts one purpose", outboxPollDone(true), Purpose.Publish);
equal("with a status", outboxDoneStatus(), Status.Aborted);
add(Purpose.Publish, 1);
add(Purpose.Hello, 2);
send(0);
outboxAbort(0, Status.PeerClosed);
check("aborts all", !outboxHas(0));
outboxAbort(0, Status.Aborted);
outboxPollDone(true);
equal("an end stays what it was", outboxDoneStatus(), Status.PeerClosed);

section("restart");
restart();
add(Purpose.Publish, 1);
send(0);
send(6000);
send(20000);
outboxRestart();
equal("due at once", outboxPollTimeout(0, 21000), 0);
equal("sent again", sendHandle(21000), 1);
equal("under its id", loadU16(out + 2), 0x0101);
const afterRestart = outboxPollTimeout(0, 21000);
check("with the first wait", afterRestart >= 4000 && afterRestart < 6000);
for (let i = 2; i <= 6; i++) add(Purpose.Publish, i);
while (send(21000) > 0) {}
outboxRestart();
let again = 0;
while (send(22000) > 0) again++;
equal("NSTART counts from 0 again", again, NSTART);

// ---- arena ------------------------------------------------------------------------------------

section("arena");
restart();
equal("room for one message", outboxCapacity(), OUTBOX_CAPACITY - 20);
equal("what failed to encode", add(Purpose.Publish, 1, Status.NoSpace), Status.NoSpace);
equal("takes no room", outboxCapacity(), OUTBOX_CAPACITY - 20);
equal("too long", add(Purpose.Publish, 1, OUTBOX_CAPACITY - 19), Status.NoSpace);
equal("exactly fits", add(Purpose.Publish, 1, OUTBOX_CAPACITY - 20), Status.Ok);
equal("then none fits", outboxCapacity(), -20);
equal("not even a ping", add(Purpose.Ping, 1, 4), Status.NoSpace);
outboxReset();
check("a reset forgets it", !outboxHas(0));
equal("and frees all", outboxCapacity(), OUTBOX_CAPACITY - 20);
let count = 0;
while (add(Purpose.Publish, count & 0xff, 5) == Status.Ok) count++;
equal("91 messages of 5 bytes: 28 each", count, 91);
equal("a gap is left over", outboxCapacity(), OUTBOX_CAPACITY - 91 * 28 - 20);

section("gaps");
restart();
for (let i = 1; i <= 4; i++) add(Purpose.Publish, i, 4 + i);
for (let i = 1; i <= 4; i++) send(0);
const before = outboxCapacity();
outboxAcknowledge(0x0102, Status.Ok, 100);
equal("an ended message keeps its room", outboxCapacity(), before);
outboxPollDone(true);
equal("until its end is told", outboxCapacity(), before + 28);
check("those behind it are found", outboxAwaits(0x0103) && outboxAwaits(0x0104));
equal("third", send(6000), 5);
equal("first of the rest", load<u8>(out + 4), 1);
equal("7 bytes", send(6000), 7);
equalBytes("moved whole", out, "40020103 03aaaa ee");
equal("8 bytes", send(6000), 8);
equalBytes("moved whole, the last too", out, "40020104 04aaaaaa ee");
outboxAbort(0, Status.Aborted);
let told = 0;
while (outboxPollDone(true)) told = told * 10 + outboxDoneHandle();
equal("ends come in order", told, 134);
equal("the arena is empty", outboxCapacity(), OUTBOX_CAPACITY - 20);

section("ends of both kinds");
restart();
add(Purpose.Publish, 1);
add(Purpose.Hello, 2);
add(Purpose.Publish, 3);
add(Purpose.Goodbye, 4);
outboxAbort(0, Status.Aborted);
equal("the first that is no publish", outboxPollDone(false), Purpose.Hello);
equal("the next", outboxPollDone(false), Purpose.Goodbye);
equal("no more", outboxPollDone(false), 0);
equal("the first publish", outboxPollDone(true), Purpose.Publish);
equal("is the older", outboxDoneHandle(), 1);
equal("the second", outboxPollDone(true), Purpose.Publish);
equal("is the other", outboxDoneHandle(), 3);
add(Purpose.Response, 65535);
outboxAbort(0, Status.Aborted);
outboxPollDone(false);
equal("the highest handle", outboxDoneHandle(), 65535);

finish();
