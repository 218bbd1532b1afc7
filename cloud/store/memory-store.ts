// A store in memory: for tests, and for a cloud that may forget everything.

import { Overlay } from "./overlay";
import { JsonTable } from "./store";
import type { Change, Store, Table, Values } from "./store";

export class MemoryStore implements Store {
  private readonly overlay = new Overlay();
  private undo: (() => void)[] | undefined;

  private readonly values: Values = {
    read: (table, key) => this.overlay.get(table, key),
    list: (table) => this.overlay.apply(table, []),
    write: (change: Change) => {
      const takeBack = this.overlay.set(change);
      this.undo?.push(takeBack);
    },
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
}
