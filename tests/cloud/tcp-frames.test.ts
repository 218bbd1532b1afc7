// Frames of an established TCP session, good and bad; what ends a session, and what takes its place.

import { generateKeyPair } from "../../cloud/keys";
import type { LocalCloud } from "../../cloud/local-cloud";
import { FrameCipher, frameLength } from "../../cloud/tcp/frame-cipher";
import { MAX_CIPHERTEXT_LENGTH } from "../../cloud/tcp/stream-reader";
import { setupCloud } from "../support/cloud-fixture";
import { ScriptedDevice } from "../support/scripted-device";
import { TcpDevice } from "../support/tcp-device";
import { TCP_DEVICE_ID, connectedTcp, setupTcp } from "../support/tcp-fixture";
import { TEST_DEVICE_KEY, TEST_SERVER_KEY } from "../support/tcp-keys";

const path = (...segments: string[]): { number: number; value: Buffer }[] =>
  segments.map((segment) => ({ number: 11, value: Buffer.from(segment) }));
const ping = (device: TcpDevice): Buffer => device.coap({ type: 0, code: 0 });
const length = (value: number): Buffer => Buffer.of(value >> 8, value & 255);

/** A ping and bytes behind it. */
const padded = (device: TcpDevice, count: number, value: number): Buffer =>
  Buffer.concat([device.encode({ type: 0, code: 0 }), Buffer.alloc(count, value)]);

interface Change {
  change: string;
  reason?: string;
}

function changes(cloud: LocalCloud): Change[] {
  const seen: Change[] = [];
  cloud.on("device", ({ change, reason }) => seen.push(reason ? { change, reason } : { change }));
  return seen;
}

test("a frame is as long as is said of it", () => {
  const cipher = new FrameCipher(Buffer.alloc(16), Buffer.alloc(16));
  for (let size = 1; size < 50; size++) {
    expect(cipher.seal(Buffer.alloc(size))).toHaveLength(frameLength(size));
  }
});

