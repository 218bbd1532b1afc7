// Carries what devices do to the event bus, the log of events and the records of devices.

import { isIP } from "node:net";
import type { EventMessage, LocalCloud } from "../local-cloud";
import { ContentFormat } from "../device-protocol/events";
import type { DeviceRecords } from "./device-records";
import type { CloudEvent, EventBus } from "./event-bus";
import type { EventLog } from "./event-log";
import { watchFlashStatus } from "./flash-status";
import { storeEvent, storeIfPossible } from "./publication";

export interface EventSinks {
  bus: EventBus;
  log: EventLog;
  records: DeviceRecords;
  now: () => number;
}

const CLAIM_CODE_EVENT = "spark/device/claim/code";
export const STATUS_EVENT = "spark/status";
const STATUS_TTL = 60;

const UPDATE_FLAGS: Record<string, "updatesEnabled" | "updatesForced" | undefined> = {
  "particle/device/updates/enabled": "updatesEnabled",
  "particle/device/updates/forced": "updatesForced",
};

const TEXT: number[] = [ContentFormat.Text, ContentFormat.Json, ContentFormat.Xml];
const MEDIA_TYPES: Record<number, string> = {
  [ContentFormat.Jpeg]: "image/jpeg",
  [ContentFormat.Png]: "image/png",
  [ContentFormat.Cbor]: "application/cbor",
  [ContentFormat.StructuredData]: "application/cbor",
};

/** Listen to the devices of a cloud. @returns ends it */
export function watchDevices(cloud: LocalCloud, sinks: EventSinks): () => void {
  const onEvent = (message: EventMessage): void => {
    if (message.name === CLAIM_CODE_EVENT) {
      const code = message.data.toString("latin1");
      storeIfPossible(cloud, () => sinks.records.redeemClaimCode(message.deviceId, code));
      return;
    }
    noteUpdateFlag(cloud, sinks, message);
    const { deviceId, name, ttl } = message;
    const { contentType } = message;
    distribute(sinks, cloud, deviceId, { name, ttl, contentType, data: toText(message) });
  };
  const onDevice = ({ deviceId, change }: { deviceId: string; change: string }): void => {
    if (change === "hello") noteHandshake(cloud, deviceId, sinks);
    if (change !== "online" && change !== "offline") return;
    distribute(sinks, cloud, deviceId, { name: STATUS_EVENT, ttl: STATUS_TTL, data: change });
  };
  const unwatchStatus = watchFlashStatus(cloud, (deviceId, name, data) =>
    distribute(sinks, cloud, deviceId, { name, ttl: STATUS_TTL, data }),
  );
  cloud.on("event", onEvent);
  cloud.on("device", onDevice);
  return () => {
    unwatchStatus();
    cloud.off("event", onEvent);
    cloud.off("device", onDevice);
  };
}

function distribute(
  { bus, log, records, now }: EventSinks,
  cloud: LocalCloud,
  deviceId: string,
  content: Pick<CloudEvent, "name" | "ttl" | "data" | "contentType">,
): void {
  const owner = records.ownerOf(deviceId);
  // Nobody may see it.
  if (owner === undefined) return;
  const hello = cloud.registry.find(deviceId) && cloud.device(deviceId).lastHello;
  const event: CloudEvent = {
    ...content,
    publishedAt: new Date(now()).toISOString(),
    coreId: deviceId,
    owner,
    productId: hello?.productId,
    productVersion: hello?.productVersion,
  };
  storeEvent(cloud, log, event);
  bus.publish(event);
}

function noteHandshake(cloud: LocalCloud, deviceId: string, { records, now }: EventSinks): void {
  const address = cloud.device(deviceId).session?.address ?? "";
  const host = address.slice(0, address.lastIndexOf(":"));
  const lastIpAddress = isIP(host) ? host : undefined;
  const changes = { lastHandshakeAt: now(), lastIpAddress };
  storeIfPossible(cloud, () => records.update(deviceId, changes, false));
}

/** The data of an event as devices get it: the way back from {@link toText}. */
export function toBytes({ data, contentType }: CloudEvent): Buffer {
  const isText = contentType === undefined || TEXT.includes(contentType);
  if (data === null || isText) return Buffer.from(data ?? "");
  return Buffer.from(data.slice(data.indexOf(",") + 1), "base64");
}

/** A device tells when updates are switched on or off, and when the cloud's word is forced on it. */
function noteUpdateFlag(
  cloud: LocalCloud,
  { records }: EventSinks,
  { deviceId, name, data }: EventMessage,
): void {
  const field = UPDATE_FLAGS[name];
  if (field === undefined) return;
  const changes = { [field]: data.toString("latin1") === "true" };
  storeIfPossible(cloud, () => records.update(deviceId, changes, false));
}

/** Event data as JSON can carry it. */
function toText({ data, contentType }: EventMessage): string | null {
  if (data.length === 0) return null;
  if (TEXT.includes(contentType)) return data.toString("utf8");
  const type = MEDIA_TYPES[contentType] ?? "application/octet-stream";
  return `data:${type};base64,${data.toString("base64")}`;
}
