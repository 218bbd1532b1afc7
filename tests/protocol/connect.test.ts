// From nothing to connected: bytes on the wire, what the cloud learns, keepalive, goodbye.

import { ConnectionState, Status, VariableType } from "../../bindings/node";
import { CoapType } from "../../cloud/coap/codec";
import { Application } from "../support/application";
import { history } from "../support/history";
import { DEVICE_ID, World } from "../support/world";
import { messages, recordsOf } from "../support/wire";

/** Pings that the device sent since `from`. */
const pings = (world: World, from = 0): number[] =>
  messages(world, "up", from)
    .filter(({ message }) => message.code === 0 && message.type === CoapType.Confirmable)
    .map(({ at }) => at);

describe("handshake", () => {
  test("takes 6 datagrams and at most 1060 bytes, whatever the lengths of the signatures", () => {
    const sizes = new Set<number>();
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World({ seed });
      world.connect();
      world.runUntil(() => world.state === ConnectionState.Hello, 10_000);
      const handshake = world.sent.filter((sent) =>
        recordsOf(sent).some(({ type }) => type !== 25 || recordsOf(sent).length > 1),
      );
      const bytes = handshake.reduce((sum, sent) => sum + sent.bytes.length, 0);
      expect({ seed, datagrams: handshake.length }).toEqual({ seed, datagrams: 6 });
      expect(bytes).toBeLessThanOrEqual(1060);
      sizes.add(bytes);
    }
    expect(sizes.size).toBeGreaterThan(1);
  });

  test("without a cookie it takes 4", () => {
    const world = new World({ cloud: { cookies: false } });
    world.connect();
    world.runUntil(() => world.state === ConnectionState.Hello, 10_000);
    expect(world.sent.map(({ direction }) => direction)).toEqual([
      "up",
      "down",
      "up",
      "down",
      "up",
    ]);
  });

  test("goes through its states, each with its reason", () => {
    const world = new World();
    world.connectNow();
    expect(history(world)).toEqual([
      "Opening HandshakeBecauseNoSession Ok",
      "Handshake HandshakeBecauseNoSession Ok",
      "Hello HandshakeBecauseNoSession Ok",
      "Connected HandshakeDone Ok",
    ]);
  });

  test("connecting twice is refused", () => {
    const world = new World();
    world.connect();
    expect(world.core.exports.connect(world.deviceNow)).toBe(Status.InvalidState);
    world.run(5000);
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("a clock that wraps on the way makes no difference", () => {
    /** All events of ten minutes with a few publishes, each with its time. */
    function live(seed: number, deviceStart: number, loss: number): string[] {
      const world = new World({ deviceStart, loss, seed });
      const application = new Application(world);
      const events: string[] = [];
      world.onEvent = (event) => events.push(`${world.now} ${JSON.stringify(event)}`);
      world.connect();
      for (let minute = 0; minute < 10; minute++) {
        world.run(60_000);
        for (let i = 0; i < 3; i++) application.publish("wrap");
      }
      world.run(300_000);
      expect(world.state).toBe(ConnectionState.Connected);
      return [...events, ...pings(world).map(String)];
    }
    for (const before of [5, 25, 45, 200, 3000, 20_000, 70_000, 200_000, 400_000]) {
      for (const loss of [0, 0.3]) {
        const events = live(before, 0, loss);
        expect(live(before, 2 ** 32 - before, loss)).toEqual(events);
        expect(events.filter((event) => event.includes('"kind":4'))).toHaveLength(30);
      }
    }
  });

  test("publishes that fill the outbox before connecting do not keep Hello from going out", () => {
    for (const size of [0, 1, 100, 1024]) {
      const world = new World();
      const application = new Application(world);
      let refused: number = Status.Ok;
      while (refused === Status.Ok) {
        try {
          application.publish("offline", "x".repeat(size));
        } catch (error) {
          refused = (error as { status: number }).status;
        }
      }
      expect(refused).toBe(Status.NoSpace);
      expect(application.outcomes.size).toBeGreaterThan(1);
      world.connectNow();
      world.runUntil(() => application.isSettled, 60_000);
      const all = new Set([...application.outcomes.values()].flat());
      expect(all).toEqual(new Set([Status.Ok]));
    }
  });
});

describe("what the cloud learns", () => {
  test("Hello", () => {
    const world = new World({
      device: { productId: 0x1234, productVersion: 77, platformId: 13 },
    });
    world.connectNow();
    expect(world.cloud.device(DEVICE_ID).lastHello).toEqual({
      productId: 0x1234,
      productVersion: 77,
      flags: 0x136,
      platformId: 13,
      deviceId: DEVICE_ID,
      systemVersion: 100,
      maxMessageSize: 1152,
      maxBinarySize: 0,
      chunkSize: 0,
    });
  });

  test("functions, variables and subscriptions, with names of every kind", async () => {
    const world = new World();
    const longest = "n".repeat(64);
    new Application(world)
      .function("led", () => 1)
      .function('quote"back\\slash\n', () => 1)
      .function("größe", () => 1)
      .function(longest, () => 1)
      .variable("on", VariableType.Bool, () => true)
      .variable("count", VariableType.Int, () => 1)
      .variable("name", VariableType.String, () => "")
      .variable("temperature", VariableType.Double, () => 0)
      .subscribe("config/")
      .subscribe("blob", 0x62)
      .subscribe("cbor", 0x63);
    world.connectNow();
    world.run(1000);
    const { functions, variables, subscriptions } = world.cloud.device(DEVICE_ID);
    expect(functions).toEqual(["led", 'quote"back\\slash\n', "größe", longest]);
    expect(variables).toEqual({ on: 1, count: 2, name: 4, temperature: 9 });
    expect(subscriptions).toEqual([
      { filter: "config/", kind: "text" },
      { filter: "blob", kind: "binary" },
      { filter: "cbor", kind: "cbor" },
    ]);
    const { modules } = await world.settle(world.cloud.describe(DEVICE_ID, 1));
    expect(modules).toMatchObject([
      { type: 4, index: 1, version: 100 },
      { type: 5, index: 1, version: 0 },
    ]);
    expect(world.cloud.counters).toEqual({});
  });

  test("what is registered while connected is told at once", () => {
    const world = new World();
    const application = new Application(world);
    world.connectNow();
    world.run(1000);
    expect(world.cloud.device(DEVICE_ID).functions).toEqual([]);
    application.function("late", () => 1).subscribe("late");
    world.drain();
    world.run(1000);
    expect(world.cloud.device(DEVICE_ID).functions).toEqual(["late"]);
    expect(world.cloud.device(DEVICE_ID).subscriptions).toMatchObject([{ filter: "late" }]);
    expect(application.subscriptionsDone).toEqual([Status.Ok]);
  });

  test("describes on request: system, application, metrics; other types are refused", async () => {
    const world = new World();
    new Application(world).function("f", () => 1);
    world.connectNow();
    world.run(90_000);
    const application = await world.settle(world.cloud.describe(DEVICE_ID, 2));
    expect(application).toEqual({ functions: ["f"], variables: {} });
    const metrics = await world.settle(world.cloud.describe(DEVICE_ID, 4));
    const value = (id: number): number | undefined => metrics.find((m) => m.id === id)?.value;
    expect(value(6)).toBe(90);
    expect(value(21)).toBe(0);
    expect(value(22)).toBe(0);
    expect(value(23)).toBeGreaterThanOrEqual(3);
    expect(value(31)).toBe(20);
    for (const type of [0, 3, 8, 255] as unknown as 1[]) {
      const refused = world.settle(world.cloud.describe(DEVICE_ID, type));
      await expect(refused).rejects.toMatchObject({ code: "rejected", coapCode: 0x80 });
    }
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("vitals, asked for before and while connected", () => {
    const world = new World();
    world.core.exports.publish_vitals();
    world.connectNow();
    world.run(1000);
    const vitals = (): number =>
      messages(world, "up").filter(({ message }) =>
        message.options.some(({ number, value }) => number === 15 && value.equals(Buffer.of(4))),
      ).length;
    expect(vitals()).toBe(1);
    world.core.exports.publish_vitals();
    world.drain();
    world.run(1000);
    expect(vitals()).toBe(2);
  });
});

describe("long descriptions", () => {
  /** 100 functions and 100 variables with names that just fit. */
  function world100(): World {
    const world = new World();
    const application = new Application(world);
    for (let i = 0; i < 100; i++) {
      application.function(`f${i.toString().padStart(3, "0")}`, () => i);
      application.variable(`v${i.toString().padStart(3, "0")}`, VariableType.Int, () => i);
    }
    return world;
  }

  test("blockwise in both directions", async () => {
    const world = world100();
    world.connectNow();
    world.run(2000);
    const told = world.cloud.device(DEVICE_ID);
    expect(told.functions).toHaveLength(100);
    expect(Object.keys(told.variables ?? {})).toHaveLength(100);
    const blocks = messages(world, "up").filter(({ message }) =>
      message.options.some(({ number }) => number === 27),
    );
    expect(blocks.length).toBeGreaterThan(3);
    const answered = await world.settle(world.cloud.describe(DEVICE_ID, 2));
    expect(answered.functions).toEqual(told.functions);
    expect(answered.variables).toEqual(told.variables);
    expect(await world.settle(world.cloud.call(DEVICE_ID, "f099"))).toBe(99);
    expect(world.cloud.counters).toEqual({});
  });

  test("a registration while blocks are on their way starts the upload anew", () => {
    const world = world100();
    world.connect();
    const isBlock = (at: number): boolean =>
      messages(world, "up").filter(({ message }) =>
        message.options.some(({ number }) => number === 27),
      ).length === at;
    expect(world.runUntil(() => world.sessions.size > 0 && isBlock(2), 10_000)).toBe(true);
    expect(() => world.core.registerFunction("one-more", world.deviceNow)).toThrow("NoSpace");
    world.core.subscribe("s", 0, world.deviceNow);
    world.run(5000);
    expect(world.cloud.device(DEVICE_ID).functions).toHaveLength(100);
    expect(world.cloud.device(DEVICE_ID).subscriptions).toHaveLength(1);
  });

  test("a name that changes the description under way is told", () => {
    const world = new World();
    const application = new Application(world);
    for (let i = 0; i < 60; i++) application.function(`function${i}`, () => i);
    world.connect();
    const uploading = (): boolean =>
      world.sessions.size > 0 &&
      messages(world, "up").some(({ message }) =>
        message.options.some(({ number }) => number === 27),
      );
    expect(world.runUntil(uploading, 10_000)).toBe(true);
    application.function("one-more", () => 1);
    world.run(5000);
    expect(world.cloud.device(DEVICE_ID).functions).toHaveLength(61);
    expect(world.cloud.device(DEVICE_ID).functions?.at(-1)).toBe("one-more");
  });

  test("the registry refuses what it cannot hold, and keeps what it has", () => {
    const { core } = new World();
    const status = (register: () => number): number => {
      try {
        return register();
      } catch (error) {
        return (error as { status: number }).status;
      }
    };
    const add = (name: string): number => status(() => core.registerFunction(name, 0));
    expect(add("")).toBe(Status.InvalidArgument);
    expect(add("n".repeat(65))).toBe(Status.TooLong);
    expect(add("ü".repeat(33))).toBe(Status.TooLong);
    expect(add("n")).toBe(0);
    expect(add("n")).toBe(Status.AlreadyRegistered);
    // A variable of the same name is another thing.
    expect(status(() => core.registerVariable("n", VariableType.Int, 0))).toBe(0);
    expect(status(() => core.registerVariable("m", 3 as VariableType, 0))).toBe(
      Status.InvalidArgument,
    );
    for (let i = 0; i < 8; i++) expect(status(() => core.subscribe(`${i}`, 0, 0))).toBe(i);
    expect(status(() => core.subscribe("8", 0, 0))).toBe(Status.NoSpace);
    expect(status(() => core.subscribe("9", 1, 0))).toBe(Status.InvalidArgument);
    let count = 1;
    while (add(`${count}`.padStart(60, "0")) >= 0) count++;
    expect(add("x".repeat(64))).toBe(Status.NoSpace);
    expect(count).toBeGreaterThan(25);
  });
});

describe("keepalive", () => {
  test("25 s of silence bring exactly one ping", () => {
    const world = new World();
    world.connectNow();
    world.run(1000);
    const from = world.sent.length;
    const lastHeard = world.sent[from - 1].at + 10;
    world.run(25_000);
    expect(pings(world, from)).toEqual([lastHeard + 25_000]);
    world.run(25_000);
    expect(pings(world, from)).toHaveLength(2);
    expect(world.sent.length - from).toBe(4);
  });

  test("any received message postpones it", () => {
    const world = new World();
    new Application(world).subscribe("n");
    world.connectNow();
    world.run(1000);
    const from = world.sent.length;
    for (let i = 0; i < 10; i++) {
      world.run(24_000);
      world.cloud.publish("n", "", { confirmable: i % 2 === 0 });
    }
    world.run(1000);
    expect(pings(world, from)).toEqual([]);
    world.run(25_000);
    expect(pings(world, from)).toHaveLength(1);
  });

  test("its interval can be set; 0 sends none", () => {
    const world = new World();
    expect(world.core.exports.set_keepalive(-1)).toBe(Status.InvalidArgument);
    world.core.exports.set_keepalive(100_000);
    world.connectNow();
    world.run(1000);
    const from = world.sent.length;
    world.run(350_000);
    expect(pings(world, from)).toHaveLength(3);
    world.core.exports.set_keepalive(0);
    const then = world.sent.length;
    world.run(10_000_000);
    expect(pings(world, then)).toEqual([]);
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("the cloud pings, and is answered with an ACK", async () => {
    const world = new World();
    world.connectNow();
    world.run(1000);
    const from = world.sent.length;
    expect(await world.settle(world.cloud.ping(DEVICE_ID))).toBe(20);
    const [answer] = messages(world, "up", from);
    expect(answer.message).toMatchObject({ type: CoapType.Acknowledgement, code: 0 });
  });

  test("a cloud that is gone: a new socket, then a handshake, then it comes back", () => {
    const world = new World();
    world.connectNow();
    world.run(1000);
    let isGone = true;
    world.tamper = (_direction, bytes) => (isGone ? undefined : bytes);
    world.events.length = 0;
    world.run(300_000);
    isGone = false;
    expect(world.runUntil(() => world.state === ConnectionState.Connected, 200_000)).toBe(true);
    const [lost, opening, resuming, unanswered] = history(world);
    expect([lost, opening, resuming, unanswered]).toEqual([
      "Disconnected PingTimeout MessageTimeout",
      "Opening SessionResumed Ok",
      "Resuming SessionResumed Ok",
      "Disconnected HandshakeBecauseNoAnswer MessageTimeout",
    ]);
  });
});

describe("disconnecting", () => {
  test("with a goodbye that names reason and sleep", () => {
    const world = new World();
    const goodbyes: unknown[] = [];
    world.cloud.on("goodbye", (goodbye) => goodbyes.push(goodbye));
    world.connectNow();
    world.run(1000);
    world.core.disconnect(6, 3600, world.deviceNow);
    world.drain();
    expect(world.state).toBe(ConnectionState.Disconnecting);
    world.run(1000);
    expect(goodbyes).toEqual([{ deviceId: DEVICE_ID, cloudReason: 6, sleepSeconds: 3600 }]);
    expect(history(world).slice(-2)).toEqual([
      "Disconnecting Requested Ok",
      "Disconnected Requested Ok",
    ]);
    expect(world.cloud.device(DEVICE_ID)).toMatchObject({ connected: true, online: false });
    expect(world.core.exports.poll_timeout(world.deviceNow)).toBe(-1);
    expect(world.core.exports.disconnect(0, 0, world.deviceNow)).toBe(Status.InvalidState);
  });

  test("without one nothing goes out", () => {
    const world = new World();
    world.connectNow();
    world.run(1000);
    const from = world.sent.length;
    world.core.disconnect(0, 0, world.deviceNow);
    world.drain();
    world.run(100_000);
    expect(world.sent.length).toBe(from);
    expect(history(world).at(-1)).toBe("Disconnected Requested Ok");
  });

  test("a goodbye that nobody answers ends after 10 s", () => {
    const world = new World();
    world.connectNow();
    world.run(1000);
    world.tamper = () => undefined;
    world.core.disconnect(2, 0, world.deviceNow);
    world.drain();
    world.run(9_999);
    expect(world.state).toBe(ConnectionState.Disconnecting);
    world.run(1);
    expect(history(world).at(-1)).toBe("Disconnected Requested MessageTimeout");
  });

  test("in every state on the way", () => {
    for (let steps = 0; steps < 14; steps++) {
      for (const goodbye of [0, 2]) {
        const world = new World({ seed: steps });
        world.connect();
        for (let i = 0; i < steps; i++) world.step(60_000);
        world.core.disconnect(goodbye, 0, world.deviceNow);
        world.drain();
        world.run(15_000);
        expect(world.state).toBe(ConnectionState.Disconnected);
        world.connectNow();
      }
    }
  });
});
