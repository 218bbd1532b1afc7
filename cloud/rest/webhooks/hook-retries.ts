// Requests of webhooks that are tried again: when nothing answered, or the server asks for less (429) or is broken (5xx).
// Particle tries what it had to skip again after 30 s and after another minute, and drops it then
// (docs.particle.io, Webhook reference, Limits). What else an answer says is final.

import { setTimeout as pause } from "node:timers/promises";

export interface RetryLimits {
  /** Tries after the first one. */
  retries: number;
  /** Before the second try; it doubles before each further one. */
  pauseMs: number;
  /** Events of one webhook under way, those in a pause included; more are refused. */
  pendingPerHook: number;
}

export const DEFAULT_RETRY_LIMITS: RetryLimits = {
  retries: 2,
  pauseMs: 30_000,
  pendingPerHook: 64,
};

/** Another try may do better. */
export class PassingFailure extends Error {
  override name = "PassingFailure";
}

/** What goes wrong on the way, by the codes of Node and undici; a bad certificate or header stays as it is. */
const PASSING_CODES = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH"],
  ...["ENOTFOUND", "EAI_AGAIN", "UND_ERR_SOCKET"],
  ...["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"],
]);

/** RFC 6585 §4, RFC 9110 §15.6. */
export function mayPass(status: number): boolean {
  return status === 429 || status >= 500;
}

/** Whether an error of a request is one of the network. */
export function isPassing(error: unknown): boolean {
  const { code, name } = error as { code?: string; name?: string };
  return name === "TimeoutError" || PASSING_CODES.has(code ?? "");
}

/** The events of one webhook under way. */
export class HookRetries {
  private pending = 0;
  private readonly end = new AbortController();

  constructor(private readonly limits: RetryLimits) {}

  /**
   * Try until it is done, fails for good, or has been tried often enough.
   * @param attempt throws PassingFailure or an error of the network when another try may do better
   * @param told gets the error of each try that failed, and the pause before the next one, ms; undefined: there is none
   */
  async run(
    attempt: () => Promise<void>,
    told: (error: unknown, nextMs: number | undefined) => void,
  ): Promise<void> {
    if (this.pending >= this.limits.pendingPerHook) {
      told(new Error("too many events of this webhook wait"), undefined);
      return;
    }
    this.pending++;
    try {
      for (let retry = 0; await this.fails(attempt, told, retry); retry++);
    } finally {
      this.pending--;
    }
  }

  /** Give up what waits: the webhook is gone, or the cloud stops. */
  close(): void {
    this.end.abort();
  }

  /** @returns whether to try again, after the pause */
  private async fails(
    attempt: () => Promise<void>,
    told: (error: unknown, nextMs: number | undefined) => void,
    retry: number,
  ): Promise<boolean> {
    const { signal } = this.end;
    try {
      await attempt();
      return false;
    } catch (error) {
      // Nobody is left to tell.
      if (signal.aborted) return false;
      const passes = error instanceof PassingFailure || isPassing(error);
      const again = passes && retry < this.limits.retries;
      const nextMs = again ? this.limits.pauseMs * 2 ** retry : undefined;
      told(error, nextMs);
      if (nextMs === undefined) return false;
      await pause(nextMs, undefined, { signal, ref: false }).catch(() => undefined);
      return !signal.aborted;
    }
  }
}
