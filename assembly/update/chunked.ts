// Updates over TCP, as devices had them before OTA protocol v3: POST u begins, POST c brings a chunk
// with its CRC-32, PUT u ends. Fast: chunks carry their index and are not answered; those that are
// missing at the end are asked for. Slow: each is answered before the next comes. No hash is announced,
// so that nothing is resumed.

import {
  decodeMessage,
  encodeByteOption,
  encodeEnd,
  encodeMessage,
  encodePayloadMarker,
  messageCode,
  messageId,
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
  messageType,
  optionLength,
  optionNext,
  optionNumber,
  optionRewind,
  optionUint,
  optionValue,
} from "../coap/message";
import { inboxReceive, inboxReply } from "../coap/inbox";
import { outboxTakeId } from "../coap/outbox";
import { Code, MessageType, Option } from "../coap/protocol";
import { STREAM_CHUNK_MAX, STREAM_CHUNK_MIN, UPDATE_WINDOW } from "../config";
import { Status } from "../status";
import { loadU16, loadU32 } from "../util/bytes";
import { crc32 } from "../util/crc32";
import {
  answerCode,
  answerFlags,
  answerRefused,
  answerTo,
  replyAccepted,
  replyIsDue,
  replyPoll,
  replyRefused,
  replyTo,
} from "./answers";
import { chunksAreComplete, chunksInSequence, chunksWriteMissing } from "./chunks";
import { UpdateResource } from "./protocol";
import {
  Outcome,
  chunkLength,
  currentOutcome,
  fullChunkLength,
  isReceiving,
  outcomeTold,
  receiverApply,
  receiverBegin,
  receiverFinish,
  receiverTake,
  refusal,
} from "./receiver";

/** flags 1 | chunk size 2 | file size 4 | store 1 | address 4; the device knows a better address. */
const BEGIN_SIZE: i32 = 12;
const FLAG_FAST: u32 = 1;
/** Chunks that one message asks for. */
const MISSING_AT_ONCE: i32 = 40;
/** Chunks of one file: an index has 16 bits. */
const MOST_CHUNKS: u32 = 65536;

let isFast: bool = false;
/** Code of the answer to a chunk that waits for room in the outbox; 0 none. */
let chunkAnswer: i32 = 0;
let asksMissing: bool = false;
/** Whether PUT u waits for its reply, and whether that says that the file is accepted. */
let awaitsEnd: bool = false;
let isAccepted: bool = false;
/** Whether the reply is out, so that the update is to be applied. */
let applies: bool = false;

/** The connection is gone. */
export function chunkedEnd(): void {
  chunkAnswer = 0;
  asksMissing = false;
  awaitsEnd = false;
  isAccepted = false;
}

// ---- input ----------------------------------------------------------------------------------

/** Uri-Query options of the request: the first, CRC-32, and whether it is there; the second, index. */
let crc: u32 = 0;
let hasCrc: bool = false;
let index: u32 = 0;
let hasIndex: bool = false;

/** Read the options. @returns the one character of Uri-Path; 0 for another path, or unknown options */
function readOptions(): i32 {
  let resource = 0;
  let segments = 0;
  hasCrc = false;
  hasIndex = false;
  optionRewind();
  while (optionNext()) {
    const option = optionNumber();
    if (option == Option.UriPath) {
      resource = optionLength() == 1 ? <i32>load<u8>(optionValue()) : 0;
      segments += 1;
    } else if (option == Option.UriQuery) {
      takeQuery();
    } else if (option & 1) {
      return 0;
    }
  }
  return segments == 1 ? resource : 0;
}

function takeQuery(): void {
  if (!hasCrc) {
    crc = optionUint();
    hasCrc = optionLength() == 4;
  } else if (!hasIndex) {
    index = optionUint();
    hasIndex = optionLength() <= 4;
  }
}

/**
 * Handle a message of the server if it is for an update.
 * @param message [in] `length` bytes; chunks are stored from there
 * @returns whether it was
 */
export function chunkedHandle(message: usize, length: i32, now: u32): bool {
  if (decodeMessage(message, length) < 0) return false;
  const code = messageCode();
  const isRequest = code == Code.Post || code == Code.Put;
  if (!isRequest || messageType() != MessageType.Confirmable) return false;
  const resource = readOptions();
  if (resource == UpdateResource.StreamChunk && code == Code.Post) handleChunk(now);
  else if (resource != UpdateResource.StreamUpdate) return false;
  else if (code == Code.Post) handleBegin(now);
  else handleDone(now);
  return true;
}

