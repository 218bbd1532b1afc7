// Plain CoAP in the standard profile: resources, blocks, observation, separate responses, handlers of users, Hello.

import { blockOption, decodeBlock } from "../../cloud/coap/block";
import { CoapCode, CoapOptionNumber, findOption, findUint } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import { HelloFlag } from "../../cloud/device-protocol/hello";
import { largeText } from "../../cloud/resources/built-in";
import { DEVICE_ID } from "../support/cloud-fixture";
import type { StandardClient } from "../support/standard-client";
import { NO_OWN_ID, setupStandard, uri } from "../support/standard-fixture";
import type { StandardFixture } from "../support/standard-fixture";

const { Get, Post, Put, Delete } = CoapCode;

interface Connected extends StandardFixture {
  client: StandardClient;
  /** Send a request and return its only answer. */
  ask(code: number, target: string, more?: Partial<CoapMessage>, now?: number): CoapMessage;
}

function connected(overrides = {}): Connected {
  const fixture = setupStandard({ wallClock: () => 1_728_567_680_000, ...overrides });
  const client = fixture.psk({ connectionId: NO_OWN_ID });
  client.handshake(fixture.cloud);
  let token = 0;
  const ask: Connected["ask"] = (code, target, more = {}, now = 0) => {
    const options = [...uri(target), ...(more.options ?? [])];
    const request = { code, token: Buffer.of(++token), ...more, options };
    const answers = client.talk(fixture.cloud, client.coap(request), now);
    expect(answers).toHaveLength(1);
    expect(answers[0].token).toEqual(request.token);
    return answers[0];
  };
  return { ...fixture, client, ask };
}

const observe = (value: number): CoapMessage["options"] => [
  { number: CoapOptionNumber.Observe, value: value === 0 ? Buffer.alloc(0) : Buffer.of(value) },
];
const text = (message: CoapMessage): string => message.payload.toString();

describe("resources", () => {
  test("echo, time, store, and what does not exist", () => {
    const { ask } = connected();
    const format = { number: CoapOptionNumber.ContentFormat, value: Buffer.of(60) };
    const echo = ask(Post, "/echo", { payload: Buffer.from("hello"), options: [format] });
    expect(echo).toMatchObject({ type: 2, code: CoapCode.Changed });
    expect(text(echo)).toBe("hello");
    expect(findUint(echo, CoapOptionNumber.ContentFormat)).toBe(60);
    expect(text(ask(Get, "/time"))).toBe("1728567680");
    expect(ask(Get, "/store").code).toBe(CoapCode.NotFound);
    expect(ask(Put, "/store", { payload: Buffer.from("a") }).code).toBe(CoapCode.Created);
    expect(ask(Put, "/store", { payload: Buffer.from("b") }).code).toBe(CoapCode.Changed);
    expect(text(ask(Get, "/store"))).toBe("b");
    expect(ask(Delete, "/store").code).toBe(CoapCode.Deleted);
    expect(ask(Get, "/store").code).toBe(CoapCode.NotFound);
    expect(ask(Get, "/nothing").code).toBe(CoapCode.NotFound);
    expect(ask(Get, "/store/below").code).toBe(CoapCode.NotFound);
    expect(ask(Get, "/echo").code).toBe(CoapCode.MethodNotAllowed);
  });

  test("a critical option that is not understood: 4.02", () => {
    const { ask } = connected();
    const option = (number: number): Partial<CoapMessage> => ({
      options: [{ number, value: Buffer.of(1) }],
    });
    expect(ask(Get, "/time", option(5)).code).toBe(CoapCode.BadOption);
    expect(ask(Get, "/time", option(2049)).code).toBe(CoapCode.BadOption);
    expect(ask(Get, "/time", option(2048)).code).toBe(CoapCode.Content);
  });

  test("a non-confirmable request gets a non-confirmable response", () => {
    const { ask } = connected();
    expect(ask(Get, "/time", { type: 1 })).toMatchObject({ type: 1, code: CoapCode.Content });
    expect(ask(Get, "/nothing", { type: 1 })).toMatchObject({ type: 1, code: CoapCode.NotFound });
  });

  test("a repeated request gets the same answer and acts once", () => {
    const { ask, client } = connected();
    expect(text(ask(Post, "/counter"))).toBe("1");
    expect(text(ask(Post, "/counter", { messageId: client.messageId, token: Buffer.of(1) }))).toBe(
      "1",
    );
  });

  test("a ping gets the Reset of RFC 7252 §4.3; the cloud pings as well", async () => {
    const { cloud, client, ask } = connected();
    expect(client.talk(cloud, client.coap({ code: 0 }))).toMatchObject([{ type: 3, code: 0 }]);
    ask(Get, "/time");
    const result = cloud.ping(DEVICE_ID);
    const [ping] = client.listen(cloud);
    client.talk(cloud, client.coap({ type: 3, code: 0, messageId: ping.messageId }));
    await expect(result).resolves.toBe(0);
  });
});

