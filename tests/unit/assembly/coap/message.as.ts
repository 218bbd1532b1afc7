// assembly/coap/message.ts: RFC 7252 §3 and the messages of its Appendix A

import { bytes, check, equal, equalBytes, finish, hex, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import { MessageType, Option } from "../../../../assembly/coap/protocol";
import {
  decodeMessage,
  encodeByteOption,
  encodeEnd,
  encodeMessage,
  encodeOption,
  encodePayload,
  encodePayloadMarker,
  encodeUintOption,
  messageCode,
  messageId,
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
  messageType,
  optionLength,
  optionNext,
  optionNumber,
  optionRewind,
  optionUint,
  optionValue,
} from "../../../../assembly/coap/message";

const CAPACITY: i32 = 70000;
const out = heap.alloc(CAPACITY);
const work = heap.alloc(CAPACITY);

function decode(text: string): i32 {
  let digits = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x20) digits++;
  return decodeMessage(bytes(text), digits / 2);
}

function accepts(name: string, text: string): void {
  equal(name, decode(text), Status.Ok);
}

function refuses(name: string, text: string): void {
  equal(name, decode(text), Status.MalformedMessage);
}

/** The present option as "number:hex". */
function option(): string {
  return optionNumber().toString() + ":" + hex(optionValue(), optionLength());
}

/** All options of the decoded message. */
function options(): string {
  let text = "";
  optionRewind();
  while (optionNext()) text += (text.length ? " " : "") + option();
  return text;
}

function begin(capacity: i32): void {
  memory.fill(out, 0xee, 64);
  encodeMessage(out, capacity, MessageType.Confirmable, 1, 0x1234, 0, 0);
}

// ---- RFC 7252 Appendix A ----------------------------------------------------------------------

section("Figure 16, GET /temperature");
accepts("request", "40017d34 bb74656d7065726174757265");
equal("type CON", messageType(), MessageType.Confirmable);
equal("code 0.01", messageCode(), 0x01);
equal("id", messageId(), 0x7d34);
equal("no token", messageTokenLength(), 0);
check("Uri-Path", options() == "11:74656d7065726174757265");
equal("no payload", messagePayloadLength(), 0);
equal("payload address 0", messagePayload(), 0);
accepts("response", "60457d34 ff 32322e332043");
equal("type ACK", messageType(), MessageType.Acknowledgement);
equal("code 2.05", messageCode(), 0x45);
equal("payload of 6 bytes", messagePayloadLength(), 6);
equalBytes("payload", messagePayload(), "32322e332043");
check("no options", options() == "");

section("Figure 17, with a token");
accepts("request", "41017d3520 bb74656d7065726174757265");
equal("token length", messageTokenLength(), 1);
equalBytes("token", messageToken(), "20");
check("Uri-Path", options() == "11:74656d7065726174757265");
accepts("response", "61457d3520 ff 32322e332043");
equalBytes("payload", messagePayload(), "32322e332043");

section("Figures 18 to 21");
accepts("non-confirmable", "51017d2920 bb74656d7065726174757265");
equal("type NON", messageType(), MessageType.NonConfirmable);
accepts("reset", "70007d38");
equal("type RST", messageType(), MessageType.Reset);

section("Figure 19, encoding");
encodeMessage(out, 64, MessageType.Confirmable, 0x01, 0x7d36, bytes("20"), 1);
encodeOption(Option.UriPath, bytes("74656d7065726174757265"), 11);
equal("length", encodeEnd(), 17);
equalBytes("request", out, "41017d3620bb74656d7065726174757265");
encodeMessage(out, 64, MessageType.Acknowledgement, 0x45, 0x7d34, 0, 0);
encodePayload(bytes("32322e332043"), 6);
equal("length of the response", encodeEnd(), 11);
equalBytes("response", out, "60457d34ff32322e332043");

// ---- header -----------------------------------------------------------------------------------

section("header");
for (let length = 0; length < 4; length++) {
  const status = decodeMessage(bytes("40000102"), length);
  equal(length.toString() + " bytes", status, Status.MalformedMessage);
}
accepts("Empty", "40000102");
refuses("Empty with a token", "4100010220");
refuses("Empty with a payload", "40000102ff01");
refuses("Empty with an option", "40000102b174");
refuses("Empty with a byte more", "4000010200");
refuses("Empty with a token length and no token", "41000102");
refuses("version 0", "00010102");
refuses("version 2", "80010102");
refuses("version 3", "c0010102");
accepts("token of 8 bytes", "48010102 0102030405060708");
equalBytes("all of it", messageToken(), "0102030405060708");
refuses("token cut off", "48010102 01020304050607");
for (let n = 9; n <= 15; n++) {
  const text = "4" + n.toString(16) + "010102 000000000000000000000000000000";
  refuses("token length " + n.toString(), text);
}
accepts("a code that is not assigned", "40fe0102");
equal("is kept", messageCode(), 0xfe);

