// A forwarder between client and server that keeps every datagram, loses or reorders chosen ones,
// and can change the source port that the server sees, as a NAT does that forgot a mapping.

import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";

const HANDSHAKE = 22;
/** Record types of application data: without and with a connection id (RFC 9146 §3). */
export const APPLICATION_DATA = 23;
export const CONNECTION_ID = 25;
const HEADER_LENGTH = 13;
const CERTIFICATE = 11;
const SERVER_HELLO_DONE = 14;

export type Direction = "up" | "down";

export interface Captured {
  direction: Direction;
  bytes: Buffer;
}

/** What befalls the n-th datagram of a direction, counted from 1. */
export type Trouble = Partial<Record<`${Direction} ${number}`, "lost" | "after the next">>;

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
  private readonly held: Partial<Record<Direction, () => void>> = {};

  private constructor(
    private readonly socket: Socket,
    private readonly serverPort: number,
    private readonly trouble: Trouble,
  ) {
    socket.on("message", (bytes, from) => this.forwardUp(bytes, from));
    socket.on("error", () => {});
  }

  static async open(serverPort: number, trouble: Trouble = {}): Promise<Tap> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Tap(socket, serverPort, trouble);
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
    const client = `${from.address}:${from.port}`;
    const socket = this.upstream.get(client) ?? this.openUpstream(client, from);
    this.carry("up", bytes, () => socket.send(bytes, this.serverPort, "127.0.0.1", () => {}));
  }

  private openUpstream(client: string, from: RemoteInfo): Socket {
    const socket = createSocket("udp4");
    socket.on("error", () => {});
    socket.on("message", (bytes) =>
      this.carry("down", bytes, () => this.socket.send(bytes, from.port, from.address, () => {})),
    );
    this.upstream.set(client, socket);
    this.sources++;
    return socket;
  }

  private carry(direction: Direction, bytes: Buffer, send: () => void): void {
    this.captured.push({ direction, bytes });
    const number = this.captured.filter((one) => one.direction === direction).length;
    const fate = this.trouble[`${direction} ${number}`];
    if (fate === "lost") return;
    if (fate === "after the next") {
      this.held[direction] = send;
      return;
    }
    send();
    this.held[direction]?.();
    this.held[direction] = undefined;
  }

  /** What went over the wire since `from`, an index into `captured`. */
  traffic(from = 0): Traffic {
    const part = this.captured.slice(from);
    const sum = (direction: string) =>
      part.filter((one) => one.direction === direction).reduce((n, one) => n + one.bytes.length, 0);
    return { datagrams: part.length, up: sum("up"), down: sum("down") };
  }

  /** How far the client went: to plaintext only, to records under keys, or to application data. */
  clientWent(): "plaintext" | "sealed records" | "application data" {
    const records = this.captured.flatMap(({ direction, bytes }) =>
      direction === "up" ? recordsOf(bytes) : [],
    );
    const types = records.map(({ type }) => type);
    if (types.includes(APPLICATION_DATA) || types.includes(CONNECTION_ID))
      return "application data";
    return records.some(({ epoch }) => epoch > 0) ? "sealed records" : "plaintext";
  }

  /** First record type of each datagram of the client since `from`, an index into `captured`. */
  clientTypes(from: number): number[] {
    return this.captured
      .slice(from)
      .flatMap(({ direction, bytes }) => (direction === "up" ? bytes[0] : []));
  }

  /** Whether the server made a full handshake since `from`: only there is a ServerHelloDone. */
  sawFullHandshake(from: number): boolean {
    return this.captured
      .slice(from)
      .filter(({ direction }) => direction === "down")
      .flatMap(({ bytes }) => handshakeRecords(bytes))
      .some((record) => messageTypes(record).includes(SERVER_HELLO_DONE));
  }

  /** How the server sent its flights, in words. */
  describeFlights(): string {
    const flights = this.captured
      .filter((one) => one.direction === "down")
      .map(({ bytes }) => handshakeRecords(bytes));
    const words = [flights.some((records) => records.length > 1) ? "packed" : "1 record/datagram"];
    const records = flights.flat();
    if (records.some((record) => messageTypes(record).length > 1))
      words.push("several messages/record");
    const pieces = records.filter(isFragment);
    const certificates = pieces.filter((record) => record[0] === CERTIFICATE);
    if (certificates.length > 0) words.push(`Certificate in ${certificates.length} pieces`);
    if (pieces.length > certificates.length) words.push("other messages in pieces");
    return words.join(", ");
  }
}

interface WireRecord {
  type: number;
  epoch: number;
  content: Buffer;
}

/** The records of a datagram without connection ids (RFC 6347 §4.1). */
function recordsOf(datagram: Buffer): WireRecord[] {
  const records: WireRecord[] = [];
  for (let at = 0; at + HEADER_LENGTH <= datagram.length;) {
    const length = datagram.readUInt16BE(at + 11);
    const content = datagram.subarray(at + HEADER_LENGTH, at + HEADER_LENGTH + length);
    records.push({ type: datagram[at], epoch: datagram.readUInt16BE(at + 3), content });
    at += HEADER_LENGTH + length;
  }
  return records;
}

/** Content of the plaintext handshake records of a datagram. */
function handshakeRecords(datagram: Buffer): Buffer[] {
  return recordsOf(datagram)
    .filter(({ type, epoch, content }) => type === HANDSHAKE && epoch === 0 && content.length >= 12)
    .map(({ content }) => content);
}

/** Whether the first message in a record is not whole (RFC 6347 §4.2.2). */
function isFragment(record: Buffer): boolean {
  return record.readUIntBE(9, 3) < record.readUIntBE(1, 3);
}

/** Types of the messages, whole or in part, of a handshake record. */
function messageTypes(record: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 12 <= record.length; at += 12 + record.readUIntBE(at + 9, 3)) {
    types.push(record[at]);
  }
  return types;
}

/** Datagrams as text, one a line, for a failure's log. */
export function formatCapture(captured: Captured[]): string {
  return captured
    .map(({ direction, bytes }) => `${direction} ${bytes.length} ${bytes.toString("hex")}`)
    .join("\n");
}
