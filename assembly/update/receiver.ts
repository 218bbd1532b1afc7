// An update as it arrives, whatever carries its messages: begun, prepared, received, checked, accepted
// or refused. What takes long is done in steps, one each time that the device is due, so that nothing
// else is ever late. Every update that the store began is ended by `storeApply` or `storeCancel`, once.

import { UPDATE_TIMEOUT } from "../config";
import { Status } from "../status";
import { isDue, untilDue } from "../util/clock";
import {
  ChunkFate,
  chunksAreComplete,
  chunksInSequence,
  chunksReset,
  chunksTake,
  chunksTotal,
} from "./chunks";
import {
  storeAdvance,
  storeApply,
  storeBegin,
  storeCancel,
  storeFinish,
  storeHeld,
  storePrepare,
  storeWrite,
} from "./store";

const enum UpdateState {
  Idle = 0,
  /** The store erases, or hashes what is held. */
  Preparing = 1,
  Receiving = 2,
  /** The sender has finished: the last checks. */
  Finishing = 3,
  /** Verified; the sender has not acknowledged that. */
  Accepted = 4,
  /** Over; whoever asks is told why. */
  Refused = 5,
}

/** What the sender is to be told. */
export const enum Outcome {
  None = 0,
  /** Chunks may come. */
  Ready = 1,
  Accepted = 2,
  /** `refusal()` says why. */
  Refused = 3,
  Cancelled = 4,
}

/** Figures of an update, for its sender. */
export const enum Figure {
  Received = 0,
  Duplicates = 1,
  OutOfOrder = 2,
  Acks = 3,
  /** From the end of the transfer to its result, ms. */
  Time = 4,
}

let state: i32 = UpdateState.Idle;
let outcome: i32 = Outcome.None;
let refusedWith: i32 = 0;
let size: u32 = 0;
let chunkSize: u32 = 0;
/** Where the first chunk begins: what was held before. */
let held: u32 = 0;
let window: u32 = 0;
/** Whether the store has not seen all that is in sequence. */
let isBehind: bool = false;
let discards: bool = false;
/** When a chunk came, or the state changed. */
let activeAt: u32 = 0;

let received: u32 = 0;
let duplicates: u32 = 0;
let outOfOrder: u32 = 0;
let acks: u32 = 0;
let time: u32 = 0;

/** @param number Figure */
export function figure(number: i32): u32 {
  if (number == Figure.Received) return received;
  if (number == Figure.Duplicates) return duplicates;
  if (number == Figure.OutOfOrder) return outOfOrder;
  return number == Figure.Acks ? acks : time;
}

/** An acknowledgement of chunks went out. */
export function countAck(): void {
  acks += 1;
}

/** What the sender is to be told; `outcomeTold` when that is on its way. */
export function currentOutcome(): i32 {
  return outcome;
}

export function outcomeTold(): void {
  outcome = Outcome.None;
}

/** Why there is no update: its refusal; Status.InvalidState when there was none. */
export function refusal(): i32 {
  return state == UpdateState.Refused ? refusedWith : Status.InvalidState;
}

/** Bytes that were held when the transfer began. */
export function heldBefore(): u32 {
  return held;
}

/** Chunks after a missing one that are kept. */
export function currentWindow(): u32 {
  return window;
}

/** Whether an update was refused, and its sender may not know. */
export function isRefused(): bool {
  return state == UpdateState.Refused;
}

function isRunning(): bool {
  return state >= UpdateState.Preparing && state <= UpdateState.Accepted;
}

// ---- begin and end ---------------------------------------------------------------------------

/**
 * Begin an update; one that runs is given up.
 * @param image module function that the sender announced
 * @param length bytes of the file, 1 or more
 * @param hash [in] its SHA-256, 32 bytes; 0: not announced
 * @param discard forget what is held of it
 * @param chunk bytes of a chunk, a multiple of 4
 * @param ahead chunks after a missing one that may come
 */
export function receiverBegin(
  image: i32,
  length: u32,
  hash: usize,
  discard: bool,
  chunk: u32,
  ahead: u32,
  now: u32,
): void {
  receiverReset(Status.UpdateCancelled);
  size = length;
  chunkSize = chunk;
  window = ahead;
  received = 0;
  duplicates = 0;
  outOfOrder = 0;
  acks = 0;
  time = 0;
  activeAt = now;
  discards = false;
  chunksReset(0);
  const status = storeBegin(image, length, hash, discard);
  state = status < 0 ? UpdateState.Refused : UpdateState.Preparing;
  refusedWith = status;
  outcome = status < 0 ? Outcome.Refused : Outcome.None;
}

/** Forget everything; what was received is kept for the next attempt. @param status why */
export function receiverReset(status: i32): void {
  if (isRunning()) storeCancel(false, status);
  state = UpdateState.Idle;
  outcome = Outcome.None;
  isBehind = false;
}

/** Whether what was received is worth keeping after an end like this. */
function isResumable(status: i32): bool {
  return (
    status == Status.UpdateTruncated ||
    status == Status.UpdateStorage ||
    status == Status.UpdateTimeout
  );
}

