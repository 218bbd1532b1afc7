// What leaves the network: the walk-through of a publish, the flight recorder, the manifest.

import { readFileSync } from "node:fs";
import path from "node:path";

import { FlightRecorder } from "../../bindings/node";
import { ROOT_PORTS, wirePublish } from "../support/walkthrough";
import { projectRoot } from "../support/fixture";
import { QueueWorld } from "../support/queue-world";
import { recordsOf } from "../support/wire";

const read = (file: string): string => readFileSync(path.join(projectRoot, file), "utf8");
const blocks = (page: string): string[] =>
  [...page.matchAll(/^```text\n([^]*?)^```$/gm)].map(([, block]) => block);

test("R26: the bytes of the walk-through are those of the code", () => {
  const [message, sizes] = blocks(read("docs/walkthrough.md"));
  const documented = [...message.matchAll(/^((?:[0-9a-f]{2} ?)+)/gm)]
    .map(([, bytes]) => bytes.replace(/ /g, ""))
    .join("");
  const { coap, datagram } = wirePublish("temp", "21.5");
  expect(coap.toString("hex").replace(/^(.{4}).{4}/, "$10002")).toBe(documented);
  expect(sizes).toContain(`CoAP message ${coap.length} bytes, datagram ${datagram} bytes`);
  expect(sizes).toContain(`headers ${datagram + 28} bytes`);
});

test("R24: each record on the wire has its row in the flight recorder, by sequence and length", () => {
  const recorder = new FlightRecorder(10_000);
  const world = new QueueWorld({ seed: 2, loss: 0.1, duplication: 0.1, maxDelay: 200 });
  world.connectNow(600_000);
  for (let i = 0; i < 30; i++) {
    world.publish("n", `${i}`);
    world.run(2000);
  }
  world.startDevice();
  world.connectNow(600_000);
  for (const { at, direction, bytes } of world.sent) {
    recorder.record(direction, bytes, at, "127.0.0.1:5684");
  }
  const expected = world.sent.flatMap((sent) =>
    recordsOf(sent).map((record) => [sent.at, sent.direction, record.epoch, record.sequenceNumber]),
  );
  const rows = recorder.rows.map((row) => [row.at, row.direction, row.epoch, row.sequence]);
  expect(expected.length).toBeGreaterThan(70);
  expect(rows).toEqual(expected);
  expect(recorder.rows.every(({ type }) => [20, 21, 22, 23, 25, 253].includes(type))).toBe(true);
  const total = (list: { datagram: number; at: number }[]): number =>
    new Set(list.map(({ at, datagram }) => `${at} ${datagram}`)).size;
  expect(total([...recorder.rows])).toBeGreaterThan(70);
  expect(recorder.toCsv().split("\n")).toHaveLength(recorder.rows.length + 2);
});

test("R24: what is no DTLS is noted as such; the ring keeps the newest", () => {
  const recorder = new FlightRecorder(2);
  recorder.record("down", Buffer.from("hello"), 1, "a:1");
  recorder.record("down", Buffer.alloc(0), 2, "a:1");
  recorder.record("up", Buffer.from("16fefd0000000000000001000a00", "hex"), 3, "a:1");
  expect(recorder.lost).toBe(1);
  expect(recorder.rows.map(({ at, type, length }) => [at, type, length])).toEqual([
    [2, -1, 0],
    [3, -1, 14],
  ]);
});

test("R25: the manifest names the ports, one socket at a time, and no listener", () => {
  const manifest = JSON.parse(read("docs/network-manifest.json")) as {
    flows: { defaultPort?: number; sockets?: number; destination: string; optional?: string }[];
    listens: unknown[];
  };
  const [cloud] = manifest.flows;
  // All else that the SDK has a port for is off unless it is asked for.
  const others = manifest.flows.slice(1).filter(({ defaultPort }) => defaultPort !== undefined);
  expect(others).toMatchObject([{ defaultPort: 123, sockets: 1 }]);
  expect(others[0].optional).toMatch(/^off unless/);
  const [, host] = /DEFAULT_HOST = "([^"]+)"/.exec(read("bindings/node/internet-test.ts"))!;
  expect(others[0].destination).toContain(host);
  expect(read("bindings/wasm3/boson_internet.c")).toContain(`#define DEFAULT_HOST "${host}"`);
  expect(ROOT_PORTS).toEqual(ROOT_PORTS.map(() => cloud.defaultPort));
  expect(ROOT_PORTS.length).toBeGreaterThan(1);
  expect(cloud.sockets).toBe(1);
  expect(manifest.listens).toEqual([]);
  // Every socket that a device asked for was to the one server, one at a time.
  const world = new QueueWorld();
  world.connectNow();
  world.core.exports.link_down(world.deviceNow);
  world.run(60_000);
  const kinds = world.events.flatMap(({ kind }) => (kind === 1 ? [1] : kind === 2 ? [-1] : []));
  let open = 0;
  for (const change of kinds) {
    open += change;
    expect(open).toBeLessThanOrEqual(1);
  }
});
