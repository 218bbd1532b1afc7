// Sends the requests of webhooks: a few at a time, each with an end, no redirects, answers of bounded length.

import { Agent, request } from "undici";
import type { HookRequest } from "./hook-request";
import { PassingFailure } from "./hook-retries";

export interface HookAnswer {
  status: number;
  text: string;
}

export interface SenderLimits {
  /** Requests under way. */
  concurrency: number;
  /** Requests that wait for their turn; more are refused. */
  queue: number;
  timeoutMs: number;
  /** Bytes of an answer. */
  answerLength: number;
}

export const DEFAULT_SENDER_LIMITS: SenderLimits = {
  concurrency: 16,
  queue: 256,
  timeoutMs: 20_000,
  answerLength: 128 * 1024,
};

export class HookSender {
  private readonly agents: Record<"checking" | "trusting", Agent>;
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private closed = false;

  constructor(private readonly limits: SenderLimits) {
    const { timeoutMs, answerLength: maxResponseSize } = limits;
    const common = { maxResponseSize, headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    this.agents = {
      checking: new Agent({ ...common, connect: { timeout: timeoutMs } }),
      trusting: new Agent({
        ...common,
        connect: { timeout: timeoutMs, rejectUnauthorized: false },
      }),
    };
  }

  /** @param checkCertificate false for servers with a certificate of their own making. @throws Error with the cause */
  async send(hookRequest: HookRequest, checkCertificate: boolean): Promise<HookAnswer> {
    await this.takeTurn();
    try {
      const { url, method, headers, body } = hookRequest;
      const dispatcher = this.agents[checkCertificate ? "checking" : "trusting"];
      const signal = AbortSignal.timeout(this.limits.timeoutMs);
      const response = await request(url, { method, headers, body, dispatcher, signal });
      return { status: response.statusCode, text: await response.body.text() };
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }

  /** Give up what is under way. */
  async close(): Promise<void> {
    this.closed = true;
    for (const go of this.waiting.splice(0)) go();
    await Promise.all(Object.values(this.agents).map((agent) => agent.destroy()));
  }

  private async takeTurn(): Promise<void> {
    if (this.running >= this.limits.concurrency) {
      if (this.waiting.length >= this.limits.queue) {
        throw new PassingFailure("too many requests wait");
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    if (this.closed) throw new Error("the cloud stops");
    this.running++;
  }
}
