// One update of one device, over as many sessions as it takes: it waits while the device is away, begins again where the
// device stands, and gives up after some time without progress.

import { createHash } from "node:crypto";
import type { DeviceLink } from "../device-link";
import { HelloFlag } from "../device-protocol/hello";
import { ChunkedTransfer } from "./chunked-transfer";
import type { UpdateAck } from "./messages";
import { moduleFunctionOf } from "./module-function";
import { UpdateFailed } from "./refusal";
import { StreamedTransfer } from "./streamed-transfer";
import type { DeviceStats, Interruption, Transfer, TransferEvents, TransferPlan } from "./transfer";

/** "waiting": for the device, which is away or silent. */
export type UpdateState = "waiting" | "started" | "progress" | "verifying" | "done" | "failed";

/** Where an update stands. */
export interface UpdateReport {
  deviceId: string;
  state: UpdateState;
  /** Bytes that the device has. */
  sent: number;
  size: number;
  /** Of a failed one. */
  error?: UpdateFailed;
}

/** What came of it. */
export interface UpdateResult {
  size: number;
  /** Bytes that the device held already when the last session began. */
  resumedAt: number;
  /** Sessions that it took. */
  attempts: number;
  /** Transmissions of chunks, and those of chunks that had been sent before, in all of them. */
  chunks: number;
  repeats: number;
  durationMs: number;
  device: DeviceStats;
}

export interface FlashOptions {
  /** What the file replaces, in numbers of the system description. Default: as the file says. Not over TCP. */
  moduleFunction?: number;
  /** Let the device forget a former transfer that was broken off. Default: false, which resumes that of the same file. */
  discard?: boolean;
  /** Default: what makes the fewest; 512 to 1136, a multiple of 4. */
  chunkSize?: number;
  /** Bytes of the file a second at most. Default: what the link bears. */
  bytesPerSecond?: number;
  /** How long without progress before it fails, ms. Default: 30 minutes. */
  patienceMs?: number;
  /** Begin also while the device is away, when it comes back. Default: false. */
  waitForDevice?: boolean;
  /** Aborting it cancels the update. */
  signal?: AbortSignal;
  onProgress?: (report: UpdateReport) => void;
}

/** What an update needs of its cloud. */
export interface UpdateHost {
  /** Engine time, ms. */
  now(): number;
  /** Never throws. */
  report(report: UpdateReport): void;
}

const DEFAULT_PATIENCE_MS = 30 * 60_000;
/** Attempts that the device has answered, without one byte of progress in between. */
const MAX_FRUITLESS = 8;
/** Before another try with a device that is online but silent: twice as long each time. */
const RETRY_MS = 5_000;
const MAX_RETRY_MS = 10 * 60_000;
/** Bytes of a chunk for devices that do not tell theirs. */
const OLD_CHUNK_SIZE = 512;
/** Bytes of a chunked message around the data. */
const CHUNK_HEADER = 24;

export class DeviceUpdate {
  /** Where it stands. */
  report: UpdateReport;
  private transfer: Transfer | undefined;
  private readonly plan: TransferPlan;
  private readonly startedAt: number;
  private readonly counts = { chunks: 0, repeats: 0, attempts: 0, resumedAt: 0 };
  private fruitless = 0;
  private silences = 0;
  private progressAt: number;
  private retryAt = Infinity;
  private why: Interruption | undefined;

  /** @param done called once; `error` is undefined when the device has accepted the file */
  constructor(
    private readonly link: DeviceLink,
    file: Buffer,
    private readonly options: FlashOptions,
    private readonly host: UpdateHost,
    private readonly done: (error: UpdateFailed | undefined, result: UpdateResult) => void,
  ) {
    this.plan = {
      file,
      hash: createHash("sha256").update(file).digest(),
      moduleFunction: options.moduleFunction ?? moduleFunctionOf(file),
      discard: options.discard ?? false,
      chunkSize: options.chunkSize,
      bytesPerSecond: options.bytesPerSecond,
    };
    this.report = { deviceId: link.device.id, state: "waiting", sent: 0, size: file.length };
    this.startedAt = host.now();
    this.progressAt = this.startedAt;
  }

  get over(): boolean {
    return this.report.state === "done" || this.report.state === "failed";
  }

  /** The device was heard, or there is reason to try: begin, if that makes sense. */
  begin(now: number): void {
    const { link } = this;
    if (this.transfer || this.over || !link.ready || !link.online) return;
    if (now < this.retryAt && this.retryAt !== Infinity) return;
    const { messages, exchanges, session } = link;
    if (!messages || !exchanges || !session) return;
    this.retryAt = Infinity;
    this.counts.attempts++;
    this.transfer = this.makeTransfer({ messages, exchanges }, session.transport);
    this.setState("started");
    this.transfer?.start(now);
  }

  /** The device is gone: its session ended, or it said goodbye. */
  handleAway(): void {
    if (!this.transfer || this.over) return;
    this.endTransfer();
    this.retryAt = Infinity;
    this.setState("waiting");
  }

