// Fuzzing of the core over TCP: bytes of the stream in every state, in any pieces, and CoAP messages
// in genuine frames. Whatever comes, the core comes back, stays in its bounds, makes the same of the
// same bytes however they are cut, and keeps no key of a connection that has ended.

import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

import { ConnectionState, Statistic, VariableType } from "../../bindings/node";
import { mutate, noise } from "../support/mutator";
import { SeededRandom } from "../support/random";
import { Snapshot, openModule } from "../support/snapshot";
import { TCP_CORE_FILE, TcpHost } from "../support/tcp-host";
import { TcpServer, frame } from "../support/tcp-server";

export const STREAM_TARGETS = ["bytes", "message"] as const;
export type StreamTarget = (typeof STREAM_TARGETS)[number];

/** A state of the device to return to. */
interface Station {
  name: string;
  snapshot: Snapshot;
  state: ConnectionState;
  /** The last block that the server has sealed; undefined where it has no keys yet. */
  iv?: Buffer;
  /** Bytes that would be genuine here, to begin from. */
  corpus: Buffer[];
}

export interface StreamFuzzReport {
  inputs: number;
  seconds: number;
  byStation: Record<string, number>;
  /** What became of connections: "Reason Status", how often. */
  ends: Record<string, number>;
  messages: number;
  events: number;
  failures: { target: StreamTarget; seed: number; message: string }[];
}

const CAPTURE = path.join(__dirname, "../vectors/device-os-6.2-capture.jsonl");
/** Failures that are kept; more of them say nothing new. */
const MOST_FAILURES = 20;
/** A complete session message costs RSA; so many inputs may end in one. */
const RSA_SHARE = 0.02;
const SESSION_LENGTH = 384;

/** CoAP messages of the server that genuine ones are. */
function serverMessages(): Buffer[] {
  const lines = readFileSync(CAPTURE, "utf8").trim().split("\n");
  const records = lines.map((line) => JSON.parse(line) as Record<string, string>);
  const captured = records.flatMap((record) =>
    record.k === "app" && record.dir === "s>d" ? [Buffer.from(record.hex, "hex")] : [],
  );
  const own = [
    "50021000b168",
    "4101100101b16441" + "01",
    "4102100277b16602666e43617267",
    "4101100355b176037661" + "72",
    "4103100433b1734101",
    "40031005b16b4101",
    "5002100ab1450265" + "7631ff41",
    "40001006",
    "60001234",
    "614512341fff00000102",
    "41021007" + "11b14dff0102030405060708",
  ];
  return [...captured, ...own.map((text) => Buffer.from(text, "hex"))];
}

/** The life of one device, stopped at every interesting moment. */
function visitStations(): { stations: Station[]; server: TcpServer; host: TcpHost } {
  const host = new TcpHost({ module: openModule(TCP_CORE_FILE) });
  const server = new TcpServer({ session: Buffer.from("5e".repeat(20) + "a7".repeat(20), "hex") });
  const stations: Station[] = [];
  const nonce = server.nonce;
  const session = server.sessionMessage();
  const note = (name: string, corpus: Buffer[], iv?: Buffer): void => {
    const { state } = host;
    stations.push({ name, snapshot: Snapshot.take(host.core), state, corpus, iv });
  };
  host.core.registerFunction("fn", host.now);
  host.core.registerVariable("var", VariableType.Int, host.now);
  host.core.subscribe("ev", 0x62, host.now);
  host.connect();
  note("waits for the nonce", [nonce, Buffer.concat([nonce, session])]);
  host.receive(nonce.subarray(0, 20));
  note("has half of the nonce", [nonce.subarray(20)]);
  host.receive(nonce.subarray(20));
  server.openKeyMessage(host.take()[0]);
  note("waits for the session", [session]);
  host.receive(session.subarray(0, 300));
  note("has most of the session", [session.subarray(300)]);
  host.receive(session.subarray(300));
  let sealed = server.hello();
  note("waits for Hello", [sealed], server.session.subarray(16, 32));
  host.receive(sealed);
  note("connected", [], sealed.subarray(2, 18));
  sealed = server.seal(server.message(0, 0));
  host.receive(sealed.subarray(0, 9));
  note("has half of a frame", [sealed.subarray(9)]);
  host.receive(sealed.subarray(9));
  const call = server.seal(Buffer.from("4102100277b16602666e43617267", "hex"));
  host.receive(call);
  note("owes an answer", [], call.subarray(2, 18));
  for (let i = 0; i < 3; i++) host.core.publish("up", `${i}`.repeat(500), { confirmable: true });
  host.drain();
  note("waits for ACKs", [], call.subarray(2, 18));
  return { stations, server, host };
}

