// What the device tells the cloud of its updates and of its application, as events with the names
// that Device OS has for them. They go through the publish queue; one that finds no room is
// lost, but for that of a roll-back, for which the caller tries again.

import { allowSystemNames } from "../cloud/publisher";
import { ContentFormat } from "../cloud/protocol";
import { FORCED_NAME, FORCED_NAME_LENGTH } from "../cloud/update-flags";
import { NO_TTL, PublishOption } from "../queue/numbers";
import { enqueue } from "../queue/queue";

/** Texts one after the other; `Text` has where each begins. */
const enum Text {
  /** "spark/flash/status" */
  FlashStatus = 0,
  FlashStatusLength = 18,
  /** "spark/device/update/rollback" */
  Rollback = 18,
  RollbackLength = 28,
  /** "particle/device/updates/enabled" */
  Enabled = 46,
  EnabledLength = 31,
  /** "particle/device/updates/pending" */
  Pending = 77,
  PendingLength = 31,
  /** "started" */
  Started = 108,
  /** "success" */
  Success = 115,
  OutcomeLength = 7,
  /** "failed " */
  Failed = 122,
  /** "true" */
  True = 129,
  TrueLength = 4,
  /** "false" */
  False = 133,
  FalseLength = 5,
  /** '{"version":' */
  Version = 138,
  VersionLength = 11,
  /** ',"reason":' */
  Reason = 149,
  ReasonLength = 10,
}

// @ts-ignore: decorator
@lazy
const TEXTS: usize = memory.data<u8>([
  0x73, 0x70, 0x61, 0x72, 0x6b, 0x2f, 0x66, 0x6c, 0x61, 0x73, 0x68, 0x2f, 0x73, 0x74, 0x61, 0x74,
  0x75, 0x73, 0x73, 0x70, 0x61, 0x72, 0x6b, 0x2f, 0x64, 0x65, 0x76, 0x69, 0x63, 0x65, 0x2f, 0x75,
  0x70, 0x64, 0x61, 0x74, 0x65, 0x2f, 0x72, 0x6f, 0x6c, 0x6c, 0x62, 0x61, 0x63, 0x6b, 0x70, 0x61,
  0x72, 0x74, 0x69, 0x63, 0x6c, 0x65, 0x2f, 0x64, 0x65, 0x76, 0x69, 0x63, 0x65, 0x2f, 0x75, 0x70,
  0x64, 0x61, 0x74, 0x65, 0x73, 0x2f, 0x65, 0x6e, 0x61, 0x62, 0x6c, 0x65, 0x64, 0x70, 0x61, 0x72,
  0x74, 0x69, 0x63, 0x6c, 0x65, 0x2f, 0x64, 0x65, 0x76, 0x69, 0x63, 0x65, 0x2f, 0x75, 0x70, 0x64,
  0x61, 0x74, 0x65, 0x73, 0x2f, 0x70, 0x65, 0x6e, 0x64, 0x69, 0x6e, 0x67, 0x73, 0x74, 0x61, 0x72,
  0x74, 0x65, 0x64, 0x73, 0x75, 0x63, 0x63, 0x65, 0x73, 0x73, 0x66, 0x61, 0x69, 0x6c, 0x65, 0x64,
  0x20, 0x74, 0x72, 0x75, 0x65, 0x66, 0x61, 0x6c, 0x73, 0x65, 0x7b, 0x22, 0x76, 0x65, 0x72, 0x73,
  0x69, 0x6f, 0x6e, 0x22, 0x3a, 0x2c, 0x22, 0x72, 0x65, 0x61, 0x73, 0x6f, 0x6e, 0x22, 0x3a,
]);
/** The data of a notice: the longest is 11 + 10 + 10 + 11 + 1 bytes. */
// @ts-ignore: decorator
@lazy
const DATA: usize = memory.data(48, 4);
const DIGITS: i32 = 10;

let length: i32 = 0;

function put(text: i32, count: i32): void {
  memory.copy(DATA + length, TEXTS + text, count);
  length += count;
}

function putByte(byte: u32): void {
  store<u8>(DATA + length, byte);
  length += 1;
}

/** A number without sign, in decimal. */
function putNumber(value: u32): void {
  let divisor: u32 = 1;
  for (let i = 1; i < DIGITS && value / divisor >= 10; i++) divisor *= 10;
  for (; divisor; divisor /= 10) putByte(0x30 + ((value / divisor) % 10));
}

/** A negative number. */
function putStatus(status: i32): void {
  putByte(0x2d);
  putNumber(-status);
}

/** Publish what was put. @param options PublishOption bits beside the usual @returns as `enqueue` */
function send(name: usize, nameLength: i32, options: u32): i32 {
  const bits = PublishOption.Acknowledged | PublishOption.Untold | options;
  const text = ContentFormat.Text;
  allowSystemNames(true);
  const status = enqueue(name, nameLength, DATA, length, text, NO_TTL, bits);
  allowSystemNames(false);
  length = 0;
  return status;
}

export function noticeStarted(): void {
  put(Text.Started, Text.OutcomeLength);
  send(TEXTS + Text.FlashStatus, Text.FlashStatusLength, 0);
}

/** An update ended. @param status Status.Ok, or why it failed */
export function noticeEnded(status: i32): void {
  put(status < 0 ? Text.Failed : Text.Success, Text.OutcomeLength);
  if (status < 0) putStatus(status);
  send(TEXTS + Text.FlashStatus, Text.FlashStatusLength, 0);
}

/**
 * An application was given up, and another one runs, or none.
 * @param reason Status; Ok: as asked
 * @returns Status.NoSpace when the queue is full, as after a flood: try again; else of no matter
 */
export function noticeRollback(version: u32, reason: i32): i32 {
  put(Text.Version, Text.VersionLength);
  putNumber(version);
  put(Text.Reason, Text.ReasonLength);
  if (reason < 0) putStatus(reason);
  else putNumber(reason);
  putByte(0x7d);
  return send(TEXTS + Text.Rollback, Text.RollbackLength, 0);
}

function putFlag(value: bool): void {
  if (value) put(Text.True, Text.TrueLength);
  else put(Text.False, Text.FalseLength);
}

export function noticeEnabled(value: bool): void {
  putFlag(value);
  send(TEXTS + Text.Enabled, Text.EnabledLength, PublishOption.Coalesced);
}

export function noticeForced(value: bool): void {
  putFlag(value);
  send(FORCED_NAME, FORCED_NAME_LENGTH, PublishOption.Coalesced);
}

export function noticePending(value: bool): void {
  putFlag(value);
  send(TEXTS + Text.Pending, Text.PendingLength, PublishOption.Coalesced);
}
