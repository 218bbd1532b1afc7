// assembly/cloud/modules.ts, and what Hello and the system Describe say of updates.

import "../support/ota";
import { bytes, equal, equalBytes, finish, section } from "../support/check";
import { describe, describeChecksum } from "../../../../assembly/cloud/description";
import { helloChecksum, sendHello } from "../../../../assembly/cloud/hello";
import { setPlatform, setProduct } from "../../../../assembly/cloud/identity";
import { ModuleStore, setLargestImage, setModule } from "../../../../assembly/cloud/modules";
import { DescribeType } from "../../../../assembly/cloud/protocol";
import { outboxPollTransmit, outboxReset, outboxSetNextId } from "../../../../assembly/coap/outbox";
import { writerOpen } from "../../../../assembly/util/writer";

const out = heap.alloc(256);

function hello(name: string, flags: string, sizes: string): u32 {
  outboxReset();
  outboxSetNextId(1);
  sendHello();
  outboxPollTransmit(out, 64, 0, 0);
  equalBytes(name + ": flags", out + 11, flags);
  equalBytes(name + ": largest message, largest binary, chunk", out + 31, "0480" + sizes);
  return helloChecksum();
}

section("Hello");
setProduct(0x1234, 3);
setPlatform(13, 6200);
const without = hello("without areas", "0136", "00000000 0000");
setLargestImage(0x178000);
const large = hello("with areas", "01b6", "00178000 0470");
setLargestImage(65536);
equal("the session's checksum tells them apart", <i32>(large != without), 1);
equal("and sizes", <i32>(helloChecksum() != large), 1);

function system(name: string, expected: string): void {
  writerOpen(out, 256);
  const length = describe(DescribeType.System, 0, 256, 0);
  equal(name + ": bytes", length, expected.replaceAll(" ", "").length / 2);
  equalBytes(name, out, expected);
}

section("Describe");
const SYSTEM = "0a11 0804 1001 18b830 351e000000 3d1e000000";
const HASH = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
system("no application", SYSTEM + "0a10 0805 1001 1803 351e000000 3d1e000000");
const before = describeChecksum();
setModule(ModuleStore.Main, 7, 5120, bytes(HASH));
const RUNNING = "0a37 0805 1001 1807 2000 351e000000 3d1e000000 4220" + HASH + "58 8028";
system("one that runs", SYSTEM + RUNNING);
equal("is another description", <i32>(describeChecksum() != before), 1);
setModule(ModuleStore.Backup, 0xffffffff, 100, bytes(HASH));
const FORMER = "0a3a 0805 1001 18ffffffff0f 2002 351e000000 3d1e000000 4220" + HASH + "58 64";
system("and the one before, with the largest version", SYSTEM + RUNNING + FORMER);
setModule(ModuleStore.Backup, 1, 100, 0);
system("gone", SYSTEM + RUNNING);

finish();
