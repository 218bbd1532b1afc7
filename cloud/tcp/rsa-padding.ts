// Encryption padding of PKCS #1 v1.5 (RFC 8017 §7.2): 00 | 02 | at least 8 non-zero bytes | 00 | message.
//
// Node refuses to decrypt it, for good reason: who can tell a good padding from a bad one decrypts what he likes
// (Bleichenbacher). Here the length of the message is known, so each byte has one place, and the check has no branch and
// no address that depends on what was decrypted. A bad block becomes a random message.

import { constants, privateDecrypt, publicEncrypt } from "node:crypto";
import type { KeyObject } from "node:crypto";

const BLOCK_TYPE = 2;
const MIN_PADDING = 8;

/** Source of random bytes. */
export type Random = (length: number) => Uint8Array;

/**
 * Pad a message.
 * @param length bytes of the modulus
 * @throws RangeError when the message leaves less than 8 bytes for the padding
 */
export function padMessage(message: Uint8Array, length: number, random: Random): Buffer {
  const paddingLength = length - 3 - message.length;
  if (paddingLength < MIN_PADDING) throw new RangeError(`message of ${message.length} bytes`);
  const padding = nonZero(paddingLength, random);
  return Buffer.concat([Buffer.of(0, BLOCK_TYPE), padding, Buffer.of(0), message]);
}

/**
 * Take a message of a known length out of its block, in constant time.
 * @param substitute what comes back for a block that is not padded as it should be, as long as the message
 * @returns the message or the substitute; `good` is 1 or 0, and must not be acted on before everything else is checked
 */
export function unpadMessage(
  block: Uint8Array,
  substitute: Uint8Array,
): { message: Buffer; good: number } {
  const start = block.length - substitute.length;
  let bad = block[0] | (block[1] ^ BLOCK_TYPE) | block[start - 1];
  for (let i = 2; i < start - 1; i++) bad |= isZero(block[i]);
  const good = isZero(bad & 0xff);
  const mask = -good & 0xff;
  const message = Buffer.alloc(substitute.length);
  for (let i = 0; i < message.length; i++) {
    message[i] = (block[start + i] & mask) | (substitute[i] & ~mask);
  }
  return { message, good };
}

/**
 * Decrypt a message of a known length. Never throws: what does not decrypt becomes a random message.
 * @param ciphertext as long as the modulus
 */
export function decryptMessage(
  ciphertext: Uint8Array,
  length: number,
  key: KeyObject,
  random: Random,
): { message: Buffer; good: number } {
  const substitute = random(length);
  let block = Buffer.alloc(ciphertext.length);
  try {
    block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, ciphertext) as typeof block;
  } catch {
    // Only a number above the modulus, which is no secret. The empty block is badly padded.
  }
  return unpadMessage(block, substitute);
}

/** Encrypt a message. @returns as many bytes as the modulus has @throws RangeError when it is too long */
export function encryptMessage(message: Uint8Array, key: KeyObject, random: Random): Buffer {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  const block = padMessage(message, bits / 8, random);
  return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
}

/** 1 when a byte is 0, else 0; without a branch. */
function isZero(byte: number): number {
  return ((byte - 1) >> 8) & 1;
}

function nonZero(length: number, random: Random): Buffer {
  const bytes = Buffer.from(random(length));
  for (let i = 0; i < length; i++) {
    while (bytes[i] === 0) bytes[i] = random(1)[0];
  }
  return bytes;
}
