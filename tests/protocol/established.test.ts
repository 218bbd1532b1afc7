// What a connected device makes of all that is not the next record of its server: plaintext, alerts,
// recordings, damage, resets. Nothing unauthenticated changes anything.

import { ConnectionState, Statistic, Status } from "../../bindings/node";
import { CoapCode, CoapType, encodeCoap } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import { encodeEvent } from "../../cloud/device-protocol/events";
import { encodeHandshakeMessage } from "../../cloud/dtls/handshake-message";
import { AlertDescription, ContentType, HandshakeType } from "../../cloud/dtls/protocol";
import { encodeRecord, sealRecord } from "../../cloud/dtls/record";
import { SessionReset, deriveResetKey } from "../../cloud/dtls/session-reset";
import type { Application } from "../support/application";
import { connected } from "../support/connected";
import { handshakeRecord, plainRecord } from "../support/flights";
import { ends, hasHandshake, history } from "../support/history";
import { messages, sealByCloud } from "../support/wire";
import type { World } from "../support/world";

interface Setup {
  world: World;
  application: Application;
}

/** A device with one subscription, connected and idle. */
function subscribed(): Setup {
  return connected((application) => application.subscribe("n").function("f", () => 1));
}

/** Records and messages that were dropped, by reason. */
const drops = (world: World): number[] =>
  [
    Statistic.RecordsMalformed,
    Statistic.RecordsBadTag,
    Statistic.RecordsReplayed,
    Statistic.RecordsUnexpected,
    Statistic.RecordsUnproven,
    Statistic.MessagesMalformed,
  ].map((number) => world.core.statistic(number));

const dropped = (world: World): number => drops(world).reduce((sum, count) => sum + count, 0);

/** An event as the cloud would send it, with a message id of its own. */
function eventMessage(messageId: number, data = "x", type = CoapType.Confirmable): Buffer {
  const event = encodeEvent({ name: "n", data: Buffer.from(data), contentType: 0 });
  const { code, options = [], payload } = event;
  const message: CoapMessage = {
    type,
    code,
    messageId,
    token: Buffer.alloc(0),
    options,
    payload: Buffer.from(payload ?? []),
  };
  return encodeCoap(message);
}

/** Inject a datagram that must be dropped: counted, no event, no answer, no change. */
function expectDropped(world: World, datagram: Uint8Array): void {
  const { state } = world;
  const before = { state, sent: world.sent.length, events: world.events.length };
  const count = dropped(world);
  world.inject(datagram);
  expect(dropped(world)).toBeGreaterThan(count);
  const after = { state: world.state, sent: world.sent.length, events: world.events.length };
  expect(after).toEqual(before);
}

/** The device must still work: an event down, a publish up, no handshake since `from`. */
function expectAlive({ world, application }: Setup, from: number): void {
  const before = application.received.length;
  world.cloud.publish("n", "alive");
  application.publish("alive");
  world.run(5000);
  expect(application.isSettled).toBe(true);
  expect(application.received.length).toBe(before + 1);
  expect(hasHandshake(world, from)).toBe(false);
}

describe("plaintext", () => {
  test("of every kind is dropped", () => {
    const setup = subscribed();
    const { world } = setup;
    const from = world.sent.length;
    const hello = { type: HandshakeType.HelloRequest, messageSequence: 0, body: Buffer.alloc(0) };
    for (const [level, description] of [
      [2, AlertDescription.InternalError],
      [1, AlertDescription.CloseNotify],
      [2, AlertDescription.CloseNotify],
      [1, 100],
    ]) {
      expectDropped(world, plainRecord(ContentType.Alert, Buffer.of(level, description)));
    }
    for (let type = 0; type < 256; type++) {
      const message = { ...hello, type, body: Buffer.alloc(12) };
      expectDropped(world, handshakeRecord(encodeHandshakeMessage(message)));
      expectDropped(world, plainRecord(type, eventMessage(1)));
    }
    expectDropped(world, handshakeRecord(encodeHandshakeMessage(hello)));
    expectDropped(world, plainRecord(ContentType.ChangeCipherSpec, Buffer.of(1)));
    expectAlive(setup, from);
  });

  test("of the device's own handshake, played back, is dropped", () => {
    const setup = subscribed();
    const { world } = setup;
    const from = world.sent.length;
    for (const { bytes } of world.sent.slice()) {
      const before = dropped(world);
      world.inject(Uint8Array.from(bytes));
      expect(dropped(world)).toBeGreaterThan(before);
    }
    expect(world.sent.length).toBe(from);
    expectAlive(setup, from);
  });
});

