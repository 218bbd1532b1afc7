// One handshake datagram damaged in its first transmission only: a bit flipped, or its end cut off.
// What becomes of the connection, by the part of the message that was hit.

import { ConnectionState, Status } from "../../bindings/node";
import { HandshakeType } from "../../cloud/dtls/protocol";
import { Application } from "../support/application";
import { ends } from "../support/history";
import { recordsOf } from "../support/wire";
import { DEVICE_ID, World } from "../support/world";

/** Datagrams of a handshake with a cookie, in the order in which they go out. */
export const DATAGRAMS = [
  "first ClientHello",
  "HelloVerifyRequest",
  "ClientHello with cookie",
  "server's flight",
  "client's flight",
  "server's last flight",
] as const;

export interface DamageReport {
  datagram: string;
  at: number;
  /** Where the byte stands: "ServerHello length" and the like. */
  region: string;
  /** "unharmed", "repeated", or the ends of the attempts before the one that succeeded. */
  outcome: string;
  problems: string[];
}

/** First byte and name of the fields of a record header and of a handshake header. */
const RECORD_FIELDS: [number, string][] = [
  [0, "record type"],
  [1, "record version"],
  [3, "record epoch"],
  [5, "record number"],
  [11, "record length"],
];
const SEALED_FIELDS: [number, string][] = [
  ...RECORD_FIELDS.slice(0, 4),
  [11, "record connection id"],
  [19, "record length"],
];
const MESSAGE_FIELDS: [number, string][] = [
  [0, "type"],
  [1, "length"],
  [4, "sequence"],
  [6, "fragment offset"],
  [9, "fragment length"],
];

function fieldAt(fields: [number, string][], at: number): string {
  return fields.filter(([from]) => from <= at).at(-1)![1];
}

/** The name of the place of a byte in a genuine datagram of the handshake. */
export function regionOf(datagram: Uint8Array, at: number): string {
  let start = 0;
  for (;;) {
    const isSealed = datagram[start] === 25;
    const header = isSealed ? 21 : 13;
    const bytes = Buffer.from(datagram.subarray(start));
    const length = header + bytes.readUInt16BE(header - 2);
    if (at < start + length) return regionInRecord(bytes, at - start, header);
    start += length;
  }
}

function regionInRecord(record: Buffer, at: number, header: number): string {
  const isSealed = header === 21;
  if (at < header) return fieldAt(isSealed ? SEALED_FIELDS : RECORD_FIELDS, at);
  if (isSealed || record.readUInt16BE(3) > 0) return "sealed Finished";
  if (record[0] === 20) return "ChangeCipherSpec";
  const name = HandshakeType[record[header]];
  if (at < header + 12) return `message ${fieldAt(MESSAGE_FIELDS, at - header)}`;
  return partOfBody(name, at - header - 12);
}

/** Where the parts of a message begin whose fate differs. */
const BODY_PARTS: Record<string, [number, string][]> = {
  ClientHello: [
    [0, "version"],
    [2, "random"],
    [34, "rest"],
  ],
  ServerHello: [
    [0, "version"],
    [2, "random"],
    [34, "session id length"],
    [35, "suite"],
    [37, "compression"],
    [38, "extensions"],
  ],
  HelloVerifyRequest: [
    [0, "version"],
    [2, "cookie length"],
    [3, "cookie"],
  ],
  ServerKeyExchange: [
    [0, "curve"],
    [3, "point length"],
    [4, "point"],
    [69, "algorithm"],
    [71, "signature"],
  ],
};

function partOfBody(name: string, at: number): string {
  const parts = BODY_PARTS[name];
  return parts ? `${name} ${fieldAt(parts, at)}` : name;
}

/** A sealed record of a device that has not connected yet: its Finished, or an alert. */
const SEALED_LENGTHS = [8 + 24 + 1 + 8, 8 + 2 + 1 + 8];

/** Changes a datagram at a place that it has. */
type Damage = (bytes: Uint8Array) => Uint8Array;

class Damaged {
  readonly world: World;
  readonly problems: string[] = [];
  region = "";
  private carried = 0;

  constructor(
    private readonly datagram: number,
    private readonly at: number,
    damage: Damage,
  ) {
    this.world = new World({ seed: 1000 * datagram + at });
    this.world.tamper = (direction, bytes) => {
      if (direction === "up" && this.world.state === ConnectionState.Handshake) this.inspect(bytes);
      if (this.carried++ !== datagram || at >= bytes.length) return bytes;
      this.region = regionOf(bytes, at);
      return damage(bytes);
    };
  }

  /** Before the server has proved itself nothing but handshake may be sealed. */
  private inspect(bytes: Uint8Array): void {
    for (const { epoch, fragment } of recordsOf({ direction: "up", bytes })) {
      if (epoch > 0 && !SEALED_LENGTHS.includes(fragment.length)) {
        this.problems.push(`sealed ${fragment.length} bytes before the handshake was done`);
      }
    }
  }

  run(): DamageReport | undefined {
    const { world, problems } = this;
    const application = new Application(world).function("f", () => 1);
    world.connect();
    const until = (state: ConnectionState): boolean =>
      world.runUntil(() => world.state === state, 500_000);
    if (!until(ConnectionState.Hello)) problems.push("never completes a handshake");
    const datagrams = world.sent.length;
    if (!until(ConnectionState.Connected)) problems.push("never connects");
    if (!this.region) return undefined;
    application.publish("works");
    world.run(2000);
    if (!application.isSettled) problems.push("connected, and nothing comes through");
    if (world.cloud.device(DEVICE_ID).lastHello?.deviceId !== DEVICE_ID) problems.push("bad Hello");
    const failures = ends(world).map((end) => end.replace("HandshakeFailed ", ""));
    if (failures.some((status) => !(status in Status))) problems.push(failures.join());
    const smooth = datagrams <= DATAGRAMS.length + 1 ? "unharmed" : "repeated";
    return {
      datagram: DATAGRAMS[this.datagram],
      at: this.at,
      region: this.region,
      outcome: failures.length ? failures.join(", ") : smooth,
      problems,
    };
  }
}

/** Longest length of each datagram. */
const LENGTHS = [110, 44, 126, 340, 400, 67];

/** Damage each place of each datagram of its own. */
function damageAll(damage: (at: number) => Damage): DamageReport[] {
  return LENGTHS.flatMap((length, datagram) =>
    Array.from({ length }, (_, at) => new Damaged(datagram, at, damage(at)).run()),
  ).filter((report): report is DamageReport => report !== undefined);
}

/** Flip one bit of every byte. @param turn 0...7: which one; it differs from byte to byte */
export function flipAll(turn: number): DamageReport[] {
  return damageAll((at) => (bytes) => {
    bytes[at] ^= 1 << ((at + turn) % 8);
    return bytes;
  });
}

/** Cut every datagram off at every length. */
export function cutAll(): DamageReport[] {
  return damageAll((at) => (bytes) => bytes.slice(0, at));
}

/** Outcomes by datagram and region. */
export function outcomeTable(reports: DamageReport[]): Record<string, Record<string, string[]>> {
  const table: Record<string, Record<string, Set<string>>> = {};
  for (const { datagram, region, outcome } of reports) {
    table[datagram] ??= {};
    table[datagram][region] ??= new Set();
    table[datagram][region].add(outcome);
  }
  return Object.fromEntries(
    Object.entries(table).map(([datagram, regions]) => [
      datagram,
      Object.fromEntries(
        Object.entries(regions).map(([region, outcomes]) => [region, [...outcomes].sort()]),
      ),
    ]),
  );
}
