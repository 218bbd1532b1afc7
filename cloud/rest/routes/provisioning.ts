// POST /v1/provisioning/:id: the public key of a device, as `particle keys send` sends it.

import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { publicKeyFromSpki } from "../../keys";
import { DEVICE_SPKI_LENGTH, rsaPublicKeyFromSpki } from "../../tcp/rsa-keys";
import { bodyOf, textOf, userOf } from "../api";
import type { Api } from "../api";
import { checkDeviceRoom } from "../device-access";
import { ApiError, badRequest } from "../errors";

export function provisioningRoutes(app: FastifyInstance, api: Api): void {
  app.post("/v1/provisioning/:device", async (request) => provision(api, request));
}

/** A new device is registered and claimed; one's own gets another key, and with it the end of its session. */
async function provision(api: Api, request: FastifyRequest): Promise<Record<string, unknown>> {
  const { username } = userOf(request);
  const id = (request.params as { device: string }).device.toLowerCase();
  if (!/^[0-9a-f]{24}$/.test(id)) throw badRequest("a device id is 24 hex digits");
  const owner = api.records.ownerOf(id);
  if (owner !== undefined && owner !== username) {
    throw new ApiError(403, { ok: false, error: "That belongs to someone else.", reason: "owned" });
  }
  const { registry } = api.cloud;
  const before = registry.find(id);
  const publicKey = readPublicKey(textOf(bodyOf(request), "publicKey") ?? "");
  const other = registry.findByKey(publicKey);
  if (other && other.id !== id) {
    throw new ApiError(409, {
      ok: false,
      error: "Another device has this key",
      reason: "key-taken",
    });
  }
  if (owner === undefined) checkDeviceRoom(api, username);
  registry.register({ ...before, id, publicKey });
  api.records.update(id, { owner: username });
  const changed = before && !before.publicKey.equals(publicKey);
  if (changed && api.reach.device(id).connected) await api.reach.disconnect(id);
  return { ok: true, id, deviceID: id };
}

/** @param pem SubjectPublicKeyInfo in PEM. @returns its DER */
function readPublicKey(pem: string): Buffer {
  let key: KeyObject;
  // Node would derive the public key of a private one, which has no business here.
  if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) {
    throw badRequest("publicKey is no public key in PEM");
  }
  try {
    key = createPublicKey({ key: pem, format: "pem" });
  } catch {
    throw badRequest("publicKey is no public key in PEM");
  }
  const der = key.export({ type: "spki", format: "der" });
  try {
    if (der.length === DEVICE_SPKI_LENGTH) rsaPublicKeyFromSpki(der);
    else publicKeyFromSpki(der);
  } catch {
    throw badRequest("publicKey is neither on the curve P-256 nor RSA-1024");
  }
  return der;
}
