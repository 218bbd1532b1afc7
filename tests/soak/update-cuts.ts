// The power fails while an update is written: at each byte of each write of the journal, inside chunks
// and erasures, between any two. Then the device is powered up, and the server sends the same again.
// Whatever happens, the application that worked runs until the new one is whole, and no other.

import { Status, StorageSlot } from "../../bindings/node";
import { signApplication } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { FaultyImages } from "../support/faulty-images";
import { FaultyStorage } from "../support/faulty-storage";
import type { Tear } from "../support/faulty-storage";
import { SeededRandom } from "../support/random";
import { STORE_TARGET, UpdateDevice } from "../support/update-device";
import type { SendOptions } from "../support/update-device";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { compileVariant } from "../support/variant";
import type { Edit } from "../support/variant";

const TEARS: Tear[] = ["old", "erased", "short"];
/** Where the journal has the bytes of an update that are durable. */
const PREFIX_OFFSET = 32;
const OLD = 1;
const NEW = 2;
/** Attempts that nothing disturbs until an update must be through. */
const PATIENCE = 4;

type Kind = "journal" | "write" | "erase";

/** A change of what outlives a power cut. */
interface Change {
  kind: Kind;
  length: number;
}

/** A cut in the change with this number: so many bytes of it still happen. */
export interface UpdateCut {
  change: number;
  at: number;
  tear: Tear;
}

interface Start {
  slots: Map<number, Uint8Array>;
  areas: Map<number, Uint8Array>;
}

export interface UpdateCutsFigures {
  lives: number;
  boots: number;
  cuts: number;
  /** Cuts by what they hit. */
  journal: number;
  write: number;
  erase: number;
  /** Updates that went on, and bytes that were not sent again. */
  resumed: number;
  saved: number;
  /** Cuts that hit the write that makes the new application the one that runs, or came after it. */
  after: number;
  problems: string[];
}

const signed = (bytes: number, version: number): Buffer =>
  signApplication(applicationOf(bytes, version), TEST_UPDATE_KEY, { version });

const FILES = new Map([
  [OLD, signed(7000, OLD)],
  [NEW, signed(12_000, NEW)],
]);

/** Watches one life, from the start to the end of its update. */
class Life {
  readonly changes: Change[] = [];
  readonly problems: string[] = [];
  cuts: UpdateCut[] = [];
  readonly hit: Record<Kind, number> = { journal: 0, write: 0, erase: 0 };
  boots = 0;
  resumed = 0;
  saved = 0;
  after = 0;
  readonly device: UpdateDevice;
  private readonly images = new FaultyImages();
  private readonly storage = new FaultyStorage();
  /** Bytes of the new file that the journal knows. */
  private durable = 0;
  /** Whether the write that applies the update has begun, and whether it was said to be done. */
  private isApplying = false;
  private isApplied = false;

  constructor(
    start: Start | undefined,
    private readonly options: SendOptions,
    module?: WebAssembly.Module,
  ) {
    const { images, storage } = this;
    if (start) {
      for (const [slot, bytes] of start.slots) storage.slots.set(slot, Uint8Array.from(bytes));
      for (const [area, bytes] of start.areas) images.areas.set(area, Uint8Array.from(bytes));
    }
    this.device = new UpdateDevice({ images, storage, module });
    this.watch();
  }

  private watch(): void {
    this.images.onChange = (kind, _area, _offset, length) => this.change(kind, length)?.at;
    this.storage.onWrite = (slot, bytes) => {
      if (slot !== (StorageSlot.JournalA as number) && slot !== (StorageSlot.JournalB as number)) {
        return undefined;
      }
      const cut = this.change("journal", bytes.length);
      if (cut) return cut;
      this.durable = new DataView(Uint8Array.from(bytes).buffer).getUint32(PREFIX_OFFSET, true);
      return undefined;
    };
  }

  /** A change begins. @returns the cut that hits it */
  private change(kind: Kind, length: number): UpdateCut | undefined {
    const number = this.changes.length;
    this.changes.push({ kind, length });
    const cut = this.cuts.find(({ change }) => change === number);
    if (!cut) return undefined;
    this.hit[kind] += 1;
    if (this.isApplying) this.after += 1;
    return { ...cut, at: Math.min(cut.at, length) };
  }

  get isCut(): boolean {
    const { device, images, storage } = this;
    if (!device.isCut) return false;
    // Without power nothing of the device goes on.
    images.isCut = true;
    storage.isCut = true;
    return true;
  }

  /** All of it: send, run, approve. @returns whether the new application is there for good */
  go(): boolean {
    const { device } = this;
    if (device.call("update_info", 1) !== NEW) {
      this.send();
      if (this.isCut || !this.isApplied) return false;
    }
    for (const call of ["application_begin", "application_healthy"]) {
      const status = device.call(call, device.now);
      if (this.isCut) return false;
      if (status !== Status.Ok) this.problems.push(`${call}: ${status}`);
    }
    return device.call("update_info", 8) === 0;
  }