export class StreamFuzzer {
  private readonly corpus = serverMessages();
  private readonly stations: Station[];
  private readonly server: TcpServer;
  private readonly host: TcpHost;
  private readonly pages: number;
  private readonly startedAt: number;

  constructor() {
    const { stations, server, host } = visitStations();
    this.stations = stations;
    this.server = server;
    this.host = host;
    this.pages = host.core.exports.memory.buffer.byteLength;
    this.startedAt = host.now;
  }

  run({
    count,
    seed = 1,
    target,
  }: {
    count: number;
    seed?: number;
    target?: StreamTarget;
  }): StreamFuzzReport {
    const startedAt = performance.now();
    const report: StreamFuzzReport = {
      inputs: 0,
      seconds: 0,
      byStation: {},
      ends: {},
      messages: 0,
      events: 0,
      failures: [],
    };
    for (let i = 0; i < count && report.failures.length < MOST_FAILURES; i++) {
      const kind = target ?? STREAM_TARGETS[i % STREAM_TARGETS.length];
      report.inputs += 1;
      try {
        this.one(kind, seed + i, report);
      } catch (error) {
        const message = (error as Error).message.slice(0, 1000);
        report.failures.push({ target: kind, seed: seed + i, message });
      }
      if (report.inputs % 100_000 === 0) console.error(`stream-fuzz: ${report.inputs} inputs`);
    }
    report.seconds = (performance.now() - startedAt) / 1000;
    return report;
  }

  private one(target: StreamTarget, seed: number, report: StreamFuzzReport): void {
    const random = new SeededRandom(seed);
    const open = this.stations.filter(({ iv }) => target === "bytes" || iv);
    const station = open[random.below(open.length)];
    const bytes = target === "bytes" ? this.bytes(station, random) : this.frames(station, random);
    const whole = this.feed(station, [bytes]);
    const cut = this.feed(station, cutAtRandom(bytes, random));
    if (JSON.stringify(cut) !== JSON.stringify(whole)) {
      throw new Error(`${station.name}: pieces make a difference: ${bytes.toString("hex")}`);
    }
    report.byStation[station.name] = (report.byStation[station.name] ?? 0) + 1;
    report.messages += whole.written.length;
    report.events += whole.events.length;
    const { end } = whole;
    if (end) report.ends[end] = (report.ends[end] ?? 0) + 1;
    if (random.chance(0.1)) this.wait(random);
  }

  /** Bytes of any kind, some of which were genuine. */
  private bytes(station: Station, random: SeededRandom): Buffer {
    const begun = this.begun(station, random);
    const pieces = [begun];
    while (random.chance(0.4)) pieces.push(this.begun(station, random));
    const bytes = Buffer.concat(pieces);
    const isBeforeSession = station.name.includes("session") || station.name.includes("nonce");
    // Short of a session message, but for some.
    const most = station.name.startsWith("has most") ? 83 : SESSION_LENGTH - 1;
    return isBeforeSession && !random.chance(RSA_SHARE) ? bytes.subarray(0, most) : bytes;
  }

