// Where a CoAP message of the server goes: acknowledgements to the outbox, requests to their
// resource, everything else to the reply that RFC 7252 §4.2 and §5.3.2 ask for.

import {
  decodeMessage,
  messageCode,
  messageId,
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
  messageType,
} from "../coap/message";
import { inboxForget, inboxReceive, inboxReply } from "../coap/inbox";
import { Purpose, outboxAcknowledge, outboxAwaits } from "../coap/outbox";
import { Code, MessageType } from "../coap/protocol";
import { isReliable } from "../coap/reliability";
import { EventKind, pushEvent } from "../events";
import { Status } from "../status";
import { loadU32 } from "../util/bytes";
import { handleResponse, isForRequest } from "../client/requests";
import { STANDARD, TCP } from "../config";
import { handleHelloAnswer } from "./hello";
import { handleRequest, wasEvent } from "./requests";
import { isTimeToken } from "./small-messages";

let malformed: u32 = 0;
/** Whether requests of the server are served: in the Particle protocol, not for plain CoAP. */
let servesServer: bool = true;

export function serveRequests(serves: bool): void {
  servesServer = serves;
}

/** Messages dropped because they are not CoAP, or not allowed by it. */
export function malformedMessages(): u32 {
  return malformed;
}

/**
 * Whether a message answers one of ours that is in flight. After a resume only such a message
 * proves that it is new and not a recording.
 */
export function isAnswer(message: usize, length: i32): bool {
  if (decodeMessage(message, length) < 0) return false;
  const type = messageType();
  const isReply = type == MessageType.Acknowledgement || type == MessageType.Reset;
  return isReply && outboxAwaits(messageId());
}

/** Status for a response code. */
function statusOf(code: i32): i32 {
  if (code >= 0xa0) return Status.ServerError;
  return code >= 0x80 ? Status.ClientError : Status.Ok;
}

/**
 * Handle one message of the server.
 * @param message [in,out] `length` bytes, which stay until the next datagram; path segments of
 *   requests are joined in place
 */
export function handleMessage(message: usize, length: i32, now: u32): void {
  if (decodeMessage(message, length) < 0) {
    malformed += 1;
    return;
  }
  const type = messageType();
  const code = messageCode();
  if (type == MessageType.Acknowledgement || type == MessageType.Reset) {
    handleReply(type, code, now);
  } else if (code == Code.Empty) {
    // A ping; the Particle protocol answers it with an ACK. DEVIATION(RFC 7252 §4.3: RST)
    if (type == MessageType.Confirmable) reply(MessageType.Acknowledgement, Code.Empty, now);
  } else if (code < 0x20) {
    handleNewRequest(type == MessageType.Confirmable, now);
  } else {
    handleSeparateResponse(type == MessageType.Confirmable, now);
  }
}

function reply(type: i32, code: i32, now: u32): void {
  inboxReceive(messageId(), now);
  inboxReply(messageId(), type, code, messageToken(), messageTokenLength(), now);
}

/** An ACK or RST. */
function handleReply(type: i32, code: i32, now: u32): void {
  const status = type == MessageType.Reset ? Status.MessageReset : statusOf(code);
  const purpose = outboxAcknowledge(messageId(), status, now);
  if (purpose == Purpose.Hello) handleHelloAnswer(messagePayload(), messagePayloadLength());
  if (purpose == Purpose.Time && code == Code.Content) takeTime();
  if (STANDARD) {
    if (code != Code.Empty && isForRequest()) handleResponse();
  }
}

/** Time: 4 bytes, seconds since 1970. */
function takeTime(): void {
  if (!isTimeToken(messageToken(), messageTokenLength())) return;
  if (messagePayloadLength() == 4) pushEvent(EventKind.Time, loadU32(messagePayload()));
}

function handleNewRequest(isConfirmable: bool, now: u32): void {
  const id = messageId();
  if (STANDARD) {
    if (!servesServer) {
      // RFC 7252 §4.2: an endpoint without resources rejects what it cannot process.
      if (isConfirmable) reply(MessageType.Reset, Code.Empty, now);
      return;
    }
  }
  if (!inboxReceive(id, now)) return;
  let outcome = handleRequest(now);
  if (TCP) {
    if (isReliable()) {
      // It will not come again, and events are not acknowledged over TCP.
      if (outcome < 0) outcome = Code.ServiceUnavailable;
      if (wasEvent()) return;
    }
  }
  if (outcome < 0) inboxForget(id, now);
  else if (isConfirmable) {
    inboxReply(id, MessageType.Acknowledgement, outcome, messageToken(), messageTokenLength(), now);
  }
}

/** A response outside an ACK; one that nobody asked for gets RST (RFC 7252 §4.2). */
function handleSeparateResponse(isConfirmable: bool, now: u32): void {
  if (STANDARD) {
    if (isForRequest()) {
      handleRequested(isConfirmable, now);
      return;
    }
  }
  if (isTimeToken(messageToken(), messageTokenLength())) {
    takeTime();
    if (isConfirmable) reply(MessageType.Acknowledgement, Code.Empty, now);
  } else if (isConfirmable) {
    reply(MessageType.Reset, Code.Empty, now);
  }
}

/** A separate response or notification for a request of the application. */
function handleRequested(isConfirmable: bool, now: u32): void {
  if (!inboxReceive(messageId(), now)) return;
  if (handleResponse() < 0) inboxForget(messageId(), now);
  else if (isConfirmable) reply(MessageType.Acknowledgement, Code.Empty, now);
}
