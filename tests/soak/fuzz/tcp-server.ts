// What is thrown at the TCP side of the cloud: streams in pieces, good and bad, and messages that decrypt. Independent of
// the core. Each target does one thing for a seed, so that a failure can be repeated alone.

import { createCipheriv } from "node:crypto";
import { decodeCoap } from "../../../cloud/coap/codec";
import type { LocalCloud } from "../../../cloud/local-cloud";
import type { TcpConnection } from "../../../cloud/tcp/connection";
import type { TcpServer } from "../../../cloud/tcp/server";
import { TcpSession } from "../../../cloud/tcp/session";
import { mutate, noise } from "../../support/mutator";
import type { SeededRandom } from "../../support/random";
import { HELLO_PAYLOAD } from "../../support/tcp-device";
import { TCP_DEVICE_ID, setupTcp } from "../../support/tcp-fixture";

/** Where a connection stands when the input comes. */
export const STATIONS = ["connected", "waiting for Hello", "established"] as const;
export type Station = (typeof STATIONS)[number];

/** Messages of a device, with IDs that are set when they are sent. */
const CORPUS = [
  `50020000b168ff${HELLO_PAYLOAD.toString("hex")}`,
  "50020000b1450474656d70ff32312e35",
  "40020000b1450474656d70ff32312e35",
  "50020000b14503616263320e10ff646566",
  "40020000b14503616263ff7b2274223a32312e352c2268223a34302e32357d",
  "40020000b164 4102ff7b2266223a5b226c6564225d2c2276223a7b22636f756e746572223a327d7d",
  "40020000b164112a3101ff0a19080218e8072880808005351e0000003d1e0000005884808005",
  "42020000a101b164110e4102ff7b2266",
  "40010000b165036366674163",
  "50010000b1650673656e736f72",
  "41010000 35b174",
  "50020000b178d0eaff0506d804",
  "40000000",
  "60001001",
  "70001001",
  "51440000 22ff00000007",
  "51450000 22ff2a",
  "51840000 22",
].map((text) => Buffer.from(text.replaceAll(" ", ""), "hex"));

/** What came back from one connection. */
export interface Outcome {
  closed: boolean;
  /** Bytes of the cloud. */
  sent: number;
}

/** One connection of the device, without the RSA of its handshake. */
export class FuzzConnection {
  private static count = 0;
  readonly address = `connection ${++FuzzConnection.count}`;
  private readonly connection: TcpConnection | undefined;
  private sendIv: Buffer;
  private messageId: number;
  private total: Outcome = { closed: false, sent: 0 };

  constructor(
    private readonly cloud: LocalCloud,
    readonly station: Station,
    private readonly block: Buffer,
  ) {
    this.sendIv = block.subarray(16, 32);
    this.messageId = block.readUInt16LE(32);
    cloud.handleConnection(this.address, 0);
    const server = cloud["tcp"] as TcpServer;
    this.connection = server["connections"].get(this.address);
    if (station !== "connected") this.skipKeyExchange();
    if (station === "established") this.give(this.frame(CORPUS[0]));
    this.drain();
    this.total = { closed: false, sent: 0 };
  }

  private skipKeyExchange(): void {
    const connection = this.connection as TcpConnection;
    connection.session = new TcpSession(TCP_DEVICE_ID, this.address, this.block);
    connection.reader.take(Buffer.alloc(256));
  }

  /** A frame around a message, whose ID becomes the next one unless it answers something. */
  frame(message: Buffer, keepId = false): Buffer {
    const bytes = Buffer.from(message);
    if (bytes.length >= 4 && !keepId && (bytes[0] & 0x20) === 0) {
      this.messageId = (this.messageId + 1) & 0xffff;
      bytes.writeUInt16BE(this.messageId, 2);
    }
    const cipher = createCipheriv("aes-128-cbc", this.block.subarray(0, 16), this.sendIv);
    const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
    this.sendIv = ciphertext.subarray(0, 16);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(ciphertext.length);
    return Buffer.concat([length, ciphertext]);
  }

  give(bytes: Uint8Array): void {
    this.cloud.handleStream(this.address, bytes, 0);
  }

