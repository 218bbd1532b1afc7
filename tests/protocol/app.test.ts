// An application in the module: the API that Particle developers know, against the local cloud.

import { readFileSync } from "node:fs";
import path from "node:path";

import { BoardFunction, Status, loadModule } from "../../bindings/node";
import type { Board } from "../../bindings/node";
import { AppWorld, buildApplication } from "../support/app-world";
import { projectRoot } from "../support/fixture";
import { messages } from "../support/wire";
import { DEVICE_ID } from "../support/world";

const file = buildApplication("tests/apps/features.as.ts", "minimal");

/** The application, connected. */
function started(board?: Board): AppWorld {
  const world = new AppWorld(file, { device: { board } });
  world.boot();
  world.live(5000);
  return world;
}

const call = (world: AppWorld, name: string, argument = ""): Promise<number> =>
  world.settle(world.cloud.call(DEVICE_ID, name, argument));

describe("publish", () => {
  test("R30: text, JSON, bytes, structured data, without acknowledgement: each arrives as it is", async () => {
    const world = started();
    for (const kind of ["text", "json", "noack", "bytes", "variant"]) {
      expect(await call(world, "publish", kind)).toBeGreaterThan(0);
      world.live(2000);
    }
    expect(world.received).toMatchObject([
      { name: "text", data: Buffer.from("grüße"), contentType: 0, ttl: 60, confirmable: true },
      { name: "json", data: Buffer.from('{"a":1}'), contentType: 50, ttl: 30 },
      { name: "noack", confirmable: false },
      { name: "bytes", data: Buffer.of(255, 0, 0), contentType: 42 },
      { name: "variant", contentType: 65001 },
    ]);
    // {"t": 21.5, "n": -7, "ok": true, "list": [null, "two"]}, shortest forms
    expect(world.received[4].data.toString("hex")).toBe(
      "a46174fa41ac0000616e26626f6bf5646c69737482f66374776f",
    );
    expect(world.deviceLog.filter((line) => line.startsWith("published"))).toEqual([
      "published 0 3",
      "published 0 3",
      "published 0 2",
      "published 0 3",
      "published 0 3",
    ]);
  });

  test("R37, R40: there is no public scope: a private publish is as any other on the wire", async () => {
    const world = started();
    await call(world, "publish", "noack");
    world.live(1000);
    const sent = messages(world, "up").filter(({ message }) => message.code === 2);
    const { options } = sent.at(-1)!.message;
    expect(options.map(({ number, value }) => `${number} ${value.toString()}`)).toEqual([
      "11 E",
      "11 noack",
    ]);
    const source = readFileSync(path.join(projectRoot, "assembly/app/particle.ts"), "utf8");
    expect(source).not.toMatch(/public\s*=/i);
  });

  test("R38: a device answers calls with 32 bits, and has nothing to call others with", async () => {
    const world = started();
    const names = WebAssembly.Module.exports(loadModule(file)).map(({ name }) => name);
    expect(names.filter((name) => /call|invoke/.test(name))).toEqual(["call_refused"]);
    expect(await call(world, "ask", "largest")).toBe(2 ** 31 - 1);
    expect(await call(world, "ask", "smallest")).toBe(-(2 ** 31));
  });

  test("R57: what is too long or reserved is an error, never cut", async () => {
    const world = started();
    expect(await call(world, "publish", "long")).toBe(Status.TooLong);
    expect(await call(world, "publish", "reserved")).toBe(Status.ReservedName);
    expect(world.received).toEqual([]);
    expect(await call(world, "ask", "sizes")).toBe(2048);
  });

  test("coalesced: the newest of a name goes, the other is told", async () => {
    const world = started();
    await call(world, "publish", "coalesced");
    world.live(2000);
    expect(world.received.map(({ data }) => data.toString())).toEqual(["2"]);
    expect(world.deviceLog).toContain(`published ${Status.Replaced} ${Status.Replaced}`);
  });
});

describe("variables", () => {
  test("R33: by handler and by value; 10,000 assignments send nothing, a read is one response", async () => {
    const world = started();
    const read = (name: string): Promise<unknown> =>
      world.settle(world.cloud.read(DEVICE_ID, name));
    expect(await read("flag")).toBe(true);
    expect(await read("ratio")).toBe(0.25);
    expect(await read("temperature")).toBe(-1.5);
    expect(await read("label")).toBe("none");
    await call(world, "assign", "36.6");
    expect(await read("temperature")).toBe(36.6);
    expect(await read("label")).toBe("label 36.6");
    await expect(read("long")).rejects.toMatchObject({ code: "rejected" });
    const from = world.sent.length;
    const { loop } = world.core.exports;
    for (let i = 0; i < 10_000; i++) {
      loop!();
      world.core.exports.__collect!();
    }
    world.drain();
    expect(world.sent.length).toBe(from);
    expect(await read("loops")).toBeGreaterThan(10_000);
    expect(await read("count")).toBe(await read("loops"));
  });
});

