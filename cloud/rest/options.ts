// How the REST server is set up, and what it bears.

import type { RetryLimits } from "./webhooks/hook-retries";

export interface RestLimits {
  /** Bytes of a JSON or form body. */
  bodyLength: number;
  /** Bytes of all files of one upload. */
  uploadLength: number;
  /** Requests a minute from one address. */
  requestsPerMinute: number;
  /** Logins a minute from one address. */
  loginsPerMinute: number;
  /** Open event streams: of one user, and all together. */
  streamsPerUser: number;
  streams: number;
  /** Bytes that may wait for a slow reader of a stream before it is cut off. */
  streamBacklog: number;
  /** TCP connections. */
  connections: number;
  /** ms for a client to send its headers, and its whole request. */
  headersTimeoutMs: number;
  requestTimeoutMs: number;
  /** Events of each user that are kept. */
  eventsKept: number;
  /** Datagrams of all devices that the traffic view keeps, in memory; 0: it is off. */
  datagramsKept: number;
  /** Devices and webhooks of one user. */
  devicesPerUser: number;
  webhooksPerUser: number;
}

export const DEFAULT_LIMITS: RestLimits = {
  bodyLength: 64 * 1024,
  uploadLength: 4 * 1024 * 1024,
  requestsPerMinute: 1200,
  loginsPerMinute: 30,
  streamsPerUser: 32,
  streams: 256,
  streamBacklog: 1024 * 1024,
  connections: 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  eventsKept: 1000,
  datagramsKept: 1000,
  devicesPerUser: 10_000,
  webhooksPerUser: 20,
};

export interface RestOptions {
  /** Default: 9090; 0 takes a free one. */
  port?: number;
  /** Default: 127.0.0.1. */
  host?: string;
  /** Needed for a host that is not a loopback address: traffic is not encrypted. Default: false. */
  allowRemote?: boolean;
  limits?: Partial<RestLimits>;
  /** ms between the signs of life on event streams; official clients give up after 15 s. Default: 9000. */
  keepAliveMs?: number;
  /** May webhooks call this address? Default: all of http and https. */
  mayCall?: (url: URL) => boolean;
  /** ms that a webhook waits for an answer. Default: 20000. */
  webhookTimeoutMs?: number;
  /** How often, and after what pauses, webhooks try again. Default: twice, after 30 s and 60 s. */
  webhookRetries?: Partial<RetryLimits>;
  /** ms since 1970. Default: Date.now. */
  wallClock?: () => number;
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3), ::1, localhost. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
