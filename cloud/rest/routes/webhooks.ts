// Webhooks as particle-api-js knows them, and as integrations, the name under which the CLI does.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { bodyOf, textOf, userOf } from "../api";
import type { Api } from "../api";
import { findDevice, productOf } from "../device-access";
import { ApiError, notFound } from "../errors";
import { readSettings } from "../webhooks/webhook";
import type { Webhook } from "../webhooks/webhook";

const SCOPES = ["/v1", "/v1/products/:product", "/v1/orgs/:org"];

export function webhookRoutes(app: FastifyInstance, api: Api): void {
  for (const scope of SCOPES) {
    for (const [path, show] of [
      [`${scope}/webhooks`, showWebhook],
      [`${scope}/integrations`, showIntegration],
    ] as const) {
      app.get(path, async (request) => listOf(api, request).map(show));
      app.post(path, async (request, reply) => create(api, request, reply));
      app.get(`${path}/:hook`, async (request) => show(hookOf(api, request)));
      app.put(`${path}/:hook`, async (request) => show(edit(api, request)));
      app.delete(`${path}/:hook`, async (request) => {
        api.webhooks.remove(hookOf(api, request).id);
        return { ok: true };
      });
    }
  }
}

function listOf(api: Api, request: FastifyRequest): Webhook[] {
  const productId = productIdOf(request);
  const hooks = api.webhooks.list(userOf(request).username);
  return hooks.filter((hook) => productId === undefined || hook.productId === productId);
}

function create(api: Api, request: FastifyRequest, reply: FastifyReply): Record<string, unknown> {
  const { username } = userOf(request);
  const settings = readSettings(bodyOf(request));
  if (api.webhooks.list(username).length >= api.limits.webhooksPerUser) {
    throw new ApiError(400, { ok: false, error: "Too many webhooks", reason: "too-many-webhooks" });
  }
  const deviceId = deviceIdOf(api, request);
  const hook = api.webhooks.add(username, settings, { deviceId, productId: productIdOf(request) });
  void reply.status(201);
  const base = `${request.protocol}://${request.host}`;
  return {
    ok: true,
    ...showIntegration(hook),
    name: hook.name ?? null,
    hookUrl: `${base}/v1/webhooks/${hook.id}`,
  };
}

/** What is not given stays as it is. */
function edit(api: Api, request: FastifyRequest): Webhook {
  const hook = hookOf(api, request);
  const settings = readSettings({ ...hook, ...bodyOf(request) });
  const deviceId = deviceIdOf(api, request) ?? hook.deviceId;
  return api.webhooks.put({ ...hook, ...settings, deviceId });
}

function hookOf(api: Api, request: FastifyRequest): Webhook {
  const { hook: id } = request.params as { hook: string };
  const hook = api.webhooks.find(id, userOf(request).username);
  const productId = productIdOf(request);
  if (!hook || (productId !== undefined && hook.productId !== productId)) {
    throw notFound("Webhook");
  }
  return hook;
}

function productIdOf(request: FastifyRequest): number | undefined {
  const { product } = request.params as { product?: string };
  return product === undefined ? undefined : productOf(product);
}

/** The device that a webhook is for. Clients spell the field in three ways. @throws ApiError 404 */
function deviceIdOf(api: Api, request: FastifyRequest): string | undefined {
  const body = bodyOf(request);
  const names = ["deviceid", "deviceId", "deviceID"];
  const wanted = names.map((name) => textOf(body, name)).find((text) => text);
  if (wanted === undefined || wanted === "mine") return undefined;
  const device = findDevice(api, userOf(request).username, wanted);
  if (!device) throw notFound("Device");
  return device.id;
}

function showWebhook(hook: Webhook): Record<string, unknown> {
  return {
    id: hook.id,
    event: hook.event,
    created_at: hook.createdAt,
    url: hook.url,
    requestType: hook.requestType,
    name: hook.name ?? null,
    ...(hook.deviceId !== undefined && { deviceID: hook.deviceId }),
    disabled: false,
  };
}

function showIntegration(hook: Webhook): Record<string, unknown> {
  return { ...showWebhook(hook), integration_type: "Webhook" };
}