describe("separate responses", () => {
  test("64 may be due later; one more is refused, until they went out", () => {
    const { cloud, client, ask } = connected();
    for (let i = 0; i < 64; i++) {
      const request = {
        type: 1,
        code: Get,
        token: Buffer.of(i),
        options: uri("/separate?ms=99999"),
      };
      expect(client.talk(cloud, client.coap(request))).toEqual([]);
    }
    expect(ask(Get, "/separate?ms=99999").code).toBe(CoapCode.ServiceUnavailable);
    cloud.handleTimeout(99_999);
    expect(client.listen(cloud)).toHaveLength(64);
    const again = client.coap({ code: Get, token: Buffer.of(99), options: uri("/separate") });
    const [acknowledgement] = client.talk(cloud, again, 99_999);
    expect(acknowledgement.code).toBe(CoapCode.Empty);
  });

  test("after a delay of engine time, confirmable and repeated until acknowledged", () => {
    const { cloud, client } = connected();
    const token = Buffer.of(0xaa, 0xbb);
    const request = { code: Get, token, options: uri("/separate?ms=500") };
    expect(client.talk(cloud, client.coap(request))).toMatchObject([
      { type: 2, code: 0, messageId: client.messageId },
    ]);
    expect(cloud.pollTimeout(0)).toBe(500);
    cloud.handleTimeout(499);
    expect(client.listen(cloud)).toEqual([]);
    cloud.handleTimeout(500);
    const [response] = client.listen(cloud);
    expect(response).toMatchObject({ type: 0, code: CoapCode.Content, token });
    cloud.handleTimeout(500 + cloud.pollTimeout(500));
    expect(client.listen(cloud)).toMatchObject([{ messageId: response.messageId }]);
    client.talk(cloud, client.coap({ type: 2, code: 0, messageId: response.messageId }), 4000);
    cloud.handleTimeout(100_000);
    expect(client.listen(cloud)).toEqual([]);
  });

  test("none to a client that is gone", () => {
    const { cloud, client } = connected();
    const request = { code: Get, token: Buffer.of(1), options: uri("/separate") };
    client.talk(cloud, client.coap(request));
    cloud.disconnect(DEVICE_ID);
    client.listen(cloud);
    cloud.handleTimeout(10_000);
    expect(client.listen(cloud)).toEqual([]);
  });
});

