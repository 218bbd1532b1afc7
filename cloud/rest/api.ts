// What the routes work with.

import type { FastifyRequest } from "fastify";
import type { LocalCloud } from "../local-cloud";
import type { Store } from "../store/store";
import type { OAuthClients } from "./accounts/oauth-clients";
import type { Tokens } from "./accounts/tokens";
import type { User, Users } from "./accounts/users";
import type { DeviceRecords } from "./device-records";
import type { EventBus } from "./event-bus";
import type { EventLog } from "./event-log";
import type { EventStreams } from "./event-streams";
import type { RestLimits } from "./options";
import type { Updates } from "./updates";
import type { Reach } from "./reach";
import type { TrafficLog } from "./traffic/traffic-log";
import type { Webhooks } from "./webhooks/webhooks";

export interface Api {
  /** The cloud of this process. */
  cloud: LocalCloud;
  /** It, and with a fleet the others. */
  reach: Reach;
  store: Store;
  users: Users;
  tokens: Tokens;
  clients: OAuthClients;
  records: DeviceRecords;
  bus: EventBus;
  log: EventLog;
  streams: EventStreams;
  webhooks: Webhooks;
  updates: Updates;
  traffic: TrafficLog;
  limits: RestLimits;
  /** ms since 1970. */
  now: () => number;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; unset before the token was checked. */
    user: User | null;
    /** The token itself. */
    token: string;
  }
  interface FastifyContextConfig {
    /** No token needed. */
    open?: boolean;
  }
}

/** The user of a request that passed authentication. */
export function userOf(request: FastifyRequest): User {
  if (!request.user) throw new Error("a route without authentication asks for the user");
  return request.user;
}

/** The body of a request as an object: JSON or a form; anything else is an empty one. */
export function bodyOf(request: FastifyRequest): Record<string, unknown> {
  const { body } = request;
  return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
}

/** A field of a body as text; numbers and booleans are turned into it. */
export function textOf(body: Record<string, unknown>, name: string): string | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
