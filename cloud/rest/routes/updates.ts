// Updates of devices: how far one is, its end before its time, and what runs. Under /v1/local, where the official API has
// nothing; PUT of a device starts one.

import type { FastifyInstance } from "fastify";
import type { Api } from "../api";
import { deviceOf } from "../device-access";
import { ApiError } from "../errors";
import { modulesOf } from "../modules";

const PATH = "/v1/local/devices/:device";

export function updateRoutes(app: FastifyInstance, api: Api): void {
  app.get(`${PATH}/update`, async (request) => {
    const { id } = deviceOf(api, request);
    return { id, ...api.updates.viewOf(id) };
  });
  app.delete(`${PATH}/update`, async (request) => {
    const { id } = deviceOf(api, request);
    if (!api.updates.cancel(id)) {
      throw new ApiError(409, { ok: false, error: "No update is under way", reason: "no-update" });
    }
    return { ok: true, id };
  });
  app.get(`${PATH}/modules`, async (request) => {
    const { id, name, online } = deviceOf(api, request);
    const payload = api.cloud.systemDescribeOf(id);
    return { id, name, online, modules: modulesOf(payload), update: api.updates.viewOf(id) };
  });
}
