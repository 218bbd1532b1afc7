// What carries a file to a device in one session, and what it tells of it.

import type { UpdateAck } from "./messages";
import type { Refusal } from "./refusal";

/** What a transfer tells its owner. After `finished`, `refused` and `interrupted` it is over. */
export interface TransferEvents {
  /** The device has so many bytes now. */
  progress(bytes: number): void;
  /** It has all of them and checks. */
  verifying(): void;
  /** It has accepted the file. */
  finished(stats: DeviceStats): void;
  refused(refusal: Refusal): void;
  /** It does not answer any more, has forgotten the transfer, or its session ended: another try may succeed. */
  interrupted(why: Interruption): void;
}

/** "forgotten": the device lives and knows nothing of the transfer. */
export type Interruption = "silent" | "forgotten" | "bad-response" | "closed";

/** What a device says about a transfer that is over; absent: it did not say. */
export interface DeviceStats {
  receivedChunks?: number;
  duplicateChunks?: number;
  outOfOrderChunks?: number;
  sentAcks?: number;
  /** ms of work in the device. */
  processingMs?: number;
}

/** What it took. */
export interface TransferCounts {
  /** Transmissions of chunks. */
  chunks: number;
  /** Those of chunks that had been sent before. */
  repeats: number;
}

/** What is sent and how. */
export interface TransferPlan {
  file: Buffer;
  /** SHA-256 of it. */
  hash: Buffer;
  moduleFunction: number | undefined;
  discard: boolean;
  /** Bytes of a chunk, if not chosen by the transfer. */
  chunkSize: number | undefined;
  bytesPerSecond: number | undefined;
}

export interface Transfer {
  readonly counts: TransferCounts;
  start(now: number): void;
  /** Engine time, or Infinity. */
  nextDeadline(): number;
  handleTimeout(now: number): void;
  /** The device refuses a message that needs no acknowledgement. @returns whether it was one of this transfer */
  handleReset(messageId: number, now: number): boolean;
  /** The device tells what it has. @throws DecodeError for what makes no sense */
  handleAck?(ack: UpdateAck, now: number): void;
  /** The device lists chunks that it has not. @throws DecodeError for what makes no sense */
  handleMissed?(indices: number[], now: number): void;
  /** Tell the device to forget about it. */
  cancel(now: number): void;
  /** Nothing more is sent; answers under way are ignored. */
  close(): void;
}
