// AES-128, the inverse cipher (FIPS 197 §5.3), which CBC needs and CCM does not. The inverse S-box is
// computed from the S-box when the first key is expanded: 256 bytes less in the module. What aes.ts
// says of the S-box and caches is true of it, too.

import { SBOX, aes128ExpandStored, double, mixColumn } from "./aes";

/** InvSubBytes, FIPS 197 §5.3.2; empty until `aes128PrepareInverse`. */
// @ts-ignore: decorator
@lazy
const INVERSE: usize = memory.data(256, 4);

/** Compute the inverse S-box; call before the first `aes128DecryptBlock`. */
export function aes128PrepareInverse(): void {
  for (let i: usize = 0; i < 256; i++) store<u8>(INVERSE + load<u8>(SBOX + i), i);
}

/**
 * Decrypt one block.
 * @param output [out] 16 bytes; may be `input`
 * @param schedule [in] AES128_SCHEDULE_SIZE bytes of `aes128ExpandKey`
 * @param input [in] 16 bytes
 * @see FIPS 197 §5.3
 */
export function aes128DecryptBlock(output: usize, schedule: usize, input: usize): void {
  aes128ExpandStored(schedule);
  let at = schedule + 160;
  // One column a word, row 0 in the low byte.
  let a = load<u32>(input) ^ load<u32>(at);
  let b = load<u32>(input, 4) ^ load<u32>(at, 4);
  let c = load<u32>(input, 8) ^ load<u32>(at, 8);
  let d = load<u32>(input, 12) ^ load<u32>(at, 12);
  while (true) {
    at -= 16;
    // InvShiftRows takes row r of a column from r columns before.
    const e = substitute(a, d, c, b) ^ load<u32>(at);
    const f = substitute(b, a, d, c) ^ load<u32>(at, 4);
    const g = substitute(c, b, a, d) ^ load<u32>(at, 8);
    const h = substitute(d, c, b, a) ^ load<u32>(at, 12);
    if (at == schedule) {
      store<u32>(output, e);
      store<u32>(output, f, 4);
      store<u32>(output, g, 8);
      store<u32>(output, h, 12);
      return;
    }
    a = inverseMixColumn(e);
    b = inverseMixColumn(f);
    c = inverseMixColumn(g);
    d = inverseMixColumn(h);
  }
}

/** The inverse S-box of byte r of argument r, as one word. */
function substitute(row0: u32, row1: u32, row2: u32, row3: u32): u32 {
  return (
    (<u32>load<u8>(INVERSE + (row0 & 255))) |
    ((<u32>load<u8>(INVERSE + ((row1 >> 8) & 255))) << 8) |
    ((<u32>load<u8>(INVERSE + ((row2 >> 16) & 255))) << 16) |
    ((<u32>load<u8>(INVERSE + (row3 >> 24))) << 24)
  );
}

/**
 * FIPS 197 §5.3.3. Its matrix is that of MixColumns times circ(5, 0, 4, 0): b(r) = 5 a(r) + 4 a(r+2),
 * then MixColumns.
 */
function inverseMixColumn(word: u32): u32 {
  return mixColumn(word ^ double(double(word ^ rotr(word, 16))));
}
