// OTA protocol v3 in one session: UpdateStart, then chunks without waiting for each, lost ones again, then UpdateFinish.
//
//   starting ──2.01──▶ sending ──all received──▶ finishing ──2.04──▶ finished
//      └──error─────────▶ refused ◀──error──────────┘    ▲
//                          sending ──Reset of a chunk────┘  the error of UpdateFinish says why

import { DecodeError } from "../bytes";
import type { CoapMessage } from "../coap/codec";
import type { Exchanges, Outcome } from "../coap/exchanges";
import type { MessageLayer, OutgoingMessage } from "../coap/message-layer";
import {
  MAX_CHUNK_SIZE,
  MIN_CHUNK_SIZE,
  decodeUpdateStarted,
  encodeUpdateChunk,
  encodeUpdateFinish,
  encodeUpdateStart,
} from "./messages";
import type { UpdateAck } from "./messages";
import { Pacing } from "./pacing";
import { decodeRefusal } from "./refusal";
import { RoundTrip } from "./round-trip";
import { Scoreboard } from "./scoreboard";
import { decodeStats } from "./stats";
import type {
  Interruption,
  Transfer,
  TransferCounts,
  TransferEvents,
  TransferPlan,
} from "./transfer";

/** A device may have to erase its memory first. */
const START_TIMEOUT_MS = 180_000;
/** It may have to check a signature and each function of a module. */
const FINISH_TIMEOUT_MS = 300_000;
/**
 * Chunks to an acknowledgement, if the device knows of it: one costs as much as 6 % of a chunk, and at the end of a burst
 * there comes one anyway. Between the two, a part of the file.
 */
const MIN_ACK_INTERVAL = 4;
const MAX_ACK_INTERVAL = 64;
const ACKS = 4;
/** Transmissions of one chunk before the device counts as silent. */
const MAX_TRANSMISSIONS = 10;
/** The longest wait for an acknowledgement of the last chunks. */
const MAX_TAIL_MS = 60_000;
/** Times that the timer may run out without a word of the device. */
const MAX_TIMEOUTS = 6;
/** No update is under way (Device OS: SYSTEM_ERROR_INVALID_STATE), or some chunk is not there (PROTOCOL). */
const FORGOTTEN = [-210, -240];

/** The CoAP endpoint of a session. */
export interface Endpoint {
  messages: MessageLayer;
  exchanges: Exchanges;
}

