// Events on their way to event streams and webhooks. One process keeps them in memory; a bus between processes only has
// to offer this interface.

export interface CloudEvent {
  name: string;
  /** Text as it is, anything else as a data: URL; null when there is none. */
  data: string | null;
  /** Of a device's event: content format of the device protocol. Absent: text. */
  contentType?: number;
  /** Seconds. */
  ttl: number;
  /** ISO 8601. */
  publishedAt: string;
  /** Device id, "api", or "particle-internal" for what the cloud itself says. */
  coreId: string;
  /** User name. */
  owner: string;
  productId?: number;
  /** Of the firmware, as its Hello said. */
  productVersion?: number;
}

/** What a listener wants; all that is given must fit. */
export interface EventFilter {
  owner: string;
  /** Beginning of the name. */
  prefix?: string;
  deviceId?: string;
  productId?: number;
  /** Only what was published in this process. */
  here?: boolean;
}

export interface EventBus {
  publish(event: CloudEvent): void;
  /** @returns ends it */
  subscribe(filter: EventFilter, listener: (event: CloudEvent) => void): () => void;
}

type Listener = (event: CloudEvent, isHere: boolean) => void;

export class LocalEventBus implements EventBus {
  private readonly listeners = new Map<string, Map<symbol, Listener>>();

  /** @param isHere it was published in this process */
  publish(event: CloudEvent, isHere = true): void {
    const mine = [...(this.listeners.get(event.owner)?.values() ?? [])];
    for (const listener of mine) listener(event, isHere);
  }

  subscribe(filter: EventFilter, listener: (event: CloudEvent) => void): () => void {
    const key = Symbol();
    const mine = this.listeners.get(filter.owner) ?? new Map<symbol, Listener>();
    this.listeners.set(filter.owner, mine);
    mine.set(key, (event, isHere) => {
      if (matches(filter, event) && (isHere || !filter.here)) listener(event);
    });
    return () => {
      mine.delete(key);
      if (mine.size === 0 && this.listeners.get(filter.owner) === mine) {
        this.listeners.delete(filter.owner);
      }
    };
  }
}

export function matches(filter: EventFilter, event: CloudEvent): boolean {
  if (!event.name.startsWith(filter.prefix ?? "")) return false;
  if (filter.deviceId !== undefined && filter.deviceId !== event.coreId) return false;
  return filter.productId === undefined || filter.productId === event.productId;
}
