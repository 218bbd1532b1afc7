// assembly/dtls/session.ts: two alternating slots, reservation, torn writes and lies of storage

import { bytes, check, equal, equalBytes, finish, hex, section } from "../support/check";
import {
  clearStorage,
  halStorageRead,
  halStorageWrite,
  setStorageWorks,
  setWritesReported,
  storageWrites,
  tearNextWrite,
} from "../support/hal-stub";
import { Status } from "../../../../assembly/status";
import { crc32 } from "../../../../assembly/util/crc32";
import { roundTrip, roundTripRestore } from "../../../../assembly/util/round-trip";
import {
  SessionFlag,
  session,
  sessionCid,
  sessionClear,
  sessionForget,
  sessionId,
  sessionKeepResumable,
  sessionKeyBlock,
  sessionLoad,
  sessionMasterSecret,
  sessionPeer,
  sessionReserve,
  sessionSave,
  sessionState,
  sessionToken,
  setReservation,
  setResetToken,
} from "../../../../assembly/dtls/session";

const SLOT_A: i32 = 3;
const SLOT_B: i32 = 4;
const SIZE: i32 = 232;
const IDENTITY: u64 = 0x1122334455667788;
const PARTICLE: i32 = 1;
const a = heap.alloc(256);
const b = heap.alloc(256);

/** A session as after a handshake, nothing in storage. */
function fresh(): void {
  setStorageWorks(true);
  setWritesReported(true);
  clearStorage();
  sessionLoad(IDENTITY, PARTICLE);
  fill();
}

/** Fill the session in memory. */
function fill(): void {
  session().identity = IDENTITY;
  session().profile = <u8>PARTICLE;
  session().cidLength = 8;
  session().peerLength = 6;
  memory.fill(sessionMasterSecret(), 0x5a, 48);
  memory.fill(sessionKeyBlock(), 0x6b, 40);
  memory.fill(sessionCid(), 0xc1, 8);
  memory.fill(sessionPeer(), 0x0a, 20);
  memory.fill(sessionState(), 0x77, 24);
}

/** Switch off and on. */
function reboot(): i32 {
  setStorageWorks(true);
  setWritesReported(true);
  tearNextWrite(-1);
  sessionClear();
  return sessionLoad(IDENTITY, PARTICLE);
}

function generationIn(slot: i32): i64 {
  return halStorageRead(slot, a, 256) == SIZE ? <i64>load<u32>(a, 4) : -1;
}

/** Change one byte of a slot. */
function damage(slot: i32, offset: i32): void {
  const length = halStorageRead(slot, a, 256);
  store<u8>(a + offset, load<u8>(a + offset) ^ 0x40);
  halStorageWrite(slot, a, length);
}

/** Change one byte of a slot and give it the right CRC. */
function rewrite(slot: i32, offset: i32, value: i32): void {
  halStorageRead(slot, a, 256);
  store<u8>(a + offset, value);
  store<u32>(a + 228, crc32(0, a, 228));
  halStorageWrite(slot, a, SIZE);
}

// ---- one save, one load -----------------------------------------------------------------------

section("save and load");
fresh();
equal("nothing stored", reboot(), Status.NoSession);
fill();
session().nextRecord = 1;
equal("saved", sessionSave(10, 20), Status.Ok);
equal("in slot B first", generationIn(SLOT_B), 1);
equal("of 232 bytes", halStorageRead(SLOT_B, a, 256), SIZE);
equal("slot A is empty", halStorageRead(SLOT_A, b, 256), 0);
equalBytes("magic WB, layout 2", a, "57420200");
equalBytes("next record 10 + 64", a + 8, "4a00000000000000");
equalBytes("identity", a + 24, "8877665544332211");
equalBytes("next message id 20 + 64, profile, CID 8, peer 6", a + 32, "5400 01 08 06 00");
equalBytes("CID", a + 128, "c1c1c1c1c1c1c1c1");
equal("CRC-32 of all before it", load<u32>(a, 228), crc32(0, a, 228));
equal("loaded", reboot(), Status.Ok);
equal("record numbers skip one reservation more", session().nextRecord, 10 + 64 + 64);
equal("so do message ids", session().nextMessageId, 20 + 64 + 64);
equal("master secret", load<u64>(sessionMasterSecret(), 40), 0x5a5a5a5a5a5a5a5a);
equal("key block", load<u64>(sessionKeyBlock(), 32), 0x6b6b6b6b6b6b6b6b);
equal("peer", load<u32>(sessionPeer(), 16), 0x0a0a0a0a);
equal("state of the layers above", load<u64>(sessionState(), 16), 0x7777777777777777);
sessionSave(500, 0xfff0);
reboot();
equal("message ids wrap", session().nextMessageId, (0xfff0 + 128) & 0xffff);