  private send(): void {
    const { device, options } = this;
    const file = FILES.get(NEW)!;
    let status = device.begin(file, options);
    if (this.isCut) return;
    const held = device.call("storeHeld");
    if (held < this.durable) this.problems.push(`held: ${held} of ${this.durable}`);
    if (held > 0) {
      this.resumed += 1;
      this.saved += held;
    }
    if (status === Status.Ok) status = device.transfer(file, options);
    if (this.isCut) return;
    if (status === Status.Ok) status = device.steps("storeFinish");
    if (this.isCut) return;
    if (status === Status.Ok) {
      this.isApplying = true;
      status = device.call("storeApply", device.now);
      if (this.isCut) return;
      this.isApplied = true;
    }
    if (status !== Status.Ok) this.problems.push(`update: ${status}`);
  }

  /** Power up, and look at what runs. */
  boot(): void {
    this.boots += 1;
    this.device.boot();
    this.watch();
    this.look();
  }

  private look(): void {
    const { device, problems } = this;
    const version = device.running;
    const mayBeNew = this.isApplying;
    const mayBeOld = !this.isApplied;
    const isRight = (version === NEW && mayBeNew) || (version === OLD && mayBeOld);
    if (!isRight) problems.push(`runs: ${version} after ${JSON.stringify(this.cuts)}`);
    if (version === NEW) this.isApplied = true;
    const file = FILES.get(version ?? 0);
    if (!file) return;
    const area = device.call("application_image");
    const isWhole = device.call("application_length") === file.length;
    if (!isWhole || !device.fileIn(area, file.length).equals(file)) {
      problems.push(`partial: ${version} after ${JSON.stringify(this.cuts)}`);
    }
  }

  /** Live through the cuts, then without, until the new application is there for good. */
  run(plan: (changes: number) => UpdateCut | undefined): void {
    for (let tries = 0; tries < 8; tries++) {
      const cut = plan(this.changes.length);
      this.cuts = cut ? [...this.cuts, cut] : this.cuts;
      if (this.go()) break;
      if (this.isCut) this.boot();
      else if (!cut) break;
    }
    for (let tries = 0; tries < PATIENCE; tries++) {
      if (this.device.call("update_info", 1) === NEW && this.device.call("update_info", 8) === 0) {
        break;
      }
      if (this.go()) break;
      this.boot();
    }
    this.boot();
    if (this.device.running !== NEW)
      this.problems.push(`stuck: after ${JSON.stringify(this.cuts)}`);
    const { unerased } = this.images;
    if (unerased.length) this.problems.push(`unerased: ${unerased.length} writes`);
  }
}

let started: Start | undefined;

/** A device with the old application, confirmed, and with something older in the other area. */
function start(module?: WebAssembly.Module): Start {
  if (started && !module) return started;
  const device = new UpdateDevice({ module });
  const older = signApplication(applicationOf(20_000), TEST_UPDATE_KEY, {
    version: 0,
    forced: true,
  });
  for (const file of [older, FILES.get(OLD)!]) {
    if (device.update(file) !== Status.Ok) throw new Error("the first update is refused");
    device.call("application_begin", device.now);
    device.call("application_healthy", device.now);
  }
  const result = { slots: device.storage.slots, areas: device.images.areas } as unknown as Start;
  if (!module) started = result;
  return result;
}

/** Changes of an update that nothing disturbs. */
export function undisturbed(options: SendOptions = {}, module?: WebAssembly.Module): Change[] {
  const life = new Life(start(module), options, module);
  life.run(() => undefined);
  return life.changes.slice();
}

/**
 * Every cut of an update: each byte of each write of the journal, and of chunks and erasures as many
 * places as said, the beginning (between two of them) and the end among them.
 */
export function everyCut(
  changes: Change[],
  bytes: { journal: number; other: number },
): UpdateCut[] {
  return changes.flatMap(({ kind, length }, change) => {
    const places = Math.min(kind === "journal" ? bytes.journal : bytes.other, length + 1);
    const tears = kind === "journal" ? TEARS : TEARS.slice(0, 1);
    return Array.from({ length: places }, (_, i) =>
      Math.round((i * length) / Math.max(places - 1, 1)),
    ).flatMap((at) => tears.map((tear): UpdateCut => ({ change, at, tear })));
  });
}

class Campaign {
  readonly figures: UpdateCutsFigures = {
    ...{ lives: 0, boots: 0, cuts: 0, journal: 0, write: 0, erase: 0 },
    ...{ resumed: 0, saved: 0, after: 0, problems: [] },
  };

  add(life: Life, name: string): void {
    const { figures } = this;
    figures.lives += 1;
    figures.boots += life.boots;
    for (const kind of ["journal", "write", "erase"] as const) {
      figures[kind] += life.hit[kind];
      figures.cuts += life.hit[kind];
    }
    figures.resumed += life.resumed;
    figures.saved += life.saved;
    figures.after += life.after;
    figures.problems.push(...life.problems.map((problem) => `${problem} (${name})`));
  }
}

