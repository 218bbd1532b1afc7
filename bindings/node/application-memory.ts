// The memory of an application module, as the bridge sees it: every pointer and length that the
// application gives is checked against it, as unsigned numbers of 32 bits.

import { Status } from "./abi";
import type { Fuel } from "./application-fuel";

export class ApplicationMemory {
  /** @param memory of the application; never of the core */
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly fuel: Fuel,
  ) {}

  /** Bytes of the memory as it is now. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** Whether a range lies within the memory; an empty one may begin at its end. */
  holds(pointer: number, length: number): boolean {
    return (pointer >>> 0) + (length >>> 0) <= this.size;
  }

  /**
   * Bytes of the application, until it runs again.
   * @throws ApplicationStop (ApplicationTrap) when they are not all within its memory
   */
  view(pointer: number, length: number): Uint8Array {
    if (!this.holds(pointer, length)) {
      const range = `${length >>> 0} bytes at ${pointer >>> 0}`;
      this.fuel.stop(Status.ApplicationTrap, `gave ${range}, outside of its ${this.size}`);
    }
    return new Uint8Array(this.memory.buffer, pointer >>> 0, length >>> 0);
  }
}
