// AES-128 (FIPS 197), the forward cipher: CCM needs no other; aes-inverse.ts has the inverse. The caller owns the schedule.
//
// Table: the S-box, 256 bytes, indexed by secret bytes. On the boards it lies in RAM without a data
// cache (Cortex-M3, M4, M33), where a load takes the same time at any address. On a host with caches
// (development in Node or wasmtime) a process on the same core could in principle observe the lines
// that are used. MixColumns is computed on whole words, without tables and branches.

import { NATIVE_CRYPTO } from "../config";

/** Bytes of an expanded key: eleven round keys (FIPS 197 §5.2). */
export const AES128_SCHEDULE_SIZE: i32 = 176;

/** SubBytes, FIPS 197 §5.1.1. */
export const SBOX: usize = memory.data<u8>([
  0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
  0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
  0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
  0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
  0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
  0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
  0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
  0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
  0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
  0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
  0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
  0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
  0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
  0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
  0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
  0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
]);

/**
 * Expand a key. Where the host may do the AES it is only stored: the functions of a block expand it.
 * @param schedule [out] AES128_SCHEDULE_SIZE bytes
 * @param key [in] 16 bytes
 * @see FIPS 197 §5.2
 */
export function aes128ExpandKey(schedule: usize, key: usize): void {
  memory.copy(schedule, key, 16);
  if (NATIVE_CRYPTO) {
    memory.fill(schedule + 16, 0, 160);
  } else {
    expand(schedule);
  }
}

/** The ten round keys after the first, which is the key. */
// @ts-ignore: decorator
@inline
function expand(schedule: usize): void {
  let constant: u32 = 1;
  for (let at = schedule; at < schedule + 160; at += 16) {
    let word = load<u32>(at, 12);
    word = substitute(word >> 8, word >> 16, word >> 24, word) ^ constant;
    constant = double(constant);
    for (let i: usize = 0; i < 16; i += 4) {
      word ^= load<u32>(at + i);
      store<u32>(at + i, word, 16);
    }
  }
}

/**
 * Expand a key that was only stored, before its first block. One whose last round key ends in zeros is
 * expanded for each block; so be it.
 * @param schedule [in,out] AES128_SCHEDULE_SIZE bytes
 */
// @ts-ignore: decorator
@inline
export function aes128ExpandStored(schedule: usize): void {
  if (NATIVE_CRYPTO) {
    if (!load<u64>(schedule, 168)) expand(schedule);
  }
}

/**
 * Encrypt one block.
 * @param output [out] 16 bytes; may be `input`
 * @param schedule [in] AES128_SCHEDULE_SIZE bytes
 * @param input [in] 16 bytes
 * @see FIPS 197 §5.1
 */
export function aes128EncryptBlock(output: usize, schedule: usize, input: usize): void {
  aes128ExpandStored(schedule);
  // One column a word, row 0 in the low byte.
  let a = load<u32>(input) ^ load<u32>(schedule);
  let b = load<u32>(input, 4) ^ load<u32>(schedule, 4);
  let c = load<u32>(input, 8) ^ load<u32>(schedule, 8);
  let d = load<u32>(input, 12) ^ load<u32>(schedule, 12);
  const last = schedule + 160;
  while (true) {
    schedule += 16;
    // ShiftRows takes row r of a column from r columns further on.
    const e = substitute(a, b >> 8, c >> 16, d >> 24);
    const f = substitute(b, c >> 8, d >> 16, a >> 24);
    const g = substitute(c, d >> 8, a >> 16, b >> 24);
    const h = substitute(d, a >> 8, b >> 16, c >> 24);
    if (schedule == last) {
      store<u32>(output, e ^ load<u32>(last));
      store<u32>(output, f ^ load<u32>(last, 4), 4);
      store<u32>(output, g ^ load<u32>(last, 8), 8);
      store<u32>(output, h ^ load<u32>(last, 12), 12);
      return;
    }
    a = mixColumn(e) ^ load<u32>(schedule);
    b = mixColumn(f) ^ load<u32>(schedule, 4);
    c = mixColumn(g) ^ load<u32>(schedule, 8);
    d = mixColumn(h) ^ load<u32>(schedule, 12);
  }
}

/** The S-box of the low byte of each argument, as one word. */
// @ts-ignore: decorator
@inline
function substitute(row0: u32, row1: u32, row2: u32, row3: u32): u32 {
  return (
    (<u32>load<u8>(SBOX + (row0 & 255))) |
    ((<u32>load<u8>(SBOX + (row1 & 255))) << 8) |
    ((<u32>load<u8>(SBOX + (row2 & 255))) << 16) |
    ((<u32>load<u8>(SBOX + (row3 & 255))) << 24)
  );
}

/** Each byte times x in GF(2^8), FIPS 197 §4.2.1. */
// @ts-ignore: decorator
@inline
export function double(word: u32): u32 {
  return ((word & 0x7f7f7f7f) << 1) ^ (((word >> 7) & 0x01010101) * 0x1b);
}

/** FIPS 197 §5.1.3: b(r) = 2 a(r) + 3 a(r+1) + a(r+2) + a(r+3). */
// @ts-ignore: decorator
@inline
export function mixColumn(word: u32): u32 {
  const next = rotr(word, 8);
  const sum = word ^ next;
  return double(sum) ^ next ^ rotr(sum, 16);
}
