// assembly/coap/outbox.ts over a reliable transport: each message once, ids that count on.

import "../support/tcp";
import { check, equal, finish, section } from "../support/check";
import { MAX_STREAM_MESSAGE, NSTART, STREAM_TIMEOUT } from "../../../../assembly/config";
import { Status } from "../../../../assembly/status";
import { loadU16 } from "../../../../assembly/util/bytes";
import { answerType, isReliable, setReliable } from "../../../../assembly/coap/reliability";
import {
  Purpose,
  outboxCommit,
  outboxDoneStatus,
  outboxHandleTimeout,
  outboxPollDone,
  outboxPollTimeout,
  outboxPollTransmit,
  outboxRestart,
  outboxSetNextId,
  outboxSpace,
} from "../../../../assembly/coap/outbox";

const out = heap.alloc(1200);

function add(handle: i32, length: i32 = 5, first: u32 = 0x40): i32 {
  memory.fill(outboxSpace(), 0xaa, length);
  store<u32>(outboxSpace(), first | 0x0200);
  return outboxCommit(Purpose.Publish, handle, length);
}

/** Send the next message. @returns its message id; -1 for none */
function sendId(now: u32): i32 {
  return outboxPollTransmit(out, 1152, 0, now) > 0 ? <i32>loadU16(out + 2) : -1;
}

section("choice");
check("not at first", !isReliable());
equal("confirmable", answerType(), 0);
setReliable(true);
check("chosen", isReliable());
equal("not confirmable", answerType(), 1);

section("size");
equal("767 bytes", add(1, MAX_STREAM_MESSAGE), Status.Ok);
equal("768 bytes", add(2, MAX_STREAM_MESSAGE + 1), Status.TooLong);

section("once");
outboxSetNextId(0xffff);
equal("first id", sendId(1000), 0xffff);
equal("nothing again at once", sendId(1000), -1);
equal("waits for its answer", outboxPollTimeout(0, 1000), STREAM_TIMEOUT);
equal("nor later", sendId(1000 + STREAM_TIMEOUT - 1), -1);
check("not ended early", !outboxHandleTimeout(1000 + STREAM_TIMEOUT - 1));
check("ended", outboxHandleTimeout(1000 + STREAM_TIMEOUT));
equal("nothing after that", sendId(1000 + STREAM_TIMEOUT), -1);
equal("told", outboxPollDone(true), Purpose.Publish);
equal("as a time-out", outboxDoneStatus(), Status.MessageTimeout);

section("a new connection");
for (let i = 0; i < NSTART; i++) add(i);
equal("ids go on", sendId(5000), 0);
equal("by one", sendId(5000), 1);
outboxRestart();
outboxSetNextId(700);
equal("what was on its way gets the first id", sendId(6000), 700);
equal("then the next", sendId(6000), 701);
equal("and what waited", sendId(6000), 702);

finish();
