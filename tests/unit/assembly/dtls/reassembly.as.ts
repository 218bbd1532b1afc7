// assembly/dtls/reassembly.ts: RFC 6347 §4.2.3

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { MAX_HANDSHAKE_MESSAGE, STASH_CAPACITY } from "../../../../assembly/config";
import { Status } from "../../../../assembly/status";
import { storeU16, storeU24 } from "../../../../assembly/util/bytes";
import {
  fragmentSequence,
  fragmentSize,
  reassemblyAdd,
  reassemblyAdvance,
  reassemblyBody,
  reassemblyLength,
  reassemblyReset,
  reassemblySequence,
  reassemblyType,
} from "../../../../assembly/dtls/reassembly";

const at = heap.alloc(1024);

/** Byte `index` of message `sequence`. */
function byteOf(sequence: i32, index: i32): u8 {
  return <u8>(sequence * 31 + index * 7 + (index >> 8) + 1);
}

/** Make a fragment. @returns its size */
function fragment(sequence: i32, total: i32, offset: i32, length: i32, type: i32 = 2): i32 {
  store<u8>(at, type);
  storeU24(at + 1, total);
  storeU16(at + 4, sequence);
  storeU24(at + 6, offset);
  storeU24(at + 9, length);
  for (let i = 0; i < length; i++) store<u8>(at + 12 + i, byteOf(sequence, offset + i));
  return 12 + length;
}

/** Make a fragment and add it. */
function add(sequence: i32, total: i32, offset: i32, length: i32, type: i32 = 2): i32 {
  const size = fragment(sequence, total, offset, length, type);
  const status = reassemblyAdd(at, size);
  memory.fill(at, 0xee, size); // what is kept must be a copy
  return status;
}

/** Whether message `sequence` is complete, with these bytes. */
function isWhole(sequence: i32, total: i32): bool {
  if (reassemblySequence() != sequence || reassemblyLength() != total) return false;
  for (let i = 0; i < total; i++) {
    if (load<u8>(reassemblyBody() + i) != byteOf(sequence, i)) return false;
  }
  return true;
}

section("size of a fragment");
equal("unfragmented", fragmentSize(at, fragment(0, 20, 0, 20)), 32);
equal("with more behind it", fragmentSize(at, 33), 32);
equal("cut by a byte", fragmentSize(at, 31), Status.Discarded);
equal("header cut", fragmentSize(at, 11), Status.Discarded);
equal("nothing", fragmentSize(at, 0), Status.Discarded);
equal("a part", fragmentSize(at, fragment(0, 20, 5, 10)), 22);
equal("the last byte", fragmentSize(at, fragment(0, 20, 19, 1)), 13);
equal("no byte, at the end", fragmentSize(at, fragment(0, 20, 20, 0)), 12);
equal("past the message", fragmentSize(at, fragment(0, 20, 11, 10)), Status.Discarded);
equal("offset past the message", fragmentSize(at, fragment(0, 20, 21, 0)), Status.Discarded);
equal("empty message", fragmentSize(at, fragment(0, 0, 0, 0)), 12);
const LONGEST = MAX_HANDSHAKE_MESSAGE;
equal("longest message", fragmentSize(at, fragment(0, LONGEST, 0, 100)), 112);
equal("longer", fragmentSize(at, fragment(0, LONGEST + 1, 0, 100)), Status.Discarded);
fragment(0, 0xffffff, 0xffffff, 0);
equal("largest numbers", fragmentSize(at, 12), Status.Discarded);
storeU24(at + 9, 0xffffff);
equal("and length", fragmentSize(at, 1024), Status.Discarded);
fragment(0xfffe, 1, 0, 1);
equal("sequence number", fragmentSequence(at), 0xfffe);

