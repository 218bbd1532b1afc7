// Requests of the cloud and their responses, matched by token (RFC 7252 §5.3). Device tokens are one byte.

import { count } from "../counters";
import type { Counters } from "../counters";
import type { CoapMessage } from "./codec";
import type { Delivery, MessageLayer, OutgoingMessage } from "./message-layer";

/** How a request ended. */
export type Outcome =
  | { kind: "response"; response: CoapMessage }
  | { kind: "acknowledged" }
  | { kind: Exclude<Delivery, "acknowledged"> }
  | { kind: "no-token" };

interface Exchange {
  token: Buffer;
  deadline: number;
  settle: (outcome: Outcome) => void;
}

export class Exchanges {
  private readonly pending = new Map<number, Exchange>();
  private lastToken: number;

  constructor(
    private readonly messages: MessageLayer,
    private readonly counters: Counters,
    firstToken: number,
  ) {
    this.lastToken = firstToken & 0xff;
  }

  /**
   * Send a confirmable request with a token of one byte and wait for its response.
   * @param timeoutMs from now until the response; shorter than retransmission may take
   * @param settle called once. "no-token": 256 requests are under way
   * @param until "acknowledgement" when no response is expected
   */
  request(
    message: OutgoingMessage,
    timeoutMs: number,
    now: number,
    settle: (outcome: Outcome) => void,
    until: "response" | "acknowledgement" = "response",
  ): void {
    const token = this.takeToken();
    if (!token) return settle({ kind: "no-token" });
    this.pending.set(token[0], { token, deadline: now + timeoutMs, settle });
    this.messages.sendConfirmable({ ...message, token }, now, (delivery, answer) => {
      if (delivery !== "acknowledged") return this.finish(token, { kind: delivery });
      // What has a token comes by `handleResponse`.
      if (answer && answer.token.length > 0) return;
      // An error code without a token: the device could not even read the request.
      if (answer && answer.code >> 5 >= 4) {
        this.finish(token, { kind: "response", response: answer });
      } else if (until === "acknowledgement") {
        this.finish(token, { kind: "acknowledged" });
      }
    });
  }

  /**
   * Keep a token for messages that are answered only if something is wrong. The first answer ends it, as does the end of
   * the session. @returns undefined when 256 requests are under way
   */
  watch(settle: (outcome: Outcome) => void): Buffer | undefined {
    const token = this.takeToken();
    if (token) this.pending.set(token[0], { token, deadline: Infinity, settle });
    return token;
  }

  /** Let a token of {@link watch} go. */
  release(token: Buffer): void {
    this.pending.delete(token[0]);
  }

  /** Hand in a response; one that nobody waits for is counted. */
  handleResponse(response: CoapMessage): void {
    const token = response.token;
    if (token.length !== 1 || !this.pending.has(token[0])) {
      return count(this.counters, "unknown-response");
    }
    this.finish(token, { kind: "response", response });
  }

  nextDeadline(): number {
    let deadline = Infinity;
    for (const exchange of this.pending.values()) deadline = Math.min(deadline, exchange.deadline);
    return deadline;
  }

  handleTimeout(now: number): void {
    for (const exchange of [...this.pending.values()]) {
      if (now < exchange.deadline) continue;
      this.messages.cancel(exchange.token, now);
      this.finish(exchange.token, { kind: "timeout" });
    }
  }

  /** Settle everything: the session is over. */
  close(): void {
    for (const { token } of [...this.pending.values()]) this.finish(token, { kind: "closed" });
  }

  private finish(token: Buffer, outcome: Outcome): void {
    const exchange = this.pending.get(token[0]);
    if (!exchange) return;
    this.pending.delete(token[0]);
    exchange.settle(outcome);
  }

  private takeToken(): Buffer | undefined {
    for (let tries = 0; tries < 256; tries++) {
      this.lastToken = (this.lastToken + 1) & 0xff;
      if (!this.pending.has(this.lastToken)) return Buffer.of(this.lastToken);
    }
    return undefined;
  }
}