describe("subscribe", () => {
  const lines = (world: AppWorld): string[] =>
    world.deviceLog.filter((line) => /^(first|second|bytes|variant) /.test(line));

  test("R36: handlers share subscriptions on the wire; each gets an event once", () => {
    const world = started();
    // news, news/raw (bytes), data: three on the wire for four handlers.
    expect(world.cloud.device(DEVICE_ID).subscriptions).toHaveLength(3);
    world.cloud.publish("news/local", "a");
    world.live(1000);
    world.cloud.publish("news", "b");
    world.live(1000);
    world.cloud.publish("news/raw", Buffer.of(9, 8), { contentType: 42 });
    world.live(1000);
    const variant = Buffer.from("a2617418196" + "46c69737482f66374776f", "hex");
    world.cloud.publish("data", variant, { contentType: 60 });
    world.cloud.publish("data", "not CBOR", { contentType: 60 });
    world.live(1000);
    expect(lines(world)).toEqual([
      "first news/local a",
      "second news/local a",
      "first news b",
      "bytes news/raw 2 9",
      "variant data 25 two",
    ]);
  });

  test("one handler can be ended, or all", async () => {
    const world = started();
    expect(await call(world, "ask", "unsubscribe")).toBe(Status.Ok);
    expect(await call(world, "ask", "unsubscribe")).toBe(Status.NotFound);
    world.cloud.publish("news/local", "a");
    world.live(1000);
    expect(lines(world)).toEqual(["first news/local a"]);
    expect(await call(world, "ask", "none")).toBe(Status.Ok);
    world.cloud.publish("news/local", "b");
    world.live(1000);
    expect(lines(world)).toHaveLength(1);
  });
});

describe("system", () => {
  test("mode Automatic connects; events of the system are told", async () => {
    const world = started();
    expect(world.deviceLog).toContain("connected");
    await world.settle(world.cloud.signal(DEVICE_ID, true));
    expect(world.deviceLog).toContain("signal 1");
  });

  test("time: synchronised with the cloud, and running on", async () => {
    const world = started();
    expect(await call(world, "ask", "done")).toBe(0);
    await call(world, "ask", "time");
    world.live(1000);
    expect(await call(world, "ask", "done")).toBe(1);
    const line = world.deviceLog.find((text) => text.startsWith("time "))!;
    expect(Number(line.split(" ")[1])).toBeGreaterThanOrEqual(1_700_000_005);
  });

  test("vitals, at an interval; the meter; the device id", async () => {
    const world = started();
    await call(world, "ask", "vitals");
    const before = world.sent.length;
    world.live(190_000);
    expect(world.sent.length - before).toBeGreaterThanOrEqual(8);
    expect(await call(world, "ask", "operations")).toBe(2);
    await call(world, "ask", "id");
    expect(world.deviceLog.at(-1)).toBe(`${DEVICE_ID} ${DEVICE_ID}`);
  });

  test("log lines below the level are left out", async () => {
    const world = started();
    await call(world, "ask", "quiet");
    const { length } = world.deviceLog;
    await call(world, "ask", "id");
    world.live(5000);
    expect(world.deviceLog).toHaveLength(length);
  });

  test("sleep: goodbye, then off, then setup() again", async () => {
    const world = started();
    const goodbyes: unknown[] = [];
    world.cloud.on("goodbye", (goodbye) => goodbyes.push(goodbye));
    await call(world, "ask", "sleep");
    world.live(10_000);
    expect(goodbyes).toMatchObject([{ cloudReason: 6, sleepSeconds: 3600 }]);
    world.live(3_600_000);
    expect(world.deviceLog.filter((line) => line === "connected")).toHaveLength(2);
  });

  test("an hour of loops with strings stays within one page of memory", () => {
    const world = started();
    world.live(3_600_000);
    expect(world.core.exports.memory.buffer.byteLength).toBe(65_536);
    expect(world.deviceLog.filter((line) => line.startsWith("xxx")).length).toBeGreaterThan(3000);
  });
});

describe("board", () => {
  test("pins, serial port and I2C go to the board", async () => {
    const calls: [BoardFunction, number, number, string][] = [];
    const world = started((number, a, b, data) => {
      calls.push([number, a, b, Buffer.from(data).toString("latin1")]);
      if (number === BoardFunction.DigitalRead) return 1;
      if (number === BoardFunction.AnalogRead) return 4095;
      if (number === BoardFunction.SerialRead) return (data.set([1, 2]), 2);
      if (number === BoardFunction.I2cRead) return (data.set([5]), 1);
      return data.length;
    });
    expect(await call(world, "board", "pin")).toBe(14_095);
    expect(await call(world, "board", "serial")).toBe(258);
    expect(await call(world, "board", "i2c")).toBe(1 + 10 + 500);
    expect(calls).toEqual([
      [BoardFunction.PinMode, 7, 1, ""],
      [BoardFunction.DigitalWrite, 7, 1, ""],
      [BoardFunction.AnalogWrite, 6, 128, ""],
      [BoardFunction.DigitalRead, 7, 0, ""],
      [BoardFunction.AnalogRead, 3, 0, ""],
      [BoardFunction.SerialBegin, 1, 9600, ""],
      [BoardFunction.SerialWrite, 1, 0, "hello\r\n"],
      [BoardFunction.SerialRead, 1, 0, "\0\0\0\0"],
      [BoardFunction.I2cWrite, 0x48, 0, "\x0f"],
      [BoardFunction.I2cRead, 0x48, 0, "\x0f"],
    ]);
  });

  test("a board that lacks them answers NotSupported; nothing traps", async () => {
    const world = started();
    expect(await call(world, "board", "pin")).toBe(Status.NotSupported);
    expect(await call(world, "board", "serial")).toBe(-1);
    expect(await call(world, "board", "i2c")).toBe(-6 - 60 + 1500);
    const broken = started(() => {
      throw new Error("no such pin");
    });
    expect(await call(broken, "board", "pin")).toBe(Status.HostFailure);
  });
});
