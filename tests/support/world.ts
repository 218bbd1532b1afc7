// A device and a cloud on a simulated link in virtual time: the real core (WebAssembly) against the
// local cloud's engine, with seeded loss, duplication, delay and reordering. Every run can be
// repeated from its seed, but for ECDSA signatures of the cloud, which node:crypto draws itself.

import path from "node:path";

import { ConnectionState, Core, EventKind, MemoryStorage, loadModule } from "../../bindings/node";
import type { CoreEvent, CoreOptions, StorageSlot } from "../../bindings/node";
import { generateKeyPair, exportSec1 } from "../../cloud/keys";
import type { KeyPair } from "../../cloud/keys";
import { LocalCloud } from "../../cloud/local-cloud";
import type { LocalCloudOptions } from "../../cloud/local-cloud";
import type { Session } from "../../cloud/dtls/session";
import { Registry } from "../../cloud/registry";
import { MemoryStorage as CloudStorage } from "../../cloud/state-storage";
import { SeededRandom } from "./random";

export const CORE_FILE = path.resolve(__dirname, "../../build/boson.wasm");
export const DEVICE_ID = "0123456789abcdef01234567";
const SLOT_DEVICE_KEY = 1 as StorageSlot;
const SLOT_SERVER_KEY = 2 as StorageSlot;

let compiled: WebAssembly.Module | undefined;

/** The core's module, compiled once a process. */
export function coreModule(): WebAssembly.Module {
  compiled ??= loadModule(CORE_FILE);
  return compiled;
}

export interface LinkOptions {
  /** Probability that a datagram is lost. */
  loss?: number;
  /** Probability that a datagram arrives twice. */
  duplication?: number;
  /** One-way delay, ms; each datagram gets one between the two, so that they reorder. */
  minDelay?: number;
  maxDelay?: number;
}

export interface WorldOptions extends LinkOptions {
  seed?: number;
  module?: WebAssembly.Module;
  serverKey?: KeyPair;
  deviceKey?: KeyPair;
  /** Whether the cloud knows the device's key. */
  registered?: boolean;
  /** Another key than the cloud's to pin on the device. */
  pinnedKey?: Uint8Array;
  cloud?: Partial<LocalCloudOptions>;
  /** What the device is, beside what the world gives it. */
  device?: Partial<CoreOptions>;
  /** Called for each new core, before it connects: registers functions and the like. */
  onBoot?: (core: Core, now: number) => void;
  storage?: MemoryStorage;
  /** Device clock at the start, ms; near 2^32 to test wrapping. */
  deviceStart?: number;
}

interface Flight {
  at: number;
  order: number;
  toDevice: boolean;
  from: string;
  bytes: Uint8Array;
}

export interface Sent {
  at: number;
  direction: "up" | "down";
  bytes: Uint8Array;
}

/** Changes, drops (undefined), multiplies or passes a datagram before the link takes it. */
export type Tamper = (
  direction: "up" | "down",
  bytes: Uint8Array,
) => Uint8Array | Uint8Array[] | undefined;

export class World {
  readonly random: SeededRandom;
  readonly storage: MemoryStorage;
  readonly cloudStorage = new CloudStorage();
  readonly serverKey: KeyPair;
  readonly deviceKey: KeyPair;
  readonly registry = new Registry();
  readonly events: CoreEvent[] = [];
  readonly cloudLog: string[] = [];
  readonly deviceLog: string[] = [];
  /** Every session that the cloud made or restored, by connection id in hex. */
  readonly sessions = new Map<string, Session>();
  /** Every datagram that an end sent, lost ones included. */
  readonly sent: Sent[] = [];
  cloud: LocalCloud;
  core!: Core;
  now = 0;
  link: LinkOptions;
  tamper: Tamper = (_direction, bytes) => bytes;
  /** Source address of the device; a new one for each socket that the core asks for. */
  address = "10.0.0.1:1";
  /** How events are answered; tests replace it. */
  onEvent: (event: CoreEvent) => void = () => {};
  /** Whether the host opens the sockets that the core asks for. */
  opensLinks = true;
  private sockets = 0;
  private linkOpen = false;
  private readonly flights: Flight[] = [];
  private order = 0;

