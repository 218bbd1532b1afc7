// The sliding window that refuses records seen before (RFC 6347 §4.1.2.6). It may jump forward by any amount.

const SIZE = 64;
const MASK = (1n << BigInt(SIZE)) - 1n;

export class ReplayWindow {
  /** Highest sequence number accepted, -1 before the first. */
  highest: number;
  /** Bit i set: `highest - i` was accepted. */
  private bits: bigint;

  constructor(highest = -1, bits = 0n) {
    this.highest = highest;
    this.bits = bits & MASK;
  }

  /** May this record be opened? Call {@link accept} only after it authenticated. */
  isFresh(sequenceNumber: number): boolean {
    const age = this.highest - sequenceNumber;
    if (age < 0) return true;
    return age < SIZE && (this.bits & (1n << BigInt(age))) === 0n;
  }

  /** Remember an authenticated record. @returns true when it is the newest one so far */
  accept(sequenceNumber: number): boolean {
    const ahead = sequenceNumber - this.highest;
    if (ahead > 0) {
      this.bits = ahead >= SIZE ? 1n : ((this.bits << BigInt(ahead)) | 1n) & MASK;
      this.highest = sequenceNumber;
      return true;
    }
    this.bits |= 1n << BigInt(-ahead);
    return false;
  }

  toJSON(): { highest: number; bits: string } {
    return { highest: this.highest, bits: this.bits.toString(16) };
  }

  static fromJSON(json: { highest: number; bits: string }): ReplayWindow {
    return new ReplayWindow(json.highest, BigInt(`0x${json.bits}`));
  }
}
