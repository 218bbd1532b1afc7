// Every state in which a device can be met by a datagram, each as a snapshot to return to.

import { readFileSync } from "node:fs";
import path from "node:path";

import { ConnectionState, VariableType } from "../../../bindings/node";
import type { StorageSlot } from "../../../bindings/node";
import { encodeHandshakeMessage } from "../../../cloud/dtls/handshake-message";
import type { WriteKey } from "../../../cloud/dtls/record";
import type { Session } from "../../../cloud/dtls/session";
import { Application } from "../../support/application";
import { handshakeRecord, serverFlight } from "../../support/flights";
import { Snapshot } from "../../support/snapshot";
import { messages } from "../../support/wire";
import { DEVICE_ID, World } from "../../support/world";
import type { WorldOptions } from "../../support/world";

export interface Station {
  name: string;
  snapshot: Snapshot;
  now: number;
  slots: Map<StorageSlot, Uint8Array>;
  /** The server's key when records can be sealed for the device here. */
  key?: WriteKey;
  /** Whether the handshake is over, so that nothing unauthenticated may change anything. */
  isEstablished: boolean;
  /** Whether the session was restored and the server not heard yet. */
  isResuming: boolean;
  /** Genuine datagrams that were sent to the device before. */
  datagrams: Uint8Array[];
}

export interface Stations {
  stations: Station[];
  /** Genuine datagrams in both directions, and CoAP messages of both ends in clear. */
  datagrams: Uint8Array[];
  messages: Uint8Array[];
}

const CAPTURE = path.join(__dirname, "../../vectors/device-os-6.2-capture.jsonl");

const WAITING_STATES = [ConnectionState.Hello, ConnectionState.Resuming, ConnectionState.Connected];

/** The life of one device, stopped at every interesting moment. */
class Tour {
  readonly stations: Station[] = [];
  readonly options: WorldOptions;
  readonly world: World;
  private readonly application: Application;
  private held: Uint8Array[] = [];

  constructor(module: WebAssembly.Module, seed: number) {
    this.options = { module, seed, device: { productVersion: 1 } };
    this.world = new World(this.options);
    this.application = new Application(this.world)
      .function("function", () => 1)
      .variable("variable", VariableType.Int, () => 1)
      .subscribe("event")
      .subscribe("binary", 0x62);
    // So many that the description takes several blocks.
    for (let i = 0; i < 50; i++) this.application.function(`function${i}-with-a-name`, () => i);
  }

  private note(name: string): void {
    const { world } = this;
    const { state } = world;
    const [unconfirmed] = [...world.cloud["dtls"].sessions["byConnectionId"].values()].slice(-1);
    const session: Session | undefined = world.session ?? unconfirmed;
    const keys = session?.["keys"];
    this.stations.push({
      name,
      snapshot: Snapshot.take(world.core),
      now: world.deviceNow,
      slots: new Map([...world.storage.slots].map(([slot, bytes]) => [slot, bytes.slice()])),
      key: keys && { key: keys.serverWriteKey, iv: keys.serverWriteIv },
      isEstablished: [...WAITING_STATES, ConnectionState.Disconnecting].includes(state),
      isResuming: state === ConnectionState.Resuming,
      datagrams: world.sent.flatMap(({ direction, bytes }) =>
        direction === "down" && !this.isHeld(bytes) ? [bytes] : [],
      ),
    });
  }

  private isHeld(datagram: Uint8Array): boolean {
    return this.held.some((held) => Buffer.compare(held, datagram) === 0);
  }

  /** Hold back what the cloud sends from now on. */
  private hold(): void {
    this.held = [];
    this.world.tamper = (direction, bytes) => {
      if (direction === "up") return bytes;
      this.held.push(bytes);
      return undefined;
    };
  }

  /** Let the cloud's datagrams pass again, those that were held first. */
  private release(): void {
    this.world.tamper = (_direction, bytes) => bytes;
    for (const datagram of this.held.splice(0)) this.world.inject(datagram);
  }

