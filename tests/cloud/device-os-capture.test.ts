// Replays what a genuine Device OS 6.2.0 device sent, and compares the answers with those that it was content with.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ByteReader, uint, vector } from "../../cloud/bytes";
import { decodeCoap, encodeCoap } from "../../cloud/coap/codec";
import { encodeDescribeRequest } from "../../cloud/device-protocol/describe";
import { encodeEvent } from "../../cloud/device-protocol/events";
import { encodeFunctionCall } from "../../cloud/device-protocol/functions";
import { encodeVariableRequest } from "../../cloud/device-protocol/variables";
import type { OutgoingMessage } from "../../cloud/coap/message-layer";
import { decodeHandshakeFragments } from "../../cloud/dtls/handshake-message";
import { parseRecords } from "../../cloud/dtls/record";
import { FunctionNotFound, VariableNotFound } from "../../cloud/errors";
import { LocalCloud } from "../../cloud/local-cloud";
import { setupCloud } from "../support/cloud-fixture";
import { ScriptedDevice } from "../support/scripted-device";

interface Line {
  k: "note" | "phase" | "udp" | "app" | "peerkey";
  t: number;
  m?: string;
  dir: "d>s" | "s>d";
  port: number;
  hex: string;
}

const ID = "0123456789abcdef01234567";
const lines = readFileSync(join(__dirname, "../vectors/device-os-6.2-capture.jsonl"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Line);
const hex = (text: string): Buffer => Buffer.from(text, "hex");

/** The captured acknowledgement of each confirmable message, by position. */
function capturedAnswer(index: number): string | undefined {
  const messageId = lines[index].hex.slice(4, 8);
  const answer = lines.slice(index).find((line) => {
    const acknowledges = line.k === "app" && line.dir === "s>d" && line.hex.startsWith("6");
    return acknowledges && line.hex.slice(4, 8) === messageId;
  });
  return answer?.hex;
}

test("every message of the device gets the answer that it got in the capture", () => {
  let wallClock = 0;
  const { options } = setupCloud({ wallClock: () => wallClock });
  const { registry } = options;
  const cloud = new LocalCloud(options);
  let device = new ScriptedDevice({ id: ID, serverSpki: options.keyPair.spki });
  registry.register({ id: ID, publicKey: device.keyPair.spki });
  const events: string[] = [];
  cloud.on("event", ({ name, data }) => events.push(`${name}=${data.length}`));
  let moves = 0;
  cloud.on("device", ({ change }) => (moves += change === "moved" ? 1 : 0));

  let answered = 0;
  let now = 0;
  lines.forEach((line, index) => {
    if (line.k === "note" && line.m?.startsWith("handshake complete")) {
      device = new ScriptedDevice({
        id: ID,
        serverSpki: options.keyPair.spki,
        keyPair: device.keyPair,
        address: device.address,
      });
      device.handshake(cloud, now);
      expect(device.finished).toBe(true);
    }
    if (line.k === "udp" && line.dir === "d>s") {
      device.address = `127.0.0.1:${line.port}`;
      device.recordType = parseInt(line.hex.slice(0, 2), 16);
    }
    if (line.k !== "app" || line.dir !== "d>s") return;
    if (device.recordType === 22) device.recordType = 25;
    now++;
    const expected = capturedAnswer(index);
    // The captured time stands in the last four bytes of its answer.
    if (expected?.startsWith("6145")) wallClock = parseInt(expected.slice(12), 16) * 1000;
    const confirmable = (hex(line.hex)[0] & 0x30) === 0;
    const answers = device.talk(cloud, device.message(line.hex), now);
    const own = answers.filter(({ type }) => type === 2).map((answer) => encodeCoap(answer));
    expect(own.map((answer) => answer.toString("hex"))).toEqual(confirmable ? [expected] : []);
    answered += own.length;
    // Nothing but acknowledgements and events that the device subscribed to.
    for (const answer of answers) expect([0, 2]).toContain(answer.type);
  });

  expect(answered).toBeGreaterThan(80);
  expect(moves).toBeGreaterThanOrEqual(5);
  expect(events).toContain("temp=1024");
  expect(cloud.counters["unknown-request"]).toBeUndefined();
  expect(cloud.counters["malformed-message"]).toBeUndefined();
  expect(cloud.device(ID)).toMatchObject({
    online: true,
    functions: ["led"],
    variables: { counter: 2, mode: 4 },
    lastHello: { deviceId: ID, platformId: 3, systemVersion: 6200, chunkSize: 512 },
  });
  const filters = cloud.device(ID).subscriptions.map(({ filter }) => filter);
  expect(filters).toEqual(["particle", "spark", "ping", "demo/reply"]);
});

describe("ClientHello of the capture", () => {
  const hellos = lines.filter(
    ({ k, dir, hex: text }) =>
      k === "udp" && dir === "d>s" && text.startsWith("16") && text.slice(26, 28) === "01",
  );

  test.each(hellos.map(({ hex: text }) => [text.length / 2, text]))(
    "%i bytes get an answer no longer than they are",
    (length, text) => {
      const { cloud } = setupCloud();
      cloud.handleDatagram("a", hex(text), 0);
      const answer = cloud.pollTransmit();
      expect(answer?.datagram[13]).toBe(3);
      expect(answer?.datagram).toHaveLength(36);
      expect(answer?.datagram.length).toBeLessThanOrEqual(length);
      // RFC 6347 §4.2.1: the record number of the request
      expect(answer?.datagram.slice(5, 11)).toEqual(hex(text).subarray(5, 11));
      expect(cloud.pollTransmit()).toBeUndefined();
      expect(cloud.pollTimeout(0)).toBe(-1);
    },
  );

  test.each(hellos.map(({ hex: text }) => [text.length / 2, text]))(
    "%i bytes and our cookie get a flight that the device accepts",
    (_length, text) => {
      const { cloud } = setupCloud();
      cloud.handleDatagram("a", hex(text), 0);
      const request = Buffer.from(cloud.pollTransmit()?.datagram ?? []);
      cloud.handleDatagram("a", withCookie(hex(text), request.subarray(28)), 0);
      const flight = Buffer.from(cloud.pollTransmit()?.datagram ?? []);
      expect(cloud.pollTransmit()).toBeUndefined();
      const { records, complete } = parseRecords(flight, 0);
      expect(complete).toBe(true);
      const messages = records.flatMap(({ fragment }) => decodeHandshakeFragments(fragment));
      // ServerHello, ServerKeyExchange, CertificateRequest, ServerHelloDone; above all no Certificate (11)
      expect(messages.map(({ type }) => type)).toEqual([2, 12, 13, 14]);
      const hello = new ByteReader(messages[0].fragment);
      expect(hello.uint(2)).toBe(0xfefd);
      hello.take(32);
      expect(hello.vector(1)).toHaveLength(0);
      expect(hello.uint(2)).toBe(0xc0ae);
      expect(hello.uint(1)).toBe(0);
      expect(hello.vector(2).toString("hex")).toMatch(
        /^ff0100010000fe000908[0-9a-f]{16}00130001020014000102$/,
      );
      expect(messages[2].fragment.toString("hex")).toBe("0140000204030000");
    },
  );
});

/** Put a cookie into a captured ClientHello, as its sender would. */
function withCookie(datagram: Buffer, cookie: Buffer): Buffer {
  const reader = new ByteReader(datagram.subarray(25));
  const head = reader.take(34);
  const sessionId = reader.vector(1);
  reader.vector(1);
  const body = Buffer.concat([head, vector(1, sessionId), vector(1, cookie), reader.rest()]);
  const message = Buffer.concat([
    uint(1, 1),
    uint(body.length, 3),
    uint(1, 2),
    uint(0, 3),
    vector(3, body),
  ]);
  return Buffer.concat([datagram.subarray(0, 10), uint(1, 1), vector(2, message)]);
}

describe("requests to the device", () => {
  const captured = lines
    .filter(({ k, dir }) => k === "app" && dir === "s>d")
    .map(({ hex: text }) => text);

  test.each<[string, OutgoingMessage, string]>([
    ["variable", encodeVariableRequest("counter"), "4101100021b17607636f756e746572"],
    ["function", encodeFunctionCall("led", "7"), "4102100122b166036c65644137"],
    ["describe", encodeDescribeRequest(4), "4101100625b1644104"],
    [
      "event",
      encodeEvent({ name: "ping", data: Buffer.from("hello-from-cloud"), contentType: 0 }),
      "40021002b1650470696e67ff68656c6c6f2d66726f6d2d636c6f7564",
    ],
  ])("%s is encoded as in the capture", (_name, message, expected) => {
    expect(captured).toContain(expected);
    const original = decodeCoap(hex(expected));
    const bytes = encodeCoap({
      ...original,
      code: message.code,
      options: message.options ?? [],
      payload: Buffer.from(message.payload ?? []),
    });
    expect(bytes.toString("hex")).toBe(expected);
  });

  /** A device that answers requests with what the genuine one answered. */
  function connected(): ReturnType<typeof setupCloud> {
    const fixture = setupCloud();
    fixture.device.handshake(fixture.cloud);
    fixture.device.talk(fixture.cloud, fixture.device.hello());
    fixture.device.messageId = 1000;
    fixture.device.talk(
      fixture.cloud,
      fixture.device.message(
        "4102000618b1644102ff7b2266223a5b226c6564225d2c2276223a7b22636f756e746572223a322c226d6f6465223a347d7d",
      ),
    );
    return fixture;
  }

  /** Answer the next request: an empty acknowledgement, then the captured response with this exchange's ids. */
  function answer({ cloud, device }: ReturnType<typeof setupCloud>, response?: string): void {
    for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
    const request = device.received.at(-1);
    if (!request) throw new Error("no request");
    device.talk(cloud, device.coap({ type: 2, code: 0, messageId: request.messageId }));
    if (response === undefined) return;
    const { code, options, payload } = decodeCoap(hex(response));
    const [acknowledgement] = device.talk(
      cloud,
      device.coap({ code, options, payload, token: request.token }),
    );
    expect(acknowledgement).toMatchObject({ type: 2, code: 0, messageId: device.messageId });
  }

  test("values, results and describes of the genuine device are understood", async () => {
    const fixture = connected();
    const { cloud, device } = fixture;
    const value = cloud.read(device.id, "counter");
    answer(fixture, "4145000b21ff00000000");
    await expect(value).resolves.toBe(0);

    const result = cloud.call(device.id, "led", "7");
    answer(fixture, "4144000d22ff00000007");
    await expect(result).resolves.toBe(7);

    const system = cloud.describe(device.id, 1);
    answer(
      fixture,
      "4145001123c12aff0a19080218e8072880808005351e0000003d1e00000058848080050a20080318b8302880808005351e0000003d1e0000004a05080218e8075884808005",
    );
    await expect(system).resolves.toMatchObject({
      modules: [
        { type: 2, version: 1000, dependencies: [] },
        { type: 3, version: 6200, dependencies: [{ type: 2, version: 1000 }] },
      ],
    });

    const application = cloud.describe(device.id, 2);
    answer(
      fixture,
      "4145001324ff7b2266223a5b226c6564225d2c2276223a7b22636f756e746572223a322c226d6f6465223a347d7d",
    );
    await expect(application).resolves.toEqual({
      functions: ["led"],
      variables: { counter: 2, mode: 4 },
    });

    const line = lines.find(({ k, hex: text }) => k === "app" && text.startsWith("4145001525"));
    const metrics = cloud.describe(device.id, 4);
    answer(fixture, line?.hex);
    expect((await metrics).map(({ id }) => id).slice(0, 3)).toEqual([6, 8, 9]);
  });

  test("what the genuine device does not have", async () => {
    const fixture = connected();
    const { cloud, device } = fixture;
    const value = cloud.read(device.id, "nosuch");
    answer(fixture, "4184001726");
    await expect(value).rejects.toThrow(VariableNotFound);

    // An unknown function is acknowledged, and nothing else ever comes.
    const result = cloud.call(device.id, "nosuch", "1");
    answer(fixture);
    expect(cloud.pollTimeout(0)).toBe(30_000);
    cloud.handleTimeout(30_000);
    await expect(result).rejects.toThrow(FunctionNotFound);
    expect(cloud.device(device.id).online).toBe(true);
  });

  test("ping and signal", async () => {
    const fixture = connected();
    const { cloud, device } = fixture;
    const ping = cloud.ping(device.id);
    const [datagram] = device.collect(cloud);
    device.handleDatagram(datagram);
    expect(device.received.at(-1)).toMatchObject({ type: 0, code: 0 });
    const messageId = device.received.at(-1)?.messageId ?? 0;
    device.talk(cloud, device.coap({ type: 2, code: 0, messageId }), 250);
    await expect(ping).resolves.toBe(250);

    const signal = cloud.signal(device.id, true);
    for (const part of device.collect(cloud)) device.handleDatagram(part);
    const request = device.received.at(-1);
    expect(encodeCoap(request as NonNullable<typeof request>).toString("hex")).toMatch(
      /^4103....(..)b1734101$/,
    );
    device.talk(
      cloud,
      device.coap({ type: 2, code: 0x44, messageId: request?.messageId, token: request?.token }),
      300,
    );
    await expect(signal).resolves.toBeUndefined();
  });
});
