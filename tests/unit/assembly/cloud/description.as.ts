// assembly/cloud/description.ts: JSON by RFC 8259, protobuf and metrics by hand

import { check, equal, equalBytes, finish, hex, section } from "../support/check";
import {
  Purpose,
  outboxAbort,
  outboxCommit,
  outboxPollTransmit,
  outboxReset,
  outboxSpace,
} from "../../../../assembly/coap/outbox";
import { Status } from "../../../../assembly/status";
import { crc32 } from "../../../../assembly/util/crc32";
import { roundTripRestore } from "../../../../assembly/util/round-trip";
import { writerLength, writerOpen } from "../../../../assembly/util/writer";
import { setPlatform, setProduct } from "../../../../assembly/cloud/identity";
import { describe, describeChecksum } from "../../../../assembly/cloud/description";
import { DescribeType, VariableType } from "../../../../assembly/cloud/protocol";
import { RegistryKind, registryAdd } from "../../../../assembly/cloud/registry";

const whole = heap.alloc(2048);
const part = heap.alloc(2048);
const nameAt = heap.alloc(128);

/** Describe into `whole`. @returns its length */
function all(type: i32, now: u32 = 0): i32 {
  memory.fill(whole, 0xee, 2048);
  writerOpen(whole, 2048);
  const length = describe(type, 0, i32.MAX_VALUE, now);
  return writerLength() == length ? length : -1;
}

function application(): string {
  return String.UTF8.decodeUnsafe(whole, all(DescribeType.Application));
}

function add(kind: i32, name: string, detail: u32 = 0): void {
  const length = <i32>String.UTF8.encodeUnsafe(changetype<usize>(name), name.length, nameAt, false);
  registryAdd(kind, detail, nameAt, length);
}

/** How many windows of 1 to n bytes, one after the other, do not give the whole. */
function wrongWindows(type: i32, now: u32): i32 {
  const length = all(type, now);
  const checksum = describeChecksum();
  let wrong = 0;
  for (let size = 1; size <= length + 1; size++) {
    for (let from = 0; from < length; from += size) {
      writerOpen(part + from, 2048 - from);
      if (describe(type, from, from + size, now) != length) wrong++;
      if (writerLength() != min(size, length - from)) wrong++;
      if (describeChecksum() != checksum) wrong++;
    }
    if (memory.compare(part, whole, length) != 0) wrong++;
    memory.fill(part, 0xee, 2048);
  }
  return wrong;
}

// ---- application ------------------------------------------------------------------------------

section("application");
check("empty", application() == '{"f":[],"v":{}}');
const emptyChecksum = describeChecksum();
equal("checksum is the CRC-32 of the bytes", emptyChecksum, crc32(0, whole, 15));
add(RegistryKind.Function, "led");
check("a function", application() == '{"f":["led"],"v":{}}');
check("changes the checksum", describeChecksum() != emptyChecksum);
add(RegistryKind.Variable, "temp", VariableType.Double);
check("the protocol's example", application() == '{"f":["led"],"v":{"temp":9}}');
equalBytes("its bytes", whole, "7b2266223a5b226c6564225d2c2276223a7b2274656d70223a397d7d ee");
add(RegistryKind.Variable, "b", VariableType.Bool);
add(RegistryKind.Variable, "i", VariableType.Int);
add(RegistryKind.Variable, "s", VariableType.String);
add(RegistryKind.Function, "f2");
add(RegistryKind.Subscription, "sub");
const SIX = '{"f":["led","f2"],"v":{"temp":9,"b":1,"i":2,"s":4}}';
check("in order of registration, without subscriptions", application() == SIX);

section("escapes");
add(RegistryKind.Function, 'q"b\\e/');
add(RegistryKind.Variable, "\u0000\u0001\t\n\u001f \u007f", VariableType.Int);
add(RegistryKind.Function, "\u00e9\u20ac");
const ESCAPED =
  '{"f":["led","f2","q\\"b\\\\e/","\u00e9\u20ac"],"v":{"temp":9,"b":1,"i":2,"s":4,' +
  '"\\u0000\\u0001\\u0009\\u000a\\u001f \u007f":2}}';
