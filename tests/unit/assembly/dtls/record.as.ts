// assembly/dtls/record.ts: the particle profile. Keys, CID and numbers are those of the published
// record vector (padded there); the other records were sealed by node:crypto (aes-128-ccm, tag 8)
// with the AAD of RFC 5246 §6.2.3.3 and draft-ietf-tls-dtls-connection-id-05 §5.

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import { AES128_SCHEDULE_SIZE, aes128ExpandKey } from "../../../../assembly/crypto/aes";
import { ccmOpen, ccmSeal } from "../../../../assembly/crypto/ccm";
import { ContentType } from "../../../../assembly/dtls/protocol";
import {
  loadEpochAndNumber,
  recordContentOffset,
  recordHasKeys,
  recordNextNumber,
  recordOpen,
  recordPlain,
  recordReset,
  recordSeal,
  recordSetKeys,
} from "../../../../assembly/dtls/record";

const CLIENT_KEY = "fba7dda102112c5701989be4ed19059d";
const SERVER_KEY = "60b59e51278572131b0761264222ee5e";
const keyBlock = bytes(CLIENT_KEY + SERVER_KEY + "3fe029af 2cf12e78");
const cid = bytes("c1d0c1d0c1d0c1d0");
const out = heap.alloc(64);

/** Put content where `recordSeal` wants it. */
function content(hex: string): void {
  memory.fill(out, 0xee, 64);
  memory.copy(out + recordContentOffset(), bytes(hex), hex.length / 2);
}

function keys(cidLength: i32, first: u64): void {
  recordReset();
  recordSetKeys(keyBlock, cid, cidLength, first);
}

// ---- epoch 0 ----------------------------------------------------------------------------------

section("plain");
recordReset();
check("no keys", !recordHasKeys());
memory.fill(out, 0xee, 64);
equal("13 bytes more", recordPlain(out, ContentType.Handshake, 3), 16);
equalBytes("header", out, "16fefd 0000 000000000000 0003 eeeeee ee");
recordPlain(out, ContentType.ChangeCipherSpec, 1);
equalBytes("the next number", out, "14fefd 0000 000000000001 0001");
equal("number of the header", loadEpochAndNumber(out), 1);
recordReset();
recordPlain(out, ContentType.Alert, 2);
equalBytes("a reset starts at 0", out, "15fefd 0000 000000000000 0002");
for (let i = 0; i < 256; i++) recordPlain(out, ContentType.Handshake, 300);
equalBytes("numbers and lengths of two bytes", out, "16fefd 0000 000000000100 012c");
equal("nothing is sealed without keys", recordSeal(out, 23, 1, false), Status.InvalidState);

// ---- sending ----------------------------------------------------------------------------------

section("with a connection id");
keys(8, 5);
check("keys", recordHasKeys());
equal("content stands at 29", recordContentOffset(), 29);
equal("first number", recordNextNumber(), 5);
content("40000102");
equal("42 bytes", recordSeal(out, ContentType.ApplicationData, 4, false), 42);
const SEALED =
  "fefd 0001000000000005 c1d0c1d0c1d0c1d0 0015 0001000000000005 41cf25fcd5 499c3e90a61b28a8";
equalBytes("record, type 25", out, "19" + SEALED + "ee");
equal("the next number", recordNextNumber(), 6);
equal("number of the header", loadEpochAndNumber(out), 0x0001000000000005);
keys(8, 5);
content("40000102");
recordSeal(out, ContentType.ApplicationData, 4, true);
equalBytes("moved, type 253: the same but for it", out, "fd" + SEALED);
keys(8, 5);
content("");
equal("no content", recordSeal(out, ContentType.ApplicationData, 0, false), 38);
equalBytes("type only", out + 29, "16 13491cbf07c22bec ee");
keys(8, 0);
content("1400000c000300000000000c000102030405060708090a0b");
recordSeal(out, ContentType.Handshake, 24, false);
equalBytes(
  "Finished, number 0",
  out,
  "19fefd0001000000000000c1d0c1d0c1d0c1d000290001000000000000" +
    "1d3fff71e0e633b836ae7236193cf68ae026c469f2e2c73e50 95cb9439fbe91b2e",
);
content("40000102");
recordSeal(out, ContentType.ApplicationData, 4, false);
equalBytes("epoch 0 numbers do not count here", out + 3, "0001000000000001");

