// The fuzz campaign over messages of updates: a connected device gets good, odd and broken ones in any
// order. It must stay connected, answer in bounds, come to rest, and only ever run a file that is whole.
// A failure names its seed, which repeats it alone.

import { ConnectionState, EventKind, Statistic, Status } from "../../bindings/node";
import type { Core, CoreEvent, ImageArea } from "../../bindings/node";
import { CoapCode, CoapType, decodeCoap, encodeCoap, uintOption } from "../../cloud/coap/codec";
import type { CoapMessage, CoapOption } from "../../cloud/coap/codec";
import { signApplication } from "../../tools/application/sign";
import { applicationOf } from "../support/application-module";
import { ChunkedSender } from "../support/chunked-sender";
import { mutate } from "../support/mutator";
import { SeededRandom } from "../support/random";
import { TEST_UPDATE_KEY } from "../support/update-key";
import { UpdateOption, sha256, updating } from "../support/update-world";
import type { UpdateSender } from "../support/update-world";

export const UPDATE_TARGETS = ["udp", "tcp"] as const;
export type UpdateTarget = (typeof UPDATE_TARGETS)[number];

export interface UpdateFuzzReport {
  inputs: number;
  seconds: number;
  /** Messages of the device by type and code, such as "1 0x02": those that never come test nothing. */
  answers: Record<string, number>;
  updates: { started: number; ended: number; applied: number };
  failures: { target: UpdateTarget; seed: number; message: string }[];
}

/** Messages that one seed sends. */
const MESSAGES = 60;
/** Messages of the device after one of the server: more mean that something spins. */
const MOST_ANSWERS = 8;
/** Time-outs at one moment: more mean that something spins. A file has fewer steps. */
const MOST_STEPS = 500;
const MOST_FAILURES = 20;

const FILES = [3000, 9000, 20_000].map((bytes, i) =>
  signApplication(applicationOf(bytes), TEST_UPDATE_KEY, { version: i + 1, forced: true }),
);

const pick = <T>(list: readonly T[], random: SeededRandom): T => list[random.below(list.length)];
const path = (resource: string): CoapOption => ({ number: 11, value: Buffer.from(resource) });

/** What a target has: how messages get there, and what comes back. */
interface Bench {
  core: Core;
  now(): number;
  state(): ConnectionState;
  events: readonly CoreEvent[];
  areas: ReadonlyMap<ImageArea, Uint8Array>;
  /** Time that may pass without a word of the server, ms. */
  longest: number;
  /** Send an encoded message. */
  send(message: Buffer): void;
  /** Let the device work for so many ms. */
  run(ms: number): void;
  take(): CoapMessage[];
  /** A message that is well-formed, and sometimes right. */
  compose(random: SeededRandom): Buffer;
}

// ---- over UDP -------------------------------------------------------------------------------

class UdpMessages {
  private file: Uint8Array = FILES[0];
  private chunk = 1136;
  private next = 1;
  private nextId = 0x6000;

  constructor(private readonly sender: UpdateSender) {}

  compose(random: SeededRandom): Buffer {
    const kind = random.unit();
    if (kind < 0.12) return this.start(random);
    if (kind < 0.8) return this.chunkMessage(random);
    if (kind < 0.88) return this.encode(random, [path("F"), ...this.flags(random)]);
    return this.encode(random, [path(pick(["S", "C", "F", "A", "x"], random)), ...odd(random)]);
  }

  private encode(random: SeededRandom, options: CoapOption[], more: Partial<CoapMessage> = {}) {
    return encodeCoap({
      type: random.chance(0.9) ? CoapType.Confirmable : random.below(4),
      code: random.chance(0.95) ? CoapCode.Post : 1 + random.below(4),
      messageId: random.chance(0.9) ? this.nextId++ & 0xffff : (this.nextId - 1) & 0xffff,
      token: random.chance(0.9) ? Buffer.of(random.below(256)) : random.bytes(random.below(9)),
      options,
      payload: Buffer.alloc(0),
      ...more,
    } as CoapMessage);
  }

  private start(random: SeededRandom): Buffer {
    this.file = pick(FILES, random);
    this.chunk = pick([512, 1024, 1136], random);
    this.next = 1;
    const { sender } = this;
    sender.file = this.file;
    sender.chunk = this.chunk;
    const hash = random.chance(0.8) ? sha256(this.file) : null;
    const options = sender.startOptions({ hash, discard: random.chance(0.1) });
    if (random.chance(0.2)) options.push(uintOption(UpdateOption.AckInterval, random.below(300)));
    if (random.chance(0.15)) options.push(...odd(random));
    return this.encode(random, options);
  }

