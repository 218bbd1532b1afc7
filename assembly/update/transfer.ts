// OTA protocol v3 (over UDP): S begins an update, C brings a chunk, F ends it; A acknowledges chunks.
// What is wrong with a message costs that message, at most the update: it is answered 5.03 with a
// diagnosis or RST. DEVIATION(Device OS: it drops the connection).

import {
  decodeMessage,
  encodeByteOption,
  encodeEnd,
  encodeMessage,
  encodePayloadMarker,
  encodeUintOption,
  messageId,
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
  messageType,
} from "../coap/message";
import { inboxReceive, inboxReply } from "../coap/inbox";
import { outboxTakeId } from "../coap/outbox";
import { Code, MessageType, Option } from "../coap/protocol";
import {
  CHUNK_MAX,
  CHUNK_MIN,
  UPDATE_ACK_CHUNKS,
  UPDATE_ACK_DELAY,
  UPDATE_WINDOW,
  UPDATE_WINDOW_BYTES,
} from "../config";
import { Status } from "../status";
import { earlier, isDue, untilDue } from "../util/clock";
import {
  HANDLE_ACCEPTED,
  answerAccepted,
  answerCode,
  answerReady,
  answerRefused,
  answerTo,
  answersReset,
  replyAgain,
  replyPoll,
  replyRefused,
  replyTo,
} from "./answers";
import {
  ChunkFate,
  chunksAreComplete,
  chunksHaveGap,
  chunksInSequence,
  chunksTotal,
  chunksWriteBitmap,
} from "./chunks";
import {
  optionAckInterval,
  optionChunkIndex,
  optionChunkSize,
  optionFileHash,
  optionFileSize,
  optionIsSet,
  optionModuleFunction,
  optionsAreMalformed,
  optionsAreUnknown,
  readUpdateOptions,
} from "./options";
import { UpdateOption, UpdateResource } from "./protocol";
import {
  Outcome,
  chunkLength,
  countAck,
  currentOutcome,
  currentWindow,
  heldBefore,
  isPreparing,
  isRefused,
  outcomeTold,
  receiverApply,
  receiverBegin,
  receiverCancel,
  receiverFinish,
  receiverHandleTimeout,
  receiverPollTimeout,
  receiverReset,
  receiverTake,
  refusal,
} from "./receiver";

/** Message id of the chunk that is to be answered with RST; -1 none. */
let resetId: i32 = -1;
/** Message id of the chunk that came last, and when. */
let chunkId: u32 = 0;
let chunkAt: u32 = 0;
/** Whether an acknowledgement is to go out now; else one is due at `ackAt` if chunks wait for it. */
let isAckAsked: bool = false;
let unacked: u32 = 0;
let ackAt: u32 = 0;
/** Chunks that one acknowledgement is for, as the sender wants it; 0: the original's timing. */
let ackInterval: u32 = 0;

/** Forget what is to be sent. */
function transferReset(): void {
  resetId = -1;
  isAckAsked = false;
  unacked = 0;
}

/** The session is gone, and with it the transfer: the server begins another, which goes on in it. */
export function transferEnd(): void {
  transferReset();
  answersReset();
  receiverReset(Status.Aborted);
}

// ---- input ----------------------------------------------------------------------------------

/**
 * Handle a message of the server if it is for an update.
 * @param message [in] `length` bytes; chunks are stored from there
 * @returns whether it was
 */
export function transferHandle(message: usize, length: i32, now: u32): bool {
  if (length < 4 || load<u8>(message + 1) != Code.Post) return false;
  if (decodeMessage(message, length) < 0) return false;
  const type = messageType();
  if (type != MessageType.Confirmable && type != MessageType.NonConfirmable) return false;
  const resource = readUpdateOptions();
  if (resource == UpdateResource.Chunk) handleChunk(type == MessageType.Confirmable, now);
  else if (resource != UpdateResource.Start && resource != UpdateResource.Finish) return false;
  else if (type == MessageType.NonConfirmable) refuseNonConfirmable();
  else if (!inboxReceive(messageId(), now)) replyAgain();
  else if (isAcceptable(now)) {
    if (resource == UpdateResource.Start) handleStart(now);
    else handleFinish(now);
  }
  return true;
}

/** S and F must be confirmable: a diagnosis for those with a token, RST for others. */
function refuseNonConfirmable(): void {
  if (messageTokenLength() == 0) {
    resetId = messageId();
    return;
  }
  replyTo();
  replyRefused(Status.InvalidArgument);
}

/** Whether S or F has a token and good options; if not, it is refused. */
function isAcceptable(now: u32): bool {
  const length = messageTokenLength();
  if (optionsAreUnknown()) {
    // RFC 7252 §5.4.1: a critical option that is not understood.
    const ack = MessageType.Acknowledgement;
    inboxReply(messageId(), ack, Code.BadOption, messageToken(), length, now);
    return false;
  }
  if (length > 0 && !optionsAreMalformed()) return true;
  refuseAtOnce();
  return false;
}

function refuseAtOnce(): void {
  replyTo();
  replyRefused(Status.InvalidArgument);
}

/** An answer follows separately: acknowledge. */
function acknowledge(now: u32): void {
  inboxReply(messageId(), MessageType.Acknowledgement, Code.Empty, 0, 0, now);
  answerTo();
}