describe("what ends a session", () => {
  test.each<[string, (device: TcpDevice) => Buffer]>([
    ["a frame of no bytes", () => length(0)],
    ["a frame of one byte", () => length(1)],
    ["a frame that is not of whole blocks", () => length(17)],
    ["a frame one block too long", () => length(MAX_CIPHERTEXT_LENGTH + 16)],
    ["the longest length there is", () => length(0xffff)],
    ["the longest length of whole blocks", () => length(0xfff0)],
    ["padding 0", (d) => d.sealPadded(padded(d, 12, 0))],
    ["padding 17", (d) => d.sealPadded(padded(d, 28, 17))],
    ["padding 255", (d) => d.sealPadded(padded(d, 12, 255))],
    ...Array.from({ length: 11 }, (_, at): [string, (device: TcpDevice) => Buffer] => [
      `padding with another byte at ${at}`,
      (d) => {
        const bytes = padded(d, 12, 12);
        bytes[4 + at] ^= 1;
        return d.sealPadded(bytes);
      },
    ]),
    ["a message of no bytes", (d) => d.sealPadded(Buffer.alloc(16, 16))],
    ["a message of three bytes", (d) => d.seal(Buffer.from("400000", "hex"))],
    ["CoAP of version 2", (d) => d.seal(Buffer.from("80000001", "hex"))],
    ["a token of nine bytes", (d) => d.seal(Buffer.from("4901000100", "hex"))],
    ["a payload marker and no payload", (d) => d.seal(Buffer.from("40010001ff", "hex"))],
    ["garbage", () => Buffer.concat([length(32), Buffer.alloc(32, 0x5a)])],
    [
      "the message ID of the message before",
      (d) => d.coap({ code: 0, type: 0, messageId: d.messageId }),
    ],
    [
      "a message ID that leaves one out",
      (d) => d.coap({ code: 0, type: 0, messageId: d.messageId + 2 }),
    ],
  ])("%s", (_name, frame) => {
    const { cloud, device } = connectedTcp();
    const seen = changes(cloud);
    const before = device.bytesReceived;
    device.give(cloud, frame(device));
    expect(device.closed).toBe(true);
    expect(device.bytesReceived).toBe(before);
    expect(seen).toEqual([
      { change: "session-closed", reason: "broken" },
      { change: "offline", reason: "broken" },
    ]);
    expect(cloud.counters["malformed-frame"]).toBe(1);
    // What follows on the same connection is nobody's.
    expect(device.give(cloud, ping(device))).toEqual([]);
  });

  test("a frame that comes twice", () => {
    const { cloud, device } = connectedTcp();
    const frame = ping(device);
    expect(device.give(cloud, frame)).toHaveLength(1);
    device.give(cloud, frame);
    expect(device.closed).toBe(true);
  });

  test("a frame left out", () => {
    const { cloud, device } = connectedTcp();
    ping(device);
    device.give(cloud, ping(device));
    expect(device.closed).toBe(true);
  });

  test("nothing of a chunk after the frame that ended the session is read", () => {
    const { cloud, device } = connectedTcp();
    const events: string[] = [];
    cloud.on("event", ({ name }) => events.push(name));
    const event = (name: string): Buffer => device.coap({ code: 2, options: path("E", name) });
    const before = event("before");
    const bad = device.sealPadded(Buffer.alloc(16));
    device.give(cloud, Buffer.concat([before, bad, event("after")]));
    expect(events).toEqual(["before"]);
  });

  test("the longest frame is none of them", () => {
    const { cloud, device } = connectedTcp();
    const overhead = device.encode({ code: 2, options: path("E", "n"), payload: Buffer.of(0) });
    const payload = Buffer.alloc(MAX_CIPHERTEXT_LENGTH - overhead.length, 1);
    const messageId = device.messageId;
    const frame = device.coap({ code: 2, options: path("E", "n"), payload, messageId });
    expect(frame).toHaveLength(2 + MAX_CIPHERTEXT_LENGTH);
    device.give(cloud, frame);
    expect(device.closed).toBe(false);
  });

  test("the end of the connection", () => {
    const { cloud, device } = connectedTcp();
    const seen = changes(cloud);
    cloud.handleDisconnection(device.address, 0);
    expect(seen).toEqual([
      { change: "session-closed", reason: "connection-closed" },
      { change: "offline", reason: "connection-closed" },
    ]);
    expect(cloud.pollStream()).toBeUndefined();
    expect(cloud.pollTimeout(0)).toBe(-1);
  });

  test("silence", () => {
    const { cloud, device } = connectedTcp({ idleTimeoutMs: 31_000 });
    device.give(cloud, ping(device), 20_000);
    expect(cloud.pollTimeout(20_000)).toBe(31_000);
    cloud.handleTimeout(50_999);
    expect(cloud.device(TCP_DEVICE_ID).connected).toBe(true);
    const seen = changes(cloud);
    cloud.handleTimeout(51_000);
    device.collect(cloud);
    expect(device.closed).toBe(true);
    expect(seen[0]).toEqual({ change: "session-closed", reason: "silent" });
  });

  test("a frame that does not come to its end, byte by byte", () => {
    const { cloud, device } = connectedTcp({ frameTimeoutMs: 20_000, idleTimeoutMs: 1_000_000 });
    const frame = ping(device);
    for (let i = 0; i < 10; i++) device.give(cloud, frame.subarray(i, i + 1), 1000 + i * 2000);
    expect(cloud.pollTimeout(19_000)).toBe(2000);
    cloud.handleTimeout(21_000);
    device.collect(cloud);
    expect(device.closed).toBe(true);
  });

  test("has its time counted from the first byte of each frame", () => {
    const { cloud, device } = connectedTcp({ frameTimeoutMs: 20_000, idleTimeoutMs: 1_000_000 });
    const frame = ping(device);
    device.give(cloud, frame.subarray(0, 5), 1000);
    device.give(cloud, Buffer.concat([frame.subarray(5), ping(device).subarray(0, 1)]), 15_000);
    expect(cloud.pollTimeout(15_000)).toBe(20_000);
  });

  test("right padding is none of them", () => {
    const { cloud, device } = connectedTcp();
    expect(device.give(cloud, device.sealPadded(padded(device, 12, 12)))).toHaveLength(1);
    expect(device.give(cloud, ping(device))).toHaveLength(1);
  });

  test("a Hello as another device", () => {
    const { cloud, device } = setupTcp();
    device.handshake(cloud);
    const id = "e00fce680011223344556677";
    const payload = Buffer.from(`0006ffff00160006000c${id}0cea03200005dc000200`, "hex");
    device.give(cloud, device.hello(payload));
    expect(device.closed).toBe(true);
    expect(device.received).toEqual([]);
    expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({ connected: false, online: false });
  });

  test("disconnect, and a key change", async () => {
    const { cloud, device, again } = connectedTcp();
    cloud.disconnect(TCP_DEVICE_ID);
    device.collect(cloud);
    expect(device.closed).toBe(true);
    const second = again("second");
    second.connect(cloud);
    const done = cloud.rekey(TCP_DEVICE_ID);
    const [request] = second.collect(cloud);
    expect(request).toMatchObject({ type: 0, code: 3 });
    second.give(cloud, second.coap({ type: 2, code: 0, messageId: request.messageId }));
    await done;
    second.collect(cloud);
    expect(second.closed).toBe(true);
  });
});

