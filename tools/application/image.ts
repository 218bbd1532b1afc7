// An image: the file that goes to a device over the air. A WebAssembly file whose first section is a
// custom section "wboson" with the manifest; what follows it is the body: the other sections of an
// application, a native firmware as it is, or nothing for a command. Little-endian throughout.

import { createHash } from "node:crypto";

import { ModuleError, Reader, WASM_HEADER, encodeSection, leb128 } from "./wasm-reader";

const FORMAT = 1;
const SECTION_NAME = "wboson";
/** Bytes of the manifest before its boards. */
const FIXED_LENGTH = 54;
export const PUBLIC_KEY_LENGTH = 64;
export const SIGNATURE_LENGTH = 64;
export const MAX_BOARDS = 8;
export const MAX_KEYS = 4;
const HASH_LENGTH = 32;

export enum ImageKind {
  Application = 1,
  Firmware = 2,
  /** New update keys in place of all that the device has. */
  Keys = 3,
  /** Applications do not run any more. */
  Disable = 4,
  Enable = 5,
  /** Back to the application of before. */
  Rollback = 6,
}

/** Bits of the manifest's flags. */
const FLAG_FORCED = 1;

/** What is signed. Numbers are unsigned. */
export interface ManifestFields {
  kind: ImageKind;
  /** May replace a newer version. */
  forced: boolean;
  /** Of an application or firmware; of a command: its sequence number. 32 bits. */
  version: number;
  /** `Capability` bits; 0 but for an application. */
  capabilities: number;
  /** Lowest ABI of the resident core. 16 bits. */
  minimumAbi: number;
  /** Linear memory that the application needs, KiB; 0 when not said. 16 bits. */
  memoryKiB: number;
  /** Platform ids, 8 at most; none: any board. */
  boards: readonly number[];
  /** P-256 points x | y, 64 bytes each: 1...4 for kind Keys, none for others. */
  keys: readonly Uint8Array[];
}

export interface Manifest extends ManifestFields {
  bodyLength: number;
  /** SHA-256. */
  bodyHash: Buffer;
  /** r | s, big-endian. */
  signature: Buffer;
}

export interface Image {
  manifest: Manifest;
  /** The bytes of the manifest that the signature covers. */
  signedPart: Buffer;
  /** Where the body begins in the file. */
  bodyOffset: number;
  body: Buffer;
}

/** A file that is no image, or one that was changed. */
export class ImageError extends Error {
  override name = "ImageError";
}

function within(value: number, most: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new ImageError(`${what} ${value}: a whole number from 0 to ${most} is meant`);
  }
  return value;
}

function checkLists({ kind, boards, keys }: ManifestFields): void {
  if (boards.length > MAX_BOARDS) throw new ImageError(`more than ${MAX_BOARDS} boards`);
  const least = kind === ImageKind.Keys ? 1 : 0;
  const most = kind === ImageKind.Keys ? MAX_KEYS : 0;
  if (keys.length < least || keys.length > most) {
    throw new ImageError(`${keys.length} keys in an image of kind ${ImageKind[kind]}`);
  }
  if (keys.some((key) => key.length !== PUBLIC_KEY_LENGTH)) {
    throw new ImageError(`a public key is ${PUBLIC_KEY_LENGTH} bytes, x | y`);
  }
}

/**
 * The part of a manifest that the signature covers.
 * @throws ImageError for a field that does not fit
 */
export function encodeManifest(fields: ManifestFields, body: Uint8Array): Buffer {
  checkLists(fields);
  const { kind, boards, keys } = fields;
  const bytes = Buffer.alloc(FIXED_LENGTH + 2 * boards.length);
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeUInt8(kind, 1);
  bytes.writeUInt16LE(fields.forced ? FLAG_FORCED : 0, 2);
  bytes.writeUInt32LE(within(fields.version, 0xffffffff, "version"), 4);
  bytes.writeUInt32LE(within(fields.capabilities, 0xffffffff, "capabilities"), 8);
  bytes.writeUInt16LE(within(fields.minimumAbi, 0xffff, "minimum ABI"), 12);
  bytes.writeUInt16LE(within(fields.memoryKiB, 0xffff, "memory"), 14);
  bytes.writeUInt32LE(body.length, 16);
  createHash("sha256").update(body).digest().copy(bytes, 20);
  bytes.writeUInt8(boards.length, 52);
  bytes.writeUInt8(keys.length, 53);
  boards.forEach((board, i) =>
    bytes.writeUInt16LE(within(board, 0xffff, "platform id"), FIXED_LENGTH + 2 * i),
  );
  return Buffer.concat([bytes, ...keys]);
}

