// An update as a call: what it may ask for, and the promise of its end.

import type { DeviceLink } from "../device-link";
import { CloudError, DeviceOffline } from "../errors";
import { DeviceUpdate } from "./device-update";
import type { FlashOptions, UpdateHost, UpdateResult } from "./device-update";
import { MAX_CHUNK_SIZE, MIN_CHUNK_SIZE } from "./messages";

/** Bytes of the largest file: more than any device here has room for. */
export const MAX_FILE_LENGTH = 64 * 1024 * 1024;

/** What a flash needs of its cloud. */
export interface FlashHost extends UpdateHost {
  /** Change something outside of a handle call. */
  run(change: (now: number) => void): void;
}

/**
 * Send a file to a device.
 * @returns once the device has checked and accepted it; it applies it by itself then
 * @throws CloudError "invalid-argument", "device-offline", "update-under-way"; UpdateFailed
 */
export function flashDevice(
  link: DeviceLink,
  file: Uint8Array,
  options: FlashOptions,
  host: FlashHost,
): Promise<UpdateResult> {
  checkFlash(link, file, options);
  const { id } = link.device;
  const { signal, onProgress } = options;
  if (signal?.aborted) throw new CloudError("update-cancelled", `update of ${id}: cancelled`);
  const watched: UpdateHost = {
    now: () => host.now(),
    report: (report) => {
      host.report(report);
      if (onProgress) callSafely(() => onProgress(report));
    },
  };
  return new Promise((resolve, reject) => {
    const cancel = (): void => host.run((now) => update.cancel(now));
    const update = new DeviceUpdate(link, Buffer.from(file), options, watched, (error, result) => {
      signal?.removeEventListener("abort", cancel);
      if (error) reject(error);
      else resolve(result);
    });
    link.update = update;
    signal?.addEventListener("abort", cancel, { once: true });
    host.run((now) => update.begin(now));
  });
}

/** What a listener throws is reported once the engine is done, and does not disturb it. */
function callSafely(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** @throws CloudError what {@link flashDevice} throws before anything has happened */
export function checkFlash(link: DeviceLink, file: Uint8Array, options: FlashOptions): void {
  const { chunkSize, bytesPerSecond, waitForDevice } = options;
  if (file.length === 0 || file.length > MAX_FILE_LENGTH) {
    throw new CloudError("invalid-argument", `a file of ${file.length} bytes`);
  }
  if (chunkSize !== undefined && !isChunkSize(chunkSize)) {
    throw new CloudError("invalid-argument", `chunks of ${chunkSize} bytes`);
  }
  if (bytesPerSecond !== undefined && !(bytesPerSecond > 0)) {
    throw new CloudError("invalid-argument", `${bytesPerSecond} bytes a second`);
  }
  const { id } = link.device;
  if (link.update && !link.update.over) {
    throw new CloudError("update-under-way", `an update of ${id} is under way`);
  }
  if (!waitForDevice && !(link.online && link.ready)) throw new DeviceOffline(id);
}

function isChunkSize(size: number): boolean {
  return size >= MIN_CHUNK_SIZE && size <= MAX_CHUNK_SIZE && size % 4 === 0;
}
