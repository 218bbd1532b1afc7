// Events: POST /E/<name> from a device, POST /e/<name> to it.

import { DecodeError } from "../bytes";
import {
  CoapCode,
  CoapOptionNumber,
  findUint,
  stringOption,
  uintOption,
  uriPath,
} from "../coap/codec";
import type { CoapMessage } from "../coap/codec";
import type { OutgoingMessage } from "../coap/message-layer";

/** Bytes of the longest event name. */
export const MAX_EVENT_NAME_LENGTH = 64;
/** Bytes of the longest event data that Device OS 6.2 handles. */
export const MAX_EVENT_DATA_LENGTH = 1024;
/** Seconds that an event lives when nothing is said. */
export const DEFAULT_TTL = 60;

export enum ContentFormat {
  Text = 0,
  Jpeg = 22,
  Png = 23,
  Xml = 41,
  LinkFormat = 40,
  OctetStream = 42,
  Json = 50,
  Cbor = 60,
  /** application/vnd.particle.json+cbor: JSON data carried as CBOR. Devices send it but only take 60. */
  StructuredData = 65001,
}

export interface DeviceEvent {
  name: string;
  data: Buffer;
  contentType: number;
  /** Seconds. */
  ttl: number;
}

/**
 * Decode an event of a device. The name is one option with slashes or several segments.
 * @throws DecodeError when the name is empty or above 64 bytes
 */
export function decodeEvent(message: CoapMessage): DeviceEvent {
  const name = uriPath(message).slice(1).join("/");
  const length = Buffer.byteLength(name);
  if (length === 0 || length > MAX_EVENT_NAME_LENGTH) throw new DecodeError("bad event name");
  return {
    name,
    data: message.payload,
    contentType: findUint(message, CoapOptionNumber.ContentFormat) ?? ContentFormat.Text,
    ttl: findUint(message, CoapOptionNumber.MaxAge) ?? DEFAULT_TTL,
  };
}

/** Encode an event for a device: "e", the name in one option, Content-Format unless text. Devices take "E", too. */
export function encodeEvent(event: Omit<DeviceEvent, "ttl">): OutgoingMessage {
  const contentType = toDeliveredFormat(event.contentType);
  const options = [
    stringOption(CoapOptionNumber.UriPath, "e"),
    stringOption(CoapOptionNumber.UriPath, event.name),
  ];
  if (contentType !== ContentFormat.Text) {
    options.push(uintOption(CoapOptionNumber.ContentFormat, contentType));
  }
  return { code: CoapCode.Post, options, payload: event.data };
}

/** The format under which devices accept this content. */
export function toDeliveredFormat(contentType: number): number {
  return contentType === ContentFormat.StructuredData ? ContentFormat.Cbor : contentType;
}
