// What only this cloud has: the last events, and its counters. Under /v1/local, where the official API has nothing.

import type { FastifyInstance } from "fastify";
import { userOf } from "../api";
import type { Api } from "../api";
import { badRequest } from "../errors";

const DEFAULT_EVENTS = 100;

export function localRoutes(app: FastifyInstance, api: Api): void {
  app.get("/v1/local/events", async (request) => {
    const { limit, prefix } = request.query as Record<string, unknown>;
    const count = limit === undefined ? DEFAULT_EVENTS : Number(limit);
    if (!Number.isInteger(count) || count < 1) throw badRequest("limit is a number from 1 on");
    const begin = typeof prefix === "string" ? prefix : "";
    const events = api.log.latest(userOf(request).username, begin, count);
    return events.map(({ name, data, ttl, publishedAt, coreId }) => ({
      ...{ name, data, ttl, published_at: publishedAt, coreid: coreId },
    }));
  });
  app.get("/v1/local/status", async () => ({
    streams: api.streams.count,
    dropped: { ...api.cloud.counters },
  }));
}
