// The file under way: written to its area in any order, read back and hashed in sequence. What is
// hashed is journalled at each UPDATE_STEP bytes, so that a power cut costs the rest only: flash is
// written once after it was erased, so what lies behind the last full step is erased again.
//
// A file that is not longer than HEAD_CAPACITY stays in RAM until its manifest has said what it is: a
// command must not cost the application of before its place.

import { UPDATE_STEP } from "../config";
import {
  SHA256_SIZE,
  SHA256_STATE_SIZE,
  sha256Final,
  sha256Init,
  sha256Update,
} from "../crypto/sha256";
import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { ImageArea, NO_AREA, areaErase, areaHash, areaRead, areaWrite } from "./area";
import {
  AreaStatus,
  areaEntry,
  journal,
  journalFileHash,
  journalPrefixHash,
  journalRevert,
  journalSave,
} from "./journal";
import { HEAD, HEAD_CAPACITY, manifestBodyOffset, manifestDecode } from "./manifest";

/** What `downloadHeadStatus` answers before the head is there. */
export const HEAD_MISSING: i32 = 1;

/** Steps of `downloadPrepare`, in their order. */
const enum Phase {
  /** Hashing what the journal says is there. */
  Check = 0,
  /** Noting in the journal that the area is used up. */
  Claim = 1,
  /** Erasing what is to be written. */
  Erase = 2,
  Open = 3,
}

// @ts-ignore: decorator
@lazy
const FILE_STATE: usize = memory.data(104, 8);
// @ts-ignore: decorator
@lazy
const BODY_STATE: usize = memory.data(104, 8);
/** A copy of the state that is finished while hashing goes on. */
// @ts-ignore: decorator
@lazy
const SNAPSHOT: usize = memory.data(104, 8);
/** SHA-256 that was announced, then that of the file. */
// @ts-ignore: decorator
@lazy
const FILE_HASH: usize = memory.data(32, 8);

let phase: i32 = Phase.Open;
/** Where the file goes; NO_AREA, which is this: it stays in RAM. */
let area: i32 = 0xff;
let size: u32 = 0;
let hasHash: bool = false;
/** Bytes that need not come. */
let held: u32 = 0;
/** Bytes that are hashed, from the beginning. */
let hashed: u32 = 0;
/** What is to be erased next. */
let eraseAt: u32 = 0;
/** Whether the manifest has the right form: HEAD_MISSING while its bytes are not hashed. */
let headStatus: i32 = 1;

export function downloadSize(): u32 {
  return size;
}

export function downloadArea(): i32 {
  return area;
}

export function downloadHashed(): u32 {
  return hashed;
}

export function downloadHeld(): u32 {
  return held;
}

/** SHA-256 of the file, 32 bytes, when `downloadFinish` has compared it. */
export function downloadFileHash(): usize {
  return FILE_HASH;
}

// ---- beginning ------------------------------------------------------------------------------

function rewind(): void {
  hashed = 0;
  headStatus = HEAD_MISSING;
  sha256Init(FILE_STATE);
}

/** Whether the journal knows this file, and a part of it is there. */
function isKnown(): bool {
  const j = journal();
  if (!hasHash || area == NO_AREA || j.downloadSize != size || <i32>j.downloadArea != area) {
    return false;
  }
  return j.downloadPrefix > 0 && equalBytes(FILE_HASH, journalFileHash(), SHA256_SIZE);
}

/**
 * Begin; `downloadPrepare` follows.
 * @param where area for it; NO_AREA when it is not longer than HEAD_CAPACITY
 * @param hash [in] SHA-256 of the file, 32 bytes; 0: not announced, then it cannot be resumed
 * @param discard forget what is held
 */
export function downloadBegin(where: i32, length: u32, hash: usize, discard: bool): void {
  area = where;
  size = length;
  hasHash = hash != 0;
  if (hash) memory.copy(FILE_HASH, hash, SHA256_SIZE);
  held = 0;
  rewind();
  phase = isKnown() && !discard ? Phase.Check : area == NO_AREA ? Phase.Open : Phase.Claim;
}

/** A step of making ready. @returns 1: call again; Status.Ok; Status.UpdateStorage */
export function downloadPrepare(): i32 {
  if (phase == Phase.Check) return check();
  if (phase == Phase.Claim) return claim();
  if (phase == Phase.Erase) return erase();
  return Status.Ok;
}

/** Hash what is held; if it is not what the journal says, begin with nothing. */
function check(): i32 {
  const prefix = journal().downloadPrefix;
  const status = downloadHash(prefix);
  if (status == 1) return 1;
  snapshotHash(SNAPSHOT);
  if (status == Status.Ok && equalBytes(SNAPSHOT, journalPrefixHash(), SHA256_SIZE)) {
    held = prefix;
    eraseAt = prefix;
    phase = Phase.Erase;
  } else {
    rewind();
    phase = Phase.Claim;
  }
  return 1;
}

