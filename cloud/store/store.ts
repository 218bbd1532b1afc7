// Where the cloud keeps what must survive it: JSON values by name, in tables. Everything above the engine asks for this
// interface only; `lmdb-store.ts` is the one on disk, `memory-store.ts` the one of tests.

export interface Store {
  /** A table by its name; it is made by its first value. */
  table<T>(name: string): Table<T>;
  /**
   * Make several changes as one: after a crash all of them are there, or none. On the disk when it returns.
   * @param change synchronous; a transaction inside of it belongs to it
   * @throws what `change` throws, or Error when the disk fails; nothing has changed then
   */
  transaction<T>(change: () => T): T;
  /** Write everything down and let go. */
  close(): Promise<void>;
}

export interface Table<T> {
  get(key: string): T | undefined;
  /** Everything, in the order of the keys. */
  entries(): [string, T][];
  /**
   * @param key up to 256 bytes
   * @param durable it must survive a power cut before this returns. Otherwise it survives the end of the process, and a
   *   power cut may bring back an older value of it, never a part of it.
   * @throws Error when it cannot be stored
   */
  put(key: string, value: T, durable?: boolean): void;
  /** Forget a value; one that is not there is no error. */
  remove(key: string, durable?: boolean): void;
}

/** A change to one value, as stores pass it around. `json` is undefined when the value goes. */
export interface Change {
  table: string;
  key: string;
  json: string | undefined;
}

/** What a store must be able to do with single values to offer tables. */
export interface Values {
  read(table: string, key: string): string | undefined;
  list(table: string): [string, string][];
  write(change: Change, durable: boolean): void;
}

/** A table over single values. */
export class JsonTable<T> implements Table<T> {
  constructor(
    private readonly values: Values,
    private readonly name: string,
  ) {}

  get(key: string): T | undefined {
    const json = this.values.read(this.name, key);
    return json === undefined ? undefined : (JSON.parse(json) as T);
  }

  entries(): [string, T][] {
    return this.values.list(this.name).map(([key, json]) => [key, JSON.parse(json) as T]);
  }

  put(key: string, value: T, durable = true): void {
    this.values.write({ table: this.name, key, json: JSON.stringify(value) }, durable);
  }

  remove(key: string, durable = true): void {
    this.values.write({ table: this.name, key, json: undefined }, durable);
  }
}
