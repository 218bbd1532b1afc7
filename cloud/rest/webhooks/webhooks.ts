// The webhooks of all users: kept in the store, triggered by the event bus. What a server answers comes back as events:
//
//   hook-sent/<event>           the server took it
//   hook-response/<event>/<n>   its answer, in parts of 512 bytes
//   hook-error/<event>/0        what went wrong, after each try

import { randomBytes } from "node:crypto";
import type { Store, Table } from "../../store/store";
import type { CloudEvent, EventBus } from "../event-bus";
import { makeRequest } from "./hook-request";
import { DEFAULT_SENDER_LIMITS, HookSender } from "./hook-sender";
import type { HookAnswer, SenderLimits } from "./hook-sender";
import { DEFAULT_RETRY_LIMITS, HookRetries, PassingFailure, mayPass } from "./hook-retries";
import type { RetryLimits } from "./hook-retries";
import { parseOrUndefined, render, viewOf } from "./template";
import type { Webhook, WebhookSettings } from "./webhook";

/** Bytes of one part of an answer. */
const PART_LENGTH = 512;
/** Events of the cloud itself, which would go round in circles. */
const OWN_EVENT = /^hook-(sent|response|error)\//;
const INTERNAL = "particle-internal";

export interface WebhookOptions {
  limits?: Partial<SenderLimits>;
  retries?: Partial<RetryLimits>;
  /** May a webhook call this address? Default: all of http and https. */
  mayCall?: (url: URL) => boolean;
  now: () => number;
}

export class Webhooks {
  private readonly table: Table<Webhook>;
  private readonly sender: HookSender;
  /** What ends the subscription and the requests of each webhook. */
  private readonly endings = new Map<string, () => void>();
  /** Each webhook as it was when that began, as JSON. */
  private readonly listening = new Map<string, string>();

  /** @param publish brings an event of the cloud to devices and streams */
  constructor(
    store: Store,
    private readonly bus: EventBus,
    private readonly publish: (event: CloudEvent) => void,
    private readonly options: WebhookOptions,
  ) {
    this.table = store.table("webhooks");
    this.sender = new HookSender({ ...DEFAULT_SENDER_LIMITS, ...options.limits });
    for (const [, hook] of this.table.entries()) this.listen(hook);
  }

  list(owner: string): Webhook[] {
    return this.table
      .entries()
      .map(([, hook]) => hook)
      .filter((hook) => hook.owner === owner);
  }

  find(id: string, owner: string): Webhook | undefined {
    const hook = /^[0-9a-f]{24}$/.test(id) ? this.table.get(id) : undefined;
    return hook?.owner === owner ? hook : undefined;
  }

  add(
    owner: string,
    settings: WebhookSettings,
    only: Pick<Webhook, "deviceId" | "productId">,
  ): Webhook {
    const id = randomBytes(12).toString("hex");
    const createdAt = new Date(this.options.now()).toISOString();
    return this.put({ ...settings, ...only, id, owner, createdAt });
  }

  /** Store a webhook in the place of the one with its id. */
  put(hook: Webhook): Webhook {
    this.table.put(hook.id, hook);
    this.listen(hook);
    return hook;
  }

  remove(id: string): void {
    this.table.remove(id);
    this.stopListening(id);
  }

  /** Another process has changed a webhook. @param id undefined: any */
  refresh(id?: string): void {
    const stored = new Map(this.table.entries());
    const ids = id === undefined ? [...this.endings.keys(), ...stored.keys()] : [id];
    for (const each of new Set(ids)) {
      const hook = stored.get(each);
      if (!hook) this.stopListening(each);
      else if (this.listening.get(each) !== JSON.stringify(hook)) this.listen(hook);
    }
  }

  async close(): Promise<void> {
    for (const end of this.endings.values()) end();
    this.endings.clear();
    await this.sender.close();
  }

  private stopListening(id: string): void {
    this.endings.get(id)?.();
    this.endings.delete(id);
    this.listening.delete(id);
  }

  private listen(hook: Webhook): void {
    this.stopListening(hook.id);
    this.listening.set(hook.id, JSON.stringify(hook));
    const { owner, event: prefix, deviceId, productId } = hook;
    const retries = new HookRetries({ ...DEFAULT_RETRY_LIMITS, ...this.options.retries });
    // In a fleet each process has all webhooks: one of them sends.
    const filter = { owner, prefix, deviceId, productId, here: true };
    const unsubscribe = this.bus.subscribe(filter, (event) => {
      if (OWN_EVENT.test(event.name) || event.coreId === INTERNAL) return;
      const attempt = (): Promise<void> => this.request(hook, event);
      void retries.run(attempt, (error, nextMs) => this.fail(hook, event, error, nextMs));
    });
    this.endings.set(hook.id, () => {
      unsubscribe();
      retries.close();
    });
  }

  /** @throws PassingFailure when another try may do better, Error when none will */
  private async request(hook: Webhook, event: CloudEvent): Promise<void> {
    const request = makeRequest(hook, event);
    if (this.options.mayCall && !this.options.mayCall(request.url)) {
      throw new Error(`this cloud may not call ${request.url.host}`);
    }
    const answer = await this.sender.send(request, hook.rejectUnauthorized);
    const { status } = answer;
    if (status >= 200 && status < 300) return this.succeed(hook, event, answer);
    const message = `error status ${status} from ${request.url.host}`;
    throw mayPass(status) ? new PassingFailure(message) : new Error(message);
  }

  private succeed(hook: Webhook, event: CloudEvent, { text }: HookAnswer): void {
    this.say(event, `hook-sent/${event.name}`, "");
    const answer = parseOrUndefined(text);
    const template = hook.responseTemplate;
    const content = template === undefined ? text : render(template, viewOf(event, answer ?? null));
    const topic = topicOf(hook.responseTopic, event) ?? `hook-response/${event.name}`;
    splitText(content).forEach((part, i) => this.say(event, `${topic}/${i}`, part));
  }

  private fail(hook: Webhook, event: CloudEvent, error: unknown, nextMs: number | undefined): void {
    let topic: string | undefined;
    try {
      topic = topicOf(hook.errorResponseTopic, event);
    } catch {
      // Its template is the mistake.
    }
    const next = nextMs === undefined ? "" : `; next try in ${nextMs / 1000} s`;
    const message = splitText(causeOf(error) + next)[0];
    this.say(event, `${topic ?? `hook-error/${event.name}`}/0`, message);
  }

  private say({ owner }: CloudEvent, name: string, data: string): void {
    const publishedAt = new Date(this.options.now()).toISOString();
    this.publish({ name, data, ttl: 60, publishedAt, coreId: INTERNAL, owner });
  }
}

function topicOf(template: string | undefined, event: CloudEvent): string | undefined {
  return template === undefined ? undefined : render(template, viewOf(event));
}

/** Cut a text into parts of up to 512 bytes, none inside of a character. Nothing has no parts. */
export function splitText(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let length = 0;
  for (const character of text) {
    const bytes = Buffer.byteLength(character);
    if (length + bytes > PART_LENGTH) {
      parts.push(part);
      part = "";
      length = 0;
    }
    part += character;
    length += bytes;
  }
  return part === "" ? parts : [...parts, part];
}

function causeOf(error: unknown): string {
  const { message, code, cause } = error as Error & { code?: string };
  return message || code || String(cause ?? "failed");
}
