// The pseudorandom function of TLS 1.2 with SHA-256 (RFC 5246 §5). Scratch: the shared workspace.

import { wipe } from "./constant-time";
import { HMAC_SIZE, HMAC_STATE_SIZE, hmacFinal, hmacInit, hmacUpdate } from "./hmac";
import { WORKSPACE } from "./workspace";

// @ts-ignore: decorator
@inline
const KEYED: usize = WORKSPACE;
// @ts-ignore: decorator
@inline
const STATE: usize = WORKSPACE + 136;
// @ts-ignore: decorator
@inline
const A: usize = WORKSPACE + 272;
// @ts-ignore: decorator
@inline
const BLOCK: usize = WORKSPACE + 304;

/**
 * PRF(secret, label, seed) = P_SHA256(secret, label + seed), cut to `outputLength` bytes.
 * @param output [out] `outputLength` bytes; must not overlap the inputs
 * @param secret [in] `secretLength` bytes
 * @param label [in] `labelLength` bytes of ASCII without a terminator
 * @param seed [in] `seedLength` bytes
 * Wipes: all scratch. Cost: 8 to 10 blocks of SHA-256 per 32 bytes, for a seed of 64 bytes.
 * @see RFC 5246 §5
 */
export function prf(
  output: usize,
  outputLength: i32,
  secret: usize,
  secretLength: i32,
  label: usize,
  labelLength: i32,
  seed: usize,
  seedLength: i32,
): void {
  hmacInit(KEYED, secret, secretLength);
  // A(1) = HMAC(secret, label + seed)
  memory.copy(STATE, KEYED, HMAC_STATE_SIZE);
  hmacUpdate(STATE, label, labelLength);
  hmacUpdate(STATE, seed, seedLength);
  hmacFinal(A, STATE);
  while (outputLength > 0) {
    // HMAC(secret, A(i) + label + seed)
    memory.copy(STATE, KEYED, HMAC_STATE_SIZE);
    hmacUpdate(STATE, A, HMAC_SIZE);
    hmacUpdate(STATE, label, labelLength);
    hmacUpdate(STATE, seed, seedLength);
    hmacFinal(BLOCK, STATE);
    const taken = min(outputLength, HMAC_SIZE);
    memory.copy(output, BLOCK, taken);
    output += taken;
    outputLength -= taken;
    // A(i + 1) = HMAC(secret, A(i))
    memory.copy(STATE, KEYED, HMAC_STATE_SIZE);
    hmacUpdate(STATE, A, HMAC_SIZE);
    hmacFinal(A, STATE);
  }
  wipe(KEYED, 336);
}
