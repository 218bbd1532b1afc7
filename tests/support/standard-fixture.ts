// A cloud with one registered device of the standard profile, which has a raw public key and a pre-shared key.

import type { CoapMessage } from "../../cloud/coap/codec";
import { CoapOptionNumber } from "../../cloud/coap/codec";
import type { LocalCloudOptions } from "../../cloud/local-cloud";
import { DEVICE_ID, setupCloud } from "./cloud-fixture";
import type { CloudFixture } from "./cloud-fixture";
import { StandardClient } from "./standard-client";
import type { StandardClientOptions } from "./standard-client";

export const PSK = {
  identity: Buffer.from("kitchen"),
  key: Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
};
/** "I would like connection ids, and none in records to me." */
export const NO_OWN_ID = Buffer.alloc(0);

export interface StandardFixture extends CloudFixture {
  /** The device with its raw key. */
  rpk(options?: StandardClientOptions): StandardClient;
  /** The device with its pre-shared key. */
  psk(options?: StandardClientOptions): StandardClient;
}

export function setupStandard(overrides: Partial<LocalCloudOptions> = {}): StandardFixture {
  const fixture = setupCloud({
    psk: (identity) =>
      identity.equals(PSK.identity) ? { key: PSK.key, deviceId: DEVICE_ID } : undefined,
    ...overrides,
  });
  const { keyPair } = fixture.device;
  const serverSpki = fixture.options.keyPair.spki;
  return {
    ...fixture,
    rpk: (options) => new StandardClient({ keyPair, serverSpki, ...options }),
    psk: (options) => new StandardClient({ psk: PSK, ...options }),
  };
}

/** Options of a request to this path, such as "/store" or "/separate?ms=5". */
export function uri(target: string): CoapMessage["options"] {
  const [path, query] = target.split("?");
  const segments = path.split("/").slice(1);
  return [
    ...segments.map((value) => ({ number: CoapOptionNumber.UriPath, value: Buffer.from(value) })),
    ...(query === undefined
      ? []
      : [{ number: CoapOptionNumber.UriQuery, value: Buffer.from(query) }]),
  ];
}
