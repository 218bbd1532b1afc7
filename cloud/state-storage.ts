// Where the cloud keeps what must survive its restart: one JSON document a device.

import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "./atomic-file";

export interface StateStorage {
  /** All stored documents, by device id. */
  load(): Map<string, string>;
  /**
   * Replace the document of a device as a whole.
   * @param durable it must survive a power cut before this returns
   * @throws Error when it cannot be stored
   */
  save(deviceId: string, document: string, durable: boolean): void;
  remove(deviceId: string): void;
}

/** Keeps documents in memory: for tests, and for a cloud that may forget its devices. */
export class MemoryStorage implements StateStorage {
  readonly documents = new Map<string, string>();

  load(): Map<string, string> {
    return new Map(this.documents);
  }

  save(deviceId: string, document: string, _durable: boolean): void {
    this.documents.set(deviceId, document);
  }

  remove(deviceId: string): void {
    this.documents.delete(deviceId);
  }
}

/** Keeps one file `<device id>.json` a device in a directory. The files hold session keys and are private. */
export class FileStorage implements StateStorage {
  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  load(): Map<string, string> {
    const documents = new Map<string, string>();
    for (const name of readdirSync(this.directory)) {
      const id = /^([0-9a-f]{24})\.json$/.exec(name)?.[1];
      if (id) documents.set(id, readFileSync(join(this.directory, name), "utf8"));
    }
    return documents;
  }

  save(deviceId: string, document: string, durable: boolean): void {
    writeFileAtomically(this.path(deviceId), document, durable);
  }

  remove(deviceId: string): void {
    rmSync(this.path(deviceId), { force: true });
  }

  private path(deviceId: string): string {
    return join(this.directory, `${deviceId}.json`);
  }
}
