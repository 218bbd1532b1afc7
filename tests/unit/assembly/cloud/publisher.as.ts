// assembly/cloud/publisher.ts: the byte examples of the protocol, and what is refused

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { OUTBOX_CAPACITY, OUTBOX_RESERVE } from "../../../../assembly/config";
import { Status } from "../../../../assembly/status";
import {
  outboxCapacity,
  outboxNextId,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
  outboxSpace,
} from "../../../../assembly/coap/outbox";
import { isReservedName, publish } from "../../../../assembly/cloud/publisher";

const out = heap.alloc(1200);
const data = heap.alloc(1100);
memory.fill(data, 0x2e, 1100);

function text(at: usize, value: string): i32 {
  return String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, at, false) as i32;
}

const nameAt = heap.alloc(200);

/** Publish `length` bytes of `data` under this name. */
function event(name: string, length: i32, format: u32 = 0, ttl: u32 = 60, con: bool = true): i32 {
  return publish(nameAt, text(nameAt, name), data, length, format, ttl, con);
}

/** Publish these bytes and look at the message, first as it waits, then as it is sent. */
function example(
  title: string,
  id: u32,
  name: string,
  payload: string,
  format: u32,
  ttl: u32,
  con: bool,
  expected: string,
): void {
  outboxReset();
  outboxSetNextId(id);
  const length = payload.length / 2;
  const at = outboxSpace();
  check(title, publish(nameAt, text(nameAt, name), bytes(payload), length, format, ttl, con) > 0);
  const digits = expected.length;
  equalBytes("waits with id 0", at, expected.substring(0, 4) + "0000");
  equal("no id is used", outboxNextId(), id);
  equal("bytes", outboxPollTransmit(out, 1152, 0, 0), digits / 2);
  equalBytes("message", out, expected);
}

section("examples");
example(
  "20 bytes of JSON",
  0x0010,
  "sensor/t",
  "7b2274223a32312e352c2268223a34302e32357d",
  0,
  60,
  true,
  "40020010b1450873656e736f722f74ff7b2274223a32312e352c2268223a34302e32357d",
);
equalBytes("id of a message that was sent", out + 2, "0010");
example("NON, ttl", 0x11, "abc", "646566", 0, 3600, false, "50020011b14503616263320e10ff646566");
const CBOR = "40020012b1450363666712fde9ffa1616101";
example("65001", 0x0012, "cfg", "a1616101", 65001, 60, true, CBOR);
const OCTETS = "40020013b1450362696e112aff010203";
example("octet-stream", 0x0013, "bin", "010203", 42, 60, true, OCTETS);
example("no data, no marker", 0x0014, "a", "", 0, 60, true, "40020014b1450161");
example("ttl 0 is an empty option", 0x0015, "a", "", 0, 0, true, "40020015b145016130");
const LONG_TTL = "40020016b145016133ffffff";
example("the longest ttl", 0x0016, "a", "", 0, 16777215, true, LONG_TTL);
const BOTH = "40020017b1450161113c21ff";
example("format and ttl", 0x0017, "a", "", 60, 255, true, BOTH);
const NAME_13 = "40020018b1450d0031323334353637383930616263";
example("name of 13 bytes", 0x0018, "1234567890abc", "", 0, 60, true, NAME_13);

section("id before the first transmission");
outboxReset();
const waiting = outboxSpace();
event("a", 0);
equalBytes("is 0", waiting, "40020000b1450161");

section("handles");
outboxReset();
const first = event("a", 0);
equal("count up", event("a", 0), first + 1);
equal("for all publishes", event("b", 0, 0, 60, false), first + 2);
event("", 0);
equal("not for refused ones", event("a", 0), first + 3);
let handle = first + 3;
let wrong = 0;
for (let i = handle + 1; i <= 0xffff; i++) {
  outboxReset();
  handle = event("a", 0);
  if (handle != i) wrong++;
}
equal("up to 65535", handle, 0xffff);
equal("without a gap", wrong, 0);
outboxReset();
equal("then 1 again", event("a", 0), 1);

section("limits");
outboxReset();
equal("no name", event("", 0), Status.InvalidArgument);
check("name of 64 bytes", event("n".repeat(64), 0) > 0);
equal("of 65", event("n".repeat(65), 0), Status.TooLong);
equal("negative name length", publish(nameAt, -1, data, 0, 0, 60, true), Status.InvalidArgument);
outboxReset();
check("data of 1024 bytes", event("a", 1024) > 0);
equal("of 1025", event("a", 1025), Status.TooLong);
equal("negative length", event("a", -1), Status.InvalidArgument);
outboxReset();
check("the highest content format", event("a", 0, 0xffff) > 0);
equal("above it", event("a", 0, 0x10000), Status.InvalidArgument);
equal("ttl above 16777215", event("a", 0, 0, 16777216), Status.InvalidArgument);
outboxReset();
check("the largest event of all", event("n".repeat(64), 1024, 65001, 16777215) > 0);
equal("fits a datagram", outboxPollTransmit(out, 1152, 0, 0), 4 + 2 + 66 + 3 + 4 + 1 + 1024);
equal("nothing is queued by what is refused", outboxPollTransmit(out, 1152, 0, 0), 0);

/** Whether a name is reserved. */
function reserved(name: string): bool {
  return isReservedName(nameAt, text(nameAt, name));
}

section("reserved names");
check("particle", reserved("particle"));
check("particle/x", reserved("particle/x"));
check("particles", reserved("particles"));
check("spark", reserved("spark"));
check("sparkling", reserved("sparkling"));
check("in any case", reserved("PARTICLE") && reserved("sPaRk"));
check("not a part of it", !reserved("particl") && !reserved("spar"));
check("not inside", !reserved("a/particle") && !reserved("myspark"));
check("not nothing", !reserved(""));
equal("are refused", event("Spark/x", 0), Status.ReservedName);
equal("unless too long", event("spark" + "x".repeat(60), 0), Status.TooLong);

section("full outbox");
outboxReset();
let count = 0;
while (event("a", 0) > 0) count++;
equal("28 bytes each, 64 left for Hello", count, (OUTBOX_CAPACITY - OUTBOX_RESERVE) / 28);
check("which fits", outboxCapacity() >= 39);
equal("no space", event("a", 0), Status.NoSpace);
equal("nor for data", event("a", 1024), Status.NoSpace);
outboxReset();
event("a", 1024);
event("a", 1024);
equal("two of 1024 bytes, a third does not fit", event("a", 1024), Status.NoSpace);
check("a smaller one does", event("a", 200) > 0);

finish();
