// One process of a fleet: keys, users and devices in a directory that all have in common, sessions and events in its own.
//
//   fleet directory:   the keys of the server   devices.json, until it is taken over   fleet.mdb
//   own directory:     store.mdb   reset-key.bin

import { LocalCloud } from "../../local-cloud";
import { readCloudDirectory, readResetKey } from "../../provision";
import { LmdbStore } from "../../store/lmdb-store";
import { SharedStore } from "../../store/shared-store";
import { SplitStore } from "../../store/split-store";
import { StoredRegistry } from "../../store/stored-registry";
import { StoredState } from "../../store/stored-state";
import { DeviceRecords } from "../device-records";
import { importDevices } from "../open";
import type { StoredCloud } from "../open";
import { connectNats } from "./broker";
import { FleetMember } from "./fleet-member";

export interface FleetOptions {
  /** What all processes have in common; on the same machine. */
  directory: string;
  /** "nats://[user:password@]host[:port]": who can publish there speaks for the fleet. */
  broker: string;
}

/** Tables of all; `state` and `events` are each process's own. */
const SHARED_TABLES = [
  ...["users", "tokens", "clients", "webhooks"],
  ...["devices", "device-records", "claim-codes"],
];

/**
 * Open both directories and join.
 * @param directory of this process alone
 * @throws Error when another process has it open, or there is no broker
 */
export async function openFleetCloud(directory: string, fleet: FleetOptions): Promise<StoredCloud> {
  const own = LmdbStore.open(directory);
  const shared = SharedStore.open(fleet.directory);
  const store = new SplitStore(shared, own, (table) => SHARED_TABLES.includes(table));
  try {
    const { keyPair, tcp } = readCloudDirectory(fleet.directory);
    // A reset key of its own: who shares one must share the sessions, too.
    const resetKey = readResetKey(directory);
    const registry = new StoredRegistry(store);
    importDevices(registry, fleet.directory);
    const records = new DeviceRecords(store);
    const cloud = new LocalCloud({
      ...{ keyPair, tcp, resetKey, registry, storage: new StoredState(store) },
      mayReceive: (sender, receiver) => records.haveSameOwner(sender, receiver),
    });
    const broker = await connectNats(fleet.broker, {
      reconnected: () => member.rejoin(),
      log: (level, message) => cloud.emit("log", { level, message }),
    });
    const member = new FleetMember(cloud, shared, broker, keyPair.spki);
    return { cloud, store, records, member };
  } catch (error) {
    await store.close();
    throw error;
  }
}
