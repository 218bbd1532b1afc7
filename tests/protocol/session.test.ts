// Sessions that survive: what goes over the air after a reboot, what ends a session, what damaged or
// failing storage leads to, and what an old recording is worth.

import { ConnectionState, StorageSlot, Status } from "../../bindings/node";
import { CoapCode } from "../../cloud/coap/codec";
import { exportSec1, generateKeyPair } from "../../cloud/keys";
import { Application } from "../support/application";
import { FaultyStorage } from "../support/faulty-storage";
import { hasHandshake, history } from "../support/history";
import { messages, recordsOf, wireRecords } from "../support/wire";
import { DEVICE_ID, World } from "../support/world";
import type { WorldOptions } from "../support/world";

interface Setup {
  world: World;
  application: Application;
}

/** A device that is connected and has settled. */
function connected(options: WorldOptions = {}): Setup {
  const world = new World(options);
  const application = new Application(world).function("f", () => 1).subscribe("n");
  world.connectNow();
  world.run(1000);
  return { world, application };
}

/** Reboot the device; what it sends from now on begins at the index that is returned. */
function reboot({ world, application }: Setup): number {
  world.startDevice();
  application.install();
  world.events.length = 0;
  return world.sent.length;
}

/** The steps of the connection: "state reason". */
const reasons = (world: World): string[] =>
  history(world).map((change) => change.split(" ").slice(0, 2).join(" "));

const RESUMED = ["Opening SessionResumed", "Resuming SessionResumed", "Connected SessionResumed"];

