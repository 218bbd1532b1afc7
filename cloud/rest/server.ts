// The HTTP server: routes, limits, and what a REST cloud is made of. It listens on loopback only, unless it is told
// otherwise in so many words.

import type { AddressInfo } from "node:net";
import formbody from "@fastify/formbody";
import multipart from "@fastify/multipart";
import rateLimit from "@fastify/rate-limit";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import type { LocalCloud } from "../local-cloud";
import type { Store } from "../store/store";
import { OAuthClients } from "./accounts/oauth-clients";
import { Tokens } from "./accounts/tokens";
import { Users } from "./accounts/users";
import type { Api } from "./api";
import { requireToken } from "./authentication";
import { watchDevices } from "./device-events";
import type { DeviceRecords } from "./device-records";
import { ApiError, toAnswer } from "./errors";
import { LocalEventBus } from "./event-bus";
import type { CloudEvent } from "./event-bus";
import { EventLog } from "./event-log";
import { EventStreams } from "./event-streams";
import { DEFAULT_LIMITS, isLoopback } from "./options";
import type { RestOptions } from "./options";
import { callRoutes } from "./routes/calls";
import { compileRoutes } from "./routes/compile";
import { consoleRoutes } from "./routes/console";
import { deviceChangeRoutes } from "./routes/device-changes";
import { deviceRoutes } from "./routes/devices";
import { localRoutes } from "./routes/local";
import { loginRoutes } from "./routes/login";
import { productRoutes } from "./routes/products";
import { provisioningRoutes } from "./routes/provisioning";
import { publishRoutes } from "./routes/publish";
import { streamRoutes } from "./routes/streams";
import { updateRoutes } from "./routes/updates";
import { trafficRoutes } from "./routes/traffic";
import { userRoutes } from "./routes/user";
import { webhookRoutes } from "./routes/webhooks";
import { joinFleet } from "./fleet/join";
import type { FleetMember } from "./fleet/fleet-member";
import { publishAsCloud } from "./publication";
import { Updates } from "./updates";
import { TrafficLog } from "./traffic/traffic-log";
import { Webhooks } from "./webhooks/webhooks";

const DEFAULT_REST_PORT = 9090;
/** Characters of a path segment: 64 bytes, each of them escaped, and room. */
const MAX_SEGMENT_LENGTH = 256;
/** Parts of an upload. */
const MAX_FILES = 64;
const MAX_FIELDS = 32;

declare module "fastify" {
  interface FastifyInstance {
    uploadLimits: { uploadLength: number };
  }
}

/** What the server stands on. */
export interface RestParts {
  cloud: LocalCloud;
  store: Store;
  records: DeviceRecords;
  /** The part of this process in a fleet of several. */
  member?: FleetMember;
}

export class RestServer {
  private constructor(
    private readonly app: FastifyInstance,
    readonly api: Api,
    private readonly unwatch: () => void,
  ) {}

  /**
   * Start.
   * @returns once it listens
   * @throws Error for a host beyond loopback without `allowRemote`, or a port that is taken
   */
  static async listen(parts: RestParts, options: RestOptions = {}): Promise<RestServer> {
    const host = options.host ?? "127.0.0.1";
    if (!isLoopback(host) && !options.allowRemote) {
      throw new Error(`${host} is not a loopback address: that needs the option allowRemote`);
    }
    const api = makeApi(parts, options);
    const app = makeApp(api);
    const unwatch = watchDevices(parts.cloud, api);
    const server = new RestServer(app, api, unwatch);
    try {
      await register(app, api);
      if (parts.member) await joinFleet(api, parts.member);
      await app.listen({ host, port: options.port ?? DEFAULT_REST_PORT });
    } catch (error) {
      await server.close();
      throw error;
    }
    app.server.maxConnections = api.limits.connections;
    api.updates.resume();
    return server;
  }

  /** Where it listens. */
  get address(): { host: string; port: number } {
    const { address, port } = this.app.server.address() as AddressInfo;
    return { host: address, port };
  }

  get url(): string {
    const { host, port } = this.address;
    return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  /** Stop: streams end, requests under way are answered. */
  async close(): Promise<void> {
    this.unwatch();
    this.api.updates.close();
    this.api.streams.close();
    this.api.traffic.close();
    await this.api.webhooks.close();
    await this.app.close();
  }
}

function makeApi(parts: RestParts, options: RestOptions): Api {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const now = options.wallClock ?? Date.now;
  const { cloud, store, records, member } = parts;
  const bus = member?.bus ?? new LocalEventBus();
  const log = new EventLog(store, limits.eventsKept);
  const publish = (event: CloudEvent): void => publishAsCloud({ cloud, records, log, bus }, event);
  const { mayCall, webhookTimeoutMs, webhookRetries: retries } = options;
  return {
    ...{ cloud, store, records, bus, log, limits, now },
    reach: member ?? cloud,
    webhooks: new Webhooks(store, bus, publish, {
      ...{ mayCall, now, retries },
      limits: webhookTimeoutMs === undefined ? {} : { timeoutMs: webhookTimeoutMs },
    }),
    users: new Users(store),
    tokens: new Tokens(store, now),
    clients: new OAuthClients(store),
    updates: new Updates(cloud, store, now),
    traffic: new TrafficLog(cloud, limits.datagramsKept, now),
    streams: new EventStreams(bus, limits, options.keepAliveMs ?? 9000),
  };
}

function makeApp({ cloud, limits }: Api): FastifyInstance {
  const { headersTimeoutMs, requestTimeoutMs } = limits;
  const app = fastify({
    bodyLimit: limits.bodyLength,
    requestTimeout: requestTimeoutMs,
    // Event streams are silent for long.
    connectionTimeout: 0,
    forceCloseConnections: true,
    // HEAD of a stream would never end.
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_SEGMENT_LENGTH },
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.max(100, Math.min(headersTimeoutMs, 5000) / 2),
    },
  });
  app.setErrorHandler(async (error, _request, reply) => {
    const { status, body } = toAnswer(error);
    if (status === 500) {
      const { stack, message } = error as Error;
      cloud.emit("log", { level: "warn", message: `internal error: ${stack ?? message}` });
    }
    return reply.status(status).send(body);
  });
  app.decorate("uploadLimits", { uploadLength: limits.uploadLength });
  parseJson(app);
  return app;
}

/** Official clients send the content type also with no body at all. */
function parseJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.length === 0) done(null, {});
    else void parse(request, body as string, done);
  });
}

async function register(app: FastifyInstance, api: Api): Promise<void> {
  const { limits } = api;
  await app.register(rateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: () =>
      new ApiError(429, { ok: false, error: "Too many requests", reason: "rate-limit" }),
  });
  await app.register(formbody, { bodyLimit: limits.bodyLength });
  await app.register(multipart, {
    limits: {
      fileSize: limits.uploadLength + 1,
      files: MAX_FILES,
      fields: MAX_FIELDS,
      fieldSize: limits.bodyLength,
    },
    throwFileSizeLimit: false,
  });
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, async (_request, reply) =>
    reply.status(404).send({ ok: false, error: "Not found", reason: "no-such-endpoint" }),
  );
  requireToken(app, api);
  loginRoutes(app, api);
  userRoutes(app, api);
  publishRoutes(app, api);
  streamRoutes(app, api);
  deviceRoutes(app, api);
  deviceChangeRoutes(app, api);
  callRoutes(app, api);
  provisioningRoutes(app, api);
  productRoutes(app, api);
  webhookRoutes(app, api);
  localRoutes(app, api);
  updateRoutes(app, api);
  trafficRoutes(app, api);
  compileRoutes(app);
  consoleRoutes(app);
}
