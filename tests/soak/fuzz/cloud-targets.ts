// What is thrown at the UDP side of the cloud. Each target does one thing for a seed; what it asserts about the cloud
// follows from who may have sent it: a stranger, somebody who receives at his address, or a device with its keys.

import { ContentType } from "../../../cloud/dtls/protocol";
import { mutate, noise } from "../../support/mutator";
import type { SeededRandom } from "../../support/random";
import { ScriptedDevice } from "../../support/scripted-device";
import { CloudSide, SCRIPTED_ADDRESS, STANDARD_ADDRESS } from "./cloud-side";

/** Messages of a device of the Particle profile, whose IDs are set when they are sent. */
const PARTICLE_CORPUS = [
  "40020010b1450873656e736f722f74ff7b2274223a32312e352c2268223a34302e32357d",
  "5002001ab1450474656d70ff32312e35",
  "4102000216b164112a3101ff0a19080218e8072880808005351e0000003d1e0000005884808005",
  "4102000618b1644102ff7b2266223a5b226c6564225d2c2276223a7b22636f756e746572223a327d7d",
  "4102000719b164110e4102ff7b2266",
  "40010016b165036366674163",
  "40010017b1650673656e736f72",
  "40020022b178ff0506d804",
  "4144000d22ff00000007",
  "60001001",
  "4101002035b174",
  // A Hello, whose damaged copies name other devices and end the session.
  "4002000fb168ff1234000300f6000d000ce00fce68001122334455667718380480001780000200",
].map((text) => Buffer.from(text, "hex"));

/** Requests to plain resources, of the standard profile. */
const STANDARD_CORPUS = [
  "4101000101b474696d65",
  "5101000202b56c61726765c10e",
  "4101000303b7636f756e74657250",
  "410100040460b7636f756e746572",
  "4102000505b46563686fd1030eff61626364",
  "4103000606b573746f7265ff7a",
  "4101000707b87365706172617465456d733d3530",
  "4101000707b87365706172617465486d733d39393939",
  "70000009",
  "60000009",
].map((text) => Buffer.from(text, "hex"));

/** Longest datagram that is made. */
const MOST_BYTES = 1500;
const MOST_POOLED = 64;
/** Addresses that return cookies begin so: the cloud may repeat a flight to them. */
const VERIFIED = "10.1.";
/** Bytes before the body of a ClientHello: 13 of the record, 12 of the handshake message. */
const HELLO_HEADERS = 25;

/** Bytes to and from an address that has not shown that it receives. */
interface Account {
  sent: number;
  answered: number;
}

export interface Outcome {
  /** Bytes of the cloud. */
  answered: number;
}

export class CloudTargets {
  readonly side: CloudSide;
  /** Of unverified addresses: answer bytes for each byte that came, at most. */
  highestAmplification = 0;
  private readonly pool = new Map<string, Account>();
  private strangers = 0;

  constructor(seed: number) {
    this.side = new CloudSide(seed);
  }

  /** Recordings of real handshakes and sessions, changed a little or not at all, and noise. */
  recording(random: SeededRandom): Outcome {
    const { recordings } = this.side;
    const kind = random.unit();
    if (kind < 0.05) return this.asStranger(random, noise(random, MOST_BYTES));
    const piece = recordings[random.below(recordings.length)];
    const datagram = kind < 0.15 ? piece : mutate(recordings, random).subarray(0, MOST_BYTES);
    return this.asStranger(random, datagram);
  }

  /** A flood of ClientHellos: whole without a cookie, with another's, cut with the right one. */
  hello(random: SeededRandom): Outcome {
    const device = this.newcomer(random, this.strangerAddress(random));
    const { address } = device;
    const first = device.clientHello();
    const kind = random.below(4);
    if (kind === 0) return this.asStranger(random, first, address);
    if (kind === 1) return this.asStranger(random, this.cutHello(first, random), address);
    const answer = this.give(address, first);
    const cookie = device.parseHelloVerifyRequest(answer[0]);
    if (!cookie) throw new Error("no cookie");
    const second = device.clientHello(cookie);
    const outcome =
      kind === 2
        ? this.asStranger(random, second, `${address}0`)
        : this.asStranger(random, this.cutHello(second, random), address);
    return { answered: outcome.answered + answer[0].length };
  }

