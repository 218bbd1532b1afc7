// Bytes on the wire: datagrams between the core and the local cloud, counted at the device's end of
// a link that loses nothing. Figures of Device OS 6.2.0 stand beside them: those of a genuine client
// built for Linux, measured over loopback against a server of the same protocol.

import { ConnectionState, EventKind } from "../bindings/node";
import { World } from "../tests/support/world";
import type { Result, Row } from "./table";

/** ECDSA signatures in DER vary by some bytes: the handshake row is the largest of so many runs. */
const HANDSHAKE_RUNS = 50;
const EVENT_NAME = "temp";
const EVENT_DATA = "x".repeat(20);
/** Idle time after which the keepalive of a Wi-Fi device is due, ms. */
const KEEPALIVE = 25_000;

type Cost = { up: number; down: number; datagrams: number };

/** Device OS 6.2.0: bytes and datagrams of the same step. */
const DEVICE_OS: Record<string, { total: number; datagrams: number }> = {
  "handshake-cookie": { total: 1147, datagrams: 6 },
  // ping, two system events and the publish, each with its ACK
  "resume-publish": { total: 322 + 118, datagrams: 8 },
  publish: { total: 118, datagrams: 2 },
  ping: { total: 86, datagrams: 2 },
};

function toRow(id: string, cost: Cost): Row {
  const total = cost.up + cost.down;
  const { total: deviceOsTotal, datagrams: deviceOsDatagrams } = DEVICE_OS[id];
  return { id, ...cost, total, deviceOsTotal, deviceOsDatagrams };
}

function handshake(seed: number): Cost {
  const world = new World({ seed });
  world.connect();
  let cost: Cost | undefined;
  world.runUntil(() => {
    if (world.state === ConnectionState.Handshake) return false;
    cost ??= world.count();
    return world.state >= ConnectionState.Hello;
  }, 60_000);
  const hello = world.sent.at(-1)!;
  // The Hello that follows at once is not part of the handshake.
  if (hello.direction === "up") cost = subtract(cost!, { up: hello.bytes.length, datagrams: 1 });
  return cost!;
}

function subtract(cost: Cost, less: { up: number; datagrams: number }): Cost {
  return { ...cost, up: cost.up - less.up, datagrams: cost.datagrams - less.datagrams };
}

/** The cost of what happens until a publish is acknowledged. */
function publishCost(world: World, begin: () => void): Cost {
  const from = world.sent.length;
  let done = false;
  world.onEvent = (event) => {
    if (event.kind === EventKind.PublishDone) done = event.status === 0;
  };
  begin();
  world.drain();
  if (!world.runUntil(() => done, 10_000)) throw new Error("the publish was not acknowledged");
  world.run(2_000);
  return world.count(from);
}

export async function run(): Promise<Result> {
  const handshakes = Array.from({ length: HANDSHAKE_RUNS }, (_, i) => handshake(i + 1));
  const largest = handshakes.reduce((a, b) => (b.up + b.down > a.up + a.down ? b : a));

  const world = new World();
  world.connectNow();
  world.run(5_000);
  const publish = publishCost(world, () => world.core.publish(EVENT_NAME, EVENT_DATA));

  world.startDevice(); // only storage survives
  const resume = publishCost(world, () => {
    world.core.publish(EVENT_NAME, EVENT_DATA);
    world.core.connect(world.deviceNow);
  });

  const from = world.sent.length;
  world.run(KEEPALIVE);
  const ping = world.count(from);

  return {
    rows: [
      toRow("handshake-cookie", largest),
      toRow("resume-publish", resume),
      toRow("publish", publish),
      toRow("ping", ping),
    ],
    notes: [
      "up, down, total: UDP payload bytes; IPv4 and UDP add 28 bytes to each datagram",
      `handshake-cookie: the largest of ${HANDSHAKE_RUNS}, signatures vary in length`,
      `publish: event "${EVENT_NAME}" with ${EVENT_DATA.length} bytes, confirmable, with its ACK;` +
        " Device OS: name of 8 letters",
      "resume-publish: the same as the first packet after a cold start of the device",
    ],
  };
}
