// What is thrown at a device, and what is demanded of it. Each target does one thing for a seed, so
// that a failure can be repeated alone.

import { StorageSlot } from "../../../bindings/node";
import { sealRecord } from "../../../cloud/dtls/record";
import { ContentType } from "../../../cloud/dtls/protocol";
import { encodeHandshakeMessage } from "../../../cloud/dtls/handshake-message";
import { handshakeMessages, handshakeRecord } from "../../support/flights";
import { mutate, noise } from "../../support/mutator";
import { SeededRandom } from "../../support/random";
import { namedBuild, openModule } from "../../support/snapshot";
import { Codec, decodeByCloud } from "./codec";
import { crc32 } from "./crc32";
import { FuzzDevice, Misbehaviour } from "./device";
import { visitStations } from "./stations";
import type { Station, Stations } from "./stations";

/** A record number that the server has not reached. */
const NEXT_NUMBER = 1_000_000;

/** What one input did; for the statistics. */
export interface Result {
  target: string;
  station: string;
  /** Bytes of the input, in hex. */
  input: string;
  datagrams: number;
  events: number;
}

/** What a datagram that does not authenticate may leave behind, by name. */
const TRACES = new Set([
  "device/RX_BUFFER",
  "dtls/client/datagramAt",
  "dtls/client/datagramEnd",
  "dtls/state/COUNTERS",
  // Work of one record; the next one overwrites it.
  "dtls/record/NONCE",
  "dtls/record/AAD",
  "crypto/ccm/COUNTER",
]);

/** A recording of a genuine record, after a restart: it opens, and does not prove to be new. */
const UNPROVEN_TRACES = new Set([
  ...TRACES,
  "device/unproven",
  "dtls/client/lastNumber",
  "dtls/client/plaintext",
  "coap/message/message",
  "coap/message/optionsStart",
  "coap/message/optionsEnd",
  "coap/message/payload",
  "coap/message/payloadLength",
  "coap/message/optionAt",
  "coap/message/optionsLimit",
  "coap/message/number",
  "coap/message/value",
  "coap/message/valueLength",
]);

/** Data that no handshake message has to do with: constants, what the application registered, keys. */
const WALLS = new RegExp(
  [
    "^(?:cloud|client|app)/",
    "^coap/(?:inbox|message)/",
    "^connection/PEER$",
    "^device/(?:SEED|TX_BUFFER)$",
    "^index/",
    "^dtls/(?:labels|identity/SERVER_PUBLIC_KEY)",
    "^crypto/(?:aes/SBOX|der/SPKI_PREFIX|p256-comb/|p256-limbs/|p256-field/|p256-point/CURVE_B|sha256/INITIAL)",
  ].join("|"),
);

function pick<T>(list: readonly T[], random: SeededRandom): T {
  return list[random.below(list.length)];
}

/** A CoAP message sealed as the server would seal it. */
export function sealed(station: Station, content: Uint8Array, sequenceNumber: number): Buffer {
  const type = ContentType.ApplicationData;
  return sealRecord({ type, epoch: 1, sequenceNumber }, content, station.key!);
}

export class Targets {
  readonly visited: Stations;
  readonly device: FuzzDevice;
  /** Of another session: to its stations every datagram of `visited` is a stranger's. */
  private readonly named: Stations;
  private readonly namedDevice: FuzzDevice;
  private readonly established: Station[];
  private readonly disconnected: Station;
  private readonly codecs = new Codec();

  constructor() {
    this.visited = visitStations(openModule(), 1);
    this.device = new FuzzDevice(openModule(), this.visited.stations[0]);
    const { module } = namedBuild();
    this.named = visitStations(module, 2);
    this.namedDevice = new FuzzDevice(module, this.named.stations[0]);
    this.established = this.visited.stations.filter(({ isEstablished }) => isEstablished);
    this.disconnected = this.visited.stations.find(({ name }) => name === "switched on")!;
  }

