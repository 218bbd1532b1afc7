// The receiver of OTA protocol v3 as a device has it, for tests of the cloud's sender: written from the description of the
// protocol, on CoAP messages; it shares nothing with the core or with the sender but the CoAP codec. Faults can be put in.

import { createHash } from "node:crypto";
import type { CoapMessage, CoapOption } from "../../cloud/coap/codec";

const CHUNK_INDEX = 2049;
const WINDOW_SIZE = 2053;
const FILE_SIZE = 2057;
const FILE_HASH = 2061;
const CHUNK_SIZE = 2065;
const DISCARD = 2069;
const CANCEL = 2073;
/** Of this project: chunks to each acknowledgement. Other devices ignore it. */
const ACK_INTERVAL = 2080;

export type Outgoing = Pick<CoapMessage, "type" | "code"> & Partial<CoapMessage>;

export interface ReceiverFaults {
  /** Answer UpdateStart with this error: code and message. */
  refuseStart?: { code: number; message: string };
  /** Answer the chunk that completes so many bytes, and later ones, with a Reset; UpdateFinish with this error. */
  refuseAt?: { bytes: number; code: number; message: string };
  /** Answer UpdateFinish with this error. */
  refuseFinish?: { code: number; message: string };
  /** Options in place of the right ones in the answer to UpdateStart. */
  startOptions?: CoapOption[];
  /** ms between the acknowledgement and the answer. */
  startDelayMs?: number;
  finishDelayMs?: number;
  window?: number;
  /** Obey Ack-Interval, as devices with this project's core do. */
  obeysAckInterval?: boolean;
}

interface Transfer {
  size: number;
  chunkSize: number;
  offset: number;
  chunks: (Buffer | undefined)[];
}

/** What a device keeps of a transfer that broke: it outlives power cuts. */
export interface Held {
  hash: string;
  bytes: Buffer;
}

export class UpdateReceiver {
  /** The last file that was accepted. */
  accepted: Buffer | undefined;
  applied = false;
  transfer: Transfer | undefined;
  held: Held | undefined;
  readonly counts = { chunks: 0, duplicates: 0, acks: 0, starts: 0, finishes: 0, cancels: 0 };
  private hash = "";
  private refused: { code: number; message: string } | undefined;
  private acknowledged = 0;
  /** 0: as Device OS does it. */
  private ackInterval = 0;
  private unacknowledged = 0;
  private lastChunkAt = -Infinity;
  private ackAt = Infinity;
  private gaps = "";
  private readonly later: { at: number; message: Outgoing }[] = [];

  constructor(
    private readonly send: (message: Outgoing) => void,
    readonly faults: ReceiverFaults = {},
  ) {}

  nextDeadline(): number {
    return Math.min(this.ackAt, ...this.later.map(({ at }) => at));
  }

  handleTimeout(now: number): void {
    for (const entry of this.later.filter(({ at }) => at <= now)) {
      this.later.splice(this.later.indexOf(entry), 1);
      this.send(entry.message);
    }
    if (now >= this.ackAt) this.acknowledge();
  }

  /** Power is cut: what is not stored is gone. */
  reboot(): void {
    this.keep();
    this.transfer = undefined;
    this.ackAt = Infinity;
    this.later.length = 0;
  }

  /** @returns whether the message is one of updates */
  handle(message: CoapMessage, now: number): boolean {
    const path = message.options.find(({ number }) => number === 11)?.value.toString();
    if (message.code !== 2 || message.options.filter(({ number }) => number === 11).length !== 1) {
      return false;
    }
    if (path === "S") this.handleStart(message, now);
    else if (path === "C") this.handleChunk(message, now);
    else if (path === "F") this.handleFinish(message, now);
    else return false;
    return true;
  }

  private handleStart(message: CoapMessage, now: number): void {
    const size = uintOf(message, FILE_SIZE);
    const chunkSize = uintOf(message, CHUNK_SIZE);
    const hash = valueOf(message, FILE_HASH)?.toString("hex") ?? "";
    const fits = chunkSize >= 512 && chunkSize <= 1136 && chunkSize % 4 === 0;
    if (message.type !== 0 || message.token.length !== 1 || size === 0 || !fits) {
      throw new Error("bad UpdateStart");
    }
    this.counts.starts++;
    this.keep();
    this.send({ type: 2, code: 0, messageId: message.messageId });
    const { refuseStart, startOptions, startDelayMs = 1, window = 0 } = this.faults;
    if (refuseStart) return this.answer(message, errorOf(refuseStart), now + startDelayMs);
    if (valueOf(message, DISCARD)) this.held = undefined;
    const obeys = this.faults.obeysAckInterval ?? false;
    this.ackInterval = obeys ? uintOf(message, ACK_INTERVAL) : 0;
    const offset = this.held?.hash === hash ? this.held.bytes.length : 0;
    if (offset === 0) this.held = undefined;
    this.hash = hash;
    this.refused = undefined;
    this.acknowledged = 0;
    this.unacknowledged = 0;
    this.gaps = "";
    this.ackAt = Infinity;
    const count = Math.ceil((size - offset) / chunkSize);
    this.transfer = { size, chunkSize, offset, chunks: Array.from({ length: count }) };
    const options = startOptions ?? [
      { number: WINDOW_SIZE, value: uint(window || Math.floor(131_072 / chunkSize)) },
      { number: FILE_SIZE, value: uint(offset) },
    ];
    this.answer(message, { type: 0, code: 0x41, options }, now + startDelayMs);
  }

