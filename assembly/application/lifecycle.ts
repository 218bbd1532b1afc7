// The life of the application beside this core: it is started, watched on probation, started again
// after faults, given up. What runs is in the journal (update/apply.ts); here are the timers and the
// events. Nothing here touches the connection: an application that dies does not cost the session.
//
//   new application -> probation -> (30 s, and connected since its start) -> confirmed
//                          |
//                          +-> fault, three starts cut short, 5 min without connection -> the former
//   confirmed -> fault -> again after 1 s, 2 s, 4 s ... 64 s

import { ModuleStore, setLargestImage, setModule } from "../cloud/modules";
import { RegistryKind, registryCount, registryMark, registryTrim } from "../cloud/registry";
import { refuseCalls } from "../cloud/responses";
import { EVENT_SIZE, PROBATION, PROBATION_OFFLINE, PROBATION_STARTS } from "../config";
import { connectionState, deviceRegistryChanged } from "../connection";
import { ConnectionState, EventKind } from "../events";
import { queuePollEvent } from "../queue/delivery";
import { Status } from "../status";
import {
  applyPending,
  confirmApplication,
  dropApplicationChange,
  failedApplication,
  failureReason,
  forgetFailure,
  formerArea,
  giveUpApplication,
  hasActive,
  hasFailure,
  restartApplication,
  runnableArea,
  takeApplicationChange,
  takeMove,
} from "../update/apply";
import { ImageArea, NO_AREA, areaCapacity } from "../update/area";
import {
  areaEntry,
  areaFileHash,
  journal,
  journalIsOpen,
  journalLoad,
  journalSave,
} from "../update/journal";
import { verifyReset } from "../update/verify";
import { earlier, isDue, untilDue } from "../util/clock";
import { flagsPoll, flagsPollTimeout } from "./flags";
import { noticeEnded, noticeRollback, noticeStarted } from "./notices";

/** First and longest pause before an application that failed is started again, ms. */
const RESTART_MIN: i32 = 1000;
const RESTART_DOUBLINGS: i32 = 6;
/** An application that ran so long begins with the first pause again, ms. */
const RESTART_FORGET: u32 = 128000;

/** Whether the host runs the application, since when, and whether it was connected since. */
let isRunning: bool = false;
let beganAt: u32 = 0;
let wasConnected: bool = false;
/** When a probation that nothing speaks against ends. */
let confirmAt: u32 = 0;
/** Faults in a row; whether a start waits for its pause to end, and why. */
let faults: i32 = 0;
let isPausing: bool = false;
let restartAt: u32 = 0;
let restartReason: i32 = 0;
/** What the host itself had registered before the first application began; -1 before that. */
let mark: i32 = -1;
let hostFunctions: i32 = 0;
let hostVariables: i32 = 0;
/** Time of the last poll, ms. */
let lastNow: u32 = 0;

// ---- what the host says ---------------------------------------------------------------------

/**
 * Read the journal, and do what is done at a start: an update that waited is applied, an application
 * whose starts were all cut short is given up.
 * @returns 1 when there is an application to run; 0; Status.NotSupported without image areas
 */
export function openApplication(): i32 {
  if (!areaCapacity(ImageArea.ApplicationA) || !areaCapacity(ImageArea.ApplicationB)) {
    return Status.NotSupported;
  }
  journalLoad();
  verifyReset();
  if (journal().probation && <i32>journal().starts >= PROBATION_STARTS) {
    giveUpApplication(Status.ApplicationUnhealthy);
  }
  setLargestImage(areaCapacity(ImageArea.ApplicationA));
  // The gate that held it up was closed by an application that does not run.
  if (!journal().probation) applyPending();
  dropApplicationChange();
  takeMove();
  tellModules();
  return runnableArea() >= 0 ? 1 : 0;
}

/** Say in the description of the system which applications are here. */
function tellModules(): void {
  tellModule(ModuleStore.Main, hasActive() ? <i32>journal().active : NO_AREA);
  tellModule(ModuleStore.Backup, formerArea());
}

function tellModule(place: i32, area: i32): void {
  if (area == NO_AREA) setModule(place, 0, 0, 0);
  else setModule(place, areaEntry(area).version, areaEntry(area).length, areaFileHash(area));
}

/** An instance of the application is about to run `setup()`. @returns Status.Ok; as `runnableArea` */
export function beginApplication(now: u32): i32 {
  const area = runnableArea();
  if (area < 0) return area;
  if (mark < 0) markHost();
  stopApplication();
  if (registryTrim(mark)) deviceRegistryChanged(now);
  isRunning = true;
  isPausing = false;
  wasConnected = false;
  beganAt = now;
  confirmAt = now + PROBATION;
  if (!journal().probation) return Status.Ok;
  journal().starts += 1;
  // Without storage the starts of this boot are counted all the same.
  journalSave();
  return Status.Ok;
}

