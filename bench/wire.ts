// Bytes on the wire: datagrams between the core and the local cloud, counted at the device's end of
// a link that loses nothing. Figures of others stand beside them, measured on one machine over
// loopback: Device OS 6.2.0, a genuine client built for Linux, against a server of the same protocol;
// and for the `standard` profile the least that any of the usual libraries needed for the same step,
// client and server being of that library: tinydtls for the handshakes, Mbed TLS 3.6 for the session
// id, and Mbed TLS with its padding set to 1 byte for the first packet under a connection id.

import { ConnectionState, Credential, EventKind, Method } from "../bindings/node";
import { StandardWorld } from "../tests/support/standard-world";
import { World } from "../tests/support/world";
import type { Result, Row } from "./table";

/** ECDSA signatures in DER vary by some bytes: the handshake row is the largest of so many runs. */
const HANDSHAKE_RUNS = 50;
const EVENT_NAME = "temp";
const EVENT_DATA = "x".repeat(20);
/** Idle time after which the keepalive of a Wi-Fi device is due, ms. */
const KEEPALIVE = 25_000;
/** 2.04 */
const CHANGED = 0x44;

type Cost = { up: number; down: number; datagrams: number };

/** Device OS 6.2.0: bytes and datagrams of the same step. */
const DEVICE_OS: Record<string, { total: number; datagrams: number }> = {
  "handshake-cookie": { total: 1147, datagrams: 6 },
  // ping, two system events and the publish, each with its ACK
  "resume-publish": { total: 322 + 118, datagrams: 8 },
  publish: { total: 118, datagrams: 2 },
  ping: { total: 86, datagrams: 2 },
};

/** The best of the others: bytes of the same step. */
const PEERS: Record<string, number> = {
  "psk-handshake-cookie": 485,
  "session-id-resume": 421,
  "standard-handshake-cookie": 1157,
  "standard-resume-publish": 105,
};

function toStandardRow(id: string, cost: Cost): Row {
  return { id, ...cost, total: cost.up + cost.down, peerTotal: PEERS[id] };
}

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

const largest = (costs: Cost[]): Cost =>
  costs.reduce((a, b) => (b.up + b.down > a.up + a.down ? b : a));

// ---- the standard profile ---------------------------------------------------------------------

/** A handshake of the standard profile, with a cookie and a connection id, without a session id. */
function standardHandshake(credential: Credential, seed: number): Cost {
  const world = new StandardWorld({ seed, credential, cloud: { sessionIds: false } });
  world.connectNow();
  return world.count();
}

/** A device with a raw key that said goodbye comes back by its session id. */
function sessionIdResume(): Cost {
  const world = new StandardWorld();
  world.connectNow();
  world.core.disconnect(1, 0, world.deviceNow);
  world.drain();
  world.run(1_000);
  const from = world.sent.length;
  world.connectNow();
  world.run(1_000);
  return world.count(from);
}

/** The first packet of a cold start: a POST of 33 bytes, and its answer. */
function standardResume(): Cost {
  const world = new StandardWorld();
  world.cloud.onRequest(`/E/${EVENT_NAME}`, () => ({ code: CHANGED }));
  world.connectNow();
  world.run(5_000);
  world.startDevice();
  const from = world.sent.length;
  const target = { method: Method.Post, path: `E/${EVENT_NAME}` };
  const handle = world.request({ ...target, payload: Buffer.from(EVENT_DATA) });
  world.connect();
  if (world.respond(handle, 10_000)?.code !== CHANGED) throw new Error("no answer to the POST");
  world.run(2_000);
  return world.count(from);
}

function standardRows(): Row[] {
  const runs = Array.from({ length: HANDSHAKE_RUNS }, (_, i) => i + 1);
  const rawKey = runs.map((seed) => standardHandshake(Credential.RawPublicKey, seed));
  return [
    toStandardRow("psk-handshake-cookie", standardHandshake(Credential.PreSharedKey, 1)),
    toStandardRow("standard-handshake-cookie", largest(rawKey)),
    toStandardRow("session-id-resume", sessionIdResume()),
    toStandardRow("standard-resume-publish", standardResume()),
  ];
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
      toRow("handshake-cookie", largest(handshakes)),
      toRow("resume-publish", resume),
      toRow("publish", publish),
      toRow("ping", ping),
      ...standardRows(),
    ],
    notes: [
      "up, down, total: UDP payload bytes; IPv4 and UDP add 28 bytes to each datagram",
      `handshake-cookie, standard-handshake-cookie: the largest of ${HANDSHAKE_RUNS}, signatures vary in length`,
      `publish: event "${EVENT_NAME}" with ${EVENT_DATA.length} bytes, confirmable, with its ACK;` +
        " Device OS: name of 8 letters",
      "resume-publish: the same as the first packet after a cold start of the device",
      "standard rows: profile `standard` with RFC 9146 connection ids; the handshakes without session" +
        " ids, for the peers have none there; session-id-resume with a raw key, without cookie",
      `standard-resume-publish: POST /E/${EVENT_NAME}, ${EVENT_DATA.length} bytes of payload, first packet` +
        " after a cold start, and its answer",
      "peerTotal: the least that another library needs",
    ],
  };
}