  private handleChunk(message: CoapMessage, now: number): void {
    const { transfer, faults } = this;
    const reset = (): void => this.send({ type: 3, code: 0, messageId: message.messageId });
    if (!transfer || this.refused) return reset();
    const index = uintOf(message, CHUNK_INDEX);
    const { offset, chunkSize, size, chunks } = transfer;
    const expected = Math.min(chunkSize, size - offset - (index - 1) * chunkSize);
    if (message.type !== 1 || message.token.length !== 0) throw new Error("bad UpdateChunk");
    if (index < 1 || index > chunks.length || message.payload.length !== expected) {
      throw new Error(`chunk ${index} of ${message.payload.length} bytes`);
    }
    this.counts.chunks++;
    const window = faults.window ?? Math.floor(131_072 / chunkSize);
    if (index > this.prefix + window) throw new Error("chunk beyond the window");
    const duplicate = chunks[index - 1] !== undefined;
    if (duplicate) this.counts.duplicates++;
    chunks[index - 1] = message.payload;
    const { refuseAt } = faults;
    if (refuseAt && offset + this.prefix * chunkSize >= refuseAt.bytes) {
      this.refused = refuseAt;
      this.ackAt = Infinity;
      return reset();
    }
    this.scheduleAck(duplicate, index, now);
  }

  private scheduleAck(duplicate: boolean, index: number, now: number): void {
    const count = this.transfer?.chunks.length;
    const interval = this.ackInterval || 2;
    const bitmap = this.bitmap.toString("hex");
    const gap = bitmap !== "" || bitmap !== this.gaps;
    const paused = now - this.lastChunkAt >= 200;
    this.unacknowledged++;
    this.lastChunkAt = now;
    const always = duplicate || this.prefix === count || this.unacknowledged >= interval;
    const atOnce = this.ackInterval > 0 ? index === count : gap || paused;
    if (always || atOnce) this.acknowledge();
    else this.ackAt = now + 200;
  }

  private acknowledge(): void {
    this.ackAt = Infinity;
    if (!this.transfer) return;
    this.counts.acks++;
    this.acknowledged = this.prefix;
    this.unacknowledged = 0;
    this.gaps = this.bitmap.toString("hex");
    const options = [
      { number: 11, value: Buffer.from("A") },
      { number: CHUNK_INDEX, value: uint(this.acknowledged) },
    ];
    this.send({ type: 1, code: 2, options, payload: this.bitmap });
  }

  private handleFinish(message: CoapMessage, now: number): void {
    this.counts.finishes++;
    this.send({ type: 2, code: 0, messageId: message.messageId });
    const { finishDelayMs = 1, refuseFinish } = this.faults;
    const at = now + finishDelayMs;
    const { transfer, refused } = this;
    if (!transfer) {
      return this.answer(message, errorOf({ code: -210, message: "Invalid state" }), at);
    }
    if (valueOf(message, CANCEL)) {
      this.counts.cancels++;
      this.keep();
      this.transfer = undefined;
      return this.answer(message, { type: 0, code: 0x44 }, at);
    }
    const error = refused ?? refuseFinish;
    if (error) {
      this.transfer = undefined;
      return this.answer(message, errorOf(error), at);
    }
    const whole = this.bytesInSequence();
    if (whole.length !== transfer.size) {
      return this.answer(message, errorOf({ code: -240, message: "Invalid update" }), at);
    }
    if (createHash("sha256").update(whole).digest("hex") !== this.hash) {
      throw new Error("the file has another hash than was announced");
    }
    this.accepted = whole;
    this.transfer = undefined;
    this.held = undefined;
    const { chunks, duplicates, acks } = this.counts;
    const stats = { recv_chunks: chunks, dup_chunks: duplicates, sent_acks: acks, proc_time: 3 };
    this.answer(message, { type: 0, code: 0x44, payload: Buffer.from(JSON.stringify(stats)) }, at);
  }

  private answer(request: CoapMessage, message: Outgoing, at: number): void {
    this.later.push({ at, message: { ...message, token: request.token } });
  }

  private keep(): void {
    if (!this.transfer) return;
    this.held = { hash: this.hash, bytes: this.bytesInSequence() };
  }

  private bytesInSequence(): Buffer {
    const chunks = (this.transfer?.chunks.slice(0, this.prefix) ?? []) as Buffer[];
    return Buffer.concat([this.held?.bytes ?? Buffer.alloc(0), ...chunks]);
  }

  private get prefix(): number {
    const chunks = this.transfer?.chunks ?? [];
    const missing = chunks.findIndex((chunk) => chunk === undefined);
    return missing < 0 ? chunks.length : missing;
  }

  private get bitmap(): Buffer {
    const { prefix } = this;
    const words = Buffer.alloc(32);
    let length = 0;
    (this.transfer?.chunks ?? []).slice(prefix, prefix + 256).forEach((chunk, bit) => {
      if (chunk === undefined) return;
      words[bit >> 3] |= 1 << (bit & 7);
      length = 4 * (Math.floor(bit / 32) + 1);
    });
    return words.subarray(0, length);
  }
}

function errorOf(error: { code: number; message: string }): Outgoing {
  return { type: 0, code: 0xa3, payload: Buffer.from(JSON.stringify(error)) };
}

function valueOf(message: CoapMessage, number: number): Buffer | undefined {
  return message.options.find((option) => option.number === number)?.value;
}

function uintOf(message: CoapMessage, number: number): number {
  return (valueOf(message, number) ?? Buffer.alloc(0)).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** As few bytes as possible, none for zero. */
function uint(value: number): Buffer {
  const hex = value.toString(16);
  return value === 0
    ? Buffer.alloc(0)
    : Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
}
