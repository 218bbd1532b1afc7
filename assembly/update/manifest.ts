// The manifest of an image: the custom section "wboson" that a file begins with, signed with ECDSA
// P-256 (docs/updates.md). This file owns the first bytes of the file, and checks in a fixed order:
// form, signature, board, core, then what the application or command is about.

import { UPDATE_ABI } from "../config";
import { p256Verify } from "../crypto/p256";
import { sha256Final, sha256Init, sha256Update } from "../crypto/sha256";
import { getPlatformId } from "../cloud/identity";
import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { updateKey } from "./keys";

/** What an image is; part of the host interface. */
export const enum ImageKind {
  Unknown = 0,
  Application = 1,
  Firmware = 2,
  /** New keys in place of all that the device pins. */
  Keys = 3,
  /** Applications do not run any more. */
  Disable = 4,
  Enable = 5,
  /** Back to the application of before. */
  Rollback = 6,
}

/** Offsets of the fields. */
const enum Field {
  Kind = 1,
  Flags = 2,
  Version = 4,
  Capabilities = 8,
  MinimumAbi = 12,
  MemoryKiB = 14,
  BodyLength = 16,
  BodyHash = 20,
  BoardCount = 52,
  KeyCount = 53,
  Boards = 54,
}

const FORMAT: u32 = 1;
const FLAG_FORCED: u32 = 1;
const MAX_BOARDS: i32 = 8;
const MAX_KEYS: i32 = 4;
const KEY_SIZE: i32 = 64;
const SIGNATURE_SIZE: i32 = 64;
/** `\0asm`, version 1. */
const WASM_HEADER: u64 = 0x00000001_6d736100;
const WASM_HEADER_SIZE: i32 = 8;
/** Section id, its length of two bytes at most, length of the name, name. */
const NAME_LENGTH: i32 = 6;

/**
 * Bytes at the beginning of a file that are kept: the longest manifest ends before. Commands are not
 * longer.
 */
export const HEAD_CAPACITY: u32 = 512;
// @ts-ignore: decorator
@lazy
export const HEAD: usize = memory.data(512, 8);
/** "wboson manifest 1", in front of what is signed; the name of the section is its first word. */
// @ts-ignore: decorator
@lazy
const PREFIX: usize = memory.data<u8>([
  0x77, 0x62, 0x6f, 0x73, 0x6f, 0x6e, 0x20, 0x6d, 0x61, 0x6e, 0x69, 0x66, 0x65, 0x73, 0x74, 0x20,
  0x31,
]);
const PREFIX_SIZE: i32 = 17;
// @ts-ignore: decorator
@lazy
const STATE: usize = memory.data(104, 8);
// @ts-ignore: decorator
@lazy
const DIGEST: usize = memory.data(32, 8);
// @ts-ignore: decorator
@lazy
const KEY: usize = memory.data(65, 8);

/** Where the manifest begins, and where its section ends: the body begins there. */
let manifest: usize = 0;
let bodyOffset: i32 = 0;
/** The key that is tried next. */
let keyNumber: i32 = 0;

// ---- fields ---------------------------------------------------------------------------------

export function manifestKind(): i32 {
  return load<u8>(manifest + Field.Kind);
}

/** Whether it may replace a newer version. */
export function manifestIsForced(): bool {
  return (load<u8>(manifest + Field.Flags) & FLAG_FORCED) != 0;
}

/** Version of an application or firmware; sequence number of a command. */
export function manifestVersion(): u32 {
  return load<u32>(manifest + Field.Version);
}

export function manifestCapabilities(): u32 {
  return load<u32>(manifest + Field.Capabilities);
}

/** Linear memory that the application may have, KiB; 0 when not said. */
export function manifestMemory(): u32 {
  return load<u16>(manifest + Field.MemoryKiB);
}

/** SHA-256 of the body, 32 bytes. */
export function manifestBodyHash(): usize {
  return manifest + Field.BodyHash;
}

export function manifestKeyCount(): i32 {
  return load<u8>(manifest + Field.KeyCount);
}

/** New keys of kind Keys, 64 bytes each. */
export function manifestKeys(): usize {
  return manifest + Field.Boards + 2 * <usize>load<u8>(manifest + Field.BoardCount);
}

/** Where the body begins in the file. */
export function manifestBodyOffset(): i32 {
  return bodyOffset;
}

/** Bytes before the signature. */
function signedLength(): i32 {
  return <i32>(manifestKeys() - manifest) + KEY_SIZE * manifestKeyCount();
}

