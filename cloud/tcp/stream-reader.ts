// Cuts a byte stream into the message of the handshake and the frames after it, in whatever pieces it arrives. Holds no
// more than one frame.

import { BLOCK_LENGTH } from "./frame-cipher";
import { DEVICE_MESSAGE_LENGTH } from "./key-exchange";

/** Bytes of the longest ciphertext that is accepted: a CoAP message of 2047 bytes. */
export const MAX_CIPHERTEXT_LENGTH = 2048;

const LENGTH_FIELD = 2;

/** A piece of the stream; "bad-length" for a frame that is empty, too long, or not of whole blocks. */
export type StreamPiece =
  | { kind: "handshake"; bytes: Buffer }
  | { kind: "frame"; ciphertext: Buffer }
  | { kind: "bad-length" };

export class StreamReader {
  private part: "handshake" | "length" | "ciphertext" = "handshake";
  private buffer = Buffer.alloc(DEVICE_MESSAGE_LENGTH);
  private filled = 0;

  /** Some bytes of a piece are here, and not all of them. */
  get midway(): boolean {
    return this.filled > 0 || this.part === "ciphertext";
  }

  /**
   * Take bytes up to the end of the next piece.
   * @returns how many bytes were used, and the piece if it is complete. After "bad-length" the stream is lost.
   */
  take(bytes: Uint8Array): { used: number; piece?: StreamPiece } {
    const used = Math.min(bytes.length, this.buffer.length - this.filled);
    this.buffer.set(bytes.subarray(0, used), this.filled);
    this.filled += used;
    return { used, piece: this.filled === this.buffer.length ? this.complete() : undefined };
  }

  private complete(): StreamPiece | undefined {
    const { part, buffer } = this;
    if (part !== "length") {
      this.expect("length", LENGTH_FIELD);
      return part === "handshake"
        ? { kind: "handshake", bytes: buffer }
        : { kind: "frame", ciphertext: buffer };
    }
    const length = buffer.readUInt16BE();
    if (length === 0 || length % BLOCK_LENGTH !== 0 || length > MAX_CIPHERTEXT_LENGTH) {
      return { kind: "bad-length" };
    }
    this.expect("ciphertext", length);
    return undefined;
  }

  private expect(part: "length" | "ciphertext", length: number): void {
    this.part = part;
    this.buffer = Buffer.alloc(length);
    this.filled = 0;
  }
}