  private handshake(): void {
    const { world } = this;
    this.note("switched on");
    world.opensLinks = false;
    world.connect();
    this.note("waits for a socket");
    world.opensLinks = true;
    world.core.disconnect(0, 0, world.deviceNow);
    this.hold();
    world.connect();
    this.note("waits for HelloVerifyRequest");
    world.run(100);
    const request = this.held.splice(0)[0];
    world.inject(request);
    this.note("waits for ServerHello");
    world.run(100);
    const flight = serverFlight(this.held.splice(0)[0])!;
    for (const message of flight) {
      const { body } = message;
      const whole = encodeHandshakeMessage(message);
      if (body.length > 1) {
        // Its last byte is still missing.
        const part = Buffer.from(whole.subarray(0, -1));
        part.writeUIntBE(body.length - 1, 9, 3);
        world.inject(handshakeRecord(part));
        this.note(`waits for the rest of message ${message.type}`);
      }
      world.inject(handshakeRecord(whole));
      this.note(`has message ${message.type}`);
    }
    world.run(100);
    // Still held, so that it does not count as a recording: the genuine Finished may do what it does.
    const [last] = this.held;
    world.inject(last.slice(0, 14));
    this.note("waits for Finished");
    this.held.length = 0;
    world.inject(last.slice(14));
    this.note("waits for the ACK of Hello");
    world.run(100);
    world.inject(this.held.splice(0)[0]);
    this.note("tells its description");
    this.release();
    world.run(1000);
    this.note("connected");
  }

  private talk(): void {
    const { world, application } = this;
    for (const name of ["event/a", "event/b/c", "binary"]) world.cloud.publish(name, "data");
    world.cloud.publish("binary", Buffer.alloc(30, 0xff), { contentType: 42 });
    const calls = [
      world.cloud.call(DEVICE_ID, "function", "argument"),
      world.cloud.call(DEVICE_ID, "unknown"),
      world.cloud.read(DEVICE_ID, "variable"),
      world.cloud.describe(DEVICE_ID, 1),
      world.cloud.describe(DEVICE_ID, 2),
      world.cloud.describe(DEVICE_ID, 4),
      world.cloud.signal(DEVICE_ID, true),
      world.cloud.ping(DEVICE_ID),
    ];
    for (const call of calls) call.catch(() => {});
    world.core.exports.request_time();
    world.drain();
    world.run(5000);
    this.hold();
    for (let i = 0; i < 6; i++) application.publish("up/event", `${i}`.repeat(20));
    world.core.exports.request_time();
    world.core.exports.publish_vitals();
    world.drain();
    this.note("waits for ACKs");
    this.release();
    world.run(5000);
    world.onEvent = () => {};
    for (let i = 0; i < 3; i++) world.cloud.call(DEVICE_ID, "function", `${i}`).catch(() => {});
    world.cloud.read(DEVICE_ID, "variable").catch(() => {});
    world.run(1000);
    this.note("owes answers");
    world.run(60_000);
    this.note("idle");
  }

  private restart(): void {
    const { world } = this;
    for (const version of [1, 2]) {
      this.options.device!.productVersion = version;
      this.hold();
      world.startDevice();
      this.application.install();
      world.core.publish("up/event", "after the reboot");
      world.connect();
      this.note(version === 1 ? "resumes" : "resumes with another firmware");
      world.run(20_000);
      this.note(
        version === 1 ? "resumes, still alone" : "resumes with another firmware, still alone",
      );
      this.release();
      world.run(10_000);
    }
    this.hold();
    world.core.disconnect(6, 60, world.deviceNow);
    world.drain();
    this.note("says goodbye");
    world.run(11_000);
    world.tamper = () => undefined;
    world.connect();
    world.run(26_000);
    this.note("begins again");
    world.runUntil(() => world.state === ConnectionState.Disconnected, 200_000);
    this.note("waits to try again");
  }

  run(): Stations {
    this.handshake();
    this.talk();
    this.restart();
    const { world } = this;
    const all = (["up", "down"] as const).flatMap((direction) => messages(world, direction));
    return {
      stations: this.stations,
      datagrams: unique([...captured("udp"), ...world.sent.map(({ bytes }) => bytes)]),
      messages: unique([...captured("app"), ...all.map(({ content }) => content!)]),
    };
  }
}

/** Datagrams or messages of the capture of a genuine device. */
function captured(kind: "udp" | "app"): Uint8Array[] {
  return readFileSync(CAPTURE, "utf8")
    .split("\n")
    .filter((line) => line.length > 0)
    .map((line) => JSON.parse(line) as { k: string; hex?: string })
    .flatMap(({ k, hex }) => (k === kind && hex ? [Buffer.from(hex, "hex")] : []));
}

/** Datagrams or messages of which no two have the same length and first bytes. */
function unique(list: Uint8Array[]): Uint8Array[] {
  const byShape = new Map(list.map((bytes) => [`${bytes.length} ${bytes[0]} ${bytes[1]}`, bytes]));
  return [...byShape.values()];
}

/** All stations of a device that runs this module. */
export function visitStations(module: WebAssembly.Module, seed: number): Stations {
  return new Tour(module, seed).run();
}
