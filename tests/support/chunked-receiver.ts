// The receiver of chunked updates, fast and slow, as a device on TCP has it, for tests of the cloud's sender: written from
// the description of the protocol, on CoAP messages; it shares nothing with the core or the sender but the CoAP codec.

import { crc32 } from "node:zlib";
import type { CoapMessage } from "../../cloud/coap/codec";
import type { Outgoing } from "./update-receiver";

/** Chunks in one ChunkMissed. */
const MISSED_AT_ONCE = 20;

export interface ChunkedFaults {
  /** Take the slow variant only. */
  slow?: boolean;
  /** Answer UpdateBegin, the chunk of this index, or UpdateDone with 5.03. */
  refuseBegin?: string;
  refuseChunk?: number;
  refuseDone?: string;
  /** Chunks whose first transmission is damaged on the way. */
  damaged?: number[];
  /** Payload of the answer to UpdateBegin in place of the right one. */
  ready?: Buffer;
}

export class ChunkedReceiver {
  accepted: Buffer | undefined;
  readonly counts = { begins: 0, chunks: 0, bad: 0, dones: 0, missed: 0 };
  private size = 0;
  private chunkSize = 0;
  private fast = false;
  private chunks: (Buffer | undefined)[] = [];
  private next = 0;

  constructor(
    private readonly send: (message: Outgoing) => void,
    readonly faults: ChunkedFaults = {},
  ) {}

  /** @returns whether the message is one of updates */
  handle(message: CoapMessage): boolean {
    const path = message.options[0]?.value.toString();
    if (message.type !== 0 || message.options[0]?.number !== 11) return false;
    if (message.code === 2 && path === "u") this.handleBegin(message);
    else if (message.code === 2 && path === "c") this.handleChunk(message);
    else if (message.code === 3 && path === "u") this.handleDone(message);
    else return false;
    if (message.token.length !== 1) throw new Error("a token is not of one byte");
    return true;
  }

  private handleBegin(message: CoapMessage): void {
    const { payload } = message;
    if (payload.length !== 12) throw new Error("bad UpdateBegin");
    this.counts.begins++;
    const { refuseBegin, slow = false, ready } = this.faults;
    if (refuseBegin !== undefined) return this.refuse(message, refuseBegin);
    this.acknowledge(message);
    this.fast = (payload[0] & 1) !== 0 && !slow;
    this.chunkSize = payload.readUInt16BE(1);
    this.size = payload.readUInt32BE(3);
    this.chunks = Array.from({ length: Math.ceil(this.size / this.chunkSize) });
    this.next = 0;
    const flags = ready ?? Buffer.of(this.fast ? 1 : 0);
    this.send({ type: 1, code: 0x44, token: message.token, payload: flags });
  }

  private handleChunk(message: CoapMessage): void {
    this.counts.chunks++;
    const queries = message.options.filter(({ number }) => number === 15).map(({ value }) => value);
    if (queries.length !== (this.fast ? 2 : 1)) throw new Error("bad chunk");
    if (message.payload.length !== this.chunkSize) throw new Error("not a whole chunk");
    const index = this.fast ? queries[1].readUInt16BE() : this.next;
    const { damaged = [], refuseChunk } = this.faults;
    if (refuseChunk === index) return this.refuse(message, "wrong board");
    const at = damaged.indexOf(index);
    if (at >= 0) {
      damaged.splice(at, 1);
      message.payload[0] ^= 1;
    }
    const good = crc32(message.payload) === queries[0].readUInt32BE();
    if (good) this.chunks[index] = message.payload;
    else this.counts.bad++;
    if (this.fast) return;
    this.acknowledge(message);
    if (good) this.next++;
    this.send({ type: 1, code: good ? 0x44 : 0x80, token: message.token });
  }

  private handleDone(message: CoapMessage): void {
    this.counts.dones++;
    const { refuseDone, refuseChunk } = this.faults;
    const { messageId, token } = message;
    if (refuseChunk !== undefined) return this.refuse(message, "wrong board");
    if (refuseDone !== undefined) return this.refuse(message, refuseDone);
    const missing = this.chunks.flatMap((chunk, index) => (chunk ? [] : [index]));
    if (missing.length === 0) {
      this.accepted = Buffer.concat(this.chunks as Buffer[]).subarray(0, this.size);
      return this.send({ type: 2, code: 0x44, messageId, token });
    }
    this.send({ type: 2, code: 0x80, messageId, token });
    this.counts.missed++;
    const list = Buffer.alloc(2 * Math.min(MISSED_AT_ONCE, missing.length));
    for (let at = 0; at < list.length; at += 2) list.writeUInt16BE(missing[at / 2], at);
    const options = [{ number: 11, value: Buffer.from("c") }];
    this.send({ type: 1, code: 1, options, payload: list });
  }

  private acknowledge({ messageId }: CoapMessage): void {
    this.send({ type: 2, code: 0, messageId });
  }

  private refuse({ messageId, token }: CoapMessage, text: string): void {
    const payload = Buffer.from(JSON.stringify({ code: -144, message: text }));
    this.send({ type: 2, code: 0xa3, messageId, token, payload });
  }
}
