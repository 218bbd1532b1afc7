// The device protocol over TCP: what differs from UDP, and every operation of the in-process API.

import { CoapCode } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import { blockOption } from "../../cloud/coap/block";
import { generateKeyPair } from "../../cloud/keys";
import { LocalCloud } from "../../cloud/local-cloud";
import type { EventMessage } from "../../cloud/local-cloud";
import { MemoryStorage } from "../../cloud/state-storage";
import { generateRsaKeyPair } from "../../cloud/tcp/rsa-keys";
import { TcpDevice } from "../support/tcp-device";
import { TCP_DEVICE_ID, connectedTcp, setupTcp } from "../support/tcp-fixture";
import type { TcpFixture } from "../support/tcp-fixture";
import { TEST_SERVER_KEY } from "../support/tcp-keys";

const path = (...segments: string[]): { number: number; value: Buffer }[] =>
  segments.map((segment) => ({ number: 11, value: Buffer.from(segment) }));
const query = (value: Buffer): { number: number; value: Buffer } => ({ number: 15, value });
const texts = ({ options }: CoapMessage): string[] =>
  options.map(({ value }) => value.toString("latin1"));
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The next request of the cloud, acknowledged as Device OS does. */
function request({ cloud, device }: TcpFixture, acknowledge = true): CoapMessage {
  const [message] = device.collect(cloud);
  expect(message).toMatchObject({ type: 0 });
  expect(message.token).toHaveLength(1);
  const { messageId } = message;
  if (acknowledge) device.give(cloud, device.coap({ type: 2, code: 0, messageId }));
  return message;
}

/** Answer it by a separate, non-confirmable response. */
function respond(
  { cloud, device }: TcpFixture,
  { token }: CoapMessage,
  code: number,
  payload: Uint8Array = Buffer.alloc(0),
  options: CoapMessage["options"] = [],
): void {
  const answers = device.give(
    cloud,
    device.coap({ code, token, payload: Buffer.from(payload), options }),
  );
  expect(answers).toEqual([]);
}

describe("Hello", () => {
  test("without an id is answered by a Hello of the server and nothing else", () => {
    const { cloud, device } = setupTcp();
    const answers = device.connect(cloud);
    expect(answers).toMatchObject([
      { type: 1, code: 2, token: Buffer.alloc(0), options: path("h") },
    ]);
    expect(answers[0].payload).toHaveLength(0);
    expect(cloud.device(TCP_DEVICE_ID).lastHello).toEqual({
      productId: 6,
      productVersion: 65535,
      flags: 0x16,
      platformId: 6,
      deviceId: TCP_DEVICE_ID,
      systemVersion: 3306,
      maxMessageSize: 800,
      maxBinarySize: 384_000,
      chunkSize: 512,
    });
  });

  test.each([
    ["with the id", `0006ffff00160006000c${TCP_DEVICE_ID}0cea03200005dc000200`, 800],
    ["of old firmware, of eight bytes", "0006ffff00160006", undefined],
  ])("%s", (_name, payload, maxMessageSize) => {
    const { cloud, device } = setupTcp();
    device.handshake(cloud);
    expect(device.give(cloud, device.hello(Buffer.from(payload, "hex")))).toHaveLength(1);
    const { online, lastHello } = cloud.device(TCP_DEVICE_ID);
    expect({ online, ...lastHello }).toMatchObject({ online: true, deviceId: TCP_DEVICE_ID });
    expect(lastHello?.maxMessageSize).toBe(maxMessageSize);
  });

  test("as a confirmable message is acknowledged, then answered", () => {
    const { cloud, device } = setupTcp();
    device.handshake(cloud);
    const payload = Buffer.from("0006ffff00160006", "hex");
    const hello = device.coap({ type: 0, code: 2, options: path("h"), payload });
    expect(device.give(cloud, hello)).toMatchObject([
      { type: 2, code: 0, messageId: device.messageId },
      { type: 1, code: 2 },
    ]);
  });

  test.each(["", "0006ffff", "0006ffff001600060004aabbccdd"])(
    "that is malformed (%s) leaves the device offline",
    (payload) => {
      const { cloud, device } = setupTcp();
      device.handshake(cloud);
      expect(device.give(cloud, device.hello(Buffer.from(payload, "hex")))).toEqual([]);
      expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({ connected: true, online: false });
    },
  );

  test("the server's Hello goes out before what a listener does about the device's", () => {
    const { cloud, device } = setupTcp();
    cloud.on("device", ({ change }) => {
      if (change === "online") void cloud.call(TCP_DEVICE_ID, "led").catch(() => undefined);
    });
    const answers = device.connect(cloud);
    expect(answers.map(({ type, options }) => [type, options[0].value.toString()])).toEqual([
      [1, "h"],
      [0, "f"],
    ]);
  });

  test("starts the list of subscriptions anew", () => {
    const { cloud, device, again } = connectedTcp();
    device.give(cloud, device.coap({ code: 1, options: path("e", "a") }));
    expect(cloud.device(TCP_DEVICE_ID).subscriptions).toHaveLength(1);
    again("again").connect(cloud);
    expect(cloud.device(TCP_DEVICE_ID).subscriptions).toEqual([]);
  });
});

