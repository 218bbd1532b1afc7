// A webhook: an event that triggers an HTTP request. Fields are named as the official clients send them.

import { badRequest } from "../errors";

export const REQUEST_TYPES = ["GET", "POST", "PUT", "DELETE", "PATCH"] as const;
export type RequestType = (typeof REQUEST_TYPES)[number];

export interface Webhook {
  /** 24 hex digits. */
  id: string;
  owner: string;
  createdAt: string;
  /** Beginning of the names that trigger it. */
  event: string;
  /** Only for events of this device. */
  deviceId?: string;
  /** Only for events of devices of this product. */
  productId?: number;
  name?: string;
  /** A template. */
  url: string;
  requestType: RequestType;
  /** Leave out event, data, published_at and coreid. */
  noDefaults: boolean;
  /** Check certificates. */
  rejectUnauthorized: boolean;
  /** HTTP basic. */
  auth?: { username: string; password: string };
  /** Templates, in the values. */
  headers?: Record<string, string>;
  query?: Record<string, unknown>;
  form?: Record<string, unknown>;
  /** Templates in all strings of an object, or one template of JSON text. */
  json?: unknown;
  /** A template. */
  body?: string;
  responseTemplate?: string;
  responseTopic?: string;
  errorResponseTopic?: string;
}

export type WebhookSettings = Omit<
  Webhook,
  "id" | "owner" | "createdAt" | "deviceId" | "productId"
>;

const MAX_URL_LENGTH = 2048;
const MAX_TEXT_LENGTH = 16 * 1024;

/** Read the settings of a webhook from a request. @throws ApiError 400 that names the field */
export function readSettings(body: Record<string, unknown>): WebhookSettings {
  const type = body.integration_type ?? "Webhook";
  if (type !== "Webhook") throw badRequest('the only integration_type here is "Webhook"');
  const event = text(body, "event");
  if (event === undefined || event === "") throw badRequest("event is missing");
  if (Buffer.byteLength(event) > 64) throw badRequest("event is above 64 bytes");
  const requestType = (text(body, "requestType") ?? "POST").toUpperCase();
  if (!isRequestType(requestType)) throw badRequest(`requestType: ${REQUEST_TYPES.join(", ")}`);
  return {
    event,
    name: text(body, "name"),
    url: readUrl(body),
    requestType,
    noDefaults: flag(body, "noDefaults", false),
    rejectUnauthorized: flag(body, "rejectUnauthorized", true),
    auth: readAuth(body),
    headers: readHeaders(body),
    query: object(body, "query"),
    form: object(body, "form"),
    json: readJson(body),
    body: text(body, "body"),
    responseTemplate: text(body, "responseTemplate"),
    responseTopic: text(body, "responseTopic"),
    errorResponseTopic: text(body, "errorResponseTopic"),
  };
}

function isRequestType(value: string): value is RequestType {
  return (REQUEST_TYPES as readonly string[]).includes(value);
}

function readUrl(body: Record<string, unknown>): string {
  const url = text(body, "url") ?? "";
  if (!/^https?:\/\//i.test(url) || url.length > MAX_URL_LENGTH) {
    throw badRequest("url must begin with http:// or https:// and have up to 2048 characters");
  }
  return url;
}

function readAuth(body: Record<string, unknown>): Webhook["auth"] {
  const auth = object(body, "auth");
  if (!auth) return undefined;
  const { username, password } = auth;
  if (typeof username !== "string" || typeof password !== "string") {
    throw badRequest("auth has a username and a password");
  }
  return { username, password };
}

function readHeaders(body: Record<string, unknown>): Webhook["headers"] {
  const headers = object(body, "headers");
  if (!headers) return undefined;
  for (const [name, value] of Object.entries(headers)) {
    // RFC 9110 §5.1: a token. And nothing that decides where the request ends.
    const framing = /^(host|connection|content-length|transfer-encoding|upgrade|te|trailer)$/i;
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || framing.test(name)) {
      throw badRequest(`header "${name}" cannot be set`);
    }
    if (typeof value !== "string") throw badRequest(`header "${name}" is no text`);
  }
  return headers as Record<string, string>;
}

function readJson(body: Record<string, unknown>): unknown {
  const { json } = body;
  if (json === undefined || json === null || json === "") return undefined;
  if (typeof json !== "string" && typeof json !== "object") throw badRequest("json is no object");
  checkLength("json", JSON.stringify(json));
  return json;
}

function text(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw badRequest(`${name} is no text`);
  checkLength(name, value);
  return value;
}

/** An object, or the JSON text of one. */
function object(body: Record<string, unknown>, name: string): Record<string, unknown> | undefined {
  let value = body[name];
  if (typeof value === "string" && value !== "") value = parse(name, value);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw badRequest(`${name} is no object`);
  checkLength(name, JSON.stringify(value));
  return value as Record<string, unknown>;
}

function parse(name: string, json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw badRequest(`${name} is no JSON object`);
  }
}

function flag(body: Record<string, unknown>, name: string, standard: boolean): boolean {
  const value = body[name];
  if (value === undefined || value === null) return standard;
  return value === true || value === "true";
}

function checkLength(name: string, value: string): void {
  if (value.length > MAX_TEXT_LENGTH) throw badRequest(`${name} is too long`);
}
