// What the server holds for one TCP connection: where it stands, its deadlines, and what waits to be written.

import { StreamReader } from "./stream-reader";
import type { TcpSession } from "./session";

export class TcpConnection {
  readonly reader = new StreamReader();
  /** From the answer of the server on. */
  session: TcpSession | undefined;
  /** The device said Hello: it has its private key. */
  established = false;
  /** Engine time of the last whole frame, or of the connection. */
  heardAt: number;
  /** Until when the frame that has begun must be complete. */
  frameDeadline = Infinity;
  private output: Buffer[] = [];
  private outputLength = 0;

  constructor(
    readonly address: string,
    readonly nonce: Buffer,
    readonly openedAt: number,
  ) {
    this.heardAt = openedAt;
  }

  /** Bytes that wait to be written. */
  get queued(): number {
    return this.outputLength;
  }

  write(bytes: Buffer): void {
    this.output.push(bytes);
    this.outputLength += bytes.length;
  }

  /** All that waits, once. */
  takeOutput(): Buffer {
    const bytes = Buffer.concat(this.output);
    this.output = [];
    this.outputLength = 0;
    return bytes;
  }
}