describe("what a device asks and tells", () => {
  test("ping and time", () => {
    const { cloud, device } = connectedTcp({}, { wallClock: () => 1_728_567_680_000 });
    expect(device.give(cloud, device.coap({ type: 0, code: 0 }))).toMatchObject([
      { type: 2, code: 0, messageId: device.messageId },
    ]);
    const token = Buffer.of(0x35);
    const [answer] = device.give(
      cloud,
      device.coap({ type: 0, code: 1, token, options: path("t") }),
    );
    expect(answer).toMatchObject({ type: 2, code: 0x45, token, messageId: device.messageId });
    expect(answer.payload.toString("hex")).toBe("6707d980");
  });

  test.each([
    ["non-confirmable, as usual", 1, 0],
    ["confirmable", 0, 1],
  ])("an event, %s", (_name, type, acknowledgements) => {
    const { cloud, device } = connectedTcp();
    const events: EventMessage[] = [];
    cloud.on("event", (event) => events.push(event));
    const payload = Buffer.from("21.5");
    const event = device.coap({ type, code: 2, options: path("E", "temp/a"), payload });
    expect(device.give(cloud, event)).toHaveLength(acknowledgements);
    expect(events).toMatchObject([
      { deviceId: TCP_DEVICE_ID, name: "temp/a", data: payload, confirmable: type === 0, ttl: 60 },
    ]);
  });

  test("a describe is acknowledged", () => {
    const { cloud, device } = connectedTcp();
    const post = (type: number, payload: string): Buffer =>
      device.coap({
        type: 0,
        code: 2,
        options: [...path("d"), query(Buffer.of(type))],
        payload: Buffer.from(payload),
      });
    expect(device.give(cloud, post(1, '{"p":6,"m":[]}'))).toMatchObject([{ type: 2, code: 0 }]);
    expect(device.give(cloud, post(2, '{"f":["led"],"v":{"t":9}}'))).toHaveLength(1);
    expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({ functions: ["led"], variables: { t: 9 } });
  });

  test("goodbye gets no answer, and takes the device offline", () => {
    const { cloud, device } = connectedTcp();
    const goodbyes: unknown[] = [];
    cloud.on("goodbye", (goodbye) => goodbyes.push(goodbye));
    const options = [...path("x"), { number: 258, value: Buffer.alloc(0) }];
    const payload = Buffer.from("0506d804", "hex");
    expect(device.give(cloud, device.coap({ code: 2, options, payload }))).toEqual([]);
    expect(goodbyes).toEqual([{ deviceId: TCP_DEVICE_ID, cloudReason: 6, sleepSeconds: 600 }]);
    expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({ connected: true, online: false });
  });

  test("an unknown request gets 4.04 if it wants an answer", () => {
    const { cloud, device } = connectedTcp();
    const unknown = { code: 2, options: path("q") };
    expect(device.give(cloud, device.coap({ type: 0, ...unknown }))).toMatchObject([
      { type: 2, code: CoapCode.NotFound },
    ]);
    expect(device.give(cloud, device.coap(unknown))).toEqual([]);
    expect(device.closed).toBe(false);
  });
});

