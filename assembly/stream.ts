// The device over TCP: what device.ts does over UDP. Routes bytes between the channel (rsa-aes/) and
// the messages, and keeps the timers. Nothing is transmitted again here, and no session is kept: what
// fails ends the connection, and the next one begins with a handshake.

import { describePoll } from "./cloud/describe";
import { DEVICE_ID } from "./cloud/identity";
import { takeKeyChange, takeServerHello } from "./cloud/requests";
import { handleMessage } from "./cloud/router";
import { finishMove, isMoveAsked } from "./cloud/server-moved";
import { sendPing } from "./cloud/small-messages";
import { subscriptionsPoll } from "./cloud/subscriptions";
import { inboxHasReply, inboxPollReply } from "./coap/inbox";
import { decodeMessage } from "./coap/message";
import { Purpose, outboxHandleTimeout, outboxPollTimeout, outboxPollTransmit } from "./coap/outbox";
import {
  GOODBYE_TIMEOUT,
  MAX_STREAM_MESSAGE,
  OTA,
  SERVER_HELLO_TIMEOUT,
  STREAM_PING_TIMEOUT,
} from "./config";
import {
  close,
  connectionChangedAt,
  connectionLastHeard,
  connectionState,
  handleEstablished,
  handleHandshakeFailed,
  handleHeard,
  handleHelloDone,
  handshakeAgain,
  isGreeted,
  isLinkUp,
  isWanted,
  lose,
  openAgain,
} from "./connection";
import { ConnectionState, Reason } from "./events";
import {
  channelFail,
  channelFailure,
  channelHandleTimeout,
  channelIsEstablished,
  channelMessage,
  channelMessageLength,
  channelPollTimeout,
  channelPollTransmit,
  channelReceive,
  channelSeal,
} from "./rsa-aes/channel";
import { rsaCheckKeys } from "./rsa-aes/identity";
import { FRAME_HEADER } from "./rsa-aes/protocol";
import { settle } from "./settle";
import { Status } from "./status";
import { chunkedHandle, chunkedPoll } from "./update/chunked";
import { earlier, isDue, untilDue } from "./util/clock";

/** Whether a ping is on its way that nothing has come after, and since when. */
let isPinging: bool = false;
let pingedAt: u32 = 0;

/**
 * Check the keys.
 * @returns Status.Ok; Status.InvalidPrivateKey, Status.InvalidPublicKey; Status.WrongKeyType
 */
export function streamStart(): i32 {
  return rsaCheckKeys();
}

// ---- input ----------------------------------------------------------------------------------

/**
 * Handle bytes of the stream, up to the end of one message.
 * @param bytes [in] `length` bytes
 * @returns bytes taken
 */
export function streamHandle(bytes: usize, length: i32, now: u32): i32 {
  const taken = channelReceive(bytes, length, now);
  const size = channelMessageLength();
  if (size > 0) handleStreamMessage(channelMessage(), size, now);
  const isNew = connectionState() == ConnectionState.Handshake && channelIsEstablished();
  if (isNew) {
    isPinging = false;
    handleEstablished(now);
  }
  followChannel(now);
  return isLinkUp() ? taken : length;
}

function handleStreamMessage(message: usize, size: i32, now: u32): void {
  // Nothing else tells that the frame was changed on its way, or that this is the wrong key.
  if (decodeMessage(message, size) < 0) {
    channelFail(Status.MalformedMessage);
    return;
  }
  isPinging = false;
  handleHeard(now);
  if (OTA) {
    if (!chunkedHandle(message, size, now)) handleMessage(message, size, now);
  } else {
    handleMessage(message, size, now);
  }
  // Moves are signed with, and to, P-256 keys: not for this transport.
  if (isMoveAsked()) finishMove(false);
  const isAnswered = takeServerHello() && connectionState() == ConnectionState.Hello;
  if (isAnswered) handleHelloDone(Status.Ok, now);
  settle(now);
}

