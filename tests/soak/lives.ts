// Lives of a device: random traffic, reboots at any moment, power cuts at any byte of any write,
// storage that refuses or lies. What must never happen is checked over the whole life: a record
// number used twice, a message id given to two messages, a recording acted upon, a lost publish.

import { ConnectionState, Status } from "../../bindings/node";
import { Application } from "../support/application";
import { FaultyStorage } from "../support/faulty-storage";
import type { Tear } from "../support/faulty-storage";
import { history } from "../support/history";
import { World } from "../support/world";
import { findReuse } from "./reuse";

export interface LifeReport {
  seed: number;
  boots: number;
  /** Sealed records that the device really sent. */
  records: number;
  handshakes: number;
  resumes: number;
  torn: number;
  /** Publishes that the cloud saw more than once. */
  duplicates: number;
  /** What must not happen. */
  problems: string[];
}

const TEARS: Tear[] = ["old", "erased", "short"];

class Life {
  readonly storage = new FaultyStorage();
  readonly world: World;
  readonly application: Application;
  readonly problems: string[] = [];
  readonly report: LifeReport;
  /** Datagrams that a device without power cannot have sent. */
  private readonly unsent = new Set<number>();
  private readonly recorded: Uint8Array[] = [];
  /** Ids of publishes, by handle in this boot. */
  private handles = new Map<number, string>();
  private readonly seen = new Map<string, number>();
  private nextId = 0;

  constructor(readonly seed: number) {
    const link = { duplication: 0.1, minDelay: 10, maxDelay: 200 };
    const loss = (seed % 4) * 0.07;
    this.world = new World({ seed, storage: this.storage, ...link, loss });
    this.application = new Application(this.world).function("f", () => 1).subscribe("n");
    this.world.tamper = (direction, bytes) => this.watch(direction, bytes);
    this.world.cloud.on("event", ({ data }) => {
      const id = data.toString();
      this.seen.set(id, (this.seen.get(id) ?? 0) + 1);
    });
    const { problems } = this;
    const counts = { boots: 0, records: 0, handshakes: 0, resumes: 0, torn: 0, duplicates: 0 };
    this.report = { seed, ...counts, problems };
  }

  private watch(direction: "up" | "down", bytes: Uint8Array): Uint8Array | undefined {
    if (direction === "down") {
      this.recorded.push(bytes);
      return bytes;
    }
    if (!this.storage.isCut) return bytes;
    this.unsent.add(this.world.sent.length - 1);
    return undefined;
  }

  run(): LifeReport {
    const { random } = this.world;
    const boots = 2 + random.below(6);
    for (let boot = 0; boot < boots; boot++) {
      this.report.boots += 1;
      if (boot > 0) this.boot();
      this.arm();
      this.act();
      this.settlePublishes();
    }
    this.recover();
    const { records, sessions, problems } = findReuse(this.world, this.unsent);
    this.report.records = records;
    this.report.handshakes = sessions;
    this.problems.push(...problems);
    this.report.resumes = history(this.world).filter((change) =>
      change.startsWith("Connected SessionResumed"),
    ).length;
    this.report.duplicates = [...this.seen.values()].filter((count) => count > 1).length;
    return this.report;
  }

  private boot(): void {
    this.storage.restorePower();
    this.world.startDevice();
    this.application.install();
    this.application.outcomes.clear();
    this.handles = new Map();
    this.replay();
  }

  /** Play some of what the cloud ever sent to the device that is just waking up. */
  private replay(): void {
    const { world } = this;
    world.connect();
    const before = this.application.received.length + this.application.calls.length;
    for (const datagram of this.recorded.slice(-200)) world.inject(Uint8Array.from(datagram));
    if (this.application.received.length + this.application.calls.length !== before) {
      this.problems.push("acted upon a recording");
    }
  }

  /** Let one of the next writes go wrong. */
  private arm(): void {
    const { random } = this.world;
    if (random.chance(0.2)) return;
    let left = random.below(5);
    const kind = random.below(4);
    this.storage.onWrite = (_slot, bytes) => {
      if (left-- > 0) return undefined;
      if (kind === 2) return "refuse";
      if (kind === 3) return random.chance(0.5) ? "lie" : "refuse";
      if (left < -1) return undefined;
      this.report.torn += 1;
      return { tear: TEARS[random.below(3)], at: random.below(bytes.length + 1) };
    };
  }

  /** Live for a while; the end may come at any moment. */
  private act(): void {
    const { world, storage } = this;
    if (world.state === ConnectionState.Disconnected) this.guard(() => world.connect());
    const steps = world.random.below(300);
    for (let step = 0; step < steps && !storage.isCut; step++) {
      const choice = world.random.unit();
      if (choice < 0.25) this.publish();
      else if (choice < 0.35) world.cloud.publish("n", `${this.nextId++}`);
      else if (choice < 0.36) world.core.exports.link_down(world.deviceNow);
      else if (choice < 0.37) this.reconnect();
      else if (choice < 0.6) world.run(world.random.below(2000));
      else world.step(world.now + 60_000);
    }
  }

  private guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      const { status } = error as { status?: number };
      if (status === undefined) throw error;
    }
  }

  private reconnect(): void {
    const { world } = this;
    world.core.exports.disconnect(2, 0, world.deviceNow);
    world.drain();
    world.run(world.random.below(12_000));
    this.guard(() => world.connect());
  }

  private publish(): void {
    this.guard(() => {
      const id = `${this.nextId++}`;
      this.handles.set(this.application.publish("up", id), id);
    });
  }

  /** What the application was told is delivered must have reached the cloud. */
  private settlePublishes(): void {
    for (const [handle, statuses] of this.application.outcomes) {
      const id = this.handles.get(handle);
      if (statuses.length > 1) this.problems.push(`publish ${id} ended ${statuses.length} times`);
      if (statuses[0] === Status.Ok && id !== undefined && !this.seen.has(id)) {
        this.problems.push(`publish ${id} was lost`);
      }
    }
  }

  /** With a good link and good storage it must connect again. */
  private recover(): void {
    const { world } = this;
    world.link = { minDelay: 10 };
    this.boot();
    if (!world.runUntil(() => world.state === ConnectionState.Connected, 400_000)) {
      this.problems.push("does not connect any more");
    }
  }
}

/** Live one life. */
export function live(seed: number): LifeReport {
  return new Life(seed).run();
}
