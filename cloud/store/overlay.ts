// Changes that lie over the values of a database and are not in it yet.

import type { Change } from "./store";

export class Overlay {
  private tables = new Map<string, Map<string, string | undefined>>();
  private count = 0;

  /** Values that differ from the database. */
  get size(): number {
    return this.count;
  }

  /** @returns takes the change back; the last one first */
  set({ table, key, json }: Change): () => void {
    const values = this.tables.get(table) ?? new Map<string, string | undefined>();
    this.tables.set(table, values);
    const changed = values.has(key);
    const before = values.get(key);
    if (!changed) this.count++;
    values.set(key, json);
    return () => {
      if (changed) values.set(key, before);
      else if (values.delete(key)) this.count--;
    };
  }

  /** Is there a change of this value? It may say that there is no value any more. */
  has(table: string, key: string): boolean {
    return this.tables.get(table)?.has(key) ?? false;
  }

  get(table: string, key: string): string | undefined {
    return this.tables.get(table)?.get(key);
  }

  /** The values of a table with the changes applied, in the order of the keys. */
  apply(table: string, stored: Iterable<[string, string]>): [string, string][] {
    const values = new Map<string, string | undefined>(stored);
    for (const [key, json] of this.tables.get(table) ?? []) values.set(key, json);
    const present = [...values].filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return present.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  *changes(): Generator<Change> {
    for (const [table, values] of this.tables) {
      for (const [key, json] of values) yield { table, key, json };
    }
  }

  clear(): void {
    this.tables = new Map();
    this.count = 0;
  }
}