describe("sealed alerts", () => {
  test("warnings and what is no alert are ignored", () => {
    const setup = subscribed();
    const { world } = setup;
    const from = world.sent.length;
    for (const bytes of [[1, 90], [1, 100], [1, 255], [2], [], [2, 40, 0], [0, 40], [3, 40]]) {
      world.inject(sealByCloud(world, ContentType.Alert, Buffer.from(bytes)));
    }
    expect(ends(world)).toEqual([]);
    expectAlive(setup, from);
  });

  test("close_notify and fatal ones end the session: a handshake at once, and for good", () => {
    for (const [level, description, status] of [
      [1, AlertDescription.CloseNotify, "PeerClosed"],
      [2, AlertDescription.CloseNotify, "PeerClosed"],
      [2, AlertDescription.InternalError, "AlertReceived"],
      [2, AlertDescription.AccessDenied, "AlertReceived"],
    ] as const) {
      const { world, application } = subscribed();
      world.events.length = 0;
      world.inject(sealByCloud(world, ContentType.Alert, Buffer.of(level, description)));
      expect(ends(world)).toEqual([`HandshakeBecausePeerClosed ${status}`]);
      expect(world.core.statistic(Statistic.LastAlert)).toBe(description);
      // Whatever happens now, the session is gone from storage.
      world.startDevice();
      application.install();
      world.connect();
      world.run(5000);
      expect(history(world).at(-1)).toBe("Connected HandshakeDone Ok");
    }
  });

  test("after a reboot are not believed before the cloud has proved to be there now", () => {
    const { world, application } = subscribed();
    const alert = sealByCloud(world, ContentType.Alert, Buffer.of(1, 0));
    world.startDevice();
    application.install();
    world.events.length = 0;
    world.connect();
    expectDropped(world, alert);
    world.run(5000);
    expect(history(world).at(-1)).toBe("Connected SessionResumed Ok");
  });
});

test("sealed handshake messages, other types and other epochs are ignored", () => {
  const setup = subscribed();
  const { world } = setup;
  const from = world.sent.length;
  for (const type of [
    HandshakeType.HelloRequest,
    HandshakeType.Finished,
    HandshakeType.ServerHello,
  ]) {
    const message = encodeHandshakeMessage({ type, messageSequence: 9, body: Buffer.alloc(12) });
    expectDropped(world, sealByCloud(world, ContentType.Handshake, message));
  }
  for (const type of [ContentType.ChangeCipherSpec, 0, 24, 25, 255]) {
    expectDropped(world, sealByCloud(world, type, Buffer.of(1)));
  }
  const { serverWriteKey, serverWriteIv } = world.session!["keys"];
  const key = { key: serverWriteKey, iv: serverWriteIv };
  for (const epoch of [2, 3, 0xffff]) {
    const header = { type: ContentType.ApplicationData, epoch, sequenceNumber: 1000 };
    expectDropped(world, sealRecord(header, eventMessage(7), key));
  }
  expectAlive(setup, from);
});

