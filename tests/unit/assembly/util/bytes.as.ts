// assembly/util/bytes.ts

import { check, equal, equalBytes, bytes, finish, section } from "../support/check";
import * as wire from "../../../../assembly/util/bytes";

const at = bytes("00 0102030405060708 ff");

section("load");
equal("u16 at an odd address", wire.loadU16(at + 1), 0x0102);
equal("u24", wire.loadU24(at + 1), 0x010203);
equal("u32", wire.loadU32(at + 1), 0x01020304);
equal("u64", wire.loadU64(at + 1), 0x0102030405060708);
equal("u16 has no sign", wire.loadU16(bytes("fffe")), 0xfffe);
equal("u24 has no sign", wire.loadU24(bytes("fffefd")), 0xfffefd);

section("store");
const out = bytes("aaaaaaaaaaaaaaaaaaaa");
wire.storeU16(out + 1, 0x0102);
equalBytes("u16 writes 2 bytes", out, "aa 0102 aa");
wire.storeU24(out + 1, 0x030405);
equalBytes("u24 writes 3 bytes", out, "aa 030405 aa");
wire.storeU32(out + 1, 0xfffefdfc);
equalBytes("u32 writes 4 bytes", out, "aa fffefdfc aa");
wire.storeU64(out + 1, 0xfffefdfcfbfaf9f8);
equalBytes("u64 writes 8 bytes", out, "aa fffefdfcfbfaf9f8 aa");

section("equalBytes");
check("equal", wire.equalBytes(at, bytes("000102"), 3));
check("differs in the last byte", !wire.equalBytes(at, bytes("000103"), 3));
check("ignores what follows", wire.equalBytes(at, bytes("0001ff"), 2));
check("no bytes", wire.equalBytes(at, out, 0));

finish();
