// What the device answers in an update: results with a JSON payload. Answers to requests that were
// acknowledged go through the outbox, as confirmable messages; one reply with a diagnosis (to a
// request that is refused at once) waits here, since replies of the inbox have no payload.

import {
  encodeEnd,
  encodeMessage,
  encodePayloadMarker,
  encodeUintOption,
  messageId,
  messageToken,
  messageTokenLength,
  messageType,
} from "../coap/message";
import {
  Purpose,
  outboxAbort,
  outboxCapacity,
  outboxCommit,
  outboxSpace,
  outboxTakeId,
} from "../coap/outbox";
import { Code, MAX_TOKEN_LENGTH, MessageType } from "../coap/protocol";
import { answerType } from "../coap/reliability";
import { Status } from "../status";
import { writeU8 } from "../util/writer";
import { UpdateOption } from "./protocol";
import { Figure, figure } from "./receiver";
import { Text, writeDecimal, writeText } from "./texts";

/** System error codes of Device OS (services/inc/system_error.h), as its cloud knows them. */
const enum SystemError {
  UpdatesDisabled = -1380,
  UpdateTooLarge = -1351,
  InvalidArgument = -270,
  Protocol = -240,
  Io = -220,
  InvalidState = -210,
  Timeout = -160,
  NotSupported = -120,
}

/** Code that a refusal has on the wire: a system error where there is one, else the Status. */
function wireCode(status: i32): i32 {
  switch (status) {
    case Status.UpdateDisabled:
      return SystemError.UpdatesDisabled;
    case Status.UpdateTooLarge:
      return SystemError.UpdateTooLarge;
    case Status.InvalidState:
      return SystemError.InvalidState;
    case Status.InvalidArgument:
    case Status.UpdateTruncated:
      return SystemError.Protocol;
    case Status.UpdateTimeout:
      return SystemError.Timeout;
    case Status.UpdateStorage:
      return SystemError.Io;
    case Status.NotSupported:
      return SystemError.NotSupported;
    default:
      return status;
  }
}

function nameOf(status: i32): i32 {
  if (status <= Status.UpdateDisabled && status >= Status.UpdateReplayed) {
    return Text.UpdateDisabled + (Status.UpdateDisabled - status);
  }
  if (status == Status.InvalidState) return Text.InvalidState;
  return status == Status.InvalidArgument ? Text.InvalidOptions : Text.Refused;
}

/** Append `{"code":c,"message":"text"}` to the message that is being encoded. */
function encodeDiagnosis(status: i32): void {
  encodePayloadMarker();
  writeText(Text.Code);
  writeU8(0x2d); // every code is negative
  writeDecimal(-wireCode(status));
  writeText(Text.Message);
  writeText(nameOf(status));
  writeText(Text.End);
}

/** Append the figures of the update. */
function encodeStatistics(): void {
  encodePayloadMarker();
  writeText(Text.Received);
  writeDecimal(figure(Figure.Received));
  writeText(Text.Duplicates);
  writeDecimal(figure(Figure.Duplicates));
  writeText(Text.OutOfOrder);
  writeDecimal(figure(Figure.OutOfOrder));
  writeText(Text.Acks);
  writeDecimal(figure(Figure.Acks));
  writeText(Text.Time);
  writeDecimal(figure(Figure.Time));
  writeText(Text.Brace);
}

// ---- separate answers ------------------------------------------------------------------------

/** Handle of the answer after which the update is applied, and of all others. */
export const HANDLE_ACCEPTED: i32 = 1;
const HANDLE_OTHER: i32 = 0;

/** Token of the request that the next separate answer is for. */
// @ts-ignore: decorator
@lazy
const TOKEN: usize = memory.data(8, 4);
let tokenLength: i32 = 0;

/** Answer the decoded request separately; answers to earlier ones are given up. */
export function answerTo(): void {
  outboxAbort(Purpose.Update, Status.Aborted);
  tokenLength = messageTokenLength();
  memory.copy(TOKEN, messageToken(), tokenLength);
}

function open(code: i32): void {
  const type = answerType();
  encodeMessage(outboxSpace(), outboxCapacity(), type, code, 0, TOKEN, tokenLength);
}