describe("after a reboot", () => {
  test("the first packet carries the publish that waits: 103 bytes in 2 datagrams", () => {
    const { world, application } = connected();
    const setup = { world, application };
    for (let boot = 0; boot < 5; boot++) {
      const from = reboot(setup);
      const handle = application.publish("temp", "20 bytes of payload!");
      world.connect();
      world.run(5000);
      expect(application.outcomes.get(handle)).toEqual([Status.Ok]);
      expect(world.count(from)).toEqual({ up: 70, down: 33, datagrams: 2 });
      expect(reasons(world)).toEqual(RESUMED);
      expect(world.sent[from].bytes[0]).toBe(253);
      // One answer is enough: the next record is an ordinary one.
      application.publish("next");
      expect(world.sent[from + 2].bytes[0]).toBe(25);
      world.run(1000);
      expect(world.cloud.device(DEVICE_ID).session).toMatchObject({
        address: world.address,
        resumed: true,
      });
    }
  });

  test("a ping goes out when nothing waits, and nothing else", () => {
    const setup = connected();
    const from = reboot(setup);
    const { world } = setup;
    world.connect();
    world.run(249);
    expect(world.sent.length).toBe(from);
    world.run(5000);
    expect(world.count(from)).toEqual({ up: 42, down: 33, datagrams: 2 });
    expect(messages(world, "up", from)[0].message.code).toBe(CoapCode.Empty);
    expect(reasons(world)).toEqual(RESUMED);
  });

  test("a publish made within the grace takes the place of the ping", () => {
    const setup = connected();
    const from = reboot(setup);
    const { world, application } = setup;
    world.connect();
    world.run(200);
    application.publish("temp");
    world.run(5000);
    expect(world.count(from).datagrams).toBe(2);
    expect(messages(world, "up", from)[0].message.code).toBe(CoapCode.Post);
  });

  test("a publish without ACK alone proves nothing: a ping follows", () => {
    const setup = connected();
    const from = reboot(setup);
    const { world, application } = setup;
    application.publish("temp", "", { confirmable: false });
    world.connect();
    world.run(100);
    expect(world.state).toBe(ConnectionState.Resuming);
    world.run(5000);
    expect(messages(world, "up", from).map(({ message }) => message.code)).toEqual([
      CoapCode.Post,
      CoapCode.Empty,
    ]);
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("records are marked as moved until the cloud is heard", () => {
    const setup = connected();
    const { world, application } = setup;
    expect(wireRecords(world).some(({ type }) => type === 253)).toBe(false);
    const from = reboot(setup);
    world.tamper = (direction, bytes) => (direction === "down" ? undefined : bytes);
    for (let i = 0; i < 3; i++) application.publish("moved");
    world.connect();
    world.run(15_000);
    const unheard = world.sent.length;
    world.tamper = (_direction, bytes) => bytes;
    world.run(8_000);
    application.publish("settled");
    world.run(1000);
    const types = (start: number, end?: number): number[] => [
      ...new Set(
        wireRecords(world, start)
          .filter(({ datagram, direction }) => direction === "up" && (!end || datagram < end))
          .map(({ type }) => type),
      ),
    ];
    expect(types(from, unheard)).toEqual([253]);
    expect(unheard - from).toBeGreaterThan(6);
    expect(types(world.sent.length - 1)).toEqual([]);
    expect(
      wireRecords(world)
        .filter(({ direction }) => direction === "up")
        .at(-1)?.type,
    ).toBe(25);
  });

  test("in another place of the network the session goes on, both ways", async () => {
    const { world, application } = connected();
    const handle = application.publish("before");
    world.run(1000);
    world.core.exports.link_down(world.deviceNow);
    world.drain();
    world.run(5000);
    expect(world.state).toBe(ConnectionState.Connected);
    expect(world.sessions.size).toBe(1);
    expect(await world.settle(world.cloud.call(DEVICE_ID, "f"))).toBe(1);
    expect(application.outcomes.get(handle)).toEqual([Status.Ok]);
  });

  test("ten links that fail one after the other cost no handshake", () => {
    const { world, application } = connected();
    const from = world.sent.length;
    for (let i = 0; i < 10; i++) {
      application.publish("n");
      world.core.exports.link_down(world.deviceNow);
      world.drain();
      world.run(i % 2 ? 130_000 : 10);
    }
    world.run(130_000);
    expect(world.state).toBe(ConnectionState.Connected);
    expect(application.isSettled).toBe(true);
    expect(hasHandshake(world, from)).toBe(false);
  });
});

describe("what is told again", () => {
  /** Uri-Path of the device's requests since `from`. */
  const resources = (world: World, from: number): string[] =>
    messages(world, "up", from).flatMap(({ message }) => {
      const segment = message.options.find(({ number }) => number === 11);
      return segment ? [segment.value.toString()] : [];
    });

  test("nothing when nothing changed", () => {
    const setup = connected();
    for (let boot = 0; boot < 5; boot++) {
      const from = reboot(setup);
      setup.world.connect();
      setup.world.run(5000);
      expect(resources(setup.world, from)).toEqual([]);
    }
  });

  test("the application's description when a function was added, and only once", () => {
    const setup = connected();
    const { world, application } = setup;
    application.function("added", () => 2);
    let from = reboot(setup);
    world.connect();
    world.run(5000);
    expect(resources(world, from)).toEqual(["d"]);
    expect(world.sent[from].bytes[0]).toBe(253);
    expect(world.cloud.device(DEVICE_ID).functions).toEqual(["f", "added"]);
    from = reboot(setup);
    world.connect();
    world.run(5000);
    expect(resources(world, from)).toEqual([]);
  });

  test("the subscriptions when one was added", () => {
    const setup = connected();
    const { world, application } = setup;
    application.subscribe("m");
    const from = reboot(setup);
    world.connect();
    world.run(5000);
    expect(resources(world, from)).toEqual(["e", "e"]);
    world.cloud.publish("m");
    world.run(1000);
    expect(application.received).toHaveLength(1);
  });

  test("Hello, and all that follows it, when the firmware is another one", () => {
    const options: WorldOptions = { device: { productVersion: 1 } };
    const setup = connected(options);
    const { world, application } = setup;
    options.device!.productVersion = 2;
    const from = reboot(setup);
    world.connect();
    world.run(5000);
    expect(hasHandshake(world, from)).toBe(false);
    expect(resources(world, from)[0]).toBe("h");
    expect(world.cloud.device(DEVICE_ID).lastHello?.productVersion).toBe(2);
    expect(reasons(world)).toEqual(RESUMED);
    // A Hello starts the subscriptions anew at the cloud.
    world.cloud.publish("n");
    world.run(1000);
    expect(application.received).toHaveLength(1);
    expect(world.cloud.device(DEVICE_ID).functions).toEqual(["f"]);
  });

  test("what the cloud had not acknowledged before the reboot", () => {
    const steps = new Set<string>();
    for (let cut = 1; cut < 24; cut++) {
      const world = new World({ seed: cut });
      const application = new Application(world).function("f", () => 1).subscribe("n");
      world.connect();
      for (let i = 0; i < cut; i++) world.step(world.now + 60_000);
      steps.add(ConnectionState[world.state]);
      reboot({ world, application });
      world.connectNow();
      world.run(1000);
      expect(world.cloud.device(DEVICE_ID).functions).toEqual(["f"]);
      world.cloud.publish("n");
      world.run(1000);
      expect(application.received).toHaveLength(1);
    }
    expect([...steps]).toEqual(["Handshake", "Hello", "Connected"]);
  });
});

describe("the cloud", () => {
  test("restarts, and the session goes on in both directions", async () => {
    const { world, application } = connected();
    const from = world.sent.length;
    for (let restart = 0; restart < 3; restart++) {
      world.startCloud();
      application.publish("n");
      world.run(1000);
      expect(await world.settle(world.cloud.call(DEVICE_ID, "f"))).toBe(1);
    }
    expect(application.isSettled).toBe(true);
    expect(application.received).toHaveLength(3);
    expect(hasHandshake(world, from)).toBe(false);
  });

  /** The cloud process starts again with an empty disk; the device reboots. */
  function forgotten(setup: Setup): void {
    setup.world.cloudStorage.documents.clear();
    setup.world.startCloud();
    reboot(setup);
    setup.application.publish("up");
    setup.world.connect();
  }

  test("has forgotten the session and can say so: the device is back within a second", () => {
    const setup = connected();
    const { world, application } = setup;
    forgotten(setup);
    const startedAt = world.now;
    expect(world.runUntil(() => application.isSettled, 60_000)).toBe(true);
    expect(world.now - startedAt).toBeLessThan(1000);
    expect(reasons(world)).toContain("Handshake HandshakeBecauseForgotten");
    world.run(1000);
    world.cloud.publish("n");
    world.run(1000);
    expect(application.received).toHaveLength(1);
  });

  test("has forgotten the session and says nothing: within half a minute", () => {
    const setup = connected();
    const { world, application } = setup;
    world.tamper = (direction, bytes) => {
      const isReset = direction === "down" && world.state === ConnectionState.Resuming;
      return isReset ? undefined : bytes;
    };
    forgotten(setup);
    const startedAt = world.now;
    expect(world.runUntil(() => application.isSettled, 60_000)).toBe(true);
    expect(world.now - startedAt).toBeLessThan(30_000);
    expect(reasons(world)).toContain("Handshake HandshakeBecauseNoAnswer");
  });
});

describe("a session is not taken up", () => {
  test("with another device key or another server key", () => {
    const slots: [StorageSlot, (world: World) => Uint8Array][] = [
      [StorageSlot.DevicePrivateKey, () => exportSec1(generateKeyPair())],
      [StorageSlot.ServerPublicKey, () => generateKeyPair().spki],
    ];
    for (const [slot, key] of slots) {
      const setup = connected();
      const { world } = setup;
      world.storage.slots.set(slot, key(world));
      const from = reboot(setup);
      world.connect();
      expect(reasons(world)[0]).toBe("Opening HandshakeBecauseNoSession");
      expect(recordsOf(world.sent[from])[0].epoch).toBe(0);
    }
  });

  test("from a slot with any byte changed: the other slot or a handshake takes its place", () => {
    const setup = connected({ storage: new FaultyStorage() });
    const { world } = setup;
    // Both slots hold this session: the set-up was stored twice.
    const slots = [StorageSlot.SessionA, StorageSlot.SessionB];
    const genuine = new Map(slots.map((slot) => [slot, world.storage.slots.get(slot)!]));
    const [{ length }] = genuine.values();
    expect(length).toBeGreaterThan(128);
    for (const damaged of [[slots[0]], [slots[1]], slots]) {
      for (let at = 0; at < length; at++) {
        for (const slot of slots) world.storage.slots.set(slot, genuine.get(slot)!.slice());
        for (const slot of damaged) world.storage.slots.get(slot)![at] ^= 1 << (at % 8);
        reboot(setup);
        world.connect();
        const expected = damaged.length === 2 ? "HandshakeBecauseNoSession" : "SessionResumed";
        expect({ damaged, at, reason: reasons(world)[0] }).toEqual({
          damaged,
          at,
          reason: `Opening ${expected}`,
        });
      }
    }
  });

  test("from slots that are too short, too long, empty, or cannot be read", () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(183),
      Buffer.alloc(184),
      Buffer.alloc(185),
    ]) {
      const setup = connected();
      setup.world.storage.slots.set(StorageSlot.SessionA, bytes);
      setup.world.storage.slots.set(StorageSlot.SessionB, bytes);
      reboot(setup);
      setup.world.connectNow();
      expect(reasons(setup.world)[0]).toBe("Opening HandshakeBecauseNoSession");
    }
    const setup = connected();
    const read = setup.world.storage.read.bind(setup.world.storage);
    setup.world.storage.read = (slot) => {
      if (slot >= StorageSlot.SessionA) throw new Error("cannot be read");
      return read(slot);
    };
    reboot(setup);
    setup.world.connectNow();
    expect(reasons(setup.world)[0]).toBe("Opening HandshakeBecauseNoSession");
  });
});

