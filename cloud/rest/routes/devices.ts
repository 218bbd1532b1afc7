// The devices of a user: list, one, claim, remove. What changes one is in device-changes.ts.

import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { bodyOf, textOf, userOf } from "../api";
import type { Api } from "../api";
import {
  DEVICE_PATHS,
  checkDeviceRoom,
  deviceOf,
  devicesOf,
  pageOf,
  productOf,
} from "../device-access";
import { deviceDetails, deviceSummary } from "../device-object";
import { ApiError, badRequest, notFound } from "../errors";

export function deviceRoutes(app: FastifyInstance, api: Api): void {
  app.get("/v1/devices", async (request) =>
    devicesOf(api, userOf(request).username).map((device) =>
      deviceSummary(device, api.records.get(device.id)),
    ),
  );
  app.get("/v1/products/:product/devices", async (request) => listProduct(api, request));
  app.post("/v1/devices", async (request) => {
    const body = bodyOf(request);
    if (textOf(body, "id") !== undefined) return claim(api, request);
    if (textOf(body, "product_id") !== undefined) return provision(api, request);
    throw badRequest("id or product_id is needed");
  });
  for (const path of ["/v1/device_claims", "/v1/products/:product/device_claims"]) {
    app.post(path, async (request) => {
      const { username } = userOf(request);
      const ids = devicesOf(api, username).map(({ id }) => id);
      return { claim_code: api.records.makeClaimCode(username), device_ids: ids };
    });
  }
  for (const path of DEVICE_PATHS) {
    app.get(path, async (request) => {
      const device = deviceOf(api, request);
      return deviceDetails(device, api.records.get(device.id));
    });
    app.delete(path, async (request) => {
      api.records.update(deviceOf(api, request).id, { owner: undefined });
      return { ok: true };
    });
  }
  app.delete("/v1/products/:product/devices/:device/owner", async (request) => {
    api.records.update(deviceOf(api, request).id, { owner: undefined });
    return { ok: true };
  });
}

function listProduct(api: Api, request: FastifyRequest): Record<string, unknown> {
  const { product } = request.params as { product: string };
  const query = request.query as Record<string, unknown>;
  const number = productOf(product);
  const contains = (text: string, part: unknown): boolean =>
    typeof part !== "string" || text.toLowerCase().includes(part.toLowerCase());
  const devices = devicesOf(api, userOf(request).username)
    .filter(({ lastHello }) => lastHello?.productId === number)
    .filter(({ id, name }) => contains(id, query.deviceId) && contains(name, query.deviceName))
    .map((device) => deviceSummary(device, api.records.get(device.id)));
  sort(devices, query);
  const { items, meta } = pageOf(devices, query);
  return { devices: items, customers: [], meta };
}

function sort(devices: Record<string, unknown>[], query: Record<string, unknown>): void {
  const attributes: Record<string, string> = {
    deviceName: "name",
    deviceId: "id",
    firmwareVersion: "firmware_version",
    lastConnection: "last_heard",
  };
  const attribute = attributes[String(query.sortAttr ?? "lastConnection")] ?? "last_heard";
  const sign = query.sortDir === "asc" ? 1 : -1;
  const keyOf = (device: Record<string, unknown>): string => String(device[attribute] ?? "");
  devices.sort((a, b) => sign * keyOf(a).localeCompare(keyOf(b), "en", { numeric: true }));
}

/** Make a device one's own. */
function claim(api: Api, request: FastifyRequest): Record<string, unknown> {
  const { username, id: userId } = userOf(request);
  const id = (textOf(bodyOf(request), "id") ?? "").toLowerCase();
  if (!/^[0-9a-f]{24}$/.test(id)) throw badRequest("a device id is 24 hex digits");
  const device = api.cloud.registry.find(id);
  if (!device) throw notFound("Device");
  const owner = api.records.ownerOf(id);
  if (owner !== undefined && owner !== username) {
    // There is nobody to ask for a transfer: its owner has to remove it first.
    const error = "That belongs to someone else.";
    throw new ApiError(403, { ok: false, error, errors: [error], reason: "owned" });
  }
  if (owner === undefined) {
    checkDeviceRoom(api, username);
    api.records.update(id, { owner: username });
  }
  const connected = api.reach.device(id).online;
  return { ok: true, id, deviceID: id, claimed: true, connected, user_id: userId };
}

/** A new device without a key: POST /v1/provisioning/:id gives it one. */
function provision(api: Api, request: FastifyRequest): Record<string, unknown> {
  const id = randomBytes(12).toString("hex");
  const { username } = userOf(request);
  checkDeviceRoom(api, username);
  api.cloud.registry.register({ id });
  api.records.update(id, { owner: username });
  return { ok: true, device_id: id };
}
