// A cloud and a scripted device with an update receiver on a simulated link in virtual time, with seeded loss, delay,
// duplication, and a queue of limited speed. Every run can be repeated from its seed.

import type { CoapMessage } from "../../cloud/coap/codec";
import { LocalCloud } from "../../cloud/local-cloud";
import type { LocalCloudOptions } from "../../cloud/local-cloud";
import type { FlashOptions, UpdateReport, UpdateResult } from "../../cloud";
import { DEVICE_ID, setupCloud } from "./cloud-fixture";
import type { CloudFixture } from "./cloud-fixture";
import { SeededRandom } from "./random";
import type { ScriptedDevice } from "./scripted-device";
import { UpdateReceiver } from "./update-receiver";
import type { Outgoing, ReceiverFaults } from "./update-receiver";

/** IPv4 20 + UDP 8. */
const HEADERS = 28;
const CON_TIMEOUT_MS = 4000;
const MAX_RETRANSMIT = 3;

export interface FlashLink {
  /** Probability that a datagram is lost. */
  loss?: number;
  duplication?: number;
  /** One-way delay, ms: each datagram gets one between the two. */
  delay?: number;
  jitter?: number;
  /** Of the way down, bytes a second; what comes faster queues. */
  bytesPerSecond?: number;
  /** Datagrams that the queue holds. */
  queue?: number;
}

interface Pending {
  /** Seals it, with a new record number each time. */
  seal: () => Buffer;
  at: number;
  transmissions: number;
}

export class FlashWorld {
  now = 0;
  readonly fixture: CloudFixture;
  cloud: LocalCloud;
  device: ScriptedDevice;
  outcome: UpdateResult | Error | undefined;
  readonly receiver: UpdateReceiver;
  readonly reports: UpdateReport[] = [];
  /** Bytes on IPv4: all that was sent, and what of it arrived. */
  readonly traffic = { sent: 0, delivered: 0, datagrams: 0 };
  /** Longest time that a datagram waited in the queue of the link, ms. */
  longestQueue = 0;
  /** Nothing arrives at the device any more, or from it either. */
  deaf = false;
  dead = false;
  /** Messages that are not of updates: answered by this. */
  onMessage: (message: CoapMessage) => Outgoing | undefined = (message) =>
    message.type === 0 ? { type: 2, code: 0, messageId: message.messageId } : undefined;
  private readonly random: SeededRandom;
  private readonly flights: { at: number; order: number; down: boolean; bytes: Buffer }[] = [];
  /** Confirmable messages of the device. */
  private readonly unacknowledged = new Map<number, Pending>();
  /** Message IDs of the cloud. */
  private readonly seen = new Set<number>();
  private readonly opened = new Set<Buffer>();
  private order = 0;
  private linkFreeAt = 0;

  constructor(
    readonly link: FlashLink,
    seed = 1,
    faults: ReceiverFaults = {},
    options: Partial<LocalCloudOptions> = {},
  ) {
    this.random = new SeededRandom(seed);
    this.fixture = setupCloud({
      random: (length) => this.random.bytes(length),
      ...options,
    });
    this.receiver = new UpdateReceiver((message) => this.sendUp(message), faults);
    this.cloud = this.fixture.cloud;
    this.device = this.fixture.device;
    this.listen();
    this.connect();
  }

  /** Handshake and Hello without the link's faults. */
  connect(): void {
    const { cloud, device } = this;
    device.handshake(cloud, this.now);
    const answers = device.exchange(cloud, device.hello(), this.now);
    for (const datagram of answers) this.carry(true, datagram);
  }

  /** The device has lost its session, and makes a new one. */
  reconnect(): void {
    this.device = this.device.twin();
    this.flights.length = 0;
    this.unacknowledged.clear();
    this.seen.clear();
    this.connect();
  }

  /** The cloud process ends, and another one takes over what it has stored. */
  restartCloud(): void {
    this.cloud = new LocalCloud({ ...this.fixture.options, now: this.now });
    this.listen();
  }

  /** Start an update and run until it ends. @param limit of virtual time, ms */
  flash(file: Buffer, options: FlashOptions = {}, limit = 3600_000): Promise<UpdateResult | Error> {
    this.start(file, options);
    return this.finish(limit);
  }

  start(file: Buffer, options: FlashOptions = {}): void {
    this.outcome = undefined;
    const settle = (outcome: UpdateResult | Error): void => void (this.outcome = outcome);
    this.cloud.flash(DEVICE_ID, file, options).then(settle, settle);
    this.drainCloud();
  }

  /** Go on until the device has so many bytes. */
  runUntil(bytes: number): void {
    while ((this.cloud.updateOf(DEVICE_ID)?.sent ?? 0) < bytes && this.step(3600_000));
  }

  async finish(limit = 3600_000): Promise<UpdateResult | Error> {
    const end = this.now + limit;
    while (!this.isOver && this.step(end));
    await new Promise((resolve) => setImmediate(resolve));
    return this.outcome ?? new Error("the update is not over");
  }

