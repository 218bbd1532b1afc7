// The round-trip time of chunks and their acknowledgements (RFC 6298 §2), ms.

/** A device holds an acknowledgement back for up to so long, ms. */
const ACK_DELAY_MS = 200;
/** Before anything was measured: the ACK_TIMEOUT of RFC 7252 §4.8. */
const INITIAL_TIMEOUT_MS = 2000;
const MIN_TIMEOUT_MS = 400;
const MAX_TIMEOUT_MS = 60_000;

export class RoundTrip {
  /** Smoothed; undefined before the first measurement. */
  smoothed: number | undefined;
  /** The shortest so far. */
  shortest = Infinity;
  latest = 0;
  private variation = 0;
  private guess = 0;

  /** A first idea: the time of an exchange, with what the device had to do for it. */
  expect(ms: number): void {
    this.guess = ms;
  }

  /** Take a measurement of something that was sent once. */
  measure(ms: number): void {
    this.latest = ms;
    this.shortest = Math.min(this.shortest, ms);
    if (this.smoothed === undefined) {
      this.smoothed = ms;
      this.variation = ms / 2;
      return;
    }
    this.variation = 0.75 * this.variation + 0.25 * Math.abs(this.smoothed - ms);
    this.smoothed = 0.875 * this.smoothed + 0.125 * ms;
  }

  /** How long to wait for an acknowledgement before something is sent again. */
  get timeoutMs(): number {
    if (this.smoothed === undefined) {
      return Math.min(
        MAX_TIMEOUT_MS,
        Math.max(INITIAL_TIMEOUT_MS, 1.5 * this.guess + ACK_DELAY_MS),
      );
    }
    const margin = Math.max(4 * this.variation, this.smoothed / 4);
    const timeout = this.smoothed + margin + ACK_DELAY_MS;
    return Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, timeout));
  }
}
