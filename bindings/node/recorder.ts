// Flight recorder: what of a device's traffic can be seen from outside, a row for each DTLS record, in a
// ring. It reads the headers that an observer of the network reads, and no keys.

/** One record of a datagram. */
export interface FlightRow {
  /** Milliseconds, by the clock of whoever recorded. */
  at: number;
  direction: "up" | "down";
  /** The other end, "address:port". */
  remote: string;
  /** UDP payload bytes of the whole datagram. */
  datagram: number;
  /** DTLS content type: 20 change cipher spec, 21 alert, 22 handshake, 23 application data, 25 and 253
   * with a connection id (253: from a new address); -1: not DTLS. */
  type: number;
  epoch: number;
  /** Record sequence number. */
  sequence: number;
  /** Bytes of the fragment. */
  length: number;
}

const HEADER = 13;
/** Inner types of the Particle protocol that carry a connection id of 8 bytes behind the sequence. */
const WITH_ID = [25, 253];
const ID_LENGTH = 8;

export class FlightRecorder {
  private readonly ring: FlightRow[] = [];
  /** Rows that the ring has lost. */
  lost = 0;

  /** @param capacity rows that are kept */
  constructor(private readonly capacity = 1000) {}

  /** Note a datagram. @param remote the other end, "address:port" */
  record(direction: "up" | "down", bytes: Uint8Array, at: number, remote: string): void {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const seen = { at, direction, remote, datagram: bytes.length };
    let offset = 0;
    while (offset < view.length) {
      const type = view[offset];
      const extra = direction === "up" && WITH_ID.includes(type) ? ID_LENGTH : 0;
      const end = offset + HEADER + extra;
      if (end > view.length || type < 20) break;
      const length = view.readUInt16BE(end - 2);
      const epoch = view.readUInt16BE(offset + 3);
      const sequence = view.readUIntBE(offset + 5, 6);
      if (end + length > view.length) break;
      this.add({ ...seen, type, epoch, sequence, length });
      offset = end + length;
    }
    if (offset < view.length || view.length === 0) {
      this.add({ ...seen, type: -1, epoch: 0, sequence: 0, length: view.length - offset });
    }
  }

  private add(row: FlightRow): void {
    this.ring.push(row);
    if (this.ring.length <= this.capacity) return;
    this.ring.shift();
    this.lost += 1;
  }

  /** The rows, oldest first. */
  get rows(): readonly FlightRow[] {
    return this.ring;
  }

  /** The rows as comma-separated values, with a head line. */
  toCsv(): string {
    const names = ["at", "direction", "remote", "datagram", "type", "epoch", "sequence", "length"];
    const lines = this.ring.map((row) => names.map((name) => row[name as keyof FlightRow]).join());
    return [names.join(), ...lines, ""].join("\n");
  }
}
