// Whether what a verified manifest describes may come now: what the device allows, what it runs, and
// what it has obeyed already.

import { getProductVersion } from "../cloud/identity";
import { Status } from "../status";
import { activeVersion, formerArea, hasActive } from "./apply";
import { ImageArea, NO_AREA, areaCapacity } from "./area";
import { journal } from "./journal";
import { ImageKind, manifestIsForced, manifestKind, manifestVersion } from "./manifest";
import { updatesAllowed } from "./permission";

/** Version of the native firmware: what the host says, else what was staged last. */
function firmwareVersion(): u32 {
  return getProductVersion() ? getProductVersion() : journal().firmwareVersion;
}

function admitImage(isNewer: bool): i32 {
  if (manifestIsForced()) return Status.Ok;
  if (!updatesAllowed()) return Status.UpdateDisabled;
  return isNewer ? Status.Ok : Status.UpdateNotNewer;
}

/** @param area where the file is; NO_AREA: in RAM */
function admitApplication(area: i32): i32 {
  if (area == ImageArea.Firmware) return Status.NotSupported;
  if (journal().probation) return Status.UpdateBusy;
  return admitImage(!hasActive() || manifestVersion() > activeVersion());
}

function admitFirmware(area: i32): i32 {
  if (area != ImageArea.Firmware) return Status.NotSupported;
  return admitImage(manifestVersion() > firmwareVersion());
}

function admitCommand(): i32 {
  if (manifestVersion() <= journal().sequence) return Status.UpdateReplayed;
  if (manifestKind() != ImageKind.Rollback) return Status.Ok;
  return formerArea() == NO_AREA ? Status.NotFound : Status.Ok;
}

/**
 * Judge the manifest, which is signed.
 * @returns Status.Ok; Status.NotSupported: it was announced as something else; Status.UpdateBusy;
 *   Status.UpdateDisabled; Status.UpdateNotNewer; Status.UpdateReplayed; Status.NotFound: there is
 *   nothing to roll back to
 */
export function admit(area: i32): i32 {
  const kind = manifestKind();
  if (kind == ImageKind.Application) return admitApplication(area);
  return kind == ImageKind.Firmware ? admitFirmware(area) : admitCommand();
}

/**
 * Judge an update by what is announced.
 * @param area where it would go @param size bytes
 * @returns Status.Ok; Status.NotSupported; Status.UpdateDisabled; Status.UpdateTooLarge;
 *   Status.UpdateBusy
 */
export function admitSize(area: i32, size: u32): i32 {
  const capacity = areaCapacity(area);
  if (!capacity) return Status.NotSupported;
  if (!updatesAllowed()) return Status.UpdateDisabled;
  if (size > capacity) return Status.UpdateTooLarge;
  return area != ImageArea.Firmware && journal().probation ? Status.UpdateBusy : Status.Ok;
}
