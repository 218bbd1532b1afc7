// HMAC-SHA-256 (RFC 2104), incremental. The caller owns the state.
//
// State: inner hash state, SHA256_STATE_SIZE bytes | chaining value of the outer hash after its
// first block, 32 bytes. A keyed state may be cloned with `memory.copy`, which saves two blocks.

import { wipe } from "./constant-time";
import {
  SHA256_BLOCK_SIZE,
  SHA256_SIZE,
  sha256,
  sha256Final,
  sha256Init,
  sha256Update,
} from "./sha256";

/** Bytes of a state. */
export const HMAC_STATE_SIZE: i32 = 136;
/** Bytes of a MAC. */
export const HMAC_SIZE: i32 = 32;

// @ts-ignore: decorator
@inline
const OUTER: usize = 104;
/** The padded key while a state is set up, the inner digest while one is finished; then wiped. */
const PAD: usize = memory.data(64, 8);

/**
 * Start a MAC.
 * @param state [out] HMAC_STATE_SIZE bytes
 * @param key [in] `keyLength` bytes, 0 or more; longer than 64 bytes it is hashed (RFC 2104 §2)
 */
export function hmacInit(state: usize, key: usize, keyLength: i32): void {
  memory.fill(PAD, 0, SHA256_BLOCK_SIZE);
  if (keyLength > SHA256_BLOCK_SIZE) {
    sha256(PAD, key, keyLength);
  } else {
    memory.copy(PAD, key, keyLength);
  }
  xorPad(0x5c5c5c5c5c5c5c5c);
  sha256Init(state);
  sha256Update(state, PAD, SHA256_BLOCK_SIZE);
  memory.copy(state + OUTER, state, SHA256_SIZE);
  // From the outer pad to the inner pad.
  xorPad(0x5c5c5c5c5c5c5c5c ^ 0x3636363636363636);
  sha256Init(state);
  sha256Update(state, PAD, SHA256_BLOCK_SIZE);
  wipe(PAD, SHA256_BLOCK_SIZE);
}

/**
 * Authenticate `length` more bytes.
 * @param state [in,out] HMAC_STATE_SIZE bytes
 * @param data [in] `length` bytes
 */
export function hmacUpdate(state: usize, data: usize, length: i32): void {
  sha256Update(state, data, length);
}

/**
 * Finish a MAC and wipe the state.
 * @param mac [out] HMAC_SIZE bytes; may be what was hashed
 * @param state [in,out] HMAC_STATE_SIZE bytes
 */
export function hmacFinal(mac: usize, state: usize): void {
  sha256Final(PAD, state);
  memory.copy(state, state + OUTER, SHA256_SIZE);
  // The outer hash has one block behind it: its byte count is 64.
  store<u64>(state, SHA256_BLOCK_SIZE, 32);
  sha256Update(state, PAD, SHA256_SIZE);
  sha256Final(mac, state);
  wipe(PAD, SHA256_SIZE);
  wipe(state, HMAC_STATE_SIZE);
}

function xorPad(value: u64): void {
  for (let at = PAD; at < PAD + SHA256_BLOCK_SIZE; at += 8) {
    store<u64>(at, load<u64>(at) ^ value);
  }
}