section("payload marker");
refuses("without payload", "40010102ff");
refuses("without payload after an option", "40010102b174ff");
accepts("one byte", "40010102ff00");
equalBytes("which may be 0", messagePayload(), "00");
accepts("0xff inside the payload", "40010102ffffff");
equal("belongs to it", messagePayloadLength(), 2);
accepts("0xff inside a value", "40010102b2ffff");
equal("does not end the options", messagePayloadLength(), 0);

// ---- options ----------------------------------------------------------------------------------

section("reserved nibble");
refuses("delta 15", "40010102f100");
refuses("length 15", "401101021f00");
refuses("both, with a payload: the marker is 0xff only", "40010102f000");
refuses("length 15 after a good option", "40010102b1743f");

section("cut off");
refuses("value", "40010102b274");
refuses("value missing whole", "40010102b1");
refuses("delta 13 without its byte", "40010102d0");
refuses("delta 14 without its bytes", "40010102e0");
refuses("delta 14 with one byte", "40010102e000");
refuses("length 13 without its byte", "401101021d");
refuses("length 14 without its bytes", "401101021e");
refuses("length 14 with one byte", "401101021e00");
refuses("length 269 and 268 bytes", "401101021e0000" + "00".repeat(268));
accepts("length 269 and 269 bytes", "401101021e0000" + "00".repeat(269));
refuses("value that takes the payload marker for itself", "40010102b3ff01");

section("option number");
accepts("65535 in one delta", "40010102e0fef2");
check("is the highest", options() == "65535:");
refuses("65536 in one delta", "40010102e0fef3");
refuses("the largest delta", "40010102e0ffff");
accepts("65535 in two", "40010102e0fef1 10");
refuses("65536 in two", "40010102e0fef2 10");
refuses("far above in three", "40010102e0fef2 e0fef2 e0fef2");
accepts("delta 0 repeats a number", "40010102 b161 0162 00");
check("three Uri-Path", options() == "11:61 11:62 11:");

section("iterator");
accepts("one option", "40010102b174ff6869");
check("stands before the first option", optionNext());
check("then ends", !optionNext());
check("and stays at the end", !optionNext());
optionRewind();
check("until it is rewound", optionNext());
check("to the same option", option() == "11:74");
accepts("none", "40010102ff6869");
check("no option", !optionNext());
refuses("a message that is refused at its payload", "40010102b174ff");
equal("leaves no payload behind", messagePayloadLength(), 0);

/** The uint of an option with this value. */
function uintOf(text: string): u32 {
  decode("40010102b" + (text.length / 2).toString() + text);
  optionNext();
  return optionUint();
}

section("uint value");
equal("no bytes", uintOf(""), 0);
equal("one byte", uintOf("7f"), 0x7f);
equal("one zero byte", uintOf("00"), 0);
equal("leading zeros", uintOf("0000ff"), 0xff);
equal("three bytes", uintOf("010203"), 0x010203);
equal("four bytes, no sign", uintOf("fffefdfc"), 0xfffefdfc);
equal("five bytes are no number", uintOf("0000000001"), 0xffffffff);

/** Encode one uint option of this number; its bytes as hex, header included. */
function uintOption(number: i32, value: u32): string {
  begin(64);
  encodeUintOption(number, value);
  return hex(out + 4, encodeEnd() - 4);
}

section("encode uint");
check("0 is empty", uintOption(12, 0) == "c0");
check("1", uintOption(12, 1) == "c101");
check("255", uintOption(12, 255) == "c1ff");
check("256", uintOption(12, 256) == "c20100");
check("65535", uintOption(12, 65535) == "c2ffff");
check("65536", uintOption(12, 65536) == "c3010000");
check("16777215", uintOption(12, 16777215) == "c3ffffff");
check("16777216", uintOption(12, 16777216) == "c401000000");
check("the largest", uintOption(12, 0xffffffff) == "c4ffffffff");
begin(64);
encodeByteOption(Option.UriQuery, 0x102);
equal("a byte option has one byte", encodeEnd(), 7);
equalBytes("the low one", out, "40011234 d1 02 02");

