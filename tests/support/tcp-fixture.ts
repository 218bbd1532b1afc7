// A cloud with one registered, scripted device on TCP.

import { generateKeyPair } from "../../cloud/keys";
import { LocalCloud } from "../../cloud/local-cloud";
import type { LocalCloudOptions } from "../../cloud/local-cloud";
import { Registry } from "../../cloud/registry";
import { MemoryStorage } from "../../cloud/state-storage";
import type { TcpLimits } from "../../cloud/tcp/server";
import { TcpDevice } from "./tcp-device";
import { TEST_DEVICE_KEY, TEST_SERVER_KEY } from "./tcp-keys";

export const TCP_DEVICE_ID = "0123456789abcdef01234567";

export interface TcpFixture {
  cloud: LocalCloud;
  device: TcpDevice;
  registry: Registry;
  /** The same device on another connection. */
  again(address: string): TcpDevice;
}

export function setupTcp(
  limits: Partial<TcpLimits> = {},
  overrides: Partial<LocalCloudOptions> = {},
): TcpFixture {
  const registry = new Registry();
  registry.register({ id: TCP_DEVICE_ID, publicKey: TEST_DEVICE_KEY.spki, name: "on TCP" });
  const cloud = new LocalCloud({
    keyPair: generateKeyPair(),
    registry,
    storage: new MemoryStorage(),
    tcp: { keyPair: TEST_SERVER_KEY, ...limits },
    ...overrides,
  });
  const again = (address: string): TcpDevice =>
    new TcpDevice({
      id: TCP_DEVICE_ID,
      keyPair: TEST_DEVICE_KEY,
      server: TEST_SERVER_KEY,
      address,
    });
  return { cloud, device: again("tcp device"), registry, again };
}

/** A connected device that has said Hello. */
export function connectedTcp(
  limits: Partial<TcpLimits> = {},
  overrides: Partial<LocalCloudOptions> = {},
): TcpFixture {
  const fixture = setupTcp(limits, overrides);
  fixture.device.connect(fixture.cloud);
  if (!fixture.cloud.device(TCP_DEVICE_ID).online) throw new Error("the device is not online");
  return fixture;
}
