// A day of a device, in virtual time: the sleepy tracker of examples/tracker, which wakes every ten
// minutes to publish its position. IPv4 and UDP headers count: this is what a SIM card is billed for.

import { AppWorld, buildApplication } from "../tests/support/app-world";
import type { Result, Row } from "./table";

const WAKES = 144;
const SLEEP = 600_000;
const DAY = WAKES * SLEEP;
/** Bytes of the IPv4 and UDP headers of a datagram. */
const HEADERS = 28;

function row(id: string, world: AppWorld, from: number): Row {
  const { up, down, datagrams } = world.count(from);
  const ipv4Bytes = up + down + datagrams * HEADERS;
  return { id, wakes: WAKES, up, down, datagrams, ipv4Bytes, bytesPerWake: ipv4Bytes / WAKES };
}

/** Live a day and a bit, so that the last wake is complete. */
function liveADay(world: AppWorld): void {
  const { length } = world.received;
  world.live(DAY);
  if (world.received.length - length !== WAKES) {
    throw new Error(`${world.received.length - length} of ${WAKES} positions arrived`);
  }
}

export async function run(): Promise<Result> {
  const world = new AppWorld(buildApplication("examples/tracker/main.ts"));
  world.boot();
  liveADay(world);
  const first = row("sleepy-tracker-first-day", world, 0);
  const from = world.sent.length;
  liveADay(world);
  return {
    rows: [row("sleepy-tracker", world, from), first],
    notes: [
      "up, down: UDP payload bytes; ipv4Bytes: with 28 bytes of IPv4 and UDP headers a datagram",
      "sleepy-tracker: 144 wakes, each a cold start, a 7-byte position and its acknowledgement",
      "first-day: the same with the one handshake of a new device, Hello and Describe",
    ],
  };
}