describe("before the Hello", () => {
  test.each<[string, (device: TcpDevice) => Buffer]>([
    ["another request", (d) => d.coap({ code: 2, options: path("E", "n") })],
    ["a ping", ping],
    ["an acknowledgement", (d) => d.coap({ type: 2, code: 0, messageId: 1 })],
    ["a Hello in a Reset", (d) => d.coap({ type: 3, code: 2, options: path("h"), messageId: 1 })],
    ["a Hello below another path", (d) => d.coap({ code: 2, options: path("h", "h") })],
    [
      "a Hello with the ID of the salt itself",
      (d) => {
        d.messageId--;
        return d.hello();
      },
    ],
    [
      "a Hello with another ID",
      (d) => {
        d.messageId = 0;
        return d.hello();
      },
    ],
  ])("%s ends the connection", (_name, frame) => {
    // The first ID after this salt is 0x4243.
    const random = (bytes: number): Uint8Array => Buffer.alloc(bytes, 0x42);
    const { cloud, device } = setupTcp({}, { random });
    const seen = changes(cloud);
    device.handshake(cloud);
    device.give(cloud, frame(device));
    expect(device.closed).toBe(true);
    expect(device.bytesReceived).toBe(40 + 384);
    expect(seen).toEqual([]);
    expect(cloud.counters["connection-rejected"]).toBe(1);
  });

  test("the message IDs of a device go on over 65535", () => {
    const random = (bytes: number): Uint8Array => Buffer.alloc(bytes, 0xff);
    const { cloud, device } = setupTcp({}, { random });
    device.connect(cloud);
    expect(device.messageId).toBe(0);
    expect(device.give(cloud, ping(device))).toMatchObject([{ type: 2, messageId: 1 }]);
  });
});