section("one message");
reassemblyReset(0);
equal("none at first", reassemblyLength(), -1);
equal("expected", reassemblySequence(), 0);
equal("added", add(0, 20, 0, 20), Status.Ok);
check("complete", isWhole(0, 20));
equal("type", reassemblyType(), 2);
equal("again", add(0, 20, 0, 20), Status.Discarded);
reassemblyAdvance();
equal("then the next is expected", reassemblySequence(), 1);
equal("and not there", reassemblyLength(), -1);
equal("the old one is refused", add(0, 20, 0, 20), Status.Discarded);

section("empty message");
reassemblyReset(3);
equal("added", add(3, 0, 0, 0, 14), Status.Ok);
equal("complete", reassemblyLength(), 0);
equal("type", reassemblyType(), 14);
equal("again", add(3, 0, 0, 0, 14), Status.Discarded);
reassemblyAdvance();
equal("does not last", reassemblyLength(), -1);
equal("ahead of its turn", add(5, 0, 0, 0, 14), Status.Ok);
equal("changes nothing yet", reassemblyLength(), -1);
add(4, 1, 0, 1);
reassemblyAdvance();
equal("is there in its turn", reassemblyLength(), 0);
equal("with its type", reassemblyType(), 14);

section("every order of four fragments");
const STARTS = memory.data<u8>([0, 25, 26, 60]);
const ENDS = memory.data<u8>([25, 26, 60, 100]);
/** The same with overlaps: each reaches into the next. */
const WIDE_ENDS = memory.data<u8>([30, 55, 61, 100]);

/** Add the fragments in the order of `order`'s digits in base 4. */
function inOrder(order: i32, ends: usize): bool {
  reassemblyReset(7);
  for (let i = 0; i < 4; i++) {
    if (reassemblyLength() >= 0 && ends == ENDS) return false;
    const index = (order >> (2 * i)) & 3;
    const start = <i32>load<u8>(STARTS + index);
    add(7, 100, start, <i32>load<u8>(ends + index) - start);
  }
  return isWhole(7, 100);
}

/** How many orders assemble, of those that have each fragment once. */
function orders(ends: usize): i32 {
  let whole = 0;
  for (let order = 0; order < 256; order++) {
    let seen = 0;
    for (let i = 0; i < 4; i++) seen |= 1 << ((order >> (2 * i)) & 3);
    if (seen == 15 && inOrder(order, ends)) whole++;
  }
  return whole;
}

equal("side by side", orders(ENDS), 24);
equal("overlapping", orders(WIDE_ENDS), 24);

section("fragments of one byte");
reassemblyReset(1);
for (let i = 29; i >= 0; i--) add(1, 30, i, 1);
check("backwards", isWhole(1, 30));
reassemblyReset(1);
for (let i = 0; i < 30; i += 2) add(1, 30, i, 1);
equal("every second one", reassemblyLength(), -1);
for (let i = 1; i < 30; i += 2) add(1, 30, i, 1);
check("then the others", isWhole(1, 30));

section("overlap");
reassemblyReset(0);
add(0, 20, 0, 10);
equal("known part", add(0, 20, 2, 5), Status.Discarded);
equal("known end", add(0, 20, 5, 5), Status.Discarded);
equal("one byte more", add(0, 20, 5, 6), Status.Ok);
equal("no byte at the edge", add(0, 20, 11, 0), Status.Discarded);
equal("the whole again", add(0, 20, 0, 20), Status.Ok);
check("completes it", isWhole(0, 20));
reassemblyReset(0);
add(0, 20, 8, 4);
equal("a longer one from the same place", add(0, 20, 8, 12), Status.Ok);
equal("the same", add(0, 20, 8, 12), Status.Discarded);
equal("a shorter one", add(0, 20, 8, 2), Status.Discarded);
add(0, 20, 0, 9);
check("is what counts", isWhole(0, 20));
reassemblyReset(0);
equal("no bytes of a message that has some", add(0, 20, 0, 0), Status.Discarded);
add(0, 20, 0, 20);
check("do not stand in its way", isWhole(0, 20));

