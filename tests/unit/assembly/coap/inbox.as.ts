// assembly/coap/inbox.ts: duplicate detection and replies

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { EXCHANGE_LIFETIME, INBOX_ENTRIES } from "../../../../assembly/config";
import { Code, MessageType } from "../../../../assembly/coap/protocol";
import {
  inboxForget,
  inboxHasReply,
  inboxPollReply,
  inboxReceive,
  inboxReply,
  inboxReset,
} from "../../../../assembly/coap/inbox";

const out = bytes("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");

function acknowledge(id: u32, now: u32): void {
  inboxReply(id, MessageType.Acknowledgement, Code.Empty, 0, 0, now);
}

function poll(): i32 {
  memory.fill(out, 0xee, 16);
  return inboxPollReply(out, 16);
}

section("duplicates");
inboxReset();
check("the first is new", inboxReceive(0x7001, 1000));
check("the same id is not", !inboxReceive(0x7001, 1000));
check("nor later", !inboxReceive(0x7001, 45000));
check("another id is", inboxReceive(0x7002, 1000));
check("id 0 is", inboxReceive(0, 1000));
check("id 0 only once", !inboxReceive(0, 1001));
check("the highest id is", inboxReceive(0xffff, 1000));
check("and is known then", !inboxReceive(0xffff, 1001));
inboxReset();
check("a reset forgets all", inboxReceive(0x7001, 1001));

section("replies");
inboxReset();
check("none at first", !inboxHasReply());
equal("nothing to poll", poll(), 0);
inboxReceive(0x7001, 1000);
check("none without an answer", !inboxHasReply());
acknowledge(0x7001, 1000);
check("an ACK waits", inboxHasReply());
equal("an empty ACK has 4 bytes", poll(), 4);
equalBytes("with the id", out, "60007001 ee");
check("then none waits", !inboxHasReply());
equal("it is sent once", poll(), 0);
inboxReply(0x1111, MessageType.Acknowledgement, Code.Empty, 0, 0, 1000);
check("no reply to an unknown id", !inboxHasReply());

section("repetition");
check("is a duplicate", !inboxReceive(0x7001, 2000));
check("its reply waits again", inboxHasReply());
equal("has 4 bytes", poll(), 4);
equalBytes("and is the same", out, "60007001 ee");
check("once for each repetition", poll() == 0);
inboxReceive(0x7003, 1000);
check("unanswered, it is swallowed", !inboxReceive(0x7003, 1100) && !inboxHasReply());
acknowledge(0x7003, 1200);
inboxReceive(0x7003, 1300);
equal("a repetition of a reply that waits still adds none", poll(), 4);
equal("no second one", poll(), 0);

section("forms of a reply");
inboxReset();
inboxReceive(0x7006, 0);
inboxReply(0x7006, MessageType.Acknowledgement, Code.Changed, bytes("a9"), 1, 0);
equal("piggybacked", poll(), 5);
equalBytes("with its token", out, "61447006a9 ee");
inboxReceive(0x7007, 0);
inboxReply(0x7007, MessageType.Reset, Code.Empty, bytes("a9"), 1, 0);
equal("reset", poll(), 4);
equalBytes("without a token", out, "70007007 ee");
inboxReceive(0x7008, 0);
const token = bytes("0102030405060708 09");
inboxReply(0x7008, MessageType.Acknowledgement, Code.NotFound, token, 8, 0);
equal("the longest token", poll(), 12);
equalBytes("whole", out, "688470080102030405060708 ee");
inboxReceive(0x7009, 0);
inboxReply(0x7009, MessageType.Acknowledgement, Code.NotFound, token, 9, 0);
equal("a longer one is cut to 8", poll(), 12);
inboxReceive(0x700a, 0);
acknowledge(0x700a, 0);
inboxReply(0x700a, MessageType.Acknowledgement, Code.BadRequest, bytes("a9"), 1, 0);
equal("a later reply takes the place", poll(), 5);
equalBytes("of the earlier one", out, "6180700aa9");
equal("which is gone", poll(), 0);

section("several replies");
inboxReset();
inboxReceive(1, 0);
inboxReceive(2, 0);
inboxReceive(3, 0);
acknowledge(2, 0);
acknowledge(3, 0);
acknowledge(1, 0);
let seen = 0;
for (let i = 0; i < 3; i++) {
  if (poll() == 4) seen |= 1 << (<i32>load<u8>(out + 3));
}
equal("each comes once", seen, 0b1110);
equal("and no other", poll(), 0);

section("forget");
inboxReset();
inboxReceive(5, 0);
inboxForget(5, 0);
check("counts as new again", inboxReceive(5, 1));
acknowledge(5, 1);
inboxForget(5, 1);
check("its reply goes with it", !inboxHasReply());
inboxForget(77, 0);
check("an unknown id is nothing to forget", inboxReceive(77, 0));

section("lifetime");
inboxReset();
inboxReceive(9, 1000);
check("known 1 ms before its end", !inboxReceive(9, 1000 + EXCHANGE_LIFETIME - 1));
check("new at its end", inboxReceive(9, 1000 + EXCHANGE_LIFETIME));
check("and known from then on", !inboxReceive(9, 1000 + EXCHANGE_LIFETIME + 1));
inboxReset();
inboxReceive(9, 1000);
inboxReceive(9, 200000);
check("a repetition does not lengthen it", inboxReceive(9, 1000 + EXCHANGE_LIFETIME));
inboxReset();
inboxReceive(9, 1000);
acknowledge(9, 1000 + EXCHANGE_LIFETIME);
check("no reply after it", !inboxHasReply());
inboxReset();
inboxReceive(9, 0xffffff00);
check("known across the wrap", !inboxReceive(9, 0x00000100));
check("and to its end", !inboxReceive(9, 0xffffff00 + EXCHANGE_LIFETIME - 1));
check("new after it", inboxReceive(9, 0xffffff00 + EXCHANGE_LIFETIME));

section("more ids than places");
inboxReset();
for (let i = 0; i < INBOX_ENTRIES; i++) inboxReceive(100 + i, 1000 + i * 10);
let known = 0;
for (let i = 0; i < INBOX_ENTRIES; i++) if (!inboxReceive(100 + i, 2000)) known++;
equal("16 are remembered", known, 16);
check("one more is new", inboxReceive(500, 2000));
check("the second oldest is still known", !inboxReceive(101, 2001));
check("the newest too", !inboxReceive(115, 2001));
check("the added one too", !inboxReceive(500, 2001));
check("the oldest was given up", inboxReceive(100, 2002));
check("and with it the next oldest", inboxReceive(101, 2003));
inboxReset();
for (let i = 0; i < INBOX_ENTRIES; i++) inboxReceive(100 + i, 0xffffffc0 + i * 10);
inboxReceive(500, 0x200);
check("age counts across the wrap", !inboxReceive(101, 0x200));
check("the oldest is from before it", inboxReceive(100, 0x200));
inboxReset();
for (let i = 0; i < INBOX_ENTRIES; i++) inboxReceive(100 + i, 1000 + i * 10);
inboxForget(107, 2000);
inboxReceive(500, 2000);
check("a free place is taken before an old one", !inboxReceive(100, 2000));

finish();
