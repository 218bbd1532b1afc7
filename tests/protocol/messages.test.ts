// Functions, variables, publishes, events, time and signal between a connected device and the cloud.

import { ConnectionState, ContentFormat, Status, VariableType } from "../../bindings/node";
import { CoapCode, CoapType, stringOption, uintOption } from "../../cloud/coap/codec";
import type { CoapMessage, CoapOption } from "../../cloud/coap/codec";
import type { EventMessage } from "../../cloud/local-cloud";
import { Application } from "../support/application";
import { messageLayer, messages, request } from "../support/wire";
import { DEVICE_ID, World } from "../support/world";

interface Setup {
  world: World;
  application: Application;
  /** Events that reached the cloud. */
  events: EventMessage[];
}

/** A connected device. `register` is done before it connects. */
function connected(register: (application: Application) => void = () => {}): Setup {
  const world = new World();
  const application = new Application(world);
  register(application);
  const events: EventMessage[] = [];
  world.cloud.on("event", (event) => events.push(event));
  world.connectNow();
  world.run(1000);
  return { world, application, events };
}

const path = (...segments: string[]): CoapOption[] =>
  segments.map((segment) => stringOption(11, segment));
const query = (value: string): CoapOption => stringOption(15, value);

/** The response to a request; fails when there is none. */
async function response(
  world: World,
  message: { code: number; options: CoapOption[]; payload?: Buffer },
): Promise<CoapMessage> {
  const outcome = await request(world, message);
  if (outcome.kind !== "response") throw new Error(outcome.kind);
  return outcome.response;
}

/** Status that a refused publish throws. */
function refusal(publish: () => unknown): number {
  try {
    publish();
  } catch (error) {
    return (error as { status: number }).status;
  }
  return Status.Ok;
}

