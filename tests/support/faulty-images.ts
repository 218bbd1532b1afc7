// Image areas that fail as flash does: a write or an erasure that a power cut ends at any byte; and
// that notice a core that writes where nothing was erased.

import type { ImageArea } from "../../bindings/node";
import { MemoryImages } from "../../bindings/node";

export class FaultyImages extends MemoryImages {
  /** The power has failed; nothing happens any more until `restorePower`. */
  isCut = false;
  /** Decides about each write and erasure before it happens: how many bytes of it still make it. */
  onChange: (
    kind: "write" | "erase",
    area: ImageArea,
    offset: number,
    length: number,
  ) => number | undefined = () => undefined;
  /** Writes and erasures that were tried. */
  tried = 0;
  /** Writes to bytes that were not erased. */
  readonly unerased: string[] = [];

  override erase(area: ImageArea, offset: number, length: number): void {
    const at = this.before("erase", area, offset, length);
    super.erase(area, offset, at ?? length);
    if (at === undefined) return;
    // Flash that is erased half reads as anything.
    const part = this.areas.get(area)!.subarray(offset + at, offset + length);
    part.forEach((byte, i) => (part[i] = byte ^ (i % 3 === 0 ? 0x55 : 0)));
    throw new Error("power cut");
  }

  override write(area: ImageArea, offset: number, bytes: Uint8Array): void {
    const at = this.before("write", area, offset, bytes.length);
    const place = this.areas.get(area)!.subarray(offset, offset + bytes.length);
    if (!place.every((byte) => byte === 0xff)) this.unerased.push(`${area}:${offset}`);
    super.write(area, offset, bytes.subarray(0, at ?? bytes.length));
    if (at !== undefined) throw new Error("power cut");
  }

  override read(area: ImageArea, offset: number, length: number): Uint8Array {
    if (this.isCut) throw new Error("no power");
    return super.read(area, offset, length);
  }

  private before(
    kind: "write" | "erase",
    area: ImageArea,
    offset: number,
    length: number,
  ): number | undefined {
    if (this.isCut) throw new Error("no power");
    this.tried += 1;
    const at = this.onChange(kind, area, offset, length);
    if (at !== undefined) this.isCut = true;
    return at;
  }

  restorePower(): void {
    this.isCut = false;
    this.onChange = () => undefined;
  }
}
