// CoAP and the device protocol over an established session: reliability, resources, events, describes.

import { randomBytes } from "node:crypto";
import { CoapCode, decodeCoap, encodeCoap } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import { MAX_WAITING } from "../../cloud/coap/message-layer";
import { blockOption } from "../../cloud/coap/block";
import { ContentFormat } from "../../cloud/device-protocol/events";
import type { EventMessage, LocalCloud } from "../../cloud/local-cloud";
import { setupCloud } from "../support/cloud-fixture";
import type { CloudFixture } from "../support/cloud-fixture";
import { ScriptedDevice } from "../support/scripted-device";

const ACK = { type: 2, code: 0 };
const path = (...segments: string[]): CoapMessage["options"] =>
  segments.map((segment) => ({ number: 11, value: Buffer.from(segment) }));

function connected(overrides = {}): CloudFixture {
  const fixture = setupCloud(overrides);
  fixture.device.handshake(fixture.cloud);
  fixture.device.talk(fixture.cloud, fixture.device.hello());
  return fixture;
}

/** A second registered device that is online. */
function join({ cloud, options }: CloudFixture, id: string): ScriptedDevice {
  const device = new ScriptedDevice({ id, serverSpki: options.keyPair.spki, address: id });
  options.registry.register({ id, publicKey: device.keyPair.spki });
  device.handshake(cloud);
  device.talk(cloud, device.hello());
  return device;
}

/** Take the next message of the cloud and acknowledge it. */
function next(cloud: LocalCloud, device: ScriptedDevice, now = 0): CoapMessage | undefined {
  const before = device.received.length;
  for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
  const message = device.received[before];
  if (message?.type === 0) {
    // What this lets go out is for the next call.
    const acknowledgement = device.coap({ type: 2, code: 0, messageId: message.messageId });
    cloud.handleDatagram(device.address, acknowledgement, now);
  }
  return message;
}

