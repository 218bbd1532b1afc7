// A message broker between the cloud processes of a fleet: what is needed of one, and NATS, which offers it.

import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import type { Msg, NatsConnection } from "@nats-io/transport-node";

/** ms that the last messages may take at the end. */
const DRAIN_MS = 1000;

/** JSON values by subject; subjects are words with dots between them. At most once: what the broker loses is lost. */
export interface Broker {
  publish(subject: string, message: unknown): void;
  /** Everything that others and this process publish. */
  subscribe(subject: string, listener: (message: unknown) => void): void;
  /** Answer requests. @param answer never rejects */
  serve(subject: string, answer: (message: unknown) => Promise<unknown>): void;
  /** @throws BrokerError when nobody serves it, or does not answer in time */
  request(subject: string, message: unknown, timeoutMs: number): Promise<unknown>;
  /** Wait until everything so far has reached the broker. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** No answer. */
export class BrokerError extends Error {
  override name = "BrokerError";
}

/** What a broker tells of itself. */
export interface BrokerEvents {
  /** It was away, and messages may be missing. */
  reconnected(): void;
  log(level: "info" | "warn", message: string): void;
}

/** @param url "nats://[user:password@]host[:port]". @throws Error when there is no broker */
export async function connectNats(url: string, events: BrokerEvents): Promise<Broker> {
  const { protocol, host, username, password } = new URL(url);
  if (protocol !== "nats:") throw new Error(`${url}: a broker is nats://HOST[:PORT]`);
  const connection = await connect({
    ...{ servers: host, name: "wboson-cloud", timeout: 5000 },
    ...(username && { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
    // For ever: devices go on without it.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 1000,
  }).catch((error: Error) => {
    throw new Error(`no broker at ${host}: ${error.message}`);
  });
  void watch(connection, events);
  return new NatsBroker(connection);
}

async function watch(connection: NatsConnection, events: BrokerEvents): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === "disconnect") events.log("warn", "the broker is away");
    if (type !== "reconnect") continue;
    events.log("info", "the broker is back");
    events.reconnected();
  }
}

class NatsBroker implements Broker {
  constructor(private readonly connection: NatsConnection) {}

  publish(subject: string, message: unknown): void {
    if (!this.connection.isClosed()) this.connection.publish(subject, JSON.stringify(message));
  }

  subscribe(subject: string, listener: (message: unknown) => void): void {
    this.connection.subscribe(subject, {
      callback: (error, message) => {
        const value = error ? undefined : valueOf(message);
        if (value !== undefined) listener(value);
      },
    });
  }

  serve(subject: string, answer: (message: unknown) => Promise<unknown>): void {
    this.connection.subscribe(subject, {
      callback: (error, message) => {
        const value = error ? undefined : valueOf(message);
        if (value === undefined) return;
        void answer(value).then((result) => {
          if (!this.connection.isClosed()) message.respond(JSON.stringify(result));
        });
      },
    });
  }

  async request(subject: string, message: unknown, timeoutMs: number): Promise<unknown> {
    try {
      const options = { timeout: timeoutMs };
      return valueOf(await this.connection.request(subject, JSON.stringify(message), options));
    } catch (error) {
      throw new BrokerError((error as Error).message);
    }
  }

  flush(): Promise<void> {
    return this.connection.flush();
  }

  async close(): Promise<void> {
    // A broker that is away takes nothing any more.
    const patience = pause(DRAIN_MS, undefined, { ref: false });
    await Promise.race([this.connection.drain().catch(() => undefined), patience]);
    await this.connection.close();
  }
}

/** @returns undefined for what is no JSON */
function valueOf(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}
