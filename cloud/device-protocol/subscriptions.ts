// Subscriptions of one device: GET /e/<filter>[?b|?c]. A filter is a prefix of event names.

import { DecodeError } from "../bytes";
import { CoapOptionNumber, findOption, uriPath } from "../coap/codec";
import type { CoapMessage } from "../coap/codec";
import { ContentFormat, MAX_EVENT_NAME_LENGTH, toDeliveredFormat } from "./events";

/** What a handler takes: text formats, CBOR only, or anything. */
export type SubscriptionKind = "text" | "cbor" | "binary";

export interface Subscription {
  filter: string;
  kind: SubscriptionKind;
}

/** A genuine device has six. */
const MAX_SUBSCRIPTIONS = 64;

const TEXT_FORMATS: number[] = [
  ContentFormat.Text,
  ContentFormat.LinkFormat,
  ContentFormat.Xml,
  ContentFormat.Json,
];

/** Decode a subscription request. @throws DecodeError when the filter is above 64 bytes */
export function decodeSubscription(message: CoapMessage): Subscription {
  const filter = uriPath(message).slice(1).join("/");
  if (Buffer.byteLength(filter) > MAX_EVENT_NAME_LENGTH) throw new DecodeError("filter too long");
  const query = findOption(message, CoapOptionNumber.UriQuery)?.toString("latin1");
  const kind = query === "c" ? "cbor" : query === "b" ? "binary" : "text";
  return { filter, kind };
}

/**
 * The subscriptions of a device. There is no message that ends one: a Hello starts the list anew, and otherwise the
 * device only ever repeats or adds.
 */
export class Subscriptions {
  private list: Subscription[] = [];

  get all(): readonly Subscription[] {
    return this.list;
  }

  /** @returns false when the device has too many */
  add(subscription: Subscription): boolean {
    const same = (other: Subscription): boolean =>
      other.filter === subscription.filter && other.kind === subscription.kind;
    if (this.list.some(same)) return true;
    if (this.list.length >= MAX_SUBSCRIPTIONS) return false;
    this.list.push(subscription);
    return true;
  }

  clear(): void {
    this.list = [];
  }

  /** Does any handler of the device want this event? */
  match(name: string, contentType: number): boolean {
    const format = toDeliveredFormat(contentType);
    return this.list.some(({ filter, kind }) => name.startsWith(filter) && takes(kind, format));
  }
}

function takes(kind: SubscriptionKind, format: number): boolean {
  if (kind === "binary") return true;
  return kind === "cbor" ? format === ContentFormat.Cbor : TEXT_FORMATS.includes(format);
}
