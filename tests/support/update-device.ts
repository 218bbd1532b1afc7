// A device that takes updates with no connection: the store of the core (tests/protocol/
// update-store.as.ts) is given files as the receiver would give them.

import { createHash } from "node:crypto";

import { Core, Status, StorageSlot } from "../../bindings/node";
import type { CoreEvent, EventKind } from "../../bindings/node";
import { exportSec1, generateKeyPair } from "../../cloud/keys";
import { encodePinnedKeys } from "../../tools/application/sign";
import { compileAssembly } from "./compile";
import { FaultyImages } from "./faulty-images";
import { FaultyStorage } from "./faulty-storage";
import { TEST_UPDATE_KEY } from "./update-key";
import { DEVICE_ID } from "./world";

/** The core with its store, for compilers. */
export const STORE_TARGET = {
  entry: "tests/protocol/update-store.as.ts",
  options: [
    ...["--lowMemoryLimit", "32768", "--initialMemory", "1", "--maximumMemory", "1"],
    ...["--use", "abort=", "--use", "WBOSON_QUEUE=1", "--use", "WBOSON_OTA=1"],
  ],
};
/** A data operation of the test: above all that is static. */
const ROOM = 40_000;
/** Enough for every loop of steps; more is a core that spins. */
const MOST_STEPS = 10_000;

let compiled: WebAssembly.Module | undefined;

/** The core with its store, compiled once a process. */
export function storeModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(
    Uint8Array.from(compileAssembly(STORE_TARGET.entry, STORE_TARGET.options).bytes),
  );
  return compiled;
}

type Call = (...parameters: number[]) => number;

const serverKey = generateKeyPair();
const deviceKey = generateKeyPair();

export interface SendOptions {
  /** Bytes of a chunk. */
  chunk?: number;
  /** Module type that is announced. */
  image?: number;
  discard?: boolean;
  announceHash?: boolean;
  /** Announced instead of the right one. */
  hash?: Uint8Array;
  /** Announced instead of the right one. */
  size?: number;
  /** Order of the chunks: indices of those that are to be sent. */
  order?: (chunks: number) => number[];
}

export interface DeviceOptions {
  storage?: FaultyStorage;
  images?: FaultyImages;
  platformId?: number;
  productVersion?: number;
  module?: WebAssembly.Module;
}

export class UpdateDevice {
  readonly storage: FaultyStorage;
  readonly images: FaultyImages;
  readonly events: CoreEvent[] = [];
  core!: Core;
  now = 1000;
  /** What `update_open` answered. */
  opened = 0;

  constructor(readonly options: DeviceOptions = {}) {
    this.storage = options.storage ?? new FaultyStorage();
    this.images = options.images ?? new FaultyImages();
    const { slots } = this.storage;
    slots.set(StorageSlot.DevicePrivateKey, exportSec1(deviceKey));
    slots.set(StorageSlot.ServerPublicKey, serverKey.spki);
    if (!slots.has(StorageSlot.UpdateKeys)) {
      slots.set(StorageSlot.UpdateKeys, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
    }
    this.boot();
  }

  /** Power up; storage and areas survive. */
  boot(): void {
    this.storage.restorePower();
    this.images.restorePower();
    this.core = new Core({
      module: this.options.module ?? storeModule(),
      storage: this.storage,
      images: this.images,
      deviceId: DEVICE_ID,
      random: (buffer) => buffer.fill(1),
      platformId: this.options.platformId,
      productVersion: this.options.productVersion,
    });
    this.opened = this.core.exports.update_open!(this.now);
  }

  get isCut(): boolean {
    return this.storage.isCut || this.images.isCut;
  }

  /** A function of the core. */
  call(name: string, ...parameters: number[]): number {
    return (this.core.exports as unknown as Record<string, Call>)[name](...parameters);
  }

  /** Put bytes where the core can read them. */
  put(bytes: Uint8Array, at = ROOM): number {
    new Uint8Array(this.core.exports.memory.buffer).set(bytes, at);
    return at;
  }

  /** Call a function until it does not answer 1; not after the power has failed. */
  steps(name: string, ...parameters: number[]): number {
    for (let i = 0; i < MOST_STEPS; i++) {
      const status = this.call(name, ...parameters);
      if (status !== 1 || this.isCut) return status;
    }
    throw new Error(`${name} does not end`);
  }

  drain(): void {
    let event: CoreEvent | undefined;
    while ((event = this.core.pollEvent(this.now))) this.events.push(event);
  }

  /** Events of a kind, so far. */
  eventsOf<K extends EventKind>(kind: K): Extract<CoreEvent, { kind: K }>[] {
    return this.events.filter((event) => event.kind === kind) as Extract<CoreEvent, { kind: K }>[];
  }

  /** Begin as a receiver does. @returns Status */
  begin(file: Uint8Array, options: SendOptions = {}): number {
    const { image = 5, discard = false, announceHash = true, size = file.length } = options;
    const hash = options.hash ?? createHash("sha256").update(file).digest();
    const at = announceHash ? this.put(hash) : 0;
    const status = this.call("storeBegin", image, size, at, discard ? 1 : 0);
    return status < 0 ? status : this.steps("storePrepare");
  }

  /** Give the file's chunks, from what is held on. @returns Status */
  transfer(file: Uint8Array, options: SendOptions = {}): number {
    const { chunk = 1136 } = options;
    const from = this.call("storeHeld");
    const count = Math.ceil((file.length - from) / chunk);
    const order = options.order?.(count) ?? Array.from({ length: count }, (_, i) => i);
    const has = new Set<number>();
    let prefix = 0;
    for (const index of order) {
      const offset = from + index * chunk;
      const bytes = file.subarray(offset, Math.min(offset + chunk, file.length));
      const status = this.call("storeWrite", offset, this.put(bytes), bytes.length);
      if (status < 0 || this.isCut) return status;
      has.add(index);
      while (has.has(prefix)) prefix += 1;
      const end = Math.min(from + prefix * chunk, file.length);
      const advanced = this.steps("storeAdvance", end, this.now);
      if (advanced < 0 || this.isCut) return advanced;
      this.drain();
    }
    return this.steps("storeAdvance", Math.min(from + prefix * chunk, file.length), this.now);
  }

  /** The whole of an update, without applying it. @returns Status, the first that is not Ok */
  send(file: Uint8Array, options: SendOptions = {}): number {
    const steps = [
      () => this.begin(file, options),
      () => this.transfer(file, options),
      () => this.steps("storeFinish"),
    ];
    let status: number = Status.Ok;
    for (const step of steps) {
      status = step();
      this.drain();
      if (status < 0 || this.isCut) return status;
    }
    return status;
  }

  /** The whole of an update. @returns Status */
  update(file: Uint8Array, options: SendOptions = {}): number {
    const status = this.send(file, options);
    if (status < 0 || this.isCut) return status;
    const applied = this.call("storeApply", this.now);
    this.drain();
    return applied;
  }

  /** Version of the application that shall run, verified whole; undefined for none. */
  get running(): number | undefined {
    for (let tries = 0; tries < 3; tries++) {
      if (this.call("application_image") < 0) return undefined;
      const status = this.steps("application_verify");
      if (status === Status.Ok) return this.call("application_version");
    }
    throw new Error("application_verify does not settle");
  }

  /** The file in an area. */
  fileIn(area: number, length: number): Buffer {
    return Buffer.from(this.images.areas.get(area)!.subarray(0, length));
  }
}