section("contradictions");
reassemblyReset(0);
add(0, 20, 0, 10);
equal("another total length", add(0, 30, 10, 20), Status.Discarded);
equal("another type", add(0, 20, 10, 10, 12), Status.Discarded);
equal("the genuine rest", add(0, 20, 10, 10), Status.Ok);
check("completes it", isWhole(0, 20));
reassemblyReset(0);
add(0, 30, 0, 10);
equal("a first part that differs begins anew", add(0, 20, 0, 12), Status.Ok);
equal("nothing of before counts", reassemblyLength(), -1);
add(0, 20, 12, 8);
check("complete", isWhole(0, 20));
reassemblyReset(0);
add(0, 20, 10, 10, 12);
add(0, 20, 0, 10);
equal("a kept fragment of another type", reassemblyLength(), -1);
equal("does not stand in the way", add(0, 20, 10, 10), Status.Ok);
check("of the genuine one", isWhole(0, 20));

section("messages ahead");
reassemblyReset(2);
equal("the next but one", add(4, 6, 0, 6, 14), Status.Ok);
equal("the next", add(3, 5, 0, 5, 12), Status.Ok);
equal("the next again", add(3, 5, 0, 5, 12), Status.Discarded);
equal("nothing of it shows", reassemblyLength(), -1);
equal("the expected one", add(2, 4, 0, 4), Status.Ok);
check("first", isWhole(2, 4));
reassemblyAdvance();
check("second", isWhole(3, 5) && reassemblyType() == 12);
reassemblyAdvance();
check("third", isWhole(4, 6) && reassemblyType() == 14);
reassemblyAdvance();
equal("no more", reassemblyLength(), -1);
reassemblyReset(2);
equal("8 ahead", add(10, 1, 0, 1), Status.Ok);
equal("9 ahead", add(11, 1, 0, 1), Status.Discarded);
equal("the highest number", add(0xffff, 1, 0, 1), Status.Discarded);
reassemblyReset(2);
add(2, 1, 0, 1);
reassemblyAdvance();
add(4, 1, 0, 1);
add(3, 1, 0, 1);
reassemblyAdvance();
reassemblyAdvance();
equal("a reset message list does not bring back what was kept", reassemblyLength(), -1);

section("room");
reassemblyReset(0);
const HALF = STASH_CAPACITY / 2 - 14;
equal("half", add(1, HALF, 0, HALF), Status.Ok);
equal("the other half and a byte", add(2, HALF + 1, 0, HALF + 1), Status.Discarded);
equal("the other half", add(3, HALF, 0, HALF), Status.Ok);
equal("then not even a byte", add(4, 1, 0, 1), Status.Discarded);
equal("the expected one needs no room", add(0, LONGEST, 0, LONGEST), Status.Ok);
check("and is whole", isWhole(0, LONGEST));
reassemblyAdvance();
check("the first kept", isWhole(1, HALF));
reassemblyAdvance();
equal("the one without room is missing", reassemblyLength(), -1);
add(2, 1, 0, 1);
reassemblyAdvance();
check("the one behind it is there", isWhole(3, HALF));
equal("room is free again", add(4, HALF, 0, HALF), Status.Ok);

section("chained rest");
reassemblyReset(0);
add(0, 40, 30, 10);
add(1, 3, 0, 3);
add(0, 40, 20, 10);
add(0, 40, 10, 10);
add(0, 40, 0, 10);
check("one fragment brings all", isWhole(0, 40));
reassemblyAdvance();
check("and the next message", isWhole(1, 3));
reassemblyReset(0);
equal("a reset forgets what was kept", reassemblyLength(), -1);
add(0, 1, 0, 1);
reassemblyAdvance();
equal("of the next message, too", reassemblyLength(), -1);

section("header of the standard");
reassemblyReset(0);
reassemblyAdd(bytes("02 000003 0000 000000 000002 aabb"), 14);
reassemblyAdd(bytes("02 000003 0000 000002 000001 cc"), 13);
equal("3 bytes", reassemblyLength(), 3);
equalBytes("in order", reassemblyBody(), "aabbcc");

finish();
