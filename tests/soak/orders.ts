// The messages of a server in every order, against a model of what the client may make of each. Only
// what a prefix leaves alive is explored further: a client that has failed hears nothing.

import path from "node:path";

import {
  ConnectionState,
  Core,
  Credential,
  EventKind,
  MemoryStorage,
  Statistic,
  Status,
  StorageSlot,
  encodePsk,
} from "../../bindings/node";
import type { CoreEvent } from "../../bindings/node";
import { exportSec1, generateKeyPair } from "../../cloud/keys";
import { SYMBOLS, ScriptedServer, isMessage } from "../support/scripted-server";
import type { Kind, Symbol } from "../support/scripted-server";
import { projectRoot } from "../support/fixture";
import { SeededRandom } from "../support/random";
import { Snapshot, openModule } from "../support/snapshot";
import { CORE_FILE, DEVICE_ID } from "../support/world";

const STANDARD_FILE = path.join(projectRoot, "build/boson-standard.wasm");
const PSK = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
const NOW = 1000;
/** HelloVerifyRequests that a handshake follows. */
const MAX_COOKIES = 4;

// ---- the model --------------------------------------------------------------------------------

/** Where the client stands: what it waits for. */
type State =
  | "ServerHello"
  | "Certificate"
  | "ServerKeyExchange"
  | "CertificateRequest"
  | "ServerHelloDone"
  | "ChangeCipherSpec"
  | "Finished"
  | "done";

interface Place {
  state: State;
  cookies: number;
  /** What the client followed to get here, cookies aside. */
  path: readonly Symbol[];
}

const START: Place = { state: "ServerHello", cookies: 0, path: [] };

/** What comes of a message. */
interface Outcome {
  /** `dropped` is counted, `ignored` is not; both change nothing. */
  kind: "goes on" | "dropped" | "ignored" | "fails";
  next?: Place;
  status?: Status;
  /** What the client sends, in the words of the scripted server. */
  sends: string[];
}

/** By kind and state: the messages that may come, and where they lead. */
const EXPECTED: Record<Kind, Partial<Record<State, Partial<Record<Symbol, State>>>>> = {
  particle: {
    ServerHello: { ServerHello: "ServerKeyExchange" },
    ServerKeyExchange: { ServerKeyExchange: "CertificateRequest" },
    CertificateRequest: { CertificateRequest: "ServerHelloDone" },
    ServerHelloDone: { ServerHelloDone: "ChangeCipherSpec" },
  },
  psk: {
    ServerHello: { ServerHello: "ServerKeyExchange" },
    // RFC 4279 §2: the hint may be left out.
    ServerKeyExchange: {
      ServerKeyExchange: "ServerHelloDone",
      ServerHelloDone: "ChangeCipherSpec",
    },
    ServerHelloDone: { ServerHelloDone: "ChangeCipherSpec" },
  },
  "raw key": {
    ServerHello: { ServerHello: "Certificate" },
    Certificate: { Certificate: "ServerKeyExchange" },
    ServerKeyExchange: { ServerKeyExchange: "CertificateRequest" },
    // RFC 5246 §7.4.4: a server need not ask for a certificate.
    CertificateRequest: {
      CertificateRequest: "ServerHelloDone",
      ServerHelloDone: "ChangeCipherSpec",
    },
    ServerHelloDone: { ServerHelloDone: "ChangeCipherSpec" },
  },
};

const END: Symbol[] = ["ServerHelloDone", "ChangeCipherSpec", "sealed Finished"];

/** The only orders that complete a handshake. */
export const LEGAL_ORDERS: Record<Kind, Symbol[][]> = {
  particle: [["ServerHello", "ServerKeyExchange", "CertificateRequest", ...END]],
  psk: [
    ["ServerHello", ...END],
    ["ServerHello", "ServerKeyExchange", ...END],
  ],
  "raw key": [
    ["ServerHello", "Certificate", "ServerKeyExchange", ...END],
    ["ServerHello", "Certificate", "ServerKeyExchange", "CertificateRequest", ...END],
  ],
};

const DROPPED: Outcome = { kind: "dropped", sends: [] };
const IGNORED: Outcome = { kind: "ignored", sends: [] };