describe("records", () => {
  test("played back, at once or later, are dropped and counted", () => {
    const setup = subscribed();
    const { world, application } = setup;
    const recorded: Uint8Array[] = [];
    world.tamper = (direction, bytes) => {
      if (direction === "down") recorded.push(Uint8Array.from(bytes));
      return bytes;
    };
    for (let i = 0; i < 100; i++) {
      world.cloud.publish("n", `${i}`);
      application.publish("up");
      world.run(50);
      expectDropped(world, Uint8Array.from(recorded.at(-1)!));
    }
    expect(application.received).toHaveLength(100);
    expect(recorded.length).toBeGreaterThanOrEqual(200);
    const replayed = world.core.statistic(Statistic.RecordsReplayed);
    for (const bytes of recorded) expectDropped(world, bytes);
    const count = world.core.statistic(Statistic.RecordsReplayed) - replayed;
    expect(count).toBe(recorded.length);
    expect(application.received).toHaveLength(100);
  });

  test("in any order within 64 are taken once; older ones are dropped", () => {
    const { world, application } = subscribed();
    const sealed = Array.from({ length: 130 }, (_, i) =>
      sealByCloud(
        world,
        ContentType.ApplicationData,
        eventMessage(1000 + i, `${i}`, CoapType.NonConfirmable),
      ),
    );
    const order = [63, 0, 1, 62, 30, 64, 65, 1, 129, 66, 128, 65, 64, 2];
    for (const index of order) world.inject(Uint8Array.from(sealed[index]));
    const names = application.received.map(({ data }) => Number(Buffer.from(data).toString()));
    // 0 is 63 behind the highest, the last that the window reaches; 65 is 64 behind 129.
    expect(names).toEqual([63, 0, 1, 62, 30, 64, 65, 129, 66, 128]);
    expect(world.core.statistic(Statistic.RecordsReplayed)).toBe(4);
  });

  test("with any bit of any byte changed are dropped, and the genuine one is taken after them", () => {
    const { world, application } = subscribed();
    const genuine = sealByCloud(world, ContentType.ApplicationData, eventMessage(77, "genuine"));
    for (let at = 0; at < genuine.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(genuine);
        changed[at] ^= 1 << bit;
        expectDropped(world, changed);
      }
    }
    expect(application.received).toEqual([]);
    world.inject(genuine);
    expect(application.received).toHaveLength(1);
  });

  test("cut off at each length, or with something behind them", () => {
    const { world, application } = subscribed();
    const genuine = sealByCloud(world, ContentType.ApplicationData, eventMessage(78, "genuine"));
    for (let length = 1; length < genuine.length; length++) {
      expectDropped(world, genuine.subarray(0, length));
      const shortened = Buffer.from(genuine.subarray(0, length));
      if (length < 13) continue;
      shortened.writeUInt16BE(length - 13, 11);
      expectDropped(world, shortened);
    }
    const before = world.core.statistic(Statistic.RecordsMalformed);
    world.inject(Buffer.concat([genuine, Buffer.alloc(12, 0x17)]));
    expect(application.received).toHaveLength(1);
    expect(world.core.statistic(Statistic.RecordsMalformed)).toBe(before + 1);
  });

  test("many in one datagram, good and bad, each for itself", () => {
    const { world, application } = subscribed();
    const seal = (i: number): Buffer =>
      sealByCloud(world, ContentType.ApplicationData, eventMessage(500 + i, `${i}`));
    const bad = seal(1);
    bad[30] ^= 1;
    const twice = seal(2);
    const plain = plainRecord(ContentType.Alert, Buffer.of(2, 40));
    const before = drops(world);
    world.inject(Buffer.concat([seal(0), bad, plain, twice, twice, seal(3)]));
    expect(application.received.map(({ data }) => Buffer.from(data).toString())).toEqual([
      "0",
      "2",
      "3",
    ]);
    expect(drops(world).map((count, i) => count - before[i])).toEqual([0, 1, 1, 1, 0, 0]);
  });

  test("with connection ids, without content, and datagrams that are none", () => {
    const setup = subscribed();
    const { world } = setup;
    const from = world.sent.length;
    const up = world.sent.filter(({ direction, bytes }) => direction === "up" && bytes[0] === 25);
    for (const { bytes } of up) world.inject(Uint8Array.from(bytes));
    for (const type of [25, 253]) {
      const fragment = Buffer.alloc(40);
      const header = { type, epoch: 1, sequenceNumber: 5000 };
      world.inject(encodeRecord({ ...header, fragment }));
      world.inject(encodeRecord({ ...header, connectionId: Buffer.alloc(8), fragment }));
    }
    world.inject(sealByCloud(world, ContentType.ApplicationData, Buffer.alloc(0)));
    world.inject(new Uint8Array(0));
    world.inject(Uint8Array.of(0));
    world.inject(new Uint8Array(1500));
    world.inject(new Uint8Array(1501));
    world.inject(new Uint8Array(65_507));
    expect(world.sent.length).toBe(from);
    expectAlive(setup, from);
  });

  test("as long as a datagram may be", () => {
    const { world, application } = subscribed();
    const longest = "x".repeat(1024);
    for (const size of [1024, 1400, 1450]) {
      const data = longest.padEnd(size, "y");
      world.inject(sealByCloud(world, ContentType.ApplicationData, eventMessage(size, data)));
      expect(Buffer.from(application.received.pop()!.data).toString()).toBe(data);
    }
  });
});