describe("blocks", () => {
  /** Get a representation block by block. */
  function download({ ask }: Connected, szx: number, code: number, target: string): string {
    const parts: Buffer[] = [];
    let etag: Buffer | undefined;
    for (let number = 0; ; number++) {
      const asked = { number, more: false, szx };
      const options = [blockOption(CoapOptionNumber.Block2, asked)];
      const answer = ask(code, target, { options });
      const block = decodeBlock(answer, CoapOptionNumber.Block2);
      expect(block).toMatchObject({ number, szx });
      const tag = findOption(answer, CoapOptionNumber.ETag);
      if (number > 0) expect(tag).toEqual(etag);
      etag = tag;
      parts.push(answer.payload);
      if (!block?.more) return Buffer.concat(parts).toString();
      expect(answer.payload).toHaveLength(2 ** (szx + 4));
    }
  }

  /** Post a payload block by block. @returns the last answer */
  function upload({ ask }: Connected, payload: Buffer, szx: number): CoapMessage {
    let size = 2 ** (szx + 4);
    for (let at = 0; ;) {
      const part = payload.subarray(at, at + size);
      const more = at + size < payload.length;
      const block = { number: at / size, more, szx: Math.log2(size) - 4 };
      const options = [blockOption(CoapOptionNumber.Block1, block)];
      const answer = ask(Post, "/echo", { options, payload: part });
      const echoed = decodeBlock(answer, CoapOptionNumber.Block1);
      expect(echoed).toMatchObject({ number: block.number, more });
      if (!more) return answer;
      expect(answer.code).toBe(CoapCode.Continue);
      at += part.length;
      size = 2 ** ((echoed?.szx ?? 0) + 4);
    }
  }

  test.each([0, 2, 6])("a large response with SZX %i", (szx) => {
    expect(download(connected(), szx, Get, "/large")).toBe(largeText());
  });

  test("a response that is too long is cut without being asked, by the size of the server", () => {
    for (const blockSize of [1024, 64]) {
      const { ask } = connected({ blockSize });
      const answer = ask(Get, "/large");
      expect(answer.payload).toHaveLength(blockSize);
      const szx = Math.log2(blockSize) - 4;
      expect(decodeBlock(answer, CoapOptionNumber.Block2)).toEqual({ number: 0, more: true, szx });
      expect(findOption(answer, CoapOptionNumber.ETag)).toEqual(Buffer.from("large-01"));
    }
    expect(() => setupStandard({ blockSize: 1000 })).toThrow(/block size/);
    expect(() => setupStandard({ blockSize: 2048 })).toThrow(/block size/);
  });

  test.each([
    [6, 1024],
    [4, 1024],
    [6, 128],
    [0, 16],
  ])("a request in blocks of SZX %i, to a server of %i", (szx, blockSize) => {
    const fixture = connected({ blockSize });
    const payload = Buffer.from(largeText());
    const answer = upload(fixture, payload, szx);
    expect(answer.code).toBe(CoapCode.Changed);
    // What came out of it is as long, and comes in blocks of its own.
    const size = Math.min(blockSize, 1024);
    expect(answer.payload).toEqual(payload.subarray(0, size));
    const rest = download(fixture, Math.log2(size) - 4, Get, "/large");
    expect(rest).toBe(largeText());
    const second = fixture.ask(Post, "/echo", {
      options: [blockOption(CoapOptionNumber.Block2, { number: 1, more: false, szx: 0 })],
    });
    expect(second.payload).toEqual(payload.subarray(16, 32));
  });

  test("a response that takes several blocks has a hash for an ETag when the handler gives none", () => {
    const fixture = connected();
    const answer = upload(fixture, Buffer.from(largeText()), 6);
    expect(findOption(answer, CoapOptionNumber.ETag)).toHaveLength(4);
  });

  test.each<[string, { number: number; more: boolean; szx: number }, number, number]>([
    ["a block without those before", { number: 2, more: true, szx: 0 }, 16, 0x88],
    ["a short block in between", { number: 0, more: true, szx: 0 }, 15, 0x80],
    ["a long last block", { number: 0, more: false, szx: 0 }, 17, 0x80],
    ["the reserved size", { number: 0, more: true, szx: 7 }, 2048, 0x80],
  ])("%s", (_name, block, length, code) => {
    const { ask } = connected();
    const options = [blockOption(CoapOptionNumber.Block1, block)];
    expect(ask(Post, "/echo", { options, payload: Buffer.alloc(length) }).code).toBe(code);
  });

  test("a gap, and more than 64 KiB", () => {
    const { ask } = connected();
    const send = (number: number): number =>
      ask(Post, "/echo", {
        options: [blockOption(CoapOptionNumber.Block1, { number, more: true, szx: 6 })],
        payload: Buffer.alloc(1024),
      }).code;
    expect([send(0), send(1), send(3), send(2)]).toEqual([0x5f, 0x5f, 0x88, 0x88]);
    for (let number = 0; number < 64; number++) expect(send(number)).toBe(CoapCode.Continue);
    expect(send(64)).toBe(CoapCode.RequestEntityTooLarge);
  });

  test("a block behind the end, or of nothing", () => {
    const { ask } = connected();
    const block = (number: number, szx: number): Partial<CoapMessage> => ({
      options: [blockOption(CoapOptionNumber.Block2, { number, more: false, szx })],
    });
    expect(ask(Get, "/large", block(3, 6)).code).toBe(CoapCode.BadRequest);
    expect(ask(Get, "/large", block(0, 7)).code).toBe(CoapCode.BadRequest);
    expect(ask(Post, "/echo", block(1, 6)).code).toBe(CoapCode.RequestEntityIncomplete);
    // A later block of a GET may come first: it is carried out again.
    expect(connected().ask(Get, "/large", block(2, 6)).payload).toHaveLength(2500 - 2048);
  });
});

