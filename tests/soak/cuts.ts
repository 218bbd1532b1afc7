// The power fails inside a write, at each byte of each kind of write, with each of three things that
// flash may then hold. Between the cuts devices live: they publish, receive, sleep, lose power. What
// must never happen is looked for over the whole life; storage that lies is the matter of lives.ts.

import { ConnectionState, Status } from "../../bindings/node";
import { Application } from "../support/application";
import { FaultyStorage } from "../support/faulty-storage";
import type { Tear } from "../support/faulty-storage";
import { history } from "../support/history";
import { BLOB_SIZE, WRITE_KINDS, WriteObserver, storedBlob } from "../support/session-blob";
import type { WriteKind } from "../support/session-blob";
import { SESSION_MUTANTS } from "../support/session-mutants";
import { compileVariant } from "../support/variant";
import { recordsOf } from "../support/wire";
import { DEVICE_ID, World } from "../support/world";
import { findReuse } from "./reuse";

/** One cut: the write that it hits, the bytes that still make it, what the rest reads as. */
export interface Cut {
  kind: WriteKind;
  at: number;
  tear: Tear;
}

export interface CutReport {
  seed: number;
  boots: number;
  records: number;
  sessions: number;
  writes: number;
  /** Bytes of writes that a plan wanted to cut, and that never came. */
  missed: Cut[];
  cuts: number;
  /** Boots that had a session in storage and at the cloud, and those of them that resumed it. */
  resumable: number;
  resumed: number;
  replayed: number;
  /** What must not happen. */
  problems: string[];
}

export interface CutOptions {
  /** A core with a fault, to see that it is found. */
  module?: WebAssembly.Module;
  /** Storage that says yes and keeps what it has, from this kind of write on. */
  ignores?: WriteKind;
}

const TEARS: Tear[] = ["old", "erased", "short"];
const CUTS_PER_LIFE = 4;
const RESERVATION = 64;
const PATIENCE = 60_000;

/** Every place for a cut: 5 kinds of writes, 233 lengths, 3 tears. */
export function allCuts(): Cut[] {
  return WRITE_KINDS.flatMap((kind) =>
    TEARS.flatMap((tear) =>
      Array.from({ length: BLOB_SIZE + 1 }, (_, at): Cut => ({ kind, at, tear })),
    ),
  );
}

/** Cuts for so many lives: all of them where there is room, else some from everywhere. */
export function planCuts(lives: number): Cut[][] {
  const all = allCuts();
  const wanted = lives * CUTS_PER_LIFE;
  // A stride that has no divisor in common with the number of cuts mixes the kinds.
  const stride = 1009;
  const order = Array.from({ length: wanted }, (_, i) => all[(i * stride) % all.length]);
  return Array.from({ length: lives }, (_, life) =>
    order.slice(life * CUTS_PER_LIFE, (life + 1) * CUTS_PER_LIFE),
  );
}

class CutLife {
  private readonly storage = new FaultyStorage();
  private readonly observer = new WriteObserver();
  private readonly world: World;
  private readonly application: Application;
  private readonly report: CutReport;
  /** Datagrams that a device without power cannot have sent. */
  private readonly unsent = new Set<number>();
  private readonly recorded: Uint8Array[] = [];
  private handles = new Map<number, string>();
  private readonly seen = new Set<string>();
  private nextName = 0;
  /** The cut that comes next. */
  private cut: Cut | undefined;
  private forgotten = 0;

  constructor(
    seed: number,
    private readonly plan: readonly Cut[],
    private readonly options: CutOptions,
  ) {
    const link = { duplication: 0.1, minDelay: 10, maxDelay: 150, loss: seed % 2 ? 0.02 : 0 };
    const { module } = options;
    this.world = new World({ seed, storage: this.storage, module, ...link });
    this.application = new Application(this.world).function("f", () => 1).subscribe("n");
    this.world.tamper = (direction, bytes) => this.watch(direction, bytes);
    this.world.cloud.on("event", ({ data }) => void this.seen.add(data.toString()));
    this.report = {
      seed,
      ...{ boots: 1, records: 0, sessions: 0, writes: 0, missed: [], cuts: 0 },
      ...{ resumable: 0, resumed: 0, replayed: 0, problems: [] },
    };
    this.watchWrites();
  }

  run(): CutReport {
    const { report, storage } = this;
    for (const cut of this.plan) {
      this.cut = cut;
      this.connect();
      this.live();
      for (let tries = 0; tries < 3 && !storage.isCut; tries++) this.provoke(cut.kind);
      if (!storage.isCut) report.missed.push(cut);
      this.cut = undefined;
      this.boot();
      this.recover();
      this.live();
      this.end();
    }
    report.writes = storage.tried;
    const { records, sessions, problems } = findReuse(this.world, this.unsent);
    Object.assign(report, { records, sessions });
    report.problems.push(...problems);
    this.checkWrites();
    return report;
  }