  get isOver(): boolean {
    const state = this.cloud.updateOf(DEVICE_ID)?.state;
    return state === "done" || state === "failed";
  }

  private listen(): void {
    this.cloud.useClock(() => this.now);
    this.cloud.on("update", (report) => this.reports.push(report));
    this.cloud.on("wake", () => this.drainCloud());
  }

  run(until: number): void {
    while (this.step(until));
  }

  /** Do the next thing. @returns whether there was one before `limit` */
  step(limit: number): boolean {
    const timeout = this.cloud.pollTimeout(this.now);
    const at = Math.min(
      ...this.flights.map((flight) => flight.at),
      timeout < 0 ? Infinity : this.now + timeout,
      this.receiver.nextDeadline(),
      ...[...this.unacknowledged.values()].map((pending) => pending.at),
    );
    if (at > limit) {
      this.now = limit;
      return false;
    }
    this.now = Math.max(this.now, at);
    const due = this.flights.filter((flight) => flight.at <= this.now);
    due.sort((a, b) => a.at - b.at || a.order - b.order);
    for (const flight of due) {
      this.flights.splice(this.flights.indexOf(flight), 1);
      if (this.dead) continue;
      if (flight.down && this.deaf) continue;
      if (flight.down) this.handleDown(flight.bytes);
      else this.cloud.handleDatagram(this.device.address, flight.bytes, this.now);
      this.drainCloud();
    }
    this.receiver.handleTimeout(this.now);
    this.retransmit();
    if (timeout >= 0) this.cloud.handleTimeout(this.now);
    this.drainCloud();
    return true;
  }

  drainCloud(): void {
    for (const datagram of this.device.collect(this.cloud)) this.carry(true, datagram);
  }

  /** Send a message of the device. */
  sendUp(message: Outgoing): void {
    const { type, code, messageId, token, options, payload } = message;
    const id = messageId ?? ++this.device.messageId;
    const fields = { type, code, messageId: id, token, options, payload };
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const seal = (): Buffer => this.device.coap(Object.fromEntries(given) as never, 0);
    const at = this.now + CON_TIMEOUT_MS;
    if (type === 0) this.unacknowledged.set(id, { seal, at, transmissions: 1 });
    this.carry(false, seal());
  }
  private retransmit(): void {
    for (const [id, pending] of this.unacknowledged) {
      if (pending.at > this.now) continue;
      if (++pending.transmissions > MAX_RETRANSMIT + 1) {
        this.unacknowledged.delete(id);
        continue;
      }
      pending.at = this.now + CON_TIMEOUT_MS * 2 ** (pending.transmissions - 1);
      this.carry(false, pending.seal());
    }
  }

  private handleDown(bytes: Buffer): void {
    // What the replay window of a device is for.
    if (this.opened.has(bytes)) return;
    this.opened.add(bytes);
    const before = this.device.received.length;
    this.device.handleDatagram(bytes);
    for (const message of this.device.received.slice(before)) this.handleMessage(message);
  }

  private handleMessage(message: CoapMessage): void {
    if (message.type >= 2) {
      this.unacknowledged.delete(message.messageId);
      return;
    }
    if (this.seen.has(message.messageId)) {
      const reply = message.type === 0 && { type: 2, code: 0, messageId: message.messageId };
      if (reply) this.carry(false, this.device.coap({ ...reply }, 0));
      return;
    }
    this.seen.add(message.messageId);
    if (this.receiver.handle(message, this.now)) return;
    const answer = this.onMessage(message);
    if (answer) this.sendUp(answer);
  }

  private carry(down: boolean, bytes: Buffer): void {
    const { loss = 0, duplication = 0, delay = 10, jitter = 0, bytesPerSecond } = this.link;
    const size = bytes.length + HEADERS;
    this.traffic.sent += size;
    this.traffic.datagrams++;
    let leavesAt = this.now;
    if (down && bytesPerSecond !== undefined) {
      const waiting = Math.max(0, this.linkFreeAt - this.now);
      if (waiting > ((this.link.queue ?? Infinity) * 1200 * 1000) / bytesPerSecond) return;
      this.longestQueue = Math.max(this.longestQueue, waiting);
      this.linkFreeAt = this.now + waiting + (size * 1000) / bytesPerSecond;
      leavesAt = this.linkFreeAt;
    }
    const copies = this.random.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.chance(loss)) continue;
      this.traffic.delivered += size;
      const at = leavesAt + delay + (jitter > 0 ? this.random.below(jitter) : 0);
      this.flights.push({ at, order: this.order++, down, bytes });
    }
  }
}

/** Bytes that no compression would make smaller, the same for each seed. */
export function fileOf(length: number, seed = 7): Buffer {
  return Buffer.from(new SeededRandom(seed).bytes(length));
}