  /** Take what came of it, and check what the cloud holds for this connection. @throws Error */
  drain(): Outcome {
    for (let next = this.cloud.pollStream(); next; next = this.cloud.pollStream()) {
      if (next.to !== this.address) continue;
      this.total.sent += next.bytes.length;
      if (next.close) this.total.closed = true;
    }
    const { connection } = this;
    const held = connection?.reader["buffer"].length ?? 0;
    if (held > 2048) throw new Error(`${held} bytes of input are held`);
    const server = this.cloud["tcp"] as TcpServer;
    if (server["connections"].has(this.address) === this.total.closed) {
      throw new Error("closed, and not closed");
    }
    return this.total;
  }

  /** The peer goes away. */
  leave(): void {
    this.cloud.handleDisconnection(this.address, 0);
    if (this.cloud.pollStream()) throw new Error("bytes for a connection that is gone");
  }
}

export class TcpTargets {
  private readonly cloud: LocalCloud;

  constructor() {
    this.cloud = setupTcp({}, { wallClock: () => 0 }).cloud;
  }

  /** A stream of good and bad frames, whole and in pieces: both ways it must lead to the same. */
  stream(random: SeededRandom): { station: Station; outcome: Outcome } {
    // The key exchange costs two RSA operations: few inputs get as far as that.
    const station = STATIONS[random.chance(0.02) ? 0 : 1 + random.below(2)];
    const block = Buffer.from(random.bytes(40));
    const whole = new FuzzConnection(this.cloud, station, block);
    const input = this.badStream(random, whole);
    whole.give(input);
    const expected = { ...whole.drain() };
    whole.leave();
    const pieces = new FuzzConnection(this.cloud, station, block);
    for (let at = 0; at < input.length;) {
      const end = Math.min(input.length, at + 1 + random.below(random.chance(0.5) ? 4 : 600));
      pieces.give(input.subarray(at, end));
      at = end;
    }
    const outcome = pieces.drain();
    if (outcome.closed !== expected.closed || outcome.sent !== expected.sent) {
      const both = [expected, outcome].map((each) => JSON.stringify(each)).join(" and ");
      throw new Error(`whole and in pieces: ${both}, for ${input.toString("hex")}`);
    }
    pieces.leave();
    return { station, outcome };
  }

  /** Messages under the right key: malformed ones end the session, all others leave it working. */
  message(random: SeededRandom): { station: Station; outcome: Outcome } {
    const station = random.chance(0.1) ? "waiting for Hello" : "established";
    const connection = new FuzzConnection(this.cloud, station, Buffer.from(random.bytes(40)));
    const count = station === "established" ? 1 + random.below(4) : 1;
    let bad = false;
    for (let i = 0; i < count && !bad; i++) {
      const message = random.chance(0.9) ? mutate(CORPUS, random) : noise(random, 1400);
      const short = message.subarray(0, 1400);
      connection.give(connection.frame(short));
      bad = !isWellFormed(short) || (station !== "established" && !isHello(short));
    }
    const { closed } = connection.drain();
    // A Hello may name another device, and then the session ends, too.
    const excused = closed && !this.cloud.device(TCP_DEVICE_ID).connected;
    if (closed !== bad && !excused) throw new Error(`closed: ${closed}, malformed: ${bad}`);
    if (!closed) {
      const { sent } = { ...connection.drain() };
      connection.give(connection.frame(Buffer.from("40000000", "hex")));
      if (connection.drain().sent < sent + 18) throw new Error("a ping gets no answer");
    }
    const outcome = { ...connection.drain() };
    connection.leave();
    return { station, outcome };
  }

  private badStream(random: SeededRandom, connection: FuzzConnection): Buffer {
    if (connection.station === "connected") return noise(random, 1000);
    const count = 1 + random.below(4);
    const frames = Array.from({ length: count }, (_, index) => {
      const first = index === 0 && connection.station !== "established" && random.chance(0.9);
      const message = CORPUS[first ? 0 : random.below(CORPUS.length)];
      return connection.frame(message, random.chance(0.05));
    });
    const kind = random.unit();
    if (kind < 0.2) return Buffer.concat(frames);
    if (kind < 0.3) return noise(random, 3000);
    const damaged = random.below(count);
    frames[damaged] = mutate(frames, random).subarray(0, 5000);
    return Buffer.concat(frames);
  }
}

function isWellFormed(bytes: Buffer): boolean {
  try {
    decodeCoap(bytes);
    return true;
  } catch {
    return false;
  }
}

/** POST /h, and no answer to anything. */
function isHello(bytes: Buffer): boolean {
  const { type, code, options } = decodeCoap(bytes);
  const path = options.filter(({ number }) => number === 11).map(({ value }) => value.toString());
  return type < 2 && code === 2 && path.length === 1 && path[0] === "h";
}
