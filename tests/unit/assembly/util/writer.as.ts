// assembly/util/writer.ts

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  writeBytes,
  writeSpace,
  writeU16,
  writeU24,
  writeU32,
  writeU8,
  writerLength,
  writerOpen,
  writerPosition,
} from "../../../../assembly/util/writer";

const out = bytes("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");

function restart(capacity: i32): void {
  memory.fill(out, 0xee, 16);
  writerOpen(out, capacity);
}

section("numbers");
restart(10);
writeU8(0x01);
writeU16(0x0203);
writeU24(0x040506);
writeU32(0x0708090a);
equal("length", writerLength(), 10);
equal("position", writerPosition(), out + 10);
equalBytes("bytes", out, "01 0203 040506 0708090a ee");
restart(10);
writeU8(0x1ff);
writeU16(0x1fffe);
writeU24(0x1fffefd);
equalBytes("only the low bits are written", out, "ff fffe fffefd ee");

section("overflow");
restart(0);
equal("nothing written", writerLength(), 0);
writeU8(1);
equal("u8 without room", writerLength(), Status.NoSpace);
restart(1);
writeU16(0x0102);
equal("u16 in 1 byte", writerLength(), Status.NoSpace);
equalBytes("u16 writes nothing", out, "eeee");
restart(2);
writeU24(0x010203);
equal("u24 in 2 bytes", writerLength(), Status.NoSpace);
equalBytes("u24 writes nothing", out, "eeeeee");
restart(3);
writeU32(0x01020304);
equal("u32 in 3 bytes", writerLength(), Status.NoSpace);
equalBytes("u32 writes nothing", out, "eeeeeeee");
restart(3);
writeBytes(bytes("01020304"), 4);
equal("4 bytes in 3", writerLength(), Status.NoSpace);
equalBytes("bytes write nothing", out, "eeeeeeee");

section("sticky");
restart(3);
writeU16(0x0102);
writeU16(0x0304);
writeU8(0x05);
equal("an overflow stays", writerLength(), Status.NoSpace);
equalBytes("and stops what would fit", out, "0102 ee ee");
equal("no space is given then", writeSpace(0), 0);
restart(3);
equal("opening again forgets it", writerLength(), 0);
restart(-1);
equal("a negative capacity", writerLength(), Status.NoSpace);
writeU8(1);
equalBytes("writes nothing", out, "ee");

section("space");
restart(4);
equal("where it starts", writeSpace(3), out);
equal("none, in the middle", writeSpace(0), out + 3);
equal("the last byte", writeSpace(1), out + 3);
equal("exactly full", writerLength(), 4);
equal("none, at the end", writeSpace(0), out + 4);
equal("one too many", writeSpace(1), 0);
equal("is an overflow", writerLength(), Status.NoSpace);
restart(4);
equal("a negative count", writeSpace(-1), 0);
equal("is an overflow too", writerLength(), Status.NoSpace);
restart(4);
equal("the largest count", writeSpace(i32.MAX_VALUE), 0);
equal("does not wrap", writerLength(), Status.NoSpace);
equalBytes("taking space writes nothing", out, "eeeeeeee");

section("bytes");
restart(4);
writeBytes(bytes("0102"), 2);
writeBytes(out, 0);
check("none of no address", writerLength() == 2);
writeBytes(bytes("0304"), 2);
equal("exactly full", writerLength(), 4);
equalBytes("all there", out, "01020304 ee");

finish();