/** One life a cut, each with the same update. */
export function runEachCut(cuts: UpdateCut[], module?: WebAssembly.Module): UpdateCutsFigures {
  const campaign = new Campaign();
  for (const cut of cuts) {
    const life = new Life(start(module), {}, module);
    let isGiven = false;
    life.run(() => {
      if (isGiven) return undefined;
      isGiven = true;
      return cut;
    });
    campaign.add(life, JSON.stringify(cut));
  }
  return campaign.figures;
}

/** Chunks in an order of the link: some late. */
function someOrder(random: SeededRandom): (chunks: number) => number[] {
  return (chunks) => {
    const order = Array.from({ length: chunks }, (_, i) => i);
    const moves = random.below(4);
    for (let move = 0; move < moves; move++) {
      const [late] = order.splice(random.below(chunks), 1);
      order.splice(random.below(chunks), 0, late);
    }
    return order;
  };
}

/** Lives with up to three cuts each at random places, until there were so many cuts. */
export function runRandomCuts(
  count: number,
  first: number,
  module?: WebAssembly.Module,
): UpdateCutsFigures {
  const campaign = new Campaign();
  for (let seed = first; campaign.figures.cuts < count && seed < first + 2 * count; seed++) {
    const random = new SeededRandom(seed);
    const chunk = 512 + 4 * random.below(157);
    const life = new Life(start(module), { chunk, order: someOrder(random) }, module);
    let left = 1 + random.below(3);
    life.run((done) => {
      if (left-- <= 0) return undefined;
      const tear = TEARS[random.below(TEARS.length)];
      const at = random.chance(0.1) ? 0 : random.below(random.chance(0.5) ? 460 : 4097);
      return { change: done + random.below(34), at, tear };
    });
    campaign.add(life, `seed ${seed}`);
  }
  return campaign.figures;
}

export interface Mutant {
  edits: Edit[];
  /** How the problems begin that it must cause. */
  problem: string;
}

/** Cores with a fault that the campaign must find. */
export const UPDATE_MUTANTS: Record<string, Mutant> = {
  "does not erase again behind what is durable": {
    edits: [
      {
        file: "assembly/update/download.ts",
        from: "    eraseAt = prefix;\n",
        to: "    eraseAt = size;\n",
      },
    ],
    problem: "unerased:",
  },
  "writes its journal to one slot": {
    edits: [
      {
        file: "assembly/update/journal.ts",
        from: "return generation & 1 ? StorageSlot.JournalB : StorageSlot.JournalA;",
        to: "return generation & 0 ? StorageSlot.JournalB : StorageSlot.JournalA;",
      },
    ],
    problem: "runs:",
  },
  "believes a torn journal": {
    edits: [
      {
        file: "assembly/update/journal.ts",
        from: "return load<u32>(blob + CRC_OFFSET) == crc32(0, blob, CRC_OFFSET);",
        to: "return true;",
      },
    ],
    problem: "",
  },
  "applies an update before it is whole, and does not look again": {
    edits: [
      {
        file: "assembly/update/download.ts",
        from: "  j.downloadPrefix = hashed;\n",
        to: "  j.downloadPrefix = hashed;\n  j.active = <u8>area;\n  areaEntry(area).status = AreaStatus.Ready;\n",
      },
      {
        file: "assembly/update/verify.ts",
        from: "if (equalBytes(STATE, areaFileHash(runnable), SHA256_SIZE)) return Status.Ok;",
        to: "if (runnable >= 0) return Status.Ok;",
      },
    ],
    problem: "runs:",
  },
};

/** Whether the campaign finds a mutant. */
export function findsMutant(name: string, cuts: number): string[] {
  const { edits, problem } = UPDATE_MUTANTS[name];
  const found = runRandomCuts(cuts, 1, compileVariant(edits, STORE_TARGET)).problems;
  return found.filter((text) => text.startsWith(problem));
}

/** Every byte of every change, then random ones, then the mutants. */
export function updateCutsCampaign(count: number, first: number): boolean {
  const cuts = everyCut(undisturbed(), { journal: Infinity, other: Infinity });
  const each = runEachCut(cuts);
  const random = runRandomCuts(count, first);
  for (const { problems, ...figures } of [each, random]) {
    console.log(figures);
    for (const problem of problems.slice(0, 20)) console.log(problem);
  }
  let isGood = each.problems.length + random.problems.length === 0;
  if (each.cuts !== cuts.length || random.cuts < count) isGood = false;
  for (const name of Object.keys(UPDATE_MUTANTS)) {
    const [found] = findsMutant(name, 200);
    console.log(`a core that ${name}: ${found ?? "NOT FOUND"}`);
    isGood &&= found !== undefined;
  }
  return isGood;
}
