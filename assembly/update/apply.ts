// What is done with an image or a command that was accepted: the journal says what runs from now on.
// All of it is one write each: a power cut leaves the device as before, or as after it.

import { EventKind, pushEvent } from "../events";
import { Status } from "../status";
import { NO_AREA } from "./area";
import { AreaStatus, areaEntry, journal, journalKeys, journalRevert, journalSave } from "./journal";
import { UPDATE_KEY_SIZE } from "./keys";
import {
  ImageKind,
  manifestKeyCount,
  manifestKeys,
  manifestKind,
  manifestVersion,
} from "./manifest";
import { gateIsOpen, permitUpdates, setGate } from "./permission";

/** Whether the host is still to be told what runs; and why the former application was stopped. */
let isChanged: bool = false;
let changeReason: i32 = 0;
/** Whether what the areas hold is another than was told last. */
let isMoved: bool = true;
/** Applications that could not be read since the start, as bits by area. */
let unreadable: u32 = 0;
/** Version of the application that was given up last, for the notice of it; whether one is due. */
let failedVersion: u32 = 0;
let failedReason: i32 = 0;
let isFailureNew: bool = false;

// ---- what runs ------------------------------------------------------------------------------

function isReady(area: i32): bool {
  return area != NO_AREA && areaEntry(area).status == AreaStatus.Ready;
}

/** @returns area of the application that shall run; Status.NotFound; Status.ApplicationDisabled */
export function runnableArea(): i32 {
  const area = <i32>journal().active;
  if (!isReady(area) || (unreadable >>> area) & 1) return Status.NotFound;
  return journal().disabled ? Status.ApplicationDisabled : area;
}

/** Whether there is an application, be it switched off. */
export function hasActive(): bool {
  return isReady(journal().active);
}

/** Version of the active application; 0 when there is none. */
export function activeVersion(): u32 {
  const area = <i32>journal().active;
  return isReady(area) ? areaEntry(area).version : 0;
}

/** Area of the application of before, which may run instead of the active one; NO_AREA. */
export function formerArea(): i32 {
  const active = <i32>journal().active;
  if (active == NO_AREA) return NO_AREA;
  const former = 1 - active;
  return isReady(former) && former != <i32>journal().pending ? former : NO_AREA;
}

/** Its version; 0 when there is none. */
export function formerVersion(): u32 {
  const area = formerArea();
  return area == NO_AREA ? 0 : areaEntry(area).version;
}

/** Area that an application may be written to: not the active one. */
export function spareArea(): i32 {
  return journal().active == 0 ? 1 : 0;
}

/** The host shall run what the journal says. @param reason Status.Ok for a new application */
function change(reason: i32): void {
  isChanged = true;
  changeReason = reason;
  permitUpdates(true);
  setGate(true);
}

/** The host shall start the same application again. @param reason why it was stopped */
export function restartApplication(reason: i32): void {
  change(reason);
}

/** The host asks by itself: no event. */
export function dropApplicationChange(): void {
  isChanged = false;
}

/**
 * Take the ApplicationChange event when one is due.
 * @param output [out] EVENT_SIZE bytes, zero
 * @returns whether there is one
 */
export function takeApplicationChange(output: usize): bool {
  if (!isChanged) return false;
  isChanged = false;
  const area = runnableArea();
  store<i32>(output, EventKind.ApplicationChange);
  store<i32>(output, max(area, -1), 4);
  store<i32>(output, changeReason, 12);
  if (area < 0) return true;
  store<u32>(output, areaEntry(area).length, 8);
  store<u32>(output, areaEntry(area).version, 16);
  return true;
}

/** Whether other applications are in the areas since the last call. */
export function takeMove(): bool {
  const wasMoved = isMoved;
  isMoved = false;
  return wasMoved;
}

/** Whether an application was given up, and nobody has been told. */
export function hasFailure(): bool {
  return isFailureNew;
}

export function forgetFailure(): void {
  isFailureNew = false;
}

/** Its version. */
export function failedApplication(): u32 {
  return failedVersion;
}

/** Why it was given up: Status; Status.Ok when that was asked for. */
export function failureReason(): i32 {
  return failedReason;
}

