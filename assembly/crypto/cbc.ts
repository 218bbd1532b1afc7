// AES-128-CBC (NIST SP 800-38A §6.2) with the padding of PKCS #7 (RFC 5652 §6.3), in place. No MAC: who
// decrypts must not tell anyone but by closing the connection. The caller owns all memory.

import { Status } from "../status";
import { aes128EncryptBlock } from "./aes";
import { aes128DecryptBlock } from "./aes-inverse";
import { wipe } from "./constant-time";

/** Bytes of a block. */
export const CBC_BLOCK_SIZE: i32 = 16;

/**
 * Pad and encrypt in place.
 * @param buffer [in,out] `length` bytes of plaintext, and room for 16 more
 * @param length 0 or more
 * @param schedule [in] AES128_SCHEDULE_SIZE bytes
 * @param iv [in] 16 bytes
 * @returns bytes of the ciphertext: a multiple of 16, length + 1...length + 16
 * Cost: one AES block for each 16 bytes.
 */
export function cbcSeal(buffer: usize, length: i32, schedule: usize, iv: usize): i32 {
  const padding = CBC_BLOCK_SIZE - (length & 15);
  memory.fill(buffer + length, <u8>padding, padding);
  const end = buffer + length + padding;
  for (; buffer < end; buffer += CBC_BLOCK_SIZE) {
    xorBlock(buffer, iv);
    aes128EncryptBlock(buffer, schedule, buffer);
    iv = buffer;
  }
  return length + padding;
}

/**
 * Decrypt in place and take the padding off.
 * @param buffer [in,out] `length` bytes; zeros after Status.BadPadding
 * @param length a multiple of 16, 16 or more
 * @param schedule [in] AES128_SCHEDULE_SIZE bytes; `aes128PrepareInverse` has been called
 * @param iv [in] 16 bytes
 * @returns bytes of the plaintext, 0...length - 1; Status.BadPadding
 * Constant time in: the padding. Not in: its length when it is good.
 */
export function cbcOpen(buffer: usize, length: i32, schedule: usize, iv: usize): i32 {
  // From the last block to the first: each needs the ciphertext before it.
  for (let at = length - CBC_BLOCK_SIZE; at >= 0; at -= CBC_BLOCK_SIZE) {
    const block = buffer + at;
    aes128DecryptBlock(block, schedule, block);
    xorBlock(block, at ? block - CBC_BLOCK_SIZE : iv);
  }
  const padding = <i32>load<u8>(buffer + length - 1);
  // Not 0 unless 1 <= padding <= 16 and each of that many last bytes is equal to it.
  let wrong: i32 = ((padding - 1) | (CBC_BLOCK_SIZE - padding)) >> 31;
  for (let i = 1; i <= CBC_BLOCK_SIZE; i++) {
    const isPart = ~((padding - i) >> 31);
    wrong |= isPart & ((<i32>load<u8>(buffer + length - i)) ^ padding);
  }
  if (!wrong) return length - padding;
  wipe(buffer, length);
  return Status.BadPadding;
}

function xorBlock(block: usize, other: usize): void {
  store<u64>(block, load<u64>(block) ^ load<u64>(other));
  store<u64>(block, load<u64>(block, 8) ^ load<u64>(other, 8), 8);
}
