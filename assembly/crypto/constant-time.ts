// Erasing secrets, and comparing them without a branch on their bytes. The caller owns all memory.

/**
 * Overwrite a secret with zeros. A store to linear memory is observable by the host, so that no
 * compiler may drop it.
 * @param pointer [out] `length` bytes
 */
export function wipe(pointer: usize, length: i32): void {
  memory.fill(pointer, 0, length);
}

/**
 * Whether `length` bytes at `a` and `b` are equal.
 * Constant time in: the bytes. Not in: `length`.
 */
export function constantTimeEqual(a: usize, b: usize, length: i32): bool {
  let difference: u32 = 0;
  for (let i = 0; i < length; i++) {
    difference |= load<u8>(a + i) ^ load<u8>(b + i);
  }
  return difference == 0;
}