describe("recordings", () => {
  test("of everything that the cloud ever sent are not acted upon after a reboot", () => {
    const setup = connected();
    const { world, application } = setup;
    for (let i = 0; i < 30; i++) {
      world.cloud.publish("n", `${i}`);
      world.cloud.signal(DEVICE_ID, i % 2 === 0).catch(() => {});
      application.publish("up");
      world.run(500);
    }
    world.cloud.call(DEVICE_ID, "f").catch(() => {});
    world.run(2000);
    const recorded = world.sent.filter(({ direction }) => direction === "down");
    const sealed = recorded.filter((sent) => recordsOf(sent).some(({ epoch }) => epoch === 1));
    expect(sealed.length).toBeGreaterThan(90);

    for (const waits of [0, 1, 4]) {
      reboot(setup);
      const { received, signals, calls } = application;
      received.length = signals.length = calls.length = 0;
      world.tamper = (direction, bytes) => (direction === "down" ? undefined : bytes);
      for (let i = 0; i < waits; i++) application.publish("waits");
      world.connect();
      world.run(1000);
      expect(world.state).toBe(ConnectionState.Resuming);
      world.events.length = 0;
      const from = world.sent.length;
      for (const { bytes } of recorded) world.inject(Uint8Array.from(bytes));
      expect(world.state).toBe(ConnectionState.Resuming);
      expect(world.events).toEqual([]);
      expect(world.sent.length).toBe(from);
      // Those above the stored high-water mark authenticate, and do not prove to be new.
      const [replayed, unproven] = [2, 5].map((number) => world.core.statistic(number));
      expect(replayed + unproven).toBeGreaterThanOrEqual(sealed.length - 1);
      expect(unproven).toBeGreaterThan(0);

      world.tamper = (_direction, bytes) => bytes;
      world.run(10_000);
      expect(world.state).toBe(ConnectionState.Connected);
      const known = world.core.statistic(2);
      for (const { bytes } of sealed) world.inject(Uint8Array.from(bytes));
      expect(world.core.statistic(2)).toBeGreaterThanOrEqual(known + sealed.length - 1);
      expect([received, signals, calls]).toEqual([[], [], []]);
      expect(application.isSettled).toBe(true);
    }
  });
});

