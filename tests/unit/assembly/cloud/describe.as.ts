// assembly/cloud/describe.ts: the byte examples of the protocol, and blockwise transfer

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import { Code } from "../../../../assembly/coap/protocol";
import {
  Purpose,
  outboxAcknowledge,
  outboxCommit,
  outboxHas,
  outboxPollDone,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import { setPlatform, setProduct } from "../../../../assembly/cloud/identity";
import {
  describeAnswer,
  describeDone,
  describeIsBusy,
  describePoll,
  describeRequest,
  describeRequestChanged,
  describeReset,
} from "../../../../assembly/cloud/describe";
import { describe } from "../../../../assembly/cloud/description";
import { DescribeType, VariableType } from "../../../../assembly/cloud/protocol";
import { RegistryKind, registryAdd } from "../../../../assembly/cloud/registry";
import { stateReset, stateTakeChanged } from "../../../../assembly/cloud/state";
import { seedTokens } from "../../../../assembly/cloud/tokens";
import { writerOpen } from "../../../../assembly/util/writer";

const out = heap.alloc(1200);
const whole = heap.alloc(4096);
const token = bytes("a7");
const EXAMPLE = "7b2266223a5b226c6564225d2c2276223a7b2274656d70223a397d7d";

function restart(id: u32, seed: u32): void {
  outboxReset();
  outboxSetNextId(id);
  seedTokens(seed);
}

/** Send the next message. @returns its bytes */
function send(): i32 {
  memory.fill(out, 0xee, 1200);
  return outboxPollTransmit(out, 1152, 0, 0);
}

/** The server answers message `id`. */
function answer(id: u32, status: i32): void {
  outboxAcknowledge(id, status, 0);
  outboxPollDone(false);
  describeDone(status);
}

setPlatform(13, 6200);
setProduct(0x1234, 3);
registryAdd(RegistryKind.Function, 0, bytes("6c6564"), 3);
registryAdd(RegistryKind.Variable, VariableType.Double, bytes("74656d70"), 4);

section("application");
stateReset();
check("nothing is wanted", !describeIsBusy());
describePoll(0);
check("nothing is queued", !outboxHas(0));
restart(0x0019, 0x2f);
describeRequest(DescribeType.Application);
check("wanted", describeIsBusy());
describePoll(0);
equal("in one message", send(), 38);
equalBytes("with its example's bytes", out, "4102001930b1644102ff" + EXAMPLE);
describePoll(0);
equal("once", send(), 0);
check("busy until it is answered", describeIsBusy());
answer(0x0019, Status.Ok);
check("then no more", !describeIsBusy());
check("it counts as acknowledged", stateTakeChanged());

section("system");
restart(0x001a, 0x30);
describeRequest(DescribeType.System);
describePoll(0);
equal("in one message", send(), 12 + 37);
equalBytes("with Content-Format 42", out, "4102001a31 b164 112a 3101 ff 0a11");
answer(0x001a, Status.ClientError);
check("a refusal ends it", !describeIsBusy());
check("and is no acknowledgement", !stateTakeChanged());

section("metrics");
restart(0x001f, 0x33);
describeRequest(DescribeType.Metrics);
describePoll(60000);
send();
equalBytes("of uptime 60 s", out, "4102001f34b1644104ff000400 0200 0400 0600 3c000000");
answer(0x001f, Status.Ok);
check("are never acknowledged for good", !stateTakeChanged());

section("order");
restart(1, 0);
describeRequest(DescribeType.Metrics);
describeRequest(DescribeType.Application);
describeRequest(DescribeType.System);
let order = 0;
for (let id = 1; id <= 3; id++) {
  describePoll(0);
  send();
  order = order * 10 + <i32>load<u8>(out + (load<u8>(out + 7) == 0x11 ? 10 : 8));
  answer(id, Status.Ok);
}
equal("system, application, metrics", order, 124);
check("all done", !describeIsBusy());

section("what changed");
stateReset();
describeRequestChanged(0);
describePoll(0);
check("both when nothing was acknowledged", describeIsBusy());
describeReset();
outboxReset();
check("a reset forgets them", !describeIsBusy());
describeRequest(DescribeType.Metrics);
describeReset();
check("but not metrics", describeIsBusy());
restart(1, 0);
describePoll(0);
send();
answer(1, Status.Ok);
restart(1, 0);
describeRequestChanged(0);
describePoll(0);
send();
answer(1, Status.Ok);
describePoll(0);
send();
answer(2, Status.Ok);
describeRequestChanged(0);
check("nothing once both were", !describeIsBusy());
setProduct(0x1234, 4);
describeRequestChanged(0);
check("system with a new version", describeIsBusy());
restart(1, 0);
describePoll(0);
send();
equalBytes("only it", out + 5, "b164 112a 3101");
answer(1, Status.Ok);
check("and no more", !describeIsBusy());

section("full outbox");
restart(1, 0);
outboxCommit(Purpose.Publish, 0, 2100);
describeRequest(DescribeType.Application);
describePoll(0);
check("it waits", describeIsBusy() && !outboxHas(Purpose.Describe));
outboxReset();
describePoll(0);
check("until there is room", outboxHas(Purpose.Describe));
describeReset();

section("asked by the server");
restart(0x001d, 0);
equal("application", describeAnswer(2, -1, token, 1, 0), Code.Empty);
equal("separate 2.05", send(), 34);
equalBytes("with the request's token", out, "4145001da7ff" + EXAMPLE);
equal("system", describeAnswer(1, -1, token, 1, 0), Code.Empty);
send();
equalBytes("with Content-Format 42", out, "4145001ea7 c12a ff 0a11");
equal("metrics", describeAnswer(4, -1, token, 1, 0), Code.Empty);
equal("type 0", describeAnswer(0, -1, token, 1, 0), Code.BadRequest);
equal("type 3", describeAnswer(3, -1, token, 1, 0), Code.BadRequest);
equal("an ASCII digit", describeAnswer(0x32, -1, token, 1, 0), Code.BadRequest);
equal("block 0 of our size", describeAnswer(2, 5, token, 1, 0), Code.Empty);
equal("block 1 of one", describeAnswer(2, 0x15, token, 1, 0), Code.NotFound);
equal("the last number", describeAnswer(2, 0xfffff5, token, 1, 0), Code.NotFound);
equal("another size", describeAnswer(2, 6, token, 1, 0), Code.BadOption);
equal("the reserved size", describeAnswer(2, 7, token, 1, 0), Code.BadOption);
outboxReset();
outboxCommit(Purpose.Publish, 0, 2100);
equal("a full outbox", describeAnswer(2, -1, token, 1, 0), Status.NoSpace);

// ---- blockwise --------------------------------------------------------------------------------

const name = heap.alloc(64);
memory.fill(name, 0x6e, 64);
for (let i = 0; i < 20; i++) {
  store<u8>(name, 0x41 + i);
  registryAdd(RegistryKind.Function, 0, name, 50);
}
writerOpen(whole, 4096);
const total = describe(DescribeType.Application, 0, 4096, 0);
const collected = heap.alloc(4096);

section("sent in blocks");
equal("28 bytes and 20 times 53", total, 28 + 20 * 53);
restart(1, 0x2f);
describeRequest(DescribeType.Application);
describePoll(0);
equal("first: 512 bytes", send(), 12 + 512);
equalBytes("block 0, more, token 30", out, "4102000130 b164 4102 c10d ff");
memory.copy(collected, out + 12, 512);
describePoll(0);
equal("the next waits for the answer", send(), 0);
answer(1, Status.Ok);
describePoll(0);
equal("second: 512 bytes", send(), 12 + 512);
equalBytes("block 1, more, a new token", out, "4102000231 b164 4102 c11d ff");
memory.copy(collected + 512, out + 12, 512);
answer(2, Status.Ok);
describePoll(0);
equal("last", send(), 12 + total - 1024);
equalBytes("block 2, no more", out, "4102000332 b164 4102 c125 ff");
memory.copy(collected + 1024, out + 12, total - 1024);
equal("together they are the whole", memory.compare(collected, whole, total), 0);
stateTakeChanged();
answer(3, Status.Ok);
check("acknowledged with the last", stateTakeChanged() && !describeIsBusy());

section("a block that is refused");
stateReset();
restart(1, 0);
describeRequest(DescribeType.Application);
describePoll(0);
send();
answer(1, Status.ClientError);
check("ends the transfer", !describeIsBusy());
check("unacknowledged", !stateTakeChanged());

section("changed under way");
describeRequest(DescribeType.Application);
describePoll(0);
send();
answer(2, Status.Ok);
registryAdd(RegistryKind.Function, 0, bytes("7a7a"), 2);
describePoll(0);
send();
equalBytes("begins again with block 0", out + 5, "b164 4102 c10d");
describeReset();

section("asked for in blocks");
restart(0x001e, 0);
equal("no Block2: the first", describeAnswer(2, -1, token, 1, 0), Code.Empty);
equal("512 bytes", send(), 11 + 512);
const tag = load<u8>(out + 6);
equalBytes("ETag", out, "4145001ea7 41");
equalBytes("Block2 0, more", out + 7, "d1060d ff");
equal("block 1", describeAnswer(2, 0x15, token, 1, 0), Code.Empty);
send();
equal("the same ETag", load<u8>(out + 6), tag);
equalBytes("Block2 1, more", out + 7, "d1061d ff");
equal("block 2", describeAnswer(2, 0x25, token, 1, 0), Code.Empty);
equal("the rest", send(), 11 + total + 5 - 1024);
equalBytes("Block2 2, no more", out + 7, "d10625 ff");
equal("block 3", describeAnswer(2, 0x35, token, 1, 0), Code.NotFound);

finish();
