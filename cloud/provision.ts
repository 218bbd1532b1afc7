// Makes the keys of a cloud and of its devices, and writes each side's into its data directory.
//
//   cloud directory:   cloud.lock   server-key.der (SEC1)   server-public-key.der (SPKI)   reset-key.bin   devices.json   sessions/
//                      server-rsa-key.der (PKCS#1)   server-rsa-public-key.der (SPKI), once there is TCP
//   device directory:  device-key.der (SEC1)   device-public-key.der (SPKI)   server-public-key.der (SPKI)   device-id
//                      update-keys.bin (1...4 points x | y of keys that sign updates), if it is to take updates
//
// A device on TCP has RSA keys in the same files: device-key.der is PKCS#1 then, and the public keys are those of RSA.

import { mkdirSync, readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { writeFileAtomically } from "./atomic-file";
import { RESET_KEY_LENGTH } from "./dtls/session-reset";
import { exportSec1, generateKeyPair, keyPairFromSec1 } from "./keys";
import type { KeyPair } from "./keys";
import { Registry } from "./registry";
import { FileStorage } from "./state-storage";
import { holdLock } from "./store/lock";
import {
  MAX_DEVICE_PKCS1_LENGTH,
  exportPkcs1,
  generateRsaKeyPair,
  rsaKeyPairFromPkcs1,
} from "./tcp/rsa-keys";
import type { RsaKeyPair } from "./tcp/rsa-keys";

export const CLOUD_FILES = {
  serverKey: "server-key.der",
  serverPublicKey: "server-public-key.der",
  serverRsaKey: "server-rsa-key.der",
  serverRsaPublicKey: "server-rsa-public-key.der",
  resetKey: "reset-key.bin",
  registry: "devices.json",
  sessions: "sessions",
  lock: "cloud.lock",
} as const;

export const DEVICE_FILES = {
  deviceKey: "device-key.der",
  devicePublicKey: "device-public-key.der",
  serverPublicKey: "server-public-key.der",
  deviceId: "device-id",
  updateKeys: "update-keys.bin",
} as const;

/** What a cloud keeps in its data directory; hand it to `new LocalCloud(...)`. */
export interface CloudData {
  keyPair: KeyPair;
  resetKey: Buffer;
  registry: Registry;
  storage: FileStorage;
  /** Once {@link prepareTcp} has made the key. */
  tcp?: { keyPair: RsaKeyPair };
}

/**
 * Open the data directory of a cloud, for as long as this process lives; the server key and the reset key are made on
 * first use.
 * @throws Error when another process has it open: two clouds with the same sessions would use record numbers twice
 */
export function openCloudDirectory(directory: string): CloudData {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  holdLock(join(directory, CLOUD_FILES.lock));
  return readCloudDirectory(directory);
}

/** The same beside a cloud that may be running: for its keys and devices, not to run another one. */
export function readCloudDirectory(directory: string): CloudData {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const keyPath = join(directory, CLOUD_FILES.serverKey);
  let keyPair = readKeyPair(keyPath);
  if (!keyPair) {
    keyPair = generateKeyPair();
    writeFileAtomically(keyPath, exportSec1(keyPair), true);
  }
  writeFileAtomically(join(directory, CLOUD_FILES.serverPublicKey), keyPair.spki, true, 0o644);
  const resetKey = readResetKey(directory);
  const rsa = readOptional(join(directory, CLOUD_FILES.serverRsaKey));
  return {
    keyPair,
    tcp: rsa && { keyPair: rsaKeyPairFromPkcs1(rsa) },
    resetKey,
    registry: Registry.load(join(directory, CLOUD_FILES.registry)),
    storage: new FileStorage(join(directory, CLOUD_FILES.sessions)),
  };
}

/** The key of reset tokens in a directory; it is made on first use. */
export function readResetKey(directory: string): Buffer {
  const path = join(directory, CLOUD_FILES.resetKey);
  const stored = readOptional(path);
  if (stored) return stored;
  const resetKey = randomBytes(RESET_KEY_LENGTH);
  writeFileAtomically(path, resetKey, true);
  return resetKey;
}

/** Let a cloud take TCP connections: make its RSA key, unless it has one. To be called before it is opened. */
export async function prepareTcp(directory: string): Promise<RsaKeyPair> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, CLOUD_FILES.serverRsaKey);
  const stored = readOptional(path);
  const keyPair = stored ? rsaKeyPairFromPkcs1(stored) : await generateRsaKeyPair(2048);
  if (!stored) writeFileAtomically(path, exportPkcs1(keyPair), true);
  writeFileAtomically(join(directory, CLOUD_FILES.serverRsaPublicKey), keyPair.spki, true, 0o644);
  return keyPair;
}

