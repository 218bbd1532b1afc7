// assembly/crypto, compiled with the options of the device core and loaded in this process.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { randomFillSync } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(__dirname, "../..");
const ASC = path.join(root, "node_modules/assemblyscript/bin/asc.js");
const WASM_OPT = path.join(root, "node_modules/binaryen/bin/wasm-opt");

/** What the AssemblyScript compiler takes for granted. */
const FEATURES = ["bulk-memory", "sign-ext", "nontrapping-float-to-int", "mutable-globals"].map(
  (feature) => `--enable-${feature}`,
);

/** The functions of the module; pointers and lengths are numbers. */
export type Call = (...parameters: number[]) => number;

/** Numbers of assembly/status.ts that crypto returns. */
export const Status = {
  Ok: 0,
  RandomFailure: -20,
  InvalidPublicKey: -21,
  InvalidPrivateKey: -22,
  InvalidSignature: -23,
  BadTag: -24,
  MalformedDer: -25,
  BadPadding: -26,
} as const;

/** Random cases of each kind; WBOSON_CASES multiplies them. */
export function cases(count: number): number {
  return Math.ceil(count * Number(process.env.WBOSON_CASES ?? 1));
}

/** What a module has: the layer as the UDP build uses it, or also what the TCP channel needs. */
export type Extent = "udp" | "tcp";

const BUILDS: Record<Extent, { entry: string; define: string[] }> = {
  udp: { entry: "tests/unit/assembly/crypto/exports.ts", define: [] },
  tcp: { entry: "tests/unit/assembly/crypto/exports-tcp.ts", define: ["--use", "WBOSON_TCP=1"] },
};

/** Compile the module. @param options further ones of the compiler @param passes of the optimiser */
export function buildCrypto(
  extent: Extent,
  options: string[] = [],
  passes: string[] = [],
): Buffer<ArrayBuffer> {
  const folder = mkdtempSync(path.join(tmpdir(), "wboson-crypto-"));
  const file = path.join(folder, "crypto.wasm");
  try {
    const { entry, define } = BUILDS[extent];
    const where = { cwd: root, stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
    const command = [ASC, entry, "-o", file, "--lowMemoryLimit", "16384", ...define, ...options];
    execFileSync(process.execPath, command, where);
    if (passes.length > 0) {
      execFileSync(process.execPath, [WASM_OPT, file, ...passes, ...FEATURES, "-o", file], where);
    }
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compile the module. `traced` reports functions, loops and every access to memory and locals to `env`. */
export function compileCrypto(traced: boolean, extent: Extent = "udp"): WebAssembly.Module {
  const passes = ["--log-execution", "--instrument-memory", "--instrument-locals"];
  return new WebAssembly.Module(buildCrypto(extent, [], traced ? passes : []));
}

/** First address that the tests use: above all static data. */
export const FIRST = 16384;

/** An instance with its memory. Data is put one piece after the other from `reset()` on. */
export class Crypto {
  readonly call: Record<string, Call>;
  /** What the host answers to a request for random bytes; the default fills and returns all. */
  random = (bytes: Uint8Array): number => {
    randomFillSync(bytes);
    return bytes.length;
  };
  private readonly memory: Uint8Array;
  private next = FIRST;

  constructor(module = compileCrypto(false), env: Record<string, Call> = {}) {
    // The instrumentation imports from the first namespace that it finds.
    const hal = {
      ...env,
      random_fill: (at: number, length: number) =>
        this.random(this.memory.subarray(at, at + length)),
    };
    const { exports } = new WebAssembly.Instance(module, { hal, env });
    this.call = exports as unknown as Record<string, Call>;
    this.memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
    this.reset();
  }

  reset(): void {
    this.memory.fill(0xa5, FIRST);
    this.next = FIRST;
  }

  /** Room for `length` bytes. */
  room(length: number): number {
    const at = this.next;
    this.next += length;
    if (this.next > this.memory.length) throw new Error("no room: call reset()");
    return at;
  }

  /** The address of a copy of `bytes`. */
  put(bytes: Uint8Array): number {
    const at = this.room(bytes.length);
    this.memory.set(bytes, at);
    return at;
  }

  /** A copy of `length` bytes. */
  get(at: number, length: number): Buffer {
    return Buffer.from(this.memory.slice(at, at + length));
  }

  /** A copy of all memory below the data of the tests. */
  statics(): Buffer {
    return this.get(0, FIRST);
  }
}
