// Where an update goes while it arrives: the image area, its hashes, the journal. The receiver
// (transfer.ts, chunked.ts) knows nothing of these; this file knows nothing of messages. Each call
// erases, hashes or reads UPDATE_STEP bytes at most.

import { Status } from "../status";

/**
 * Begin an update, or go on with one that was broken off, when size and hash are the same.
 * @param image module type that the sender announced; the manifest decides
 * @param size bytes of the file, 1 or more
 * @param hash [in] SHA-256 of the file, 32 bytes; 0 when not announced
 * @param discard forget what is held
 * @returns Status.Ok; Status.NotSupported; Status.UpdateDisabled; Status.UpdateTooLarge;
 *   Status.UpdateBusy; Status.UpdateNoKeys
 */
export function storeBegin(image: i32, size: u32, hash: usize, discard: bool): i32 {
  return Status.NotSupported;
}

/** A step of making ready. @returns 1: call again; Status.Ok; Status.UpdateStorage */
export function storePrepare(): i32 {
  return Status.UpdateStorage;
}

/** Bytes held already, a multiple of 4: where the transfer begins. */
export function storeHeld(): u32 {
  return 0;
}

/**
 * Write bytes of the file: in any order, each once.
 * @returns Status.Ok; Status.UpdateStorage
 */
export function storeWrite(offset: u32, data: usize, length: i32): i32 {
  return Status.UpdateStorage;
}

/**
 * All bytes below `prefix` are written: a step of hashing them.
 * @returns 1: call again; Status.Ok; why the manifest refuses: UpdateMalformed, UpdateSignature,
 *   UpdateWrongBoard, UpdateNotNewer, UpdateCoreTooOld, UpdateReplayed, UpdateStorage (each Status)
 */
export function storeAdvance(prefix: u32, now: u32): i32 {
  return Status.UpdateStorage;
}

/**
 * A step of the last checks, when all is there.
 * @returns 1: call again; Status.Ok; also, beside those of `storeAdvance`: UpdateHash, UpdateImports,
 *   UpdateUnmetered, UpdateTruncated
 */
export function storeFinish(): i32 {
  return Status.UpdateStorage;
}

/** The server knows that the file was accepted: obey it. @returns Status.Ok; Status.UpdateStorage */
export function storeApply(now: u32): i32 {
  return Status.UpdateStorage;
}

/** Give the update up. @param discard forget what is held @param status why */
export function storeCancel(discard: bool, status: i32): void {}
