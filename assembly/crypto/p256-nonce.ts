// Nonces for ECDSA over P-256 with SHA-256: the HMAC generator of RFC 6979 §3.2, with optional extra
// input (§3.6). Memory: the NONCE part of the workspace; the caller wipes it.
//
// Layout: K, 32 bytes | V, 32 | separator, 1, padded to 8 | MAC state, 136 | private key, 32 |
// digest mod n, 32.

import { HMAC_SIZE, hmacFinal, hmacInit, hmacUpdate } from "./hmac";
import { limbsFromBytes, limbsReduceOnce, limbsToBytes, ORDER } from "./p256-limbs";
import { scalarFromBytes } from "./p256-scalar";
import { NONCE } from "./workspace";

// @ts-ignore: decorator
@inline
const KEY: usize = NONCE;
// @ts-ignore: decorator
@inline
const VALUE: usize = NONCE + 32;
// @ts-ignore: decorator
@inline
const SEPARATOR: usize = NONCE + 64;
// @ts-ignore: decorator
@inline
const STATE: usize = NONCE + 72;
// @ts-ignore: decorator
@inline
const INPUT: usize = NONCE + 208;

/**
 * Seed the generator: steps a to g of RFC 6979 §3.2.
 * @param privateKey [in] 32 bytes
 * @param digest [in] 32 bytes
 * @param extra [in] `extraLength` bytes of fresh randomness, or none
 * @param scratch [out] 36 bytes
 */
export function nonceInit(
  privateKey: usize,
  digest: usize,
  extra: usize,
  extraLength: i32,
  scratch: usize,
): void {
  memory.copy(INPUT, privateKey, 32);
  // bits2octets: the digest mod n
  limbsFromBytes(scratch, digest);
  limbsReduceOnce(scratch, ORDER);
  limbsToBytes(INPUT + 32, scratch);
  memory.fill(VALUE, 1, 32);
  memory.fill(KEY, 0, 32);
  store<u8>(SEPARATOR, 0);
  stir(64, extra, extraLength);
  store<u8>(SEPARATOR, 1);
  stir(64, extra, extraLength);
}

/**
 * The next nonce, in 1...n - 1: step h.
 * @param nonce [out] 36 bytes
 * @param again whether an earlier nonce was given out, and was of no use
 */
export function nonceNext(nonce: usize, again: bool): void {
  while (true) {
    if (again) {
      store<u8>(SEPARATOR, 0);
      stir(0, 0, 0);
    }
    advance();
    if (scalarFromBytes(nonce, VALUE)) return;
    again = true;
  }
}

/** K = HMAC(K, V, separator, input, extra), V = HMAC(K, V). */
function stir(inputLength: i32, extra: usize, extraLength: i32): void {
  hmacInit(STATE, KEY, HMAC_SIZE);
  hmacUpdate(STATE, VALUE, HMAC_SIZE + 1);
  hmacUpdate(STATE, INPUT, inputLength);
  hmacUpdate(STATE, extra, extraLength);
  hmacFinal(KEY, STATE);
  advance();
}

/** V = HMAC(K, V). */
function advance(): void {
  hmacInit(STATE, KEY, HMAC_SIZE);
  hmacUpdate(STATE, VALUE, HMAC_SIZE);
  hmacFinal(VALUE, STATE);
}