  // ---- power --------------------------------------------------------------------------------

  private watch(direction: "up" | "down", bytes: Uint8Array): Uint8Array | undefined {
    if (direction === "down") {
      this.recorded.push(bytes);
      return bytes;
    }
    if (!this.storage.isCut) return bytes;
    this.unsent.add(this.world.sent.length - 1);
    return undefined;
  }

  private watchWrites(): void {
    const { storage, observer, report } = this;
    const write = storage.write.bind(storage);
    storage.write = (slot, bytes) => {
      if (storage.isCut) throw new Error("no power");
      const kind = observer.observe(bytes);
      if (kind === "forget") this.forgotten += 1;
      if (kind === this.options.ignores) return;
      const { cut } = this;
      if (cut?.kind === kind) {
        report.cuts += 1;
        this.settlePublishes();
        storage.onWrite = () => ({ tear: cut.tear, at: cut.at });
      }
      write(slot, bytes);
    };
  }

  /** Power up again; what the application was told before counts. */
  private boot(): void {
    const { storage, application, world, report } = this;
    if (!storage.isCut) this.settlePublishes();
    storage.restorePower();
    this.observer.boot(storage);
    report.boots += 1;
    world.startDevice();
    application.install();
    application.outcomes.clear();
    this.handles = new Map();
  }

  /** Boot that nothing disturbs: it must resume what can be resumed, and believe no recording. */
  private recover(): void {
    const { world, storage, report } = this;
    const blob = storedBlob(storage);
    const { sessions } = world.cloud["dtls"];
    const isKnown = blob && sessions.find(Buffer.from(blob.connectionId, "hex"));
    const from = world.sent.length;
    if (world.random.chance(0.5)) this.publish();
    this.connect();
    this.replay(isKnown !== undefined);
    const isConnected = world.runUntil(
      () => world.state === ConnectionState.Connected,
      10 * PATIENCE,
    );
    if (!isConnected) report.problems.push("connect: not any more");
    if (!isKnown) return;
    report.resumable += 1;
    const isHandshake = world.sent
      .slice(from)
      .some((sent) => sent.direction === "up" && recordsOf(sent).some(({ epoch }) => epoch === 0));
    if (!isHandshake) report.resumed += 1;
  }

  /**
   * Play all that the cloud ever sent to the device that has heard nothing yet.
   * @param isKnown whether the cloud has the device's session; if not, an old word of it that the
   *   session is lost is still true
   */
  private replay(isKnown: boolean): void {
    const { world, storage, application, report } = this;
    const look = (): string =>
      [
        ...[world.events.length, world.state, storage.tried, world.sent.length],
        ...[application.received.length, application.calls.length, application.times.length],
        JSON.stringify([...application.outcomes]),
      ].join();
    const before = look();
    const takesPlaintext = isKnown && world.state === ConnectionState.Resuming;
    for (const datagram of this.recorded.slice()) {
      // Nobody can tell a recorded plaintext message of a handshake from a fresh one in time.
      const [{ epoch }] = recordsOf({ direction: "down", bytes: datagram });
      if (epoch === 0 && !takesPlaintext) continue;
      report.replayed += 1;
      world.inject(Uint8Array.from(datagram));
    }
    if (look() !== before) report.problems.push(`replay: ${before} became ${look()}`);
  }

  // ---- life ---------------------------------------------------------------------------------

  private connect(): void {
    if (this.world.state === ConnectionState.Disconnected) this.guard(() => this.world.connect());
  }

  /** Do this and that for a while. */
  private live(): void {
    const { world, storage } = this;
    const { random } = world;
    const steps = random.below(25);
    for (let step = 0; step < steps && !storage.isCut; step++) {
      const choice = random.unit();
      if (choice < 0.3) this.publish();
      else if (choice < 0.4) world.cloud.publish("n", "down");
      else if (choice < 0.5) world.cloud.call(DEVICE_ID, "f").catch(() => {});
      else if (choice < 0.52) world.core.exports.link_down(world.deviceNow);
      else world.run(random.below(400));
    }
  }

  /** Bring the write about that is to be cut. */
  private provoke(kind: WriteKind): void {
    const { world, storage } = this;
    this.connect();
    const isCut = (): boolean => storage.isCut;
    const isConnected = (): boolean => isCut() || world.state === ConnectionState.Connected;
    world.runUntil(isConnected, PATIENCE);
    if (kind === "boot") {
      world.runUntil(isCut, 1000);
      if (isCut()) return;
      this.boot();
      this.connect();
      world.runUntil(isCut, PATIENCE);
    } else if (kind === "running") {
      for (let i = 0; i < 3 * RESERVATION && !isCut(); i++) {
        this.publish();
        world.run(50);
      }
    } else if (!isCut()) {
      world.runUntil(isCut, 2000);
      this.guard(() => world.cloud.disconnect(DEVICE_ID));
      world.runUntil(isCut, PATIENCE);
    }
  }

