// The HTTP request that an event makes of a webhook.

import type { CloudEvent } from "../event-bus";
import { render, renderDeep, viewOf } from "./template";
import type { View } from "./template";
import type { RequestType, Webhook } from "./webhook";

export interface HookRequest {
  method: RequestType;
  url: URL;
  headers: Record<string, string>;
  body?: string;
}

/** @throws Error when a template has a mistake or makes no URL of http or https */
export function makeRequest(hook: Webhook, event: CloudEvent): HookRequest {
  const view = viewOf(event);
  const defaults: Record<string, unknown> = hook.noDefaults
    ? {}
    : {
        event: event.name,
        data: event.data ?? "",
        published_at: event.publishedAt,
        coreid: event.coreId,
      };
  const rendered = (part: unknown): Record<string, unknown> =>
    (renderDeep(part ?? {}, view) ?? {}) as Record<string, unknown>;
  const url = new URL(render(hook.url, view));
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new Error("no URL of http");
  const isGet = hook.requestType === "GET";
  const query = { ...(isGet ? defaults : {}), ...rendered(hook.query) };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, textOf(value));
  const content = isGet ? undefined : makeBody(hook, view, defaults);
  const headers: Record<string, string> = { "user-agent": "wboson-cloud" };
  if (content) headers["content-type"] = content.type;
  if (hook.auth) headers.authorization = `Basic ${basic(hook.auth)}`;
  for (const [name, value] of Object.entries(hook.headers ?? {})) {
    headers[name.toLowerCase()] = render(value, view);
  }
  return { method: hook.requestType, url, headers, body: content?.body };
}

/** What a request carries: the body, JSON or form of the webhook, and a form of the defaults without any. */
function makeBody(
  hook: Webhook,
  view: View,
  defaults: Record<string, unknown>,
): { body: string; type: string } | undefined {
  if (hook.body !== undefined) {
    return { body: render(hook.body, view), type: "text/plain; charset=utf-8" };
  }
  if (typeof hook.json === "string") {
    return { body: render(hook.json, view), type: "application/json" };
  }
  if (hook.json !== undefined) {
    const json = renderDeep(hook.json, view);
    const whole = Array.isArray(json) ? json : { ...defaults, ...(json as object) };
    return { body: JSON.stringify(whole), type: "application/json" };
  }
  if (hook.form === undefined && hook.requestType === "DELETE") return undefined;
  const form = { ...defaults, ...(renderDeep(hook.form ?? {}, view) as object) };
  return { body: encodeForm(form), type: "application/x-www-form-urlencoded" };
}

function encodeForm(fields: Record<string, unknown>): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) form.set(name, textOf(value));
  return form.toString();
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** RFC 7617 §2. */
function basic({ username, password }: { username: string; password: string }): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}
