// Events in both directions between a connected device and the cloud.

import { ConnectionState, ContentFormat, Status } from "../../bindings/node";
import { CoapCode, CoapType } from "../../cloud/coap/codec";
import { connected, path, refusal } from "../support/connected";
import { messageLayer, messages } from "../support/wire";

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
