// What a local cloud emits.

import type { Delivery } from "./coap/message-layer";
import type { Goodbye } from "./device-protocol/goodbye";
import type { AlertEvent } from "./dtls/server";
import type { UpdateReport } from "./updates/device-update";

export type { AlertEvent };

export type DeviceChange =
  | "online"
  | "offline"
  | "session"
  | "session-closed"
  | "moved"
  | "hello"
  | "describe"
  | "subscriptions";

export interface EventMessage {
  deviceId: string;
  name: string;
  data: Buffer;
  contentType: number;
  /** Seconds. */
  ttl: number;
  confirmable: boolean;
  messageId: number;
  /** CoAP token, hexadecimal; devices may use it as the id that repetitions of an event share. */
  token: string;
}

export interface DatagramEvent {
  direction: "in" | "out";
  address: string;
  /** UDP payload bytes. */
  bytes: number;
  records: { type: number; epoch: number; sequenceNumber: number; length: number }[];
  datagram: Uint8Array;
}

/** A CoAP message of a session, without its encryption. */
export interface MessageEvent {
  direction: "in" | "out";
  deviceId: string;
  address: string;
  transport: "udp" | "tcp";
  message: Uint8Array;
}

export interface LocalCloudEvents {
  event: [EventMessage];
  device: [{ deviceId: string; change: DeviceChange; reason?: string }];
  goodbye: [{ deviceId: string } & Goodbye];
  /** What became of an event that was sent to a device. */
  delivery: [{ deviceId: string; name: string; delivery: Delivery; coapCode: number }];
  /** How an update goes on. */
  update: [UpdateReport];
  alert: [AlertEvent];
  datagram: [DatagramEvent];
  /** Over UDP it follows at once on the datagram that carries it. */
  message: [MessageEvent];
  log: [{ level: "info" | "warn"; message: string }];
  /** Something waits for `pollTransmit`, or a timer changed, outside of handle calls. */
  wake: [];
}