describe("one device, several connections", () => {
  test("the newer one wins, with its Hello", async () => {
    const { cloud, device, again } = connectedTcp();
    const call = expect(cloud.call(TCP_DEVICE_ID, "led")).rejects.toMatchObject({
      code: "session-closed",
    });
    const seen = changes(cloud);
    const newer = again("newer");
    newer.handshake(cloud);
    expect(device.collect(cloud)).toHaveLength(1);
    expect(device.closed).toBe(false);
    newer.give(cloud, newer.hello());
    device.collect(cloud);
    expect(device.closed).toBe(true);
    expect(seen.map(({ change }) => change)).toEqual(["session-closed", "session", "hello"]);
    await call;
    expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({
      online: true,
      session: { address: "newer" },
    });
    // The end of the old connection comes late, and is no news.
    cloud.handleDisconnection(device.address, 0);
    expect(cloud.device(TCP_DEVICE_ID).online).toBe(true);
  });

  test("it reconnects again and again, also under the same address", () => {
    const { cloud, again } = setupTcp();
    for (let i = 0; i < 20; i++) {
      const device = again("same");
      expect(device.connect(cloud, i)).toHaveLength(1);
      if (i % 3 === 0) cloud.handleDisconnection("same", i);
      if (i % 3 === 1) device.give(cloud, Buffer.alloc(2), i);
    }
    expect(cloud.devices).toHaveLength(1);
  });

  test("an address that is used anew does not inherit the end of the connection before", () => {
    const { cloud, device } = connectedTcp();
    cloud.handleStream(device.address, Buffer.alloc(2), 0);
    cloud.handleConnection(device.address, 0);
    expect(cloud.pollStream()).toMatchObject({ close: false, to: device.address });
    expect(cloud.pollStream()).toBeUndefined();
  });

  test("every session has its own nonce, key and message IDs", () => {
    const { cloud, again } = setupTcp();
    const devices = Array.from({ length: 5 }, (_, i) => again(`connection ${i}`));
    for (const device of devices) device.connect(cloud);
    const distinct = (of: (device: TcpDevice) => Buffer): number =>
      new Set(devices.map((device) => of(device).toString("hex"))).size;
    expect(distinct(({ nonce }) => nonce)).toBe(5);
    expect(distinct(({ session }) => session.subarray(0, 16))).toBe(5);
    expect(distinct(({ session }) => session.subarray(16, 32))).toBe(5);
  });

  test("a device that gets another kind of key leaves its old transport", () => {
    const { cloud, device: datagrams, options } = setupCloud({ tcp: { keyPair: TEST_SERVER_KEY } });
    const { id } = datagrams;
    datagrams.handshake(cloud);
    datagrams.talk(cloud, datagrams.hello());
    options.registry.register({ id, publicKey: TEST_DEVICE_KEY.spki });
    const stream = new TcpDevice({ id, keyPair: TEST_DEVICE_KEY, server: TEST_SERVER_KEY });
    stream.connect(cloud);
    expect(cloud.device(id)).toMatchObject({ online: true, session: { transport: "tcp" } });
    expect(datagrams.talk(cloud, datagrams.coap({ code: 0 }))).toEqual([]);
    expect(cloud.counters["unknown-connection-id"]).toBe(1);

    const keyPair = generateKeyPair();
    options.registry.register({ id, publicKey: keyPair.spki });
    const serverSpki = options.keyPair.spki;
    const back = new ScriptedDevice({ id, serverSpki, keyPair, address: "back" });
    back.handshake(cloud);
    back.talk(cloud, back.hello());
    stream.collect(cloud);
    expect(stream.closed).toBe(true);
    expect(cloud.device(id)).toMatchObject({ online: true, session: { transport: "udp" } });
  });
});

describe("limits", () => {
  test("a new connection takes the place of the oldest one without a Hello", () => {
    const { cloud, device, again } = connectedTcp({ maxHandshakes: 3 });
    const waiting = Array.from({ length: 5 }, (_, i) => again(`waiting ${i}`));
    for (const each of waiting) each.openConnection(cloud);
    for (const each of waiting) each.collect(cloud);
    expect(waiting.map(({ closed }) => closed)).toEqual([true, true, false, false, false]);
    expect(device.closed).toBe(false);
    waiting[4].give(cloud, waiting[4].deviceMessage());
    waiting[4].give(cloud, waiting[4].hello());
    expect(waiting[4].received).toHaveLength(1);
  });

  test("there are no more connections than allowed, and sessions keep theirs", () => {
    const { cloud, device, again } = connectedTcp({ maxConnections: 1 });
    const refused = again("refused");
    refused.openConnection(cloud);
    expect(refused.closed).toBe(true);
    expect(refused.bytesReceived).toBe(0);
    expect(cloud.counters["connection-refused"]).toBe(1);
    expect(device.give(cloud, ping(device))).toHaveLength(1);
  });

  test("a connection that takes nothing is closed at 64 KiB", () => {
    const { cloud, device } = connectedTcp();
    const seen = changes(cloud);
    let answered = 0;
    for (; answered < 10_000 && cloud.device(TCP_DEVICE_ID).connected; answered++) {
      cloud.handleStream(device.address, ping(device), 0);
    }
    // An answer is a frame of 18 bytes.
    expect(answered).toBe(Math.floor(65_536 / 18) + 1);
    expect(seen).toEqual([
      { change: "session-closed", reason: "not-reading" },
      { change: "offline", reason: "not-reading" },
    ]);
    expect(cloud.counters["connection-not-reading"]).toBe(1);
  });

  test("what a blocked connection does not take, waits, and holds up nobody", () => {
    const { cloud, device } = connectedTcp();
    cloud.handleStream(device.address, ping(device), 0);
    expect(cloud.pollStream(() => true)).toBeUndefined();
    cloud.handleStream(device.address, ping(device), 0);
    const next = cloud.pollStream((address) => address !== device.address);
    expect(next).toMatchObject({ to: device.address, close: false });
    expect(next?.bytes).toHaveLength(36);
  });
});
