// Functions and variables, and whatever else the cloud may ask of a connected device.

import { ConnectionState, EventKind, Status, VariableType } from "../../bindings/node";
import { CoapCode, uintOption } from "../../cloud/coap/codec";
import type { CoapOption } from "../../cloud/coap/codec";
import { Application } from "../support/application";
import { connected, path, query, response } from "../support/connected";
import { messageLayer, messages } from "../support/wire";
import { DEVICE_ID, World } from "../support/world";

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
      if (event.kind === EventKind.FunctionCall) open.push(event);
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

  test("an answer survives a new link, and goes nowhere after a new handshake", async () => {
    for (const isNewSession of [false, true]) {
      const { world } = connected();
      world.core.registerFunction("f", world.deviceNow);
      const open: number[] = [];
      world.onEvent = (event) => {
        if (event.kind === EventKind.FunctionCall) open.push(event.call);
      };
      world.drain();
      world.run(1000);
      const result = world.cloud.call(DEVICE_ID, "f").catch((error: Error) => error);
      world.run(1000);
      if (isNewSession) world.cloud.disconnect(DEVICE_ID);
      else world.core.exports.link_down(world.deviceNow);
      world.drain();
      world.run(5000);
      expect(world.state).toBe(ConnectionState.Connected);
      expect(open).toHaveLength(1);
      const status = world.core.exports.function_result(open[0], 99);
      expect(status).toBe(isNewSession ? Status.NotFound : Status.Ok);
      world.drain();
      world.run(1000);
      const pending = new Promise((resolve) => setTimeout(resolve, 100, "pending"));
      const outcome = await Promise.race([result, pending]);
      if (isNewSession) expect(outcome).toMatchObject({ code: "session-closed" });
      else expect(outcome).toBe(99);
    }
  });

  test("an answer that the link lost on its way is sent again over the next one", async () => {
    const { world, application } = connected((application) => application.function("f", () => 5));
    const result = world.cloud.call(DEVICE_ID, "f");
    world.run(11);
    world.tamper = () => undefined;
    world.run(3000);
    world.core.exports.link_down(world.deviceNow);
    world.tamper = (_direction, bytes) => bytes;
    world.drain();
    world.run(20_000);
    expect(await result).toBe(5);
    expect(application.calls).toHaveLength(1);
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
      if (event.kind !== EventKind.VariableRequest) return;
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
