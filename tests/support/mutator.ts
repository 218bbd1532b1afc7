// Makes bad bytes out of good ones: a few random changes to a piece of a corpus, or noise.

import type { SeededRandom } from "./random";

/** Bytes at which lengths, counters and nibbles change their meaning. */
const EDGES = [
  0, 1, 2, 7, 8, 12, 13, 14, 15, 16, 0x40, 0x7f, 0x80, 0xc0, 0xd0, 0xe0, 0xf0, 0xfe, 0xff,
];

type Step = (bytes: Buffer, random: SeededRandom, corpus: readonly Uint8Array[]) => Buffer;

const at = (bytes: Buffer, random: SeededRandom): number => random.below(bytes.length || 1);

const STEPS: Step[] = [
  // a bit, a byte, an edge, a 16-bit field
  (bytes, random) => {
    if (bytes.length) bytes[at(bytes, random)] ^= 1 << random.below(8);
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length) bytes[at(bytes, random)] = random.below(256);
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length) bytes[at(bytes, random)] = EDGES[random.below(EDGES.length)];
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length < 2) return bytes;
    bytes.writeUInt16BE(random.below(65_536), random.below(bytes.length - 1));
    return bytes;
  },
  // shorter, longer
  (bytes, random) => bytes.subarray(0, at(bytes, random)),
  (bytes, random) => {
    const from = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(8))]);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    const more = random.bytes(1 + random.below(16));
    return Buffer.concat([bytes.subarray(0, from), more, bytes.subarray(from)]);
  },
  // a piece twice, the head of one and the tail of another, one behind the other
  (bytes, random) => {
    const from = at(bytes, random);
    const piece = bytes.subarray(from, from + 1 + random.below(32));
    return Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(from)]);
  },
  (bytes, random, corpus) => {
    const other = Buffer.from(corpus[random.below(corpus.length)]);
    return Buffer.concat([bytes.subarray(0, at(bytes, random)), other.subarray(at(other, random))]);
  },
  (bytes, random, corpus) => Buffer.concat([bytes, corpus[random.below(corpus.length)]]),
];

/** A piece of the corpus with one to four changes. */
export function mutate(corpus: readonly Uint8Array[], random: SeededRandom): Buffer {
  let bytes: Buffer = Buffer.from(corpus[random.below(corpus.length)]);
  const changes = 1 + random.below(4);
  for (let i = 0; i < changes; i++)
    bytes = STEPS[random.below(STEPS.length)](bytes, random, corpus);
  return bytes;
}

/** Random bytes, short ones more often than long ones. */
export function noise(random: SeededRandom, most: number): Buffer {
  const length = random.chance(0.9) ? random.below(Math.min(most, 80)) : random.below(most + 1);
  return Buffer.from(random.bytes(length));
}
