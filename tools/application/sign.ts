// Signs images: ECDSA P-256 over SHA-256 of a prefix and the manifest. An update key is a PKCS#8 PEM
// file; a device pins the public point, 64 bytes x | y.

import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { generateKeyPair } from "../../cloud/keys";
import { capabilitiesOf } from "./bridge";
import {
  ImageError,
  ImageKind,
  PUBLIC_KEY_LENGTH,
  decodeImage,
  encodeImage,
  encodeManifest,
} from "./image";
import type { Manifest, ManifestFields } from "./image";
import { SectionId, WASM_HEADER, encodeModule, sectionsOf } from "./wasm-reader";

/** In front of what is hashed, so that no other signature of the key can pass for one of these. */
const PREFIX = Buffer.from("wboson manifest 1", "ascii");
/** SubjectPublicKeyInfo of a P-256 point up to x | y (RFC 5480 §2). */
const SPKI_PREFIX = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");

export interface UpdateKey {
  privateKey: KeyObject;
  /** x | y, 64 bytes: what devices pin. */
  publicKey: Buffer;
}

export interface ImageOptions {
  version: number;
  /** Platform ids; none: any board. */
  boards?: readonly number[];
  /** Let it replace a newer version. */
  forced?: boolean;
  /** Lowest ABI of the resident core; 1. */
  minimumAbi?: number;
}

export interface ApplicationOptions extends ImageOptions {
  /** Linear memory that it needs, KiB; 0 when not said. */
  memoryKiB?: number;
}

export interface CommandOptions {
  /** Above that of the last command that the device has obeyed. */
  sequence: number;
  boards?: readonly number[];
}

function keyOf(privateKey: KeyObject): UpdateKey {
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  return { privateKey, publicKey: readPublicKey(pem) };
}

/** Make a new update key. */
export function makeUpdateKey(): UpdateKey {
  return keyOf(generateKeyPair().privateKey);
}

/** PKCS#8 PEM with the private key: for a file that only its owner reads. */
export function exportUpdateKey({ privateKey }: UpdateKey): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** @throws Error for what is no P-256 private key in PEM */
export function readUpdateKey(pem: string | Buffer): UpdateKey {
  return keyOf(createPrivateKey(pem));
}

/** x | y of a P-256 key in PEM, public or private. @throws Error for anything else */
export function readPublicKey(pem: string | Buffer): Buffer {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new Error("an update key is a P-256 key");
  }
  return Buffer.from(key.export({ type: "spki", format: "der" }).subarray(-PUBLIC_KEY_LENGTH));
}

/** Content of a device's storage slot 26. @param keys 1...4 public keys of 64 bytes. @throws Error */
export function encodePinnedKeys(keys: readonly Uint8Array[]): Buffer {
  if (keys.length < 1 || keys.length > 4) throw new Error("a device pins one to four update keys");
  if (keys.some((key) => key.length !== PUBLIC_KEY_LENGTH)) throw new Error("not a public key");
  return Buffer.concat(keys);
}

/** Sign a manifest with its body. @returns the file */
export function signImage(fields: ManifestFields, body: Uint8Array, key: UpdateKey): Buffer {
  const signedPart = encodeManifest(fields, body);
  const signature = sign("sha256", Buffer.concat([PREFIX, signedPart]), {
    key: key.privateKey,
    dsaEncoding: "ieee-p1363",
  });
  return encodeImage(Buffer.concat([signedPart, signature]), body);
}

function fieldsOf(kind: ImageKind, options: ImageOptions): ManifestFields {
  const { version, boards = [], forced = false, minimumAbi = 1 } = options;
  const none = { capabilities: 0, memoryKiB: 0, keys: [] };
  return { kind, forced, version, minimumAbi, boards, ...none };
}

/**
 * Sign an application module. What it may do follows from what it imports. Custom sections (names,
 * an older manifest) are left out.
 * @throws ModuleError for a module that asks for what no host gives
 */
export function signApplication(
  module: Uint8Array,
  key: UpdateKey,
  options: ApplicationOptions,
): Buffer {
  const sections = sectionsOf(module).filter(({ id }) => id !== SectionId.Custom);
  const fields = {
    ...fieldsOf(ImageKind.Application, options),
    capabilities: capabilitiesOf(sections),
    memoryKiB: options.memoryKiB ?? 0,
  };
  return signImage(fields, encodeModule(sections).subarray(WASM_HEADER.length), key);
}

/** Sign a native firmware, as the platform takes it. */
export function signFirmware(binary: Uint8Array, key: UpdateKey, options: ImageOptions): Buffer {
  return signImage(fieldsOf(ImageKind.Firmware, options), binary, key);
}

const COMMANDS = {
  disable: ImageKind.Disable,
  enable: ImageKind.Enable,
  rollback: ImageKind.Rollback,
} as const;

export type CommandName = keyof typeof COMMANDS;

/** Sign a command: no body. */
export function signCommand(
  command: CommandName,
  key: UpdateKey,
  { sequence, boards }: CommandOptions,
): Buffer {
  const fields = fieldsOf(COMMANDS[command], { version: sequence, boards });
  return signImage(fields, Buffer.alloc(0), key);
}

/** Sign new update keys, which replace all that the device has. @param keys 1...4 of 64 bytes */
export function signKeys(
  keys: readonly Uint8Array[],
  key: UpdateKey,
  { sequence, boards }: CommandOptions,
): Buffer {
  const fields = { ...fieldsOf(ImageKind.Keys, { version: sequence, boards }), keys };
  return signImage(fields, Buffer.alloc(0), key);
}

/**
 * Check an image as a device does: structure, hash of the body, signature.
 * @param keys public keys of 64 bytes; one of them must have signed
 * @throws ImageError
 */
export function verifyImage(file: Uint8Array, keys: readonly Uint8Array[]): Manifest {
  const { manifest, signedPart } = decodeImage(file);
  const signed = Buffer.concat([PREFIX, signedPart]);
  const isOurs = keys.some((point) => {
    const key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, point]),
      format: "der",
      type: "spki",
    });
    return verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, manifest.signature);
  });
  if (!isOurs) throw new ImageError("the signature is of none of these keys");
  return manifest;
}
