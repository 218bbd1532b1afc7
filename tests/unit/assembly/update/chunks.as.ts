// assembly/update/chunks.ts

import { check, equal, equalBytes, finish, section } from "../support/check";
import {
  ChunkFate,
  chunksAreComplete,
  chunksHaveGap,
  chunksInSequence,
  chunksReset,
  chunksTake,
  chunksTotal,
  chunksWriteBitmap,
  chunksWriteMissing,
} from "../../../../assembly/update/chunks";
import { writerLength, writerOpen } from "../../../../assembly/util/writer";

const out = heap.alloc(64);

function bitmap(name: string, expected: string): void {
  writerOpen(out, 64);
  chunksWriteBitmap();
  equal(name + ": bytes", writerLength(), expected.length / 2);
  equalBytes(name, out, expected);
}

section("in sequence");
chunksReset(3);
equal("chunks", chunksTotal(), 3);
equal("first", chunksTake(0, 256), ChunkFate.InSequence);
equal("second", chunksTake(1, 256), ChunkFate.InSequence);
equal("second again", chunksTake(1, 256), ChunkFate.Duplicate);
check("not complete", !chunksAreComplete());
equal("third", chunksTake(2, 256), ChunkFate.InSequence);
check("complete", chunksAreComplete());
check("no gap", !chunksHaveGap());
bitmap("no bitmap", "");

section("example of the protocol: 1, 2, 4, 5 of 6");
chunksReset(6);
chunksTake(0, 256);
chunksTake(1, 256);
equal("4", chunksTake(3, 256), ChunkFate.Ahead);
equal("4 again", chunksTake(3, 256), ChunkFate.Duplicate);
chunksTake(4, 256);
equal("in sequence", chunksInSequence(), 2);
check("gap", chunksHaveGap());
bitmap("bitmap", "06000000");
equal("3 fills the gap", chunksTake(2, 256), ChunkFate.InSequence);
equal("in sequence", chunksInSequence(), 5);
check("no gap", !chunksHaveGap());

section("window");
chunksReset(1000);
equal("the last of it", chunksTake(255, 256), ChunkFate.Ahead);
equal("beyond", chunksTake(256, 256), ChunkFate.Beyond);
equal("of a smaller one", chunksTake(115, 115), ChunkFate.Beyond);
equal("its last", chunksTake(114, 115), ChunkFate.Ahead);
bitmap(
  "eight words",
  "000000000000000000000000" + "00000400" + "0000000000000000" + "0000000000000080",
);
equal("not of more than 256", chunksTake(256, 4000), ChunkFate.Beyond);
equal("the last number there is", chunksTake(0xffffffff, 256), ChunkFate.Beyond);

section("missing");
writerOpen(out, 64);
chunksWriteMissing(3);
equal("as many as asked for", writerLength(), 6);
equalBytes("numbers", out, "000000010002");
chunksReset(5);
chunksTake(0, 256);
chunksTake(2, 256);
writerOpen(out, 64);
chunksWriteMissing(40);
equalBytes("those between and after", out, "000100030004");
equal("bytes", writerLength(), 6);

section("against a model, 4000 chunks in random order");
const has = new StaticArray<u8>(4000);
let seed: u32 = 12345;
chunksReset(4000);
let sequence = 0;
let wrong = 0;
let taken = 0;
for (let i = 0; i < 200000 && sequence < 4000; i++) {
  seed = seed * 1664525 + 1013904223;
  const index = min(sequence + <i32>((seed >>> 8) % 270) - 4, 3999);
  if (index < 0) continue;
  const fate = chunksTake(index, 256);
  let expected: i32 = ChunkFate.InSequence;
  if (has[index]) expected = ChunkFate.Duplicate;
  else if (index >= sequence + 256) expected = ChunkFate.Beyond;
  else if (index > sequence) expected = ChunkFate.Ahead;
  if (fate != expected) wrong += 1;
  if (expected <= ChunkFate.Ahead) has[index] = 1;
  while (sequence < 4000 && has[sequence]) sequence += 1;
  if (chunksInSequence() != sequence) wrong += 1;
  if (i & 63) continue;
  writerOpen(out, 64);
  chunksWriteBitmap();
  const bits = writerLength() * 8;
  taken += 1;
  for (let bit = 0; bit < 256; bit++) {
    const noted = bit < bits && ((load<u8>(out + (bit >> 3)) >>> (bit & 7)) & 1) != 0;
    const here = sequence + bit < 4000 && has[sequence + bit] != 0;
    if (noted != here) wrong += 1;
  }
  if (bits && load<u32>(out + bits / 8 - 4) == 0) wrong += 1;
}
equal("all came", sequence, 4000);
check("bitmaps compared", taken > 50);
equal("differences", wrong, 0);
check("complete", chunksAreComplete());

finish();