  nextDeadline(): number {
    if (this.over) return Infinity;
    const limit = this.progressAt + this.patienceMs;
    return Math.min(this.transfer?.nextDeadline() ?? this.retryAt, limit);
  }

  handleTimeout(now: number): void {
    if (this.over) return;
    if (now >= this.progressAt + this.patienceMs) {
      this.transfer?.cancel(now);
      const minutes = Math.round(this.patienceMs / 60_000);
      return this.fail("timeout", `no progress for ${minutes} minutes`);
    }
    if (this.transfer) this.transfer.handleTimeout(now);
    else if (now >= this.retryAt) {
      this.retryAt = Infinity;
      this.begin(now);
    }
  }

  /** @throws DecodeError for what makes no sense */
  handleAck(ack: UpdateAck, now: number): void {
    this.transfer?.handleAck?.(ack, now);
  }

  /** @throws DecodeError for what makes no sense */
  handleMissed(indices: number[], now: number): void {
    this.transfer?.handleMissed?.(indices, now);
  }

  /** @returns whether the Reset was for a message of this update */
  handleReset(messageId: number, now: number): boolean {
    return this.transfer?.handleReset(messageId, now) ?? false;
  }

  /** The device is told, if it is there, and forgets what it has. */
  cancel(now: number): void {
    if (this.over) return;
    this.transfer?.cancel(now);
    this.fail("update-cancelled", "cancelled");
  }

  private get patienceMs(): number {
    return this.options.patienceMs ?? DEFAULT_PATIENCE_MS;
  }

  private makeTransfer(
    endpoint: ConstructorParameters<typeof StreamedTransfer>[0],
    transport: "udp" | "tcp",
  ): Transfer {
    const { hello } = this.link;
    const now = (): number => this.host.now();
    const events = this.transferEvents();
    const streamed =
      transport === "udp" && ((hello?.flags ?? 0) & HelloFlag.UpdateProtocolV3) !== 0;
    if (streamed) return new StreamedTransfer(endpoint, this.plan, events, now);
    const room = Math.min(1024, this.link.maxMessageLength - CHUNK_HEADER);
    const chunkSize = Math.min(hello?.chunkSize || OLD_CHUNK_SIZE, room);
    const options = { fast: transport === "tcp", chunkSize };
    return new ChunkedTransfer(endpoint, this.plan, options, events, now);
  }

  private transferEvents(): TransferEvents {
    let first = true;
    return {
      progress: (bytes) => {
        if (first) this.counts.resumedAt = bytes;
        first = false;
        if (bytes > this.report.sent) {
          this.fruitless = 0;
          this.silences = 0;
          this.progressAt = this.host.now();
        }
        this.setState("progress", bytes);
      },
      verifying: () => this.setState("verifying"),
      finished: (device) => this.finish(device),
      refused: (refusal) => {
        const error = UpdateFailed.refused(this.link.device.id, refusal);
        this.end("failed", error, {});
      },
      interrupted: (why) => this.handleInterruption(why),
    };
  }

  private handleInterruption(why: Interruption): void {
    this.endTransfer();
    this.why = why;
    // The device may sleep without a goodbye: only patience limits how long.
    if (why === "silent") this.silences++;
    else this.fruitless++;
    if (this.fruitless >= MAX_FRUITLESS) {
      return this.fail("update-failed", `${MAX_FRUITLESS} attempts without progress (${why})`);
    }
    const before = this.silences + this.fruitless - 1;
    const delay = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** before);
    // A session that has ended is followed by another one, or by none.
    this.retryAt = why === "closed" ? Infinity : this.host.now() + delay;
    this.setState("waiting");
  }

  private finish(device: DeviceStats): void {
    this.report = { ...this.report, sent: this.report.size };
    this.end("done", undefined, device);
  }

  private fail(code: "timeout" | "update-cancelled" | "update-failed", what: string): void {
    const last = this.why && code === "timeout" ? `, last: ${this.why}` : "";
    const message = `update of ${this.link.device.id}: ${what}${last}`;
    this.end("failed", new UpdateFailed(code, message), {});
  }

  private end(
    state: "done" | "failed",
    error: UpdateFailed | undefined,
    device: DeviceStats,
  ): void {
    this.endTransfer();
    const durationMs = this.host.now() - this.startedAt;
    this.setState(state, this.report.sent, error);
    this.done(error, { size: this.report.size, ...this.counts, durationMs, device });
  }

  private endTransfer(): void {
    const { transfer } = this;
    this.transfer = undefined;
    if (!transfer) return;
    this.counts.chunks += transfer.counts.chunks;
    this.counts.repeats += transfer.counts.repeats;
    transfer.close();
  }

  private setState(state: UpdateState, sent = this.report.sent, error?: UpdateFailed): void {
    this.report = { ...this.report, state, sent, error };
    this.host.report(this.report);
  }
}