/** The file. @param manifest signed part and signature */
export function encodeImage(manifest: Uint8Array, body: Uint8Array): Buffer {
  const name = Buffer.from(SECTION_NAME);
  const content = Buffer.concat([leb128(name.length), name, manifest]);
  return Buffer.concat([WASM_HEADER, encodeSection(0, content), body]);
}

function decodeManifest(bytes: Buffer): { manifest: Manifest; signedPart: Buffer } {
  if (bytes.length < FIXED_LENGTH || bytes[0] !== FORMAT) throw new ImageError("no manifest");
  const kind: ImageKind = bytes[1];
  const flags = bytes.readUInt16LE(2);
  const boardCount = bytes[52];
  const keyCount = bytes[53];
  const keysAt = FIXED_LENGTH + 2 * boardCount;
  const signatureAt = keysAt + PUBLIC_KEY_LENGTH * keyCount;
  if (ImageKind[kind] === undefined || flags & ~FLAG_FORCED) throw new ImageError("bad manifest");
  if (bytes.length !== signatureAt + SIGNATURE_LENGTH) {
    throw new ImageError("the manifest is too long or too short");
  }
  const manifest: Manifest = {
    kind,
    forced: (flags & FLAG_FORCED) !== 0,
    version: bytes.readUInt32LE(4),
    capabilities: bytes.readUInt32LE(8),
    minimumAbi: bytes.readUInt16LE(12),
    memoryKiB: bytes.readUInt16LE(14),
    bodyLength: bytes.readUInt32LE(16),
    bodyHash: bytes.subarray(20, 20 + HASH_LENGTH),
    boards: Array.from({ length: boardCount }, (_, i) => bytes.readUInt16LE(FIXED_LENGTH + 2 * i)),
    keys: Array.from({ length: keyCount }, (_, i) =>
      bytes.subarray(keysAt + PUBLIC_KEY_LENGTH * i, keysAt + PUBLIC_KEY_LENGTH * (i + 1)),
    ),
    signature: bytes.subarray(signatureAt),
  };
  checkLists(manifest);
  return { manifest, signedPart: bytes.subarray(0, signatureAt) };
}

/** The content of the first section, and where it ends. */
function firstSection(file: Buffer): { content: Uint8Array; end: number } {
  if (!WASM_HEADER.equals(file.subarray(0, 8))) throw new ImageError("not an image");
  const reader = new Reader(file);
  reader.at = WASM_HEADER.length;
  if (reader.byte() !== 0) throw new ImageError("no manifest: the module is not signed");
  const content = reader.slice(reader.u32());
  return { content, end: reader.at };
}

/**
 * Take an image apart. Length and hash of the body are compared; the signature is not looked at:
 * that is `verifyImage`.
 * @throws ImageError
 */
export function decodeImage(bytes: Uint8Array): Image {
  const file = Buffer.from(bytes);
  try {
    const { content, end } = firstSection(file);
    const reader = new Reader(content);
    if (reader.text() !== SECTION_NAME) {
      throw new ImageError("no manifest: the module is not signed");
    }
    const decoded = decodeManifest(Buffer.from(content.subarray(reader.at)));
    const body = file.subarray(end);
    const hash = createHash("sha256").update(body).digest();
    if (body.length !== decoded.manifest.bodyLength || !hash.equals(decoded.manifest.bodyHash)) {
      throw new ImageError("the body is not the one that was signed");
    }
    return { ...decoded, body, bodyOffset: end };
  } catch (error) {
    if (error instanceof ModuleError) throw new ImageError(error.message);
    throw error;
  }
}
