// What happens to a session: other addresses, replays, damage, jumps, a second handshake, alerts.

import { AlertDescription, ContentType } from "../../cloud/dtls/protocol";
import { setupCloud } from "../support/cloud-fixture";
import type { CloudFixture } from "../support/cloud-fixture";

/** A device that is online; its next message ID is 2. */
function connected(): CloudFixture {
  const fixture = setupCloud();
  fixture.device.handshake(fixture.cloud);
  fixture.device.talk(fixture.cloud, fixture.device.hello());
  return fixture;
}

/** A ping with a message ID of its own. */
function ping({ device }: CloudFixture, padding?: number): Buffer {
  return device.coap({ code: 0 }, padding);
}

test.each([
  ["25", ContentType.ConnectionId],
  ["253", ContentType.MovedConnectionId],
])("type %s from another port goes on without a handshake", (_name, type) => {
  const fixture = connected();
  const { cloud, device } = fixture;
  device.address = "elsewhere";
  device.recordType = type;
  expect(device.talk(cloud, ping(fixture))).toMatchObject([{ type: 2, messageId: 2 }]);
  expect(cloud.device(device.id).session).toMatchObject({ address: "elsewhere", resumed: true });
});

test.each([0, 1, 11, 100])("%i bytes of padding are stripped", (padding) => {
  const fixture = connected();
  expect(fixture.device.talk(fixture.cloud, ping(fixture, padding))).toHaveLength(1);
});

test("a replayed record is dropped and moves nothing", () => {
  const fixture = connected();
  const { cloud, device } = fixture;
  const datagram = ping(fixture);
  expect(device.talk(cloud, datagram)).toHaveLength(1);
  expect(device.exchange(cloud, datagram, 0, "thief")).toEqual([]);
  expect(cloud.counters["replayed-record"]).toBe(1);
  expect(cloud.device(device.id).session?.address).toBe("device");
});

test("an authentic but older record does not move the session", () => {
  const fixture = connected();
  const { cloud, device } = fixture;
  const older = ping(fixture);
  const newer = ping(fixture);
  device.talk(cloud, newer);
  cloud.handleDatagram("late path", older, 0);
  expect(cloud.device(device.id).session?.address).toBe("device");
  expect(device.collect(cloud)).toHaveLength(1);
});

test("record numbers may jump forward by any amount", () => {
  const fixture = connected();
  const { cloud, device } = fixture;
  const old = ping(fixture);
  for (const sequence of [70, 10_000, 2 ** 40]) {
    device.sequence = sequence;
    expect(device.talk(cloud, ping(fixture))).toHaveLength(1);
  }
  expect(device.talk(cloud, old)).toEqual([]);
});

test("every flipped bit makes a record worthless", () => {
  const fixture = connected();
  const { cloud, device } = fixture;
  const datagram = ping(fixture);
  for (let bit = 0; bit < datagram.length * 8; bit++) {
    const damaged = Buffer.from(datagram);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    expect(device.talk(cloud, damaged)).toEqual([]);
  }
  expect(device.talk(cloud, datagram)).toHaveLength(1);
});

test("several records in one datagram", () => {
  const fixture = connected();
  const { cloud, device } = fixture;
  const datagram = Buffer.concat([ping(fixture), ping(fixture), ping(fixture)]);
  expect(device.talk(cloud, datagram)).toHaveLength(3);
});

test("a new handshake replaces the old session with its first application record", () => {
  const { cloud, device, again } = connected();
  const changes: string[] = [];
  cloud.on("device", ({ change }) => changes.push(change));
  const second = again("new port");
  second.handshake(cloud);
  expect(second.finished).toBe(true);
  expect(device.talk(cloud, device.coap({ code: 0 }))).toHaveLength(1);
  expect(second.talk(cloud, second.hello())).toHaveLength(1);
  expect(changes).toContain("session");
  expect(device.talk(cloud, device.coap({ code: 0 }))).toEqual([]);
  expect(cloud.counters["unknown-connection-id"]).toBe(1);
  expect(cloud.device(device.id)).toMatchObject({ online: true, session: { address: "new port" } });
});

test("unused handshakes of a device do not pile up", () => {
  const { cloud, device, again } = connected();
  const others = Array.from({ length: 5 }, (_, i) => again(`port ${i}`));
  for (const other of others) other.handshake(cloud);
  expect(device.talk(cloud, device.coap({ code: 0 }))).toHaveLength(1);
  const alive = others.filter((other) => other.talk(cloud, other.hello()).length > 0);
  expect(alive).toEqual(others.slice(-2));
});

test("requests under way fail when the session is replaced", async () => {
  const { cloud, device, again } = connected();
  const result = cloud.call(device.id, "led");
  device.collect(cloud);
  const second = again("new port");
  second.handshake(cloud);
  second.talk(cloud, second.hello());
  await expect(result).rejects.toMatchObject({ code: "session-closed" });
});

test.each([
  ["close_notify", [1, 0]],
  ["a fatal alert", [2, 80]],
])("%s ends the session", (_name, alert) => {
  const { cloud, device } = connected();
  device.exchange(cloud, device.seal(ContentType.Alert, Buffer.from(alert)));
  expect(cloud.device(device.id)).toMatchObject({ connected: false, online: false });
  expect(device.talk(cloud, device.coap({ code: 0 }))).toEqual([]);
});

test("disconnect sends close_notify and forgets the session", async () => {
  const { cloud, device } = connected();
  cloud.disconnect(device.id);
  for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
  expect(device.alerts).toEqual([
    { level: 1, description: AlertDescription.CloseNotify, epoch: 1 },
  ]);
  expect(cloud.device(device.id).connected).toBe(false);
  await expect(cloud.call(device.id, "led")).rejects.toMatchObject({ code: "device-offline" });
});

test("a Hello with the id of another device ends the session with access_denied", () => {
  const { cloud, device } = setupCloud();
  device.handshake(cloud);
  device.talk(cloud, device.hello("000000000000000000000001"));
  expect(device.alerts).toEqual([
    { level: 2, description: AlertDescription.AccessDenied, epoch: 1 },
  ]);
  expect(cloud.device(device.id)).toMatchObject({ connected: false, online: false });
});

test("alerts in clear and other epochs change nothing", () => {
  const fixture = connected();
  const { cloud, device } = fixture;
  device.exchange(cloud, device.plainRecord(ContentType.Alert, Buffer.of(2, 40)));
  expect(cloud.counters["plaintext-alert"]).toBe(1);
  const otherEpoch = ping(fixture);
  otherEpoch[4] = 2;
  device.exchange(cloud, otherEpoch);
  expect(cloud.counters["unexpected-epoch"]).toBe(1);
  expect(device.talk(cloud, ping(fixture))).toHaveLength(1);
});