describe("what the cloud asks", () => {
  test("a function: acknowledged, then answered by a non-confirmable response", async () => {
    const fixture = connectedTcp();
    const result = fixture.cloud.call(TCP_DEVICE_ID, "led", "on");
    const call = request(fixture);
    expect([call.code, ...texts(call)]).toEqual([CoapCode.Post, "f", "led", "on"]);
    respond(fixture, call, CoapCode.Changed, Buffer.from("fffffffe", "hex"));
    await expect(result).resolves.toBe(-2);
  });

  test("a function that answers in the acknowledgement, or refuses there", async () => {
    const fixture = connectedTcp();
    const { cloud, device } = fixture;
    const answer = (code: number, payload: string): void => {
      const { messageId, token } = request(fixture, false);
      const body = Buffer.from(payload, "hex");
      device.give(cloud, device.coap({ type: 2, code, messageId, token, payload: body }));
    };
    const result = cloud.call(TCP_DEVICE_ID, "led");
    answer(CoapCode.Changed, "00000007");
    await expect(result).resolves.toBe(7);
    const refused = cloud.call(TCP_DEVICE_ID, "led");
    answer(CoapCode.NotFound, "");
    await expect(refused).rejects.toMatchObject({ code: "function-not-found" });
  });

  test("a request is sent once: the transport repeats what gets lost", async () => {
    const { cloud, device } = connectedTcp();
    const result = expect(
      cloud.call(TCP_DEVICE_ID, "led", "", { timeoutMs: 60_000 }),
    ).rejects.toMatchObject({ code: "timeout" });
    expect(device.collect(cloud)).toHaveLength(1);
    expect(cloud.pollTimeout(0)).toBe(20_000);
    cloud.handleTimeout(19_999);
    expect(device.collect(cloud)).toEqual([]);
    cloud.handleTimeout(20_000);
    expect(device.collect(cloud)).toEqual([]);
    await result;
    // The time that a device may stay silent ends the session, not the lost answer.
    expect(cloud.device(TCP_DEVICE_ID).online).toBe(true);
  });

  test("several requests at a time, answered in another order", async () => {
    const fixture = connectedTcp();
    const { cloud, device } = fixture;
    const results = ["a", "b", "c"].map((name) => cloud.call(TCP_DEVICE_ID, name));
    const requests = device.collect(cloud);
    expect(requests.map((message) => texts(message)[1])).toEqual(["a", "b", "c"]);
    expect(new Set(requests.map(({ token }) => token[0])).size).toBe(3);
    for (const { messageId } of requests)
      device.give(cloud, device.coap({ type: 2, code: 0, messageId }));
    for (const [index, message] of [...requests.entries()].reverse()) {
      respond(fixture, message, CoapCode.Changed, Buffer.from([0, 0, 0, index]));
    }
    await expect(Promise.all(results)).resolves.toEqual([0, 1, 2]);
  });

  test.each<[string, number, string, unknown]>([
    ["bool", 1, "01", true],
    ["int", 2, "fffffffe", -2],
    ["double", 9, "0000000000803540", 21.5],
    ["string", 4, "6f6b", "ok"],
    ["empty string", 4, "", ""],
  ])("a variable of type %s, after the describe", async (_name, type, payload, expected) => {
    const fixture = connectedTcp();
    const result = fixture.cloud.read(TCP_DEVICE_ID, "x");
    const describe_ = request(fixture);
    expect(texts(describe_)).toEqual(["d", "\x02"]);
    respond(
      fixture,
      describe_,
      CoapCode.Content,
      Buffer.from(JSON.stringify({ f: [], v: { x: type } })),
    );
    await settled();
    const read = request(fixture);
    expect([read.code, ...texts(read)]).toEqual([CoapCode.Get, "v", "x"]);
    respond(fixture, read, CoapCode.Content, Buffer.from(payload, "hex"));
    await expect(result).resolves.toEqual(expected);
  });

  test("a variable in the acknowledgement, as older firmware answers; an unknown one", async () => {
    const fixture = connectedTcp();
    const { cloud, device } = fixture;
    device.give(
      cloud,
      device.coap({
        type: 0,
        code: 2,
        options: [...path("d"), query(Buffer.of(2))],
        payload: Buffer.from('{"f":[],"v":{"x":2}}'),
      }),
    );
    const answer = (code: number, payload: Buffer): void => {
      const { messageId, token } = request(fixture, false);
      device.give(cloud, device.coap({ type: 2, code, messageId, token, payload }));
    };
    const result = cloud.read(TCP_DEVICE_ID, "x");
    answer(CoapCode.Content, Buffer.from("0000002a", "hex"));
    await expect(result).resolves.toBe(42);
    const unknown = cloud.read(TCP_DEVICE_ID, "y");
    answer(CoapCode.NotFound, Buffer.alloc(0));
    await expect(unknown).rejects.toMatchObject({ code: "variable-not-found" });
  });

  test("a describe in blocks", async () => {
    const fixture = connectedTcp();
    const functions = Array.from({ length: 40 }, (_, i) => `function-number-${i}`);
    const text = Buffer.from(JSON.stringify({ f: functions, v: {} }));
    const result = fixture.cloud.describe(TCP_DEVICE_ID, 2);
    for (let number = 0; number * 512 < text.length; number++) {
      const asked = request(fixture);
      const more = (number + 1) * 512 < text.length;
      const part = text.subarray(number * 512, (number + 1) * 512);
      const options = [blockOption(23, { number, more, szx: 5 })];
      respond(fixture, asked, CoapCode.Content, part, options);
      await settled();
    }
    await expect(result).resolves.toEqual({ functions, variables: {} });
  });

  test("signal and ping", async () => {
    const fixture = connectedTcp();
    const { cloud, device } = fixture;
    const signal = cloud.signal(TCP_DEVICE_ID, true);
    const asked = request(fixture, false);
    expect([asked.code, ...texts(asked)]).toEqual([CoapCode.Put, "s", "\x01"]);
    const { messageId, token } = asked;
    device.give(cloud, device.coap({ type: 2, code: CoapCode.Changed, messageId, token }));
    await signal;
    const ping = cloud.ping(TCP_DEVICE_ID);
    const [sent] = device.collect(cloud);
    expect(sent).toMatchObject({ type: 0, code: 0 });
    device.give(cloud, device.coap({ type: 2, code: 0, messageId: sent.messageId }), 7);
    await expect(ping).resolves.toBe(7);
  });

  test("message IDs count up by one", () => {
    const { cloud, device } = connectedTcp();
    device.give(cloud, device.coap({ code: 1, options: path("e", "") }));
    for (let i = 0; i < 10; i++) cloud.publish("n");
    const ids = device.collect(cloud).map(({ messageId }) => messageId);
    const hello = device.received[0].messageId;
    expect(ids).toEqual(Array.from({ length: 10 }, (_, i) => (hello + 1 + i) & 0xffff));
  });
});

