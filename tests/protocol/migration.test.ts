// The device's address changes under its feet, as behind a NAT that forgets: with a connection id
// nobody notices, without one it costs a handshake by session id, never silence.

import {
  ConnectionState,
  Credential,
  Device,
  MemoryStorage,
  Status,
  StorageSlot,
} from "../../bindings/node";
import type { Reason } from "../../bindings/node";
import { exportSec1, generateKeyPair } from "../../cloud/keys";
import { LocalCloud } from "../../cloud/local-cloud";
import { Registry } from "../../cloud/registry";
import { UdpListener } from "../../cloud/udp-listener";
import { Application } from "../support/application";
import { hasHandshake, history } from "../support/history";
import { Relay } from "../support/relay";
import { StandardWorld } from "../support/standard-world";
import { DEVICE_ID, World, coreModule } from "../support/world";

const CHANGED = 0x44;

/** Addresses that a device may be given: another port, another host. */
const PLACES = ["10.0.0.1:7777", "192.168.7.7:1000", "[2001:db8::7]:5684"];

const addressAtCloud = (world: World): string | undefined =>
  world.cloud.device(DEVICE_ID).session?.address;

describe("particle", () => {
  test("between two publishes: no handshake, both acknowledged, the cloud follows", async () => {
    const world = new World();
    const application = new Application(world).function("f", () => 7).subscribe("n");
    world.connectNow();
    world.run(2000);
    const from = world.sent.length;
    for (const place of PLACES) {
      const before = application.publish("before");
      world.run(1000);
      world.address = place;
      const after = application.publish("after");
      world.run(1000);
      expect([before, after].map((handle) => application.outcomes.get(handle))).toEqual([
        [Status.Ok],
        [Status.Ok],
      ]);
      expect(addressAtCloud(world)).toBe(place);
      expect(await world.settle(world.cloud.call(DEVICE_ID, "f"))).toBe(7);
      world.cloud.publish("n", place);
      world.run(1000);
      expect(Buffer.from(application.received.at(-1)!.data).toString()).toBe(place);
    }
    expect(hasHandshake(world, from)).toBe(false);
    expect(world.sessions.size).toBe(1);
    expect(history(world).at(-1)).toMatch(/^Connected HandshakeDone/);
  });

  test("between a publish and its ACK: the repetition comes from the new place", () => {
    const world = new World();
    const application = new Application(world);
    world.connectNow();
    world.run(2000);
    const from = world.sent.length;
    const handle = application.publish("up");
    world.address = PLACES[1];
    world.run(20_000);
    expect(application.outcomes.get(handle)).toEqual([Status.Ok]);
    expect(addressAtCloud(world)).toBe(PLACES[1]);
    expect(hasHandshake(world, from)).toBe(false);
  });

  test("an old datagram from elsewhere does not move the session", () => {
    const world = new World();
    const application = new Application(world);
    world.connectNow();
    application.publish("up");
    world.run(2000);
    const place = addressAtCloud(world);
    for (const { direction, bytes } of world.sent) {
      if (direction === "up") world.cloud.handleDatagram("6.6.6.6:666", bytes, world.now);
    }
    expect(addressAtCloud(world)).toBe(place);
  });

  test("over real sockets: a relay changes its port between two publishes", async () => {
    const [keyPair, deviceKey] = [generateKeyPair(), generateKeyPair()];
    const registry = new Registry();
    registry.register({ id: DEVICE_ID, publicKey: deviceKey.spki });
    const cloud = new LocalCloud({ keyPair, registry });
    const listener = await UdpListener.listen(cloud, { port: 0 });
    const relay = await Relay.start(listener.address.port);
    const storage = new MemoryStorage();
    storage.slots.set(StorageSlot.DevicePrivateKey, exportSec1(deviceKey));
    storage.slots.set(StorageSlot.ServerPublicKey, keyPair.spki);
    const server = relay.address;
    const device = new Device({ module: coreModule(), storage, deviceId: DEVICE_ID, server });
    const changes: Reason[] = [];
    try {
      await device.connect();
      await device.publish("before");
      device.on("connection", ({ reason }) => changes.push(reason));
      const handshakes = cloud.device(DEVICE_ID).session!.connectionId;
      for (let i = 0; i < 3; i++) {
        await relay.move();
        await device.publish("after");
        expect(cloud.device(DEVICE_ID).session).toMatchObject({
          address: relay.source,
          connectionId: handshakes,
        });
      }
      expect(changes).toEqual([]);
    } finally {
      await device.disconnect();
      await listener.close();
      relay.close();
    }
  });
});

describe.each([Credential.RawPublicKey, Credential.PreSharedKey])("standard, %s", (credential) => {
  test("with a connection id (RFC 9146): nobody notices", () => {
    const world = new StandardWorld({ credential });
    world.connectNow();
    world.run(1000);
    const from = world.sent.length;
    for (const place of [world.address, ...PLACES]) {
      world.address = place;
      const payload = Buffer.from(place);
      const response = world.respond(world.request({ payload }));
      expect(response).toMatchObject({ code: CHANGED, payload: Uint8Array.from(payload) });
      expect(addressAtCloud(world)).toBe(place);
    }
    expect(world.sent.length - from).toBe(2 * (1 + PLACES.length));
    expect(hasHandshake(world, from)).toBe(false);
  });

  test("after a reboot in another place the first packet is the request", () => {
    const world = new StandardWorld({ credential });
    world.connectNow();
    world.run(1000);
    const from = world.sent.length;
    world.startDevice();
    const handle = world.request({ payload: Buffer.from("again") });
    world.connect();
    expect(world.respond(handle)).toMatchObject({ code: CHANGED });
    expect(world.sent.length - from).toBe(2);
    expect(addressAtCloud(world)).toBe(world.address);
  });

  test("without one: a handshake by session id, and the request is answered", () => {
    const world = new StandardWorld({ credential, cid: false });
    world.connectNow();
    world.run(1000);
    expect(world.respond(world.request({ payload: Buffer.from("before") }))?.code).toBe(CHANGED);
    for (const place of PLACES) {
      const from = world.sent.length;
      world.events.length = 0;
      world.address = place;
      const handle = world.request({ payload: Buffer.from("after") });
      const movedAt = world.now;
      const response = world.respond(handle);
      expect(response).toMatchObject({
        code: CHANGED,
        payload: Uint8Array.from(Buffer.from("after")),
      });
      expect(hasHandshake(world, from)).toBe(true);
      expect(history(world).at(-1)).toBe("Connected SessionIdResumed Ok");
      expect(world.now - movedAt).toBeLessThan(120_000);
      expect(world.state).toBe(ConnectionState.Connected);
      world.run(5000);
    }
  });
});
