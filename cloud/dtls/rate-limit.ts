// Token buckets: how often something may happen, for everybody together and for each source, in bounded memory.

/** A bucket that fills at a constant rate. */
class TokenBucket {
  private tokens: number;

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private filledAt: number,
  ) {
    this.tokens = burst;
  }

  /** @returns false when it is empty */
  take(now: number): boolean {
    const gained = ((now - this.filledAt) / 1000) * this.perSecond;
    this.tokens = Math.min(this.burst, this.tokens + gained);
    this.filledAt = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}

export interface RateLimits {
  /** For one source: how many a second, and at once after a pause. */
  perSource: { perSecond: number; burst: number };
  /** For all sources together. */
  total: { perSecond: number; burst: number };
  /** Sources that are remembered. The one that asked longest ago is forgotten first. */
  maxSources: number;
}

/**
 * Limits a rate for each source and as a whole.
 *
 * Forgetting a source gives it a new burst: who sends from very many addresses is held by the limit for all.
 */
export class RateLimit {
  private readonly sources = new Map<string, TokenBucket>();
  private total: TokenBucket | undefined;

  constructor(private readonly limits: RateLimits) {}

  /** Sources that are remembered now. */
  get size(): number {
    return this.sources.size;
  }

  /** May it happen once more for this source? A refused attempt costs the others nothing. */
  take(source: string, now: number): boolean {
    const { perSource, total, maxSources } = this.limits;
    const bucket =
      this.sources.get(source) ?? new TokenBucket(perSource.perSecond, perSource.burst, now);
    // Behind the others in the order of insertion.
    this.sources.delete(source);
    this.sources.set(source, bucket);
    for (const oldest of this.sources.keys()) {
      if (this.sources.size <= maxSources) break;
      this.sources.delete(oldest);
    }
    if (!bucket.take(now)) return false;
    this.total ??= new TokenBucket(total.perSecond, total.burst, now);
    return this.total.take(now);
  }
}