  /** Go to sleep properly, or have the plug pulled. */
  private end(): void {
    const { world } = this;
    const { random } = world;
    if (random.chance(0.5)) {
      this.guard(() => world.core.disconnect(2, 600, world.deviceNow));
      world.drain();
      world.runUntil(() => world.state === ConnectionState.Disconnected, 12_000);
      world.cloud.publish("n", "asleep");
    } else {
      const steps = random.below(8);
      for (let step = 0; step < steps; step++) world.step(world.now + 500);
    }
    this.boot();
    this.recover();
  }

  private publish(): void {
    this.guard(() => {
      const name = `${this.nextName++}`;
      this.handles.set(this.application.publish("up", name), name);
    });
  }

  private guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      const { status, name } = error as { status?: number; name: string };
      if (status === undefined && name === "Error") throw error;
    }
  }

  // ---- what must hold -----------------------------------------------------------------------

  /** What the application was told is delivered, the cloud must have. */
  private settlePublishes(): void {
    for (const [handle, statuses] of this.application.outcomes) {
      const name = this.handles.get(handle);
      const isLost = statuses[0] === Status.Ok && name !== undefined && !this.seen.has(name);
      if (isLost) this.report.problems.push(`publish: ${name} was lost`);
    }
  }

  /**
   * One write each time that a session is taken up from storage, after a boot or on a new link, for
   * the numbers used before are not known then; one for each 64 records; two for each new session
   * (keys, then what the cloud acknowledged); one for each that was ended; and what was cut, again.
   */
  private checkWrites(): void {
    const { records, sessions, writes, problems } = this.report;
    const restored = history(this.world).filter((change) =>
      change.startsWith("Opening SessionResumed"),
    );
    const regular = restored.length + Math.floor(records / RESERVATION) + 2 * sessions;
    const most = regular + this.forgotten + this.report.cuts;
    if (writes > most) problems.push(`writes: ${writes} of at most ${most}`);
  }
}

/** Live one life with these cuts. */
export function liveWithCuts(
  seed: number,
  plan: readonly Cut[],
  options: CutOptions = {},
): CutReport {
  return new CutLife(seed, plan, options).run();
}

export interface CutFigures {
  lives: number;
  boots: number;
  records: number;
  sessions: number;
  writes: number;
  cuts: number;
  /** Different cuts of the 3,495. */
  places: number;
  missed: number;
  replayed: number;
  resumable: number;
  resumed: number;
  /** The first of each kind, by seed. */
  problems: string[];
}

/** Many lives. @param first seed of the first one */
export function runCuts(lives: number, first: number, options: CutOptions = {}): CutFigures {
  const plans = planCuts(lives);
  const reports = plans.map((plan, i) => liveWithCuts(first + i, plan, options));
  const sum = (of: (report: CutReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const missed = new Set(
    reports.flatMap((report) => report.missed.map((cut) => JSON.stringify(cut))),
  );
  const places = new Set(plans.flat().map((cut) => JSON.stringify(cut)));
  const problems = reports.flatMap((report) =>
    report.problems.map((problem) => `${problem} (seed ${report.seed})`),
  );
  return {
    lives,
    boots: sum(({ boots }) => boots),
    records: sum(({ records }) => records),
    sessions: sum(({ sessions }) => sessions),
    writes: sum(({ writes }) => writes),
    cuts: sum(({ cuts }) => cuts),
    places: [...places].filter((place) => !missed.has(place)).length,
    missed: missed.size,
    replayed: sum(({ replayed }) => replayed),
    resumable: sum(({ resumable }) => resumable),
    resumed: sum(({ resumed }) => resumed),
    problems,
  };
}

/** The whole campaign and its mutants; prints figures. @returns whether all was well */
export function cutsCampaign(count: number, first: number): boolean {
  const { problems, ...figures } = runCuts(count, first);
  console.log(figures);
  for (const problem of problems) console.log(problem);
  let isGood = problems.length === 0 && figures.missed === 0;
  if (figures.resumed < 0.999 * figures.resumable) isGood = false;
  for (const [name, { edits, problem }] of Object.entries(SESSION_MUTANTS)) {
    const found = runCuts(40, first, { module: compileVariant(edits) }).problems;
    const isFound = found.some((text) => text.startsWith(problem));
    console.log(`a core that ${name}: ${isFound ? "found" : "NOT FOUND"}, ${found[0]}`);
    isGood &&= isFound;
  }
  return isGood;
}
