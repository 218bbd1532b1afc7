// What a device tells of a transfer in the JSON of its last response:
// {"recv_chunks":n,"dup_chunks":n,"ooo_chunks":n,"sent_acks":n,"proc_time":ms}

import type { DeviceStats } from "./transfer";

const FIELDS: Record<string, keyof DeviceStats> = {
  recv_chunks: "receivedChunks",
  dup_chunks: "duplicateChunks",
  ooo_chunks: "outOfOrderChunks",
  sent_acks: "sentAcks",
  proc_time: "processingMs",
};

/** Read what is there; anything else is left out. */
export function decodeStats(payload: Uint8Array): DeviceStats {
  const stats: DeviceStats = {};
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return stats;
  }
  if (typeof json !== "object" || json === null) return stats;
  for (const [name, value] of Object.entries(json)) {
    if (!Object.hasOwn(FIELDS, name)) continue;
    if (typeof value === "number" && value >= 0) stats[FIELDS[name]] = value;
  }
  return stats;
}
