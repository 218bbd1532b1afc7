// Updates as the receiver (transfer.ts, chunked.ts) sees them: it knows nothing of areas, hashes and
// manifests; this file knows nothing of messages. Each call erases, hashes or reads UPDATE_STEP bytes
// at most. A refusal is final for its update, and the host is told of it once.

import { EventKind, pushEvent } from "../events";
import { Status } from "../status";
import { admit, admitSize } from "./admission";
import { acceptApplication, noteFirmware, obey, spareArea } from "./apply";
import { ImageArea, NO_AREA, areaComplete } from "./area";
import {
  HEAD_MISSING,
  downloadArea,
  downloadBegin,
  downloadFileHash,
  downloadFinish,
  downloadForget,
  downloadHash,
  downloadHashed,
  downloadHeadStatus,
  downloadHeld,
  downloadNote,
  downloadPlace,
  downloadPrepare,
  downloadSize,
  downloadWrite,
} from "./download";
import { inspect, inspectBegin } from "./inspect";
import { areaEntry, areaFileHash, journal, journalIsOpen } from "./journal";
import { updateKeyCount } from "./keys";
import {
  HEAD_CAPACITY,
  ImageKind,
  manifestBodyHash,
  manifestBodyOffset,
  manifestCapabilities,
  manifestKind,
  manifestVerify,
  manifestVersion,
} from "./manifest";

/** Module types of Device OS that a sender may announce (module_info.h). */
const enum ModuleFunction {
  None = 0,
  Monolithic = 3,
  SystemPart = 4,
  UserPart = 5,
}

/** How far an update has come. */
const enum Stage {
  Idle = 0,
  Preparing = 1,
  /** Taking bytes; the manifest is not judged yet. */
  Unjudged = 2,
  /** Taking bytes of an update that may come. */
  Admitted = 3,
  /** All is there and hashed; the module is looked through. */
  Inspecting = 4,
  Accepted = 5,
  /** `refusal` says why. */
  Refused = 6,
}

/** Progress is told so often. */
const PROGRESS_STEPS: u32 = 8;

let stage: i32 = Stage.Idle;
let refusal: i32 = 0;
/** Eighths of the file that were told. */
let told: u32 = 0;

/** Whether an update is under way. */
export function storeIsBusy(): bool {
  return stage != Stage.Idle;
}

/** The update is refused from now on; the host is told. @returns `status` */
function refuse(status: i32): i32 {
  const kind = downloadHeadStatus() == Status.Ok ? manifestKind() : ImageKind.Unknown;
  const version = downloadHeadStatus() == Status.Ok ? manifestVersion() : 0;
  stage = Stage.Refused;
  refusal = status;
  journal().lastStatus = status;
  pushEvent(EventKind.UpdateEnded, status, version, kind);
  return status;
}

/** The same, and what is held is of no use. */
function reject(status: i32): i32 {
  refuse(status);
  downloadForget();
  return status;
}

// ---- beginning ------------------------------------------------------------------------------

/** Area for what is announced; Status.NotSupported */
function areaFor(image: i32): i32 {
  if (image == ModuleFunction.None || image == ModuleFunction.UserPart) return spareArea();
  const isNative = image == ModuleFunction.Monolithic || image == ModuleFunction.SystemPart;
  return isNative ? ImageArea.Firmware : Status.NotSupported;
}

/**
 * Begin an update, or go on with one that was broken off, when size and hash are the same. One that
 * is under way is given up.
 * @param image module type that the sender announced; the manifest decides
 * @param size bytes of the file, 1 or more
 * @param hash [in] SHA-256 of the file, 32 bytes; 0 when not announced
 * @param discard forget what is held
 * @returns Status.Ok; Status.NotSupported; Status.UpdateDisabled; Status.UpdateTooLarge;
 *   Status.UpdateBusy; Status.UpdateNoKeys
 */
export function storeBegin(image: i32, size: u32, hash: usize, discard: bool): i32 {
  if (stage != Stage.Idle) storeCancel(false, Status.UpdateCancelled);
  if (!journalIsOpen() || size == 0) return Status.NotSupported;
  let area = areaFor(image);
  if (area < 0) return area;
  if (!updateKeyCount()) return Status.UpdateNoKeys;
  if (size <= HEAD_CAPACITY) {
    // It may be a command, which is obeyed whatever the application allows.
    area = NO_AREA;
  } else {
    const status = admitSize(area, size);
    if (status < 0) return status;
  }
  downloadBegin(area, size, hash, discard);
  stage = Stage.Preparing;
  told = 0;
  pushEvent(EventKind.UpdateStarted, ImageKind.Unknown, size);
  return Status.Ok;
}

/** A step of making ready. @returns 1: call again; Status.Ok; Status.UpdateStorage */
export function storePrepare(): i32 {
  if (stage == Stage.Refused) return refusal;
  const status = downloadPrepare();
  if (status < 0) return refuse(status);
  if (status == Status.Ok && stage == Stage.Preparing) stage = Stage.Unjudged;
  return status;
}

/** Bytes held already, a multiple of 4096: where the transfer begins. */
export function storeHeld(): u32 {
  return downloadHeld();
}

// ---- bytes ----------------------------------------------------------------------------------

/**
 * Write bytes of the file: in any order, each once.
 * @returns Status.Ok; Status.UpdateStorage; why the update is refused
 */