section("whom it belongs to");
fresh();
sessionSave(10, 20);
equal("another identity", sessionLoad(IDENTITY + 1, PARTICLE), Status.NoSession);
equal("leaves nothing in memory", load<u64>(sessionMasterSecret()), 0);
equal("no identity", sessionLoad(0, PARTICLE), Status.NoSession);
equal("another profile", sessionLoad(IDENTITY, 2), Status.NoSession);
equal("the right ones", sessionLoad(IDENTITY, PARTICLE), Status.Ok);

section("what is refused");
fresh();
sessionSave(10, 20);
const intact = halStorageRead(SLOT_B, b, 256);
let loaded = 0;
for (let i = 0; i < SIZE; i++) {
  halStorageWrite(SLOT_B, b, intact);
  damage(SLOT_B, i);
  if (reboot() == Status.Ok) loaded++;
}
equal("a change of any byte", loaded, 0);
loaded = 0;
for (let length = 0; length < SIZE; length++) {
  halStorageWrite(SLOT_B, b, length);
  if (reboot() == Status.Ok) loaded++;
}
equal("any shorter blob", loaded, 0);
memory.fill(a, 0, 256);
halStorageWrite(SLOT_B, a, SIZE);
equal("zeros", reboot(), Status.NoSession);
halStorageWrite(SLOT_B, b, intact);
equal("intact again", reboot(), Status.Ok);
rewrite(SLOT_B, 35, 9);
equal("a CID of 9 bytes", reboot(), Status.NoSession);
halStorageWrite(SLOT_B, b, intact);
rewrite(SLOT_B, 36, 21);
equal("a peer of 21 bytes", reboot(), Status.NoSession);
halStorageWrite(SLOT_B, b, intact);
rewrite(SLOT_B, 37, 33);
equal("a session id of 33 bytes", reboot(), Status.NoSession);
halStorageWrite(SLOT_B, b, intact);
rewrite(SLOT_B, 2, 3);
equal("another layout", reboot(), Status.NoSession);
halStorageWrite(SLOT_B, b, intact);
setStorageWorks(false);
equal("storage that fails", sessionLoad(IDENTITY, PARTICLE), Status.NoSession);
equal("is asked again", reboot(), Status.Ok);

// ---- two slots --------------------------------------------------------------------------------

section("slots alternate");
fresh();
for (let i = 1; i <= 4; i++) {
  sessionSave(i * 100, i);
  const slot = i & 1 ? SLOT_B : SLOT_A;
  equal("write " + i.toString(), generationIn(slot), i);
  equal("leaves the other", generationIn(SLOT_A + SLOT_B - slot), i == 1 ? -1 : i - 1);
}
reboot();
equal("the latest counts", session().nextRecord, 400 + 128);
sessionSave(600, 5);
equal("after a reboot they go on", generationIn(SLOT_B), 5);
equal("the older is kept", generationIn(SLOT_A), 4);
damage(SLOT_B, 100);
reboot();
equal("without the latest, the older", session().nextRecord, 400 + 128);
check("beyond what the latest reserved before it was written", session().nextRecord >= 464 + 64);
sessionSave(700, 6);
equal("the bad slot is written next", generationIn(SLOT_B), 5);
equal("not the good one", generationIn(SLOT_A), 4);