  private begun(station: Station, random: SeededRandom): Buffer {
    const kind = random.below(4);
    if (kind === 0) return noise(random, 1500);
    if (kind === 1 && station.corpus.length > 0) return mutate(station.corpus, random);
    if (kind === 2) return frame(random.bytes(16 * random.below(random.chance(0.1) ? 60 : 6)));
    const length = random.below(random.chance(0.5) ? 65_536 : 800);
    return Buffer.concat([Buffer.of(length >> 8, length & 255), noise(random, 800)]);
  }

  /** One to four messages in genuine frames. */
  private frames(station: Station, random: SeededRandom): Buffer {
    let iv = station.iv!;
    const count = 1 + random.below(4);
    const all = Array.from({ length: count }, () => {
      const kind = random.below(4);
      let message = kind === 0 ? noise(random, 767) : mutate(this.corpus, random);
      if (kind === 1) message = this.corpus[random.below(this.corpus.length)];
      const cipher = createCipheriv("aes-128-cbc", this.server.session.subarray(0, 16), iv);
      const sealed = Buffer.concat([cipher.update(message.subarray(0, 767)), cipher.final()]);
      iv = sealed.subarray(0, 16);
      return frame(sealed);
    });
    return Buffer.concat(all);
  }

  /** Feed pieces at a station. @returns what came out */
  private feed(
    station: Station,
    pieces: Buffer[],
  ): { written: string[]; events: unknown[]; end: string } {
    const { host } = this;
    station.snapshot.restore(host.core);
    host.linkOpen = true;
    host.now = this.startedAt;
    host.take();
    host.events.length = 0;
    for (const piece of pieces) host.receive(piece);
    this.check(station);
    const written = host.take().map((bytes) => bytes.toString("hex"));
    // The device's padding and blinding are random; only their sizes can be compared.
    const sizes = written.map((text) => (text.length === 512 ? "key message" : text));
    const { last } = host;
    const isOver = last?.state === ConnectionState.Disconnected;
    const end = isOver ? `reason ${last.reason} status ${last.status}` : "";
    return { written: sizes, events: host.events.map(plain), end };
  }

  /** What holds after whatever came. @throws Error */
  private check(station: Station): void {
    const { host } = this;
    const { exports } = host.core;
    if (exports.memory.buffer.byteLength !== this.pages) throw new Error("memory grew");
    if (!(host.state in ConnectionState)) throw new Error(`state ${host.state}`);
    if (exports.poll_timeout(host.now) < -1) throw new Error("no time-out");
    if (exports.statistic(Statistic.EventsLost) > 0) throw new Error("events were lost");
    const early = station.state === ConnectionState.Handshake;
    const secret = host.written.some(({ length }) => early && length > 256);
    if (secret) throw new Error("writes more than a key message before there is a session");
    if (host.linkOpen) return;
    const memory = Buffer.from(exports.memory.buffer, 0, 32_768);
    for (const part of [
      this.server.session.subarray(0, 16),
      this.server.session.subarray(16, 32),
    ]) {
      if (memory.indexOf(part) >= 0) throw new Error("a key outlives its connection");
    }
  }

  /** Let time pass after an input. */
  private wait(random: SeededRandom): void {
    this.host.run(random.below(60_000));
    this.check(this.stations[0]);
    this.host.take();
  }
}

function cutAtRandom(bytes: Buffer, random: SeededRandom): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.below(random.chance(0.5) ? 4 : 400);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** An event as JSON has it: typed arrays as text. */
function plain(event: object): unknown {
  return Object.fromEntries(
    Object.entries(event).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString("hex") : (value as unknown),
    ]),
  );
}

/** A campaign, printed. @returns whether all was well */
export function streamFuzz(options: { count: number; seed: number }): boolean {
  const report = new StreamFuzzer().run(options);
  console.log(JSON.stringify(report, null, 2));
  return report.failures.length === 0;
}