/** 2.01: chunks may come. @param window chunks @param held bytes @returns Status.Ok; Status.NoSpace */
export function answerReady(window: u32, held: u32): i32 {
  open(Code.Created);
  encodeUintOption(UpdateOption.WindowSize, window);
  encodeUintOption(UpdateOption.FileSize, held);
  return outboxCommit(Purpose.Update, HANDLE_OTHER, encodeEnd());
}

/** 2.04 with figures: the file is accepted. @returns Status.Ok; Status.NoSpace */
export function answerAccepted(): i32 {
  open(Code.Changed);
  encodeStatistics();
  return outboxCommit(Purpose.Update, HANDLE_ACCEPTED, encodeEnd());
}

/** An answer without payload. @returns Status.Ok; Status.NoSpace */
export function answerCode(code: i32): i32 {
  open(code);
  return outboxCommit(Purpose.Update, HANDLE_OTHER, encodeEnd());
}

/** 2.04 with one byte, over TCP: chunks may come. @returns Status.Ok; Status.NoSpace */
export function answerFlags(flags: u32): i32 {
  open(Code.Changed);
  encodePayloadMarker();
  writeU8(flags);
  return outboxCommit(Purpose.Update, HANDLE_OTHER, encodeEnd());
}

/** 5.03 with a diagnosis. @returns Status.Ok; Status.NoSpace */
export function answerRefused(status: i32): i32 {
  open(Code.ServiceUnavailable);
  encodeDiagnosis(status);
  return outboxCommit(Purpose.Update, HANDLE_OTHER, encodeEnd());
}

// ---- the reply with a diagnosis --------------------------------------------------------------

/** What the reply says; `Accepted` is over TCP, where it ends the update. */
export const enum Reply {
  None = 0,
  Accepted = 1,
  Refused = 2,
}

let reply: i32 = Reply.None;
let isReplyDue: bool = false;
let replyStatus: i32 = 0;
let replyType: i32 = MessageType.Acknowledgement;
let replyId: u32 = 0;
// @ts-ignore: decorator
@lazy
const REPLY_TOKEN: usize = memory.data(8, 4);
let replyTokenLength: i32 = 0;

/** Remember the decoded request for `replyAccepted` or `replyRefused`. */
export function replyTo(): void {
  const isConfirmable = messageType() == MessageType.Confirmable;
  replyType = isConfirmable ? MessageType.Acknowledgement : MessageType.NonConfirmable;
  replyId = messageId();
  replyTokenLength = min(messageTokenLength(), MAX_TOKEN_LENGTH);
  memory.copy(REPLY_TOKEN, messageToken(), replyTokenLength);
  isReplyDue = false;
  reply = Reply.None;
}

/** Reply 2.04 with the figures of the update. */
export function replyAccepted(): void {
  reply = Reply.Accepted;
  isReplyDue = true;
}

/** Reply 5.03 with a diagnosis. */
export function replyRefused(status: i32): void {
  reply = Reply.Refused;
  replyStatus = status;
  isReplyDue = true;
}

/** The decoded request was received before: reply again, if this one got the reply. */
export function replyAgain(): void {
  if (reply != Reply.None && messageId() == replyId) isReplyDue = true;
}

/** Whether a reply waits. */
export function replyIsDue(): bool {
  return isReplyDue;
}

/**
 * Encode the reply that waits.
 * @param output [out] `capacity` bytes
 * @returns its bytes, 160 at most; 0 when none waits
 */
export function replyPoll(output: usize, capacity: i32): i32 {
  if (!isReplyDue) return 0;
  isReplyDue = false;
  const isAccepted = reply == Reply.Accepted;
  const code: i32 = isAccepted ? Code.Changed : Code.ServiceUnavailable;
  // An ACK has the request's id, a message of our own another.
  const id = replyType == MessageType.Acknowledgement ? replyId : outboxTakeId();
  encodeMessage(output, capacity, replyType, code, id, REPLY_TOKEN, replyTokenLength);
  if (isAccepted) encodeStatistics();
  else encodeDiagnosis(replyStatus);
  return max(encodeEnd(), 0);
}

/** Forget the reply, and give up answers. */
export function answersReset(): void {
  outboxAbort(Purpose.Update, Status.Aborted);
  isReplyDue = false;
  reply = Reply.None;
}
