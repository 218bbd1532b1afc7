// What goes between this cloud and its devices: the last datagrams, decoded, and what bytes were spent on. Under
// /v1/local, where the official API has nothing.

import type { FastifyInstance, FastifyRequest } from "fastify";
import { userOf } from "../api";
import type { Api } from "../api";
import { findDevice } from "../device-access";
import { badRequest, notFound } from "../errors";
import type { TrafficEntry, TrafficSum } from "../traffic/traffic-log";

/** ms between two batches of a stream, and datagrams of one: what is more is left out, and counted. */
const BATCH_MS = 250;
const BATCH_LENGTH = 100;

interface Batch {
  /** Oldest first. */
  datagrams: Record<string, unknown>[];
  /** Datagrams that were left out in front of them. */
  skipped: number;
  causes: TrafficSum[];
}

export function trafficRoutes(app: FastifyInstance, api: Api): void {
  app.get("/v1/local/traffic", async (request) => {
    const { limit } = request.query as Record<string, unknown>;
    const count = limit === undefined ? BATCH_LENGTH : Number(limit);
    if (!Number.isInteger(count) || count < 1) throw badRequest("limit is a number from 1 on");
    return batchOf(api, viewOf(api, request)(), 0, count);
  });
  app.get("/v1/local/traffic/stream", (request, reply) => {
    const { username } = userOf(request);
    const view = viewOf(api, request);
    api.streams.checkRoom(username);
    void reply.hijack();
    let next = 0;
    let isFirst = true;
    const sendNews = (): void => {
      if (next === api.traffic.end && !isFirst) return;
      const batch = batchOf(api, view(), next, BATCH_LENGTH);
      next = api.traffic.end;
      if (batch.datagrams.length === 0 && !isFirst) return;
      isFirst = false;
      send(`event: traffic\ndata: ${JSON.stringify(batch)}\n\n`);
    };
    const timer = setInterval(sendNews, BATCH_MS);
    const send = api.streams.begin(reply.raw, username, () => clearInterval(timer));
    return reply;
  });
}

/** Whether a user sees what belongs to a device, or to none. */
type View = (deviceId: string | undefined) => boolean;

/** One device of the user, or all. @returns what is seen at the moment. @throws ApiError 404 */
function viewOf(api: Api, request: FastifyRequest): () => View {
  const { username } = userOf(request);
  const { device: wanted } = request.query as Record<string, unknown>;
  if (typeof wanted === "string" && wanted !== "") {
    const device = findDevice(api, username, wanted);
    if (!device) throw notFound("Device");
    return () => (id) => id === device.id && api.records.ownerOf(id) === username;
  }
  return () => {
    // Handshakes that fail name no device. With one user there is no doubt whose they are.
    const isOnly = api.users.all.length === 1;
    return (id) => (id === undefined ? isOnly : api.records.ownerOf(id) === username);
  };
}

function batchOf(api: Api, view: View, from: number, limit: number): Batch {
  const all = api.traffic.since(from).filter(({ deviceId }) => view(deviceId));
  const shown = all.slice(-limit);
  return {
    datagrams: shown.map(describe),
    skipped: all.length - shown.length,
    causes: addUp(api.traffic.counted.filter(view).flatMap((id) => api.traffic.sumsOf(id))),
  };
}

function describe({ at, deviceId, revision: _, ...entry }: TrafficEntry): Record<string, unknown> {
  return { ...entry, at: new Date(at).toISOString(), device: deviceId };
}

/** One sum a cause, the largest first; those of nothing are left out. */
function addUp(sums: TrafficSum[]): TrafficSum[] {
  const totals = new Map<string, TrafficSum>();
  for (const { cause, up, down } of sums) {
    const total = totals.get(cause);
    totals.set(cause, {
      cause,
      up: plus(up, total?.up),
      down: plus(down, total?.down),
    });
  }
  const size = ({ up, down }: TrafficSum): number => up.bytes + down.bytes;
  return [...totals.values()].filter((sum) => size(sum) > 0).sort((a, b) => size(b) - size(a));
}

function plus(
  a: TrafficSum["up"],
  b: TrafficSum["up"] = { bytes: 0, datagrams: 0 },
): TrafficSum["up"] {
  return { bytes: a.bytes + b.bytes, datagrams: a.datagrams + b.datagrams };
}