  /** A datagram that nobody sealed: noise, damaged genuine ones, handshake messages with bad bodies. */
  private badDatagram(random: SeededRandom, station: Station): Buffer {
    const genuine = [...station.datagrams, ...this.visited.datagrams];
    const kind = random.unit();
    if (kind < 0.15) return noise(random, 1500);
    if (kind < 0.35) return this.badHandshake(random);
    const bytes = mutate(genuine, random);
    return bytes.length > 1500 ? bytes.subarray(0, 1500) : bytes;
  }

  /** Well-formed fragments around a bad body, of a length that the core may hold or not. */
  private badHandshake(random: SeededRandom): Buffer {
    const flights = this.visited.datagrams.flatMap((bytes) => handshakeMessages(bytes) ?? []);
    const message = pick(flights, random);
    const kind = random.unit();
    const long = (): Buffer =>
      Buffer.from(random.bytes(1400)).subarray(0, 400 + random.below(1000));
    const body =
      kind < 0.7 ? mutate([message.body], random) : kind < 0.9 ? noise(random, 300) : long();
    const messageSequence = random.chance(0.8) ? message.messageSequence : random.below(12);
    const type = random.chance(0.9) ? message.type : random.below(256);
    return handshakeRecord(encodeHandshakeMessage({ type, messageSequence, body }));
  }

  /** A datagram into any state: no trap, an end to what comes of it. */
  datagram(seed: number): Result {
    const random = new SeededRandom(seed);
    const station = pick(this.visited.stations, random);
    const input = this.badDatagram(random, station);
    this.device.visit(station);
    this.device.inject(input);
    const { datagrams, events } = this.device.drain();
    this.device.check();
    return this.result("datagram", station, input, datagrams, events.length);
  }

  /**
   * A datagram that nobody sealed, into any state, and what it left behind: in an established session
   * nothing but what is listed; in a handshake nothing beyond its walls.
   */
  stranger(seed: number): Result {
    const random = new SeededRandom(seed);
    const handshake = random.chance(0.3);
    const stations = this.named.stations.filter(({ isEstablished }) => isEstablished !== handshake);
    const station = pick(stations, random);
    const input = this.badDatagram(random, station);
    const { namedDevice } = this;
    namedDevice.visit(station);
    const before = namedDevice.snapshot();
    namedDevice.inject(input);
    const { regions } = namedBuild();
    const allowed = station.isResuming ? UNPROVEN_TRACES : TRACES;
    const changes = namedDevice.snapshot().changes(before, regions);
    const forbidden = changes.filter((name) => (handshake ? WALLS.test(name) : !allowed.has(name)));
    if (forbidden.length) throw new Misbehaviour(`changed ${forbidden.join(", ")}`);
    const { datagrams, events } = namedDevice.drain();
    const isAnswered = datagrams > 0 || events.length > 0;
    if (isAnswered && !handshake) throw new Misbehaviour("a stranger was answered");
    return this.result("stranger", station, input, datagrams, events.length);
  }

  /** Messages that authenticate, good and bad, one after the other; time passes in between. */
  message(seed: number): Result {
    const random = new SeededRandom(seed);
    const station = pick(this.established, random);
    this.device.visit(station);
    const inputs: Buffer[] = [];
    const total = { datagrams: 0, events: 0 };
    const count = 1 + random.below(4);
    for (let i = 0; i < count; i++) {
      const content = random.chance(0.9)
        ? mutate(this.visited.messages, random)
        : noise(random, 1400);
      // node:crypto does not seal nothing; the tests of an established session do that.
      const input = content.length ? content.subarray(0, 1400) : Buffer.of(0);
      inputs.push(input);
      this.device.inject(sealed(station, input, NEXT_NUMBER + i));
      const { datagrams, events } = this.device.drain();
      total.datagrams += datagrams;
      total.events += events.length;
      this.device.check();
    }
    this.device.wait(random.below(100_000));
    this.device.drain();
    this.device.check();
    return this.result("message", station, Buffer.concat(inputs), total.datagrams, total.events);
  }

