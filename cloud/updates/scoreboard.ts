// Which chunks the device has, which are under way, and which are lost. A chunk is lost once one that was sent after it
// has arrived (RFC 8985 §6.2 counts in the same way): by the order of sending, so that a repeated chunk is not taken for
// lost a second time before something sent after its repetition has arrived.

import type { UpdateAck } from "./messages";
import type { RoundTrip } from "./round-trip";

interface Chunk {
  /** Engine time of the last transmission, ms. */
  sentAt: number;
  /** Place of the last transmission among all. */
  order: number;
  transmissions: number;
  state: "waiting" | "under-way" | "lost" | "received";
}

/** What an acknowledgement has brought. */
export interface AckOutcome {
  /** Chunks that were not known to have arrived before. */
  received: number;
  /** The latest transmission that was found to be lost; 0 for none. */
  lost: number;
}

export class Scoreboard {
  private readonly chunks: Chunk[];
  /** Chunks received without a gap. */
  private prefix = 0;
  /** Index of the highest chunk that was sent. */
  private highest = 0;
  private transmissions = 0;
  /** The latest transmission that is known to have arrived. */
  private latestOrder = 0;
  /** How much later than its successors a chunk may arrive, ms; grows when chunks prove to have been late, not lost. */
  private reorderMs = 0;
  private underWay = 0;
  private receivedCount = 0;
  private lateAt = Infinity;
  /** Transmissions of chunks that had been sent before. */
  repeats = 0;

  /** @param count chunks, indices 1 to count; @param window chunks that may be under way beyond the prefix */
  constructor(
    readonly count: number,
    private readonly window: number,
    private readonly roundTrip: RoundTrip,
  ) {
    this.chunks = Array.from({ length: count + 1 }, () => ({
      ...{ sentAt: 0, order: 0, transmissions: 0 },
      state: "waiting" as const,
    }));
  }

  get complete(): boolean {
    return this.prefix === this.count;
  }

  /** Chunks that were sent and are neither received nor lost. */
  get inFlight(): number {
    return this.underWay;
  }

  /** Chunks that the device has. */
  get received(): number {
    return this.receivedCount;
  }

  /** Number of the last transmission. */
  get sent(): number {
    return this.transmissions;
  }

  /** When a chunk that is overdue counts as lost; Infinity: none is. */
  get nextDeadline(): number {
    return this.lateAt;
  }

  /** The next chunk to send: the first lost one, or a new one in the window. */
  next(): number | undefined {
    const limit = Math.min(this.count, this.prefix + this.window);
    for (let index = this.prefix + 1; index <= Math.min(this.highest, limit); index++) {
      if (this.chunks[index].state === "lost") return index;
    }
    return this.highest < limit ? this.highest + 1 : undefined;
  }

  /** How often a chunk was sent. */
  transmissionsOf(index: number): number {
    return this.chunks[index].transmissions;
  }

  noteSent(index: number, now: number): void {
    const chunk = this.chunks[index];
    if (chunk.state !== "under-way") this.underWay++;
    if (chunk.transmissions > 0) this.repeats++;
    chunk.state = "under-way";
    chunk.sentAt = now;
    chunk.order = ++this.transmissions;
    chunk.transmissions++;
    this.highest = Math.max(this.highest, index);
  }

  /** The first chunk that the device is not known to have, counted as lost: a timer has run out. */
  giveUpFirst(): number | undefined {
    for (let index = this.prefix + 1; index <= this.highest; index++) {
      if (this.chunks[index].state === "received") continue;
      this.lose(this.chunks[index]);
      return index;
    }
    return undefined;
  }

  /** @returns undefined for an acknowledgement of what was never sent: nothing has changed then */
  handleAck({ received, beyond }: UpdateAck, now: number): AckOutcome | undefined {
    if (received > this.highest || beyond.some((index) => index > this.highest)) return undefined;
    const before = this.receivedCount;
    let newest: Chunk | undefined;
    const indices = beyond.filter((index) => this.chunks[index].state !== "received");
    for (let index = this.prefix + 1; index <= received; index++) {
      if (this.chunks[index].state !== "received") indices.push(index);
    }
    for (const index of indices) {
      const chunk = this.chunks[index];
      this.noteReceived(chunk, now);
      if (!newest || chunk.order > newest.order) newest = chunk;
    }
    while (this.prefix < this.count && this.chunks[this.prefix + 1].state === "received") {
      this.prefix++;
    }
    if (newest && newest.transmissions === 1) this.roundTrip.measure(now - newest.sentAt);
    return { received: this.receivedCount - before, lost: this.findLosses(now) };
  }

  /** Count as lost what was overtaken and is overdue. @returns the latest such transmission, 0 for none */
  findLosses(now: number): number {
    let found = 0;
    this.lateAt = Infinity;
    for (let index = this.prefix + 1; index <= this.highest; index++) {
      const chunk = this.chunks[index];
      if (chunk.state !== "under-way" || chunk.order >= this.latestOrder) continue;
      const lateAt = chunk.sentAt + this.roundTrip.latest + this.reorderMs;
      if (this.reorderMs > 0 && now < lateAt) {
        this.lateAt = Math.min(this.lateAt, lateAt);
        continue;
      }
      this.lose(chunk);
      found = Math.max(found, chunk.order);
    }
    return found;
  }

  private noteReceived(chunk: Chunk, now: number): void {
    // Too soon for an answer to the repetition: the one before was late.
    const soon = chunk.transmissions > 1 && now - chunk.sentAt < 0.9 * this.roundTrip.shortest;
    if (soon || chunk.state === "lost") this.toleratesMore();
    // An answer to an earlier transmission says nothing about what was sent since.
    if (!soon) this.latestOrder = Math.max(this.latestOrder, chunk.order);
    if (chunk.state === "under-way") this.underWay--;
    chunk.state = "received";
    this.receivedCount++;
  }

  private toleratesMore(): void {
    const { shortest, smoothed = 0 } = this.roundTrip;
    const step = shortest === Infinity ? 0 : shortest / 4;
    this.reorderMs = Math.min(this.reorderMs + step, smoothed);
  }

  private lose(chunk: Chunk): void {
    if (chunk.state === "under-way") this.underWay--;
    chunk.state = "lost";
  }
}