function refuse(status: i32, now: u32): void {
  storeCancel(discards || !isResumable(status), status);
  state = UpdateState.Refused;
  refusedWith = status;
  isBehind = false;
  activeAt = now;
}

/** The sender has sent everything. @param discard forget it all if it is not accepted */
export function receiverFinish(discard: bool, now: u32): void {
  discards = discard;
  outcome = Outcome.Refused;
  if (state == UpdateState.Accepted) {
    outcome = Outcome.Accepted;
  } else if (isRunning()) {
    if (state == UpdateState.Preparing || !chunksAreComplete()) {
      refuse(Status.UpdateTruncated, now);
      return;
    }
    state = UpdateState.Finishing;
    outcome = Outcome.None;
    activeAt = now;
  }
}

/** The sender gives up. @param discard forget what came */
export function receiverCancel(discard: bool): void {
  if (state == UpdateState.Idle) {
    outcome = Outcome.Refused;
    return;
  }
  if (isRunning()) storeCancel(discard, Status.UpdateCancelled);
  state = UpdateState.Idle;
  isBehind = false;
  outcome = Outcome.Cancelled;
}

/** The sender knows that the file is accepted. */
export function receiverApply(now: u32): void {
  if (state != UpdateState.Accepted) return;
  state = UpdateState.Idle;
  storeApply(now);
}

// ---- chunks ----------------------------------------------------------------------------------

/**
 * Bytes that a chunk brings to the file.
 * @param index counted from 0
 * @returns 1...chunk size; 0 when there is no such chunk, or no update
 */
export function chunkLength(index: u32): u32 {
  if (!isReceiving() || index >= chunksTotal()) return 0;
  return min(chunkSize, size - held - index * chunkSize);
}

/** Whether chunks can be for this update. */
export function isReceiving(): bool {
  return state >= UpdateState.Receiving && state <= UpdateState.Accepted;
}

/** Bytes of every chunk but the last. */
export function fullChunkLength(): u32 {
  return chunkSize;
}

/** Whether the store is being made ready, so that no chunk can be for this update. */
export function isPreparing(): bool {
  return state == UpdateState.Preparing;
}

/**
 * Take a chunk.
 * @param data [in] `chunkLength(index)` bytes, which is not 0
 * @returns ChunkFate; Status.UpdateStorage, which ends the update
 */
export function receiverTake(index: u32, data: usize, now: u32): i32 {
  activeAt = now;
  received += 1;
  const fate = chunksTake(index, window);
  if (fate == ChunkFate.Duplicate) duplicates += 1;
  if (fate == ChunkFate.Ahead || fate == ChunkFate.Beyond) outOfOrder += 1;
  if (fate > ChunkFate.Ahead) return fate;
  const status = storeWrite(held + index * chunkSize, data, chunkLength(index));
  if (status < 0) {
    refuse(status, now);
    return status;
  }
  if (fate == ChunkFate.InSequence) isBehind = true;
  return fate;
}

/** Bytes of the file that are here without a gap. */
function bytesInSequence(): u32 {
  return chunksAreComplete() ? size : held + chunksInSequence() * chunkSize;
}

// ---- steps -----------------------------------------------------------------------------------

function hasWork(): bool {
  return isBehind || state == UpdateState.Preparing || state == UpdateState.Finishing;
}

/** @returns ms until `receiverHandleTimeout` is due; 0 now; -1 never */
export function receiverPollTimeout(now: u32): i32 {
  if (state == UpdateState.Idle) return -1;
  return hasWork() ? 0 : untilDue(activeAt + UPDATE_TIMEOUT, now);
}

/** Do one step of what waits, or give up an update whose sender is silent. */
export function receiverHandleTimeout(now: u32): void {
  if (state == UpdateState.Preparing) prepare(now);
  else if (isBehind) advance(now);
  else if (state == UpdateState.Finishing) finish(now);
  else if (state != UpdateState.Idle && isDue(activeAt + UPDATE_TIMEOUT, now)) {
    if (state == UpdateState.Refused) state = UpdateState.Idle;
    else refuse(Status.UpdateTimeout, now);
  }
}

function prepare(now: u32): void {
  const status = storePrepare();
  if (status > 0) return;
  if (status < 0) {
    refuse(status, now);
    outcome = Outcome.Refused;
    return;
  }
  held = min(storeHeld(), size);
  chunksReset((size - held + chunkSize - 1) / chunkSize);
  state = UpdateState.Receiving;
  activeAt = now;
  isBehind = held > 0;
  outcome = Outcome.Ready;
}

function advance(now: u32): void {
  const status = storeAdvance(bytesInSequence(), now);
  if (status > 0) return;
  isBehind = false;
  if (status == Status.Ok) return;
  const isAsked = state == UpdateState.Finishing;
  refuse(status, now);
  if (isAsked) outcome = Outcome.Refused;
}

function finish(now: u32): void {
  const status = storeFinish();
  if (status > 0) return;
  time = now - activeAt;
  if (status < 0) {
    refuse(status, now);
    outcome = Outcome.Refused;
    return;
  }
  state = UpdateState.Accepted;
  outcome = Outcome.Accepted;
  activeAt = now;
}
