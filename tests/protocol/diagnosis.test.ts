// Why there is no connection: what the device can tell from its attempts.

import { Diagnosis, Reason, Status } from "../../bindings/node";
import { generateKeyPair } from "../../cloud/keys";
import { QueueWorld } from "../support/queue-world";

const of = (world: QueueWorld): Diagnosis => world.core.exports.diagnosis!();

/** Reason and Status of an end. */
function end(world: QueueWorld, back: number): [Reason, Status] {
  const packed = world.core.exports.last_end!(back);
  return [packed & 255, ((packed >> 8) << 24) >> 24];
}

test("unknown before the first attempt, connected after it", () => {
  const world = new QueueWorld();
  expect(of(world)).toBe(Diagnosis.Unknown);
  expect(end(world, 0)).toEqual([0, 0]);
  world.connectNow();
  expect(of(world)).toBe(Diagnosis.Connected);
});

test("no network: the host opens no socket", () => {
  const world = new QueueWorld();
  world.opensLinks = false;
  world.connect();
  world.core.exports.link_down(world.deviceNow);
  world.drain();
  expect(of(world)).toBe(Diagnosis.NoNetwork);
  expect(end(world, 0)).toEqual([Reason.LinkLost, Status.Ok]);
});

test("silence: UDP is blocked", () => {
  const world = new QueueWorld();
  world.tamper = () => undefined;
  world.connect();
  world.run(400_000);
  expect(of(world)).toBe(Diagnosis.Silent);
  expect(end(world, 0)).toEqual([Reason.HandshakeFailed, Status.HandshakeTimeout]);
  world.tamper = (_direction, bytes) => bytes;
  world.run(400_000);
  expect(of(world)).toBe(Diagnosis.Connected);
});

test("a portal: something answers that is not the cloud; the device keeps trying with back-off", () => {
  const world = new QueueWorld();
  // Every name leads to the portal, which answers each datagram with a page.
  world.tamper = (direction) => {
    if (direction === "down") return undefined;
    world.core.handleDatagram(Buffer.from("HTTP/1.1 302 Found"), world.deviceNow);
    return undefined;
  };
  world.connect();
  world.run(400_000);
  expect(of(world)).toBe(Diagnosis.PortalSuspected);
  const from = world.sent.length;
  world.run(3_600_000);
  expect(world.sent.length).toBeGreaterThan(from);
  expect(end(world, 7)).toEqual([Reason.HandshakeFailed, Status.HandshakeTimeout]);
  expect(end(world, 8)).toEqual([0, 0]);
});

test("another server's key, and a server that does not know the device", () => {
  const wrong = new QueueWorld({ pinnedKey: generateKeyPair().spki });
  wrong.connect();
  wrong.run(10_000);
  expect(of(wrong)).toBe(Diagnosis.WrongServer);
  expect(end(wrong, 0)).toEqual([Reason.HandshakeFailed, Status.AuthenticationFailed]);
  const unknown = new QueueWorld({ registered: false });
  unknown.connect();
  unknown.run(10_000);
  expect(of(unknown)).toBe(Diagnosis.Refused);
  expect(end(unknown, 0)).toEqual([Reason.HandshakeFailed, Status.AlertReceived]);
});
