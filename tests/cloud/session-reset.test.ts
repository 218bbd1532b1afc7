// The server forgot the session: a device with a token learns it in one round trip, and nobody else can make it believe so.

import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HelloFlag } from "../../cloud/device-protocol/hello";
import { RESET_LENGTH, SessionReset, deriveResetKey } from "../../cloud/dtls/session-reset";
import { LocalCloud } from "../../cloud/local-cloud";
import { CLOUD_FILES, openCloudDirectory } from "../../cloud/provision";
import { MemoryStorage } from "../../cloud/state-storage";
import { setupCloud } from "../support/cloud-fixture";
import type { CloudFixture } from "../support/cloud-fixture";

const FLAGS = 0x00f6 | HelloFlag.SessionReset;

/** A device that holds the token of its session. */
function connected(overrides = {}): CloudFixture & { token: Buffer } {
  const fixture = setupCloud(overrides);
  const { cloud, device } = fixture;
  device.handshake(cloud);
  const [answer] = device.talk(cloud, device.hello(device.id, FLAGS));
  return { ...fixture, token: answer.payload };
}

/** The cloud after it lost everything but its keys. */
function amnesiac({ options }: CloudFixture): LocalCloud {
  return new LocalCloud({ ...options, storage: new MemoryStorage() });
}

/** An application record of a session that does not exist. */
function stray(connectionId: string | number, length = 38, type = 25): Buffer {
  const datagram = Buffer.alloc(length);
  datagram.set([type, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 7]);
  if (typeof connectionId === "string") datagram.write(connectionId, 11, "hex");
  else datagram.writeUInt32BE(connectionId, 15);
  datagram.writeUInt16BE(length - 21, 19);
  return datagram;
}

function answers(cloud: LocalCloud, datagram: Buffer, now = 0, from = "1.2.3.4:5"): Buffer[] {
  cloud.handleDatagram(from, datagram, now);
  const out: Buffer[] = [];
  for (let next = cloud.pollTransmit(); next; next = cloud.pollTransmit()) {
    expect(next.to).toBe(from);
    out.push(Buffer.from(next.datagram));
  }
  return out;
}

describe("the token", () => {
  test("comes in the acknowledgement of Hello, to who asked: HMAC-SHA-256 of the connection id", () => {
    const { cloud, device, options, token } = connected();
    const mac = createHmac("sha256", deriveResetKey(options.keyPair)).update(device.connectionId);
    expect(token).toEqual(mac.digest().subarray(0, 16));
    expect(device.received).toMatchObject([{ type: 2, code: 0x44, messageId: 1, options: [] }]);
    expect(device.received[0].token).toHaveLength(0);
    // A repeated Hello gets the same bytes, and one without the flag the empty acknowledgement.
    const [again] = device.talk(cloud, device.hello(device.id, FLAGS));
    expect(again.payload).toEqual(token);
    expect(device.talk(cloud, device.hello())).toMatchObject([{ type: 2, code: 0 }]);
  });

  test("is not given out when the option is off, and then there is no reset", () => {
    const { device, options, token } = connected({ resetTokens: false });
    expect(token).toHaveLength(0);
    expect(device.received).toMatchObject([{ type: 2, code: 0 }]);
    const cloud = new LocalCloud({ ...options, storage: new MemoryStorage() });
    expect(answers(cloud, device.coap({ code: 0 }))).toEqual([]);
  });

  test("depends on the key of the directory, which is made once and private", () => {
    const directory = mkdtempSync(join(tmpdir(), "cloud-"));
    try {
      const { resetKey } = openCloudDirectory(directory);
      const path = join(directory, CLOUD_FILES.resetKey);
      expect(readFileSync(path)).toEqual(resetKey);
      expect(resetKey).toHaveLength(32);
      expect(statSync(path).mode & 0o077).toBe(0);
      expect(openCloudDirectory(directory).resetKey).toEqual(resetKey);
      const { token, device } = connected({ resetKey });
      expect(token).toEqual(new SessionReset(resetKey).token(device.connectionId));
    } finally {
      rmSync(directory, { recursive: true });
    }
    expect(() => setupCloud({ resetKey: Buffer.alloc(31) })).toThrow(/reset key/);
  });

  test("does not exist for short connection ids: they are used again", () => {
    const reset = new SessionReset(Buffer.alloc(32));
    expect(reset.token(Buffer.alloc(8))).toHaveLength(16);
    for (let length = 0; length < 8; length++) {
      expect(reset.token(Buffer.alloc(length))).toBeUndefined();
    }
  });
});

