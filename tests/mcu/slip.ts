// SLIP (RFC 1055): frames on a stream of bytes.

const END = 0xc0;
const ESCAPE = 0xdb;
const ESCAPED_END = 0xdc;
const ESCAPED_ESCAPE = 0xdd;

/** One frame as bytes of the stream. */
export function encodeSlip(frame: Uint8Array): Uint8Array {
  const bytes = [END];
  for (const byte of frame) {
    if (byte === END) bytes.push(ESCAPE, ESCAPED_END);
    else if (byte === ESCAPE) bytes.push(ESCAPE, ESCAPED_ESCAPE);
    else bytes.push(byte);
  }
  return Uint8Array.from([...bytes, END]);
}

/** Takes a stream in pieces and gives its frames, without empty ones. */
export class SlipDecoder {
  private frame: number[] = [];
  private isEscaped = false;

  /** @param limit bytes of the longest frame; a longer one is cut off there */
  constructor(private readonly limit = 4096) {}

  push(piece: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (const byte of piece) {
      if (byte === END) {
        if (this.frame.length > 0) frames.push(Uint8Array.from(this.frame));
        this.frame = [];
        this.isEscaped = false;
      } else if (byte === ESCAPE) {
        this.isEscaped = true;
      } else {
        this.take(this.isEscaped ? (byte === ESCAPED_END ? END : ESCAPE) : byte);
      }
    }
    return frames;
  }

  private take(byte: number): void {
    this.isEscaped = false;
    if (this.frame.length < this.limit) this.frame.push(byte);
  }
}
