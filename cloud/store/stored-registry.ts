// The registry of devices in a table of the store: each change is on the disk before it counts.

import { Registry } from "../registry";
import type { RegisteredDevice } from "../registry";
import type { Store, Table } from "./store";

/** A registered device as JSON; bytes are `{ base64 }`. */
type StoredDevice = Record<string, unknown>;
type Registration = Parameters<Registry["register"]>[0];

export class StoredRegistry extends Registry {
  private readonly table: Table<StoredDevice>;
  /** Inside of a change that stores its outcome itself. */
  private changing = true;

  constructor(store: Store) {
    super();
    this.table = store.table("devices");
    for (const [, stored] of this.table.entries()) super.register(decode(stored));
    this.changing = false;
  }

  /** @throws Error as the registry in memory does, or when it cannot be stored; nothing has changed then */
  override register(device: Registration): RegisteredDevice {
    const before = this.find(device.id);
    this.changing = true;
    try {
      const registered = super.register(device);
      this.storeOrRestore(registered, before);
      return registered;
    } finally {
      this.changing = false;
    }
  }

  override unregister(id: string): void {
    const device = this.find(id);
    if (!this.changing && device) this.table.remove(device.id);
    super.unregister(id);
  }

  /** Another process may have changed a device. @param id undefined: any */
  refresh(id?: string): void {
    const stored = new Map(this.table.entries());
    const ids =
      id === undefined ? [...this.devices.map((device) => device.id), ...stored.keys()] : [id];
    this.changing = true;
    try {
      for (const each of new Set(ids)) {
        const device = stored.get(each);
        if (device) super.register(decode(device));
        else super.unregister(each);
      }
    } finally {
      this.changing = false;
    }
  }

  private storeOrRestore(registered: RegisteredDevice, before?: RegisteredDevice): void {
    try {
      this.table.put(registered.id, encode(registered));
    } catch (error) {
      if (before) super.register(before);
      else super.unregister(registered.id);
      throw error;
    }
  }
}

function encode(device: RegisteredDevice): StoredDevice {
  const bytes = (value: unknown): unknown =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value;
  return Object.fromEntries(Object.entries(device).map(([name, value]) => [name, bytes(value)]));
}

function decode(stored: StoredDevice): Registration {
  const bytes = (value: unknown): unknown =>
    typeof value === "object" && value !== null && "base64" in value
      ? Buffer.from(String(value.base64), "base64")
      : value;
  const fields = Object.entries(stored).map(([name, value]) => [name, bytes(value)]);
  return Object.fromEntries(fields) as Registration;
}
