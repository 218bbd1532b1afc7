// The devices that may connect: id, public key, name. Kept as one JSON file.

import { readFileSync } from "node:fs";
import { writeFileAtomically } from "./atomic-file";
import { SPKI_LENGTH, fingerprint, publicKeyFromSpki } from "./keys";
import { DEVICE_SPKI_LENGTH, rsaPublicKeyFromSpki } from "./tcp/rsa-keys";

export interface RegisteredDevice {
  /** 24 hex digits, lower case. */
  id: string;
  /**
   * SubjectPublicKeyInfo DER: of a P-256 key, 91 bytes, or of an RSA-1024 key for TCP, 162 bytes; empty when the device
   * only has a pre-shared key.
   */
  publicKey: Buffer;
  name: string;
}

export class Registry {
  private readonly byId = new Map<string, RegisteredDevice>();
  private readonly byFingerprint = new Map<string, RegisteredDevice>();

  get devices(): RegisteredDevice[] {
    return [...this.byId.values()];
  }

  /**
   * Add a device or replace the one with its id.
   * @throws Error for a bad id, a key that is neither P-256 nor RSA-1024, or a key that another device has
   */
  register(device: { id: string; publicKey?: Uint8Array; name?: string }): RegisteredDevice {
    const id = device.id.toLowerCase();
    if (!/^[0-9a-f]{24}$/.test(id))
      throw new Error(`device id "${device.id}" is not 24 hex digits`);
    const publicKey = Buffer.from(device.publicKey ?? []);
    const registered = { id, publicKey, name: device.name ?? id };
    if (publicKey.length === 0) {
      this.unregister(id);
      this.byId.set(id, registered);
      return registered;
    }
    checkPublicKey(publicKey);
    const key = fingerprint(publicKey);
    const owner = this.byFingerprint.get(key);
    if (owner && owner.id !== id) throw new Error(`device ${owner.id} has the same public key`);
    this.unregister(id);
    this.byId.set(id, registered);
    this.byFingerprint.set(key, registered);
    return registered;
  }

  unregister(id: string): void {
    const device = this.byId.get(id);
    if (!device) return;
    this.byId.delete(id);
    this.byFingerprint.delete(fingerprint(device.publicKey));
  }

  find(id: string): RegisteredDevice | undefined {
    return this.byId.get(id.toLowerCase());
  }

  findByKey(publicKey: Uint8Array): RegisteredDevice | undefined {
    return this.byFingerprint.get(fingerprint(publicKey));
  }

  /** Read a registry; a file that does not exist is an empty one. @throws Error for a damaged file */
  static load(path: string): Registry {
    const registry = new Registry();
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return registry;
      throw error;
    }
    const list = JSON.parse(text) as { id: string; name: string; publicKey: string }[];
    for (const { id, name, publicKey } of list) {
      registry.register({ id, name, publicKey: Buffer.from(publicKey, "base64") });
    }
    return registry;
  }

  save(path: string): void {
    const list = this.devices.map(({ id, name, publicKey }) => ({
      id,
      name,
      publicKey: publicKey.toString("base64"),
    }));
    writeFileAtomically(path, `${JSON.stringify(list, null, 2)}\n`, true);
  }
}

/** @throws Error */
function checkPublicKey(spki: Buffer): void {
  if (spki.length === SPKI_LENGTH) publicKeyFromSpki(spki);
  else if (spki.length === DEVICE_SPKI_LENGTH) rsaPublicKeyFromSpki(spki);
  else throw new Error("not a P-256 SubjectPublicKeyInfo, nor one of a device's RSA key");
}

/** A device that was taken out of the registry while it had a session. */
export function unregistered(id: string): RegisteredDevice {
  return { id, publicKey: Buffer.alloc(0), name: id };
}