/** What is registered so far is the host's own. */
function markHost(): void {
  mark = registryMark();
  hostFunctions = registryCount(RegistryKind.Function);
  hostVariables = registryCount(RegistryKind.Variable);
}

/** Nobody answers the calls of an application that is gone. */
function stopApplication(): void {
  isRunning = false;
  if (mark >= 0) refuseCalls(hostFunctions, hostVariables);
}

/**
 * The application was stopped because of a fault; the host runs none until it is told.
 * @param status Status.ApplicationTrap, ApplicationTime, ApplicationFlood, ApplicationInvalid
 * @returns Status.Ok; Status.InvalidArgument; as `runnableArea`
 */
export function failApplication(status: i32, now: u32): i32 {
  if (status > Status.ApplicationTrap || status < Status.ApplicationInvalid) {
    return Status.InvalidArgument;
  }
  const area = runnableArea();
  if (area < 0) return area;
  const ranLong = isRunning && now - beganAt >= RESTART_FORGET;
  stopApplication();
  if (journal().probation) {
    giveUpApplication(status);
    return Status.Ok;
  }
  if (ranLong) faults = 0;
  restartAt = now + (RESTART_MIN << min(faults, RESTART_DOUBLINGS));
  faults += 1;
  isPausing = true;
  restartReason = status;
  return Status.Ok;
}

/** The application says that all is well. @returns Status.Ok; Status.NotFound; Status.UpdateStorage */
export function approveApplication(): i32 {
  return isRunning ? confirmApplication() : Status.NotFound;
}

/** @returns ms of probation that are left as of the last poll, 0 when it is over */
export function probationLeft(): i32 {
  if (!journal().probation) return 0;
  return isRunning ? max(untilDue(confirmAt, lastNow), 1) : PROBATION;
}

// ---- time -----------------------------------------------------------------------------------

function isWatched(): bool {
  return journalIsOpen() && isRunning && journal().probation != 0;
}

/** See what became of the connection, and tell what is to be told. Before each datagram. */
export function applicationPoll(now: u32): void {
  if (!journalIsOpen()) return;
  lastNow = now;
  if (connectionState() == ConnectionState.Connected) wasConnected = true;
  if (takeMove()) {
    tellModules();
    deviceRegistryChanged(now);
  }
  if (hasFailure()) tellFailure();
  flagsPoll(now);
}

function tellFailure(): void {
  if (noticeRollback(failedApplication(), failureReason()) != Status.NoSpace) forgetFailure();
}

/** Do what is due at `now`. */
export function applicationHandleTimeout(now: u32): void {
  if (!journalIsOpen()) return;
  if (isPausing && isDue(restartAt, now)) {
    isPausing = false;
    restartApplication(restartReason);
  }
  if (isWatched()) watch(now);
  flagsPoll(now);
}

function watch(now: u32): void {
  if (wasConnected) {
    if (!isDue(confirmAt, now)) return;
    // What storage does not take is tried again.
    if (confirmApplication() < 0) confirmAt = now + PROBATION;
  } else if (isDue(beganAt + PROBATION_OFFLINE, now)) {
    stopApplication();
    giveUpApplication(Status.ApplicationUnhealthy);
  }
}

/** @returns ms until `applicationHandleTimeout` is due; 0 now; -1 never */
export function applicationPollTimeout(now: u32): i32 {
  if (!journalIsOpen()) return -1;
  let wait = flagsPollTimeout(now);
  if (isPausing) wait = earlier(wait, untilDue(restartAt, now));
  if (!isWatched()) return wait;
  const end = wasConnected ? confirmAt : beganAt + PROBATION_OFFLINE;
  return earlier(wait, untilDue(end, now));
}

// ---- events ---------------------------------------------------------------------------------

/** Look at an event on its way to the host. */
function noteEvent(kind: i32, event: usize): void {
  if (kind == EventKind.UpdateStarted) noticeStarted();
  else if (kind == EventKind.UpdateEnded) noticeEnded(load<i32>(event, 4));
  // A device that goes to sleep as it should, connected, will not run for half a minute.
  else if (kind == EventKind.Sleep && isWatched() && wasConnected) confirmApplication();
}

/**
 * Take the next event.
 * @param output [out] EVENT_SIZE bytes
 * @returns its kind; EventKind.None
 */
export function applicationPollEvent(output: usize): i32 {
  const kind = queuePollEvent(output);
  if (kind != EventKind.None) {
    noteEvent(kind, output);
    return kind;
  }
  memory.fill(output, 0, EVENT_SIZE);
  if (!takeApplicationChange(output)) return EventKind.None;
  // What ran until now is to be ended by the host.
  stopApplication();
  isPausing = false;
  verifyReset();
  return EventKind.ApplicationChange;
}
