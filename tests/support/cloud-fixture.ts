// A cloud with one registered, scripted device.

import { generateKeyPair } from "../../cloud/keys";
import { LocalCloud } from "../../cloud/local-cloud";
import type { LocalCloudOptions } from "../../cloud/local-cloud";
import { Registry } from "../../cloud/registry";
import { MemoryStorage } from "../../cloud/state-storage";
import { ScriptedDevice } from "./scripted-device";

export const DEVICE_ID = "e00fce680011223344556677";

export interface CloudFixture {
  cloud: LocalCloud;
  device: ScriptedDevice;
  options: LocalCloudOptions & { registry: Registry; storage: MemoryStorage };
  /** The same device after it lost its session: same key, new randoms. */
  again(address?: string): ScriptedDevice;
}

export function setupCloud(overrides: Partial<LocalCloudOptions> = {}): CloudFixture {
  const registry = new Registry();
  const storage = new MemoryStorage();
  const keyPair = overrides.keyPair ?? generateKeyPair();
  const device = new ScriptedDevice({ id: DEVICE_ID, serverSpki: keyPair.spki });
  registry.register({ id: device.id, publicKey: device.keyPair.spki, name: "scripted" });
  const options = { registry, storage, keyPair, ...overrides } as CloudFixture["options"];
  const cloud = new LocalCloud(options);
  const again = (address = device.address): ScriptedDevice =>
    new ScriptedDevice({
      id: device.id,
      serverSpki: keyPair.spki,
      keyPair: device.keyPair,
      address,
    });
  return { cloud, device, options, again };
}
