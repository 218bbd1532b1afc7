// A device with a stored queue that publishes without end, while links break and the power fails at
// any byte of any write. What must never happen: an event that the application was given a handle
// for is lost; one that it was told is acknowledged is not in the cloud; an event reaches the cloud
// under two ids, or two events under one; a publish costs more than a bound; the device's meter of
// data operations and the cloud's count differ.

import { ConnectionState, EventKind, Meter, Status } from "../../bindings/node";
import { compileCounted, countSteps } from "../support/counted";
import { FaultyStorage } from "../support/faulty-storage";
import type { Tear } from "../support/faulty-storage";
import { API_FILE, QueueWorld } from "../support/queue-world";
import { DEVICE_ID } from "../support/world";

export interface QueueReport {
  seed: number;
  /** Publishes that returned a handle. */
  accepted: number;
  /** Publishes that were refused because the queue was full. */
  refused: number;
  /** Publishes that the device's meter counts; the cloud's must be the same. */
  metered: number;
  /** Events that reached the cloud more than once. */
  repeated: number;
  powerCuts: number;
  linkCuts: number;
  handshakes: number;
  virtualHours: number;
  /** Function entries, loop rounds and returns of the most expensive publish. */
  worstSteps: number;
  problems: string[];
}

const TEARS: Tear[] = ["old", "erased", "short"];
/** What `tests/protocol/queue-steps.test.ts` holds a publish to. */
const STEPS_LIMIT = 20_000;
const counter = countSteps();

class Life {
  readonly storage = new FaultyStorage();
  readonly world: QueueWorld;
  readonly report: QueueReport;
  /** Data of the events that the application has a handle for. */
  private readonly accepted = new Set<string>();
  private readonly acknowledged = new Set<string>();
  /** Data of an event by handle, and the other way round. */
  private readonly handles = new Map<number, string>();
  private readonly seen = new Map<string, { token: string; count: number }>();
  private readonly tokens = new Map<string, string>();
  private isCut = false;
  private nextData = 0;

  constructor(
    readonly seed: number,
    readonly target: number,
  ) {
    this.world = new QueueWorld({
      seed,
      storage: this.storage,
      module: compileCounted(API_FILE),
      device: { storedQueue: true },
      ...{ loss: 0.02, duplication: 0.02, minDelay: 10, maxDelay: 200 },
    });
    this.report = {
      seed,
      ...{ accepted: 0, refused: 0, repeated: 0, powerCuts: 0, linkCuts: 0, handshakes: 0 },
      ...{ virtualHours: 0, worstSteps: 0, metered: 0, problems: [] },
    };
    this.world.tamper = (_direction, bytes) =>
      this.isCut || this.storage.isCut ? undefined : bytes;
    const note = this.world.onEvent;
    this.world.onEvent = (event) => {
      note(event);
      if (event.kind === EventKind.PublishDone && !this.storage.isCut) {
        this.end(event.handle, event.status);
      }
    };
    this.world.cloud.on("event", ({ data, token }) => this.arrive(data.toString(), token));
  }

  private arrive(data: string, token: string): void {
    const before = this.seen.get(data);
    if (before && before.token !== token)
      this.problem(`${data} under ids ${before.token}, ${token}`);
    const other = this.tokens.get(token);
    if (other !== undefined && other !== data) this.problem(`id ${token} for ${other} and ${data}`);
    this.seen.set(data, { token, count: (before?.count ?? 0) + 1 });
    this.tokens.set(token, data);
  }

  private end(handle: number, status: number): void {
    const data = this.handles.get(handle);
    if (status !== Status.Ok) this.problem(`${data} failed with ${status}`);
    else if (data !== undefined) this.acknowledged.add(data);
  }

  private problem(text: string): void {
    if (this.report.problems.length < 20) this.report.problems.push(text);
  }

  run(): QueueReport {
    const { world } = this;
    world.connect();
    while (this.accepted.size < this.target) {
      this.arm();
      this.act();
      if (this.storage.isCut) this.boot();
      // What is long past need not be kept.
      world.sent.length = 0;
      world.events.length = 0;
      world.received.length = 0;
      world.outcomes.clear();
    }
    this.recover();
    this.report.accepted = this.accepted.size;
    this.report.handshakes = world.sessions.size;
    this.report.virtualHours = Math.round(world.now / 3_600_000);
    this.report.repeated = [...this.seen.values()].filter(({ count }) => count > 1).length;
    for (const data of this.accepted) if (!this.seen.has(data)) this.problem(`${data} was lost`);
    for (const data of this.acknowledged) {
      if (!this.seen.has(data)) this.problem(`${data} was acknowledged and is not there`);
    }
    return this.report;
  }

  private boot(): void {
    this.report.powerCuts += 1;
    this.storage.restorePower();
    this.world.startDevice();
    this.world.connect();
  }

  /** Let one of the next writes be the last before the power is back. */
  private arm(): void {
    const { random } = this.world;
    let left = random.below(60);
    this.storage.onWrite = (_slot, bytes) => {
      if (left-- > 0) return undefined;
      return { tear: TEARS[random.below(3)], at: random.below(bytes.length + 1) };
    };
  }

  private act(): void {
    const { world, storage } = this;
    const steps = world.random.below(120);
    for (let step = 0; step < steps && !storage.isCut; step++) {
      const choice = world.random.unit();
      if (choice < 0.8) this.publish();
      else if (choice < 0.81) this.breakLink();
      else if (choice < 0.83) this.silence();
      else if (choice < 0.9) world.run(world.random.below(8000));
      else world.step(world.now + 2000);
    }
  }

  private publish(): void {
    const { world, storage } = this;
    const data = `${this.nextData++}`;
    const before = counter.steps;
    let handle = 0;
    try {
      handle = world.core.publish("up", data);
    } catch (error) {
      handle = (error as { status: number }).status;
    }
    this.report.worstSteps = Math.max(this.report.worstSteps, counter.steps - before);
    if (storage.isCut) return;
    if (handle < 0) {
      this.refuse(handle);
      return;
    }
    this.accepted.add(data);
    this.handles.set(handle, data);
    world.drain();
  }

  /** The only good reason to refuse is a full queue: time must pass. */
  private refuse(status: number): void {
    if (status !== Status.NoSpace) this.problem(`refused with ${status}`);
    this.report.refused += 1;
    this.world.run(5000);
  }

  private breakLink(): void {
    this.report.linkCuts += 1;
    this.world.core.exports.link_down(this.world.deviceNow);
    this.world.drain();
  }

  /** Nothing gets through for a while. */
  private silence(): void {
    const { world } = this;
    this.report.linkCuts += 1;
    this.isCut = true;
    world.run(world.random.below(world.random.chance(0.1) ? 600_000 : 20_000));
    this.isCut = false;
  }

  /** With power and link everything must arrive. */
  private recover(): void {
    const { world } = this;
    this.boot();
    const isDone = (): boolean => world.state === ConnectionState.Connected && world.pending === 0;
    if (!world.runUntil(isDone, 3_600_000)) this.problem(`${world.pending} never got out`);
    const counted = world.core.exports.meter!(Meter.Publishes);
    const { publishes } = world.cloud.operations.of(DEVICE_ID);
    this.report.metered = counted;
    if (counted !== publishes) this.problem(`meter ${counted}, cloud ${publishes}`);
    if (this.report.worstSteps > STEPS_LIMIT) this.problem(`a publish took too many steps`);
  }
}

/** Publish `events` events in one life. */
export function queueLife(seed: number, events: number): QueueReport {
  return new Life(seed, events).run();
}
