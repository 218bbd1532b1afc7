// Unaligned big-endian access to wire bytes (network order, RFC 1700). Callers check bounds.

// @ts-ignore: decorator
@inline
export function loadU16(at: usize): u32 {
  return <u32>bswap<u16>(load<u16>(at));
}

// @ts-ignore: decorator
@inline
export function loadU24(at: usize): u32 {
  return ((<u32>load<u8>(at)) << 16) | loadU16(at + 1);
}

// @ts-ignore: decorator
@inline
export function loadU32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

// @ts-ignore: decorator
@inline
export function loadU64(at: usize): u64 {
  return bswap<u64>(load<u64>(at));
}

// @ts-ignore: decorator
@inline
export function storeU16(at: usize, value: u32): void {
  store<u16>(at, bswap<u16>(<u16>value));
}

// @ts-ignore: decorator
@inline
export function storeU24(at: usize, value: u32): void {
  store<u8>(at, value >> 16);
  storeU16(at + 1, value);
}

// @ts-ignore: decorator
@inline
export function storeU32(at: usize, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

// @ts-ignore: decorator
@inline
export function storeU64(at: usize, value: u64): void {
  store<u64>(at, bswap<u64>(value));
}

/** Whether `length` bytes at `a` and `b` are equal. Not constant time: never for secrets. */
export function equalBytes(a: usize, b: usize, length: i32): bool {
  for (let i = 0; i < length; i++) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
  }
  return true;
}