  private chunkMessage(random: SeededRandom): Buffer {
    const count = Math.ceil(this.file.length / this.chunk);
    const isNext = random.chance(0.8);
    const number = isNext ? this.next : 1 + random.below(count + 2);
    if (isNext) this.next = this.next >= count ? 1 : this.next + 1;
    const from = (number - 1) * this.chunk;
    let payload = Buffer.from(this.file.subarray(from, from + this.chunk));
    if (random.chance(0.05)) payload = payload.subarray(random.below(payload.length + 1));
    const options = [path("C"), uintOption(UpdateOption.ChunkIndex, number)];
    const more = { type: CoapType.NonConfirmable, token: Buffer.alloc(0), payload };
    return this.encode(random, options, random.chance(0.95) ? more : { payload });
  }

  private flags(random: SeededRandom): CoapOption[] {
    const numbers = [UpdateOption.DiscardData, UpdateOption.CancelUpdate];
    return numbers
      .filter(() => random.chance(0.15))
      .map((number) => ({ number, value: Buffer.alloc(0) }));
  }
}

/** Options of any number, with any content. */
function odd(random: SeededRandom): CoapOption[] {
  const numbers = [3, 12, 15, 2049, 2053, 2057, 2061, 2065, 2069, 2073, 2077, 2080, 2081, 65535];
  return Array.from({ length: random.below(4) }, () => ({
    number: pick(numbers, random),
    value: Buffer.from(random.bytes(pick([0, 1, 2, 4, 5, 32, 33], random))),
  }));
}

function udpBench(): Bench {
  const { world, sender } = updating();
  const messages = new UdpMessages(sender);
  const images = world.images as unknown as { areas: Map<ImageArea, Uint8Array> };
  return {
    core: world.core,
    now: () => world.deviceNow,
    state: () => world.state,
    events: world.events,
    areas: images.areas,
    longest: 301_000,
    send: (message) => sender.bytes(message),
    run: (ms) => world.run(ms),
    take: () => {
      const answers = sender.take();
      // The server acknowledges what it can.
      for (const answer of answers) {
        if (answer.type === CoapType.Confirmable) sender.acknowledge(answer);
      }
      return answers;
    },
    compose: (random) => messages.compose(random),
  };
}

// ---- over TCP -------------------------------------------------------------------------------

class TcpMessages {
  private file: Uint8Array = FILES[0];
  private chunkSize = 512;
  private next = 0;

  constructor(private readonly sender: ChunkedSender) {}

  /** Compose by letting the sender send into a trap. */
  compose(random: SeededRandom): Buffer {
    const { sender } = this;
    const kind = random.unit();
    if (kind < 0.1) {
      this.file = pick(FILES, random);
      this.chunkSize = pick([64, 256, 512, 748], random);
      this.next = 0;
      const payload = random.chance(0.9) ? undefined : Buffer.from(random.bytes(12));
      return this.caught(() =>
        sender.begin(this.file, random.chance(0.7), this.chunkSize, payload),
      );
    }
    if (kind < 0.9) {
      const count = Math.ceil(this.file.length / this.chunkSize);
      const index = random.chance(0.85) ? this.next : random.below(count + 2);
      this.next = (index + 1) % count;
      const crc = random.chance(0.05) ? random.below(1e9) : undefined;
      return this.caught(() =>
        sender.chunk(index, { ...(random.chance(0.8) ? { index } : {}), crc }),
      );
    }
    if (kind < 0.95) return this.caught(() => sender.done());
    const options = [path(pick(["u", "c", "x"], random)), ...odd(random)];
    return this.caught(() => sender.request(2 + random.below(2), options, random.bytes(12)));
  }

  private caught(send: () => void): Buffer {
    const { server } = this.sender;
    const seal = server.seal.bind(server);
    let message = Buffer.alloc(0);
    server.seal = (bytes) => {
      message = Buffer.from(bytes);
      return Buffer.alloc(0);
    };
    send();
    server.seal = seal;
    return message;
  }
}

function tcpBench(): Bench {
  const sender = new ChunkedSender();
  const messages = new TcpMessages(sender);
  const { host } = sender;
  return {
    core: host.core,
    now: () => host.now,
    state: () => host.state,
    events: host.events,
    areas: sender.images.areas,
    longest: 2000,
    send: (message) => void host.receive(sender.server.seal(message)),
    run: (ms) => void host.run(ms),
    take: () => sender.take(),
    compose: (random) => messages.compose(random),
  };
}