describe("storage", () => {
  test("is written once for 64 records and once for a boot", () => {
    const storage = new FaultyStorage();
    const setup = connected({ storage });
    const { world, application } = setup;
    expect(storage.tried).toBe(2);
    const records = (): number =>
      wireRecords(world).filter(({ type }) => type === 25 || type === 253).length;
    let before = { tried: storage.tried, records: records() };
    for (let i = 0; i < 640; i++) {
      application.publish("n");
      world.run(100);
    }
    const made = records() - before.records;
    expect(made).toBeGreaterThanOrEqual(1280);
    expect(storage.tried - before.tried).toBeLessThanOrEqual(Math.ceil(made / 64));
    for (let boot = 0; boot < 20; boot++) {
      before = { tried: storage.tried, records: records() };
      reboot(setup);
      world.connect();
      world.run(1000);
      expect(storage.tried - before.tried).toBe(1);
    }
  });

  test("that refuses to write costs the resume, never the connection", () => {
    const storage = new FaultyStorage();
    storage.onWrite = () => "refuse";
    const setup = connected({ storage });
    const { world, application } = setup;
    for (let i = 0; i < 200; i++) {
      application.publish("n");
      world.run(1000);
    }
    expect(application.isSettled).toBe(true);
    expect(new Set([...application.outcomes.values()].flat())).toEqual(new Set([Status.Ok]));
    reboot(setup);
    world.connectNow();
    expect(reasons(world)[0]).toBe("Opening HandshakeBecauseNoSession");
  });

  test("that fails under way ends the session before a number is used twice", () => {
    const storage = new FaultyStorage();
    const { world, application } = connected({ storage });
    storage.onWrite = () => "refuse";
    for (let i = 0; i < 200; i++) {
      application.publish("n");
      world.run(1000);
    }
    expect(reasons(world)).toContain("Disconnected HandshakeBecauseStorage");
    expect(world.state).toBe(ConnectionState.Connected);
    expect(application.isSettled).toBe(true);
  });
});