/** End the connection when the channel has failed. */
function followChannel(now: u32): void {
  const status = channelFailure();
  if (status == Status.Ok || !isLinkUp()) return;
  const state = connectionState();
  const wasNew = state == ConnectionState.Handshake || state == ConnectionState.Hello;
  if (wasNew) handleHandshakeFailed(status, now);
  else if (isWanted()) lose(Reason.ChannelFailed, status, now);
  else close(status, now);
}

/** Do what is due at `now`. @param keepalive ms of silence until a ping; 0 sends none */
export function streamHandleTimeout(now: u32, keepalive: i32): void {
  channelHandleTimeout(now);
  followChannel(now);
  if (!isLinkUp() || !channelIsEstablished()) return;
  outboxHandleTimeout(now);
  settle(now);
  const state = connectionState();
  if (state == ConnectionState.Hello) {
    const isOver = isDue(connectionChangedAt() + SERVER_HELLO_TIMEOUT, now);
    if (isOver) lose(Reason.HelloTimeout, Status.MessageTimeout, now);
  } else if (state == ConnectionState.Disconnecting) {
    const isOver = isDue(connectionChangedAt() + GOODBYE_TIMEOUT, now);
    if (isOver) close(Status.MessageTimeout, now);
  } else if (state == ConnectionState.Connected && keepalive > 0) {
    ping(now, keepalive);
  }
}

/** Ask after the server when it has been silent; give the connection up when it stays so. */
function ping(now: u32, keepalive: i32): void {
  if (isPinging) {
    if (!isDue(pingedAt + STREAM_PING_TIMEOUT, now)) return;
    isPinging = false;
    openAgain(Reason.PingTimeout, Status.MessageTimeout, now);
  } else if (isDue(connectionLastHeard() + keepalive, now)) {
    // With a full outbox its messages ask for it.
    sendPing();
    isPinging = true;
    pingedAt = now;
  }
}

// ---- output ---------------------------------------------------------------------------------

/**
 * Build the next bytes of the stream; the host writes all of them, in one go if it can.
 * @param output [out] TX_CAPACITY bytes
 * @returns bytes; 0 when there are none
 */
export function streamPollTransmit(output: usize, now: u32): i32 {
  const handshake = channelPollTransmit(output, DEVICE_ID, now);
  if (handshake > 0) return handshake;
  followChannel(now);
  if (!isLinkUp() || !channelIsEstablished()) return 0;
  // What is not confirmable has ended by being sent: a goodbye, subscriptions.
  settle(now);
  if (!isLinkUp()) return 0;
  if (isGreeted()) {
    describePoll(now);
    subscriptionsPoll();
  }
  const message = output + FRAME_HEADER;
  let size = inboxPollReply(message, MAX_STREAM_MESSAGE);
  if (OTA) {
    if (size == 0 && isGreeted()) size = chunkedPoll(message, MAX_STREAM_MESSAGE);
  }
  if (size == 0) size = outboxPollTransmit(message, MAX_STREAM_MESSAGE, allowedPurpose(), now);
  if (size > 0) return channelSeal(output, size);
  // The acknowledgement is out: this session has served.
  if (takeKeyChange()) handshakeAgain(Reason.HandshakeBecauseKeyChange, Status.Ok, now);
  return 0;
}

/** Purpose of the only messages that may be sent now; 0 for all. */
function allowedPurpose(): i32 {
  return isGreeted() ? 0 : Purpose.Hello;
}

/** @returns ms until `streamHandleTimeout` is due; 0 now; -1 never */
export function streamPollTimeout(now: u32, keepalive: i32): i32 {
  let wait = channelPollTimeout(now);
  if (!channelIsEstablished()) return wait;
  if (inboxHasReply()) return 0;
  wait = earlier(wait, outboxPollTimeout(allowedPurpose(), now));
  const state = connectionState();
  let until = connectionLastHeard() + keepalive;
  if (state == ConnectionState.Hello) until = connectionChangedAt() + SERVER_HELLO_TIMEOUT;
  else if (state == ConnectionState.Disconnecting) until = connectionChangedAt() + GOODBYE_TIMEOUT;
  else if (keepalive == 0) return wait;
  else if (isPinging) until = pingedAt + STREAM_PING_TIMEOUT;
  return earlier(wait, untilDue(until, now));
}
