// What runs on a device and what ran before, as its system description says.

import { decodeSystemDescribe } from "../device-protocol/describe";
import type { FirmwareModule } from "../device-protocol/describe";

/** Numbers of the system description (particle.cloud.FirmwareModule). */
const MODULE_TYPES: Record<number, string> = {
  1: "resource",
  2: "bootloader",
  3: "monolithic firmware",
  4: "system part",
  5: "application",
  6: "settings",
  7: "network co-processor",
  8: "radio stack",
  9: "asset",
};
const STORES: Record<number, string> = { 0: "running", 1: "factory", 2: "previous", 3: "scratch" };

/** @param payload of the description; what is malformed has no modules */
export function modulesOf(payload: Buffer | undefined): Record<string, unknown>[] {
  if (!payload) return [];
  try {
    return decodeSystemDescribe(payload).modules.map(toView);
  } catch {
    return [];
  }
}

function toView({
  type,
  index,
  version,
  store,
  size,
  hash,
}: FirmwareModule): Record<string, unknown> {
  return {
    type: MODULE_TYPES[type] ?? `type ${type}`,
    index,
    version,
    store: STORES[store] ?? `store ${store}`,
    size: size || null,
    sha256: hash ?? null,
  };
}
