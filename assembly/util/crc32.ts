// CRC-32 (ISO-HDLC, reflected 0xEDB88320), bit by bit: it runs over some hundred bytes a storage
// write, where a table would cost 1 KB of RAM. It finds torn writes, never forgeries.

/**
 * Continue a CRC over `length` bytes at `data`.
 * @param crc result of the previous part, 0 at the start
 */
export function crc32(crc: u32, data: usize, length: i32): u32 {
  let state = ~crc;
  for (let i = 0; i < length; i++) {
    state ^= load<u8>(data + i);
    for (let bit = 0; bit < 8; bit++) state = (state >>> 1) ^ (0xedb88320 & (0 - (state & 1)));
  }
  return ~state;
}