describe("observation", () => {
  const sequence = (message: CoapMessage): number | undefined =>
    findUint(message, CoapOptionNumber.Observe);

  test("notifications with the token of the request and increasing numbers", () => {
    const { cloud, client, ask } = connected();
    const token = Buffer.of(0x77);
    const first = ask(Get, "/counter", { token, options: observe(0) });
    expect(text(first)).toBe("0");
    let last = sequence(first) ?? NaN;
    for (let value = 1; value <= 5; value++) {
      const request = { code: Post, token: Buffer.of(1), options: uri("/counter") };
      const answers = client.talk(cloud, client.coap(request));
      const notification = answers.find((message) => message.token.equals(token)) as CoapMessage;
      expect(notification).toMatchObject({ type: 1, code: CoapCode.Content });
      expect(text(notification)).toBe(String(value));
      expect(sequence(notification)).toBeGreaterThan(last);
      last = sequence(notification) ?? NaN;
    }
  });

  test.each<[string, (fixture: Connected, token: Buffer) => unknown]>([
    ["Observe 1", ({ ask }, token) => ask(Get, "/counter", { token, options: observe(1) })],
    [
      "a Reset of a notification",
      ({ cloud, client }) => {
        cloud.notify("/counter");
        const [{ messageId }] = client.listen(cloud);
        client.talk(cloud, client.coap({ type: 3, code: 0, messageId }));
      },
    ],
    [
      "a Reset of a confirmable notification",
      ({ cloud, client }) => {
        cloud.notify("/counter", { confirmable: true });
        const [{ messageId, type }] = client.listen(cloud);
        expect(type).toBe(0);
        client.talk(cloud, client.coap({ type: 3, code: 0, messageId }));
      },
    ],
    [
      "silence",
      ({ cloud, client }) => {
        cloud.notify("/counter", { confirmable: true });
        let now = 0;
        for (let i = 0; i < 5; i++) {
          now += cloud.pollTimeout(now);
          cloud.handleTimeout(now);
        }
        client.listen(cloud);
      },
    ],
    [
      "an error",
      ({ cloud, client }) => {
        cloud.onRequest("/counter", () => ({ code: CoapCode.NotFound }), { observable: true });
        cloud.notify("/counter");
        const [error] = client.listen(cloud);
        expect(error.code).toBe(CoapCode.NotFound);
        expect(sequence(error)).toBeUndefined();
      },
    ],
  ])("%s ends it", (_name, end) => {
    const fixture = connected();
    const { cloud, client, ask } = fixture;
    const token = Buffer.of(0x77);
    ask(Get, "/counter", { token, options: observe(0) });
    cloud.notify("/counter");
    expect(client.listen(cloud)).toHaveLength(1);
    end(fixture, token);
    cloud.notify("/counter");
    expect(client.listen(cloud)).toEqual([]);
  });

  test("while a confirmable notification waits, only the newest state follows", () => {
    const { cloud, client, ask } = connected();
    ask(Get, "/counter", { token: Buffer.of(0x77), options: observe(0) });
    let value = 0;
    cloud.onRequest("/counter", () => ({ code: CoapCode.Content, payload: String(value) }), {
      observable: true,
    });
    for (let i = 0; i < 4; i++) {
      value++;
      cloud.notify("/counter", { confirmable: true });
    }
    const [first, ...others] = client.listen(cloud);
    expect([text(first), others]).toEqual(["1", []]);
    const answers = client.talk(
      cloud,
      client.coap({ type: 2, code: 0, messageId: first.messageId }),
    );
    expect(answers.map(text)).toEqual(["4"]);
  });

  test("not of what is not observable, and not without bounds", () => {
    const { ask, cloud, client } = connected();
    expect(sequence(ask(Get, "/time", { options: observe(0) }))).toBeUndefined();
    for (let i = 0; i < 20; i++) {
      const token = Buffer.of(i, i);
      const answer = ask(Get, "/counter", { token, options: observe(0) });
      expect(sequence(answer) !== undefined).toBe(i < 16);
    }
    cloud.notify("/counter");
    expect(client.listen(cloud)).toHaveLength(16);
  });
});