  constructor(readonly options: WorldOptions = {}) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.link = options;
    this.storage = options.storage ?? new MemoryStorage();
    this.serverKey = options.serverKey ?? generateKeyPair();
    this.deviceKey = options.deviceKey ?? generateKeyPair();
    if (options.registered ?? true) {
      this.registry.register({ id: DEVICE_ID, publicKey: this.deviceKey.spki });
    }
    this.storage.slots.set(SLOT_DEVICE_KEY, exportSec1(this.deviceKey));
    this.storage.slots.set(SLOT_SERVER_KEY, options.pinnedKey ?? this.serverKey.spki);
    this.cloud = this.startCloud();
    this.startDevice();
  }

  /** Start the cloud process again; its storage survives. */
  startCloud(): LocalCloud {
    this.cloud = new LocalCloud({
      keyPair: this.serverKey,
      registry: this.registry,
      storage: this.cloudStorage,
      random: (length) => this.random.bytes(length),
      wallClock: () => 1_700_000_000_000 + this.now,
      now: this.now,
      flightTimeoutMs: 3000,
      ...this.options.cloud,
    });
    this.cloud.useClock(() => this.now);
    this.cloud.on("log", ({ message }) => this.cloudLog.push(message));
    this.cloud.on("wake", () => this.drainCloud());
    this.cloud.on("device", () => this.noteSession());
    return this.cloud;
  }

  /** Power the device up, as after a reset: only storage survives. */
  startDevice(): void {
    this.linkOpen = false;
    this.core = new Core({
      module: this.options.module ?? coreModule(),
      storage: this.storage,
      deviceId: DEVICE_ID,
      random: (buffer) => buffer.set(this.random.bytes(buffer.length)),
      log: (_level, text) => this.deviceLog.push(text),
      ...this.options.device,
    });
    this.options.onBoot?.(this.core, this.deviceNow);
  }

  /** The session that the cloud has with the device. */
  get session(): Session | undefined {
    return this.cloud["dtls"].sessions.current(DEVICE_ID);
  }

  private noteSession(): void {
    const session = this.session;
    if (session) this.sessions.set(session.connectionId.toString("hex"), session);
  }

  /** The device's clock: 32 bits. */
  get deviceNow(): number {
    return ((this.options.deviceStart ?? 0) + this.now) >>> 0;
  }

  get state(): ConnectionState {
    return this.core.exports.connection_state();
  }

  connect(): void {
    this.core.connect(this.deviceNow);
    this.drain();
  }

  // ---- moving bytes -------------------------------------------------------------------------

  private carry(direction: "up" | "down", from: string, original: Uint8Array): void {
    this.sent.push({ at: this.now, direction, bytes: Uint8Array.from(original) });
    const carried = this.tamper(direction, Uint8Array.from(original));
    for (const bytes of carried instanceof Uint8Array ? [carried] : (carried ?? [])) {
      this.transport(direction, from, bytes);
    }
  }

  private transport(direction: "up" | "down", from: string, bytes: Uint8Array): void {
    const { loss = 0, duplication = 0, minDelay = 10, maxDelay = minDelay } = this.link;
    const copies = this.random.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.chance(loss)) continue;
      const at = this.now + minDelay + this.random.below(maxDelay - minDelay + 1);
      const toDevice = direction === "down";
      this.flights.push({ at, order: this.order++, toDevice, from, bytes });
    }
  }

  /** Drain both ends at the present time. */
  drain(): void {
    this.drainDevice();
    this.drainCloud();
  }

  drainDevice(): void {
    let event: CoreEvent | undefined;
    do {
      let datagram: Uint8Array | undefined;
      while ((datagram = this.core.pollTransmit(this.deviceNow))) {
        if (this.linkOpen) this.carry("up", this.address, datagram);
      }
      event = this.core.pollEvent(this.deviceNow);
      if (event) this.handleEvent(event);
    } while (event);
  }

  drainCloud(): void {
    let next = this.cloud.pollTransmit();
    for (; next; next = this.cloud.pollTransmit()) {
      if (next.to === this.address) this.carry("down", next.to, next.datagram);
    }
  }

  private handleEvent(event: CoreEvent): void {
    this.events.push(event);
    if (event.kind === EventKind.OpenLink && this.opensLinks) {
      this.address = `10.0.0.1:${1000 + ++this.sockets}`;
      this.linkOpen = true;
      this.core.linkUp(Uint8Array.of(127, 0, 0, 1, 22, 52), this.deviceNow);
    } else if (event.kind === EventKind.CloseLink) {
      this.linkOpen = false;
    }
    this.onEvent(event);
  }

  /** Give the device a datagram at once. */
  inject(datagram: Uint8Array): void {
    this.core.handleDatagram(datagram, this.deviceNow);
    this.drain();
  }

  // ---- moving time --------------------------------------------------------------------------

  /** Time of the next thing to happen; undefined when nothing will. */
  protected nextAt(): number | undefined {
    const times = this.flights.map((flight) => flight.at);
    const device = this.core.exports.poll_timeout(this.deviceNow);
    if (device >= 0) times.push(this.now + device);
    const cloud = this.cloud.pollTimeout(this.now);
    if (cloud >= 0) times.push(this.now + cloud);
    return times.length ? times.reduce((a, b) => Math.min(a, b)) : undefined;
  }

  /** Do the next thing. @returns whether there was one before `limit` */
  step(limit: number): boolean {
    const at = this.nextAt();
    if (at === undefined || at > limit) {
      this.now = limit;
      return false;
    }
    this.now = Math.max(this.now, at);
    const due = this.flights
      .filter((flight) => flight.at <= this.now)
      .sort((a, b) => a.at - b.at || a.order - b.order);
    for (const flight of due) {
      this.flights.splice(this.flights.indexOf(flight), 1);
      if (!flight.toDevice) this.cloud.handleDatagram(flight.from, flight.bytes, this.now);
      else if (flight.from === this.address && this.linkOpen) {
        this.core.handleDatagram(flight.bytes, this.deviceNow);
      }
      this.drain();
    }
    if (this.core.exports.poll_timeout(this.deviceNow) === 0) {
      this.core.exports.handle_timeout(this.deviceNow);
    }
    if (this.cloud.pollTimeout(this.now) === 0) this.cloud.handleTimeout(this.now);
    this.drain();
    return true;
  }

  /** Let `ms` pass. @throws Error after too many steps, which means that an end is spinning */
  run(ms: number): void {
    const limit = this.now + ms;
    let steps = 0;
    while (this.step(limit)) {
      if (++steps > 200_000)
        throw new Error(`seed ${this.random.seed}: spinning at ${this.now} ms`);
    }
  }

  /** Run until `done`, at most `ms`. @returns whether it came */
  runUntil(done: () => boolean, ms: number): boolean {
    const limit = this.now + ms;
    let steps = 0;
    while (!done()) {
      if (!this.step(limit)) return done();
      if (++steps > 200_000)
        throw new Error(`seed ${this.random.seed}: spinning at ${this.now} ms`);
    }
    return true;
  }

  /** Connect and run until connected. @throws Error when that takes over `ms` */
  connectNow(ms = 120_000): void {
    this.connect();
    if (!this.runUntil(() => this.state === ConnectionState.Connected, ms)) {
      throw new Error(`seed ${this.random.seed}: not connected after ${ms} ms`);
    }
  }

  /** Let in-process calls of the cloud settle: promises, then datagrams, until `promise` is done. */
  async settle<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let done = false;
    const marked = promise.finally(() => {
      done = true;
    });
    marked.catch(() => {});
    const limit = this.now + ms;
    for (let i = 0; i < 10_000 && !done; i++) {
      await Promise.resolve();
      this.drain();
      if (!done && !this.step(limit)) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return marked;
  }

  /** UDP payload bytes and datagrams since `from` (an index into `sent`). */
  count(from = 0): { up: number; down: number; datagrams: number } {
    const part = this.sent.slice(from);
    const sum = (direction: string) =>
      part.filter((s) => s.direction === direction).reduce((n, s) => n + s.bytes.length, 0);
    return { up: sum("up"), down: sum("down"), datagrams: part.length };
  }
}