section("the published vector, padded to 16");
const schedule = heap.alloc(AES128_SCHEDULE_SIZE);
const AAD = "000100000000000519fefdc1d0c1d0c1d0c1d0080010";
const PADDED = "40000102170000000000000000000000";
const PADDED_SEALED = "41cf25fcd59f19f536588bade5c64108 40af01845a3cb110";
const nonce = bytes("3fe029af0001000000000005");
const padded = bytes(PADDED + "0000000000000000");
aes128ExpandKey(schedule, bytes(CLIENT_KEY));
ccmSeal(padded, 16, schedule, nonce, bytes(AAD), 22);
equalBytes("ciphertext and tag", padded, PADDED_SEALED);
equal("opens", ccmOpen(padded, 16, schedule, nonce, bytes(AAD), 22), Status.Ok);
equalBytes("to the padded content", padded, PADDED);

section("without a connection id");
keys(0, 5);
equal("content stands at 21", recordContentOffset(), 21);
content("40000102");
equal("33 bytes", recordSeal(out, ContentType.ApplicationData, 4, false), 33);
const NO_CID = "17fefd 0001000000000005 0014 0001000000000005 41cf25fc b136ca6ed23c4542 ee";
equalBytes("record, its own type", out, NO_CID);
keys(0, 5);
content("40000102");
recordSeal(out, ContentType.ApplicationData, 4, true);
equalBytes("nothing to mark as moved", out, NO_CID);

section("last number");
keys(8, 0x0000ffffffffffff);
content("40000102");
equal("is used", recordSeal(out, ContentType.ApplicationData, 4, false), 42);
equalBytes(
  "record",
  out,
  "19fefd0001ffffffffffffc1d0c1d0c1d0c1d000150001ffffffffffff ee0006e5fb dddc5501fa0e0f63",
);
content("40000102");
equal("then no more", recordSeal(out, 23, 4, false), Status.SequenceExhausted);
equalBytes("nothing is written", out, "eeeeeeeeeeeeeeeeeeeeeeeeee");
equal("ever", recordSeal(out, 23, 4, false), Status.SequenceExhausted);

// ---- receiving --------------------------------------------------------------------------------

const ACK = "17fefd 0001000000000003 0014 0001000000000003 3fafa890 c1a60abfcb61776e";

section("receiving");
keys(8, 0);
const ack = bytes(ACK);
equal("an empty ACK of 4 bytes", recordOpen(ack, 20), 4);
equalBytes("plaintext", ack + 21, "60000102");
const empty = bytes("17fefd 0001000000000004 0010 0001000000000004 29480dc44ae1ead3");
equal("no content", recordOpen(empty, 16), 0);
const alert = bytes("15fefd 0001000000000006 0012 0001000000000006 5c16 2752fc30d823d265");
equal("an alert", recordOpen(alert, 18), 2);
equalBytes("close_notify", alert + 21, "0100");
equal("receiving uses no number", recordNextNumber(), 0);

section("too short");
for (let length = 0; length < 16; length++) {
  equal(length.toString() + " bytes", recordOpen(bytes(ACK), length), Status.Discarded);
}
equal("cut by a byte", recordOpen(bytes(ACK), 19), Status.Discarded);
equal("a byte too long", recordOpen(bytes(ACK + "00"), 21), Status.Discarded);

section("changed");
let passed = 0;
let left = 0;
for (let bit = 0; bit < 33 * 8; bit++) {
  const index = bit >> 3;
  // The version and the length are the caller's to check; they are in the AAD as they should be.
  if (index == 1 || index == 2 || index == 11 || index == 12) continue;
  const record = bytes(ACK);
  const mask = 1 << (bit & 7);
  store<u8>(record + index, (<i32>load<u8>(record + index)) ^ mask);
  if (recordOpen(record, 20) != Status.Discarded) passed++;
  if (load<u32>(record + 21) != 0) left++;
}
equal("no bit of type, number, nonce, content or tag", passed, 0);
equal("nothing is left of the content", left, 0);

section("other keys");
recordReset();
equal("none", recordOpen(bytes(ACK), 20), Status.Discarded);
recordSetKeys(bytes(SERVER_KEY + CLIENT_KEY + "2cf12e78 3fe029af"), cid, 8, 0);
equal("of the other direction", recordOpen(bytes(ACK), 20), Status.Discarded);
keys(8, 5);
content("40000102");
recordSeal(out, ContentType.ApplicationData, 4, false);
equal("our own record", recordOpen(out, 29), Status.Discarded);
recordReset();
check("a reset forgets them", !recordHasKeys());
equal("number 0", recordNextNumber(), 0);
equal("no connection id", recordContentOffset(), 21);
equal("nothing is sealed", recordSeal(out, 23, 4, false), Status.InvalidState);

finish();