describe("reliability", () => {
  test("a device that acknowledges nothing of what it asks for has a bounded number of messages waiting", async () => {
    const { cloud, device } = connected();
    const deliveries: string[] = [];
    cloud.on("delivery", ({ delivery }) => deliveries.push(delivery));
    device.talk(cloud, device.coap({ code: CoapCode.Get, options: path("e", "loop") }));
    for (let i = 0; i < MAX_WAITING + 10; i++) {
      const event = { code: CoapCode.Post, options: path("E", "loop") };
      device.exchange(cloud, device.coap(event));
    }
    // One is on its way.
    expect(cloud["links"].get(device.id)?.messages?.pending).toBe(MAX_WAITING + 1);
    expect(deliveries).toEqual(Array(9).fill("overflow"));
    expect(cloud.counters["message-overflow"]).toBe(9);
    await expect(cloud.call(device.id, "f")).rejects.toMatchObject({ code: "busy" });
  });

  test("a repeated confirmable message gets its stored answer and acts once", () => {
    const { cloud, device } = connected({ wallClock: () => 1_728_567_680_000 });
    const events: EventMessage[] = [];
    cloud.on("event", (event) => events.push(event));
    const publish = "40020010b14503616263ff31";
    const time = "4101002035b174";
    for (let i = 0; i < 3; i++) {
      expect(device.talk(cloud, device.message(publish), i * 40_000)).toMatchObject([ACK]);
      const [answer] = device.talk(cloud, device.message(time), i * 40_000);
      expect(encodeCoap(answer).toString("hex")).toBe("6145002035ff6707d980");
    }
    expect(events).toHaveLength(1);
    expect(cloud.counters["duplicate-message"]).toBe(4);
    device.talk(cloud, device.message(publish), 400_000);
    expect(events).toHaveLength(2);
  });

  test("a repeated non-confirmable message acts once and is never answered", () => {
    const { cloud, device } = connected();
    const events: EventMessage[] = [];
    cloud.on("event", (event) => events.push(event));
    for (let i = 0; i < 2; i++) {
      const datagram = device.message("50020011b14503616263320e10ff646566");
      expect(device.talk(cloud, datagram)).toEqual([]);
    }
    expect(events).toMatchObject([{ ttl: 3600, confirmable: false, data: Buffer.from("def") }]);
  });

  test("a request is repeated with the same bytes in new records, then fails", async () => {
    const { cloud, device } = connected({ random: seeded(1) });
    const result = cloud.call(device.id, "led", "", { timeoutMs: 1_000_000 });
    const times: number[] = [];
    let now = 0;
    for (;;) {
      for (const datagram of device.collect(cloud)) {
        device.handleDatagram(datagram);
        times.push(now);
      }
      const wait = cloud.pollTimeout(now);
      if (wait < 0 || now + wait >= 1_000_000) break;
      now += wait;
      cloud.handleTimeout(now);
      if (times.length === 5 && now > 31 * times[1]) break;
    }
    await expect(result).rejects.toMatchObject({ code: "timeout" });
    const requests = device.received.slice(-5).map((message) => encodeCoap(message));
    expect(new Set(requests.map((bytes) => bytes.toString("hex"))).size).toBe(1);
    const first = times[1];
    expect(first).toBeGreaterThanOrEqual(2000);
    expect(first).toBeLessThanOrEqual(3000);
    times.forEach((time, i) => expect(time / first).toBeCloseTo(2 ** i - 1, 1));
  });

  test("one confirmable message at a time", () => {
    const { cloud, device } = connected();
    device.talk(cloud, device.coap({ code: 1, options: path("e", "") }));
    for (let i = 0; i < 3; i++) expect(cloud.publish(`n${i}`)).toBe(1);
    const names = [next(cloud, device), next(cloud, device), next(cloud, device)].map((message) =>
      message?.options.map(({ value }) => value.toString()).join("/"),
    );
    expect(names).toEqual(["e/n0", "e/n1", "e/n2"]);
  });

  test("a separate response that overtakes the acknowledgement ends the request", async () => {
    const { cloud, device } = connected();
    const result = cloud.call(device.id, "led");
    for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
    const { token } = device.received.at(-1) as CoapMessage;
    const payload = Buffer.from("00000001", "hex");
    device.talk(cloud, device.coap({ code: CoapCode.Changed, token, payload }));
    await expect(result).resolves.toBe(1);
    expect(cloud.pollTimeout(0)).toBeGreaterThan(60_000);
  });

  test("a Reset fails the request and not the session", async () => {
    const { cloud, device } = connected();
    const result = cloud.call(device.id, "led");
    for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
    const { messageId } = device.received.at(-1) as CoapMessage;
    device.talk(cloud, device.coap({ type: 3, code: 0, messageId }));
    await expect(result).rejects.toMatchObject({ code: "rejected", coapCode: 0 });
    expect(cloud.device(device.id).online).toBe(true);
  });

  test("message IDs are not used twice", () => {
    const { cloud, device } = connected();
    device.talk(cloud, device.coap({ code: 1, options: path("e", "") }));
    const seen = new Set<number>();
    for (let i = 0; i < 300; i++) {
      cloud.publish("n");
      seen.add(next(cloud, device)?.messageId ?? -1);
    }
    expect(seen.size).toBe(300);
  });
});