check("quote, backslash, control characters; UTF-8 as it is", application() == ESCAPED);
equal("every window of it is right", wrongWindows(DescribeType.Application, 0), 0);
describe(DescribeType.Application, 0, 0, 0);
const escapedChecksum = describeChecksum();
equal("the checksum does not need a window", escapedChecksum, crc32(0, whole, all(2)));
writerOpen(part, 0);
describe(DescribeType.Application, 0, 0, 0);
equal("an empty window writes nothing", writerLength(), 0);
describe(DescribeType.Application, 5000, 6000, 0);
equal("nor does one past the end", writerLength(), 0);
writerOpen(part, 4);
describe(DescribeType.Application, 0, 5, 0);
equal("too little room is told", writerLength(), Status.NoSpace);

// ---- system -----------------------------------------------------------------------------------

section("system");
setPlatform(13, 6200);
setProduct(0x1234, 3);
equal("37 bytes", all(DescribeType.System), 37);
equalBytes(
  "system part 4, version 6200; user part 5, version 3; both fully checked",
  whole,
  "0a11 0804 1001 18b830 351e000000 3d1e000000" + "0a10 0805 1001 1803 351e000000 3d1e000000 ee",
);
const systemChecksum = describeChecksum();
equal("every window of it is right", wrongWindows(DescribeType.System, 0), 0);
setProduct(0x4321, 3);
all(DescribeType.System);
equal("the product is not in it", describeChecksum(), systemChecksum);
setPlatform(13, 127);
setProduct(0x1234, 128);
equal("versions of one and two bytes", all(DescribeType.System), 37);
equalBytes("127", whole, "0a10 0804 1001 187f");
equalBytes("128", whole + 18, "0a11 0805 1001 188001");
setPlatform(13, 16383);
setProduct(0x1234, 16384);
equal("of two and three", all(DescribeType.System), 39);
equalBytes("16383", whole, "0a11 0804 1001 18ff7f");
equalBytes("16384", whole + 19, "0a12 0805 1001 18808001");
setProduct(0x1234, 0xffff);
all(DescribeType.System);
equalBytes("65535", whole + 19, "0a12 0805 1001 18ffff03 351e000000 3d1e000000 ee");
setProduct(0x1234, 0);
all(DescribeType.System);
equalBytes("0 is written, too", whole + 19, "0a10 0805 1001 1800 351e000000");

// ---- metrics ----------------------------------------------------------------------------------

section("metrics");
const HEAD = "00 0400 0200 0400";
equal("31 bytes without a round trip", all(DescribeType.Metrics, 60999), 31);
equalBytes(
  "uptime 60 s, nothing sent",
  whole,
  HEAD + "0600 3c000000 1500 00000000 1600 00000000 1700 00000000 ee",
);
roundTripRestore(0x0102);
equal("37 with one", all(DescribeType.Metrics, 0), 37);
equalBytes("round trip", whole + 31, "1f00 02010000 ee");
outboxReset();
store<u32>(outboxSpace(), 0x40);
outboxCommit(Purpose.Ping, 0, 4);
outboxPollTransmit(part, 64, 0, 0);
outboxPollTransmit(part, 64, 0, 100000);
outboxAbort(0, Status.Aborted);
all(DescribeType.Metrics, 4294967295);
equalBytes(
  "the longest uptime; 1 retransmission in 2 messages",
  whole,
  HEAD + "0600 37894100 1500 01000000 1600 00000000 1700 02000000 1f00 02010000",
);
equal("every window of it is right", wrongWindows(DescribeType.Metrics, 123456789), 0);
check("little-endian ids and values", hex(whole + 7, 2) == "0600");

finish();