export class StreamedTransfer implements Transfer {
  readonly counts: TransferCounts = { chunks: 0, repeats: 0 };
  private state: "starting" | "sending" | "finishing" | "over" = "starting";
  private readonly chunkSize: number;
  private readonly roundTrip = new RoundTrip();
  private offset = 0;
  private board: Scoreboard | undefined;
  private pacing: Pacing | undefined;
  /** Message IDs of chunks. */
  private readonly sentIds = new Set<number>();
  /** When the device counts as having missed the last chunks. */
  private tailAt = Infinity;
  private pacedAt = Infinity;
  private timeouts = 0;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly plan: TransferPlan,
    private readonly events: TransferEvents,
    private readonly now: () => number,
  ) {
    this.chunkSize = plan.chunkSize ?? equalChunks(plan.file.length);
  }

  start(now: number): void {
    const { file, hash, moduleFunction, discard } = this.plan;
    const part = Math.ceil(file.length / this.chunkSize / ACKS);
    const ackInterval = Math.min(MAX_ACK_INTERVAL, Math.max(MIN_ACK_INTERVAL, part));
    const how = { chunkSize: this.chunkSize, ackInterval };
    const start = { size: file.length, hash, ...how, moduleFunction, discard };
    this.request(encodeUpdateStart(start), START_TIMEOUT_MS, now, (response) =>
      this.handleStarted(response, now),
    );
  }

  nextDeadline(): number {
    if (this.state !== "sending") return Infinity;
    return Math.min(this.tailAt, this.pacedAt, this.board?.nextDeadline ?? Infinity);
  }

  handleTimeout(now: number): void {
    const { board, pacing } = this;
    if (this.state !== "sending" || !board || !pacing) return;
    if (now >= board.nextDeadline) this.noteLosses(board.findLosses(now));
    if (now >= this.tailAt) {
      if (++this.timeouts > MAX_TIMEOUTS) return this.interrupt("silent");
      // One chunk asks for an acknowledgement, which tells all that is missing.
      const index = board.giveUpFirst();
      pacing.collapse();
      if (index !== undefined && !this.sendChunk(board, index, now)) return;
      this.restartTail(now);
    }
    this.sendReady(now);
  }

  /** The device tells what it has. @throws DecodeError for what was never sent */
  handleAck(ack: UpdateAck, now: number): void {
    const { board, pacing } = this;
    if (this.state !== "sending" || !board || !pacing) return;
    const outcome = board.handleAck(ack, now);
    if (!outcome) throw new DecodeError("acknowledgement of a chunk that was not sent");
    if (outcome.received > 0) {
      this.timeouts = 0;
      pacing.grow(outcome.received);
      this.events.progress(this.held(board));
      this.restartTail(now);
    }
    this.noteLosses(outcome.lost);
    if (board.complete) return this.finish(now);
    this.sendReady(now);
  }

  handleReset(messageId: number, now: number): boolean {
    if (!this.sentIds.has(messageId)) return false;
    if (this.state === "sending") this.finish(now);
    return true;
  }

  cancel(now: number): void {
    if (this.state === "over") return;
    this.state = "over";
    const { exchanges } = this.endpoint;
    const message = encodeUpdateFinish({ cancel: true });
    exchanges.request(message, FINISH_TIMEOUT_MS, now, () => {});
  }

  close(): void {
    this.state = "over";
  }

  private handleStarted(response: CoapMessage, startedAt: number): void {
    const { file } = this.plan;
    const { window, offset } = decodeUpdateStarted(response, file.length);
    const now = this.now();
    this.roundTrip.expect(now - startedAt);
    this.state = "sending";
    this.offset = offset;
    const chunks = Math.ceil((file.length - offset) / this.chunkSize);
    this.board = new Scoreboard(chunks, window, this.roundTrip);
    this.pacing = new Pacing(this.chunkSize, this.roundTrip, this.plan.bytesPerSecond, now);
    this.events.progress(offset);
    if (this.board.complete) this.finish(now);
    else this.sendReady(now);
  }

  /** Send what the windows and the pace allow now. */
  private sendReady(now: number): void {
    const { board, pacing } = this;
    if (!board || !pacing) return;
    this.pacedAt = Infinity;
    while (this.state === "sending") {
      const index = board.next();
      const room = pacing.room(board.inFlight);
      if (index === undefined || room === 0) return;
      const ready = Math.min(room, board.count - board.received - board.inFlight);
      const waitMs = pacing.take(ready, now);
      if (waitMs > 0) {
        this.pacedAt = now + waitMs;
        return;
      }
      if (!this.sendChunk(board, index, now)) return;
      this.restartTail(now);
    }
  }

  /** @returns false when the chunk was sent too often: the transfer is over */
  private sendChunk(board: Scoreboard, index: number, now: number): boolean {
    if (board.transmissionsOf(index) >= MAX_TRANSMISSIONS) {
      this.interrupt("silent");
      return false;
    }
    const begin = this.offset + (index - 1) * this.chunkSize;
    const payload = this.plan.file.subarray(begin, begin + this.chunkSize);
    board.noteSent(index, now);
    this.counts.chunks = board.sent;
    this.counts.repeats = board.repeats;
    const { messages } = this.endpoint;
    this.sentIds.add(messages.sendNonConfirmable(encodeUpdateChunk(index, payload)));
    return true;
  }

  private restartTail(now: number): void {
    const waits = this.board && this.board.inFlight > 0;
    const timeoutMs = Math.min(MAX_TAIL_MS, this.roundTrip.timeoutMs * 2 ** this.timeouts);
    this.tailAt = waits ? now + timeoutMs : Infinity;
  }

  private noteLosses(order: number): void {
    if (order > 0) this.pacing?.shrink(order, this.board?.sent ?? 0);
  }

  private held(board: Scoreboard): number {
    const { file } = this.plan;
    return Math.min(file.length, this.offset + board.received * this.chunkSize);
  }

  private finish(now: number): void {
    // A listener may have cancelled.
    if (this.state !== "sending") return;
    this.state = "finishing";
    if (this.board?.complete) this.events.verifying();
    this.request(encodeUpdateFinish({}), FINISH_TIMEOUT_MS, now, (response) => {
      this.state = "over";
      this.events.finished(decodeStats(response.payload));
    });
  }

  /** A request whose errors end the transfer. */
  private request(
    message: OutgoingMessage,
    timeoutMs: number,
    now: number,
    succeed: (response: CoapMessage) => void,
  ): void {
    const settle = (outcome: Outcome): void => {
      if (this.state === "over") return;
      switch (outcome.kind) {
        case "response":
          return this.handleResponse(outcome.response, succeed);
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

  private handleResponse(response: CoapMessage, succeed: (response: CoapMessage) => void): void {
    const { code, payload } = response;
    if (code >> 5 === 2) {
      try {
        return succeed(response);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        return this.interrupt("bad-response");
      }
    }
    const refusal = decodeRefusal(code, payload);
    if (this.state === "finishing" && FORGOTTEN.includes(refusal.code ?? 0)) {
      return this.interrupt("forgotten");
    }
    this.state = "over";
    this.events.refused(refusal);
  }

  private interrupt(why: Interruption): void {
    if (this.state === "over") return;
    this.state = "over";
    this.events.interrupted(why);
  }
}

/** The size of chunks, a multiple of 4, that makes them few and alike: a lost one then costs least. */
export function equalChunks(size: number): number {
  const count = Math.max(1, Math.ceil(size / MAX_CHUNK_SIZE));
  return Math.max(MIN_CHUNK_SIZE, Math.ceil(size / count / 4) * 4);
}
