// PUT of a device: its name, its notes, its signal, or new firmware, told apart by the body.

import type { FastifyInstance, FastifyRequest } from "fastify";
import type { DeviceInfo } from "../../local-cloud";
import { bodyOf, textOf } from "../api";
import type { Api } from "../api";
import { DEVICE_PATHS, deviceOf, devicesOf } from "../device-access";
import { ApiError, badRequest, notSupported } from "../errors";
import { receiveUpload } from "../upload";
import { userOf } from "../api";

const MAX_NOTES_LENGTH = 4096;
/** Of a product's settings for a device; there is no product here that would follow them. */
const PRODUCT_FIELDS = ["development", "desired_firmware_version", "flash", "app_id"];

export function deviceChangeRoutes(app: FastifyInstance, api: Api): void {
  for (const path of DEVICE_PATHS) {
    app.put(path, async (request) => {
      const device = deviceOf(api, request);
      return request.isMultipart() ? flash(api, request, device) : change(api, request, device);
    });
  }
}

async function change(
  api: Api,
  request: FastifyRequest,
  device: DeviceInfo,
): Promise<Record<string, unknown>> {
  const body = bodyOf(request);
  const name = textOf(body, "name");
  if (name !== undefined) return rename(api, userOf(request).username, device, name);
  const notes = textOf(body, "notes");
  if (notes !== undefined) {
    if (notes.length > MAX_NOTES_LENGTH) throw badRequest("notes are too long");
    api.records.update(device.id, { notes });
    return { ok: true, id: device.id, notes, updated_at: new Date(api.now()).toISOString() };
  }
  const signal = textOf(body, "signal");
  if (signal !== undefined) {
    if (signal !== "0" && signal !== "1") throw badRequest('signal is "0" or "1"');
    await api.reach.signal(device.id, signal === "1");
    return { ok: true, id: device.id, connected: true, signaling: signal === "1" };
  }
  const field = PRODUCT_FIELDS.find((key) => Object.hasOwn(body, key));
  if (field !== undefined) throw notSupported(`"${field}" is not supported`, "no-product-firmware");
  throw badRequest("nothing to change: name, notes, signal, or firmware as multipart/form-data");
}

function rename(
  api: Api,
  username: string,
  device: DeviceInfo,
  name: string,
): Record<string, unknown> {
  if (!/^[^\p{Cc}/?#%]{1,64}$/u.test(name)) {
    throw badRequest("a name has 1 to 64 characters, none of them / ? # %");
  }
  const others = devicesOf(api, username).filter(({ id }) => id !== device.id);
  if (others.some((other) => other.name.toLowerCase() === name.toLowerCase())) {
    const error = "Another device has this name";
    throw new ApiError(409, { ok: false, error, reason: "name-taken" });
  }
  const { registry } = api.cloud;
  // Everything else that is registered of it stays.
  registry.register({ ...registry.find(device.id), id: device.id, name });
  return { ok: true, id: device.id, name, updated_at: new Date(api.now()).toISOString() };
}

/** New firmware. The upload is read to its end, or the client would see a broken connection in place of the answer. */
async function flash(
  api: Api,
  request: FastifyRequest,
  device: DeviceInfo,
): Promise<Record<string, unknown>> {
  const { files } = await receiveUpload(request);
  if (files.length === 0) throw badRequest("no file in the upload");
  if (files.length > 1 || /\.(ino|cpp|c|h)$/i.test(files[0].filename)) {
    throw notSupported("There is no compiler here: compile locally", "compiler-not-supported");
  }
  api.updates.start(device.id, files[0].data);
  return { ok: true, id: device.id, status: "Update started" };
}
