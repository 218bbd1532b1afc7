// Events from the API: published to the devices of the user and to their streams.

import type { FastifyInstance, FastifyRequest } from "fastify";
import { bodyOf, textOf, userOf } from "../api";
import type { Api } from "../api";
import { productOf } from "../device-access";
import { badRequest } from "../errors";
import { publishToAll } from "../publication";

const DEFAULT_TTL = 60;
/** Said by the cloud only. */
const RESERVED = /^(spark|particle)(\/|$)/i;

export function publishRoutes(app: FastifyInstance, api: Api): void {
  for (const path of [
    "/v1/devices/events",
    "/v1/products/:product/events",
    "/v1/orgs/:org/events",
  ]) {
    app.post(path, async (request) => {
      publish(api, request);
      return { ok: true };
    });
  }
}

function publish(api: Api, request: FastifyRequest): void {
  const body = bodyOf(request);
  const name = textOf(body, "name") ?? "";
  if (name === "") throw badRequest("name is missing");
  if (/[\p{Cc}\p{Cs}]/u.test(name)) throw badRequest("name has control characters");
  if (RESERVED.test(name)) throw badRequest("names that begin with spark or particle are reserved");
  const { product } = request.params as { product?: string };
  const ttl = Number(textOf(body, "ttl") ?? DEFAULT_TTL);
  if (!Number.isInteger(ttl) || ttl < 0 || ttl > 0xffffff) throw badRequest("bad ttl");
  publishToAll(api, {
    name,
    data: textOf(body, "data") ?? null,
    ttl,
    publishedAt: new Date(api.now()).toISOString(),
    coreId: "api",
    owner: userOf(request).username,
    productId: product === undefined ? undefined : productOf(product),
  });
}
