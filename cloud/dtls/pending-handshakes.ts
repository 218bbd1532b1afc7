// Handshakes under way, by address and by connection id, with their timers. Bounded: the oldest gives way.

import type { Handshake } from "./handshake";

export interface PendingHandshake {
  handshake: Handshake;
  address: string;
  /**
   * The client has shown that it receives at this address. Until then it gets one flight for each of its ClientHellos,
   * and none by a timer.
   */
  reachable: boolean;
  startedAt: number;
  retransmitAt: number;
  timeoutMs: number;
}

export interface PendingLimits {
  /** First retransmission of a flight, ms; doubles up to 60 s (RFC 6347 §4.2.4.1). */
  flightTimeoutMs: number;
  /** A handshake older than this is forgotten, ms. */
  handshakeLifetimeMs: number;
  /** Handshakes at a time. */
  maxHandshakes: number;
}

const MAX_FLIGHT_TIMEOUT_MS = 60_000;

export class PendingHandshakes {
  private readonly byAddress = new Map<string, PendingHandshake>();
  private readonly byConnectionId = new Map<string, PendingHandshake>();

  constructor(private readonly limits: PendingLimits) {}

  at(address: string): PendingHandshake | undefined {
    return this.byAddress.get(address);
  }

  find(connectionId: Buffer): PendingHandshake | undefined {
    return this.byConnectionId.get(connectionId.toString("hex"));
  }

  /** Begin one, in place of another at the same address. */
  add(
    handshake: Handshake,
    place: { address: string; reachable: boolean },
    now: number,
  ): PendingHandshake {
    const previous = this.byAddress.get(place.address);
    if (previous) this.remove(previous);
    const oldest = this.byAddress.values().next().value;
    if (oldest && this.byAddress.size >= this.limits.maxHandshakes) this.remove(oldest);
    const timeoutMs = this.limits.flightTimeoutMs;
    const pending = { handshake, ...place, startedAt: now, retransmitAt: now, timeoutMs };
    this.byAddress.set(place.address, pending);
    if (handshake.connectionId.length > 0) {
      this.byConnectionId.set(handshake.connectionId.toString("hex"), pending);
    }
    return pending;
  }

  remove(pending: PendingHandshake): void {
    this.byAddress.delete(pending.address);
    this.byConnectionId.delete(pending.handshake.connectionId.toString("hex"));
  }

  /** A flight goes out: start its timer. */
  restart(pending: PendingHandshake, now: number): void {
    pending.retransmitAt = pending.reachable ? now + pending.timeoutMs : Infinity;
  }

  /** Milliseconds timestamp of the next timer, or Infinity. */
  nextDeadline(): number {
    let deadline = Infinity;
    for (const { retransmitAt, startedAt } of this.byAddress.values()) {
      deadline = Math.min(deadline, retransmitAt, startedAt + this.limits.handshakeLifetimeMs);
    }
    return deadline;
  }

  /** @returns those whose flight is due again, and those that are too old and already removed */
  handleTimeout(now: number): { due: PendingHandshake[]; expired: PendingHandshake[] } {
    const all = [...this.byAddress.values()];
    const expired = all.filter((p) => now >= p.startedAt + this.limits.handshakeLifetimeMs);
    for (const pending of expired) this.remove(pending);
    const due = all.filter((p) => now >= p.retransmitAt && !expired.includes(p));
    for (const pending of due) {
      pending.timeoutMs = Math.min(2 * pending.timeoutMs, MAX_FLIGHT_TIMEOUT_MS);
    }
    return { due, expired };
  }
}
