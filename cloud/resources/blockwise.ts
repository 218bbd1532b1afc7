// Payloads in blocks, as a server (RFC 7959): requests are put together, responses are cut up. Bounded memory a client.

import { createHash } from "node:crypto";
import { blockOption, decodeBlock } from "../coap/block";
import type { Block } from "../coap/block";
import { CoapCode, CoapOptionNumber, findOption, uintOption, uriPath } from "../coap/codec";
import type { CoapMessage, CoapOption } from "../coap/codec";
import { EXCHANGE_LIFETIME_MS } from "../coap/duplicates";
import type { OutgoingMessage } from "../coap/message-layer";
import type { ResourceResponse } from "./resource";

/** The largest block: 1024 bytes; 7 is reserved (RFC 7959 §2.2). */
export const MAX_SZX = 6;
/** Bytes of the longest request. */
export const MAX_UPLOAD = 65536;
const MAX_UPLOADS = 4;
const MAX_REPRESENTATIONS = 8;

interface Upload {
  parts: Buffer[];
  length: number;
  deadline: number;
}

interface Representation {
  response: OutgoingMessage;
  deadline: number;
}

/** What a request with or without Block1 amounts to. */
export type Received =
  { kind: "answer"; message: OutgoingMessage } | { kind: "whole"; payload: Buffer; block1?: Block };

export class Blockwise {
  private readonly uploads = new Map<string, Upload>();
  private readonly representations = new Map<string, Representation>();

  /** @param maxSzx the largest block size that this side uses, 0 to 6 */
  constructor(private readonly maxSzx: number) {}

  /** Take in a request; an answer goes out at once when it is not the last block, or does not fit. */
  receive(request: CoapMessage, now: number): Received {
    const block = decodeBlock(request, CoapOptionNumber.Block1);
    if (!block) return { kind: "whole", payload: request.payload };
    const fail = (code: CoapCode): Received => ({ kind: "answer", message: { code } });
    const size = blockSize(block.szx);
    const full = request.payload.length === size;
    if (block.szx > MAX_SZX || (block.more ? !full : request.payload.length > size))
      return fail(CoapCode.BadRequest);
    const key = uploadKey(request);
    const upload = this.findUpload(key, block, now);
    this.uploads.delete(key);
    // Blocks come one after the other; after a block too many, or one missing, the client begins anew.
    if (upload?.length !== block.number * size) return fail(CoapCode.RequestEntityIncomplete);
    upload.length += request.payload.length;
    if (upload.length > MAX_UPLOAD) return fail(CoapCode.RequestEntityTooLarge);
    upload.parts.push(request.payload);
    const block1 = { ...block, szx: Math.min(block.szx, this.maxSzx) };
    if (!block.more) return { kind: "whole", payload: Buffer.concat(upload.parts), block1 };
    this.uploads.set(key, upload);
    shrink(this.uploads, MAX_UPLOADS, now);
    const options = [blockOption(CoapOptionNumber.Block1, block1)];
    return { kind: "answer", message: { code: CoapCode.Continue, options } };
  }

  /** The block of an earlier response that a request asks for; undefined when it asks for the first or for all. */
  followUp(request: CoapMessage, now: number): OutgoingMessage | undefined {
    const block = decodeBlock(request, CoapOptionNumber.Block2);
    if (!block || block.number === 0) return undefined;
    const known = this.representations.get(representationKey(request));
    // A GET can be carried out again; what another method did is gone.
    if (!known || now >= known.deadline) {
      if (request.code === CoapCode.Get) return undefined;
      return { code: CoapCode.RequestEntityIncomplete };
    }
    return this.cut(known.response, block);
  }

  /** The message for a response: as a whole when that is possible, else its first block, or the one asked for. */
  respond(
    request: CoapMessage,
    response: ResourceResponse,
    block1: Block | undefined,
    now: number,
  ): OutgoingMessage {
    const whole = toMessage(response);
    if (block1) whole.options?.push(blockOption(CoapOptionNumber.Block1, block1));
    const asked = decodeBlock(request, CoapOptionNumber.Block2);
    if (asked && asked.szx > MAX_SZX) return { code: CoapCode.BadRequest };
    const length = whole.payload?.length ?? 0;
    const fits = length <= blockSize(Math.min(asked?.szx ?? this.maxSzx, this.maxSzx));
    if (whole.code >> 5 !== 2 || (fits && !asked)) return whole;
    if (!response.etag && !fits) whole.options?.push(hashOption(whole.payload));
    const key = representationKey(request);
    this.representations.delete(key);
    this.representations.set(key, { response: whole, deadline: now + EXCHANGE_LIFETIME_MS });
    shrink(this.representations, MAX_REPRESENTATIONS, now);
    return this.cut(whole, asked ?? { number: 0, more: false, szx: this.maxSzx });
  }

  private cut(whole: OutgoingMessage, asked: Block): OutgoingMessage {
    const payload = whole.payload ?? Buffer.alloc(0);
    // The size of a later block is what the number counts in.
    const szx = asked.number === 0 ? Math.min(asked.szx, this.maxSzx) : asked.szx;
    if (szx > MAX_SZX) return { code: CoapCode.BadRequest };
    const start = asked.number * blockSize(szx);
    if (start > 0 && start >= payload.length) return { code: CoapCode.BadRequest };
    const end = start + blockSize(szx);
    const block = { number: asked.number, more: end < payload.length, szx };
    const options = [...(whole.options ?? []), blockOption(CoapOptionNumber.Block2, block)];
    return { ...whole, options, payload: payload.subarray(start, end) };
  }

  private findUpload(key: string, block: Block, now: number): Upload | undefined {
    if (block.number === 0) return { parts: [], length: 0, deadline: now + EXCHANGE_LIFETIME_MS };
    const upload = this.uploads.get(key);
    return upload && now < upload.deadline ? upload : undefined;
  }
}

function blockSize(szx: number): number {
  return 2 ** (szx + 4);
}

function toMessage(response: ResourceResponse): OutgoingMessage {
  const { code, contentFormat, etag, maxAge } = response;
  const options: CoapOption[] = [];
  if (etag) options.push({ number: CoapOptionNumber.ETag, value: Buffer.from(etag) });
  if (contentFormat !== undefined)
    options.push(uintOption(CoapOptionNumber.ContentFormat, contentFormat));
  if (maxAge !== undefined) options.push(uintOption(CoapOptionNumber.MaxAge, maxAge));
  return { code, options, payload: Buffer.from(response.payload ?? "") };
}

/** An ETag of four bytes: it tells blocks of one representation from those of another (RFC 7959 §2.4). */
function hashOption(payload: Uint8Array = Buffer.alloc(0)): CoapOption {
  const value = createHash("sha256").update(payload).digest().subarray(0, 4);
  return { number: CoapOptionNumber.ETag, value };
}

function uploadKey(request: CoapMessage): string {
  const tag = findOption(request, CoapOptionNumber.RequestTag)?.toString("hex") ?? "";
  return `${representationKey(request)} ${tag}`;
}

function representationKey(request: CoapMessage): string {
  const queries = request.options.filter(({ number }) => number === CoapOptionNumber.UriQuery);
  const query = queries.map(({ value }) => value.toString("hex"));
  return [request.code, ...uriPath(request), "?", ...query].join("/");
}

/** Drop what is too old, and the oldest above a number. */
function shrink(entries: Map<string, { deadline: number }>, max: number, now: number): void {
  for (const [key, { deadline }] of entries) {
    if (now < deadline && entries.size <= max) return;
    entries.delete(key);
  }
}
