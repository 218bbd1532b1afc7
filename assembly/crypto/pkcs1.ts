// The paddings of PKCS #1 v1.5: type 2 for encryption (RFC 8017 §7.2) and type 1 for signatures
// (§9.2, of any content: the TCP channel signs a bare MAC, without DigestInfo). The caller owns all
// memory.

import { Status } from "../status";
import { constantTimeEqual } from "./constant-time";
import { randomFill } from "./random";

/** Bytes that a block is longer than its content at least: 00, type, 8 bytes of padding, 00. */
export const PKCS1_OVERHEAD: i32 = 11;
/** Tries to get a byte other than 0 from the random source. */
const MAX_DRAWS: i32 = 32;

/**
 * Pad for encryption: 00 02, random bytes other than 0, 00, message.
 * @param block [out] `size` bytes
 * @param message [in] `length` bytes, 0...size - 11; may be the end of the block
 * @returns Status.Ok; Status.RandomFailure, also when the source gives zeros only
 * @see RFC 8017 §7.2.1
 */
export function pkcs1Pad(block: usize, size: i32, message: usize, length: i32): i32 {
  memory.copy(block + size - length, message, length);
  const end = block + size - length - 1;
  store<u8>(block, 0);
  store<u8>(block, 2, 1);
  store<u8>(end, 0);
  const status = randomFill(block + 2, <i32>(end - block) - 2);
  if (status < 0) return status;
  for (let at = block + 2; at < end; at++) {
    let draws = MAX_DRAWS;
    while (!load<u8>(at)) {
      if (draws-- == 0 || randomFill(at, 1) < 0) return Status.RandomFailure;
    }
  }
  return Status.Ok;
}

/**
 * Take the padding off a decrypted block whose message has a known length.
 * @param message [out] `length` bytes; zeros after an error
 * @param length of the message that is expected, 0...size - 11
 * @param block [in] `size` bytes
 * @returns Status.Ok; Status.BadPadding: not padded like this, or a message of another length
 * Constant time in: the block.
 * @see RFC 8017 §7.2.2
 */
export function pkcs1Unpad(message: usize, length: i32, block: usize, size: i32): i32 {
  const end = size - length - 1;
  let wrong =
    (<i32>load<u8>(block)) | ((<i32>load<u8>(block, 1)) ^ 2) | (<i32>load<u8>(block + end));
  // -1 for a byte that is 0.
  for (let i = 2; i < end; i++) wrong |= (<i32>load<u8>(block + i) - 1) >> 31;
  const good = ~((wrong | -wrong) >> 31);
  for (let i = 0; i < length; i++) {
    store<u8>(message + i, (<i32>load<u8>(block + end + 1 + i)) & good);
  }
  return good ? Status.Ok : Status.BadPadding;
}

/**
 * Whether a block is 00 01, at least 8 bytes of ff, 00, content.
 * @param block [in] `size` bytes
 * @param content [in] `length` bytes
 * @see RFC 8017 §9.2
 */
export function pkcs1IsSigned(block: usize, size: i32, content: usize, length: i32): bool {
  const end = size - length - 1;
  if (end < PKCS1_OVERHEAD - 1) return false;
  let wrong: i32 = load<u8>(block);
  wrong |= (<i32>load<u8>(block, 1)) ^ 1;
  wrong |= <i32>load<u8>(block + end);
  for (let i = 2; i < end; i++) wrong |= (<i32>load<u8>(block + i)) ^ 255;
  return !wrong && constantTimeEqual(block + end + 1, content, length);
}
