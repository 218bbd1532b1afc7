// assembly/util/crc32.ts: check value of CRC-32/ISO-HDLC (catalogue of Greg Cook), others by zlib

import { bytes, check, equal, finish, section } from "../support/check";
import { crc32 } from "../../../../assembly/util/crc32";

const digits = bytes("313233343536373839");

section("values");
equal('"123456789"', crc32(0, digits, 9), 0xcbf43926);
equal("nothing", crc32(0, digits, 0), 0);
equal('"a"', crc32(0, bytes("61"), 1), 0xe8b7be43);
equal("one zero byte", crc32(0, bytes("00"), 1), 0xd202ef8d);
equal("four zero bytes", crc32(0, bytes("00000000"), 4), 0x2144df1c);
equal("four bytes 0xff", crc32(0, bytes("ffffffff"), 4), 0xffffffff);
const all = heap.alloc(256);
for (let i = 0; i < 256; i++) store<u8>(all + i, i);
equal("every byte value", crc32(0, all, 256), 0x29058c73);

section("in parts");
for (let cut = 0; cut <= 9; cut++) {
  const first = crc32(0, digits, cut);
  equal("cut at " + cut.toString(), crc32(first, digits + cut, 9 - cut), 0xcbf43926);
}
let single: u32 = 0;
for (let i = 0; i < 9; i++) single = crc32(single, digits + i, 1);
equal("byte by byte", single, 0xcbf43926);

section("what it finds");
let missed = 0;
const whole = crc32(0, all, 256);
for (let bit = 0; bit < 2048; bit++) {
  const at = all + (bit >> 3);
  const mask = 1 << (bit & 7);
  store<u8>(at, (<i32>load<u8>(at)) ^ mask);
  if (crc32(0, all, 256) == whole) missed++;
  store<u8>(at, (<i32>load<u8>(at)) ^ mask);
}
equal("every single bit", missed, 0);
check("a missing zero at the start", crc32(0, all + 1, 255) != whole);
check("a missing last byte", crc32(0, all, 255) != whole);

finish();
