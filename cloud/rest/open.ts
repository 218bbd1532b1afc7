// A cloud with everything that its data directory holds: keys as `provision.ts` writes them, all else in the store.

import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { LocalCloud } from "../local-cloud";
import type { LocalCloudOptions } from "../local-cloud";
import { CLOUD_FILES, openCloudDirectory } from "../provision";
import { Registry } from "../registry";
import { LmdbStore } from "../store/lmdb-store";
import { SHARED_STORE_FILE } from "../store/shared-store";
import type { StateStorage } from "../state-storage";
import type { Store } from "../store/store";
import { StoredRegistry } from "../store/stored-registry";
import { StoredState } from "../store/stored-state";
import { DeviceRecords } from "./device-records";
import type { FleetMember } from "./fleet/fleet-member";

export interface StoredCloud {
  cloud: LocalCloud;
  store: Store;
  records: DeviceRecords;
  /** With a fleet. */
  member?: FleetMember;
}

/**
 * Open a data directory. Devices that `provision` has added to `devices.json` since move into the store.
 * @throws Error when another process has it open
 */
export function openStoredCloud(
  directory: string,
  options: Partial<LocalCloudOptions> = {},
): StoredCloud {
  if (existsSync(join(directory, SHARED_STORE_FILE))) {
    throw new Error(`${directory} belongs to a fleet: --fleet ${directory}, and another --data`);
  }
  const store = LmdbStore.open(directory);
  try {
    const { keyPair, tcp, resetKey, storage: files } = openCloudDirectory(directory);
    const registry = new StoredRegistry(store);
    importDevices(registry, directory);
    const storage = new StoredState(store);
    importSessions(storage, files);
    const records = new DeviceRecords(store);
    const cloud = new LocalCloud({
      ...{ keyPair, tcp, resetKey, registry, storage },
      mayReceive: (sender, receiver) => records.haveSameOwner(sender, receiver),
      ...options,
    });
    return { cloud, store, records };
  } catch (error) {
    void store.close();
    throw error;
  }
}

/** Sessions of a cloud that kept them in files. Where there are two of a device, neither is safe to go on with. */
function importSessions(state: StateStorage, files: StateStorage): void {
  const known = state.load();
  for (const [deviceId, document] of files.load()) {
    if (known.has(deviceId)) state.remove(deviceId);
    else state.save(deviceId, document, true);
    files.remove(deviceId);
  }
}

/** @returns the ids of devices that are new or changed */
export function importDevices(registry: Registry, directory: string): string[] {
  const path = join(directory, CLOUD_FILES.registry);
  if (!existsSync(path)) return [];
  const { devices } = Registry.load(path);
  for (const device of devices) registry.register(device);
  renameSync(path, `${path}.imported`);
  return devices.map(({ id }) => id);
}
