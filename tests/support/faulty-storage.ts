// Storage that fails as flash does: a write that the power cut tears at any byte, a write that is
// refused, a write that happens and is reported as failed.

import { MemoryStorage } from "../../bindings/node";

/** What a torn write leaves behind the bytes that made it. */
export type Tear = "old" | "erased" | "short";

export class FaultyStorage extends MemoryStorage {
  /** The power has failed; nothing happens any more until `restorePower`. */
  isCut = false;
  /** Decides about each write before it happens; undefined lets it pass. */
  onWrite: (
    slot: number,
    bytes: Uint8Array,
  ) => { tear: Tear; at: number } | "refuse" | "lie" | undefined = () => undefined;
  /** Writes that were tried. */
  tried = 0;

  override write(slot: number, bytes: Uint8Array): void {
    if (this.isCut) throw new Error("no power");
    this.tried += 1;
    const fault = this.onWrite(slot, bytes);
    if (fault === "refuse") throw new Error("refused");
    if (fault === undefined || fault === "lie") super.write(slot, bytes);
    if (fault === "lie") throw new Error("written, but not acknowledged");
    if (typeof fault === "object") {
      this.isCut = true;
      this.tear(slot, bytes, fault.tear, fault.at);
      throw new Error("power cut");
    }
  }

  private tear(slot: number, bytes: Uint8Array, tear: Tear, at: number): void {
    const written = bytes.slice(0, at);
    if (tear === "short") {
      this.slots.set(slot, written);
      return;
    }
    const rest = tear === "old" ? this.slots.get(slot) : undefined;
    const result = new Uint8Array(bytes.length).fill(0xff);
    if (rest) result.set(rest);
    result.set(written);
    this.slots.set(slot, result);
  }

  restorePower(): void {
    this.isCut = false;
    this.onWrite = () => undefined;
  }
}