  /** A stored session with bad contents under a good checksum: the host's storage cannot trap us. */
  storage(seed: number): Result {
    const random = new SeededRandom(seed);
    const station = pick(this.established, random);
    const { storage } = this.device;
    const slots = [StorageSlot.SessionA, StorageSlot.SessionB];
    const genuine = slots.flatMap((slot) => station.slots.get(slot) ?? []);
    // The device is on its way to connect; its session is read when its socket is asked for.
    this.device.visit(this.disconnected);
    for (const slot of slots) storage.slots.set(slot, this.badBlob(random, genuine));
    this.device.core.exports.connect(this.device.now);
    let { datagrams, events } = this.device.drain();
    for (let i = 0; i < 3; i++) {
      this.device.wait(random.below(30_000));
      const outputs = this.device.drain();
      datagrams += outputs.datagrams;
      events = [...events, ...outputs.events];
      this.device.check();
    }
    const input = Buffer.concat(slots.map((slot) => storage.slots.get(slot) ?? Buffer.alloc(0)));
    return this.result("storage", station, input, datagrams, events.length);
  }

  private badBlob(random: SeededRandom, genuine: Uint8Array[]): Buffer {
    const blob = mutate(genuine, random);
    // The checksum, CRC-32, stands in the last 4 bytes.
    if (blob.length >= 4 && random.chance(0.9)) {
      blob.writeUInt32LE(crc32(blob.subarray(0, -4)), blob.length - 4);
    }
    return blob;
  }

  /** The core's CoAP decoder and that of the cloud must agree on every message. */
  codec(seed: number): Result {
    const random = new SeededRandom(seed);
    const { messages, stations } = this.visited;
    const input = random.chance(0.95) ? mutate(messages, random) : noise(random, 1200);
    const expected = decodeByCloud(input);
    const actual = this.codecs.decode(input);
    const [a, b] = [expected, actual].map((value) => JSON.stringify(value));
    if (a !== b) throw new Misbehaviour(`decoded ${b}, and the cloud ${a}`);
    return this.result("codec", stations[0], input, 0, expected ? 1 : 0);
  }

  /** Calls of the host with numbers of every kind. */
  command(seed: number): Result {
    const random = new SeededRandom(seed);
    const station = pick(this.visited.stations, random);
    this.device.visit(station);
    const calls: string[] = [];
    for (let i = 0; i < 5; i++) calls.push(this.call(random));
    this.device.drain();
    this.device.wait(random.below(100_000));
    const { datagrams, events } = this.device.drain();
    this.device.check();
    return this.result("command", station, Buffer.from(calls.join()), datagrams, events.length);
  }

  private call(random: SeededRandom): string {
    const exports = this.device.core.exports as unknown as Record<
      string,
      (...n: number[]) => number
    >;
    const names = COMMANDS.filter((name) => name in exports);
    const name = pick(names, random);
    const argument = (): number => {
      const kind = random.below(4);
      if (kind === 0) return random.below(70);
      if (kind === 1) return random.below(2000);
      return kind === 2 ? random.u32() | 0 : pick(EDGES, random);
    };
    const { memory, argument_buffer, argument_capacity } = this.device.core.exports;
    const room = new Uint8Array(memory.buffer, argument_buffer(), argument_capacity());
    room.set(noise(random, 64));
    const values = [argument(), argument(), argument(), argument(), argument()];
    exports[name](...values);
    return `${name}(${values.join(" ")})`;
  }

  private result(
    target: string,
    station: Station,
    input: Buffer,
    datagrams: number,
    events: number,
  ): Result {
    return { target, station: station.name, input: input.toString("hex"), datagrams, events };
  }
}

const EDGES = [
  0,
  1,
  -1,
  64,
  65,
  1024,
  1025,
  1152,
  1153,
  1500,
  1501,
  65_535,
  65_536,
  2 ** 31 - 1,
  -(2 ** 31),
];

/** Exports that take nothing but numbers. */
const COMMANDS = [
  "register_function",
  "register_variable",
  "subscribe",
  "connect",
  "disconnect",
  "link_up",
  "link_down",
  "set_keepalive",
  "publish",
  "function_result",
  "variable_result",
  "call_refused",
  "request_time",
  "publish_vitals",
  "handle_datagram",
  "handle_timeout",
  "statistic",
];
