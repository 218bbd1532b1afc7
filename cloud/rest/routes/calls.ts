// What goes to a device and comes back: functions, variables, ping.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { FunctionNotFound } from "../../errors";
import type { DeviceInfo } from "../../local-cloud";
import { bodyOf, textOf } from "../api";
import type { Api } from "../api";
import { DEVICE_PATHS, deviceOf } from "../device-access";
import { isoTime } from "../device-object";
import { ApiError } from "../errors";

export function callRoutes(app: FastifyInstance, api: Api): void {
  for (const path of DEVICE_PATHS) {
    app.put(`${path}/ping`, async (request) => ({
      ok: true,
      online: await ping(api, deviceOf(api, request)),
    }));
    app.post(`${path}/:name`, async (request) => call(api, request));
    app.get(`${path}/:name`, async (request, reply) => read(api, request, reply));
  }
}

async function call(api: Api, request: FastifyRequest): Promise<Record<string, unknown>> {
  const device = deviceOf(api, request);
  const { name } = request.params as { name: string };
  const body = bodyOf(request);
  const argument = ["args", "arg", "params"]
    .map((key) => textOf(body, key))
    .find((a) => a !== undefined);
  try {
    const value = await api.reach.call(device.id, name, argument ?? "");
    return { id: device.id, name: device.name, connected: true, return_value: value };
  } catch (error) {
    if (!(error instanceof FunctionNotFound)) throw error;
    const text = `Function ${name} not found`;
    throw new ApiError(404, { ok: false, error: text, reason: error.code });
  }
}

async function read(
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Record<string, unknown> | string> {
  const device = deviceOf(api, request);
  const { name } = request.params as { name: string };
  const result = await api.reach.read(device.id, name);
  if ((request.query as Record<string, unknown>).format === "raw") {
    void reply.type("text/plain; charset=utf-8");
    return String(result);
  }
  const { online, lastHeard, lastHello } = api.reach.device(device.id);
  return {
    cmd: "VarReturn",
    name,
    result: jsonNumber(result),
    coreInfo: {
      name: device.name,
      deviceID: device.id,
      connected: online,
      last_heard: isoTime(lastHeard),
      last_handshake_at: isoTime(api.records.get(device.id).lastHandshakeAt),
      product_id: lastHello?.productId ?? null,
    },
  };
}

/** JSON has no number that is not finite: they come as text, or a reader could not tell them apart. */
function jsonNumber(value: boolean | number | string): boolean | number | string {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

async function ping(api: Api, device: DeviceInfo): Promise<boolean> {
  if (!device.connected) return false;
  try {
    await api.reach.ping(device.id);
    return true;
  } catch {
    return false;
  }
}
