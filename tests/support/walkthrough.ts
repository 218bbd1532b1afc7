// Bytes of one publish on the wire, and the ports that the sources name.

import { readFileSync } from "node:fs";
import path from "node:path";

import { FaultyStorage } from "./faulty-storage";
import { projectRoot } from "./fixture";
import { QueueWorld } from "./queue-world";
import { wireRecords } from "./wire";

const SOURCES: [file: string, pattern: RegExp][] = [
  ["bindings/wasm3/boson_api.c", /#define DEFAULT_PORT (\d+)/],
  ["cloud/udp-listener.ts", /DEFAULT_PORT = (\d+)/],
];

/** The default port of each place that has one. */
export const ROOT_PORTS = SOURCES.map(([file, pattern]) =>
  Number(pattern.exec(readFileSync(path.join(projectRoot, file), "utf8"))?.[1]),
);

/** Publish under id 1. @returns the CoAP message, and the bytes of its datagram */
export function wirePublish(name: string, data: string): { coap: Buffer; datagram: number } {
  const storage = new FaultyStorage();
  const world = new QueueWorld({ storage, device: { storedQueue: true } });
  world.connectNow();
  world.run(5000);
  const from = world.sent.length;
  world.publish(name, data);
  world.run(1000);
  const record = wireRecords(world).find(
    ({ datagram, message }) => datagram === from && message !== undefined,
  )!;
  return { coap: Buffer.from(record.content!), datagram: world.sent[from].bytes.length };
}
