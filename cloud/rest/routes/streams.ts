// Event streams: of all devices, of one, of a product; of all names or of those with a prefix.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { userOf } from "../api";
import type { Api } from "../api";
import { DEVICE_PATHS, deviceOf, productOf } from "../device-access";
import type { EventFilter } from "../event-bus";

export function streamRoutes(app: FastifyInstance, api: Api): void {
  const start = async (
    request: FastifyRequest,
    reply: FastifyReply,
    filter: Partial<EventFilter>,
  ): Promise<FastifyReply> => {
    const owner = userOf(request).username;
    const prefix = (request.params as { "*"?: string })["*"] ?? "";
    api.streams.checkRoom(owner);
    void reply.hijack();
    const withProduct = "product" in (request.params as object);
    api.streams.start(reply.raw, { ...filter, owner, prefix }, { withProduct });
    return reply;
  };
  const both = (
    path: string,
    filterOf: (request: FastifyRequest) => Partial<EventFilter>,
  ): void => {
    for (const url of [path, `${path}/*`]) {
      app.get(url, (request, reply) => start(request, reply, filterOf(request)));
    }
  };
  // The public stream of old is the user's own: nobody's events are public here.
  both("/v1/events", () => ({}));
  both("/v1/devices/events", () => ({}));
  both("/v1/orgs/:org/events", () => ({}));
  both("/v1/products/:product/events", (request) => {
    const { product } = request.params as { product: string };
    return { productId: productOf(product) };
  });
  for (const path of DEVICE_PATHS) {
    both(`${path}/events`, (request) => ({ deviceId: deviceOf(api, request).id }));
  }
}