/** Before anything is erased, the journal says that nothing in the area may run. */
function claim(): i32 {
  const j = journal();
  if (area != ImageArea.Firmware) areaEntry(area).status = AreaStatus.Empty;
  if (<i32>j.pending == area) j.pending = <u8>NO_AREA;
  j.downloadArea = <u8>area;
  j.downloadSize = hasHash ? size : 0;
  j.downloadPrefix = 0;
  memory.copy(journalFileHash(), FILE_HASH, SHA256_SIZE);
  if (journalSave() < 0) {
    journalRevert();
    return Status.UpdateStorage;
  }
  eraseAt = 0;
  phase = Phase.Erase;
  return 1;
}

function erase(): i32 {
  if (eraseAt < size) {
    if (!areaErase(area, eraseAt)) return Status.UpdateStorage;
    eraseAt += UPDATE_STEP;
    if (eraseAt < size) return 1;
  }
  phase = Phase.Open;
  return Status.Ok;
}

// ---- bytes ----------------------------------------------------------------------------------

/** Write bytes of the file, each once. @returns Status.Ok; Status.UpdateStorage */
export function downloadWrite(offset: u32, data: usize, length: i32): i32 {
  if (phase != Phase.Open || length < 0 || offset > size || <u32>length > size - offset) {
    return Status.UpdateStorage;
  }
  if (length == 0) return Status.Ok;
  if (area != NO_AREA) {
    return areaWrite(area, offset, data, length) ? Status.Ok : Status.UpdateStorage;
  }
  memory.copy(HEAD + offset, data, length);
  return Status.Ok;
}

/** Finish a copy of the file's hash as it is. @param digest [out] 32 bytes; may be SNAPSHOT */
function snapshotHash(digest: usize): void {
  memory.copy(SNAPSHOT, FILE_STATE, SHA256_STATE_SIZE);
  sha256Final(digest, SNAPSHOT);
}

/** Where the next step of hashing ends: at the end of the head, then at each UPDATE_STEP. */
function stepEnd(limit: u32): u32 {
  const end = hashed < HEAD_CAPACITY ? HEAD_CAPACITY : (hashed & ~(UPDATE_STEP - 1)) + UPDATE_STEP;
  return min(end, limit);
}

/** Hash `length` bytes from `hashed` on. @returns whether they could be read */
function hashPart(length: i32): bool {
  if (hashed < HEAD_CAPACITY) {
    if (area != NO_AREA && !areaRead(area, hashed, HEAD + hashed, length)) return false;
    sha256Update(FILE_STATE, HEAD + hashed, length);
    return true;
  }
  return areaHash(FILE_STATE, headStatus == Status.Ok ? BODY_STATE : 0, area, hashed, length);
}

/**
 * A step of hashing up to `limit`, all of which is written.
 * @returns 1: call again; Status.Ok; Status.UpdateStorage
 */
export function downloadHash(limit: u32): i32 {
  if (hashed >= limit) return Status.Ok;
  const end = stepEnd(limit);
  if (!hashPart(end - hashed)) return Status.UpdateStorage;
  hashed = end;
  if (headStatus == HEAD_MISSING && hashed >= min(HEAD_CAPACITY, size)) openHead();
  return hashed < limit ? 1 : Status.Ok;
}

/** Note in the journal how far the file is there, at each UPDATE_STEP. A failure costs time only. */
export function downloadNote(): void {
  const j = journal();
  const isStep = hashed > 0 && hashed % UPDATE_STEP == 0;
  if (!isStep || j.downloadSize != size || hashed <= j.downloadPrefix) return;
  j.downloadPrefix = hashed;
  snapshotHash(journalPrefixHash());
  if (journalSave() < 0) journalRevert();
}

/** The head is there: look for the manifest, and begin to hash the body. */
function openHead(): void {
  headStatus = manifestDecode(<i32>hashed, size);
  if (headStatus < 0) return;
  const offset = manifestBodyOffset();
  sha256Init(BODY_STATE);
  sha256Update(BODY_STATE, HEAD + offset, hashed - offset);
}

/** @returns HEAD_MISSING; else as `manifestDecode` */
export function downloadHeadStatus(): i32 {
  return headStatus;
}

// ---- ending ---------------------------------------------------------------------------------

/**
 * Compare the hashes, when all is there.
 * @param body [in] SHA-256 of the body, 32 bytes
 * @returns Status.Ok; Status.UpdateHash
 */
export function downloadFinish(body: usize): i32 {
  sha256Final(BODY_STATE, BODY_STATE);
  snapshotHash(SNAPSHOT);
  if (!equalBytes(BODY_STATE, body, SHA256_SIZE)) return Status.UpdateHash;
  if (hasHash && !equalBytes(SNAPSHOT, FILE_HASH, SHA256_SIZE)) return Status.UpdateHash;
  memory.copy(FILE_HASH, SNAPSHOT, SHA256_SIZE);
  return Status.Ok;
}

/** Put a file that is in RAM into an area. @returns Status.Ok; Status.UpdateStorage */
export function downloadPlace(where: i32): i32 {
  area = where;
  hasHash = false;
  if (claim() < 0 || !areaErase(area, 0)) return Status.UpdateStorage;
  phase = Phase.Open;
  return areaWrite(area, 0, HEAD, size) ? Status.Ok : Status.UpdateStorage;
}

/** Forget what is held, in storage too. */
export function downloadForget(): void {
  if (journal().downloadSize == 0) return;
  journal().downloadSize = 0;
  if (journalSave() < 0) journalRevert();
}
