// A chunked update in one session: the fast variant where nothing gets lost, over TCP, and the slow one, chunk by chunk.
// It knows no hash: what broke begins anew.
//
//   beginning ──2.04──▶ sending ──all sent──▶ asking ──2.04──▶ finished
//                          ▲                     │ 4.00, list of what is missing
//                          └─────────────────────┘

import { DecodeError } from "../bytes";
import { CoapCode } from "../coap/codec";
import type { CoapMessage } from "../coap/codec";
import type { Outcome } from "../coap/exchanges";
import type { OutgoingMessage } from "../coap/message-layer";
import {
  decodeUpdateReady,
  encodeChunk,
  encodeUpdateBegin,
  encodeUpdateDone,
} from "./chunked-messages";
import { Pacing } from "./pacing";
import { decodeRefusal } from "./refusal";
import { RoundTrip } from "./round-trip";
import { decodeStats } from "./stats";
import type { Endpoint } from "./streamed-transfer";
import type {
  Interruption,
  Transfer,
  TransferCounts,
  TransferEvents,
  TransferPlan,
} from "./transfer";

/** A device may have to erase its memory, or to check the file, before it answers. */
const ANSWER_TIMEOUT_MS = 180_000;
const CHUNK_TIMEOUT_MS = 30_000;
/** How long the list of missing chunks may take. */
const MISSED_TIMEOUT_MS = 20_000;
/** Transmissions of one chunk. */
const MAX_TRANSMISSIONS = 10;
/** Bytes that may be on their way before the device has answered a ping behind them: others must not wait for long. */
const MAX_UNCONFIRMED = 16_384;
/** Bytes between two pings. */
const PING_INTERVAL = 4096;

export interface ChunkedOptions {
  /** Ask for the fast variant. */
  fast: boolean;
  chunkSize: number;
}

export class ChunkedTransfer implements Transfer {
  readonly counts: TransferCounts = { chunks: 0, repeats: 0 };
  private state: "beginning" | "sending" | "asking" | "missing" | "over" = "beginning";
  private readonly chunkSize: number;
  private readonly transmissions: number[];
  /** Indices that are still to be sent. */
  private readonly queue: number[] = [];
  private fast = false;
  /** Token of chunks that are answered only if something is wrong. */
  private token: Buffer | undefined;
  private readonly sentIds = new Set<number>();
  private unconfirmed = 0;
  private sincePing = 0;
  private confirmed = 0;
  private pacing: Pacing | undefined;
  private pacedAt = Infinity;
  private missedBy = Infinity;
  private missed: number[] = [];

  constructor(
    private readonly endpoint: Endpoint,
    private readonly plan: TransferPlan,
    private readonly options: ChunkedOptions,
    private readonly events: TransferEvents,
    private readonly now: () => number,
  ) {
    this.chunkSize = plan.chunkSize ?? options.chunkSize;
    const count = Math.ceil(plan.file.length / this.chunkSize);
    this.transmissions = Array.from({ length: count }, () => 0);
    this.queue = this.transmissions.map((_, index) => index);
  }

  start(now: number): void {
    const { chunkSize, plan, options } = this;
    const begin = encodeUpdateBegin(plan.file.length, chunkSize, options.fast);
    this.request(begin, ANSWER_TIMEOUT_MS, now, (response) => {
      this.fast = decodeUpdateReady(response) && options.fast;
      this.state = "sending";
      this.pacing = new Pacing(chunkSize, new RoundTrip(), plan.bytesPerSecond, this.now());
      this.events.progress(0);
      if (this.fast) this.sendReady(this.now());
      else this.sendSlowly(this.now());
    });
  }

  nextDeadline(): number {
    return this.state === "over" ? Infinity : Math.min(this.pacedAt, this.missedBy);
  }

  handleTimeout(now: number): void {
    if (this.state === "missing" && now >= this.missedBy) return this.interrupt("silent");
    if (this.state !== "sending" || now < this.pacedAt) return;
    if (this.fast) this.sendReady(now);
    else this.sendSlowly(now);
  }

  /** The device lists chunks, from 0 on, that it has not. @throws DecodeError for what the file has not either */
  handleMissed(indices: number[], now: number): void {
    if (indices.some((index) => index >= this.transmissions.length)) {
      throw new DecodeError("missing chunks beyond the end");
    }
    if (this.state !== "asking" && this.state !== "missing") return;
    this.missed = indices;
    if (this.state === "missing") this.sendMissed(now);
  }

  handleReset(messageId: number, now: number): boolean {
    if (!this.sentIds.has(messageId)) return false;
    if (this.state === "sending") this.ask(now);
    return true;
  }

  /** There is no message for it: the device gives up after 60 s without a chunk. */
  cancel(): void {
    this.close();
  }

  close(): void {
    this.state = "over";
    this.releaseToken();
  }

  private sendReady(now: number): void {
    const { pacing, endpoint } = this;
    this.pacedAt = Infinity;
    this.token ??= endpoint.exchanges.watch((outcome) => this.handleObjection(outcome));
    while (this.state === "sending" && this.queue.length > 0) {
      if (this.unconfirmed + this.chunkSize > MAX_UNCONFIRMED) return;
      const waitMs = pacing?.take(1, now) ?? 0;
      if (waitMs > 0) {
        this.pacedAt = now + waitMs;
        return;
      }
      const message = this.nextChunk();
      if (!message) return;
      const id = endpoint.messages.sendUntracked({ ...message, token: this.token ?? Buffer.of(0) });
      this.sentIds.add(id);
      this.noteUnconfirmed(now);
    }
    if (this.state === "sending") this.ask(now);
  }