/** ARCHITECTURE.md, "Outcomes". */
function expectedOutcome(kind: Kind, place: Place, symbol: Symbol): Outcome {
  const { state, cookies, path: followed } = place;
  const goTo = (next: State, ...sends: string[]): Outcome => ({
    kind: "goes on",
    next: { state: next, cookies, path: [...followed, symbol] },
    sends,
  });
  if (state === "Finished") {
    // The server has said that it encrypts: nothing in clear counts any more.
    return symbol === "sealed Finished" ? goTo("done", "data") : DROPPED;
  }
  if (symbol === "sealed Finished" || symbol === "sealed data" || symbol === "plain data") {
    return DROPPED;
  }
  if (symbol === "warning" || symbol === "HelloRequest") return IGNORED;
  if (symbol === "fatal alert") return { kind: "fails", status: Status.AlertReceived, sends: [] };
  if (symbol === "ChangeCipherSpec") {
    return state === "ChangeCipherSpec" ? goTo("Finished") : DROPPED;
  }
  if (symbol === "HelloVerifyRequest") {
    if (state !== "ServerHello" || cookies === MAX_COOKIES) return DROPPED;
    const next = { ...place, cookies: cookies + 1 };
    return { kind: "goes on", next, sends: ["ClientHello"] };
  }
  const next = EXPECTED[kind][state]?.[symbol];
  if (next) return next === "ChangeCipherSpec" ? goTo(next, "flight") : goTo(next);
  return { kind: "fails", status: Status.UnexpectedMessage, sends: ["alert 2 10"] };
}

// ---- the device -------------------------------------------------------------------------------

/** What a core did after an input. */
interface Reaction {
  sends: string[];
  events: CoreEvent[];
  dropped: number;
  state: ConnectionState;
}

class Bench {
  readonly core: Core;
  private readonly keyPair = generateKeyPair();

  constructor(readonly kind: Kind) {
    const storage = new MemoryStorage();
    storage.slots.set(StorageSlot.DevicePrivateKey, exportSec1(generateKeyPair()));
    storage.slots.set(StorageSlot.ServerPublicKey, this.keyPair.spki);
    storage.slots.set(StorageSlot.PreSharedKey, encodePsk("kitchen", PSK));
    const random = new SeededRandom(1);
    const credential = kind === "psk" ? Credential.PreSharedKey : Credential.RawPublicKey;
    this.core = new Core({
      module: openModule(kind === "particle" ? CORE_FILE : STANDARD_FILE),
      // Nothing is ever stored: a finished handshake must not help the next one.
      storage: { read: (slot) => storage.read(slot), write: () => undefined },
      deviceId: DEVICE_ID,
      random: (buffer) => buffer.set(random.bytes(buffer.length)),
      standard: kind === "particle" ? undefined : { credential },
    });
  }

  /** Up to the first ClientHello. */
  start(): ScriptedServer {
    const server = new ScriptedServer({ kind: this.kind, keyPair: this.keyPair, psk: PSK });
    this.core.connect(NOW);
    this.drain(server);
    this.core.linkUp(Uint8Array.of(1), NOW);
    this.drain(server);
    return server;
  }

  private get dropped(): number {
    const { core } = this;
    return core.statistic(Statistic.RecordsMalformed) + core.statistic(Statistic.RecordsUnexpected);
  }

  give(server: ScriptedServer, datagram: Uint8Array): Reaction {
    const before = this.dropped;
    this.core.handleDatagram(datagram, NOW);
    const { sends, events } = this.drain(server);
    const state = this.core.exports.connection_state();
    return { sends, events, dropped: this.dropped - before, state };
  }

  private drain(server: ScriptedServer): { sends: string[]; events: CoreEvent[] } {
    const sends: string[] = [];
    const events: CoreEvent[] = [];
    for (;;) {
      const datagram = this.core.pollTransmit(NOW);
      if (datagram) {
        sends.push(server.receive(datagram));
        continue;
      }
      const event = this.core.pollEvent(NOW);
      if (!event) return { sends, events };
      events.push(event);
    }
  }
}

// ---- the search -------------------------------------------------------------------------------

export interface OrdersReport {
  kind: Kind;
  depth: number;
  /** Orders that were run to their end, all of their prefixes before them. */
  orders: number;
  /** Orders of this depth that begin with one that has ended: there is nothing to run. */
  pruned: number;
  dropped: number;
  ignored: number;
  failed: number;
  /** Orders that completed the handshake, and what of them the client followed, without repetition. */
  completed: number;
  followed: string[];
  problems: string[];
}

class Search {
  readonly report: OrdersReport;
  private readonly bench: Bench;

  constructor(
    kind: Kind,
    private readonly depth: number,
  ) {
    this.bench = new Bench(kind);
    const counts = { orders: 0, pruned: 0, dropped: 0, ignored: 0, failed: 0, completed: 0 };
    this.report = { kind, depth, ...counts, followed: [], problems: [] };
  }

