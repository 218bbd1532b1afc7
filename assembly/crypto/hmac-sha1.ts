// HMAC-SHA-1 (RFC 2104), in one call: the TCP channel authenticates one message with it. Its memory is
// in the workspace of this layer, and is wiped.

import { wipe } from "./constant-time";
import { SHA1_BLOCK_SIZE, SHA1_STATE_SIZE, sha1Final, sha1Init, sha1Update } from "./sha1";
import { WORKSPACE } from "./workspace";

/** Bytes of a MAC. */
export const HMAC_SHA1_SIZE: i32 = 20;

/** Hash state, then the padded key. */
// @ts-ignore: decorator
@inline
const STATE: usize = WORKSPACE;
// @ts-ignore: decorator
@inline
const PAD: usize = WORKSPACE + 96;

/**
 * Authenticate a message.
 * @param mac [out] 20 bytes; must not overlap the inputs
 * @param key [in] `keyLength` bytes, 0...64: longer ones do not occur here
 * @param data [in] `length` bytes
 * Constant time in: key, data.
 */
export function hmacSha1(mac: usize, key: usize, keyLength: i32, data: usize, length: i32): void {
  memory.fill(PAD, 0, SHA1_BLOCK_SIZE);
  memory.copy(PAD, key, keyLength);
  xorPad(0x3636363636363636);
  sha1Init(STATE);
  sha1Update(STATE, PAD, SHA1_BLOCK_SIZE);
  sha1Update(STATE, data, length);
  sha1Final(mac, STATE);
  // From the inner pad to the outer pad.
  xorPad(0x3636363636363636 ^ 0x5c5c5c5c5c5c5c5c);
  sha1Init(STATE);
  sha1Update(STATE, PAD, SHA1_BLOCK_SIZE);
  sha1Update(STATE, mac, HMAC_SHA1_SIZE);
  sha1Final(mac, STATE);
  wipe(STATE, SHA1_STATE_SIZE + SHA1_BLOCK_SIZE);
}

function xorPad(value: u64): void {
  for (let at = PAD; at < PAD + SHA1_BLOCK_SIZE; at += 8) {
    store<u64>(at, load<u64>(at) ^ value);
  }
}