// ---- form -----------------------------------------------------------------------------------

/** Forget the manifest. */
export function manifestReset(): void {
  manifest = 0;
  bodyOffset = 0;
  keyNumber = 0;
}

/** Find the section. @param length bytes at HEAD @returns whether it is whole and ours */
function findSection(length: i32): bool {
  if (length < WASM_HEADER_SIZE + 3 || load<u64>(HEAD) != WASM_HEADER) return false;
  let at = WASM_HEADER_SIZE;
  if (load<u8>(HEAD + at)) return false;
  let size = <i32>load<u8>(HEAD + at + 1);
  at += 2;
  if (size >= 0x80) {
    const high = <i32>load<u8>(HEAD + at);
    // As short as it goes, and the longest manifest needs no third byte.
    if (high == 0 || high >= 0x80) return false;
    size = (size & 0x7f) | (high << 7);
    at += 1;
  }
  const end = at + size;
  if (size < 1 + NAME_LENGTH || end > length) return false;
  if (load<u8>(HEAD + at) != NAME_LENGTH) return false;
  if (!equalBytes(HEAD + at + 1, PREFIX, NAME_LENGTH)) return false;
  manifest = HEAD + at + 1 + NAME_LENGTH;
  bodyOffset = end;
  return true;
}

/** Whether a manifest of `length` bytes has the form of its kind. */
function hasForm(length: i32): bool {
  if (length < Field.Boards + SIGNATURE_SIZE || load<u8>(manifest) != FORMAT) return false;
  const kind = manifestKind();
  if (kind < ImageKind.Application || kind > ImageKind.Rollback) return false;
  if (load<u16>(manifest + Field.Flags) & ~FLAG_FORCED) return false;
  const keys = manifestKeyCount();
  if (kind == ImageKind.Keys ? keys < 1 || keys > MAX_KEYS : keys != 0) return false;
  if (<i32>load<u8>(manifest + Field.BoardCount) > MAX_BOARDS) return false;
  return length == signedLength() + SIGNATURE_SIZE;
}

/**
 * Take the manifest apart.
 * @param length bytes at HEAD: HEAD_CAPACITY, or the whole file
 * @param size bytes of the file
 * @returns Status.Ok; Status.UpdateMalformed; Status.UpdateTruncated: the body goes on behind the
 *   end of the file
 */
export function manifestDecode(length: i32, size: u32): i32 {
  manifestReset();
  if (!findSection(length)) return Status.UpdateMalformed;
  if (!hasForm(<i32>(HEAD + bodyOffset - manifest))) return Status.UpdateMalformed;
  const body = load<u32>(manifest + Field.BodyLength);
  const isCommand = manifestKind() >= ImageKind.Keys;
  if (isCommand && body != 0) return Status.UpdateMalformed;
  const room = size - bodyOffset;
  if (body > room) return Status.UpdateTruncated;
  return body == room ? Status.Ok : Status.UpdateMalformed;
}

// ---- trust ----------------------------------------------------------------------------------

function digestSigned(): void {
  sha256Init(STATE);
  sha256Update(STATE, PREFIX, PREFIX_SIZE);
  sha256Update(STATE, manifest, signedLength());
  sha256Final(DIGEST, STATE);
}

/** Whether it is for this board. */
function isForBoard(): bool {
  const count = <i32>load<u8>(manifest + Field.BoardCount);
  const platform = getPlatformId();
  for (let i = 0; i < count; i++) {
    if (<u32>load<u16>(manifest + Field.Boards + 2 * <usize>i) == platform) return true;
  }
  return count == 0;
}

/**
 * A step of checking who signed it, and for whom: one key.
 * @returns 1: call again; Status.Ok; Status.UpdateSignature; Status.UpdateWrongBoard;
 *   Status.UpdateCoreTooOld
 * Cost: one verification of P-256.
 */
export function manifestVerify(): i32 {
  if (keyNumber == 0) digestSigned();
  if (!updateKey(KEY, keyNumber)) return Status.UpdateSignature;
  keyNumber += 1;
  if (p256Verify(KEY, DIGEST, manifest + signedLength()) < 0) return 1;
  if (!isForBoard()) return Status.UpdateWrongBoard;
  const needed = <i32>load<u16>(manifest + Field.MinimumAbi);
  return needed > UPDATE_ABI ? Status.UpdateCoreTooOld : Status.Ok;
}