describe("functions", () => {
  test("return what the application returns, 32 bits with sign", async () => {
    const results = [0, 1, -1, 42, 2 ** 31 - 1, -(2 ** 31)];
    const { world, application } = connected((application) =>
      application.function("f", (argument) => results[Number(argument)]),
    );
    for (const [index, result] of results.entries()) {
      expect(await world.settle(world.cloud.call(DEVICE_ID, "f", `${index}`))).toBe(result);
    }
    expect(application.calls.map(({ argument }) => argument)).toEqual([
      "0",
      "1",
      "2",
      "3",
      "4",
      "5",
    ]);
    expect(world.cloud.counters).toEqual({});
  });

  test("get arguments of 0 to 1024 bytes; a longer one is refused without a call", async () => {
    const { world, application } = connected((application) => application.function("f", () => 7));
    for (const argument of [
      "",
      "x",
      "ü".repeat(512),
      "a".repeat(12),
      "b".repeat(13),
      "c".repeat(1024),
    ]) {
      expect(await world.settle(world.cloud.call(DEVICE_ID, "f", argument))).toBe(7);
      expect(application.calls.pop()).toEqual({ name: "f", argument });
    }
    const options = [...path("f", "f"), query("x".repeat(1025))];
    const refused = await response(world, { code: CoapCode.Post, options });
    expect(refused.code).toBe(CoapCode.BadRequest);
    expect(application.calls).toEqual([]);
  });

  test("that do not exist are reported at once", async () => {
    const { world } = connected((application) =>
      application.function("f", () => 1).variable("v", VariableType.Int, () => 1),
    );
    for (const name of ["g", "F", "ff", "v"]) {
      const before = world.now;
      const call = world.settle(world.cloud.call(DEVICE_ID, name));
      await expect(call).rejects.toMatchObject({ code: "function-not-found" });
      expect(world.now - before).toBeLessThan(100);
    }
  });

  test("that refuse are answered with 5.00", async () => {
    const { world } = connected((application) => application.function("f", () => undefined));
    const call = world.settle(world.cloud.call(DEVICE_ID, "f"));
    await expect(call).rejects.toMatchObject({ code: "rejected", coapCode: 0xa0 });
  });

  test("answered late: 8 at a time, each to its own call; the ninth is told to come later", async () => {
    const { world } = connected();
    world.core.registerFunction("f", world.deviceNow);
    world.drain();
    world.run(1000);
    const open: { call: number; argument: string }[] = [];
    world.onEvent = (event) => {
      if (event.kind === 6) open.push(event);
    };
    const calls = Array.from({ length: 9 }, (_, i) =>
      world.cloud.call(DEVICE_ID, "f", `${i}`, { timeoutMs: 60_000 }),
    );
    const ninth = expect(calls[8]).rejects.toMatchObject({ code: "rejected", coapCode: 0xa3 });
    world.run(2000);
    await ninth;
    expect(open.map(({ argument }) => argument)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
    for (const { call, argument } of [...open].reverse()) {
      expect(world.core.exports.function_result(call, 100 + Number(argument))).toBe(Status.Ok);
      expect(world.core.exports.function_result(call, 0)).toBe(Status.NotFound);
      world.drain();
      world.run(1000);
    }
    expect(await Promise.all(calls.slice(0, 8))).toEqual([100, 101, 102, 103, 104, 105, 106, 107]);
    for (const call of [0, -1, 8, 2 ** 31 - 1]) {
      expect(world.core.exports.function_result(call, 0)).toBe(Status.NotFound);
    }
  });

  test("an answer to a call of an earlier connection goes nowhere", () => {
    const { world } = connected();
    world.core.registerFunction("f", world.deviceNow);
    const open: number[] = [];
    world.onEvent = (event) => {
      if (event.kind === 6) open.push(event.call);
    };
    world.drain();
    world.run(1000);
    world.cloud.call(DEVICE_ID, "f").catch(() => {});
    world.run(1000);
    world.core.exports.link_down(world.deviceNow);
    world.drain();
    world.run(5000);
    expect(world.state).toBe(ConnectionState.Connected);
    expect(open).toHaveLength(1);
    expect(world.core.exports.function_result(open[0], 0)).toBe(Status.NotFound);
  });
});

describe("variables", () => {
  test("of each type", async () => {
    const values: Record<string, [VariableType, boolean | number | string]> = {
      yes: [VariableType.Bool, true],
      no: [VariableType.Bool, false],
      zero: [VariableType.Int, 0],
      least: [VariableType.Int, -(2 ** 31)],
      most: [VariableType.Int, 2 ** 31 - 1],
      pi: [VariableType.Double, Math.PI],
      tiny: [VariableType.Double, -5e-324],
      infinite: [VariableType.Double, Infinity],
      empty: [VariableType.String, ""],
      text: [VariableType.String, "grün\0é"],
      longest: [VariableType.String, "s".repeat(1024)],
    };
    const { world } = connected((application) => {
      for (const [name, [type, value]] of Object.entries(values)) {
        application.variable(name, type, () => value);
      }
    });
    for (const [name, [, value]] of Object.entries(values)) {
      expect(await world.settle(world.cloud.read(DEVICE_ID, name))).toBe(value);
    }
    const unknown = world.settle(world.cloud.read(DEVICE_ID, "unknown"));
    await expect(unknown).rejects.toMatchObject({ code: "variable-not-found" });
    expect(world.cloud.counters).toEqual({});
  });

  test("a value that does not fit its type is refused, and can be given again", async () => {
    const tries: Uint8Array[] = [Buffer.alloc(3), Buffer.alloc(5), Buffer.alloc(0)];
    const { world } = connected();
    world.core.registerVariable("int", VariableType.Int, world.deviceNow);
    world.core.registerVariable("string", VariableType.String, world.deviceNow);
    world.drain();
    world.run(1000);
    const statuses: number[] = [];
    world.onEvent = (event) => {
      if (event.kind !== 7) return;
      const answer = (value: Uint8Array): void => {
        statuses.push(world.core.answerVariable(event.call, value));
      };
      if (event.type === VariableType.String) answer(Buffer.alloc(1025));
      else for (const value of tries) answer(value);
      answer(Buffer.from("0100\0".slice(0, 4)));
    };
    expect(await world.settle(world.cloud.read(DEVICE_ID, "int"))).toBe(0x30303130);
    expect(statuses).toEqual([-1, -1, -1, 0]);
    expect(await world.settle(world.cloud.read(DEVICE_ID, "string"))).toBe("0100");
    expect(statuses.slice(4)).toEqual([Status.TooLong, Status.Ok]);
  });
});

describe("publish", () => {
  test("content types, ttl and acknowledgement arrive as they were given", () => {
    const { world, application, events } = connected();
    const cases = [
      { data: "text", options: {}, expected: { contentType: 0, ttl: 60, confirmable: true } },
      {
        data: '{"a":1}',
        options: { contentFormat: ContentFormat.Json, ttl: 0 },
        expected: { contentType: 50, ttl: 0, confirmable: true },
      },
      {
        data: Uint8Array.of(0, 255, 1, 0),
        options: { contentFormat: ContentFormat.OctetStream, ttl: 255 },
        expected: { contentType: 42, ttl: 255, confirmable: true },
      },
      {
        data: Uint8Array.of(0xa1, 0x61, 0x61, 1),
        options: { contentFormat: ContentFormat.Cbor, ttl: 256 },
        expected: { contentType: 60, ttl: 256, confirmable: true },
      },
      {
        data: Uint8Array.of(0xa1, 0x61, 0x61, 1),
        options: { contentFormat: ContentFormat.StructuredCbor, ttl: 16_777_215 },
        expected: { contentType: 65001, ttl: 16_777_215, confirmable: true },
      },
      {
        data: "once",
        options: { confirmable: false, ttl: 65_536 },
        expected: { contentType: 0, ttl: 65_536, confirmable: false },
      },
    ];
    for (const { data, options, expected } of cases) {
      const handle = application.publish("e", data, options);
      // Not confirmable: done when it is sent.
      expect(application.outcomes.get(handle)).toEqual(options.confirmable === false ? [0] : []);
      world.run(1000);
      expect(application.outcomes.get(handle)).toEqual([Status.Ok]);
      const event = events.pop();
      expect(event).toMatchObject(expected);
      expect(event?.data).toEqual(Buffer.from(data as string));
    }
    expect(world.cloud.counters).toEqual({});
  });

  test("names of 1 to 64 bytes and data of 0 to 1024 arrive whole", () => {
    const { world, application, events } = connected();
    for (const name of [
      "n",
      "a/b/c",
      "x".repeat(12),
      "y".repeat(13),
      "z".repeat(64),
      "é".repeat(32),
    ]) {
      for (const data of ["", "d", "e".repeat(1023), "f".repeat(1024), "ü".repeat(512)]) {
        application.publish(name, data);
        world.run(1000);
        expect(events.pop()).toMatchObject({ name });
        expect(application.isSettled).toBe(true);
      }
    }
    const [last] = messages(world, "up").slice(-1);
    expect(last.message.payload.toString()).toBe("ü".repeat(512));
  });

  test("what is too long, reserved or out of range is refused, and nothing is sent", () => {
    const { world, application } = connected();
    const from = world.sent.length;
    const reserved = ["spark", "Spark/x", "sPARKling", "particle", "PARTICLE/device", "pArTiClEs"];
    for (const name of reserved) {
      expect(refusal(() => application.publish(name))).toBe(Status.ReservedName);
    }
    expect(refusal(() => application.publish(""))).toBe(Status.InvalidArgument);
    expect(refusal(() => application.publish("n".repeat(65)))).toBe(Status.TooLong);
    expect(refusal(() => application.publish("é".repeat(33)))).toBe(Status.TooLong);
    expect(refusal(() => application.publish("n", "d".repeat(1025)))).toBe(Status.TooLong);
    expect(refusal(() => application.publish("n", "ü".repeat(513)))).toBe(Status.TooLong);
    expect(refusal(() => application.publish("n", "d".repeat(5000)))).toBe(Status.TooLong);
    for (const ttl of [16_777_216, 2 ** 32 - 1, -1]) {
      expect(refusal(() => application.publish("n", "", { ttl }))).toBe(Status.InvalidArgument);
    }
    for (const contentFormat of [65_536, -1]) {
      const options = { contentFormat };
      expect(refusal(() => application.publish("n", "", options))).toBe(Status.InvalidArgument);
    }
    for (const [name, data] of [
      [-1, 0],
      [1, -1],
      [2 ** 31 - 1, 2 ** 31 - 1],
      [1, 2 ** 31 - 1],
    ]) {
      expect(world.core.exports.publish(name, data, 0, 60, 1)).toBeLessThan(0);
    }
    world.drain();
    expect(world.sent.length).toBe(from);
    for (const name of ["spar", "partic", "xspark", "par/ticle"]) application.publish(name);
    world.run(1000);
    expect(application.isSettled).toBe(true);
  });

  test("a full outbox refuses, loses nothing that it took, and takes more once there is room", () => {
    for (const size of [0, 200, 1024]) {
      const { world, application, events } = connected();
      world.tamper = () => undefined;
      let accepted = 0;
      while (refusal(() => application.publish(`n${accepted}`, "x".repeat(size))) === Status.Ok) {
        accepted++;
      }
      expect(refusal(() => application.publish("n", "x".repeat(size)))).toBe(Status.NoSpace);
      world.tamper = (_direction, bytes) => bytes;
      expect(world.runUntil(() => application.isSettled, 120_000)).toBe(true);
      expect(events.map(({ name }) => name).sort()).toEqual(
        Array.from({ length: accepted }, (_, i) => `n${i}`).sort(),
      );
      const statuses = [...application.outcomes.values()];
      expect(statuses).toEqual(Array(accepted).fill([Status.Ok]));
      application.publish("again");
      world.run(1000);
      expect(events.at(-1)?.name).toBe("again");
    }
  });

  test("at most 4 wait for their ACK at a time", () => {
    const { world, application } = connected();
    world.tamper = (direction, bytes) => (direction === "down" ? undefined : bytes);
    const from = world.sent.length;
    for (let i = 0; i < 8; i++) application.publish(`n${i}`);
    world.run(3000);
    expect(world.sent.slice(from).filter(({ direction }) => direction === "up")).toHaveLength(4);
  });

  test("an answer with an error code names its class; the session goes on", () => {
    const { world, application } = connected();
    for (const [code, status] of [
      [0x80, Status.ClientError],
      [0x9d, Status.ClientError],
      [0xa0, Status.ServerError],
      [0xa3, Status.ServerError],
      [0x44, Status.Ok],
    ]) {
      const handle = application.publish("n");
      const [{ message }] = messages(world, "up").slice(-1);
      messageLayer(world).duplicates.note(message.messageId, world.now);
      messageLayer(world).reply({ ...message, type: CoapType.Confirmable }, { code });
      world.drain();
      world.run(1000);
      expect(application.outcomes.get(handle)).toEqual([status]);
    }
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("waits as long as the cloud is away, and is then delivered", () => {
    const { world, application, events } = connected();
    world.tamper = () => undefined;
    const handle = application.publish("patient");
    world.run(7_200_000);
    expect(application.isSettled).toBe(false);
    world.tamper = (_direction, bytes) => bytes;
    expect(world.runUntil(() => application.isSettled, 600_000)).toBe(true);
    expect(application.outcomes.get(handle)).toEqual([Status.Ok]);
    expect(events.map(({ name }) => name)).toEqual(["patient"]);
  });

  test("fails with MessageTimeout when the cloud is there and leaves it unanswered for four rounds", () => {
    const { world, application, events } = connected();
    const handle = application.publish("unanswered");
    const { messageId } = messages(world, "up").slice(-1)[0].message;
    world.tamper = (direction, bytes) => {
      const [record] = messages(world, direction, world.sent.length - 1);
      const isAnswer = direction === "down" && record?.message.messageId === messageId;
      return isAnswer ? undefined : bytes;
    };
    world.run(59_000);
    expect(application.isSettled).toBe(false);
    const startedAt = world.now;
    expect(world.runUntil(() => application.isSettled, 36_000_000)).toBe(true);
    expect(world.now - startedAt).toBeGreaterThan(4 * 60_000 - 59_000);
    expect(application.outcomes.get(handle)).toEqual([Status.MessageTimeout]);
    expect(world.core.statistic(9)).toBeGreaterThan(0);
    expect(events.length).toBeGreaterThan(0);
    const next = application.publish("next");
    expect(world.runUntil(() => application.isSettled, 60_000)).toBe(true);
    expect(application.outcomes.get(next)).toEqual([Status.Ok]);
  });
});

describe("events from the cloud", () => {
  test("with names of one or several segments", () => {
    const { world, application } = connected((application) => application.subscribe("a"));
    for (const name of ["a", "a/b", "a/b/c/d", "a//b", "a/", `a${"b".repeat(63)}`]) {
      world.cloud.publish(name, "whole");
      world.run(1000);
      expect(application.received.pop()).toMatchObject({ name, subscription: 0 });
      // The same name, a segment each: as newer clouds send it.
      const options = path("e", ...name.split("/"));
      const payload = Buffer.from("parts");
      messageLayer(world).sendNonConfirmable({ code: CoapCode.Post, options, payload });
      world.drain();
      world.run(1000);
      expect(application.received.pop()).toMatchObject({ name, data: Uint8Array.from(payload) });
    }
    world.cloud.publish("b", "not subscribed");
    messageLayer(world).sendNonConfirmable({ code: CoapCode.Post, options: path("E", "A") });
    messageLayer(world).sendNonConfirmable({ code: CoapCode.Post, options: path("E") });
    messageLayer(world).sendNonConfirmable({ code: CoapCode.Post, options: path("E", "", "a") });
    world.drain();
    world.run(1000);
    expect(application.received).toEqual([]);
  });

  test("go to each subscription that takes their content", () => {
    const { world, application } = connected((application) =>
      application.subscribe("n").subscribe("n/b", 0x62).subscribe("n/b/c", 0x63),
    );
    const takers: Record<number, number[]> = {
      0: [0, 1],
      40: [0, 1],
      41: [0, 1],
      50: [0, 1],
      42: [1],
      22: [1],
      60: [1, 2],
      65001: [1, 2],
    };
    for (const [format, subscriptions] of Object.entries(takers)) {
      application.received.length = 0;
      world.cloud.publish("n/b/c", "data", { contentType: Number(format) });
      world.run(1000);
      expect(application.received.map(({ subscription }) => subscription)).toEqual(subscriptions);
      // The cloud sends structured data as CBOR.
      const expected = format === "65001" ? 60 : Number(format);
      expect(new Set(application.received.map(({ contentFormat }) => contentFormat))).toEqual(
        new Set([expected]),
      );
    }
  });

  test("data of 0 to 1024 bytes, confirmable or not, once each even when repeated", () => {
    const { world, application } = connected((application) => application.subscribe("n"));
    for (const size of [0, 1, 1024]) {
      for (const confirmable of [true, false]) {
        // Each datagram of the device is lost once: the cloud repeats what is confirmable.
        let lost = 0;
        world.tamper = (direction, bytes) =>
          direction === "up" && lost++ === 0 ? undefined : bytes;
        world.cloud.publish("n", Buffer.alloc(size, 0xab), { confirmable });
        world.run(20_000);
        expect(application.received).toHaveLength(1);
        expect(application.received.pop()?.data).toEqual(new Uint8Array(size).fill(0xab));
      }
    }
    expect(world.cloud.counters).toEqual({});
  });

  test("a host that does not drain its events is not overrun: nothing is lost", () => {
    const { world, application } = connected((application) => application.subscribe("n"));
    const { core } = world;
    const drain = core.pollEvent.bind(core);
    core.pollEvent = () => undefined;
    for (let i = 0; i < 20; i++) world.cloud.publish(`n${i}`);
    world.run(3000);
    core.pollEvent = drain;
    world.drain();
    world.run(200_000);
    expect(application.received).toHaveLength(20);
    expect(core.statistic(11)).toBe(0);
  });
});

describe("other requests", () => {
  test("time", () => {
    const { world, application } = connected();
    expect(world.core.exports.request_time()).toBe(Status.Ok);
    expect(world.core.exports.request_time()).toBe(Status.InvalidState);
    world.drain();
    world.run(1000);
    expect(application.times).toEqual([1_700_000_000 + Math.floor((world.now - 990) / 1000)]);
    expect(world.core.exports.request_time()).toBe(Status.Ok);
  });

  test("time that was asked for before connecting comes once connected", () => {
    const world = new World();
    const application = new Application(world);
    expect(world.core.exports.request_time()).toBe(Status.Ok);
    world.connectNow();
    world.run(1000);
    expect(application.times).toHaveLength(1);
  });

  test("time in a separate response", () => {
    const { world, application } = connected();
    world.tamper = (direction, bytes) => (direction === "down" ? undefined : bytes);
    world.core.exports.request_time();
    world.drain();
    world.run(100);
    world.tamper = (_direction, bytes) => bytes;
    const { token } = messages(world, "up").slice(-1)[0].message;
    const payload = Buffer.from("65000000", "hex");
    let delivery = "";
    messageLayer(world).sendConfirmable(
      { code: CoapCode.Content, token, payload },
      world.now,
      (d) => {
        delivery = d;
      },
    );
    world.drain();
    world.run(1000);
    expect(delivery).toBe("acknowledged");
    expect(application.times).toEqual([0x65000000]);
  });

  test("signal", async () => {
    const { world, application } = connected();
    await world.settle(world.cloud.signal(DEVICE_ID, true));
    await world.settle(world.cloud.signal(DEVICE_ID, false));
    expect(application.signals).toEqual([true, false]);
  });

  test("unknown resources, methods and options are answered, not ignored", async () => {
    const { world } = connected((application) =>
      application.function("f", () => 1).variable("v", VariableType.Int, () => 1),
    );
    const code = async (method: number, options: CoapOption[]): Promise<number> =>
      (await response(world, { code: method, options })).code;
    expect(await code(CoapCode.Get, path("x"))).toBe(CoapCode.NotFound);
    expect(await code(CoapCode.Get, [])).toBe(CoapCode.NotFound);
    expect(await code(CoapCode.Get, path(""))).toBe(CoapCode.NotFound);
    expect(await code(CoapCode.Get, path("vv", "v"))).toBe(CoapCode.NotFound);
    expect(await code(CoapCode.Put, path("v", "v"))).toBe(CoapCode.NotFound);
    expect(await code(CoapCode.Delete, path("f", "f"))).toBe(CoapCode.NotFound);
    expect(await code(CoapCode.Get, path("d"))).toBe(CoapCode.BadRequest);
    expect(await code(CoapCode.Put, path("s"))).toBe(CoapCode.BadRequest);
    // A critical option that is not understood (RFC 7252 §5.4.1), and an elective one.
    expect(await code(CoapCode.Get, [...path("v", "v"), uintOption(17, 0)])).toBe(0x82);
    expect(await code(CoapCode.Get, [...path("v", "v"), uintOption(2049, 0)])).toBe(0x82);
    expect(await code(CoapCode.Get, [...path("v", "v"), uintOption(258, 0)])).toBe(
      CoapCode.Content,
    );
    // Block2 of another size, behind the end, and longer than the option may be.
    const describe = (block: CoapOption): CoapOption[] => [...path("d"), query("\u0002"), block];
    expect(await code(CoapCode.Get, describe(uintOption(23, 6)))).toBe(0x82);
    expect(await code(CoapCode.Get, describe(uintOption(23, 0x15)))).toBe(CoapCode.NotFound);
    expect(await code(CoapCode.Get, describe(uintOption(23, 0xfffff5)))).toBe(CoapCode.NotFound);
    for (const long of [0x08000005, 0xffffffff, 0x80000005]) {
      expect(await code(CoapCode.Get, describe(uintOption(23, long)))).toBe(0x82);
    }
    expect(await code(CoapCode.Get, path("v", "v"))).toBe(CoapCode.Content);
    expect(world.core.statistic(6)).toBe(0);
  });

  test("a change of keys: acknowledged, then a handshake", async () => {
    const { world, application } = connected();
    const options = [...path("k"), query("\u0001")];
    const delivered = new Promise<string>((resolve) =>
      messageLayer(world).sendConfirmable({ code: CoapCode.Put, options }, world.now, resolve),
    );
    expect(await world.settle(delivered)).toBe("acknowledged");
    world.run(5000);
    expect(world.sessions.size).toBe(2);
    expect(world.state).toBe(ConnectionState.Connected);
    application.publish("n");
    world.run(1000);
    expect(application.isSettled).toBe(true);
  });

  test("messages that are not CoAP are dropped and counted", () => {
    const { world } = connected();
    const { session } = world;
    for (const hex of [
      "00",
      "40",
      "c0010001",
      "4901000100",
      "4000000100",
      "40010001f0",
      "40010001ff",
    ]) {
      const before = world.core.statistic(6);
      world.inject(session!.seal(23, Buffer.from(hex, "hex")));
      expect(world.core.statistic(6)).toBe(before + 1);
    }
    world.inject(session!.seal(23, Buffer.alloc(0)));
    expect(world.state).toBe(ConnectionState.Connected);
  });
});
