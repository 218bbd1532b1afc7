// Subscriptions: GET /e/<prefix> towards the server, and events that come for them. The protocol
// has no unsubscribe; the server keeps the set with the session.

import { encodeByteOption, encodeEnd, encodeMessage, encodeOption } from "../coap/message";
import { Purpose, outboxCapacity, outboxCommit, outboxHas, outboxSpace } from "../coap/outbox";
import { Code, Option } from "../coap/protocol";
import { answerType } from "../coap/reliability";
import { EventKind, eventSpace, pushEvent } from "../events";
import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { crc32 } from "../util/crc32";
import { ContentFormat, Resource, SubscriptionContent } from "./protocol";
import {
  RegistryKind,
  registryAdd,
  registryDetail,
  registryName,
  registryNameLength,
  registryOpen,
} from "./registry";
import { acknowledgeSubscriptions, areSubscriptionsAcknowledged } from "./state";

/** Number of the next subscription to send; -1 when none is to be sent. */
let next: i32 = -1;
let failed: i32 = 0;

export function subscriptionsReset(): void {
  next = -1;
}

function subscriptionsChecksum(): u32 {
  let checksum: u32 = 0;
  let count = 0;
  for (; registryOpen(RegistryKind.Subscription, count); count++) {
    checksum = crc32(checksum, registryName() - 3, registryNameLength() + 3);
  }
  return count == 0 ? 0 : checksum ? checksum : 1;
}

/**
 * Add a subscription.
 * @param prefix [in] 1...64 bytes
 * @param content SubscriptionContent
 * @returns its number; Status.InvalidArgument, Status.TooLong, Status.AlreadyRegistered,
 *   Status.NoSpace
 */
export function subscribe(prefix: usize, length: i32, content: i32): i32 {
  if (
    content != SubscriptionContent.Text &&
    content != SubscriptionContent.Binary &&
    content != SubscriptionContent.Cbor
  ) {
    return Status.InvalidArgument;
  }
  return registryAdd(RegistryKind.Subscription, content, prefix, length);
}

/** Send the whole set again if the server has not acknowledged it as it is now. */
export function subscriptionsRequestChanged(): void {
  if (areSubscriptionsAcknowledged(subscriptionsChecksum())) return;
  next = 0;
  failed = Status.Ok;
}

/** Whether subscriptions are to be sent or on their way. */
export function subscriptionsAreBusy(): bool {
  return next >= 0;
}

const QUERY: usize = memory.data(1, 1);

/** Put subscriptions into the outbox as there is room. */
export function subscriptionsPoll(): void {
  while (next >= 0 && registryOpen(RegistryKind.Subscription, next)) {
    if (outboxCapacity() < registryNameLength() + 16) return;
    encodeMessage(outboxSpace(), outboxCapacity(), answerType(), Code.Get, 0, 0, 0);
    encodeByteOption(Option.UriPath, Resource.LowerEvent);
    encodeOption(Option.UriPath, registryName(), registryNameLength());
    if (registryDetail() != SubscriptionContent.Text) {
      store<u8>(QUERY, registryDetail());
      encodeOption(Option.UriQuery, QUERY, 1);
    }
    if (outboxCommit(Purpose.Subscribe, next, encodeEnd()) < 0) return;
    next += 1;
  }
}

/** One subscription was acknowledged or refused; with the last one the set is settled. */
export function subscriptionsDone(status: i32): void {
  if (status < 0) failed = status;
  if (next < 0 || registryOpen(RegistryKind.Subscription, next)) return;
  if (outboxHas(Purpose.Subscribe)) return;
  next = -1;
  if (failed == Status.Ok) acknowledgeSubscriptions(subscriptionsChecksum());
  pushEvent(EventKind.SubscriptionsDone, failed);
}

/** Whether a handler for `content` takes a payload of `format`. */
function takes(content: u32, format: u32): bool {
  if (content == SubscriptionContent.Binary) return true;
  if (content == SubscriptionContent.Cbor) return format == ContentFormat.Cbor;
  return (
    format == ContentFormat.Text ||
    format == ContentFormat.LinkFormat ||
    format == ContentFormat.Xml ||
    format == ContentFormat.Json
  );
}

function matches(name: usize, length: i32, format: u32): bool {
  const prefixLength = registryNameLength();
  return (
    prefixLength <= length &&
    equalBytes(name, registryName(), prefixLength) &&
    takes(registryDetail(), format)
  );
}

/**
 * Hand an inbound event to every subscription that it fits.
 * @returns Status.Ok, also when none fits; Status.NoSpace when the host has not drained its events:
 *   the message shall not be acknowledged
 */
export function handleEvent(
  name: usize,
  nameLength: i32,
  data: usize,
  dataLength: i32,
  format: u32,
): i32 {
  let count = 0;
  for (let i = 0; registryOpen(RegistryKind.Subscription, i); i++) {
    if (matches(name, nameLength, format)) count += 1;
  }
  if (count > eventSpace()) return Status.NoSpace;
  for (let i = 0; registryOpen(RegistryKind.Subscription, i); i++) {
    if (matches(name, nameLength, format)) {
      pushEvent(EventKind.EventReceived, i, name, nameLength, data, dataLength, format);
    }
  }
  return Status.Ok;
}
