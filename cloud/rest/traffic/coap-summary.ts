// A CoAP message as the traffic view shows it: header, path and query, length of the payload; and whose doing it is.

import {
  CoapCode,
  CoapOptionNumber,
  CoapType,
  decodeCoap,
  formatCode,
  uriPath,
} from "../../coap/codec";
import type { CoapMessage } from "../../coap/codec";

export interface CoapSummary {
  type: "CON" | "NON" | "ACK" | "RST";
  /** "0.02", "2.05"; "0.00" is an empty message. */
  code: string;
  /** Message ID. */
  id: number;
  /** Hex. */
  token: string;
  /** Without the "/" in front; absent when there is none. */
  path?: string;
  query?: string;
  /** "NUM/M/SZX" of Block1 or Block2 (RFC 7959 §2.2). */
  block?: string;
  /** Bytes. */
  payload: number;
}

/** What bytes are spent on. */
export const CAUSES = [
  ...["handshake", "hello", "keepalive", "describe", "subscribe", "publish", "time"],
  ...["event", "call", "read", "update", "goodbye", "other", "dropped"],
] as const;
export type Cause = (typeof CAUSES)[number];

const TYPES = {
  [CoapType.Confirmable]: "CON",
  [CoapType.NonConfirmable]: "NON",
  [CoapType.Acknowledgement]: "ACK",
  [CoapType.Reset]: "RST",
} as const;

/** Requests of devices by method and first segment. */
const FROM_DEVICE: Record<string, Cause> = {
  [`${CoapCode.Post} h`]: "hello",
  [`${CoapCode.Post} d`]: "describe",
  [`${CoapCode.Post} E`]: "publish",
  [`${CoapCode.Post} e`]: "publish",
  [`${CoapCode.Get} E`]: "subscribe",
  [`${CoapCode.Get} e`]: "subscribe",
  [`${CoapCode.Get} t`]: "time",
  [`${CoapCode.Post} x`]: "goodbye",
};

/** Requests of the cloud by first segment. */
const FROM_CLOUD: Record<string, Cause> = {
  ...{ h: "hello", d: "describe", e: "event", E: "event", f: "call", v: "read" },
};

/** Updates over the air, whoever asks: v3 has S, C, A, F, the older protocols u and c. */
const UPDATE = /^[SCAFuc]$/;

const LONGEST_TEXT = 200;

export function summarize(message: CoapMessage): CoapSummary {
  const path = uriPath(message).join("/");
  const query = message.options
    .filter(({ number }) => number === CoapOptionNumber.UriQuery)
    .map(({ value }) => value.toString("utf8"))
    .join("&");
  return {
    type: TYPES[message.type],
    code: formatCode(message.code),
    id: message.messageId,
    token: message.token.toString("hex"),
    path: path === "" ? undefined : path.slice(0, LONGEST_TEXT),
    query: query === "" ? undefined : query.slice(0, LONGEST_TEXT),
    block: blockOf(message),
    payload: message.payload.length,
  };
}

/** @returns undefined for what is no message */
export function decodeOrUndefined(bytes: Uint8Array): CoapMessage | undefined {
  try {
    return decodeCoap(bytes);
  } catch {
    return undefined;
  }
}

/** Whether it asks for something: an answer of any kind belongs to what it answers. */
export function isRequest({ type, code }: CoapMessage): boolean {
  if (type === CoapType.Acknowledgement || type === CoapType.Reset) return false;
  return code >> 5 === 0;
}

/** The cause of a request, or of a ping (RFC 7252 §4.3). */
export function causeOf(request: CoapMessage, direction: "in" | "out"): Cause {
  if (request.code === CoapCode.Empty) return "keepalive";
  const segment = uriPath(request)[0] ?? "";
  if (UPDATE.test(segment)) return "update";
  const key = direction === "in" ? `${request.code} ${segment}` : segment;
  const causes = direction === "in" ? FROM_DEVICE : FROM_CLOUD;
  return Object.hasOwn(causes, key) ? causes[key] : "other";
}

function blockOf(message: CoapMessage): string | undefined {
  const numbers: number[] = [CoapOptionNumber.Block1, CoapOptionNumber.Block2];
  const value = message.options.find(({ number }) => numbers.includes(number))?.value;
  if (!value || value.length > 3) return undefined;
  const bits = value.length === 0 ? 0 : value.readUIntBE(0, value.length);
  return `${bits >> 4}/${(bits >> 3) & 1}/${bits & 7}`;
}
