// Products: every product number that a device of the user reported is one.

import type { FastifyInstance } from "fastify";
import { userOf } from "../api";
import type { Api } from "../api";
import { devicesOf, productOf } from "../device-access";
import { notFound } from "../errors";

export function productRoutes(app: FastifyInstance, api: Api): void {
  for (const path of ["/v1/products", "/v1/user/products"]) {
    app.get(path, async (request) => ({ products: list(api, userOf(request).username) }));
  }
  app.get("/v1/products/:product", async (request) => {
    const number = productOf((request.params as { product: string }).product);
    const product = list(api, userOf(request).username).find(({ id }) => id === number);
    if (!product) throw notFound("Product");
    return { product };
  });
}

function list(api: Api, username: string): { id: number; [field: string]: unknown }[] {
  const platforms = new Map<number, number>();
  for (const { lastHello } of devicesOf(api, username)) {
    if (lastHello) platforms.set(lastHello.productId, lastHello.platformId);
  }
  return [...platforms]
    .sort(([a], [b]) => a - b)
    .map(([id, platformId]) => ({
      id,
      name: `Product ${id}`,
      slug: `product-${id}`,
      platform_id: platformId,
      user: username,
      description: "",
      settings: {},
      groups: [],
    }));
}
