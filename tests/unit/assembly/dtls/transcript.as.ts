// assembly/dtls/transcript.ts: RFC 6347 §4.2.6; digests by node:crypto

import { bytes, equal, equalBytes, finish, section } from "../support/check";
import {
  transcriptAdd,
  transcriptHash,
  transcriptReset,
  writeHandshakeHeader,
} from "../../../../assembly/dtls/transcript";

const header = bytes("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
const digest = heap.alloc(32);
const body = heap.alloc(300);
for (let i = 0; i < 300; i++) store<u8>(body + i, i);

section("header");
writeHandshakeHeader(header, 1, 0, 0x5b);
equalBytes("of a first ClientHello", header, "01 00005b 0000 000000 00005b ee");
writeHandshakeHeader(header, 20, 0x1234, 0x56789a);
equalBytes("largest fields", header, "14 56789a 1234 000000 56789a ee");

section("hash");
transcriptReset();
transcriptHash(digest);
equalBytes(
  "no message: SHA-256 of nothing",
  digest,
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
);
transcriptAdd(1, 1, bytes("aabbcc"), 3);
transcriptHash(digest);
// SHA-256 of 010000030001000000000003aabbcc
const ONE = "9edbffed93c74a17ca1a1682cf8bc50d6160e51970ef1d2ae05721cadb9f63d0";
equalBytes("one message, header and body", digest, ONE);
memory.fill(digest, 0, 32);
transcriptHash(digest);
equalBytes("taking it changes nothing", digest, ONE);
transcriptAdd(14, 5, 0, 0);
transcriptHash(digest);
equalBytes(
  "a message without a body",
  digest,
  "326d21ebf3ec59246e31fdf54253e50753235b2fd09717d25321b5e91e5374d1",
);
transcriptAdd(2, 0x1234, body, 300);
transcriptHash(digest);
equalBytes(
  "a long one, as if in one fragment",
  digest,
  "8172f924376e57f2999472069f2766ef21bbb50ce39b5d3f5828b1a0e40a44ca",
);
equal("the body stays", load<u8>(body, 299), 299 - 256);

section("reset");
transcriptReset();
transcriptAdd(1, 1, bytes("aabbcc"), 3);
transcriptHash(digest);
equalBytes("begins anew, as after HelloVerifyRequest", digest, ONE);

finish();
