// Image areas of a Node device: where updates are kept. In memory for tests and simulations; files
// for a device process that survives its restarts.

import { ImageArea } from "./abi";

/** What the core asks of image areas. Each throws when it cannot. */
export interface Images {
  /** Bytes of an area; 0 when there is none. */
  capacity(area: ImageArea): number;
  /** Make bytes writable once. */
  erase(area: ImageArea, offset: number, length: number): void;
  write(area: ImageArea, offset: number, bytes: Uint8Array): void;
  read(area: ImageArea, offset: number, length: number): Uint8Array;
  /** An image is whole; its body begins at `offset`. */
  complete(area: ImageArea, offset: number): void;
}

/** What an erased byte reads as, as in flash. */
const ERASED = 0xff;

/** Areas in memory; gone with the process. */
export class MemoryImages implements Images {
  readonly areas = new Map<ImageArea, Uint8Array>();
  /** Native firmware that was handed over: where its body began. */
  firmware: number | undefined;

  /** @param application bytes of each of the two application areas @param firmware of the third */
  constructor(application = 65536, firmware = 0) {
    this.areas.set(ImageArea.ApplicationA, new Uint8Array(application).fill(ERASED));
    this.areas.set(ImageArea.ApplicationB, new Uint8Array(application).fill(ERASED));
    if (firmware > 0) this.areas.set(ImageArea.Firmware, new Uint8Array(firmware).fill(ERASED));
  }

  capacity(area: ImageArea): number {
    return this.areas.get(area)?.length ?? 0;
  }

  erase(area: ImageArea, offset: number, length: number): void {
    this.part(area, offset, length).fill(ERASED);
  }

  /** Clears bits only, as flash does: what was not erased reads wrong. */
  write(area: ImageArea, offset: number, bytes: Uint8Array): void {
    const part = this.part(area, offset, bytes.length);
    bytes.forEach((byte, i) => (part[i] &= byte));
  }

  read(area: ImageArea, offset: number, length: number): Uint8Array {
    return this.part(area, offset, length).slice();
  }

  complete(area: ImageArea, offset: number): void {
    if (area === ImageArea.Firmware) this.firmware = offset;
  }

  private part(area: ImageArea, offset: number, length: number): Uint8Array {
    const bytes = this.areas.get(area);
    if (!bytes || offset + length > bytes.length) throw new RangeError("outside of the image area");
    return bytes.subarray(offset, offset + length);
  }
}

/** The functions of assembly/hal.ts for image areas. */
export function imageImports(
  images: Images | undefined,
  memory: () => WebAssembly.Memory,
): Record<string, (...args: number[]) => number> {
  const attempt = (work: (images: Images) => number): number => {
    try {
      return images ? work(images) : -1;
    } catch {
      return -1;
    }
  };
  const bytes = (pointer: number, length: number) =>
    new Uint8Array(memory().buffer, pointer >>> 0, length);
  return {
    image_erase: (area, offset, length) =>
      attempt((images) => {
        if (length > 0) images.erase(area, offset >>> 0, length);
        return images.capacity(area) || -1;
      }),
    image_write: (area, offset, pointer, length) =>
      attempt((images) => {
        if (length === 0) images.complete(area, offset >>> 0);
        else images.write(area, offset >>> 0, bytes(pointer, length));
        return length;
      }),
    image_read: (area, offset, pointer, length) =>
      attempt((images) => {
        bytes(pointer, length).set(images.read(area, offset >>> 0, length));
        return length;
      }),
  };
}
