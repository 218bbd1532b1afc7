// The store on disk: an LMDB database, and a journal for what need not survive a power cut.
//
// LMDB never overwrites a page in use, and its transactions are flushed before they count: a process that is killed, or a
// power cut, leaves the last transaction whole (lmdb.h, "Caveats", without MDB_NOSYNC). A flush costs milliseconds on
// some disks, too much for the replay window of every datagram, so such changes go to the journal and join the next
// transaction. The number of the last change in the database makes replaying the journal harmless.

import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import type { Database, RootDatabase } from "lmdb";
import { Journal } from "./journal";
import { takeLock } from "./lock";
import { Overlay } from "./overlay";
import { JsonTable } from "./store";
import type { Change, Store, Table, Values } from "./store";

/** Bytes of the journal, and values in memory, above which they go to the database. */
const MAX_JOURNAL_LENGTH = 4 * 1024 * 1024;
const MAX_PENDING = 10_000;
/** Longer keys are a bug here; LMDB takes 1978 bytes. */
const MAX_KEY_LENGTH = 256;

const MAX_TABLES = 64;

/** The number of the last change that the database holds. */
const SEQUENCE_KEY = "sequence";

export class LmdbStore implements Store {
  private readonly overlay = new Overlay();
  private readonly tables = new Map<string, Database<string, string>>();
  private sequence: number;
  /** What takes the changes of the running transaction back. */
  private undo: (() => void)[] | undefined;
  private closed = false;

  private readonly values: Values = {
    read: (table, key) => this.read(table, key),
    list: (table) => this.list(table),
    write: (change, durable) => this.write(change, durable),
  };

  private constructor(
    private readonly database: RootDatabase<string, string>,
    private readonly journal: Journal,
    private readonly unlock: () => void,
  ) {
    this.sequence = Number(database.get(SEQUENCE_KEY) ?? 0);
  }

  /**
   * Open the store in a directory, which is made if need be, with what a killed process left in it.
   * @throws Error when another process has it open, or when it is damaged
   */
  static open(directory: string): LmdbStore {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const unlock = takeLock(join(directory, "store.lock"));
    try {
      const path = join(directory, "store.mdb");
      // A transaction has returned only once it is flushed.
      const database = open<string, string>({
        ...{ path, noSubdir: true, encoding: "string", maxDbs: MAX_TABLES },
        overlappingSync: false,
      });
      // It holds session keys.
      chmodSync(path, 0o600);
      const { journal, entries } = Journal.open(join(directory, "store.journal"));
      const store = new LmdbStore(database, journal, unlock);
      for (const entry of entries) {
        if (entry.sequence <= store.sequence) continue;
        store.overlay.set(entry);
        store.sequence = entry.sequence;
      }
      store.commit();
      return store;
    } catch (error) {
      unlock();
      throw error;
    }
  }

  table<T>(name: string): Table<T> {
    return new JsonTable<T>(this.values, name);
  }

  transaction<T>(change: () => T): T {
    if (this.undo) return change();
    const undo: (() => void)[] = [];
    this.undo = undo;
    try {
      const result = change();
      this.commit();
      return result;
    } catch (error) {
      for (const takeBack of undo.reverse()) takeBack();
      throw error;
    } finally {
      this.undo = undefined;
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.commit();
    this.closed = true;
    this.journal.close();
    await this.database.close();
    this.unlock();
  }

  private read(table: string, key: string): string | undefined {
    if (this.overlay.has(table, key)) return this.overlay.get(table, key);
    return this.stored(table).get(key);
  }

  private list(table: string): [string, string][] {
    const stored = this.stored(table).getRange();
    return this.overlay.apply(
      table,
      stored.map(({ key, value }): [string, string] => [key, value]),
    );
  }

  private stored(table: string): Database<string, string> {
    let database = this.tables.get(table);
    if (!database) {
      database = this.database.openDB<string, string>({ name: table, encoding: "string" });
      this.tables.set(table, database);
    }
    return database;
  }

  private write(change: Change, durable: boolean): void {
    if (this.closed) throw new Error("the store is closed");
    if (Buffer.byteLength(change.key) > MAX_KEY_LENGTH) throw new Error("key too long");
    if (durable || this.undo) {
      this.transaction(() => this.undo?.push(this.overlay.set(change)));
      return;
    }
    this.journal.append({ ...change, sequence: this.sequence + 1 });
    this.sequence++;
    this.overlay.set(change);
    if (this.journal.size > MAX_JOURNAL_LENGTH || this.overlay.size > MAX_PENDING) this.commit();
  }

  /** Bring everything that is pending into the database, flushed. */
  private commit(): void {
    if (this.overlay.size === 0) return this.journal.clear();
    const changes = [...this.overlay.changes()];
    // A table cannot be opened inside of a transaction.
    for (const { table } of changes) this.stored(table);
    this.database.transactionSync(() => {
      for (const { table, key, json } of changes) {
        if (json === undefined) void this.stored(table).remove(key);
        else void this.stored(table).put(key, json);
      }
      void this.database.put(SEQUENCE_KEY, String(this.sequence));
    });
    this.overlay.clear();
    this.journal.clear();
  }
}
