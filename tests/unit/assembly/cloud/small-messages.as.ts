// assembly/cloud/small-messages.ts and tokens.ts: the byte examples of the protocol

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  Purpose,
  outboxAcknowledge,
  outboxCommit,
  outboxHas,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import {
  isTimeToken,
  requestTime,
  sendGoodbye,
  sendPing,
} from "../../../../assembly/cloud/small-messages";
import { lastToken, newToken, seedTokens } from "../../../../assembly/cloud/tokens";

const out = heap.alloc(64);

function restart(id: u32): void {
  outboxReset();
  outboxSetNextId(id);
}

/** Send what is queued and look at its bytes. */
function sent(name: string, length: i32, expected: string): void {
  memory.fill(out, 0xee, 64);
  equal(name + ": length", outboxPollTransmit(out, 64, 0, 0), length);
  equalBytes(name, out, expected + "ee");
}

section("ping");
restart(0x0102);
equal("queued", sendPing(), Status.Ok);
check("as a ping", outboxHas(Purpose.Ping));
sent("Empty, confirmable", 4, "40000102");

section("tokens");
seedTokens(0x34);
equalBytes("one more than the seed", newToken(), "35");
equal("the last", lastToken(), 0x35);
seedTokens(0x1ff);
equalBytes("0xff wraps to 0", newToken(), "00");
equalBytes("then 1", newToken(), "01");

section("time");
check("no request: no token fits", !isTimeToken(bytes("00"), 1) && !isTimeToken(bytes("ff"), 1));
restart(0x0020);
seedTokens(0x34);
equal("asked", requestTime(), Status.Ok);
equal("once at a time", requestTime(), Status.InvalidState);
sent("request", 7, "4101002035b174");
equal("nor while it is unanswered", requestTime(), Status.InvalidState);
check("its token", isTimeToken(bytes("35"), 1));
check("another", !isTimeToken(bytes("34"), 1));
check("none", !isTimeToken(bytes("35"), 0));
check("a longer one", !isTimeToken(bytes("3500"), 2));
newToken();
check("tokens of other requests do not change it", isTimeToken(bytes("35"), 1));
outboxAcknowledge(0x0020, Status.Ok, 0);
equal("answered, it may be asked again", requestTime(), Status.Ok);
sent("with a new token", 7, "4101002137b174");

section("goodbye");
restart(0x0021);
equal("queued", sendGoodbye(2, 0), Status.Ok);
check("as a goodbye", outboxHas(Purpose.Goodbye));
sent("user disconnect", 9, "40020021b178ff0102");
sendGoodbye(6, 600);
sent("sleep of 600 s", 11, "40020022b178ff0506d804");
sendGoodbye(6, 127);
sent("sleep of 127 s", 10, "40020023b178ff05067f");
sendGoodbye(6, 128);
sent("sleep of 128 s", 11, "40020024b178ff05068001");
restart(0x0025);
sendGoodbye(6, 0xffffffff);
sent("the longest sleep", 14, "40020025b178ff0506ffffffff0f");
sendGoodbye(128, 1);
sent("a reason of two bytes", 11, "40020026b178ff05800101");

section("full outbox");
restart(1);
outboxCommit(Purpose.Publish, 0, 2536);
equal("no ping", sendPing(), Status.NoSpace);
equal("no time", requestTime(), Status.NoSpace);
equal("no goodbye", sendGoodbye(2, 0), Status.NoSpace);

finish();
