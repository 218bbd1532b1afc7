// A store in memory: for tests, and for a cloud that may forget everything.

import { JsonTable } from "./store";
import type { Change, Store, Table, Values } from "./store";

export class MemoryStore implements Store {
  private readonly tables = new Map<string, Map<string, string>>();
  private undo: (() => void)[] | undefined;

  private readonly values: Values = {
    read: (table, key) => this.tables.get(table)?.get(key),
    list: (table) => [...(this.tables.get(table) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)),
    write: (change) => this.write(change),
  };

  table<T>(name: string): Table<T> {
    return new JsonTable<T>(this.values, name);
  }

  transaction<T>(change: () => T): T {
    if (this.undo) return change();
    const undo: (() => void)[] = [];
    this.undo = undo;
    try {
      return change();
    } catch (error) {
      for (const takeBack of undo.reverse()) takeBack();
      throw error;
    } finally {
      this.undo = undefined;
    }
  }

  async close(): Promise<void> {}

  private write({ table, key, json }: Change): void {
    const values = this.tables.get(table) ?? new Map<string, string>();
    this.tables.set(table, values);
    const before = values.get(key);
    set(values, key, json);
    this.undo?.push(() => set(values, key, before));
  }
}

/** What is gone leaves nothing behind. */
function set(values: Map<string, string>, key: string, json: string | undefined): void {
  if (json === undefined) values.delete(key);
  else values.set(key, json);
}
