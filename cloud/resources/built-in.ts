// The resources that every cloud has for clients of the standard profile: one for each thing that a client must get right.

import { CoapCode } from "../coap/codec";
import type { ResourceHandler, ResourceRequest, ResourceResponse, Resources } from "./resource";

/** What the resources need from their cloud. */
export interface BuiltInHost {
  /** ms since 1970. */
  wallClock(): number;
  /** Tell observers of a path. */
  notify(path: string, options: { confirmable: boolean }): void;
}

/** Bytes of /large: two blocks of 1024 and a part. */
export const LARGE_LENGTH = 2500;
const DEFAULT_DELAY_MS = 2000;
const TEXT = 0;

/**
 * - `/echo` POST: the same payload and format back
 * - `/time` GET: Unix seconds, as text
 * - `/large` GET: 2,500 bytes of text, with an ETag
 * - `/counter` GET: a number, observable; POST adds one and notifies, by confirmable messages with `?con`
 * - `/separate` GET: a separate response, after `?ms=` milliseconds
 * - `/store` PUT, GET, DELETE: keeps one value
 */
export function coapResources(host: BuiltInHost): Resources {
  const plain = { observable: false };
  return new Map([
    ["/echo", { ...plain, handler: methods({ [CoapCode.Post]: echo }) }],
    ["/time", { ...plain, handler: methods({ [CoapCode.Get]: () => time(host.wallClock()) }) }],
    ["/large", { ...plain, handler: methods({ [CoapCode.Get]: large }) }],
    ["/counter", { observable: true, handler: counter(host) }],
    ["/separate", { ...plain, handler: methods({ [CoapCode.Get]: separate }) }],
    ["/store", { ...plain, handler: store() }],
  ]);
}

/** The text of /large: lines of 32 characters, numbered. */
export function largeText(): string {
  let text = "";
  for (let line = 0; text.length < LARGE_LENGTH; line++) {
    text += `${String(line).padStart(4, "0")} ${"abcdefghijklmnopqrstuvwxyz"}\n`;
  }
  return text.slice(0, LARGE_LENGTH);
}

function methods(handlers: Record<number, ResourceHandler>): ResourceHandler {
  return (request) => handlers[request.method]?.(request) ?? { code: CoapCode.MethodNotAllowed };
}

function echo({ payload, contentFormat }: ResourceRequest): ResourceResponse {
  return { code: CoapCode.Changed, payload, contentFormat };
}

function time(wallClockMs: number): ResourceResponse {
  return content(String(Math.floor(wallClockMs / 1000)));
}

function large(): ResourceResponse {
  return { ...content(largeText()), etag: Buffer.from("large-01") };
}

function counter(host: BuiltInHost): ResourceHandler {
  let value = 0;
  return methods({
    [CoapCode.Get]: () => content(String(value)),
    [CoapCode.Post]: ({ query }) => {
      value++;
      host.notify("/counter", { confirmable: query.includes("con") });
      return { code: CoapCode.Changed, payload: String(value) };
    },
  });
}

function separate({ query }: ResourceRequest): ResourceResponse {
  const ms = query.map((part) => /^ms=(\d{1,6})$/.exec(part)?.[1]).find(Boolean);
  return { ...content("separate"), delayMs: ms === undefined ? DEFAULT_DELAY_MS : Number(ms) };
}

function store(): ResourceHandler {
  let kept: ResourceResponse | undefined;
  return methods({
    [CoapCode.Put]: ({ payload, contentFormat }) => {
      const code = kept ? CoapCode.Changed : CoapCode.Created;
      kept = { code: CoapCode.Content, payload, contentFormat };
      return { code };
    },
    [CoapCode.Get]: () => kept ?? { code: CoapCode.NotFound },
    [CoapCode.Delete]: () => {
      kept = undefined;
      return { code: CoapCode.Deleted };
    },
  });
}

function content(text: string): ResourceResponse {
  return { code: CoapCode.Content, payload: text, contentFormat: TEXT };
}
