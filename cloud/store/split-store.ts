// One store out of two: some tables are those of a fleet, all others a process has for itself.

import type { Store, Table } from "./store";

export class SplitStore implements Store {
  constructor(
    private readonly shared: Store,
    private readonly own: Store,
    private readonly isShared: (table: string) => boolean,
  ) {}

  table<T>(name: string): Table<T> {
    return (this.isShared(name) ? this.shared : this.own).table<T>(name);
  }

  /** As one are the changes of shared tables; each of a table of this process stands for itself. */
  transaction<T>(change: () => T): T {
    return this.shared.transaction(change);
  }

  async close(): Promise<void> {
    await this.own.close();
    await this.shared.close();
  }
}
