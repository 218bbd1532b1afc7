// Storage slots for keys and session: in memory for tests and simulations, in files for a device
// process that survives its restarts.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { StorageSlot } from "./abi";

/** What the core asks of storage. A slot never written reads as undefined. */
export interface Storage {
  read(slot: number): Uint8Array | undefined;
  /** Replace a slot; no bytes erase it. Throws when storage fails. */
  write(slot: number, bytes: Uint8Array): void;
}

/** Slots in memory; gone with the process. `writes` counts per slot. */
export class MemoryStorage implements Storage {
  readonly slots = new Map<number, Uint8Array>();
  readonly writes = new Map<number, number>();

  read(slot: number): Uint8Array | undefined {
    return this.slots.get(slot);
  }

  write(slot: number, bytes: Uint8Array): void {
    this.writes.set(slot, (this.writes.get(slot) ?? 0) + 1);
    if (bytes.length === 0) this.slots.delete(slot);
    else this.slots.set(slot, Uint8Array.from(bytes));
  }
}

/** File name of each slot in a device's folder. */
const FILES: Record<number, string> = {
  [StorageSlot.DevicePrivateKey]: "device-key.der",
  [StorageSlot.ServerPublicKey]: "server-public-key.der",
  [StorageSlot.SessionA]: "session-a.bin",
  [StorageSlot.SessionB]: "session-b.bin",
  [StorageSlot.PreSharedKey]: "psk.bin",
  [StorageSlot.Certificate]: "certificate.der",
  [StorageSlot.ServerMoveKey]: "server-move-key.der",
  [StorageSlot.UpdateKeys]: "update-keys.bin",
  [StorageSlot.JournalA]: "journal-a.bin",
  [StorageSlot.JournalB]: "journal-b.bin",
};

/** Content of the pre-shared key's slot. @throws RangeError unless both are 1...64 bytes */
export function encodePsk(identity: string, key: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(identity);
  for (const part of [name, key]) {
    if (part.length < 1 || part.length > 64)
      throw new RangeError("identity and key: 1 to 64 bytes");
  }
  return Uint8Array.from([name.length, ...name, ...key]);
}

/** Slots as files of one folder, replaced atomically, readable by their owner only. */
export class FileStorage implements Storage {
  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  private file(slot: number): string {
    return path.join(this.folder, FILES[slot] ?? `slot-${slot}.bin`);
  }

  read(slot: number): Uint8Array | undefined {
    try {
      return readFileSync(this.file(slot));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  write(slot: number, bytes: Uint8Array): void {
    const file = this.file(slot);
    if (bytes.length === 0) {
      rmSync(file, { force: true });
      return;
    }
    writeFileSync(`${file}.new`, bytes, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}
