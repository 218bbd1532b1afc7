// Image areas as files of one folder, for a device process that survives its restarts. Native firmware
// that is complete is staged there as a file of its own: firmware.bin, exactly the binary.

import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from "node:fs";
import path from "node:path";

import { ImageArea } from "./abi";
import type { Images } from "./images";

const FILES: Record<ImageArea, string> = {
  [ImageArea.ApplicationA]: "application-a.wasm",
  [ImageArea.ApplicationB]: "application-b.wasm",
  [ImageArea.Firmware]: "firmware.image",
};
/** The native binary, without its manifest, for whatever installs it. */
const STAGED = "firmware.bin";
/** What an erased byte reads as, as in flash. */
const ERASED = 0xff;
/** Where the length of the body stands in a manifest (docs/updates.md), from its start. */
const MANIFEST_BODY_LENGTH = 16;
/** Of the wasm header and the id of the section, before the length of the section. */
const SECTION_LENGTH = 9;
/** Name of the section and its length. */
const SECTION_NAME = 7;

export class FileImages implements Images {
  private readonly capacities: Record<ImageArea, number>;

  /** @param application bytes of each of the two application areas @param firmware of the third */
  constructor(
    readonly folder: string,
    { application = 262_144, firmware = 0 }: { application?: number; firmware?: number } = {},
  ) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.capacities = {
      [ImageArea.ApplicationA]: application,
      [ImageArea.ApplicationB]: application,
      [ImageArea.Firmware]: firmware,
    };
  }

  capacity(area: ImageArea): number {
    return this.capacities[area] ?? 0;
  }

  erase(area: ImageArea, offset: number, length: number): void {
    this.write(area, offset, new Uint8Array(length).fill(ERASED));
  }

  write(area: ImageArea, offset: number, bytes: Uint8Array): void {
    this.requireInside(area, offset, bytes.length);
    this.open(area, (file) => writeWhole(file, bytes, offset));
  }

  /** What was never written reads as erased. */
  read(area: ImageArea, offset: number, length: number): Uint8Array {
    this.requireInside(area, offset, length);
    const bytes = new Uint8Array(length).fill(ERASED);
    this.open(area, (file) => {
      let done = 0;
      let count: number;
      do {
        count = readSync(file, bytes, done, length - done, offset + done);
        done += count;
      } while (count > 0 && done < length);
    });
    return bytes;
  }

  /** Durable when this returns; firmware is then staged. */
  complete(area: ImageArea, offset: number): void {
    this.open(area, (file) => fsyncSync(file));
    if (area === ImageArea.Firmware) this.stage(offset);
    const folder = openSync(this.folder, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  private stage(offset: number): void {
    const head = Buffer.from(this.read(ImageArea.Firmware, 0, offset));
    let at = SECTION_LENGTH;
    while (head[at++] >= 0x80);
    const length = head.readUInt32LE(at + SECTION_NAME + MANIFEST_BODY_LENGTH);
    const body = this.read(ImageArea.Firmware, offset, length);
    const staged = path.join(this.folder, STAGED);
    const file = openSync(`${staged}.new`, "w", 0o600);
    try {
      writeWhole(file, body, 0);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${staged}.new`, staged);
  }

  private requireInside(area: ImageArea, offset: number, length: number): void {
    if (offset + length > this.capacity(area)) throw new RangeError("outside of the image area");
  }

  private open(area: ImageArea, work: (file: number) => void): void {
    if (this.capacity(area) === 0) throw new RangeError("no such image area");
    const name = path.join(this.folder, FILES[area]);
    const file = openSync(name, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      work(file);
    } finally {
      closeSync(file);
    }
  }
}

/** @throws Error when storage takes less */
function writeWhole(file: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  }
}
