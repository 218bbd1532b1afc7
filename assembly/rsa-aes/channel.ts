// The TCP channel: what the layers above see. Bytes of the stream go in as they come, cut anywhere;
// messages come out one at a time. The server speaks first:
//
//   server                                   device
//   nonce, 40                          ->
//                                      <-    key message, 256: encrypted for the server
//   session message, 384               ->    encrypted for the device, and signed
//                                      <->   frames
//
// Every failure ends the channel, with a Status of its own, and wipes its keys. Nothing is resumed.

import { wipe } from "../crypto/constant-time";
import { STREAM_TIMEOUT } from "../config";
import { Status } from "../status";
import { loadU16 } from "../util/bytes";
import { isDue, untilDue } from "../util/clock";
import { frameOpen, frameReset, frameSeal, frameSetKeys } from "./frame";
import { encodeKeyMessage, openSessionMessage } from "./handshake";
import {
  FRAME_HEADER,
  KEY_BLOCK_SIZE,
  MAX_CIPHERTEXT,
  NONCE_SIZE,
  SESSION_MESSAGE_SIZE,
  SESSION_SIZE,
} from "./protocol";

/** Where the channel stands. Values appear in logs only. */
const enum ChannelState {
  Idle = 0,
  AwaitNonce = 1,
  /** The nonce is there; the answer goes out with the next `channelPollTransmit`. */
  SendKey = 2,
  AwaitSession = 3,
  Established = 4,
  Failed = 5,
}

/**
 * What has come of the present piece of the stream: nonce, session message, or frame. The longest is
 * a frame, 770 bytes.
 */
// @ts-ignore: decorator
@lazy
const PIECE: usize = memory.data(776, 8);
// @ts-ignore: decorator
@lazy
const SESSION: usize = memory.data(40, 8);

let state: i32 = ChannelState.Idle;
let failure: i32 = 0;
/** Bytes of the piece that are there, and bytes that it will have as far as is known. */
let present: i32 = 0;
let wanted: i32 = 0;
/** When waiting for the piece ends; counts while `isWaiting`. */
let deadline: u32 = 0;
let isWaiting: bool = false;
/** Bytes of the message that came last. */
let messageLength: i32 = 0;
let seed: u32 = 0;

function enter(next: i32, size: i32): void {
  state = next;
  present = 0;
  wanted = size;
  isWaiting = false;
}

function wait(now: u32): void {
  isWaiting = true;
  deadline = now + STREAM_TIMEOUT;
}

/** Forget keys and the connection. The message that came last stays for the events that point at it. */
export function channelReset(): void {
  enter(ChannelState.Idle, 0);
  messageLength = 0;
  frameReset();
  wipe(SESSION, SESSION_SIZE);
  seed = 0;
}

/** The connection is there: wait for the server's nonce. */
export function channelStart(now: u32): void {
  channelReset();
  enter(ChannelState.AwaitNonce, NONCE_SIZE);
  wait(now);
}

export function channelIsEstablished(): bool {
  return state == ChannelState.Established;
}

/** Why the channel has failed: a Status; 0 while it has not. */
export function channelFailure(): i32 {
  return state == ChannelState.Failed ? failure : 0;
}

/** End the channel and wipe its keys. */
export function channelFail(status: i32): void {
  channelReset();
  state = ChannelState.Failed;
  failure = status;
}

/** What the session's salt says that message ids begin after. */
export function channelSeed(): u32 {
  return seed;
}

// ---- sending --------------------------------------------------------------------------------

/**
 * The next bytes of the handshake; they must go out in one write, and before anything else.
 * @param output [out] KEY_BLOCK_SIZE bytes
 * @param deviceId [in] 12 bytes
 * @returns KEY_BLOCK_SIZE; 0 when there is nothing to send
 */
export function channelPollTransmit(output: usize, deviceId: usize, now: u32): i32 {
  if (state != ChannelState.SendKey) return 0;
  const status = encodeKeyMessage(output, PIECE, deviceId);
  if (status < 0) {
    channelFail(status);
    return 0;
  }
  enter(ChannelState.AwaitSession, SESSION_MESSAGE_SIZE);
  wait(now);
  return KEY_BLOCK_SIZE;
}

/**
 * Seal a message that stands at `output` + 2.
 * @param output [in,out] room for `length` + 18 bytes
 * @param length 1...MAX_CIPHERTEXT - 1
 * @returns bytes of the frame; Status.InvalidState
 */
export function channelSeal(output: usize, length: i32): i32 {
  return channelIsEstablished() ? frameSeal(output, length) : Status.InvalidState;
}

// ---- receiving ------------------------------------------------------------------------------

/**
 * Take bytes of the stream, up to the end of a message or of a step of the handshake.
 * @param data [in] `length` bytes
 * @returns bytes taken, 0...length; then `channelMessageLength` tells of a message. All of them when
 *   the channel has failed.
 */
export function channelReceive(data: usize, length: i32, now: u32): i32 {
  let taken = 0;
  messageLength = 0;
  while (taken < length && present < wanted) {
    if (present == 0 && channelIsEstablished()) wait(now);
    const size = min(wanted - present, length - taken);
    memory.copy(PIECE + present, data + taken, size);
    present += size;
    taken += size;
    if (present < wanted) continue;
    const before = state;
    handlePiece();
    // What is next may need what the layers above make of this.
    if (messageLength > 0 || state != before) break;
  }
  return state == ChannelState.Failed || state == ChannelState.Idle ? length : taken;
}

/** The message that came last; it stays until the next bytes come. */
export function channelMessage(): usize {
  return PIECE + FRAME_HEADER;
}

export function channelMessageLength(): i32 {
  return messageLength;
}

/** The present piece is complete. */
function handlePiece(): void {
  if (state == ChannelState.AwaitNonce) {
    // It stays in its place until the answer is built.
    state = ChannelState.SendKey;
    isWaiting = false;
  } else if (state == ChannelState.AwaitSession) {
    handleSession();
  } else if (wanted == FRAME_HEADER) {
    handleFrameHeader();
  } else {
    handleFrame();
  }
}

function handleSession(): void {
  const status = openSessionMessage(SESSION, PIECE);
  if (status < 0) {
    channelFail(status);
    return;
  }
  frameSetKeys(SESSION);
  seed = load<u16>(SESSION, 32);
  wipe(SESSION, SESSION_SIZE);
  enter(ChannelState.Established, FRAME_HEADER);
}

function handleFrameHeader(): void {
  const length = <i32>loadU16(PIECE);
  if (length > MAX_CIPHERTEXT) channelFail(Status.FrameTooLong);
  else if (length == 0 || length & 15) channelFail(Status.FrameMalformed);
  else wanted = FRAME_HEADER + length;
}

function handleFrame(): void {
  const size = frameOpen(PIECE + FRAME_HEADER, wanted - FRAME_HEADER);
  if (size <= 0) {
    channelFail(size < 0 ? size : Status.FrameMalformed);
    return;
  }
  enter(ChannelState.Established, FRAME_HEADER);
  messageLength = size;
}

// ---- time -----------------------------------------------------------------------------------

/** @returns ms until `channelHandleTimeout` is due, 0 now, -1 never */
export function channelPollTimeout(now: u32): i32 {
  return isWaiting ? untilDue(deadline, now) : -1;
}

export function channelHandleTimeout(now: u32): void {
  if (!isWaiting || !isDue(deadline, now)) return;
  if (state == ChannelState.AwaitNonce) channelFail(Status.NonceTimeout);
  else if (state == ChannelState.AwaitSession) channelFail(Status.SessionTimeout);
  else channelFail(Status.FrameTimeout);
}