function noteFailure(version: u32, reason: i32): void {
  failedVersion = version;
  failedReason = reason;
  isFailureNew = true;
}

// ---- changes --------------------------------------------------------------------------------

/** Write the journal, or take back what was changed. */
function commit(): i32 {
  const status = journalSave();
  if (status < 0) journalRevert();
  return status;
}

function makeActive(area: i32, probation: bool): void {
  const j = journal();
  j.active = <u8>area;
  j.pending = <u8>NO_AREA;
  j.probation = probation ? 1 : 0;
  j.starts = 0;
  j.lastStatus = Status.Ok;
  isMoved = true;
}

/** The area holds a new application: run it, on probation, or keep it until the gate is open. */
export function acceptApplication(area: i32): i32 {
  areaEntry(area).status = AreaStatus.Ready;
  journal().downloadSize = 0;
  isMoved = true;
  const isNow = gateIsOpen();
  if (isNow) makeActive(area, true);
  else journal().pending = <u8>area;
  const status = commit();
  if (status < 0) return status;
  if (isNow) change(Status.Ok);
  else pushEvent(EventKind.UpdatePending, areaEntry(area).version);
  return status;
}

/** Run the application that waits. @returns Status.Ok; Status.NotFound; Status.UpdateStorage */
export function applyPending(): i32 {
  const area = <i32>journal().pending;
  if (area == NO_AREA) return Status.NotFound;
  makeActive(area, true);
  const status = commit();
  if (status == Status.Ok) change(Status.Ok);
  return status;
}

/** The probation ended well. @returns Status.Ok; Status.UpdateStorage */
export function confirmApplication(): i32 {
  const j = journal();
  if (!j.probation) return Status.Ok;
  j.probation = 0;
  j.starts = 0;
  // What could not be written is tried again with the next start.
  return commit();
}

/**
 * Give the active application up for good and run the one of before, if there is one. Without storage
 * it is so until the next start.
 * @param reason Status
 */
export function giveUpApplication(reason: i32): void {
  const j = journal();
  const area = <i32>j.active;
  if (area == NO_AREA) return;
  const former = formerArea();
  noteFailure(areaEntry(area).version, reason);
  areaEntry(area).status = AreaStatus.Failed;
  makeActive(former, false);
  j.lastStatus = reason;
  journalSave();
  change(reason);
}

/** The active application cannot be read: none runs until the next start. */
export function skipApplication(): void {
  const area = <i32>journal().active;
  if (area != NO_AREA) unreadable |= 1 << area;
}

/** Go back to the application of before. @returns Status.Ok; Status.NotFound; Status.UpdateStorage */
export function rollBack(): i32 {
  const former = formerArea();
  if (former == NO_AREA) return Status.NotFound;
  const version = activeVersion();
  makeActive(former, false);
  const status = commit();
  if (status < 0) return status;
  noteFailure(version, Status.Ok);
  change(Status.Ok);
  return status;
}

/**
 * Obey a command of the manifest that was accepted.
 * @returns Status.Ok; Status.UpdateStorage; Status.NotFound: nothing to roll back to
 */
export function obey(): i32 {
  journal().sequence = manifestVersion();
  const kind = manifestKind();
  if (kind == ImageKind.Rollback) return rollBack();
  if (kind == ImageKind.Keys) return replaceKeys();
  return disableApplications(kind == ImageKind.Disable);
}

function replaceKeys(): i32 {
  journal().keyCount = <u8>manifestKeyCount();
  memory.copy(journalKeys(), manifestKeys(), manifestKeyCount() * UPDATE_KEY_SIZE);
  return commit();
}

/** The platform has new firmware. */
export function noteFirmware(version: u32): i32 {
  journal().firmwareVersion = version;
  journal().downloadSize = 0;
  return commit();
}

/** Switch applications off or on. @returns Status.Ok; Status.UpdateStorage */
export function disableApplications(isOff: bool): i32 {
  const isNew = (journal().disabled != 0) != isOff;
  journal().disabled = isOff ? 1 : 0;
  const status = commit();
  if (isNew && status == Status.Ok) change(isOff ? Status.ApplicationDisabled : Status.Ok);
  return status;
}
