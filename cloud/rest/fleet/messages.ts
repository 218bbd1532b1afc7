// What the cloud processes of a fleet tell each other.
//
//   <fleet>.event             FleetEvent: an event that somebody published
//   <fleet>.change            FleetChange: a value of a shared table is another one now
//   <fleet>.device            Presence: a device has come, gone, or said something about itself
//   <fleet>.member            Sign: a process is there, has just come, or goes
//   <fleet>.call.<member>     RemoteCall, answered by a RemoteAnswer

import type { DeviceInfo } from "../../local-cloud";
import { CloudError } from "../../errors";
import type { CloudErrorCode } from "../../errors";
import type { CloudEvent } from "../event-bus";

export interface FleetEvent {
  member: string;
  event: CloudEvent;
}

export interface FleetChange {
  member: string;
  table: string;
  key: string;
}

export interface Presence {
  member: string;
  info: DeviceInfo;
}

export interface Sign {
  member: string;
  /** "here" again and again; "new" asks all others for their devices. */
  kind: "new" | "here" | "gone";
}

/** What one process may ask another one to do with a device. */
export const REMOTE_CALLS = ["call", "read", "ping", "signal", "disconnect"] as const;
export type RemoteCallName = (typeof REMOTE_CALLS)[number];

export interface RemoteCall {
  name: RemoteCallName;
  deviceId: string;
  arguments: unknown[];
}

export type RemoteAnswer =
  { ok: true; value?: unknown } | { ok: false; code: CloudErrorCode | "failed"; message: string };

/** An error as it travels. */
export function toAnswer(error: unknown): RemoteAnswer {
  const { message } = error as Error;
  return { ok: false, code: error instanceof CloudError ? error.code : "failed", message };
}

export function isRemoteCall(message: unknown): message is RemoteCall {
  const { name, deviceId, arguments: list } = message as Partial<RemoteCall>;
  const names: unknown[] = [...REMOTE_CALLS];
  return names.includes(name) && typeof deviceId === "string" && Array.isArray(list);
}