  /** One who receives at his address begins a handshake, damages it, and is not heard of again. */
  handshake(random: SeededRandom): Outcome {
    const device = this.newcomer(
      random,
      `${VERIFIED}${random.below(256)}.1:${1 + random.below(65_535)}`,
    );
    const { cloud, now } = this.side;
    const [verify] = device.exchange(cloud, device.clientHello(), now);
    const cookie = device.parseHelloVerifyRequest(verify);
    if (!cookie) throw new Error("no cookie");
    const hello = device.clientHello(cookie);
    const isWhole = random.chance(0.5);
    const answers = device.exchange(cloud, isWhole ? hello : mutate([hello], random), now);
    let answered = 0;
    if (isWhole) {
      for (const part of answers) device.handleDatagram(part);
      const flight = device.secondFlight();
      const count = 1 + random.below(3);
      for (let i = 0; i < count; i++) {
        const datagram = random.chance(0.5) ? mutate(flight, random) : flight[random.below(5)];
        for (const part of device.exchange(cloud, datagram, now)) answered += part.length;
      }
    }
    return { answered };
  }

  /** Garbage under the keys of a device. */
  message(random: SeededRandom): Outcome {
    return random.chance(0.5) ? this.particleMessage(random) : this.standardMessage(random);
  }

  /** Time goes on after each input; now and then everything that the cloud remembers is counted. */
  pass(random: SeededRandom, index: number): void {
    this.side.pass(random.below(20), (address) => this.isKnown(address));
    if (index % 64 === 0) this.side.checkBounds();
  }

  /** Both scripted clients and the real device are still served, and no handshake is left over. @throws Error */
  finish(): void {
    // The lifetime of a handshake.
    this.side.pass(120_000, (address) => this.isKnown(address));
    if (this.side.state().handshakes > 0) throw new Error("handshakes are left over");
    this.side.checkBounds();
    this.side.checkDevice();
    this.side.renewDevice();
    this.side.renewClient();
    if (!this.side.device.finished || !this.side.client.finished) {
      throw new Error("no handshake succeeds any more");
    }
  }

  private isKnown(address: string): boolean {
    const own = [SCRIPTED_ADDRESS, STANDARD_ADDRESS, this.side.world.address];
    return own.includes(address) || address.startsWith(VERIFIED);
  }

  private particleMessage(random: SeededRandom): Outcome {
    const { side } = this;
    const message = this.garbage(PARTICLE_CORPUS, random);
    const type = this.contentType(random);
    const answered = this.converse(SCRIPTED_ADDRESS, side.device.seal(type, message));
    const session = side.cloud["dtls"].sessions.current(side.device.id);
    // A Hello under another id, or an alert, ends the session.
    if (!session?.connectionId.equals(side.device.connectionId)) side.renewDevice();
    return { answered };
  }

  private standardMessage(random: SeededRandom): Outcome {
    const { side } = this;
    const message = this.garbage(STANDARD_CORPUS, random);
    const type = this.contentType(random);
    const answered = this.converse(STANDARD_ADDRESS, side.client.seal(type, message));
    if (random.chance(0.05)) side.cloud.notify("/counter", { confirmable: random.chance(0.5) });
    if (side.cloud["dtls"].sessions.at(STANDARD_ADDRESS).length === 0) side.renewClient();
    return { answered };
  }

  private contentType(random: SeededRandom): ContentType {
    return random.chance(0.99) ? ContentType.ApplicationData : 20 + random.below(6);
  }

  private garbage(corpus: Buffer[], random: SeededRandom): Buffer {
    const kind = random.unit();
    let message: Buffer;
    if (kind < 0.1) message = noise(random, 1200);
    else if (kind < 0.4) message = Buffer.from(corpus[random.below(corpus.length)]);
    else message = mutate(corpus, random);
    // Most are new messages, not repetitions.
    if (message.length >= 4 && random.chance(0.9)) message.writeUInt16BE(random.below(65_536), 2);
    // Node's CCM seals nothing into nothing.
    return message.length > 0 ? message.subarray(0, 1200) : Buffer.of(0);
  }

