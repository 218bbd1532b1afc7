// The insides of the core as one module (tests/protocol/exports.as.ts), with room for what tests put.

import { CORE_LAYOUT, compileAssembly } from "./compile";

type Call = (...parameters: (number | bigint)[]) => number;

/** The module of exports.as.ts; data is put above all that is static. */
export class Internals {
  readonly call: Record<string, Call>;
  private readonly memory: Uint8Array;
  private next = 32768;

  constructor() {
    const { bytes } = compileAssembly("tests/protocol/exports.as.ts", CORE_LAYOUT);
    const none = (): number => 0;
    const hal = { random_fill: none, storage_read: none, storage_write: none, log: none };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)), {
      hal,
    });
    this.call = exports as unknown as Record<string, Call>;
    this.memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  }

  put(bytes: Uint8Array, room = bytes.length): number {
    const at = this.next;
    this.next += room;
    if (this.next > this.memory.length) throw new Error("no room");
    this.memory.set(bytes, at);
    return at;
  }

  get(at: number, length: number): Buffer {
    return Buffer.from(this.memory.slice(at, at + length));
  }

  set(at: number, bytes: Uint8Array): void {
    this.memory.set(bytes, at);
  }

  /** Forget what was put. */
  reset(): void {
    this.next = 32768;
  }
}
