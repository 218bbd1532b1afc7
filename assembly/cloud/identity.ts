// What the device says of itself in Hello: id, product, platform, versions.

import { DEVICE_ID_SIZE } from "./protocol";

/** Device id, 12 bytes. */
export const DEVICE_ID: usize = memory.data(12, 4);

let productId: u32 = 0xffff;
let productVersion: u32 = 0;
let platformId: u32 = 0;
let systemVersion: u32 = 0;

/** @param id [in] 12 bytes */
export function setDeviceId(id: usize): void {
  memory.copy(DEVICE_ID, id, DEVICE_ID_SIZE);
}

/** Product id and firmware version, 16 bits each; 0xffff is "no product". */
export function setProduct(id: u32, version: u32): void {
  productId = id & 0xffff;
  productVersion = version & 0xffff;
}

/** Platform id (12 Argon, 13 Boron, 32 Photon 2, 10 Electron) and version of this SDK. */
export function setPlatform(id: u32, version: u32): void {
  platformId = id & 0xffff;
  systemVersion = version & 0xffff;
}

export function getProductId(): u32 {
  return productId;
}

export function getProductVersion(): u32 {
  return productVersion;
}

export function getPlatformId(): u32 {
  return platformId;
}

export function getSystemVersion(): u32 {
  return systemVersion;
}
