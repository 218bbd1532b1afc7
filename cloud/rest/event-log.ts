// The last events of each user, in the store. An event is written before the device that published it gets its
// acknowledgement, so one that was acknowledged survives the end of the process.

import type { Store, Table } from "../store/store";
import type { CloudEvent } from "./event-bus";

export class EventLog {
  private readonly table: Table<CloudEvent>;
  /** Keys of each user's events, oldest first. */
  private readonly keys = new Map<string, string[]>();
  private next = 0;

  /** @param capacity events kept for each user */
  constructor(
    store: Store,
    private readonly capacity: number,
  ) {
    this.table = store.table("events");
    for (const [key, { owner }] of this.table.entries()) {
      this.keysOf(owner).push(key);
      this.next = Number(key) + 1;
    }
  }

  /** @throws Error when it cannot be stored */
  add(event: CloudEvent): void {
    if (this.capacity === 0) return;
    const key = String(this.next++).padStart(16, "0");
    this.table.put(key, event, false);
    const keys = this.keysOf(event.owner);
    keys.push(key);
    while (keys.length > this.capacity) this.table.remove(keys.shift() as string, false);
  }

  /** Up to `limit` events of a user whose names begin so, the latest last. */
  latest(owner: string, prefix: string, limit: number): CloudEvent[] {
    const events = this.keysOf(owner).map((key) => this.table.get(key));
    return events
      .filter((event) => event?.name.startsWith(prefix) ?? false)
      .slice(-limit) as CloudEvent[];
  }

  private keysOf(owner: string): string[] {
    const keys = this.keys.get(owner) ?? [];
    this.keys.set(owner, keys);
    return keys;
  }
}