  run(): OrdersReport {
    const server = this.bench.start();
    this.explore([], START, server);
    return this.report;
  }

  private explore(prefix: Symbol[], place: Place, server: ScriptedServer): void {
    const { bench, report, depth } = this;
    const snapshot = Snapshot.take(bench.core);
    for (const symbol of SYMBOLS) {
      const order = [...prefix, symbol];
      const left = depth - order.length;
      const copy = server.copy();
      if (prefix.length > 0 || symbol !== SYMBOLS[0]) snapshot.restore(bench.core);
      const next = this.step(order, place, copy);
      report.orders += 1;
      // 17 + 17^2 + ... orders would follow one that has ended.
      if (!next) report.pruned += (17 ** (left + 1) - 17) / 16;
      else if (left > 0) this.explore(order, next, copy);
    }
  }

  /** Send the last message of an order. @returns where the client is then; undefined at an end */
  private step(order: Symbol[], place: Place, server: ScriptedServer): Place | undefined {
    const { bench, report } = this;
    const symbol = order[order.length - 1];
    const expected = expectedOutcome(bench.kind, place, symbol);
    const goesOn = expected.kind === "goes on";
    const isHello = symbol === "HelloVerifyRequest";
    const counts = (isMessage(symbol) || isHello) && expected.kind !== "dropped";
    const reaction = bench.give(server, server.send(symbol, counts, goesOn && isMessage(symbol)));
    const problem = compare(expected, reaction);
    if (problem) report.problems.push(`${order.join(", ")}: ${problem}`);
    if (expected.kind === "dropped") report.dropped += 1;
    if (expected.kind === "ignored") report.ignored += 1;
    if (expected.kind === "fails") report.failed += 1;
    if (reaction.state !== ConnectionState.Handshake) {
      if (reaction.state !== ConnectionState.Disconnected) this.complete(expected.next ?? place);
      return undefined;
    }
    return expected.next ?? place;
  }

  private complete({ path: followed }: Place): void {
    const { report } = this;
    const name = followed.join(", ");
    report.completed += 1;
    if (!report.followed.includes(name)) report.followed.push(name);
    const isLegal = LEGAL_ORDERS[report.kind].some((order) => order.join(", ") === name);
    if (!isLegal) report.problems.push(`completed by ${name}`);
  }
}

/** @returns what is not as expected */
function compare(
  expected: Outcome,
  { sends, events, dropped, state }: Reaction,
): string | undefined {
  const failure = events.find(
    (event) => event.kind === EventKind.Connection && event.state === ConnectionState.Disconnected,
  );
  const status = failure?.kind === EventKind.Connection ? Status[failure.status] : "none";
  const isDone = expected.next?.state === "done";
  const wanted = {
    sends: isDone ? "" : expected.sends.join(),
    dropped: expected.kind === "dropped" ? 1 : 0,
    status: expected.status === undefined ? "none" : Status[expected.status],
    isAlive: expected.kind !== "fails",
    isDone,
  };
  const found = {
    sends: isDone ? "" : sends.join(),
    dropped,
    status,
    isAlive: state !== ConnectionState.Disconnected,
    isDone: state === ConnectionState.Hello || state === ConnectionState.Connected,
  };
  const [a, b] = [JSON.stringify(wanted), JSON.stringify(found)];
  return a === b ? undefined : `${b} in place of ${a}`;
}

/** Every order of up to `depth` messages. */
export function exploreOrders(kind: Kind, depth: number): OrdersReport {
  return new Search(kind, depth).run();
}

/** One order; every message of it is checked. */
export function runOrder(kind: Kind, order: readonly Symbol[]): OrdersReport {
  const search = new Search(kind, order.length);
  const server = search["bench"].start();
  let place: Place | undefined = START;
  for (let i = 0; i < order.length && place; i++) {
    place = search["step"](order.slice(0, i + 1), place, server);
  }
  return search.report;
}

/** The whole campaign; prints figures. @returns whether all was well */
export function ordersCampaign(depth: number): boolean {
  let isGood = true;
  for (const kind of ["particle", "psk", "raw key"] as const) {
    const startedAt = performance.now();
    const { problems, ...figures } = exploreOrders(kind, depth);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log({ ...figures, seconds, problems: problems.length });
    for (const problem of problems.slice(0, 20)) console.log(problem);
    isGood &&= problems.length === 0;
  }
  return isGood;
}
