// The session in a device's storage, read from outside: which blob a restart takes up, and what a
// write is for. The layout is that of assembly/dtls/session.ts.

import { crc32 } from "node:zlib";

import { StorageSlot } from "../../bindings/node";
import type { MemoryStorage } from "../../bindings/node";

const MAGIC = 0x00024257;
/** Bytes of the blob; the last four are the CRC-32. */
export const BLOB_SIZE = 232;

export interface Blob {
  generation: number;
  nextRecord: bigint;
  keys: Buffer;
  connectionId: string;
  /** What the layers above keep. */
  state: Buffer;
}

/** What a write of the core is for. */
export const WRITE_KINDS = ["first", "settle", "boot", "running", "forget"] as const;
export type WriteKind = (typeof WRITE_KINDS)[number];

/** @returns undefined unless it is an intact blob */
export function decodeBlob(bytes: Uint8Array | undefined): Blob | undefined {
  if (bytes?.length !== BLOB_SIZE) return undefined;
  const blob = Buffer.from(bytes);
  if (blob.readUInt32LE(0) !== MAGIC) return undefined;
  if (blob.readUInt32LE(BLOB_SIZE - 4) !== crc32(blob.subarray(0, BLOB_SIZE - 4))) return undefined;
  return {
    generation: blob.readUInt32LE(4),
    nextRecord: blob.readBigUInt64LE(8),
    keys: blob.subarray(88, 128),
    connectionId: blob.subarray(128, 136).toString("hex"),
    state: blob.subarray(156, 180),
  };
}

/** The session that a restart takes up; undefined when there is none. */
export function storedBlob(storage: MemoryStorage): Blob | undefined {
  const blobs = [StorageSlot.SessionA, StorageSlot.SessionB]
    .map((slot) => decodeBlob(storage.slots.get(slot)))
    .filter((blob): blob is Blob => blob !== undefined)
    .sort((a, b) => b.generation - a.generation);
  return blobs[0]?.nextRecord ? blobs[0] : undefined;
}

/** Tells the kinds of a device's writes apart. */
export class WriteObserver {
  private last: Blob | undefined;
  private isFirstOfBoot = true;

  /** The device starts, with what storage has now. */
  boot(storage: MemoryStorage): void {
    this.last = storedBlob(storage);
    this.isFirstOfBoot = true;
  }

  observe(bytes: Uint8Array): WriteKind {
    const blob = decodeBlob(bytes);
    if (!blob) throw new Error("the core writes a blob that is not intact");
    const kind = this.kindOf(blob);
    this.last = blob.nextRecord ? blob : undefined;
    this.isFirstOfBoot = false;
    return kind;
  }

  private kindOf({ nextRecord, keys, state }: Blob): WriteKind {
    if (!nextRecord) return "forget";
    if (!this.last?.keys.equals(keys)) return "first";
    if (this.isFirstOfBoot) return "boot";
    return this.last.state.equals(state) ? "running" : "settle";
  }
}
