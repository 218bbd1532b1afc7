// The wasm exports of updates and of the application's life. The host drains after each, as after
// every input.

import { Status } from "../status";
import {
  activeVersion,
  applyPending,
  formerVersion,
  rollBack,
  runnableArea,
} from "../update/apply";
import { areaEntry, journal, journalIsOpen } from "../update/journal";
import { gateIsOpen, permitUpdates, setGate, updatesEnabled } from "../update/permission";
import { storeIsBusy, storeReceived, storeSize } from "../update/store";
import { verifyStep } from "../update/verify";
import { isUpdatePending } from "./flags";
import {
  approveApplication,
  beginApplication,
  failApplication,
  openApplication,
  probationLeft,
} from "./lifecycle";

// ---- the application ------------------------------------------------------------------------

/**
 * Read the journal; after `start`, before `connect`. An update that waited is applied.
 * @returns 1 when there is an application to run; 0 when not; Status.NotSupported without image areas
 */
export function update_open(_now: u32): i32 {
  return openApplication();
}

/** @returns image area of the application to run; Status.NotFound; Status.ApplicationDisabled */
export function application_image(): i32 {
  return journalIsOpen() ? runnableArea() : Status.NotFound;
}

/** @returns bytes of the file in that area; as `application_image` */
export function application_length(): i32 {
  const area = application_image();
  return area < 0 ? area : areaEntry(area).length;
}

/** @returns its version, 32 bits without sign; 0 when there is none */
export function application_version(): u32 {
  const area = application_image();
  return area < 0 ? 0 : areaEntry(area).version;
}

/** @returns Capability bits that its manifest grants; as `application_image` */
export function application_capabilities(): i32 {
  const area = application_image();
  return area < 0 ? area : areaEntry(area).capabilities;
}

/**
 * Hash the area again, UPDATE_STEP bytes a call, before the application is run.
 * @returns 1 call again; 0 it is what was verified; negative: it is not, or cannot be read, and
 *   `application_image` names another one now, or none
 */
export function application_verify(): i32 {
  return journalIsOpen() ? verifyStep() : Status.NotFound;
}

/**
 * A new instance is about to run `setup()`: functions, variables and subscriptions of the former one
 * are forgotten; those that the host had registered before the first stay.
 * @returns Status.Ok; as `application_image`
 */
export function application_begin(now: u32): i32 {
  return journalIsOpen() ? beginApplication(now) : Status.NotFound;
}

/**
 * The application was stopped because of a fault. On probation the former one takes its place at
 * once, else it is started again after a pause; ApplicationChange says when.
 * @param status Status.ApplicationTrap, ApplicationTime, ApplicationFlood, ApplicationInvalid
 * @returns Status.Ok; Status.InvalidArgument; as `application_image`
 */
export function application_fault(status: i32, now: u32): i32 {
  return journalIsOpen() ? failApplication(status, now) : Status.NotFound;
}

/** The application has seen that it is well. @returns Status.Ok; Status.NotFound; UpdateStorage */
export function application_healthy(_now: u32): i32 {
  return journalIsOpen() ? approveApplication() : Status.NotFound;
}

// ---- updates --------------------------------------------------------------------------------

/** Take updates, or refuse those that are not forced. @returns Status.Ok */
export function update_enable(enabled: i32, _now: u32): i32 {
  permitUpdates(enabled != 0);
  return Status.Ok;
}

/**
 * Open or close the gate: an update that is complete while it is closed waits until it is open, until
 * `update_apply`, or until the next start.
 * @returns Status.Ok; Status.UpdateStorage
 */
export function update_gate(open: i32): i32 {
  setGate(open != 0);
  if (!journalIsOpen() || !open || !isUpdatePending()) return Status.Ok;
  return applyPending();
}

/** Apply the update that waits. @returns Status.Ok; Status.NotFound; Status.UpdateStorage */
export function update_apply(_now: u32): i32 {
  return journalIsOpen() ? applyPending() : Status.NotFound;
}

/** Go back to the application of before. @returns Status.Ok; Status.NotFound; Status.UpdateStorage */
export function update_rollback(_now: u32): i32 {
  return journalIsOpen() ? rollBack() : Status.NotFound;
}

/** What `update_info` tells. */
const enum UpdateInfo {
  State = 0,
  RunningVersion = 1,
  FormerVersion = 2,
  LastStatus = 3,
  Received = 4,
  Size = 5,
  Enabled = 6,
  PendingVersion = 7,
  Probation = 8,
  GateOpen = 9,
}

/** Where updates stand. */
const enum UpdateState {
  Idle = 0,
  Receiving = 1,
  Pending = 2,
  Probation = 3,
}

function updateState(): i32 {
  if (storeIsBusy()) return UpdateState.Receiving;
  if (isUpdatePending()) return UpdateState.Pending;
  return journal().probation ? UpdateState.Probation : UpdateState.Idle;
}

/**
 * @param number 0 state (0 nothing, 1 receiving, 2 an update waits, 3 probation); 1, 2 versions of the
 *   application that runs and of the one before, 0 for none; 3 how the last update or application
 *   ended; 4, 5 bytes received in sequence, and of the file; 6 whether updates are taken; 7 version
 *   that waits, 0 for none; 8 ms of probation left; 9 whether the gate is open
 * @returns the figure; Status.NotFound
 */
export function update_info(number: i32): i32 {
  if (!journalIsOpen()) return Status.NotFound;
  switch (number) {
    case UpdateInfo.State:
      return updateState();
    case UpdateInfo.RunningVersion:
      return activeVersion();
    case UpdateInfo.FormerVersion:
      return formerVersion();
    case UpdateInfo.LastStatus:
      return journal().lastStatus;
    case UpdateInfo.Received:
      return storeReceived();
    case UpdateInfo.Size:
      return storeSize();
    case UpdateInfo.Enabled:
      return updatesEnabled() ? 1 : 0;
    case UpdateInfo.PendingVersion:
      return isUpdatePending() ? areaEntry(journal().pending).version : 0;
    case UpdateInfo.Probation:
      return probationLeft();
    case UpdateInfo.GateOpen:
      return gateIsOpen() ? 1 : 0;
    default:
      return Status.NotFound;
  }
}