// ---- every form, encoded and decoded ----------------------------------------------------------

/** Bytes that the delta or length takes beside its nibble. */
function extraOf(n: i32): i32 {
  return n < 13 ? 0 : n < 269 ? 1 : 2;
}

function nibbleOf(n: i32): i32 {
  return n < 13 ? n : n < 269 ? 13 : 14;
}

/** Encode an option, look at its header, decode it, and compare. */
function roundTrip(number: i32, length: i32): bool {
  begin(CAPACITY);
  encodeOption(number, work, length);
  encodePayload(bytes("5a"), 1);
  const total = encodeEnd();
  if (total != 4 + 1 + extraOf(number) + extraOf(length) + length + 2) return false;
  if (<i32>load<u8>(out + 4) != ((nibbleOf(number) << 4) | nibbleOf(length))) return false;
  if (decodeMessage(out, total) != Status.Ok || !optionNext()) return false;
  if (optionNumber() != number || optionLength() != length) return false;
  if (memory.compare(optionValue(), work, length) != 0) return false;
  return !optionNext() && messagePayloadLength() == 1 && load<u8>(messagePayload()) == 0x5a;
}

for (let i = 0; i < CAPACITY; i++) store<u8>(work + i, i * 7 + (i >> 8));
section("delta");
for (let n = 0; n <= 14; n++) check(n.toString(), roundTrip(n, 1));
check("267", roundTrip(267, 1));
check("268, last of one byte", roundTrip(268, 1));
check("269, first of two", roundTrip(269, 1));
check("270", roundTrip(270, 1));
check("65535, the highest number", roundTrip(65535, 1));
section("length");
for (let n = 0; n <= 14; n++) check(n.toString(), roundTrip(11, n));
check("267", roundTrip(11, 267));
check("268, last of one byte", roundTrip(11, 268));
check("269, first of two", roundTrip(11, 269));
check("270", roundTrip(11, 270));
check("65804, the longest", roundTrip(11, 65804));
section("both");
check("268 and 268", roundTrip(268, 268));
check("269 and 269", roundTrip(269, 269));
check("13 and 65804", roundTrip(13, 65804));

section("sequence of options");
begin(64);
encodeOption(Option.ETag, bytes("0102"), 2);
encodeUintOption(Option.Observe, 0);
encodeByteOption(Option.UriPath, 0x61);
encodeByteOption(Option.UriPath, 0x62);
encodeUintOption(Option.ContentFormat, 60);
encodeUintOption(Option.Block1, 0x1e);
encodeUintOption(292, 7);
encodePayload(bytes("aa"), 1);
const sequence = encodeEnd();
const DELTAS = "420102 20 5161 0162 113c d1021e d1fc07 ffaa";
equalBytes("deltas", out, "40011234" + DELTAS);
equal("decodes", decodeMessage(out, sequence), Status.Ok);
check("to the same", options() == "4:0102 6: 11:61 11:62 12:3c 27:1e 292:07");

section("encode");
encodeMessage(out, 64, MessageType.Reset, 0, 0xffff, 0, 0);
equal("RST length", encodeEnd(), 4);
equalBytes("RST", out, "7000ffff");
encodeMessage(out, 64, MessageType.NonConfirmable, 0x45, 1, bytes("0102030405060708"), 8);
equal("token of 8", encodeEnd(), 12);
equalBytes("stands after the header", out, "58450001 0102030405060708");
begin(64);
encodePayload(work, 0);
equal("no payload, no marker", encodeEnd(), 4);
begin(64);
encodePayloadMarker();
equal("marker for a payload to come", encodeEnd(), 5);
equalBytes("marker", out + 4, "ff");

section("no room");
for (let capacity = 0; capacity < 4; capacity++) {
  begin(capacity);
  equal("header in " + capacity.toString(), encodeEnd(), Status.NoSpace);
}
encodeMessage(out, 6, MessageType.Confirmable, 1, 1, bytes("010203"), 3);
equal("token", encodeEnd(), Status.NoSpace);
begin(6);
encodeOption(11, work, 2);
equal("option value", encodeEnd(), Status.NoSpace);
begin(7);
encodeOption(11, work, 2);
equal("exactly full", encodeEnd(), 7);
begin(5);
encodePayload(work, 1);
equal("payload", encodeEnd(), Status.NoSpace);
equalBytes("nothing past the capacity", out + 5, "eeee");

finish();