describe("the reset", () => {
  test.each([25, 253])("answers a record of type %i in 31 bytes", (type) => {
    const fixture = connected();
    const { device, token } = fixture;
    const cloud = amnesiac(fixture);
    const alerts: unknown[] = [];
    cloud.on("alert", (alert) => alerts.push(alert));
    device.recordType = type;
    const expected = Buffer.concat([Buffer.from("15fefd000000000000000000120250", "hex"), token]);
    expect(expected).toHaveLength(RESET_LENGTH);
    expect(answers(cloud, device.coap({ code: 0 }))).toEqual([expected]);
    expect(cloud.counters).toEqual({ "unknown-connection-id": 1 });
    expect(alerts).toMatchObject([
      { level: 2, description: 80, authenticated: false, direction: "out" },
    ]);
  });

  test("follows a disconnect, too", () => {
    const { cloud, device, token } = connected();
    cloud.disconnect(device.id);
    device.collect(cloud);
    const [reset] = answers(cloud, device.coap({ code: 0 }));
    expect(reset.subarray(15)).toEqual(token);
  });

  test("never concerns a session or a handshake that exists, however damaged the record is", () => {
    const { cloud, device, options, again } = connected({ cookies: false });
    const datagram = device.coap({ code: 0 });
    for (let at = 19; at < datagram.length; at++) {
      const damaged = Buffer.from(datagram);
      damaged[at] ^= 0x40;
      expect(answers(cloud, damaged)).toEqual([]);
    }
    expect(answers(cloud, stray(device.connectionId.toString("hex")))).toEqual([]);
    const epoch = Buffer.from(datagram);
    epoch[4] = 2;
    expect(answers(cloud, epoch)).toEqual([]);
    const pending = again("pending");
    for (const part of pending.exchange(cloud, pending.clientHello())) pending.handleDatagram(part);
    expect(answers(cloud, stray(pending.connectionId.toString("hex")))).toEqual([]);
    // After a restart with its state the cloud knows the session as before.
    expect(answers(new LocalCloud(options), datagram.subarray(0, 52))).toEqual([]);
    expect(device.talk(cloud, datagram)).toHaveLength(1);
  });

  test("takes the first record of a whole datagram, of epoch 1, with room for nonce and tag", () => {
    const { cloud } = setupCloud();
    const id = "0102030405060708";
    expect(answers(cloud, stray(id))).toHaveLength(1);
    expect(answers(cloud, stray(id, 37))).toEqual([]);
    for (const [at, value] of [
      [0, 23],
      [1, 0xfc],
      [3, 1],
      [4, 0],
      [4, 2],
      [20, 16],
      [20, 18],
    ]) {
      const datagram = stray(id);
      datagram[at] = value;
      expect(answers(cloud, datagram)).toEqual([]);
    }
    const plain = Buffer.from("17fefd000100000000000100020000", "hex");
    expect(answers(cloud, Buffer.concat([plain, stray(id)]))).toEqual([]);
    expect(answers(cloud, Buffer.concat([stray(id), plain]))).toHaveLength(1);
  });

  test("is never longer than what it answers, and is not answered itself", () => {
    const { cloud } = setupCloud();
    for (let length = 13; length < 100; length++) {
      const datagram = stray(length, Math.max(length, 21)).subarray(0, length);
      for (const answer of answers(cloud, datagram, length * 2000)) {
        expect(answer.length).toBeLessThan(length);
        expect(answers(cloud, answer, length * 2000)).toEqual([]);
      }
    }
  });
});

describe("rates", () => {
  const burst = (cloud: LocalCloud, count: number, now: number, host: string): number => {
    let answered = 0;
    for (let i = 0; i < count; i++) {
      answered += answers(cloud, stray(i), now, `${host}:${1000 + (i % 500)}`).length;
    }
    return answered;
  };

  test("five at once and one a second for each host, whatever its port", () => {
    const { cloud } = setupCloud();
    expect(burst(cloud, 50, 0, "10.0.0.1")).toBe(5);
    expect(burst(cloud, 50, 0, "10.0.0.2")).toBe(5);
    expect(burst(cloud, 50, 999, "10.0.0.1")).toBe(0);
    expect(burst(cloud, 50, 1000, "10.0.0.1")).toBe(1);
    expect(burst(cloud, 50, 3500, "10.0.0.1")).toBe(2);
    expect(burst(cloud, 50, 60_000, "10.0.0.1")).toBe(5);
  });

  test("a flood of unknown ids from 20,000 hosts gets 100 a second and leaves 1,024 entries behind", () => {
    const { cloud, device } = setupCloud();
    let answered = 0;
    for (let i = 0; i < 20_000; i++) {
      const from = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:5684`;
      answered += answers(cloud, stray(i), i / 10, from).length;
    }
    expect(answered).toBeGreaterThanOrEqual(299);
    expect(answered).toBeLessThanOrEqual(301);
    expect(cloud["reset"]?.sources).toBe(1024);
    expect(cloud["links"].size).toBe(0);
    expect(cloud.pollTimeout(2000)).toBe(-1);
    device.handshake(cloud, 2000);
    expect(device.finished).toBe(true);
  });
});
