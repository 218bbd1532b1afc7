// Templates of webhooks: Mustache, over the fields of the event's data and the names that Particle gives the rest.

import mustache from "mustache";
import type { CloudEvent } from "../event-bus";

/** What a template may name. */
export type View = Record<string, unknown>;

const writer = new mustache.Writer();
// It would keep every template for ever.
writer.clearCache();
(writer as { templateCache?: unknown }).templateCache = undefined;

/** The names of an event: PARTICLE_... and, when its data is a JSON object, the fields of that. */
export function viewOf(event: CloudEvent, fields: unknown = parseOrUndefined(event.data)): View {
  // Without a prototype, a template finds nothing but what is in the data.
  const view = Object.create(null) as View;
  if (typeof fields === "object" && fields !== null) Object.assign(view, fields);
  return Object.assign(view, {
    PARTICLE_EVENT_NAME: event.name,
    PARTICLE_EVENT_VALUE: event.data ?? "",
    PARTICLE_DEVICE_ID: event.coreId,
    PARTICLE_PUBLISHED_AT: event.publishedAt,
    PRODUCT_USER_ID: event.owner,
    PRODUCT_VERSION: event.productVersion ?? "",
  });
}

/** What double braces do to text; the library would change slashes, too, and with them names of events. */
const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const config = {
  escape: (value: unknown) => String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]),
};

/** @throws Error for a template with a mistake */
export function render(template: string, view: View): string {
  return writer.render(template, view, undefined, config);
}

/** Render all strings inside of a value, keys of objects too. */
export function renderDeep(value: unknown, view: View): unknown {
  if (typeof value === "string") return render(value, view);
  if (Array.isArray(value)) return value.map((item) => renderDeep(item, view));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [
    render(key, view),
    renderDeep(item, view),
  ]);
  return Object.fromEntries(entries) as unknown;
}

export function parseOrUndefined(json: string | null): unknown {
  try {
    return JSON.parse(json ?? "") as unknown;
  } catch {
    return undefined;
  }
}
