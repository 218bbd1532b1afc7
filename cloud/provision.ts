// Makes the keys of a cloud and of its devices, and writes each side's into its data directory.
//
//   cloud directory:   server-key.der (SEC1)   server-public-key.der (SPKI)   reset-key.bin   devices.json   sessions/
//   device directory:  device-key.der (SEC1)   device-public-key.der (SPKI)   server-public-key.der (SPKI)   device-id

import { mkdirSync, readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { writeFileAtomically } from "./atomic-file";
import { RESET_KEY_LENGTH } from "./dtls/session-reset";
import { exportSec1, generateKeyPair, keyPairFromSec1 } from "./keys";
import type { KeyPair } from "./keys";
import { Registry } from "./registry";
import { FileStorage } from "./state-storage";

export const CLOUD_FILES = {
  serverKey: "server-key.der",
  serverPublicKey: "server-public-key.der",
  resetKey: "reset-key.bin",
  registry: "devices.json",
  sessions: "sessions",
} as const;

export const DEVICE_FILES = {
  deviceKey: "device-key.der",
  devicePublicKey: "device-public-key.der",
  serverPublicKey: "server-public-key.der",
  deviceId: "device-id",
} as const;

/** What a cloud keeps in its data directory; hand it to `new LocalCloud(...)`. */
export interface CloudData {
  keyPair: KeyPair;
  resetKey: Buffer;
  registry: Registry;
  storage: FileStorage;
}

/** Open the data directory of a cloud; the server key and the reset key are made on first use. */
export function openCloudDirectory(directory: string): CloudData {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const keyPath = join(directory, CLOUD_FILES.serverKey);
  let keyPair = readKeyPair(keyPath);
  if (!keyPair) {
    keyPair = generateKeyPair();
    writeFileAtomically(keyPath, exportSec1(keyPair), true);
  }
  writeFileAtomically(join(directory, CLOUD_FILES.serverPublicKey), keyPair.spki, true, 0o644);
  const resetKeyPath = join(directory, CLOUD_FILES.resetKey);
  let resetKey = readOptional(resetKeyPath);
  if (!resetKey) {
    resetKey = randomBytes(RESET_KEY_LENGTH);
    writeFileAtomically(resetKeyPath, resetKey, true);
  }
  return {
    keyPair,
    resetKey,
    registry: Registry.load(join(directory, CLOUD_FILES.registry)),
    storage: new FileStorage(join(directory, CLOUD_FILES.sessions)),
  };
}

/**
 * Give a device its keys and register it with the cloud.
 *
 * A device key that is already there is kept, so this may be repeated.
 *
 * @param options.id 24 hex digits; default: the one in the device directory, or a random one
 * @returns the id of the device
 */
export function provisionDevice(options: {
  cloudDirectory: string;
  deviceDirectory: string;
  id?: string;
  name?: string;
}): { id: string; keyPair: KeyPair } {
  const { keyPair: server, registry } = openCloudDirectory(options.cloudDirectory);
  const path = (name: string): string => join(options.deviceDirectory, name);
  mkdirSync(options.deviceDirectory, { recursive: true, mode: 0o700 });
  const keyPair = readKeyPair(path(DEVICE_FILES.deviceKey)) ?? generateKeyPair();
  const stored = readOptional(path(DEVICE_FILES.deviceId))?.toString("utf8").trim();
  const id = options.id ?? stored ?? randomBytes(12).toString("hex");
  const device = registry.register({ id, publicKey: keyPair.spki, name: options.name });
  writeFileAtomically(path(DEVICE_FILES.deviceKey), exportSec1(keyPair), true);
  writeFileAtomically(path(DEVICE_FILES.devicePublicKey), keyPair.spki, true, 0o644);
  writeFileAtomically(path(DEVICE_FILES.serverPublicKey), server.spki, true, 0o644);
  writeFileAtomically(path(DEVICE_FILES.deviceId), `${device.id}\n`, true, 0o644);
  registry.save(join(options.cloudDirectory, CLOUD_FILES.registry));
  return { id: device.id, keyPair };
}

function readKeyPair(path: string): KeyPair | undefined {
  const der = readOptional(path);
  return der && keyPairFromSec1(der);
}

function readOptional(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