export function storeWrite(offset: u32, data: usize, length: i32): i32 {
  if (stage == Stage.Refused) return refusal;
  const status = downloadWrite(offset, data, length);
  return status < 0 ? refuse(status) : status;
}

/**
 * All bytes below `prefix` are written: a step of hashing them.
 * @returns 1: call again; Status.Ok; why the manifest refuses: UpdateMalformed, UpdateSignature,
 *   UpdateWrongBoard, UpdateNotNewer, UpdateCoreTooOld, UpdateReplayed, UpdateTruncated, UpdateBusy,
 *   UpdateDisabled, NotSupported, NotFound, UpdateStorage (each Status)
 */
export function storeAdvance(prefix: u32, _now: u32): i32 {
  if (stage == Stage.Refused) return refusal;
  if (stage < Stage.Unjudged) return Status.UpdateStorage;
  if (stage == Stage.Unjudged && downloadHeadStatus() != HEAD_MISSING) return judge();
  const limit = min(prefix, downloadSize());
  const status = downloadHash(limit);
  if (status < 0) return refuse(status);
  downloadNote();
  tellProgress();
  const isJudgeable = stage == Stage.Unjudged && downloadHeadStatus() != HEAD_MISSING;
  return isJudgeable ? 1 : status;
}

/** A step of judging the manifest. @returns 1: call again, whatever came of it; its refusal */
function judge(): i32 {
  let status = downloadHeadStatus();
  if (status == Status.Ok) status = manifestVerify();
  if (status == 1) return 1;
  if (status == Status.Ok) status = admit(downloadArea());
  if (status < 0) return reject(status);
  stage = Stage.Admitted;
  return 1;
}

function tellProgress(): void {
  const eighths = <u32>((<u64>PROGRESS_STEPS * downloadHashed()) / downloadSize());
  if (eighths <= told) return;
  told = eighths;
  pushEvent(EventKind.UpdateProgress, downloadHashed(), downloadSize());
}

// ---- ending ---------------------------------------------------------------------------------

/**
 * A step of the last checks, when all is there.
 * @returns 1: call again; Status.Ok; also, beside those of `storeAdvance`: UpdateHash, UpdateImports,
 *   UpdateUnmetered, UpdateTruncated
 */
export function storeFinish(): i32 {
  if (stage == Stage.Refused) return refusal;
  if (stage == Stage.Accepted) return Status.Ok;
  if (stage == Stage.Inspecting) return inspectStep();
  if (stage < Stage.Unjudged || downloadHashed() < downloadSize()) {
    // What is held stays: the rest may come another time.
    return refuse(Status.UpdateTruncated);
  }
  if (stage == Stage.Unjudged) return judge();
  let status = downloadFinish(manifestBodyHash());
  if (status < 0) return reject(status);
  if (manifestKind() != ImageKind.Application) return accept();
  if (downloadArea() == NO_AREA) status = downloadPlace(spareArea());
  if (status < 0) return refuse(status);
  inspectBegin(downloadArea(), manifestBodyOffset(), downloadSize());
  stage = Stage.Inspecting;
  return 1;
}

function inspectStep(): i32 {
  const status = inspect();
  if (status == 1) return 1;
  return status < 0 ? reject(status) : accept();
}

function accept(): i32 {
  const area = downloadArea();
  if (area != NO_AREA && area != ImageArea.Firmware) {
    if (!areaComplete(area, manifestBodyOffset())) return refuse(Status.UpdateStorage);
  }
  stage = Stage.Accepted;
  pushEvent(EventKind.UpdateEnded, Status.Ok, manifestVersion(), manifestKind());
  return Status.Ok;
}

/**
 * The server knows that the file was accepted: obey it. If that fails, the host is told so by another
 * UpdateEnded.
 * @returns Status.Ok; Status.UpdateStorage; Status.InvalidState: nothing was accepted
 */
export function storeApply(_now: u32): i32 {
  if (stage != Stage.Accepted) return Status.InvalidState;
  const status = applyKind(manifestKind());
  if (status < 0) refuse(status);
  stage = Stage.Idle;
  return status;
}

function applyKind(kind: i32): i32 {
  if (kind == ImageKind.Application) return applyApplication();
  return kind == ImageKind.Firmware ? applyFirmware() : obey();
}

function applyApplication(): i32 {
  const area = downloadArea();
  const entry = areaEntry(area);
  entry.length = downloadSize();
  entry.version = manifestVersion();
  entry.capabilities = manifestCapabilities();
  memory.copy(areaFileHash(area), downloadFileHash(), 32);
  return acceptApplication(area);
}

function applyFirmware(): i32 {
  if (!areaComplete(ImageArea.Firmware, manifestBodyOffset())) return Status.UpdateStorage;
  const version = manifestVersion();
  noteFirmware(version);
  pushEvent(EventKind.FirmwareReady, version);
  return Status.Ok;
}

/** Give the update up. @param discard forget what is held @param status why */
export function storeCancel(discard: bool, status: i32): void {
  if (stage == Stage.Idle) return;
  if (stage != Stage.Refused) refuse(status);
  if (discard) downloadForget();
  stage = Stage.Idle;
}

// ---- figures --------------------------------------------------------------------------------

/** Bytes in sequence of the update under way; 0 when there is none. */
export function storeReceived(): u32 {
  return stage == Stage.Idle ? 0 : max(downloadHashed(), downloadHeld());
}

/** Bytes of the update under way; 0 when there is none. */
export function storeSize(): u32 {
  return stage == Stage.Idle ? 0 : downloadSize();
}
