// How many chunks may be under way, and how fast they may follow each other: a congestion window that grows as in slow
// start and halves on loss (RFC 5681 §3.1), less so where no queue is the cause (as in TCP Veno), stops growing when one
// builds up on the way (as in TCP Vegas), and a token bucket that spreads chunks over the round trip (RFC 9002 §7.7).

import type { RoundTrip } from "./round-trip";

/** Chunks under way at first: some 4 KB (RFC 3390 §1). */
const INITIAL_WINDOW = 4;
/** Two, as a device acknowledges every second chunk at once and a single one late. */
const MIN_WINDOW = 2;
/** Chunks in a queue on the way at which the window stops growing, and above which it shrinks. */
const QUEUE_ENOUGH = 4;
const QUEUE_TOO_LONG = 8;
/** A variation of the round trip below this is no queue: a device may hold back an acknowledgement, ms. */
const JITTER_MS = 200;
/** With fewer chunks in a queue a loss is one of the radio, not of a queue that is full (as in TCP Veno). */
const RANDOM_LOSS_QUEUE = 3;
const RANDOM_LOSS_FACTOR = 0.8;

export class Pacing {
  private window = INITIAL_WINDOW;
  private threshold = Infinity;
  /** The last transmission when the window was halved: what was sent before is no new reason. */
  private recoveryUntil = 0;
  /** Bytes that may go out at once. */
  private tokens: number;
  private refilledAt: number;
  /** The first one of a pair is out. */
  private paired = false;

  /**
   * @param chunkSize bytes of a chunk
   * @param bytesPerSecond a limit to the rate; undefined: none
   */
  constructor(
    private readonly chunkSize: number,
    private readonly roundTrip: RoundTrip,
    private readonly bytesPerSecond: number | undefined,
    now: number,
  ) {
    this.tokens = this.burst;
    this.refilledAt = now;
  }

  /** Chunks that may go out beside those under way. */
  room(inFlight: number): number {
    return Math.max(0, Math.floor(this.window) - inFlight);
  }

  /**
   * Take the right to send one chunk.
   * @param ready chunks that could go out now. They go in pairs: a device acknowledges two together, single ones each.
   * @returns 0, or how long to wait for it, ms
   */
  take(ready: number, now: number): number {
    this.refill(now);
    if (this.rate === Infinity) return 0;
    const pair = this.paired || ready < 2 ? 1 : 2;
    const missing = pair * this.chunkSize - this.tokens;
    if (missing > 0) return Math.max(1, missing / this.rate);
    this.tokens -= this.chunkSize;
    this.paired = pair === 2;
    return 0;
  }

  /** Chunks have arrived. */
  grow(received: number): void {
    const queue = this.queue;
    if (queue > QUEUE_TOO_LONG) {
      this.window = Math.max(MIN_WINDOW, this.window - received / this.window);
      this.threshold = Math.min(this.threshold, this.window);
    }
    if (queue > QUEUE_ENOUGH) return;
    this.window += this.window < this.threshold ? received : received / this.window;
  }

  /** A chunk was lost. @param order its place, @param sent that of the last transmission so far */
  shrink(order: number, sent: number): void {
    if (order <= this.recoveryUntil) return;
    this.recoveryUntil = sent;
    const factor = this.queue < RANDOM_LOSS_QUEUE ? RANDOM_LOSS_FACTOR : 0.5;
    this.window = Math.max(MIN_WINDOW, this.window * factor);
    this.threshold = this.window;
  }

  /** Nothing came back for long. */
  collapse(): void {
    this.threshold = Math.max(MIN_WINDOW, this.window / 2);
    this.window = MIN_WINDOW;
  }

  /** Chunks of ours that wait in a queue on the way, as the round trip tells. */
  private get queue(): number {
    const { latest, shortest } = this.roundTrip;
    if (latest <= shortest + JITTER_MS) return 0;
    return (this.window * (latest - shortest)) / latest;
  }

  /** Bytes a ms. */
  private get rate(): number {
    const limit = (this.bytesPerSecond ?? Infinity) / 1000;
    const { smoothed } = this.roundTrip;
    if (smoothed === undefined || smoothed === 0) return limit;
    const gain = this.window < this.threshold ? 2 : 1.25;
    return Math.min(limit, (gain * this.window * this.chunkSize) / smoothed);
  }

  private get burst(): number {
    const chunks = this.bytesPerSecond === undefined ? INITIAL_WINDOW : MIN_WINDOW;
    return chunks * this.chunkSize;
  }

  private refill(now: number): void {
    const { rate } = this;
    const more = rate === Infinity ? this.burst : rate * (now - this.refilledAt);
    this.tokens = Math.min(this.burst, this.tokens + more);
    this.refilledAt = now;
  }
}
