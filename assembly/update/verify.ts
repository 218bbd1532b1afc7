// Before an application is run, its area is hashed again: an area that has gone bad since, or that
// another firmware has used, must not run.

import { UPDATE_STEP } from "../config";
import { SHA256_SIZE, sha256Final, sha256Init } from "../crypto/sha256";
import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { dropApplicationChange, giveUpApplication, runnableArea, skipApplication } from "./apply";
import { areaHash } from "./area";
import { areaEntry, areaFileHash } from "./journal";

// @ts-ignore: decorator
@lazy
const STATE: usize = memory.data(104, 8);

/** Area that is being hashed, -1 for none; bytes of it that are. */
let area: i32 = -1;
let hashed: u32 = 0;

/** Begin anew with the next step. */
export function verifyReset(): void {
  area = -1;
}

/**
 * A step of hashing the application that shall run.
 * @returns 1: call again; Status.Ok; negative: another application shall run now, or none:
 *   Status.ApplicationInvalid (it was given up), Status.UpdateStorage (it cannot be read),
 *   Status.NotFound, Status.ApplicationDisabled
 */
export function verifyStep(): i32 {
  const runnable = runnableArea();
  if (runnable < 0) return runnable;
  if (area != runnable) {
    area = runnable;
    hashed = 0;
    sha256Init(STATE);
  }
  const size = areaEntry(area).length;
  const length = min(size - hashed, <u32>UPDATE_STEP);
  if (!areaHash(STATE, 0, area, hashed, length)) {
    verifyReset();
    skipApplication();
    return Status.UpdateStorage;
  }
  hashed += length;
  if (hashed < size) return 1;
  verifyReset();
  sha256Final(STATE, STATE);
  if (equalBytes(STATE, areaFileHash(runnable), SHA256_SIZE)) return Status.Ok;
  giveUpApplication(Status.ApplicationInvalid);
  dropApplicationChange();
  return Status.ApplicationInvalid;
}
