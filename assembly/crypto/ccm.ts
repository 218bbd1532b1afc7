// AES-128-CCM with an 8-byte tag and a 12-byte nonce (RFC 3610 with M = 8 and L = 3), the AEAD of
// RFC 6655. One pass over the data, in place. The caller owns buffer and schedule; this file owns
// 48 bytes of scratch.

import { NATIVE_CRYPTO } from "../config";
import { Status } from "../status";
import { storeU16 } from "../util/bytes";
import { aes128EncryptBlock } from "./aes";
import { constantTimeEqual, wipe } from "./constant-time";
import { isAnswer, nativeCcmOpen, nativeCcmSeal } from "./native";

/** Bytes that a sealed message is longer than its plaintext. */
export const CCM_TAG_SIZE: i32 = 8;
/** Bytes of a nonce. */
export const CCM_NONCE_SIZE: i32 = 12;

/** CBC-MAC state. */
const MAC: usize = memory.data(16, 8);
/** Counter block A_i (RFC 3610 §2.3). */
const COUNTER: usize = memory.data(16, 8);
/** Key stream S_i; before the payload, a block of AAD. */
const STREAM: usize = memory.data(16, 8);

/**
 * Encrypt in place and append the tag.
 *
 * Layout: plaintext, `length` bytes | room for the tag, 8 bytes.
 *
 * @param buffer [in,out] `length` + 8 bytes
 * @param length plaintext bytes, 0...65535
 * @param schedule [in] expanded key, AES128_SCHEDULE_SIZE bytes
 * @param nonce [in] 12 bytes, never used twice with one key
 * @param aad [in] `aadLength` bytes, 0...65279 (RFC 3610 §2.2: the two-byte length form)
 * Cost: 2 ceil(length / 16) + 2 + ceil((aadLength + 2) / 16) AES blocks.
 */
export function ccmSeal(
  buffer: usize,
  length: i32,
  schedule: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
): void {
  if (NATIVE_CRYPTO) {
    // An expanded key starts with the key.
    if (nativeCcmSeal(buffer, length, schedule, nonce, aad, aadLength) == Status.Ok) return;
  }
  begin(length, schedule, nonce, aad, aadLength);
  crypt(buffer, length, schedule, 0);
  store<u64>(buffer + length, finish(schedule));
}

/**
 * Decrypt in place and check the tag.
 *
 * Layout: ciphertext, `length` bytes | tag, 8 bytes.
 *
 * @param buffer [in,out] `length` + 8 bytes; after Status.BadTag its first `length` bytes are zero,
 *   so that no unauthenticated plaintext is left
 * @param length plaintext bytes, 0...65535
 * @param schedule [in] expanded key, AES128_SCHEDULE_SIZE bytes
 * @param nonce [in] 12 bytes
 * @param aad [in] `aadLength` bytes, 0...65279
 * @returns 0; Status.BadTag
 * Constant time in: the place of a difference between the tags.
 */
export function ccmOpen(
  buffer: usize,
  length: i32,
  schedule: usize,
  nonce: usize,
  aad: usize,
  aadLength: i32,
): i32 {
  if (NATIVE_CRYPTO) {
    const status = nativeCcmOpen(buffer, length, schedule, nonce, aad, aadLength);
    if (isAnswer(status)) return status;
  }
  begin(length, schedule, nonce, aad, aadLength);
  crypt(buffer, length, schedule, -1);
  store<u64>(MAC, finish(schedule));
  const equal = constantTimeEqual(MAC, buffer + length, CCM_TAG_SIZE);
  wipe(MAC, 16);
  if (equal) return Status.Ok;
  wipe(buffer, length);
  return Status.BadTag;
}

/** RFC 3610 §2.2: B_0 and the blocks of AAD into the MAC; §2.3: A_0. */
function begin(length: i32, schedule: usize, nonce: usize, aad: usize, aadLength: i32): void {
  // Flags of B_0: Adata | (M - 2) / 2 = 3 | L - 1 = 2.
  store<u8>(MAC, 0x1a | ((<i32>(aadLength > 0)) << 6));
  memory.copy(MAC + 1, nonce, CCM_NONCE_SIZE);
  store<u8>(MAC, length >> 16, 13);
  storeU16(MAC + 14, length);
  store<u8>(COUNTER, 2);
  memory.copy(COUNTER + 1, nonce, CCM_NONCE_SIZE);
  storeU16(COUNTER + 14, 0);
  store<u8>(COUNTER, 0, 13);
  aes128EncryptBlock(MAC, schedule, MAC);
  // The AAD starts with its own length, in two bytes.
  let used = 2;
  storeU16(STREAM, aadLength);
  while (aadLength > 0) {
    const taken = min(aadLength, 16 - used);
    memory.copy(STREAM + used, aad, taken);
    memory.fill(STREAM + used + taken, 0, 16 - used - taken);
    store<u64>(MAC, load<u64>(MAC) ^ load<u64>(STREAM));
    store<u64>(MAC, load<u64>(MAC, 8) ^ load<u64>(STREAM, 8), 8);
    aes128EncryptBlock(MAC, schedule, MAC);
    aad += taken;
    aadLength -= taken;
    used = 0;
  }
}

/**
 * RFC 3610 §2.2 and §2.3 over the payload: MAC of the plaintext, key stream over the text.
 * @param opening -1 to decrypt, 0 to encrypt: which side of the key stream the plaintext is on
 */
function crypt(buffer: usize, length: i32, schedule: usize, opening: i32): void {
  let index: u32 = 0;
  while (length > 0) {
    storeU16(COUNTER + 14, ++index);
    aes128EncryptBlock(STREAM, schedule, COUNTER);
    const taken = min(length, 16);
    for (let i = 0; i < taken; i++) {
      const before = <i32>load<u8>(buffer + i);
      const after = before ^ (<i32>load<u8>(STREAM + i));
      store<u8>(buffer + i, after);
      store<u8>(MAC + i, load<u8>(MAC + i) ^ (before ^ ((before ^ after) & opening)));
    }
    aes128EncryptBlock(MAC, schedule, MAC);
    buffer += taken;
    length -= taken;
  }
}

/** RFC 3610 §2.3: the tag, U = T xor first-8-bytes(S_0). Wipes the scratch but the counter. */
function finish(schedule: usize): u64 {
  storeU16(COUNTER + 14, 0);
  aes128EncryptBlock(STREAM, schedule, COUNTER);
  const tag = load<u64>(MAC) ^ load<u64>(STREAM);
  wipe(MAC, 16);
  wipe(STREAM, 16);
  return tag;
}