describe("events to devices", () => {
  test.each([1, 0])("a subscription of type %i, and an event in a single message", (type) => {
    const { cloud, device } = connectedTcp();
    const subscribe = device.coap({ type, code: 1, options: path("e", "sensor/") });
    expect(device.give(cloud, subscribe)).toHaveLength(type === 0 ? 1 : 0);
    const deliveries: unknown[] = [];
    cloud.on("delivery", (delivery) => deliveries.push(delivery));
    // Device OS acknowledges no event over TCP.
    expect(cloud.publish("sensor/t", "21.5", { confirmable: true })).toBe(1);
    expect(cloud.publish("other", "21.5")).toBe(0);
    const [event, ...rest] = device.collect(cloud);
    expect(rest).toEqual([]);
    expect([event.type, event.code, ...texts(event)]).toEqual([1, 2, "e", "sensor/t"]);
    expect(event.payload.toString()).toBe("21.5");
    expect(cloud.pollTimeout(0)).toBe(90_000);
    expect(deliveries).toEqual([]);
  });

  test("from one device to another", async () => {
    const { cloud, device, registry } = connectedTcp();
    const keyPair = await generateRsaKeyPair(1024);
    const id = "f".repeat(24);
    registry.register({ id, publicKey: keyPair.spki });
    const other = new TcpDevice({ id, keyPair, server: TEST_SERVER_KEY, address: "other" });
    other.connect(cloud);
    other.give(cloud, other.coap({ code: 1, options: path("e", "t") }));
    const payload = Buffer.from("x");
    expect(device.give(cloud, device.coap({ code: 2, options: path("E", "t"), payload }))).toEqual(
      [],
    );
    expect(other.collect(cloud).map(texts)).toEqual([["e", "t"]]);
  });
});

