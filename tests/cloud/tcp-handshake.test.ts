// The TCP handshake taken apart: every segmentation, every damage, every kind of impostor. Whatever is wrong looks the
// same from outside: the connection is closed, and nothing was sent after the nonce.

import { generateKeyPair } from "../../cloud/keys";
import type { LocalCloud } from "../../cloud/local-cloud";
import { generateRsaKeyPair } from "../../cloud/tcp/rsa-keys";
import { padMessage, unpadMessage } from "../../cloud/tcp/rsa-padding";
import { StreamReader } from "../../cloud/tcp/stream-reader";
import { tcpCuts } from "../soak/tcp-cuts";
import { TcpDevice, nonZeroBytes } from "../support/tcp-device";
import { TCP_DEVICE_ID, setupTcp } from "../support/tcp-fixture";
import { TEST_DEVICE_KEY, TEST_SERVER_KEY } from "../support/tcp-keys";

/** Everything that the network sees of a connection: bytes after the nonce, then whether it ended. */
function outcome(cloud: LocalCloud, device: TcpDevice, bytes: Uint8Array): unknown {
  device.give(cloud, bytes);
  return { bytes: device.bytesReceived - 40, closed: device.closed };
}

const REFUSED = { bytes: 0, closed: true };
const WAITING = { bytes: 0, closed: false };

/** All ways to cut bytes into one to three pieces. */
function* cuts(length: number): Generator<[number, number]> {
  for (let first = 0; first < length; first++) {
    for (let second = first; second < length; second++) yield [first, second];
  }
}

