// The local cloud that is fuzzed over UDP, in virtual time: one real device whose handshake, session and resumption were
// recorded, scripted clients of both profiles with sessions of their own, and a look at all that the cloud remembers.

import { Status } from "../../../bindings/node";
import { MAX_WAITING } from "../../../cloud/coap/message-layer";
import type { LocalCloud } from "../../../cloud/local-cloud";
import { Application } from "../../support/application";
import { ScriptedDevice } from "../../support/scripted-device";
import { StandardClient } from "../../support/standard-client";
import { PSK } from "../../support/standard-fixture";
import { DEVICE_ID, World } from "../../support/world";

const SCRIPTED_ID = "e00fce680011223344556677";
/** A reachability probe, which is echoed as it came. */
const PROBE = Buffer.from("fcfefd8003000012340001000401020304", "hex");
const STANDARD_ID = "e00fce680011223344556678";
export const SCRIPTED_ADDRESS = "10.0.0.7:7";
export const STANDARD_ADDRESS = "10.0.0.9:9";
/** A recorded cookie is good for 120 s: after that a replay must lead to nothing. */
const COOKIE_AGED_MS = 200_000;
/** Most of each, whatever comes in; the files of cloud/ say why. */
const BOUNDS: Record<string, number> = {
  sessions: 16,
  devices: 3,
  addressedSessions: 4,
  handshakes: 256,
  handshakeIds: 256,
  finished: 256,
  resumable: 12,
  links: 3,
  unsaved: 0,
  output: 0,
  resetSources: 1024,
  waitingMessages: 3 * (MAX_WAITING + 1),
  duplicates: 3 * 1024,
  exchanges: 0,
  subscriptions: 3 * 64,
  uploads: 3 * 4,
  delayed: 64,
  observations: 16,
  blockwise: 12,
};

export class CloudSide {
  readonly world: World;
  readonly cloud: LocalCloud;
  private readonly application: Application;
  /** Datagrams of devices to the cloud, as they were on the wire. */
  readonly recordings: Buffer[];
  device!: ScriptedDevice;
  client!: StandardClient;
  /** Handshakes of the scripted clients. */
  handshakes = 0;
  now: number;

  constructor(seed: number) {
    const psk = (identity: Buffer): { key: Buffer; deviceId: string } | undefined =>
      identity.equals(PSK.identity) ? { key: PSK.key, deviceId: STANDARD_ID } : undefined;
    this.world = new World({ seed, cloud: { psk } });
    this.cloud = this.world.cloud;
    this.application = new Application(this.world);
    const { registry, serverKey } = this.world;
    registry.register({ id: STANDARD_ID });
    this.device = new ScriptedDevice({
      ...{ id: SCRIPTED_ID, serverSpki: serverKey.spki, address: SCRIPTED_ADDRESS },
    });
    registry.register({ id: SCRIPTED_ID, publicKey: this.device.keyPair.spki });
    this.recordings = [...this.recordDevice(), ...this.recordStandard(), PROBE];
    this.now = this.world.now + COOKIE_AGED_MS;
    // They keep all that they hear.
    this.cloud.removeAllListeners();
    this.renewDevice();
    this.renewClient();
  }

  /** The scripted device does a handshake and says Hello. */
  renewDevice(): void {
    this.handshakes++;
    this.device = this.device.twin();
    this.device.handshake(this.cloud, this.now);
    this.device.talk(this.cloud, this.device.hello(), this.now);
  }

  /** The client of the standard profile does a handshake, without a connection id: its address is its session. */
  renewClient(): void {
    this.handshakes++;
    this.client = new StandardClient({ psk: PSK, address: STANDARD_ADDRESS });
    this.client.handshake(this.cloud, this.now);
    this.client.talk(this.cloud, this.client.coap({ code: 0 }), this.now);
  }

  /** Let time pass, and take what the cloud sends by its timers. @param allowed addresses that it may send to */
  pass(ms: number, allowed: (address: string) => boolean): void {
    this.now += ms;
    this.cloud.handleTimeout(this.now);
    for (let next = this.cloud.pollTransmit(); next; next = this.cloud.pollTransmit()) {
      if (!allowed(next.to)) throw new Error(`a timer sends to ${next.to}`);
    }
  }

  /** How many of everything the cloud remembers. */
  state(): Record<string, number> {
    const { cloud } = this;
    const dtls = cloud["dtls"];
    const { sessions } = dtls;
    const handshakes = dtls["handshakes"];
    return {
      sessions: sessions["byConnectionId"].size,
      devices: sessions["byDevice"].size,
      addressedSessions: sessions["byAddress"].size,
      handshakes: handshakes["byAddress"].size,
      handshakeIds: handshakes["byConnectionId"].size,
      finished: dtls["finished"].size,
      resumable: dtls["acceptor"].cache.size,
      links: cloud["links"].size,
      unsaved: cloud["store"]["unsaved"].size,
      output: cloud["output"].length,
    };
  }

