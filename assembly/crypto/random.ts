// The only way to randomness: the host's source, with its answer checked. The caller owns all memory.

import { halRandomFill } from "../hal";
import { Status } from "../status";

/**
 * Fill `buffer` with cryptographically secure random bytes.
 * @param buffer [out] `length` bytes; unspecified after a failure
 * @returns 0; Status.RandomFailure when the host gives any other count than `length`
 */
export function randomFill(buffer: usize, length: i32): i32 {
  return halRandomFill(buffer, length) == length ? Status.Ok : Status.RandomFailure;
}