describe("segmentation", () => {
  const bytes = Buffer.concat([
    Buffer.alloc(256, 1),
    Buffer.from("0010", "hex"),
    Buffer.alloc(16, 2),
    Buffer.from("0020", "hex"),
    Buffer.alloc(32, 3),
  ]);

  function read(pieces: Uint8Array[]): string[] {
    const reader = new StreamReader();
    const found: string[] = [];
    for (let piece of pieces) {
      while (piece.length > 0) {
        const taken = reader.take(piece);
        piece = piece.subarray(taken.used);
        if (taken.piece) found.push(JSON.stringify(taken.piece));
      }
    }
    expect(reader.midway).toBe(false);
    return found;
  }

  test("the reader finds the same pieces in every division into one to three parts", () => {
    const whole = read([bytes]);
    expect(whole).toHaveLength(3);
    for (const [first, second] of cuts(bytes.length)) {
      const parts = [
        bytes.subarray(0, first),
        bytes.subarray(first, second),
        bytes.subarray(second),
      ];
      expect(read(parts)).toEqual(whole);
    }
    expect(read([...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
  });

  test("the message of the device may be cut anywhere", () => {
    const { cloud, again } = setupTcp();
    for (let at = 1; at < 256; at++) {
      const device = again(`cut at ${at}`);
      device.openConnection(cloud);
      const message = device.deviceMessage();
      expect(outcome(cloud, device, message.subarray(0, at))).toEqual(WAITING);
      expect(outcome(cloud, device, message.subarray(at))).toEqual({ bytes: 384, closed: false });
      cloud.handleDisconnection(device.address, 0);
    }
  });

  test("message and Hello come through in divisions into one to three pieces", () => {
    // All 42,195 of them: npm run soak -- tcp-cuts
    const { divisions, failed } = tcpCuts(13);
    expect(divisions).toBe(276);
    expect(failed).toEqual([]);
  });

  test("frames may be cut anywhere, into three parts or single bytes, or come together", () => {
    const { cloud, device } = setupTcp();
    let pings = 0;
    device.handshake(cloud);
    for (const byte of device.hello()) pings -= device.give(cloud, Buffer.of(byte)).length;
    expect(pings).toBe(-1);
    const ping = (): Buffer => device.coap({ type: 0, code: 0 });
    for (const [first, second] of cuts(18)) {
      const frame = ping();
      const parts = [frame.subarray(0, first), frame.subarray(first, second)];
      for (const part of parts) expect(device.give(cloud, part)).toEqual([]);
      const [answer] = device.give(cloud, frame.subarray(second));
      expect(answer).toMatchObject({ type: 2, code: 0, messageId: device.messageId });
    }
    expect(device.give(cloud, Buffer.concat([ping(), ping(), ping()]))).toHaveLength(3);
  });

  test("a message and a Hello in one piece, as no device can send them, end the connection", () => {
    const { cloud, device } = setupTcp();
    device.openConnection(cloud);
    device.give(cloud, Buffer.concat([device.deviceMessage(), Buffer.from("0010", "hex")]));
    device.give(cloud, Buffer.alloc(16));
    expect(device.closed).toBe(true);
  });
});

describe("what is refused", () => {
  test("one flipped bit in any byte of the message", () => {
    const { cloud, again } = setupTcp();
    for (let at = 0; at < 256; at++) {
      const device = again(`flipped in ${at}`);
      device.openConnection(cloud);
      const message = device.deviceMessage();
      message[at] ^= 1 << (at & 7);
      expect(outcome(cloud, device, message)).toEqual(REFUSED);
    }
    expect(cloud.counters["connection-rejected"]).toBe(256);
    expect(cloud.device(TCP_DEVICE_ID).connected).toBe(false);
  });

  test("one flipped bit in any byte of the plaintext", () => {
    const { cloud, again } = setupTcp();
    for (let at = 0; at < 214; at++) {
      const device = again(`plaintext flipped in ${at}`);
      device.openConnection(cloud);
      const plaintext = device.plaintext();
      plaintext[at] ^= 1 << (at & 7);
      expect(outcome(cloud, device, device.deviceMessage(plaintext))).toEqual(REFUSED);
    }
  });

  test("a message that ends after any byte waits for its time, or for its end", () => {
    const { cloud, again } = setupTcp({ handshakeTimeoutMs: 10_000, maxHandshakes: 300 });
    const devices = Array.from({ length: 256 }, (_, length) => again(`cut to ${length}`));
    for (const [length, device] of devices.entries()) {
      device.openConnection(cloud);
      const part = device.deviceMessage().subarray(0, length);
      expect(outcome(cloud, device, part)).toEqual(WAITING);
      if (length % 2 === 0) cloud.handleDisconnection(device.address, 0);
    }
    expect(cloud.pollTimeout(0)).toBe(10_000);
    cloud.handleTimeout(9999);
    expect(cloud.pollStream()).toBeUndefined();
    cloud.handleTimeout(10_000);
    for (let next = cloud.pollStream(); next; next = cloud.pollStream()) {
      expect(next).toMatchObject({ close: true, bytes: Buffer.alloc(0) });
      const length = devices.findIndex(({ address }) => address === next?.to);
      expect(length % 2).toBe(1);
      devices[length].closed = true;
    }
    expect(devices.filter(({ closed }) => closed)).toHaveLength(128);
    expect(cloud.counters["connection-timeout"]).toBe(128);
    expect(cloud.pollTimeout(10_000)).toBe(-1);
  });

  const block = (device: TcpDevice): Buffer =>
    Buffer.concat([Buffer.of(0, 2), nonZeroBytes(39), Buffer.of(0), device.plaintext()]);

  test("every badly padded block", () => {
    const { cloud, again } = setupTcp();
    const damages: ((bytes: Buffer) => void)[] = [
      (bytes) => (bytes[0] = 1),
      (bytes) => (bytes[1] = 1),
      (bytes) => (bytes[1] = 0),
      (bytes) => (bytes[41] = 1),
      (bytes) => (bytes[41] = 255),
      // A zero at each place of the padding would end it there.
      ...Array.from({ length: 39 }, (_, i) => (bytes: Buffer) => void (bytes[2 + i] = 0)),
    ];
    for (const [index, damage] of damages.entries()) {
      const device = again(`padding ${index}`);
      device.openConnection(cloud);
      const bytes = block(device);
      damage(bytes);
      expect(outcome(cloud, device, device.encryptBlock(bytes))).toEqual(REFUSED);
    }
    const device = again("well padded");
    device.openConnection(cloud);
    const good = device.encryptBlock(block(device));
    expect(outcome(cloud, device, good)).toEqual({ bytes: 384, closed: false });
  });

  test.each<[string, (device: TcpDevice) => Buffer]>([
    ["a message without the public key, as of 2013", (d) => d.plaintext().subarray(0, 52)],
    ["a shorter message", (d) => d.plaintext().subarray(0, 213)],
    ["a longer message", (d) => Buffer.concat([d.plaintext(), Buffer.of(0)])],
    ["an empty message", () => Buffer.alloc(0)],
    [
      "the nonce of another connection",
      (d) => Buffer.concat([Buffer.alloc(40), d.plaintext().subarray(40)]),
    ],
  ])("%s", (_name, plaintext) => {
    const { cloud, device } = setupTcp();
    device.openConnection(cloud);
    expect(outcome(cloud, device, device.deviceMessage(plaintext(device)))).toEqual(REFUSED);
  });

  test.each([
    ["zeros", Buffer.alloc(256)],
    ["a number above the modulus", Buffer.alloc(256, 0xff)],
    ["text", Buffer.alloc(256, "GET / HTTP/1.1\r\n")],
  ])("%s in place of a message", (_name, bytes) => {
    const { cloud, device } = setupTcp();
    device.openConnection(cloud);
    expect(outcome(cloud, device, bytes)).toEqual(REFUSED);
  });

  test("a message for another server", async () => {
    const { cloud } = setupTcp();
    const server = await generateRsaKeyPair(2048);
    const device = new TcpDevice({ id: TCP_DEVICE_ID, keyPair: TEST_DEVICE_KEY, server });
    device.openConnection(cloud);
    expect(outcome(cloud, device, device.deviceMessage())).toEqual(REFUSED);
  });

  test("a message that was recorded on another connection", () => {
    const { cloud, device, again } = setupTcp();
    device.openConnection(cloud);
    const recorded = device.deviceMessage();
    expect(outcome(cloud, device, recorded)).toEqual({ bytes: 384, closed: false });
    const thief = again("thief");
    thief.openConnection(cloud);
    expect(outcome(cloud, thief, recorded)).toEqual(REFUSED);
  });

  test("an unknown device, another key of a known one, a device with a P-256 key or with none", async () => {
    const { cloud, registry } = setupTcp();
    const logs: string[] = [];
    cloud.on("log", ({ message }) => logs.push(message));
    const keyPair = await generateRsaKeyPair(1024);
    const ids = ["0".repeat(24), TCP_DEVICE_ID, "1".repeat(24), "2".repeat(24)];
    registry.register({ id: ids[2], publicKey: generateKeyPair().spki });
    registry.register({ id: ids[3] });
    for (const id of ids) {
      const device = new TcpDevice({ id, keyPair, server: TEST_SERVER_KEY, address: id });
      device.openConnection(cloud);
      expect(outcome(cloud, device, device.deviceMessage())).toEqual(REFUSED);
    }
    // Who looks at the log may know; who looks at the network may not.
    expect(logs.map((message) => message.replace(/.*: device/, "device"))).toEqual([
      `device ${ids[0]} is not registered with an RSA key`,
      `device ${ids[1]} shows another public key than the registered one`,
      `device ${ids[2]} is not registered with an RSA key`,
      `device ${ids[3]} is not registered with an RSA key`,
    ]);
  });
});

describe("padding", () => {
  test("is as long as it must be, without a zero", () => {
    const padded = padMessage(Buffer.from("message"), 128, (length) => {
      // A source full of zeros; single bytes are what a zero is replaced by.
      return length === 1 ? Buffer.of(7) : Buffer.alloc(length);
    });
    const expected = `0002${"07".repeat(118)}00${Buffer.from("message").toString("hex")}`;
    expect(padded.toString("hex")).toBe(expected);
    expect(() => padMessage(Buffer.alloc(118), 128, (n) => Buffer.alloc(n, 1))).toThrow(RangeError);
    expect(padMessage(Buffer.alloc(117), 128, (n) => Buffer.alloc(n, 1))).toHaveLength(128);
  });

  test("a substitute takes the place of a message whose block is wrong in any bit", () => {
    const message = Buffer.from("0123456789");
    const substitute = Buffer.from("abcdefghij");
    const good = Buffer.concat([Buffer.of(0, 2), Buffer.alloc(11, 1), Buffer.of(0), message]);
    expect(unpadMessage(good, substitute)).toEqual({ message, good: 1 });
    for (let bit = 0; bit < 14 * 8; bit++) {
      const bad = Buffer.from(good);
      bad[bit >> 3] ^= 1 << (bit & 7);
      const place = bit >> 3;
      // In the padding any byte will do, except for a zero.
      const fine = place >= 2 && place < 13 && bad[place] !== 0;
      const expected = fine ? { message, good: 1 } : { message: substitute, good: 0 };
      expect(unpadMessage(bad, substitute)).toEqual(expected);
    }
  });
});

describe("who shows a public key but has no private key", () => {
  test("gets the server's message, and takes nothing from the device", () => {
    const { cloud, device, again } = setupTcp();
    device.connect(cloud);
    const closed: string[] = [];
    cloud.on("device", ({ change }) => closed.push(change));
    const impostor = again("impostor");
    impostor.handshake(cloud);
    expect(impostor.bytesReceived).toBe(40 + 384);
    // Without the session block its frames are noise.
    impostor.give(cloud, Buffer.concat([Buffer.from("0020", "hex"), Buffer.alloc(32, 9)]));
    expect(impostor.closed).toBe(true);
    expect(closed).toEqual([]);
    expect(device.give(cloud, device.coap({ type: 0, code: 0 }))).toHaveLength(1);
  });

  test("a device counts as connected with its Hello, not before", () => {
    const { cloud, device } = setupTcp({ handshakeTimeoutMs: 5000 });
    device.handshake(cloud);
    expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({ connected: false, online: false });
    cloud.handleTimeout(5000);
    device.collect(cloud);
    expect(device.closed).toBe(true);
  });
});
