// Big-endian reading and writing of wire bytes. Used by the DTLS, CoAP and device-protocol codecs of the local cloud.

/** Input that does not follow its format: too short, too long, or a length field that points outside. */
export class DecodeError extends Error {
  override name = "DecodeError";
}

/** A cursor over received bytes. Every read throws {@link DecodeError} rather than run past the end. */
export class ByteReader {
  private readonly bytes: Buffer;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  /** Read an unsigned integer of 1 to 6 bytes. */
  uint(size: number): number {
    this.require(size);
    const value = this.bytes.readUIntBE(this.offset, size);
    this.offset += size;
    return value;
  }

  /** Read `length` bytes; the result is a copy. */
  take(length: number): Buffer {
    this.require(length);
    const value = Buffer.from(this.bytes.subarray(this.offset, this.offset + length));
    this.offset += length;
    return value;
  }

  /** Read a vector: a length field of `prefixSize` bytes, then that many bytes (RFC 5246 §4.3). */
  vector(prefixSize: number): Buffer {
    return this.take(this.uint(prefixSize));
  }

  /** Read all that is left. */
  rest(): Buffer {
    return this.take(this.remaining);
  }

  /** @throws DecodeError when bytes are left over. */
  end(): void {
    if (this.remaining !== 0) throw new DecodeError(`${this.remaining} trailing bytes`);
  }

  private require(length: number): void {
    if (length > this.remaining)
      throw new DecodeError(`${length} bytes wanted, ${this.remaining} left`);
  }
}

/** Encode an unsigned integer in `size` bytes (1 to 6), big-endian. */
export function uint(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

/** Encode a vector: its length in `prefixSize` bytes, then its bytes (RFC 5246 §4.3). */
export function vector(prefixSize: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(body.length, prefixSize), body]);
}