function acknowledge(code: i32, now: u32): void {
  const type = MessageType.Acknowledgement;
  inboxReceive(messageId(), now);
  inboxReply(messageId(), type, code, messageToken(), messageTokenLength(), now);
}

function refuse(status: i32): void {
  replyTo();
  replyRefused(status);
}

function handleBegin(now: u32): void {
  const payload = messagePayload();
  if (messagePayloadLength() != BEGIN_SIZE) {
    refuse(Status.InvalidArgument);
    return;
  }
  const chunk = loadU16(payload + 1);
  const size = loadU32(payload + 3);
  const isChunkSize =
    chunk >= <u32>STREAM_CHUNK_MIN && chunk <= <u32>STREAM_CHUNK_MAX && (chunk & 3) == 0;
  if (!isChunkSize || size == 0 || size / chunk >= MOST_CHUNKS) {
    refuse(Status.InvalidArgument);
    return;
  }
  chunkedEnd();
  answerTo();
  isFast = (load<u8>(payload) & FLAG_FAST) != 0;
  receiverBegin(0, size, 0, false, chunk, UPDATE_WINDOW, now);
  if (currentOutcome() == Outcome.Refused) {
    outcomeTold();
    refuse(refusal());
  } else {
    acknowledge(Code.Empty, now);
  }
}

function handleChunk(now: u32): void {
  if (!isReceiving()) {
    refuse(refusal());
    return;
  }
  const length = <u32>messagePayloadLength();
  const at = hasIndex ? index : chunksInSequence();
  const content = chunkLength(at);
  // The last one may be filled up with zeros.
  const isWhole = length == content || length == fullChunkLength();
  if (!hasCrc || content == 0 || !isWhole) {
    refuse(Status.InvalidArgument);
    return;
  }
  const isGood = crc32(0, messagePayload(), <i32>length) == crc;
  if (isGood && receiverTake(at, messagePayload(), now) < 0) {
    refuse(refusal());
    return;
  }
  // A bad one of the fast variant is missing in the end.
  if (isFast) return;
  answerTo();
  acknowledge(Code.Empty, now);
  chunkAnswer = isGood ? Code.Changed : Code.BadRequest;
}

function handleDone(now: u32): void {
  if (isReceiving() && !chunksAreComplete()) {
    acknowledge(Code.BadRequest, now);
    asksMissing = true;
    return;
  }
  // The reply waits for the last checks.
  replyTo();
  awaitsEnd = true;
  receiverFinish(false, now);
}

// ---- time -----------------------------------------------------------------------------------

/** Whether there is something to do at once. */
export function chunkedHasWork(): bool {
  return applies;
}

/** Obey an update whose sender was told that it is accepted. */
export function chunkedHandleTimeout(now: u32): void {
  if (!applies) return;
  applies = false;
  receiverApply(now);
}

// ---- output ---------------------------------------------------------------------------------

/**
 * Encode what is to be sent now, and put answers into the outbox.
 * @param output [out] `capacity` bytes
 * @returns bytes of a message; 0 when there is none
 */
export function chunkedPoll(output: usize, capacity: i32): i32 {
  answer();
  if (replyIsDue()) {
    applies = applies || isAccepted;
    isAccepted = false;
    return replyPoll(output, capacity);
  }
  if (!asksMissing) return 0;
  asksMissing = false;
  const type = MessageType.NonConfirmable;
  encodeMessage(output, capacity, type, Code.Get, outboxTakeId(), 0, 0);
  encodeByteOption(Option.UriPath, UpdateResource.StreamChunk);
  encodePayloadMarker();
  chunksWriteMissing(MISSING_AT_ONCE);
  return max(encodeEnd(), 0);
}

/** Give the answer that waits, if there is room for it. */
function answer(): void {
  if (chunkAnswer && answerCode(chunkAnswer) == Status.Ok) chunkAnswer = 0;
  const outcome = currentOutcome();
  if (outcome == Outcome.None) return;
  if (outcome == Outcome.Ready) {
    if (answerFlags(isFast ? FLAG_FAST : 0) < 0) return;
  } else if (outcome == Outcome.Accepted) {
    replyAccepted();
    isAccepted = true;
  } else if (awaitsEnd) {
    replyRefused(refusal());
  } else if (answerRefused(refusal()) < 0) {
    return;
  }
  awaitsEnd = awaitsEnd && outcome == Outcome.Ready;
  outcomeTold();
}
