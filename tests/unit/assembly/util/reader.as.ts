// assembly/util/reader.ts

import { bytes, check, equal, finish, section } from "../support/check";
import {
  readBytes,
  readU16,
  readU24,
  readU32,
  readU8,
  readVector16,
  readVector24,
  readVector8,
  readVectorLength,
  readerFailed,
  readerOpen,
  readerPosition,
  readerRemaining,
} from "../../../../assembly/util/reader";

const at = bytes("01 0203 040506 0708090a ffffffff");

section("numbers");
readerOpen(at, 10);
equal("u8", readU8(), 0x01);
equal("u16", readU16(), 0x0203);
equal("u24", readU24(), 0x040506);
equal("u32", readU32(), 0x0708090a);
equal("nothing is left", readerRemaining(), 0);
equal("position is the end", readerPosition(), at + 10);
check("reading to the end is no failure", !readerFailed());
readerOpen(at + 10, 4);
equal("u32 has no sign", readU32(), 0xffffffff);

section("past the end");
readerOpen(at, 0);
equal("u8 of nothing", readU8(), 0);
check("u8 fails", readerFailed());
readerOpen(at, 1);
equal("u16 of 1 byte", readU16(), 0);
check("u16 fails", readerFailed());
equal("a failed read does not move", readerPosition(), at);
readerOpen(at, 2);
equal("u24 of 2 bytes", readU24(), 0);
check("u24 fails", readerFailed());
readerOpen(at, 3);
equal("u32 of 3 bytes", readU32(), 0);
check("u32 fails", readerFailed());
readerOpen(at, 3);
equal("4 bytes of 3", readBytes(4), 0);
check("bytes fail", readerFailed());

section("sticky");
readerOpen(at, 4);
readU24();
readU16();
equal("no byte is read after a failure", readU8(), 0);
equal("no bytes either", readBytes(1), 0);
equal("not even none", readBytes(0), 0);
equal("nothing remains after a failure", readerRemaining(), 0);
check("the failure stays", readerFailed());
readerOpen(at, 4);
check("opening again forgets it", !readerFailed());
equal("and reads from the start", readU8(), 1);

section("bytes");
readerOpen(at, 4);
equal("where they start", readBytes(3), at);
equal("what is left", readerRemaining(), 1);
equal("none, in the middle", readBytes(0), at + 3);
equal("the last one", readBytes(1), at + 3);
equal("none, at the end", readBytes(0), at + 4);
check("none of it fails", !readerFailed());
readerOpen(at, 4);
equal("a negative count", readBytes(-1), 0);
check("a negative count fails", readerFailed());
readerOpen(at, 4);
equal("the largest count", readBytes(i32.MAX_VALUE), 0);
check("the largest count fails", readerFailed());

section("vectors");
const vectors = bytes("00 03aabbcc 0002ddee 000001ff 02aa");
readerOpen(vectors, 13);
equal("an empty one", readVector8(), vectors + 1);
equal("has length 0", readVectorLength(), 0);
equal("one-byte length", readVector8(), vectors + 2);
equal("has 3 bytes", readVectorLength(), 3);
equal("two-byte length", readVector16(), vectors + 7);
equal("has 2 bytes", readVectorLength(), 2);
equal("three-byte length", readVector24(), vectors + 12);
equal("has 1 byte", readVectorLength(), 1);
equal("the reader stands behind it", readerRemaining(), 0);
readerOpen(vectors + 13, 2);
equal("one that is cut off", readVector8(), 0);
equal("has no length", readVectorLength(), 0);
check("and fails", readerFailed());
readerOpen(vectors + 5, 1);
equal("half a two-byte length", readVector16(), 0);
equal("is length 0", readVectorLength(), 0);
check("and a failure", readerFailed());
readerOpen(bytes("ffffff00"), 4);
equal("a three-byte length far past the end", readVector24(), 0);
check("is a failure", readerFailed());
readerOpen(vectors, 13);
equal("opening forgets the length", readVectorLength(), 0);

finish();
