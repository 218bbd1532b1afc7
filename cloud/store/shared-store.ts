// Tables that several cloud processes on one machine have in common: an LMDB database without a lock of its own. LMDB
// lets one process write at a time and shows every reader whole transactions (lmdb.h, "Caveats"). There is no journal:
// each change is flushed before it counts.

import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import type { Database, RootDatabase } from "lmdb";
import { JsonTable } from "./store";
import type { Change, Store, Table, Values } from "./store";

const MAX_TABLES = 16;
export const SHARED_STORE_FILE = "fleet.mdb";

/** A value of a table that this process has changed. */
export type ChangeListener = (table: string, key: string) => void;

export class SharedStore implements Store {
  private readonly tables = new Map<string, Database<string, string>>();
  /** Of the running transaction, to be told of once it counts. */
  private changes: Change[] | undefined;
  private closed = false;
  /** Told after each transaction of this process. */
  onChange: ChangeListener = () => undefined;

  private readonly values: Values = {
    read: (table, key) => this.stored(table).get(key),
    list: (table) => [...this.stored(table).getRange()].map(({ key, value }) => [key, value]),
    write: (change) => this.write(change),
  };

  private constructor(private readonly database: RootDatabase<string, string>) {}

  /** Open the store in a directory, which is made if need be. @throws Error when it is damaged */
  static open(directory: string): SharedStore {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, SHARED_STORE_FILE);
    const database = open<string, string>({
      ...{ path, noSubdir: true, encoding: "string", maxDbs: MAX_TABLES },
      overlappingSync: false,
    });
    chmodSync(path, 0o600);
    return new SharedStore(database);
  }

  table<T>(name: string): Table<T> {
    // A table cannot be opened inside of a transaction.
    this.stored(name);
    return new JsonTable<T>(this.values, name);
  }

  transaction<T>(change: () => T): T {
    if (this.changes) return change();
    if (this.closed) throw new Error("the store is closed");
    const changes: Change[] = [];
    this.changes = changes;
    let result: T;
    try {
      result = this.database.transactionSync(change);
    } finally {
      this.changes = undefined;
    }
    for (const { table, key } of changes) this.onChange(table, key);
    return result;
  }

  /** See what other processes have written up to now. */
  refresh(): void {
    this.database.resetReadTxn();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.database.close();
  }

  private write(change: Change): void {
    const { table, key, json } = change;
    this.transaction(() => {
      if (json === undefined) this.stored(table).removeSync(key);
      else this.stored(table).putSync(key, json);
      this.changes?.push(change);
    });
  }

  private stored(table: string): Database<string, string> {
    let database = this.tables.get(table);
    if (!database) {
      database = this.database.openDB<string, string>({ name: table, encoding: "string" });
      this.tables.set(table, database);
    }
    return database;
  }
}
