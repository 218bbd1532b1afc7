// The engine's state of each device (session, describes, subscriptions) in a table of the store.

import type { StateStorage } from "../state-storage";
import type { Store, Table } from "./store";

export class StoredState implements StateStorage {
  private readonly documents: Table<string>;

  constructor(store: Store) {
    this.documents = store.table("state");
  }

  load(): Map<string, string> {
    return new Map(this.documents.entries());
  }

  save(deviceId: string, document: string, durable: boolean): void {
    this.documents.put(deviceId, document, durable);
  }

  remove(deviceId: string): void {
    this.documents.remove(deviceId);
  }
}
