// Events that begin in the cloud: to the devices of their owner, the log and the streams.

import type { Api } from "./api";
import { STATUS_EVENT, toBytes } from "./device-events";
import type { CloudEvent } from "./event-bus";

type Sinks = Pick<Api, "cloud" | "records" | "log" | "bus">;

/** @throws CloudError "invalid-argument" for a name or data that devices cannot take; nothing has happened then */
export function publishToAll(sinks: Sinks, event: CloudEvent): void {
  const { cloud, records } = sinks;
  const isFor = (id: string): boolean =>
    records.ownerOf(id) === event.owner &&
    (event.productId === undefined || cloud.device(id).lastHello?.productId === event.productId);
  cloud.publish(event.name, event.data ?? "", { isFor });
  keep(sinks, event);
}

/**
 * An event of another process of the fleet: to the devices that are connected here, and the log. Its process has decided
 * who may get it.
 */
export function publishFromFleet({ cloud, records, log }: Sinks, event: CloudEvent): void {
  storeEvent(cloud, log, event);
  // That a device comes or goes is for streams.
  if (event.name === STATUS_EVENT) return;
  const isOfDevice = /^[0-9a-f]{24}$/.test(event.coreId);
  const product = isOfDevice ? undefined : event.productId;
  const isFor = (id: string): boolean =>
    records.ownerOf(id) === event.owner &&
    (product === undefined || cloud.device(id).lastHello?.productId === product);
  try {
    cloud.publish(event.name, toBytes(event), { isFor, contentType: event.contentType });
  } catch {
    // Too long for devices: it is for streams only.
  }
}

/** What the cloud itself has to say reaches streams even if it is too long for devices. */
export function publishAsCloud(sinks: Sinks, event: CloudEvent): void {
  try {
    publishToAll(sinks, event);
  } catch {
    keep(sinks, event);
  }
}

function keep({ cloud, log, bus }: Sinks, event: CloudEvent): void {
  storeEvent(cloud, log, event);
  bus.publish(event);
}

export function storeEvent(cloud: Sinks["cloud"], log: Sinks["log"], event: CloudEvent): void {
  storeIfPossible(cloud, () => log.add(event));
}

/** Store something that nobody waits for. A full disk is no reason to keep an event from those who listen. */
export function storeIfPossible(cloud: Sinks["cloud"], store: () => void): void {
  try {
    store();
  } catch (error) {
    cloud.emit("log", { level: "warn", message: `not stored: ${(error as Error).message}` });
  }
}
