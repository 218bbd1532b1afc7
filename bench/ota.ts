// Updates over the air: bytes on IPv4 in both directions and seconds of virtual time, from UpdateStart to the
// acknowledgement of the end, of the real core and the local cloud on links that lose datagrams.

import { FAR, LARGE, SMALL, updateCampaign } from "../tests/soak/updates";
import type { UpdateFigures } from "../tests/soak/updates";
import type { Result, Row } from "./table";

const SEEDS = new Map([
  [SMALL, 1000],
  [LARGE, 40],
  [FAR, 20],
]);

function rowOf(figures: UpdateFigures): Row {
  const { id, runs, failed, size, seconds, sent, delivered, overhead, acks } = figures;
  const { overheadDelivered } = figures;
  return {
    ...{ id, runs, failed, size },
    ...{ secondsP50: seconds[0], secondsP95: seconds[1], sentP50: sent[0], sentP95: sent[1] },
    ...{ deliveredP50: delivered[0], deliveredP95: delivered[1], acksP50: acks[0] },
    ...{ overheadPercentP50: overhead[0], overheadPercentP95: overhead[1] },
    ...{ overheadDeliveredP50: overheadDelivered[0], overheadDeliveredP95: overheadDelivered[1] },
  };
}

export async function run(): Promise<Result> {
  const rows: Row[] = [];
  for (const [which, count] of SEEDS) {
    rows.push(rowOf((await updateCampaign(which, count)).figures));
  }
  return {
    rows,
    notes: [
      "5-KB: 1 % loss, round trip 2 s; 256-KB: 5 % loss, 200 ms; 256-KB-far: 5 % loss, 2 s",
      "sent: IPv4 bytes of both directions with what the link lost; delivered: without it",
      "overhead: over the file, percent; a chunk of 1136 bytes has 68 more: IPv4, UDP 28, DTLS 29, CoAP 11",
      "at a loss of 5 % the chunks alone, sent until each has arrived, are 11.6 % above the file",
    ],
  };
}
