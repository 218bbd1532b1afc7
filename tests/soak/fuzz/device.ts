// One core that is brought into any station, given something, and watched: it must come back, answer
// in bounds, and keep to its memory.

import { ConnectionState, Core, EventKind, MemoryStorage, Statistic } from "../../../bindings/node";
import type { CoreEvent } from "../../../bindings/node";
import { SeededRandom } from "../../support/random";
import { Snapshot } from "../../support/snapshot";
import { DEVICE_ID } from "../../support/world";
import type { Station } from "./stations";

/** More datagrams or events than this after one input mean that something spins. */
const MOST_OUTPUTS = 64;

export class Misbehaviour extends Error {
  override name = "Misbehaviour";
}

export class FuzzDevice {
  readonly storage = new MemoryStorage();
  readonly core: Core;
  now = 0;
  /** Longest handling of one input, ms. */
  slowest = 0;
  private readonly pages: number;

  constructor(module: WebAssembly.Module, station: Station) {
    this.storage.slots.clear();
    for (const [slot, bytes] of station.slots) this.storage.slots.set(slot, bytes);
    const random = new SeededRandom(1);
    this.core = new Core({
      module,
      storage: this.storage,
      deviceId: DEVICE_ID,
      random: (buffer) => buffer.set(random.bytes(buffer.length)),
    });
    this.pages = this.core.exports.memory.buffer.byteLength;
  }

  /** Go back to a station. */
  visit(station: Station): void {
    station.snapshot.restore(this.core);
    this.storage.slots.clear();
    for (const [slot, bytes] of station.slots) this.storage.slots.set(slot, bytes);
    this.now = station.now;
  }

  /** Give a datagram; outputs stay where they are. */
  inject(datagram: Uint8Array): void {
    this.timed(() => this.core.handleDatagram(datagram, this.now));
  }

  /** Let time pass and do what is due. */
  wait(ms: number): void {
    this.now = (this.now + ms) >>> 0;
    this.timed(() => this.core.exports.handle_timeout(this.now));
  }

  private timed(act: () => void): void {
    const startedAt = performance.now();
    act();
    this.slowest = Math.max(this.slowest, performance.now() - startedAt);
  }

  /**
   * Take all datagrams and events, answering requests for sockets.
   * @throws Misbehaviour when there is no end to them
   */
  drain(): { datagrams: number; events: CoreEvent[] } {
    const { core } = this;
    const events: CoreEvent[] = [];
    let datagrams = 0;
    for (let rounds = 0; rounds < MOST_OUTPUTS; rounds++) {
      while (core.exports.poll_transmit(this.now) > 0) {
        if (++datagrams > MOST_OUTPUTS) throw new Misbehaviour("no end of datagrams");
      }
      const event = core.pollEvent(this.now);
      if (!event) return { datagrams, events };
      events.push(event);
      if (event.kind === EventKind.OpenLink) core.exports.link_up(6, this.now);
    }
    throw new Misbehaviour("no end of events");
  }

  /** What holds after whatever was done. @throws Misbehaviour */
  check(): void {
    const { exports } = this.core;
    if (exports.memory.buffer.byteLength !== this.pages) throw new Misbehaviour("memory grew");
    const state = exports.connection_state();
    if (!(state in ConnectionState)) throw new Misbehaviour(`state ${state}`);
    const wait = exports.poll_timeout(this.now);
    if (wait < -1) throw new Misbehaviour(`waits ${wait} ms`);
    if (exports.statistic(Statistic.EventsLost) > 0) throw new Misbehaviour("events were lost");
  }

  snapshot(): Snapshot {
    return Snapshot.take(this.core);
  }
}
