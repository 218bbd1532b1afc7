// A world whose device takes updates over the air: the core of build/boson-ota.wasm, image areas in
// memory, a pinned test key, and the application that is in them.

import path from "node:path";

import { MemoryImages, MemoryStorage, StorageSlot, loadModule } from "../../bindings/node";
import type { ApplicationChange, CoreEvent, UpdateInfo } from "../../bindings/node";
import { encodePinnedKeys, signApplication } from "../../tools/application/sign";
import { ApplicationWorld } from "./application-world";
import type { ApplicationWorldOptions } from "./application-world";
import { projectRoot } from "./fixture";
import { TEST_UPDATE_KEY } from "./update-key";
import { DEVICE_ID } from "./world";

export const OTA_FILE = path.join(projectRoot, "build/boson-ota.wasm");

let compiled: WebAssembly.Module | undefined;

/** The module that takes updates, compiled once a process. */
export function otaModule(): WebAssembly.Module {
  compiled ??= loadModule(OTA_FILE);
  return compiled;
}

/** Storage whose keys of updates are pinned to the test key. */
export function updatableStorage(): MemoryStorage {
  const storage = new MemoryStorage();
  storage.slots.set(StorageSlot.UpdateKeys, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
  return storage;
}

/** A module as an image, signed with the test key. */
export function imageOf(module: Uint8Array, version: number): Buffer {
  return signApplication(module, TEST_UPDATE_KEY, { version });
}

export class UpdatingWorld extends ApplicationWorld {
  readonly images: MemoryImages;
  /** What the core decided about the application, and when. */
  readonly changes: (ApplicationChange & { at: number })[] = [];
  /** When the host stopped an application, and why. */
  readonly stops: { at: number; text: string }[] = [];

  constructor(options: ApplicationWorldOptions & { images?: MemoryImages } = {}) {
    const images = options.images ?? new MemoryImages();
    const { device } = options;
    const stops: { at: number; text: string }[] = [];
    super({
      module: otaModule(),
      storage: updatableStorage(),
      ...options,
      device: {
        images,
        log: (_level, text) => {
          this.deviceLog.push(text);
          if (text.startsWith("application: ")) stops.push({ at: this.now, text });
        },
        ...device,
      },
    });
    this.images = images;
    this.stops = stops;
    const note = this.onEvent;
    this.onEvent = (event: CoreEvent) => {
      note(event);
      if ("area" in event) this.changes.push({ ...event, at: this.now });
    };
  }

  /** Send an image to the device, until it has taken it. @throws UpdateFailed */
  async flash(file: Uint8Array, ms = 120_000): Promise<void> {
    await this.settle(this.cloud.flash(DEVICE_ID, file), ms);
  }

  /** Version of the application that runs; 0 for none. */
  get version(): number {
    return this.host?.hasApplication ? this.core.exports.application_version!() : 0;
  }

  updateInfo(number: UpdateInfo): number {
    return this.core.exports.update_info!(number);
  }

  /** Id of the session that the cloud has with the device. */
  get sessionId(): string {
    return this.session!.connectionId.toString("hex");
  }
}