// ---- the campaign ---------------------------------------------------------------------------

/** Whether it is CoAP: anything else ends a connection over TCP, as it shall. */
function isMessage(bytes: Buffer): boolean {
  try {
    decodeCoap(bytes);
    return bytes.length <= 767;
  } catch {
    return false;
  }
}

/** @throws Error unless what the device shall run is one of the files, whole */
function checkChange(event: CoreEvent, bench: Bench): void {
  if (event.kind !== EventKind.ApplicationChange || event.status !== Number(Status.Ok)) return;
  const area = bench.areas.get(event.area as ImageArea)!.subarray(0, event.length);
  const file = FILES[event.version - 1];
  if (!file || !file.equals(area)) throw new Error(`runs a file of ${event.length} bytes`);
}

function check(bench: Bench): void {
  const { exports } = bench.core;
  if (bench.state() !== ConnectionState.Connected) throw new Error(`state ${bench.state()}`);
  if (exports.statistic(Statistic.EventsLost) > 0) throw new Error("events were lost");
  const wait = exports.poll_timeout(bench.now());
  if (wait < -1) throw new Error(`waits ${wait} ms`);
}

/** The device comes to rest at once: all its steps are done within one moment. */
function settle(bench: Bench): void {
  const { exports } = bench.core;
  for (let steps = 0; exports.poll_timeout(bench.now()) === 0; steps++) {
    if (steps > MOST_STEPS) throw new Error("no end of steps");
    bench.run(0);
    exports.handle_timeout(bench.now());
  }
  bench.run(0);
}

class UpdateFuzzer {
  readonly report: UpdateFuzzReport = {
    inputs: 0,
    seconds: 0,
    answers: {},
    updates: { started: 0, ended: 0, applied: 0 },
    failures: [],
  };

  /** One device, MESSAGES messages. @throws Error */
  life(target: UpdateTarget, seed: number): void {
    const random = new SeededRandom(seed);
    const bench = target === "udp" ? udpBench() : tcpBench();
    const corpus: Buffer[] = [];
    let seen = bench.events.length;
    for (let i = 0; i < MESSAGES; i++) {
      corpus.push(bench.compose(random));
      const message = random.chance(0.12) ? mutate(corpus, random) : corpus[corpus.length - 1];
      if (target === "tcp" && !isMessage(message)) continue;
      if (message.length < 4 || message.length > 1152) continue;
      this.report.inputs++;
      bench.send(message);
      if (random.chance(0.7)) settle(bench);
      if (random.chance(0.05)) bench.run(random.chance(0.1) ? bench.longest : random.below(400));
      this.count(bench.take());
      check(bench);
      for (const event of bench.events.slice(seen)) this.note(event, bench);
      seen = bench.events.length;
    }
  }

  private count(answers: CoapMessage[]): void {
    if (answers.length > MOST_ANSWERS * 3) throw new Error(`${answers.length} answers`);
    for (const { type, code } of answers) {
      const name = `${type} 0x${code.toString(16)}`;
      this.report.answers[name] = (this.report.answers[name] ?? 0) + 1;
    }
  }

  private note(event: CoreEvent, bench: Bench): void {
    const { updates } = this.report;
    if (event.kind === EventKind.UpdateStarted) updates.started++;
    if (event.kind === EventKind.UpdateEnded) updates.ended++;
    if (event.kind === EventKind.ApplicationChange) updates.applied++;
    checkChange(event, bench);
  }
}

/** Run a campaign. @param options.count messages, about */
export function updateFuzz(options: {
  count: number;
  seed?: number;
  target?: UpdateTarget;
  progress?: (done: number) => void;
}): UpdateFuzzReport {
  const startedAt = performance.now();
  const fuzzer = new UpdateFuzzer();
  const { report } = fuzzer;
  const targets = options.target ? [options.target] : UPDATE_TARGETS;
  const lives = Math.ceil(options.count / MESSAGES / targets.length);
  for (const target of targets) {
    for (let i = 0; i < lives && report.failures.length < MOST_FAILURES; i++) {
      const seed = (options.seed ?? 1) + i;
      try {
        fuzzer.life(target, seed);
      } catch (error) {
        const message = (error as Error).message.slice(0, 1000);
        report.failures.push({ target, seed, message });
      }
      if (i % 1000 === 999) options.progress?.(report.inputs);
    }
  }
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}