/** Where a device gets its keys, and who it is. */
export interface ProvisionOptions {
  cloudDirectory: string;
  deviceDirectory: string;
  /** 24 hex digits; default: the one in the device directory, or a random one. */
  id?: string;
  name?: string;
}

/**
 * Give a device its keys and register it with the cloud.
 *
 * A device key that is already there is kept, so this may be repeated.
 *
 * @returns the id of the device
 * @throws Error also when the device has a key for the other transport
 */
export function provisionDevice(options: ProvisionOptions): { id: string; keyPair: KeyPair } {
  const { keyPair: server } = readCloudDirectory(options.cloudDirectory);
  const stored = readOptional(join(options.deviceDirectory, DEVICE_FILES.deviceKey));
  const keyPair = stored ? readKey(stored, keyPairFromSec1, "P-256") : generateKeyPair();
  const keys = { key: exportSec1(keyPair), spki: keyPair.spki, serverSpki: server.spki };
  return { id: writeDevice(options, keys), keyPair };
}

/** The same for a device that speaks TCP: RSA keys, in the same files. The cloud gets its RSA key on first use. */
export async function provisionTcpDevice(
  options: ProvisionOptions,
): Promise<{ id: string; keyPair: RsaKeyPair }> {
  const server = await prepareTcp(options.cloudDirectory);
  const stored = readOptional(join(options.deviceDirectory, DEVICE_FILES.deviceKey));
  const keyPair = stored
    ? readKey(stored, rsaKeyPairFromPkcs1, "RSA")
    : await generateRsaKeyPair(1024);
  const key = exportPkcs1(keyPair);
  if (keyPair.bits !== 1024 || key.length > MAX_DEVICE_PKCS1_LENGTH) {
    throw new Error("the key of the device is not one of 1024 bits");
  }
  return {
    id: writeDevice(options, { key, spki: keyPair.spki, serverSpki: server.spki }),
    keyPair,
  };
}

/** Let a device take updates. @param keys public keys that sign them, 64 bytes each, 1...4 */
export function provisionUpdateKeys(deviceDirectory: string, keys: Uint8Array): void {
  mkdirSync(deviceDirectory, { recursive: true, mode: 0o700 });
  writeFileAtomically(join(deviceDirectory, DEVICE_FILES.updateKeys), keys, true, 0o644);
}

/** Register a device and write its directory. @returns its id */
function writeDevice(
  options: ProvisionOptions,
  keys: { key: Buffer; spki: Buffer; serverSpki: Buffer },
): string {
  const path = (name: string): string => join(options.deviceDirectory, name);
  mkdirSync(options.deviceDirectory, { recursive: true, mode: 0o700 });
  const { registry } = readCloudDirectory(options.cloudDirectory);
  const stored = readOptional(path(DEVICE_FILES.deviceId))?.toString("utf8").trim();
  const id = options.id ?? stored ?? randomBytes(12).toString("hex");
  const device = registry.register({ id, publicKey: keys.spki, name: options.name });
  writeFileAtomically(path(DEVICE_FILES.deviceKey), keys.key, true);
  writeFileAtomically(path(DEVICE_FILES.devicePublicKey), keys.spki, true, 0o644);
  writeFileAtomically(path(DEVICE_FILES.serverPublicKey), keys.serverSpki, true, 0o644);
  writeFileAtomically(path(DEVICE_FILES.deviceId), `${device.id}\n`, true, 0o644);
  registry.save(join(options.cloudDirectory, CLOUD_FILES.registry));
  return device.id;
}

/** @throws Error when it is a key of another kind */
function readKey<T>(der: Buffer, read: (der: Buffer) => T, kind: string): T {
  try {
    return read(der);
  } catch {
    throw new Error(
      `${DEVICE_FILES.deviceKey} is not a ${kind} key: the device has another transport`,
    );
  }
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
