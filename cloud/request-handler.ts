// Requests of devices: which resource they address, and what they get as an answer.

import { DecodeError } from "./bytes";
import { CoapCode, CoapOptionNumber, findOption, uriPath } from "./coap/codec";
import type { CoapMessage } from "./coap/codec";
import { decodeBlock } from "./coap/block";
import type { OutgoingMessage } from "./coap/message-layer";
import { count } from "./counters";
import type { Counters } from "./counters";
import type { DeviceLink } from "./device-link";
import { DescribeReassembly, DescribeType } from "./device-protocol/describe";
import { decodeEvent } from "./device-protocol/events";
import type { DeviceEvent } from "./device-protocol/events";
import { decodeGoodbye } from "./device-protocol/goodbye";
import type { Goodbye } from "./device-protocol/goodbye";
import { HelloFlag, decodeHello, encodeServerHello } from "./device-protocol/hello";
import type { Hello } from "./device-protocol/hello";
import { decodeSubscription } from "./device-protocol/subscriptions";
import { encodeTimeResponse } from "./device-protocol/time";
import { decodeChunkMissed } from "./updates/chunked-messages";
import { decodeUpdateAck } from "./updates/messages";

/** What requests lead to. */
export interface RequestEffects {
  readonly counters: Counters;
  wallClock(): number;
  /** Engine time, ms. */
  now(): number;
  /** @returns false when the device claims to be another one; its session is then gone */
  hello(link: DeviceLink, hello: Hello, payload: Buffer): boolean;
  /** The token that proves the loss of this device's session, if there is one. */
  resetToken(link: DeviceLink): Buffer | undefined;
  event(link: DeviceLink, event: DeviceEvent, request: CoapMessage): void;
  described(link: DeviceLink, type: DescribeType): void;
  subscribed(link: DeviceLink): void;
  goodbye(link: DeviceLink, goodbye: Goodbye): void;
  log(level: "info" | "warn", message: string): void;
}

const ACKNOWLEDGED: OutgoingMessage = { code: CoapCode.Empty };

type Handler = (
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
) => OutgoingMessage | undefined;

/** Resources by method and first segment of the path. */
const RESOURCES: Record<string, Handler> = {
  [`${CoapCode.Post} h`]: handleHello,
  [`${CoapCode.Post} d`]: handleDescribe,
  [`${CoapCode.Post} E`]: handleEvent,
  [`${CoapCode.Post} e`]: handleEvent,
  [`${CoapCode.Get} e`]: handleSubscribe,
  [`${CoapCode.Get} E`]: handleSubscribe,
  [`${CoapCode.Get} t`]: handleTime,
  [`${CoapCode.Post} x`]: handleGoodbye,
  [`${CoapCode.Post} A`]: handleUpdateAck,
  [`${CoapCode.Get} c`]: handleChunkMissed,
};

/**
 * Handle one new request and answer it. In the standard profile the resources of the device protocol only exist after a
 * Hello, and the plain ones exist beside them.
 */
export function handleRequest(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): void {
  const handler = RESOURCES[`${request.code} ${uriPath(request)[0] ?? ""}`];
  const { endpoint } = link;
  if (endpoint && (!handler || (!link.greeted && handler !== handleHello))) {
    return endpoint.handleRequest(request, effects.now());
  }
  handleDeviceRequest(link, request, effects, handler);
}

/**
 * A request of the device protocol: an empty acknowledgement for what is accepted, 2.05 for the time, 4.00 for what
 * is malformed, 4.04 for unknown resources. Nothing is ever answered by a Reset.
 */
function handleDeviceRequest(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
  handler: Handler | undefined,
): void {
  if (!handler) {
    count(effects.counters, "unknown-request");
    return link.messages?.reply(request, { code: CoapCode.NotFound });
  }
  let answer: OutgoingMessage | undefined;
  try {
    answer = handler(link, request, effects);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    effects.log("warn", `malformed request of device ${link.device.id}: ${error.message}`);
    count(effects.counters, "malformed-message");
    answer = { code: CoapCode.BadRequest };
  }
  if (answer) link.messages?.reply(request, answer);
}

function handleHello(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage | undefined {
  const { device, session, messages } = link;
  const tcp = session?.transport === "tcp";
  const hello = decodeHello(request.payload, tcp ? device.id : undefined);
  if (tcp && hello.deviceId === device.id) {
    // The device waits for it, and what a listener does about the Hello comes after it.
    messages?.reply(request);
    messages?.sendNonConfirmable(encodeServerHello());
    effects.hello(link, hello, request.payload);
    return undefined;
  }
  if (!effects.hello(link, hello, request.payload)) return undefined;
  const token = hello.flags & HelloFlag.SessionReset ? effects.resetToken(link) : undefined;
  return token ? { code: CoapCode.Changed, payload: token } : ACKNOWLEDGED;
}

function handleDescribe(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage {
  const query = findOption(request, CoapOptionNumber.UriQuery);
  const type = query?.length === 1 ? query[0] : 0;
  if (!(type in DescribeType)) throw new DecodeError(`describe type ${query?.toString("hex")}`);
  const block = decodeBlock(request, CoapOptionNumber.Block1);
  let payload: Buffer | undefined = request.payload;
  if (block) {
    const upload = link.uploads.get(type) ?? new DescribeReassembly();
    link.uploads.set(type, upload);
    payload = upload.add(block, request.payload);
  }
  if (payload) {
    link.setDescribe(type, payload);
    effects.described(link, type);
  }
  return ACKNOWLEDGED;
}

function handleEvent(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage | undefined {
  // Events in blocks came after Device OS 6.2; half an event must not be taken for a whole one.
  if (findOption(request, CoapOptionNumber.Block1)) return { code: CoapCode.RequestEntityTooLarge };
  const event = decodeEvent(request);
  // The acknowledgement goes out before anything that the event causes.
  link.messages?.reply(request);
  effects.event(link, event, request);
  return undefined;
}

function handleSubscribe(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage {
  if (!link.subscriptions.add(decodeSubscription(request))) {
    return { code: CoapCode.RequestEntityTooLarge };
  }
  effects.subscribed(link);
  return ACKNOWLEDGED;
}

function handleTime(
  _link: DeviceLink,
  _request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage {
  return encodeTimeResponse(effects.wallClock());
}

function handleGoodbye(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage | undefined {
  const goodbye = decodeGoodbye(request.payload);
  link.messages?.reply(request);
  effects.goodbye(link, goodbye);
  return undefined;
}

/** What a device has of the chunks of an update; one that is over is no error. */
function handleUpdateAck(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage {
  const ack = decodeUpdateAck(request);
  link.update?.handleAck(ack, effects.now());
  return ACKNOWLEDGED;
}

function handleChunkMissed(
  link: DeviceLink,
  request: CoapMessage,
  effects: RequestEffects,
): OutgoingMessage {
  const indices = decodeChunkMissed(request);
  link.update?.handleMissed(indices, effects.now());
  return ACKNOWLEDGED;
}