describe("resources", () => {
  test.each([
    ["an unknown path", { code: CoapCode.Post, options: path("L") }, CoapCode.NotFound],
    [
      "a known path with another method",
      { code: CoapCode.Delete, options: path("E", "x") },
      CoapCode.NotFound,
    ],
    ["no path", { code: CoapCode.Get }, CoapCode.NotFound],
    ["an event without a name", { code: CoapCode.Post, options: path("E") }, CoapCode.BadRequest],
    [
      "an event name of 65 bytes",
      { code: CoapCode.Post, options: path("E", "n".repeat(65)) },
      CoapCode.BadRequest,
    ],
    [
      "describe type 3",
      { code: CoapCode.Post, options: [...path("d"), { number: 15, value: Buffer.of(3) }] },
      CoapCode.BadRequest,
    ],
    [
      "a describe that is no JSON",
      {
        code: CoapCode.Post,
        options: [...path("d"), { number: 15, value: Buffer.of(2) }],
        payload: Buffer.from("{"),
      },
      CoapCode.BadRequest,
    ],
    [
      "a Hello that is too short",
      { code: CoapCode.Post, options: path("h"), payload: Buffer.alloc(9) },
      CoapCode.BadRequest,
    ],
    [
      "a block of an event",
      { code: CoapCode.Post, options: [...path("E", "x"), { number: 27, value: Buffer.of(0x0e) }] },
      CoapCode.RequestEntityTooLarge,
    ],
  ])("%s", (_name, message, code) => {
    const { cloud, device } = connected();
    const token = Buffer.of(7);
    const [answer] = device.talk(cloud, device.coap({ ...message, token }));
    expect(answer).toMatchObject({ type: 2, code, token, messageId: device.messageId });
    expect(cloud.device(device.id).online).toBe(true);
  });

  test("goodbye is acknowledged and takes the device offline until it is heard again", async () => {
    const { cloud, device } = connected();
    const goodbyes: unknown[] = [];
    cloud.on("goodbye", (goodbye) => goodbyes.push(goodbye));
    expect(device.talk(cloud, device.message("40020022b178ff0506d804"))).toMatchObject([ACK]);
    expect(goodbyes).toEqual([{ deviceId: device.id, cloudReason: 6, sleepSeconds: 600 }]);
    expect(cloud.device(device.id)).toMatchObject({ online: false, connected: true });
    await expect(cloud.call(device.id, "led")).rejects.toMatchObject({ code: "device-offline" });
    device.talk(cloud, device.coap({ code: 0 }));
    expect(cloud.device(device.id).online).toBe(true);
  });

  test("silence takes a device offline", () => {
    const { cloud, device } = connected({ idleTimeoutMs: 60_000 });
    expect(cloud.pollTimeout(0)).toBe(60_000);
    cloud.handleTimeout(60_000);
    expect(cloud.device(device.id).online).toBe(false);
    expect(cloud.pollTimeout(60_000)).toBe(-1);
  });

  test("an application describe in blocks, with repetitions", () => {
    const { cloud, device } = connected();
    const functions = Array.from({ length: 100 }, (_, i) => `function-number-${i}`);
    const text = Buffer.from(JSON.stringify({ f: functions, v: { t: 9 } }));
    for (let number = 0; number * 1024 < text.length; number++) {
      const more = (number + 1) * 1024 < text.length;
      const message = {
        code: CoapCode.Post,
        token: Buffer.of(number),
        options: [
          ...path("d"),
          { number: 15, value: Buffer.of(2) },
          blockOption(27, { number, more, szx: 6 }),
        ],
        payload: text.subarray(number * 1024, (number + 1) * 1024),
      };
      expect(device.talk(cloud, device.coap(message))).toMatchObject([ACK]);
      const repeated = { ...message, messageId: device.messageId };
      expect(device.talk(cloud, device.coap(repeated))).toMatchObject([ACK]);
    }
    expect(cloud.device(device.id)).toMatchObject({ functions, variables: { t: 9 } });
  });

  test("a describe that the cloud asks for comes block by block", async () => {
    const { cloud, device } = connected();
    const functions = Array.from({ length: 100 }, (_, i) => `function-number-${i}`);
    const text = Buffer.from(JSON.stringify({ f: functions, v: {} }));
    const result = cloud.describe(device.id, 2);
    for (let number = 0; number * 1024 < text.length; number++) {
      await Promise.resolve();
      const request = next(cloud, device) as CoapMessage;
      const asked = request.options.find((option) => option.number === 23)?.value;
      if (number > 0) expect(asked).toEqual(Buffer.of((number << 4) | 6));
      const more = (number + 1) * 1024 < text.length;
      const message = {
        code: CoapCode.Content,
        token: request.token,
        options: [{ number: 4, value: Buffer.of(1) }, blockOption(23, { number, more, szx: 6 })],
        payload: text.subarray(number * 1024, (number + 1) * 1024),
      };
      expect(device.talk(cloud, device.coap(message))).toMatchObject([ACK]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect(result).resolves.toEqual({ functions, variables: {} });
  });

  test.each<[string, number, string, unknown]>([
    ["bool", 1, "01", true],
    ["int", 2, "fffffffe", -2],
    ["double", 9, "0000000000803540", 21.5],
    ["string", 4, "6f6b", "ok"],
    ["empty string", 4, "", ""],
  ])("variable of type %s", async (_name, type, payload, expected) => {
    const { cloud, device } = connected();
    const result = cloud.read(device.id, "x");
    const respond = async (body: Buffer): Promise<void> => {
      const request = next(cloud, device) as CoapMessage;
      device.talk(
        cloud,
        device.coap({ code: CoapCode.Content, token: request.token, payload: body }),
      );
      await new Promise((resolve) => setImmediate(resolve));
    };
    // The type is not known yet: the cloud asks for the describe first.
    await respond(Buffer.from(JSON.stringify({ f: [], v: { x: type } })));
    await respond(Buffer.from(payload, "hex"));
    await expect(result).resolves.toEqual(expected);
  });

  test("unknown devices and impossible arguments", async () => {
    const { cloud, device } = connected();
    await expect(cloud.call("0".repeat(24), "f")).rejects.toMatchObject({ code: "unknown-device" });
    await expect(cloud.call(device.id, "")).rejects.toMatchObject({ code: "invalid-argument" });
    await expect(cloud.call(device.id, "f", "x".repeat(1025))).rejects.toMatchObject({
      code: "invalid-argument",
    });
    expect(() => cloud.publish("n".repeat(65))).toThrow(/64 bytes/);
    expect(() => cloud.publish("n", Buffer.alloc(1025))).toThrow(/1024/);
  });

  test("empty and one-byte datagrams are ignored, probes are echoed", () => {
    const { cloud } = setupCloud();
    cloud.handleDatagram("a", Buffer.alloc(0), 0);
    cloud.handleDatagram("a", Buffer.alloc(1), 0);
    expect(cloud.pollTransmit()).toBeUndefined();
    const probe = Buffer.from("fcfefd8003000012340001000401020304", "hex");
    cloud.handleDatagram("a", probe, 0);
    expect(cloud.pollTransmit()).toEqual({ to: "a", datagram: probe });
    cloud.handleDatagram("a", probe.subarray(0, 15), 0);
    expect(cloud.pollTransmit()).toBeUndefined();
  });
});

describe("events between devices", () => {
  const subscribe = (
    filter: string,
    query?: string,
  ): { code: number; options: CoapMessage["options"] } => ({
    code: CoapCode.Get,
    options: [...path("e", filter), ...(query ? [{ number: 15, value: Buffer.from(query) }] : [])],
  });

  test.each<[string, string | undefined, number, number | undefined]>([
    ["text to text", undefined, ContentFormat.Text, 0],
    ["JSON to text", undefined, ContentFormat.Json, 50],
    ["binary to text", undefined, ContentFormat.OctetStream, undefined],
    ["binary to binary", "b", ContentFormat.OctetStream, 42],
    ["structured to CBOR", "c", ContentFormat.StructuredData, 60],
    ["structured to text", undefined, ContentFormat.StructuredData, undefined],
    ["structured to binary", "b", ContentFormat.StructuredData, 60],
    ["text to CBOR", "c", ContentFormat.Text, undefined],
  ])("%s", (_name, query, contentType, delivered) => {
    const fixture = connected();
    const { cloud, device } = fixture;
    const receiver = join(fixture, "0".repeat(24));
    receiver.talk(cloud, receiver.coap(subscribe("sensor/", query)));
    const option = { number: 12, value: Buffer.from([contentType >> 8, contentType & 255]) };
    const options = [...path("E", "sensor", "t"), ...(contentType === 0 ? [] : [option])];
    const payload = Buffer.from("data");
    cloud.handleDatagram(device.address, device.coap({ code: CoapCode.Post, options, payload }), 0);
    const sent: { to: string; datagram: Uint8Array }[] = [];
    for (let out = cloud.pollTransmit(); out; out = cloud.pollTransmit()) sent.push(out);
    const toReceiver = sent.filter(({ to }) => to === receiver.address);
    expect(toReceiver).toHaveLength(delivered === undefined ? 0 : 1);
    // The publisher's acknowledgement comes before anything else.
    expect(sent[0].to).toBe(device.address);
    if (delivered === undefined) return;
    receiver.handleDatagram(toReceiver[0].datagram);
    const event = receiver.received.at(-1) as CoapMessage;
    expect(
      event.options.filter(({ number }) => number === 11).map(({ value }) => String(value)),
    ).toEqual(["e", "sensor/t"]);
    const format = event.options.find(({ number }) => number === 12)?.value;
    expect(format?.readUIntBE(0, format.length) ?? 0).toBe(delivered);
    expect(event.payload).toEqual(payload);
  });

  test("a publisher that subscribes gets its own event; a filter is a prefix", () => {
    const { cloud, device } = connected();
    device.talk(cloud, device.coap(subscribe("ab")));
    const names = ["ab", "abc", "a", "b", "AB"];
    const got = names.filter((name) => {
      device.talk(cloud, device.coap({ code: CoapCode.Post, options: path("E", name) }));
      const event = device.received.at(-1) as CoapMessage;
      const own = event.code === CoapCode.Post;
      if (own) device.talk(cloud, device.coap({ type: 2, code: 0, messageId: event.messageId }));
      return own;
    });
    expect(got).toEqual(["ab", "abc"]);
  });

  test("delivery is reported; a device that never acknowledges goes offline", () => {
    const { cloud, device } = connected();
    const deliveries: unknown[] = [];
    cloud.on("delivery", (delivery) => deliveries.push(delivery));
    device.talk(cloud, device.coap(subscribe("")));
    expect(cloud.publish("one", "1", { deviceId: device.id })).toBe(1);
    next(cloud, device);
    cloud.publish("two");
    let now = 0;
    for (let i = 0; i < 5; i++) {
      now += cloud.pollTimeout(now);
      cloud.handleTimeout(now);
    }
    expect(deliveries).toEqual([
      { deviceId: device.id, name: "one", delivery: "acknowledged", coapCode: 0 },
      { deviceId: device.id, name: "two", delivery: "timeout", coapCode: 0 },
    ]);
    expect(cloud.device(device.id)).toMatchObject({ online: false, connected: true });
    expect(cloud.publish("three")).toBe(0);
  });

  test("listeners may publish and disconnect inside a handle call; nothing asks to be polled there", () => {
    const { cloud, device } = connected();
    device.talk(cloud, device.coap(subscribe("")));
    let wakes = 0;
    cloud.on("wake", () => wakes++);
    cloud.on("event", () => cloud.publish("echo"));
    const event = { code: CoapCode.Post, options: path("E", "x") };
    cloud.handleDatagram(device.address, device.coap(event), 0);
    expect(wakes).toBe(0);
    cloud.publish("again");
    cloud.on("event", () => cloud.disconnect(device.id));
    cloud.handleDatagram(device.address, device.coap(event), 0);
    for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
    expect(device.alerts).toEqual([{ level: 1, description: 0, epoch: 1 }]);
    expect(cloud.device(device.id).connected).toBe(false);
  });

  test("Hello starts the list of subscriptions anew", () => {
    const { cloud, device } = connected();
    device.talk(cloud, device.coap(subscribe("a")));
    device.talk(cloud, device.hello());
    device.talk(cloud, device.coap(subscribe("b")));
    expect(cloud.device(device.id).subscriptions).toEqual([{ filter: "b", kind: "text" }]);
  });
});

describe("CoAP codec", () => {
  test.each([
    ["40", "header incomplete"],
    ["80000001", "version"],
    ["4900000100", "token length"],
    ["4100000100", "Empty"],
    ["40020001ff", "payload marker"],
    ["40020001f0", "reserved"],
    ["400200010f", "reserved"],
    ["40020001d0", "incomplete"],
    ["40020001b4", "option incomplete"],
    ["40020001e0ffffe0ffff", "65535"],
  ])("%s is refused", (bytes, reason) => {
    expect(() => decodeCoap(Buffer.from(bytes, "hex"))).toThrow(reason);
  });

  test("encoding and decoding are inverse", () => {
    for (let i = 0; i < 500; i++) {
      const random = randomBytes(64);
      const options = [...random.subarray(0, 5)].map((byte, k) => ({
        number: byte * (k + 1) * 40,
        value: randomBytes([0, 5, 12, 13, 268, 269, 700][random[10 + k] % 7]),
      }));
      options.sort((a, b) => a.number - b.number);
      const message = {
        type: random[20] & 3,
        code: 2,
        messageId: random.readUInt16BE(22),
        token: random.subarray(24, 24 + (random[21] % 9)),
        options,
        payload: randomBytes(random[30] % 20),
      };
      expect(decodeCoap(encodeCoap(message))).toEqual(message);
    }
  });
});

/** A reproducible random source: enough for tests, nothing else. */
function seeded(seed: number): (length: number) => Uint8Array {
  let state = seed;
  return (length) =>
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 16;
    });
}
