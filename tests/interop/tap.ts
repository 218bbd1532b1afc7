// A forwarder between client and server that keeps every datagram and can change the source port
// that the server sees, as a NAT does that forgot a mapping.

import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";

const HANDSHAKE = 22;
const HEADER_LENGTH = 13;
const CERTIFICATE = 11;

export interface Captured {
  direction: "up" | "down";
  bytes: Buffer;
}

/** Datagrams and UDP payload bytes, both directions. */
export interface Traffic {
  datagrams: number;
  up: number;
  down: number;
}

export class Tap {
  readonly captured: Captured[] = [];
  /** How many source ports the server has seen. */
  sources = 0;
  private readonly upstream = new Map<string, Socket>();

  private constructor(
    private readonly socket: Socket,
    private readonly serverPort: number,
  ) {
    socket.on("message", (bytes, from) => this.forwardUp(bytes, from));
    socket.on("error", () => {});
  }

  static async open(serverPort: number): Promise<Tap> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Tap(socket, serverPort);
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Forget the mapping: the next datagram goes out from a new port. */
  rebind(): void {
    for (const socket of this.upstream.values()) socket.close();
    this.upstream.clear();
  }

  close(): void {
    this.rebind();
    this.socket.close();
  }

  private forwardUp(bytes: Buffer, from: RemoteInfo): void {
    this.captured.push({ direction: "up", bytes });
    const client = `${from.address}:${from.port}`;
    let socket = this.upstream.get(client);
    if (!socket) {
      socket = createSocket("udp4");
      socket.on("error", () => {});
      socket.on("message", (answer) => {
        this.captured.push({ direction: "down", bytes: answer });
        this.socket.send(answer, from.port, from.address, () => {});
      });
      this.upstream.set(client, socket);
      this.sources++;
    }
    socket.send(bytes, this.serverPort, "127.0.0.1", () => {});
  }

  /** What went over the wire since `from`, an index into `captured`. */
  traffic(from = 0): Traffic {
    const part = this.captured.slice(from);
    const sum = (direction: string) =>
      part.filter((one) => one.direction === direction).reduce((n, one) => n + one.bytes.length, 0);
    return { datagrams: part.length, up: sum("up"), down: sum("down") };
  }

  /** How the server sent its flights, in words. */
  describeFlights(): string {
    const flights = this.captured
      .filter((one) => one.direction === "down")
      .map(({ bytes }) => handshakeRecords(bytes));
    const words = [flights.some((records) => records.length > 1) ? "packed" : "1 record/datagram"];
    const records = flights.flat();
    if (records.some(hasSeveralMessages)) words.push("several messages/record");
    const pieces = records.filter(isFragment);
    const certificates = pieces.filter((record) => record[0] === CERTIFICATE);
    if (certificates.length > 0) words.push(`Certificate in ${certificates.length} pieces`);
    if (pieces.length > certificates.length) words.push("other messages in pieces");
    return words.join(", ");
  }
}

/** Content of the plaintext handshake records of a datagram (RFC 6347 §4.1). */
function handshakeRecords(datagram: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at + HEADER_LENGTH <= datagram.length;) {
    const length = datagram.readUInt16BE(at + 11);
    const content = datagram.subarray(at + HEADER_LENGTH, at + HEADER_LENGTH + length);
    const epoch = datagram.readUInt16BE(at + 3);
    if (datagram[at] === HANDSHAKE && epoch === 0 && content.length >= 12) records.push(content);
    at += HEADER_LENGTH + length;
  }
  return records;
}

/** Whether the first message in a record is not whole (RFC 6347 §4.2.2). */
function isFragment(record: Buffer): boolean {
  return record.readUIntBE(9, 3) < record.readUIntBE(1, 3);
}

function hasSeveralMessages(record: Buffer): boolean {
  return 12 + record.readUIntBE(9, 3) < record.length;
}

/** Datagrams as text, one a line, for a failure's log. */
export function formatCapture(captured: Captured[]): string {
  return captured
    .map(({ direction, bytes }) => `${direction} ${bytes.length} ${bytes.toString("hex")}`)
    .join("\n");
}
