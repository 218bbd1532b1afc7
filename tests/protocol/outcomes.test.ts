// How a connection ends when the other side is not the right one, is not there, or says what it may
// not: each case by its name.

import { randomFillSync } from "node:crypto";

import { ConnectionState, EventKind } from "../../bindings/node";
import { uint, vector } from "../../cloud/bytes";
import { AlertDescription, ContentType, HandshakeType } from "../../cloud/dtls/protocol";
import { generateKeyPair } from "../../cloud/keys";
import { datagramOf, plainRecord, serverFlight } from "../support/flights";
import { ends, plainAlerts, sealsAnything } from "../support/history";
import { DEVICE_ID, World } from "../support/world";

describe("who is not who it should be", () => {
  test("a server with another key: decrypt_error, and not one sealed byte", () => {
    const world = new World({ pinnedKey: generateKeyPair().spki });
    world.connect();
    world.run(100_000);
    expect(new Set(ends(world))).toEqual(new Set(["HandshakeFailed AuthenticationFailed"]));
    expect(new Set(plainAlerts(world))).toEqual(new Set([AlertDescription.DecryptError]));
    expect(sealsAnything(world)).toBe(false);
    expect(world.cloud.device(DEVICE_ID)).toMatchObject({ connected: false, online: false });
  });

  test("a device whose key the cloud does not know: one clear line there, an alert here, back-off", () => {
    const world = new World({ registered: false });
    world.connect();
    world.run(600_000);
    expect(new Set(ends(world))).toEqual(new Set(["HandshakeFailed AlertReceived"]));
    expect(world.core.statistic(12)).toBe(AlertDescription.AccessDenied);
    expect(world.cloudLog[0]).toMatch(
      /^handshake with 10.0.0.1:1001 refused: no device is registered with public key SHA-256 [0-9a-f]{64}$/,
    );
    expect(world.cloudLog).toHaveLength(ends(world).length);
    const opened = world.events.filter(({ kind }) => kind === EventKind.OpenLink);
    // 5 attempts a second apart, 5 two seconds apart, and so on: 600 s make 35 and a few.
    expect(opened.length).toBeGreaterThan(30);
    expect(opened.length).toBeLessThan(45);
  });

  test("a device under whose id another key is registered", () => {
    const world = new World({ registered: false });
    world.registry.register({ id: DEVICE_ID, publicKey: generateKeyPair().spki });
    world.connect();
    world.run(3000);
    expect(new Set(ends(world))).toEqual(new Set(["HandshakeFailed AlertReceived"]));
    expect(world.cloudLog[0]).toContain("no device is registered with public key");
    world.registry.register({ id: DEVICE_ID, publicKey: world.deviceKey.spki });
    world.run(5000);
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("a device whose key is registered under another id is refused, with a back-off", () => {
    const world = new World({ registered: false });
    const other = "ffffffffffffffffffffffff";
    world.registry.register({ id: other, publicKey: world.deviceKey.spki });
    world.connect();
    world.run(30_000);
    expect(ends(world)[0]).toMatch(/AlertReceived$/);
    expect(world.cloudLog).toContain(`device ${other} says Hello as ${DEVICE_ID}`);
    const handshakes = world.sent.filter(
      ({ direction, bytes }) => direction === "down" && serverFlight(bytes),
    );
    expect(handshakes.length).toBeGreaterThan(3);
    expect(handshakes.length).toBeLessThan(25);
  });

  test("keys that are missing or damaged are named when the device starts", () => {
    for (const [slot, name] of [
      [1, "InvalidPrivateKey"],
      [2, "InvalidPublicKey"],
    ] as const) {
      const world = new World();
      const genuine = world.storage.slots.get(slot)!;
      for (const bytes of [Buffer.alloc(0), Buffer.alloc(121), genuine.subarray(0, 50)]) {
        world.storage.slots.set(slot, bytes);
        expect(() => world.startDevice()).toThrow(`start: ${name}`);
      }
    }
  });

  test("a random source that fails, at the start and in a handshake", () => {
    let left = 0;
    const device = {
      random: (buffer: Uint8Array): void => {
        if (left-- <= 0) throw new Error("no entropy");
        randomFillSync(buffer);
      },
    };
    const make = (): World => new World({ device });
    expect(make).toThrow("start: RandomFailure");
    // Seeds, client random, ephemeral key, signature nonce: the next one fails.
    for (const draws of [1, 2, 3]) {
      left = draws;
      const world = make();
      world.connect();
      world.run(900);
      expect(ends(world)).toEqual(["HandshakeFailed RandomFailure"]);
      left = Infinity;
      world.run(5000);
      expect(world.state).toBe(ConnectionState.Connected);
    }
  });
});

describe("HelloVerifyRequest", () => {
  test("with new cookies again and again: followed four times, then no more", () => {
    for (const rounds of [1, 2, 3, 4, 20]) {
      const world = new World();
      let left = rounds;
      const sequences: number[] = [];
      world.tamper = (direction, bytes) => {
        if (direction === "up" && bytes[13] === HandshakeType.ClientHello)
          sequences.push(bytes[18]);
        const isRequest = direction === "down" && bytes[13] === HandshakeType.HelloVerifyRequest;
        if (!isRequest || left-- <= 0) return bytes;
        const body = Buffer.concat([uint(0xfefd, 2), vector(1, Buffer.alloc(16, left + 1))]);
        return datagramOf([{ type: HandshakeType.HelloVerifyRequest, messageSequence: 0, body }]);
      };
      world.connect();
      world.run(1000);
      expect(sequences).toEqual([0, 1, 2, 3, 4].slice(0, rounds + 2));
      const isConnected = world.state === ConnectionState.Connected;
      expect(isConnected).toBe(rounds <= 3);
      world.run(1_000_000);
      expect(world.state).toBe(ConnectionState.Connected);
      expect(new Set(ends(world))).toEqual(
        new Set(isConnected ? [] : ["HandshakeFailed HandshakeTimeout"]),
      );
    }
  });

  test("with a cookie of 0 to 255 bytes", () => {
    for (const length of [0, 1, 32, 255]) {
      const world = new World();
      const cookies: number[] = [];
      const fake = Buffer.alloc(length, 0xcc);
      let given = false;
      world.tamper = (direction, bytes) => {
        if (direction === "up" && bytes[13] === HandshakeType.ClientHello) cookies.push(bytes[60]);
        if (direction === "up" || bytes[13] !== HandshakeType.HelloVerifyRequest || given)
          return bytes;
        given = true;
        const body = Buffer.concat([uint(0xfeff, 2), vector(1, fake)]);
        return datagramOf([{ type: HandshakeType.HelloVerifyRequest, messageSequence: 0, body }]);
      };
      world.connect();
      world.run(5000);
      // The cloud does not know that cookie and gives its own.
      expect(cookies).toEqual([0, length, expect.any(Number)]);
      expect(cookies[2]).toBeGreaterThan(0);
      expect(world.state).toBe(ConnectionState.Connected);
    }
  });

  test("twice the same: the second is not followed", () => {
    const world = new World({ duplication: 1 });
    world.connect();
    world.run(5000);
    expect(ends(world)).toEqual([]);
    expect(world.state).toBe(ConnectionState.Connected);
  });
});

describe("plaintext that is not the handshake's", () => {
  test("a fatal alert or close_notify ends the attempt, a warning does not", () => {
    for (const [level, description, status] of [
      [2, 40, "AlertReceived"],
      [1, 0, "PeerClosed"],
      [2, 0, "PeerClosed"],
      [1, 90, undefined],
      [1, 112, undefined],
    ] as const) {
      const world = new World();
      world.connect();
      world.run(15);
      world.inject(plainRecord(ContentType.Alert, Buffer.of(level, description)));
      world.run(500);
      expect(ends(world)).toEqual(status ? [`HandshakeFailed ${status}`] : []);
      world.run(5000);
      expect(world.state).toBe(ConnectionState.Connected);
    }
  });

  test("application data, unknown types, other versions, other epochs are dropped", () => {
    const world = new World();
    world.connect();
    for (let step = 0; step < 6; step++) {
      for (const type of [0, 23, 24, 25, 252, 253, 255]) {
        world.inject(plainRecord(type, Buffer.alloc(20, type)));
      }
      const alert = plainRecord(ContentType.Alert, Buffer.of(2, 40));
      for (const [at, value] of [
        [1, 3],
        [2, 3],
        [3, 1],
        [4, 2],
        [4, 1],
        [12, 3],
      ]) {
        const other = Buffer.from(alert);
        other[at] = value;
        world.inject(other);
      }
      world.inject(plainRecord(ContentType.ChangeCipherSpec, Buffer.of(2)));
      world.inject(plainRecord(ContentType.Alert, Buffer.of(2)));
      world.step(10_000);
    }
    world.run(5000);
    expect(ends(world)).toEqual([]);
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("an early ChangeCipherSpec costs a retransmission at most", () => {
    for (const at of [5, 15, 25, 35, 45, 55]) {
      const world = new World();
      world.connect();
      world.run(at);
      world.inject(plainRecord(ContentType.ChangeCipherSpec, Buffer.of(1)));
      world.run(5000);
      expect(ends(world)).toEqual([]);
      expect(world.state).toBe(ConnectionState.Connected);
    }
  });
});

test("a handshake that nobody answers is given up after seven transmissions", () => {
  const world = new World();
  world.tamper = () => undefined;
  world.connect();
  world.run(182_500);
  expect(ends(world)).toEqual(["HandshakeFailed HandshakeTimeout"]);
  expect(world.sent.map(({ at }) => at / 1000)).toEqual([0, 2, 6, 14, 30, 62, 122]);
});
