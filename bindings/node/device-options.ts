// What a Device is made of, and the events that it tells.

import type { ConnectionState, EventKind, Reason } from "./abi";
import type { ApplicationLimits } from "./application";
import type { ApplicationChange } from "./application-host";
import type { CoreEvent, CoreOptions } from "./core";
import type { InternetResult, InternetTestOptions } from "./internet-test";
import type { UpdateStep } from "./updates";

export interface DeviceOptions extends CoreOptions {
  server: { host: string; port: number };
  /** Milliseconds; the core's default is 25 s over UDP, 15 s over TCP. */
  keepalive?: number;
  /**
   * Ask an NTP server, after an attempt to connect has failed, whether there is an Internet at all;
   * "internet" follows (docs/diagnosis.md). `{}` asks pool.ntp.org; off unless given.
   */
  internetTest?: InternetTestOptions | false;
  /**
   * Run the application module that updates bring, in a module that takes them; needs `images`. It
   * starts before the first connection: what the program itself offers and subscribes to comes first.
   */
  application?: boolean | ApplicationLimits;
}

export interface DeviceEvents {
  /** Each step of the connection, with its reason. */
  connection: [{ state: ConnectionState; reason: Reason; status: number }];
  connected: [{ reason: Reason }];
  /** An event for one of this device's subscriptions that has no handler of its own. */
  event: [{ name: string; data: Uint8Array; contentFormat: number }];
  time: [{ seconds: number }];
  signal: [{ on: boolean }];
  /** 70, 90 or 100 percent of the budget are used. */
  budget: [{ percent: number; operations: number; bytes: number }];
  /** The connection is closed: time to sleep. `pending` publishes did not get out before. */
  sleep: [{ seconds: number; pending: number }];
  /** The server has moved; the device follows by itself. */
  serverMoved: [{ host: string; port: number; publicKey: Uint8Array }];
  /** Steps of an update over the air. */
  update: [UpdateStep];
  /** Another application runs, or the same again, or (area -1) none; `status` says why. */
  application: [Omit<ApplicationChange, "kind">];
  /** What the Internet test came to; nothing depends on it. */
  internet: [{ result: InternetResult; text: string }];
  /** A response to a CoAP request (`standard` profile); CoapClient makes promises of them. */
  response: [Extract<CoreEvent, { kind: EventKind.Response }>];
  /** Every datagram, for byte counts; over TCP what was written or read at a time. */
  datagram: [{ direction: "up" | "down"; bytes: Uint8Array }];
}
