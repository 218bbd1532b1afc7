// One run over a bad link: connect, publish, receive. What is counted is what the application and the
// cloud saw; a run is named by its seed.

import { ConnectionState } from "../../bindings/node";
import { Application } from "../support/application";
import { World } from "../support/world";
import type { LinkOptions } from "../support/world";

export interface LossReport {
  seed: number;
  /** ms until connected; -1 when it never was. */
  connectedAfter: number;
  /** ms from the first publish until the last one had its end. */
  publishedAfter: number;
  /** Ends of the publishes, by handle: one each, 0 if all is well. */
  outcomes: number[][];
  /** Publishes that the cloud never saw, and that it saw more than once. */
  missing: number;
  duplicates: number;
  /** Events of the cloud that the application got, and those that it got more than once. */
  received: number;
  repeated: number;
  handshakes: number;
}

export const BAD_LINK: LinkOptions = { loss: 0.2, duplication: 0.1, minDelay: 20, maxDelay: 400 };

function countBy(names: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Run once. @param messages publishes of the device, and as many events of the cloud */
export function runOverLoss(seed: number, link = BAD_LINK, messages = 10): LossReport {
  const world = new World({ seed, ...link });
  const application = new Application(world).subscribe("down");
  const seen: string[] = [];
  world.cloud.on("event", ({ data }) => seen.push(data.toString()));
  world.connect();
  const connected = world.runUntil(() => world.state === ConnectionState.Connected, 600_000);
  const connectedAfter = connected ? world.now : -1;
  world.run(20_000);
  const startedAt = world.now;
  for (let i = 0; i < messages; i++) {
    application.publish("up", `${i}`);
    world.cloud.publish("down", `${i}`);
    world.run(world.random.below(1000));
  }
  world.runUntil(() => application.isSettled, 600_000);
  const publishedAfter = world.now - startedAt;
  world.run(300_000);

  const counts = countBy(seen);
  const received = countBy(application.received.map(({ data }) => Buffer.from(data).toString()));
  const repetitions = (of: Map<string, number>): number =>
    [...of.values()].reduce((sum, count) => sum + count - 1, 0);
  return {
    seed,
    connectedAfter,
    publishedAfter,
    outcomes: [...application.outcomes.values()],
    missing: messages - counts.size,
    duplicates: repetitions(counts),
    received: received.size,
    repeated: repetitions(received),
    handshakes: world.sessions.size,
  };
}