  /** What a datagram that does not authenticate must leave as it was. */
  fingerprint(): string {
    const { sessions } = this.cloud["dtls"];
    const own = [...sessions["byDevice"].values()].flat();
    const marks = own.map((each) => [each.address, each.nextSequenceNumber, each.confirmed]);
    return JSON.stringify([this.state(), marks]);
  }

  /** @throws Error when the cloud remembers more than it may */
  checkBounds(): void {
    const counts = { ...this.state(), ...this.inLinks(), resetSources: this.resetSources };
    for (const [name, value] of Object.entries(counts)) {
      if (value > BOUNDS[name]) throw new Error(`${name}: ${value}, at most ${BOUNDS[name]}`);
    }
  }

  /** Sources that are remembered for their rate of resets: the one thing that a stranger leaves, and bounded. */
  get resetSources(): number {
    return this.cloud["reset"]?.sources ?? 0;
  }

  /** The real device goes on with its session: it publishes, and the session is the one of before. @throws Error */
  checkDevice(): void {
    const { world, application } = this;
    const { connectionId } = world.session ?? {};
    world.now = this.now;
    const handle = application.publish("after/fuzz", "x");
    const isDone = (): boolean => application.outcomes.get(handle)?.[0] === Status.Ok;
    if (!world.runUntil(isDone, 600_000)) throw new Error("the device is not acknowledged");
    if (world.session?.connectionId !== connectionId)
      throw new Error("the device lost its session");
    this.now = world.now;
  }

  /** Handshake, events in both directions, a call, and a restart that resumes the session. */
  private recordDevice(): Buffer[] {
    const { world, application } = this;
    application.function("led", () => 1).subscribe("news");
    world.connectNow();
    world.run(1000);
    application.publish("temperature", "21.5");
    world.cloud.publish("news", "x");
    world.cloud.call(DEVICE_ID, "led", "on").catch(() => undefined);
    world.run(5000);
    world.startDevice();
    world.connectNow();
    world.run(5000);
    return world.sent
      .filter(({ direction }) => direction === "up")
      .map(({ bytes }) => Buffer.from(bytes));
  }

  /** Handshakes of the standard profile: a key, a pre-shared key, a session id that is offered again. */
  private recordStandard(): Buffer[] {
    const recorded: Buffer[] = [];
    const { cloud, world } = this;
    const { keyPair } = this.device;
    const serverSpki = world.serverKey.spki;
    const first = { psk: PSK, extendedMasterSecret: true, address: "10.0.0.10:1" };
    const clients = [
      new StandardClient(first),
      new StandardClient({ ...first, connectionId: Buffer.of(1) }),
      new StandardClient({ keyPair, serverSpki, address: "10.0.0.11:1" }),
    ];
    const record = (client: StandardClient): void => {
      const give = (datagram: Buffer): Buffer[] => {
        recorded.push(datagram);
        return client.exchange(cloud, datagram, world.now);
      };
      let flight = give(client.clientHello());
      const cookie = client.parseHelloVerifyRequest(flight[0]);
      if (cookie) flight = give(client.clientHello(cookie));
      for (const part of flight) client.handleDatagram(part);
      for (const part of give(Buffer.concat(client.secondFlight()))) client.handleDatagram(part);
      give(client.coap({ code: 1 }));
    };
    for (const client of clients) record(client);
    record(new StandardClient({ ...first, resume: clients[0].session }));
    return recorded;
  }

  private inLinks(): Record<string, number> {
    const links = [...this.cloud["links"].values()];
    const sum = (of: (link: (typeof links)[number]) => number | undefined): number =>
      links.reduce((total, link) => total + (of(link) ?? 0), 0);
    return {
      waitingMessages: sum(({ messages }) => messages?.pending),
      duplicates: sum(({ messages }) => messages?.duplicates["seen"].size),
      exchanges: sum(({ exchanges }) => exchanges?.["pending"].size),
      subscriptions: sum(({ subscriptions }) => subscriptions.all.length),
      uploads: sum(({ uploads }) => uploads.size),
      delayed: sum(({ endpoint }) => endpoint?.["delayed"].length),
      observations: sum(({ endpoint }) => endpoint?.["observers"]["observations"].size),
      blockwise: sum(({ endpoint }) => {
        const blockwise = endpoint?.["blockwise"];
        return (blockwise?.["uploads"].size ?? 0) + (blockwise?.["representations"].size ?? 0);
      }),
    };
  }
}