function handleStart(now: u32): void {
  const chunk = optionChunkSize();
  const isChunkSize = chunk >= <u32>CHUNK_MIN && chunk <= <u32>CHUNK_MAX && (chunk & 3) == 0;
  if (!isChunkSize || optionFileSize() == 0) {
    refuseAtOnce();
    return;
  }
  acknowledge(now);
  transferReset();
  ackInterval = optionAckInterval();
  receiverBegin(
    optionModuleFunction(),
    optionFileSize(),
    optionFileHash(),
    optionIsSet(UpdateOption.DiscardData),
    chunk,
    min(<u32>UPDATE_WINDOW_BYTES / chunk, <u32>UPDATE_WINDOW),
    now,
  );
}

function handleFinish(now: u32): void {
  acknowledge(now);
  transferReset();
  const discard = optionIsSet(UpdateOption.DiscardData);
  if (optionIsSet(UpdateOption.CancelUpdate)) receiverCancel(discard);
  else receiverFinish(discard, now);
}

/** A chunk: not confirmable, or acknowledged as any request. No inbox entry is spent on the former. */
function handleChunk(isConfirmable: bool, now: u32): void {
  const id = messageId();
  if (isConfirmable && !inboxReceive(id, now)) return;
  // Before the transfer begins, chunks can be late ones of another only.
  const isTaken = isPreparing() || takeChunk(now);
  if (isConfirmable) {
    const type = isTaken ? MessageType.Acknowledgement : MessageType.Reset;
    inboxReply(id, type, Code.Empty, 0, 0, now);
  } else if (!isTaken) {
    resetId = id;
  }
}

/** @returns whether it is a chunk of the update that runs */
function takeChunk(now: u32): bool {
  const number = optionChunkIndex();
  if (optionsAreMalformed() || optionsAreUnknown() || number == 0) return false;
  const index = number - 1;
  const length = <u32>messagePayloadLength();
  if (length == 0 || length != chunkLength(index)) return false;
  const hadGap = chunksHaveGap();
  const fate = receiverTake(index, messagePayload(), now);
  if (fate < 0) {
    transferReset();
    return false;
  }
  const isLate = <i32>(now - chunkAt) >= UPDATE_ACK_DELAY;
  chunkId = messageId();
  chunkAt = now;
  unacked += 1;
  let isUrgent = fate == ChunkFate.Duplicate || number == chunksTotal() || chunksAreComplete();
  if (ackInterval) isUrgent = isUrgent || unacked >= ackInterval;
  else {
    isUrgent = isUrgent || hadGap || chunksHaveGap() || fate == ChunkFate.Beyond;
    isUrgent = isUrgent || unacked >= <u32>UPDATE_ACK_CHUNKS || isLate;
  }
  if (isUrgent) isAckAsked = true;
  ackAt = now + UPDATE_ACK_DELAY;
  return true;
}

/** An answer of ours has ended. @param status Status.Ok when it was acknowledged */
export function transferDone(handle: i32, status: i32, now: u32): void {
  if (handle == HANDLE_ACCEPTED && status == Status.Ok) receiverApply(now);
}

// ---- time -----------------------------------------------------------------------------------

/** @returns ms until `transferHandleTimeout` is due; 0 now; -1 never */
export function transferPollTimeout(now: u32): i32 {
  const wait = receiverPollTimeout(now);
  return unacked && !isAckAsked ? earlier(wait, untilDue(ackAt, now)) : wait;
}

/** Do what is due at `now`: one step of work at most. */
export function transferHandleTimeout(now: u32): void {
  if (unacked && isDue(ackAt, now)) isAckAsked = true;
  const wasRefused = isRefused();
  receiverHandleTimeout(now);
  if (wasRefused || !isRefused()) return;
  transferReset();
  // Nothing else tells a sender that is still sending.
  const isSending = currentOutcome() == Outcome.None && refusal() != Status.UpdateTimeout;
  if (isSending) resetId = chunkId;
}

// ---- output ---------------------------------------------------------------------------------

/**
 * Encode what is to be sent now, and put answers into the outbox.
 * @param output [out] `capacity` bytes
 * @returns bytes of a message; 0 when there is none
 */
export function transferPoll(output: usize, capacity: i32): i32 {
  answer();
  const size = replyPoll(output, capacity);
  if (size > 0) return size;
  if (resetId >= 0) {
    encodeMessage(output, capacity, MessageType.Reset, Code.Empty, resetId, 0, 0);
    resetId = -1;
    return encodeEnd();
  }
  if (!isAckAsked) return 0;
  isAckAsked = false;
  unacked = 0;
  countAck();
  return encodeAck(output, capacity);
}

/** Put the answer that waits into the outbox, if it has room. */
function answer(): void {
  const outcome = currentOutcome();
  if (outcome == Outcome.None) return;
  let status: i32;
  if (outcome == Outcome.Ready) status = answerReady(currentWindow(), heldBefore());
  else if (outcome == Outcome.Accepted) status = answerAccepted();
  else if (outcome == Outcome.Cancelled) status = answerCode(Code.Changed);
  else status = answerRefused(refusal());
  if (status == Status.Ok) outcomeTold();
}

/** A, not confirmable: chunks in sequence, and a bitmap of those after the first missing one. */
function encodeAck(output: usize, capacity: i32): i32 {
  const type = MessageType.NonConfirmable;
  encodeMessage(output, capacity, type, Code.Post, outboxTakeId(), 0, 0);
  encodeByteOption(Option.UriPath, UpdateResource.Ack);
  encodeUintOption(UpdateOption.ChunkIndex, chunksInSequence());
  if (chunksHaveGap()) {
    encodePayloadMarker();
    chunksWriteBitmap();
  }
  return max(encodeEnd(), 0);
}