section("generations wrap");
fresh();
session().generation = 0xfffffffe;
sessionSave(100, 1);
sessionSave(200, 2);
equal("0xffffffff", generationIn(SLOT_B), 0xffffffff);
equal("then 0", generationIn(SLOT_A), 0);
reboot();
equal("which is later", session().nextRecord, 200 + 128);
sessionSave(400, 3);
reboot();
equal("and 1 after it", session().nextRecord, 400 + 128);

section("torn write");
let lost = 0;
let reused = 0;
for (let cut = 0; cut < SIZE; cut++) {
  fresh();
  sessionSave(10, 20);
  sessionSave(100, 30);
  tearNextWrite(cut);
  sessionSave(164, 40);
  if (reboot() != Status.Ok) lost++;
  // 100 to 163 may have been used; 164 and above not, for their reservation was not written.
  else if (session().nextRecord < 164) reused++;
}
equal("at any byte: a session remains", lost, 0);
equal("with numbers that were not used", reused, 0);
lost = 0;
for (let cut = 0; cut < SIZE; cut++) {
  fresh();
  tearNextWrite(cut);
  sessionSave(10, 20);
  if (reboot() != Status.NoSession) lost++;
}
equal("the first write: nothing to restore", lost, 0);
fresh();
sessionSave(10, 20);
sessionSave(100, 30);
tearNextWrite(50);
equal("is reported", sessionSave(200, 40), Status.HostFailure);
equal("to slot B", generationIn(SLOT_A), 2);
equal("the next attempt", sessionSave(200, 40), Status.Ok);
equal("goes there again", generationIn(SLOT_B), 3);
equal("and not to the good one", generationIn(SLOT_A), 2);

// ---- reservation ------------------------------------------------------------------------------

section("reservation");
fresh();
let before = storageWrites();
equal("a session that was never stored needs none", sessionReserve(1000, 1), Status.Ok);
equal("and writes nothing", storageWrites(), before);
sessionSave(10, 20);
before = storageWrites();
equal("a number inside", sessionReserve(10, 20), Status.Ok);
equal("the last one", sessionReserve(73, 20), Status.Ok);
equal("writes nothing", storageWrites(), before);
equal("the next one", sessionReserve(74, 33), Status.Ok);
equal("writes once", storageWrites(), before + 1);
equal("64 numbers more", sessionReserve(137, 34), Status.Ok);
equal("no write", storageWrites(), before + 1);
sessionReserve(138, 35);
equal("then again", storageWrites(), before + 2);
reboot();
equal("what was reserved last is skipped", session().nextRecord, 138 + 128);
equal("message ids too", session().nextMessageId, 35 + 128);
before = storageWrites();
sessionReserve(138 + 127, 0);
equal("below the restored numbers nothing is written", storageWrites(), before);
sessionReserve(138 + 128, 164);
equal("before the first of them is used, they are reserved", storageWrites(), before + 1);

section("reservation that fails");
fresh();
sessionSave(10, 20);
setStorageWorks(false);
equal("inside it nothing is needed", sessionReserve(73, 20), Status.Ok);
equal("outside it is refused", sessionReserve(74, 20), Status.HostFailure);
equal("again", sessionReserve(74, 20), Status.HostFailure);
setStorageWorks(true);
equal("until storage works", sessionReserve(74, 20), Status.Ok);
reboot();
equal("nothing of the failures is in it", session().nextRecord, 74 + 128);

section("size of a reservation");
equal("0", setReservation(0), Status.InvalidArgument);
equal("65", setReservation(65), Status.InvalidArgument);
equal("negative", setReservation(-1), Status.InvalidArgument);
equal("1, for retained RAM", setReservation(1), Status.Ok);
fresh();
sessionSave(10, 20);
before = storageWrites();
sessionReserve(10, 20);
sessionReserve(11, 21);
sessionReserve(12, 22);
equal("a write for each record then", storageWrites(), before + 2);
reboot();
equal("two numbers are skipped", session().nextRecord, 12 + 2);
equal("and ids", session().nextMessageId, 22 + 2);
equal("64 again", setReservation(64), Status.Ok);