describe("the buffer of a device", () => {
  /** Bytes of a call to "f" without its argument: header 4, token 1, options 2, 2 and 3, for long arguments. */
  const CALL_OVERHEAD = 12;

  test.each([
    ["800 bytes, as it says", "0006ffff0016000600000cea03200005dc000200", 767],
    ["800 bytes, as old firmware has", "0006ffff00160006", 767],
    ["1152 bytes", "0006ffff00160006000018380480000000000200", 1119],
  ])("of %s is never overrun", async (_name, hello, limit) => {
    const { cloud, device } = setupTcp();
    device.handshake(cloud);
    device.give(cloud, device.hello(Buffer.from(hello, "hex")));
    device.give(cloud, device.coap({ code: 1, options: path("e", "") }));
    const longest = Math.min(limit - CALL_OVERHEAD, 1024);
    void cloud.call(TCP_DEVICE_ID, "f", "x".repeat(longest)).catch(() => undefined);
    expect(device.collect(cloud)).toHaveLength(1);
    if (longest < 1024) {
      await expect(cloud.call(TCP_DEVICE_ID, "f", "x".repeat(longest + 1))).rejects.toMatchObject({
        code: "invalid-argument",
      });
    }
    const sizes = [600, 700, 740, 750, 760, 780, 1000, 1024];
    const sent = sizes.map((size) => cloud.publish("n", Buffer.alloc(size, 1)));
    expect(sent).toEqual(sizes.map((size) => Number(size <= limit - 12)));
    const before = device.bytesReceived;
    device.collect(cloud);
    expect(device.bytesReceived - before).toBeGreaterThan(600);
    expect(cloud.counters["oversized-message"] ?? 0).toBe(sent.filter((n) => n === 0).length);
  });
});

test("after a restart of the cloud its facts are there, the session is not", () => {
  const storage = new MemoryStorage();
  const { cloud, device, registry, again } = connectedTcp({}, { storage });
  const describe_ = { code: 2, options: [...path("d"), query(Buffer.of(2))] };
  device.give(cloud, device.coap({ ...describe_, payload: Buffer.from('{"f":["led"],"v":{}}') }));
  const tcp = { keyPair: TEST_SERVER_KEY };
  const restarted = new LocalCloud({ keyPair: generateKeyPair(), registry, storage, tcp });
  expect(restarted.device(TCP_DEVICE_ID)).toMatchObject({
    connected: false,
    online: false,
    functions: ["led"],
    lastHello: { deviceId: TCP_DEVICE_ID, platformId: 6 },
  });
  again("again").connect(restarted);
  expect(restarted.device(TCP_DEVICE_ID)).toMatchObject({ online: true });
});