describe("Reset", () => {
  const reset = (messageId: number): Buffer =>
    encodeCoap({
      type: CoapType.Reset,
      code: CoapCode.Empty,
      messageId,
      token: Buffer.alloc(0),
      options: [],
      payload: Buffer.alloc(0),
    });

  test("for a message id that was never used is ignored", () => {
    const setup = subscribed();
    const { world } = setup;
    const from = world.sent.length;
    for (let id = 0; id < 65_536; id += 997) {
      world.inject(sealByCloud(world, ContentType.ApplicationData, reset(id)));
    }
    expectAlive(setup, from);
  });

  test("for a publish fails that publish alone", () => {
    const setup = subscribed();
    const { world, application } = setup;
    const from = world.sent.length;
    world.tamper = (direction, bytes) => (direction === "up" ? undefined : bytes);
    const first = application.publish("first");
    const second = application.publish("second");
    const ids = messages(world, "up", from).map(({ message }) => message.messageId);
    world.inject(sealByCloud(world, ContentType.ApplicationData, reset(ids[0])));
    expect(application.outcomes.get(first)).toEqual([Status.MessageReset]);
    expect(application.outcomes.get(second)).toEqual([]);
    world.tamper = (_direction, bytes) => bytes;
    world.run(10_000);
    expect(application.outcomes.get(second)).toEqual([Status.Ok]);
    expectAlive(setup, from);
  });

  test("for a ping shows that the cloud is there", () => {
    const setup = subscribed();
    const { world } = setup;
    const from = world.sent.length;
    world.tamper = (direction, bytes) => (direction === "up" ? undefined : bytes);
    world.run(26_000);
    const [ping] = messages(world, "up", from);
    world.inject(sealByCloud(world, ContentType.ApplicationData, reset(ping.message.messageId)));
    world.tamper = (_direction, bytes) => bytes;
    const then = world.sent.length;
    world.run(24_000);
    expect(world.sent.length).toBe(then);
    expectAlive(setup, from);
  });
});

describe("the reset token", () => {
  /** The datagram by which a cloud that lost the session proves it. */
  function sessionReset(world: World): Buffer {
    const token = new SessionReset(deriveResetKey(world.serverKey)).token(
      world.session!.connectionId,
    );
    const fragment = Buffer.concat([Buffer.of(2, AlertDescription.InternalError), token!]);
    return encodeRecord({ type: ContentType.Alert, epoch: 0, sequenceNumber: 0, fragment });
  }

  test("ends the session; with any bit of it changed it is dropped", () => {
    const { world } = subscribed();
    const genuine = sessionReset(world);
    // The alert's own two bytes and the record number say nothing; version 1.0 passes in epoch 0.
    for (let at = 0; at < genuine.length; at++) {
      if ((at >= 5 && at <= 10) || at === 13 || at === 14) continue;
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(genuine);
        changed[at] ^= 1 << bit;
        if (changed.readUInt16BE(1) === 0xfeff) continue;
        expectDropped(world, changed);
      }
    }
    expectDropped(world, genuine.subarray(0, -1));
    expect(ends(world)).toEqual([]);
    world.inject(genuine);
    expect(ends(world)).toEqual(["HandshakeBecauseForgotten SessionLost"]);
    world.run(5000);
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("of another session, or before there is one, is dropped", () => {
    const { world } = subscribed();
    const old = sessionReset(world);
    world.cloud.disconnect(world.cloud.devices[0].id);
    world.run(5000);
    expect(world.state).toBe(ConnectionState.Connected);
    expectDropped(world, old);
    const zero = Buffer.from(old);
    zero.fill(0, 15);
    expectDropped(world, zero);

    const other = connected((application) => application.subscribe("n"));
    const current = sessionReset(other.world);
    other.world.startDevice();
    other.world.storage.slots.delete(3);
    other.world.storage.slots.delete(4);
    other.world.connect();
    other.world.run(15);
    other.world.inject(current);
    other.world.run(5000);
    expect(ends(other.world)).toEqual([]);
  });

  test("works after a reboot, when nothing else does", () => {
    const { world, application } = subscribed();
    const genuine = sessionReset(world);
    world.startDevice();
    application.install();
    world.events.length = 0;
    world.tamper = (direction, bytes) => (direction === "down" ? undefined : bytes);
    world.connect();
    world.run(1000);
    world.inject(genuine);
    world.tamper = (_direction, bytes) => bytes;
    expect(ends(world)).toEqual(["HandshakeBecauseForgotten SessionLost"]);
    world.run(5000);
    expect(world.state).toBe(ConnectionState.Connected);
  });
});