describe("handlers of users", () => {
  test("get the request and answer at once", () => {
    const { cloud, ask } = connected();
    const requests: unknown[] = [];
    cloud.onRequest("/a/b", (request) => {
      requests.push(request);
      return { code: CoapCode.Content, payload: "yes", contentFormat: 50, maxAge: 5 };
    });
    const answer = ask(Get, "/a/b?q=1", { payload: Buffer.from("body") });
    expect(text(answer)).toBe("yes");
    expect(findUint(answer, CoapOptionNumber.MaxAge)).toBe(5);
    expect(requests).toMatchObject([
      { deviceId: DEVICE_ID, method: Get, path: "/a/b", query: ["q=1"] },
    ]);
    expect(() => cloud.onRequest("a", () => ({ code: 0x45 }))).toThrow(/path/);
  });

  test("or by a promise: a separate response", async () => {
    const { cloud, client } = connected();
    cloud.onRequest("/slow", async () => {
      await Promise.resolve();
      return { code: CoapCode.Content, payload: "done" };
    });
    const token = Buffer.of(5);
    const request = { code: Get, token, options: uri("/slow") };
    expect(client.talk(cloud, client.coap(request))).toMatchObject([{ type: 2, code: 0 }]);
    let wakes = 0;
    cloud.on("wake", () => wakes++);
    await new Promise((resolve) => setImmediate(resolve));
    expect(wakes).toBeGreaterThan(0);
    expect(client.listen(cloud)).toMatchObject([{ type: 0, code: CoapCode.Content, token }]);
  });

  test("errors become 5.00 and a line in the log", async () => {
    const { cloud, client, ask } = connected();
    const lines: string[] = [];
    cloud.on("log", ({ message }) => lines.push(message));
    cloud.onRequest("/bad", () => {
      throw new Error("broken");
    });
    cloud.onRequest("/worse", () => Promise.reject(new Error("later")));
    expect(ask(Get, "/bad").code).toBe(CoapCode.InternalServerError);
    const request = { code: Get, token: Buffer.of(1), options: uri("/worse") };
    client.talk(cloud, client.coap(request));
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.listen(cloud)).toMatchObject([{ code: CoapCode.InternalServerError }]);
    expect(lines).toEqual([expect.stringContaining("broken"), expect.stringContaining("later")]);
  });
});

describe("the device protocol", () => {
  const hello = (flags = 0x00f6): Partial<CoapMessage> & { code: number } => ({
    code: Post,
    options: uri("/h"),
    payload: Buffer.from(
      `12340003${flags.toString(16).padStart(4, "0")}000d000c${DEVICE_ID}18380480001780000200`,
      "hex",
    ),
  });

  test("does not exist before a Hello, and stands beside the resources after it", async () => {
    const { cloud, client, ask } = connected();
    const events: unknown[] = [];
    cloud.on("event", ({ name }) => events.push(name));
    expect(ask(Post, "/E/x").code).toBe(CoapCode.NotFound);
    expect(ask(Get, "/t").code).toBe(CoapCode.NotFound);
    await expect(cloud.call(DEVICE_ID, "f")).rejects.toMatchObject({ code: "device-offline" });
    expect(client.talk(cloud, client.coap(hello()))).toMatchObject([{ type: 2, code: 0 }]);
    client.talk(cloud, client.coap({ code: Post, options: uri("/E/x") }));
    expect(events).toEqual(["x"]);
    expect(ask(Get, "/t").payload).toHaveLength(4);
    expect(text(ask(Get, "/time"))).toBe("1728567680");
    expect(client.talk(cloud, client.coap({ code: 0 }))).toMatchObject([{ type: 2, code: 0 }]);
    const result = cloud.call(DEVICE_ID, "f");
    const [{ token, messageId }] = client.listen(cloud);
    const payload = Buffer.from("00000007", "hex");
    client.talk(cloud, client.coap({ type: 2, code: 0x44, messageId, token, payload }));
    await expect(result).resolves.toBe(7);
  });

  test("gives a reset token for a connection id of 8 bytes, not for a shorter one", () => {
    for (const connectionIdLength of [8, 4]) {
      const { cloud, client } = connected({ connectionIdLength });
      const [answer] = client.talk(cloud, client.coap(hello(0x00f6 | HelloFlag.SessionReset)));
      expect(answer.payload).toHaveLength(connectionIdLength === 8 ? 16 : 0);
    }
  });

  test("in the Particle profile there are no plain resources", () => {
    const { cloud, device } = setupStandard();
    device.handshake(cloud);
    device.talk(cloud, device.hello());
    const request = { code: Get, token: Buffer.of(1), options: uri("/time") };
    expect(device.talk(cloud, device.coap(request))).toMatchObject([{ code: CoapCode.NotFound }]);
  });
});
