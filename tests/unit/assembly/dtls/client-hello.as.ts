// assembly/dtls/client-hello.ts: bytes by hand from RFC 5246 §7.4.1.2 and the extensions' RFCs

import { bytes, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import { encodeClientHello } from "../../../../assembly/dtls/client-hello";

const RANDOM = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SUITES = "0004 c0ae 00ff 01 00";
const EXTENSIONS =
  "0027" +
  "000d 0004 0002 0403" +
  "000a 0004 0002 0017" +
  "000b 0002 01 00" +
  "00fe 0001 00" +
  "0013 0002 01 02" +
  "0014 0002 01 02";

const out = heap.alloc(512);
const random = bytes(RANDOM);
const filler = heap.alloc(255);
for (let i = 0; i < 255; i++) store<u8>(filler + i, 0xc0);

function encode(capacity: i32, cookie: usize, cookieLength: i32): i32 {
  memory.fill(out, 0xee, 512);
  return encodeClientHello(out, capacity, random, 0, 0, cookie, cookieLength);
}

section("first ClientHello");
equal("85 bytes", encode(512, 0, 0), 85);
equalBytes("layout", out, "fefd" + RANDOM + "00 00" + SUITES + EXTENSIONS + "ee");

section("with a cookie");
equal("8 bytes more", encode(512, bytes("a1a2a3a4a5a6a7a8"), 8), 93);
equalBytes("layout", out, "fefd" + RANDOM + "00 08a1a2a3a4a5a6a7a8" + SUITES + EXTENSIONS + "ee");
equal("the longest cookie", encode(512, filler, 255), 340);
equalBytes("its length", out + 35, "ff c0");
equalBytes("what follows it", out + 35 + 256, SUITES + EXTENSIONS + "ee");

section("with a session id");
equal("3 bytes more", encodeClientHello(out, 512, random, bytes("010203"), 3, 0, 0), 88);
equalBytes("layout", out, "fefd" + RANDOM + "03010203 00" + SUITES + EXTENSIONS);

section("no room");
equal("exactly enough", encode(85, 0, 0), 85);
let refused = 0;
let touched = 0;
for (let capacity = 0; capacity < 85; capacity++) {
  if (encode(capacity, 0, 0) == Status.NoSpace) refused++;
  for (let i = capacity; i < 128; i++) if (load<u8>(out + i) != 0xee) touched++;
}
equal("every smaller capacity is refused", refused, 85);
equal("and nothing written past it", touched, 0);

finish();