// ---- lies -------------------------------------------------------------------------------------

section("a write that happened but is reported as failed");
fresh();
setWritesReported(false);
equal("counts as done", sessionSave(10, 20), Status.Ok);
setWritesReported(true);
before = storageWrites();
sessionReserve(73, 20);
equal("its reservation holds", storageWrites(), before);
sessionReserve(74, 20);
equal("and ends where it says", storageWrites(), before + 1);
reboot();
check("no number is used twice", session().nextRecord >= 74 + 64);

section("a write that is reported as done but did not happen");
fresh();
setStorageWorks(false);
equal("an honest failure", sessionSave(10, 20), Status.HostFailure);
equal("keeps the fields as they were", session().nextRecord, 0);
equal("and the generation", session().generation, 0);
equal("the session was never stored", sessionReserve(500, 1), Status.Ok);

// ---- ends -------------------------------------------------------------------------------------

section("forget");
fresh();
before = storageWrites();
sessionForget();
equal("what was never stored needs no write", storageWrites(), before);
fresh();
sessionSave(10, 20);
sessionForget();
equal("nothing in memory", load<u64>(sessionMasterSecret()), 0);
equal("nothing to restore", reboot(), Status.NoSession);
equal("the empty blob is the later one", generationIn(SLOT_A), 2);
equal("and has no secret", load<u64>(a, 40) | load<u64>(a, 88) | load<u64>(a, 120), 0);
fill();
sessionSave(1, 1);
equal("a new session takes the older slot", generationIn(SLOT_B), 3);
equal("and can be restored", reboot(), Status.Ok);
setStorageWorks(false);
sessionForget();
equal("storage that fails: nothing in memory", load<u64>(sessionMasterSecret()), 0);
const nextRecordBefore: u64 = 1 + 64;
reboot();
check("at worst a vain attempt, never a used number", session().nextRecord > nextRecordBefore);

section("clear");
fresh();
sessionSave(10, 20);
sessionClear();
equal("memory is empty", load<u64>(sessionKeyBlock()) | session().nextRecord, 0);
equal("but for the generation", session().generation, 1);
equal("storage is not", reboot(), Status.Ok);

// ---- other fields -----------------------------------------------------------------------------

section("reset token");
fresh();
setResetToken(bytes("000102030405060708090a0b0c0d0e0f"));
equal("flag", session().flags, SessionFlag.ResetToken);
session().flags |= <u8>SessionFlag.ExtendedMasterSecret;
sessionSave(1, 1);
reboot();
equalBytes("is kept", sessionToken(), "000102030405060708090a0b0c0d0e0f");
setResetToken(0);
equal("none, the other flags stay", session().flags, SessionFlag.ExtendedMasterSecret);

section("round trip");
fresh();
roundTripRestore(1000);
sessionSave(1, 1);
roundTripRestore(5);
reboot();
equal("kept in units of 128 ms", roundTrip(), 896);
roundTripRestore(60000);
sessionSave(300, 1);
reboot();
equal("255 units at most", roundTrip(), 255 * 128);
roundTripRestore(100);
sessionSave(600, 1);
roundTripRestore(777);
reboot();
equal("less than a unit is not kept", roundTrip(), 777);

section("what an abbreviated handshake needs");
fresh();
check("nothing without a session id", !sessionKeepResumable());
fill();
session().idLength = 4;
store<u32>(sessionId(), 0x04030201);
session().nextRecord = 99;
check("with one", sessionKeepResumable());
equal("master secret stays", load<u64>(sessionMasterSecret()), 0x5a5a5a5a5a5a5a5a);
equalBytes("session id stays", sessionId(), "01020304");
check("keys do not", hex(sessionKeyBlock(), 40) == "00".repeat(40));
equal("nor numbers", session().nextRecord | session().receivedTop, 0);
equal("nor the connection id", session().cidLength, 0);

finish();
