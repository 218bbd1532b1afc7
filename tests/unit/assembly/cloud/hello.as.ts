// assembly/cloud/hello.ts

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  outboxCommit,
  outboxPollTransmit,
  outboxReset,
  outboxSetNextId,
} from "../../../../assembly/coap/outbox";
import { setDeviceId, setPlatform, setProduct } from "../../../../assembly/cloud/identity";
import {
  handleHelloAnswer,
  helloChecksum,
  helloResetToken,
  sendHello,
} from "../../../../assembly/cloud/hello";

const out = heap.alloc(64);

/** Send Hello and look at its bytes. */
function hello(name: string, expected: string): void {
  outboxReset();
  outboxSetNextId(1);
  equal(name, sendHello(), Status.Ok);
  equal("39 bytes", outboxPollTransmit(out, 64, 0, 0), 39);
  equalBytes("bytes", out, "40020001 b168 ff" + expected);
}

section("message");
const NO_ID = "000000000000000000000000";
hello(
  "before anything is set: no product",
  "ffff 0000 0136 0000 00 0c" + NO_ID + "0000 0480 00000000 0000",
);
setProduct(0x1234, 3);
setPlatform(13, 6200);
setDeviceId(bytes("e00fce680011223344556677"));
hello(
  "the example's device, with our flags, no binary, no OTA",
  "1234 0003 0136 000d 00 0c e00fce680011223344556677 1838 0480 00000000 0000",
);
setProduct(0x12345678, 0x1ffff);
setPlatform(0x10020, 0x1ffff);
hello(
  "16 bits of each number are kept",
  "5678 ffff 0136 0020 00 0c e00fce680011223344556677 ffff 0480 00000000 0000",
);
outboxReset();
outboxCommit(1, 0, 2500);
equal("a full outbox", sendHello(), Status.NoSpace);

section("checksum");
setProduct(0x1234, 3);
const checksum = helloChecksum();
check("is not 0", checksum != 0);
equal("stays", helloChecksum(), checksum);
setProduct(0x1234, 4);
check("changes with the product version", helloChecksum() != checksum);
setProduct(0x1235, 3);
check("with the product", helloChecksum() != checksum);
setProduct(0x1234, 3);
equal("and back", helloChecksum(), checksum);
setPlatform(12, 6200);
check("with the platform", helloChecksum() != checksum);
setDeviceId(bytes("e00fce680011223344556678"));
check("with the device id", helloChecksum() != checksum);

section("reset token");
equal("none at first", helloResetToken(), 0);
const token = bytes("000102030405060708090a0b0c0d0e0fff");
handleHelloAnswer(token, 16);
check("of 16 bytes", helloResetToken() != 0);
equalBytes("is a copy", helloResetToken(), "000102030405060708090a0b0c0d0e0f");
check("not where the answer stood", helloResetToken() != token);
handleHelloAnswer(token, 15);
equal("15 bytes are none", helloResetToken(), 0);
handleHelloAnswer(token, 17);
equal("nor 17", helloResetToken(), 0);
handleHelloAnswer(token, 16);
handleHelloAnswer(0, 0);
equal("an empty answer takes it away", helloResetToken(), 0);

finish();