  /** A datagram of a client with a session. @returns bytes of the answers */
  private converse(from: string, datagram: Buffer): number {
    const { cloud, now } = this.side;
    cloud.handleDatagram(from, datagram, now);
    let answered = 0;
    for (let next = cloud.pollTransmit(); next; next = cloud.pollTransmit()) {
      if (!this.isKnown(next.to)) throw new Error(`a datagram to ${next.to}`);
      answered += next.datagram.length;
    }
    return answered;
  }

  /** A datagram that proves nothing: nothing is remembered of it, and its answers are no longer than itself. @throws Error */
  private asStranger(random: SeededRandom, datagram: Buffer, from?: string): Outcome {
    const address = from ?? this.strangerAddress(random);
    const answers = this.give(address, datagram);
    return { answered: answers.reduce((sum, { length }) => sum + length, 0) };
  }

  private give(address: string, datagram: Buffer): Buffer[] {
    const { side } = this;
    const before = side.fingerprint();
    side.cloud.handleDatagram(address, datagram, side.now);
    const answers: Buffer[] = [];
    const { cloud } = side;
    for (let next = cloud.pollTransmit(); next; next = cloud.pollTransmit()) {
      if (next.to !== address) throw new Error(`an answer to ${next.to} for ${address}`);
      answers.push(Buffer.from(next.datagram));
    }
    this.weigh(address, datagram, answers);
    const after = side.fingerprint();
    if (after !== before) {
      throw new Error(`${before} became ${after} by ${datagram.toString("hex")} of ${address}`);
    }
    return answers;
  }

  /** In total for each address, not for each datagram alone. */
  private weigh(address: string, datagram: Buffer, answers: Buffer[]): void {
    const account = this.pool.get(address) ?? { sent: 0, answered: 0 };
    account.sent += datagram.length;
    for (const { length } of answers) account.answered += length;
    if (account.answered > account.sent) {
      throw new Error(`${account.answered} bytes to ${address} for ${account.sent}`);
    }
    if (account.sent > 0) {
      const amplification = account.answered / account.sent;
      this.highestAmplification = Math.max(this.highestAmplification, amplification);
    }
    this.pool.delete(address);
    this.pool.set(address, account);
    const [oldest] = this.pool.keys();
    if (this.pool.size > MOST_POOLED) this.pool.delete(oldest);
  }

  /** A spoofed address: mostly one that was never seen, or one of the last ones, or that of a device. */
  private strangerAddress(random: SeededRandom): string {
    const kind = random.unit();
    if (kind < 0.05) return SCRIPTED_ADDRESS;
    if (kind < 0.1) return STANDARD_ADDRESS;
    if (kind < 0.15) return this.side.world.address;
    const known = [...this.pool.keys()];
    if (kind < 0.4 && known.length > 0) return known[random.below(known.length)];
    const number = ++this.strangers;
    return `198.18.${(number >>> 8) & 255}.${number & 255}:${1 + (number >>> 16)}`;
  }

  /** The scripted device as one who has no session. */
  private newcomer(random: SeededRandom, address: string): ScriptedDevice {
    const { id, keyPair } = this.side.device;
    const serverSpki = this.side.world.serverKey.spki;
    const bytes = (length: number): Uint8Array => random.bytes(length);
    return new ScriptedDevice({ id, serverSpki, keyPair, address, random: bytes });
  }

  /** A ClientHello that ends early: anywhere, or with lengths that fit, before the end of what a cookie covers. */
  private cutHello(hello: Buffer, random: SeededRandom): Buffer {
    if (random.chance(0.5)) return hello.subarray(0, random.below(hello.length));
    // Version, random and session id.
    const body = random.below(2 + 32 + 1);
    const cut = Buffer.from(hello.subarray(0, HELLO_HEADERS + body));
    cut.writeUInt16BE(12 + body, 11);
    cut.writeUIntBE(body, 14, 3);
    cut.writeUIntBE(body, 22, 3);
    return cut;
  }
}
