// A file of changes, one a line, that are not in the database yet: CRC-32 in 8 hex digits, a space, JSON of
// [sequence, table, key, value]. Lines are appended without a flush to the disk, so they survive the end of the process
// at any moment; after a power cut the last ones may be missing or torn, and reading ends at the first that is.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { Change } from "./store";

export interface JournalEntry extends Change {
  /** Counts up over the life of the store. */
  sequence: number;
}

export class Journal {
  private length = 0;
  private readonly file: number;

  private constructor(path: string) {
    this.file = openSync(path, "a", 0o600);
  }

  /** Open a journal and read what a former process left in it. */
  static open(path: string): { journal: Journal; entries: JournalEntry[] } {
    const journal = new Journal(path);
    const text = readFileSync(path, "utf8");
    journal.length = Buffer.byteLength(text);
    return { journal, entries: parse(text) };
  }

  /** Bytes in the file. */
  get size(): number {
    return this.length;
  }

  /** @throws Error when the file system refuses; the file is then as it was */
  append({ sequence, table, key, json }: JournalEntry): void {
    const body = `[${sequence},${JSON.stringify(table)},${JSON.stringify(key)},${json ?? "null"}]`;
    const line = Buffer.from(`${checksum(body)} ${body}\n`);
    try {
      let written = 0;
      while (written < line.length) written += writeSync(this.file, line, written);
      this.length += line.length;
    } catch (error) {
      // Half a line would hide all that follow it.
      ftruncateSync(this.file, this.length);
      throw error;
    }
  }

  /** Everything in it is in the database now. */
  clear(): void {
    if (this.length === 0) return;
    ftruncateSync(this.file, 0);
    this.length = 0;
  }

  close(): void {
    closeSync(this.file);
  }
}

function parse(text: string): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const line of text.split("\n")) {
    const body = line.slice(9);
    if (body === "" || line.slice(0, 8) !== checksum(body)) break;
    const [sequence, table, key, value] = JSON.parse(body) as [number, string, string, unknown];
    const json = value === null ? undefined : JSON.stringify(value);
    entries.push({ sequence, table, key, json });
  }
  return entries;
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, "0");
}