  /** Let the device answer a ping now and then: what was sent before it has arrived. */
  private noteUnconfirmed(now: number): void {
    this.unconfirmed += this.chunkSize;
    this.sincePing += this.chunkSize;
    if (this.sincePing < PING_INTERVAL && this.queue.length > 0) return;
    const bytes = this.sincePing;
    this.sincePing = 0;
    this.endpoint.messages.sendConfirmable({ code: CoapCode.Empty }, now, (delivery) => {
      if (this.state === "over") return;
      if (delivery === "closed") return this.interrupt("closed");
      if (delivery === "timeout") return this.interrupt("silent");
      this.unconfirmed -= bytes;
      this.confirm(bytes);
      if (this.state === "sending") this.sendReady(this.now());
    });
  }

  private confirm(bytes: number): void {
    this.confirmed = Math.min(this.plan.file.length, this.confirmed + bytes);
    this.events.progress(this.confirmed);
  }

  private sendSlowly(now: number): void {
    this.pacedAt = Infinity;
    if (this.queue.length === 0) return this.ask(now);
    const waitMs = this.pacing?.take(1, now) ?? 0;
    if (waitMs > 0) {
      this.pacedAt = now + waitMs;
      return;
    }
    const [index] = this.queue;
    const message = this.nextChunk();
    if (!message) return;
    const repeat = (): void => {
      this.queue.unshift(index);
      this.sendSlowly(this.now());
    };
    const succeed = (): void => {
      this.confirm(this.chunkSize);
      this.sendSlowly(this.now());
    };
    this.request(message, CHUNK_TIMEOUT_MS, now, succeed, repeat);
  }

  /** @returns undefined when it was sent too often: the transfer is over */
  private nextChunk(): OutgoingMessage | undefined {
    const index = this.queue.shift() ?? 0;
    if (++this.transmissions[index] > MAX_TRANSMISSIONS) {
      this.interrupt("silent");
      return undefined;
    }
    this.counts.chunks++;
    if (this.transmissions[index] > 1) this.counts.repeats++;
    const begin = index * this.chunkSize;
    // The last one is filled up with zeros: devices reckon with whole chunks.
    const payload = Buffer.alloc(this.chunkSize);
    this.plan.file.copy(payload, 0, begin, begin + this.chunkSize);
    return encodeChunk(payload, this.fast ? index : undefined);
  }

  private ask(now: number): void {
    this.state = "asking";
    this.missed = [];
    this.releaseToken();
    this.events.verifying();
    const succeed = (response: CoapMessage): void => {
      this.close();
      this.events.finished(decodeStats(response.payload));
    };
    this.request(encodeUpdateDone(), ANSWER_TIMEOUT_MS, now, succeed, () => {
      this.state = "missing";
      this.missedBy = this.now() + MISSED_TIMEOUT_MS;
      if (this.missed.length > 0) this.sendMissed(this.now());
    });
  }

  private sendMissed(now: number): void {
    this.missedBy = Infinity;
    this.state = "sending";
    this.queue.push(...this.missed.splice(0));
    if (this.fast) this.sendReady(now);
    else this.sendSlowly(now);
  }

  /** An answer to a chunk that none was expected for. */
  private handleObjection(outcome: Outcome): void {
    this.token = undefined;
    if (outcome.kind !== "response" || this.state !== "sending") return;
    // The reason is in the answer to UpdateDone.
    if (outcome.response.code >> 5 !== 2) this.ask(this.now());
  }

  /**
   * A request whose errors end the transfer.
   * @param retry in place of that for a 4.00 without a reason
   */
  private request(
    message: OutgoingMessage,
    timeoutMs: number,
    now: number,
    succeed: (response: CoapMessage) => void,
    retry?: () => void,
  ): void {
    const settle = (outcome: Outcome): void => {
      if (this.state === "over") return;
      switch (outcome.kind) {
        case "response":
          return this.handleResponse(outcome.response, succeed, retry);
        case "closed":
          return this.interrupt("closed");
        case "reset":
          return this.interrupt("forgotten");
        default:
          return this.interrupt("silent");
      }
    };
    this.endpoint.exchanges.request(message, timeoutMs, now, settle);
  }

  private handleResponse(
    response: CoapMessage,
    succeed: (response: CoapMessage) => void,
    retry: (() => void) | undefined,
  ): void {
    const { code, payload } = response;
    const refusal = decodeRefusal(code, payload);
    if (code === CoapCode.BadRequest && refusal.code === undefined && retry) return retry();
    if (code >> 5 !== 2) {
      this.close();
      return this.events.refused(refusal);
    }
    try {
      succeed(response);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.interrupt("bad-response");
    }
  }

  private interrupt(why: Interruption): void {
    if (this.state === "over") return;
    this.close();
    this.events.interrupted(why);
  }

  private releaseToken(): void {
    if (this.token) this.endpoint.exchanges.release(this.token);
    this.token = undefined;
  }
}
