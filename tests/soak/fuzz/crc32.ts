// CRC-32 (ISO-HDLC), as the core's stored session has it; node:zlib has it from Node 22 on only.

/** @returns unsigned 32 bits */
export function crc32(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (const byte of bytes) {
    state ^= byte;
    for (let bit = 0; bit < 8; bit++) state = (state >>> 1) ^ (0xedb88320 & -(state & 1));
  }
  return ~state >>> 0;
}
