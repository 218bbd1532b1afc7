// Frames of one direction: length 2 | AES-128-CBC of one message with PKCS#7 padding. The next IV is the FIRST block of
// the ciphertext before. There is no MAC: whoever can change bytes on the way changes messages.

import { createCipheriv, createDecipheriv } from "node:crypto";
import { uint } from "../bytes";

const CIPHER = "aes-128-cbc";
export const BLOCK_LENGTH = 16;

export class FrameCipher {
  private iv: Buffer;

  /** @param key 16 bytes @param iv 16 bytes, of the first frame */
  constructor(
    private readonly key: Uint8Array,
    iv: Uint8Array,
  ) {
    this.iv = Buffer.from(iv);
  }

  /** Encrypt a message. @returns a frame with its length, message + 3 to 18 bytes */
  seal(message: Uint8Array): Buffer {
    const cipher = createCipheriv(CIPHER, this.key, this.iv);
    const ciphertext = Buffer.concat([cipher.update(message), cipher.final()]);
    this.iv = Buffer.from(ciphertext.subarray(0, BLOCK_LENGTH));
    return Buffer.concat([uint(ciphertext.length, 2), ciphertext]);
  }

  /**
   * Decrypt the ciphertext of a frame.
   * @param ciphertext one block at least, whole blocks
   * @returns undefined when the padding is wrong. The frames after it make no sense either.
   */
  open(ciphertext: Uint8Array): Buffer | undefined {
    const decipher = createDecipheriv(CIPHER, this.key, this.iv).setAutoPadding(false);
    const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    this.iv = Buffer.from(ciphertext.subarray(0, BLOCK_LENGTH));
    const length = padded[padded.length - 1];
    if (length === 0 || length > BLOCK_LENGTH) return undefined;
    let wrong = 0;
    for (const byte of padded.subarray(-length)) wrong |= byte ^ length;
    return wrong ? undefined : padded.subarray(0, -length);
  }
}

/** Bytes of the longest message that fits a buffer of a device: 2 of length and 16 of padding are set aside. */
export function longestMessage(bufferLength: number): number {
  const ciphertext = Math.floor((bufferLength - 2 - BLOCK_LENGTH) / BLOCK_LENGTH) * BLOCK_LENGTH;
  return Math.max(0, ciphertext - 1);
}

/** Bytes of the frame of a message. */
export function frameLength(messageLength: number): number {
  return 2 + (Math.floor(messageLength / BLOCK_LENGTH) + 1) * BLOCK_LENGTH;
}
