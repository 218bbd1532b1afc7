// Sessions of the standard profile resumed by id: what it takes, what it costs, what forbids it.

import { AlertDescription, ContentType } from "../../cloud/dtls/protocol";
import { generateKeyPair } from "../../cloud/keys";
import { LocalCloud } from "../../cloud/local-cloud";
import { DEVICE_ID } from "../support/cloud-fixture";
import type { StandardClient, StandardClientOptions } from "../support/standard-client";
import { NO_OWN_ID, setupStandard, uri } from "../support/standard-fixture";
import type { StandardFixture } from "../support/standard-fixture";

const TIME = { code: 1, token: Buffer.of(9), options: uri("/time") };
const OPTIONS = { extendedMasterSecret: true, connectionId: NO_OWN_ID };
const DAY_MS = 24 * 3600_000;

/** A client that has used its session, and its successor that resumes it. */
function resumable(
  overrides = {},
  kind: "psk" | "rpk" = "psk",
): StandardFixture & {
  first: StandardClient;
  next: (options?: StandardClientOptions) => StandardClient;
} {
  const fixture = setupStandard(overrides);
  const first = fixture[kind](OPTIONS);
  first.handshake(fixture.cloud);
  first.talk(fixture.cloud, first.coap(TIME));
  const next = (options: StandardClientOptions = {}): StandardClient =>
    fixture[kind]({ ...OPTIONS, resume: first.session, ...options });
  return { ...fixture, first, next };
}

test.each<["psk" | "rpk", number]>([
  ["psk", 367],
  ["rpk", 395],
])("one round trip from the same host (%s): %i bytes in 3 datagrams", (kind, bytes) => {
  const { cloud, first, next } = resumable({}, kind);
  const client = next({ address: "10.0.0.9:50000" });
  const { up, down, datagrams } = client.handshake(cloud);
  expect({ bytes: up + down, datagrams }).toEqual({ bytes, datagrams: 3 });
  expect(client).toMatchObject({ finished: true, resumed: true, seen: [2] });
  expect(client.sessionId).toEqual(first.sessionId);
  // New randoms, new keys, a new connection id.
  expect(client.keys?.clientWriteKey).not.toEqual(first.keys?.clientWriteKey);
  expect(client.serverConnectionId).not.toEqual(first.serverConnectionId);
  expect(first.talk(cloud, first.coap(TIME))).toHaveLength(1);
  expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
  expect(first.talk(cloud, first.coap(TIME))).toHaveLength(0);
  // And again, as often as it likes.
  const third = next();
  third.handshake(cloud);
  expect(third.resumed).toBe(true);
});

test("a minimal resumption: 340 bytes, without connection ids", () => {
  const { cloud, next } = resumable();
  const client = next({ connectionId: undefined });
  const { up, down } = client.handshake(cloud);
  expect(up + down).toBe(340);
  expect(client).toMatchObject({ finished: true, resumed: true });
  expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
});

describe("cookies", () => {
  test.each<["always" | "new-host" | "never", string, number]>([
    ["always", "10.0.0.9:2", 5],
    ["new-host", "10.0.0.9:2", 3],
    ["new-host", "10.0.0.8:1", 5],
    ["never", "10.0.0.8:1", 3],
  ])("%s, from %s: %i datagrams", (resumptionCookies, address, datagrams) => {
    const { cloud, next } = resumable({ resumptionCookies });
    const client = next({ address });
    const cost = client.handshake(cloud);
    expect(client).toMatchObject({ finished: true, resumed: true });
    expect(cost.datagrams).toBe(datagrams);
    // The host of the last handshake needs none.
    expect(next({ address }).handshake(cloud).datagrams).toBe(
      resumptionCookies === "always" ? 5 : 3,
    );
  });

  test("a session that is unknown, or cannot be resumed, excuses nobody", () => {
    const { cloud, first, next } = resumable({ resumptionCookies: "never" });
    for (const options of [
      { resume: { ...first.session, id: Buffer.alloc(32, 1) } },
      { extendedMasterSecret: false },
      { suites: [0xc0ae] },
    ]) {
      const client = next(options);
      expect(client.exchange(cloud, client.clientHello())[0][13]).toBe(3);
    }
  });

  test("an address that never answered gets one flight for each of its datagrams, and none by a timer", () => {
    const { cloud, next } = resumable({ resumptionCookies: "never" });
    const client = next({ address: "victim:1" });
    const hello = client.clientHello();
    const [flight] = client.exchange(cloud, hello);
    expect(flight.length).toBeLessThan(2 * hello.length);
    let now = 0;
    for (let wait = cloud.pollTimeout(now); wait >= 0; wait = cloud.pollTimeout(now)) {
      now += wait;
      cloud.handleTimeout(now);
      expect(client.collect(cloud)).toEqual([]);
      if (now > 200_000) break;
    }
    // A host that is known has its flight repeated.
    const known = next();
    known.exchange(cloud, known.clientHello(), now);
    cloud.handleTimeout(now + 9000);
    expect(known.collect(cloud)).toHaveLength(1);
  });
});

describe("loss", () => {
  test("a lost flight of the server comes again with fresh record numbers, for a repeated ClientHello", () => {
    const { cloud, next } = resumable();
    const client = next();
    const hello = client.clientHello();
    const [first] = client.exchange(cloud, hello);
    const [second] = client.exchange(cloud, hello);
    expect(second).not.toEqual(first);
    client.handleDatagram(second);
    client.talk(cloud, Buffer.concat(client.secondFlight()));
    // The client throws when the cloud uses a record number twice.
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
    expect(client.serverSequences).toEqual([1, 2]);
  });

  test("ChangeCipherSpec and Finished of the client apart, in reverse, with a request", () => {
    const { cloud, next } = resumable();
    const client = next();
    client.talk(cloud, client.clientHello());
    const [changeCipherSpec, finished] = client.secondFlight();
    client.talk(cloud, finished);
    const answers = client.talk(cloud, Buffer.concat([changeCipherSpec, client.coap(TIME)]));
    expect(answers).toHaveLength(1);
    expect(cloud.device(DEVICE_ID).session?.connectionId).toBe(
      client.serverConnectionId?.toString("hex"),
    );
  });

  test("a damaged Finished is dropped, and the right one still counts", () => {
    const { cloud, next } = resumable();
    const client = next();
    client.talk(cloud, client.clientHello());
    const [changeCipherSpec, finished] = client.secondFlight();
    const damaged = Buffer.from(finished);
    damaged[40] ^= 1;
    client.talk(cloud, Buffer.concat([changeCipherSpec, damaged]));
    expect(client.alerts).toEqual([]);
    client.talk(cloud, finished);
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
  });
});

describe("what forbids it", () => {
  test("a ClientHello without extended_master_secret: handshake_failure (RFC 7627 §5.3)", () => {
    const { cloud, next } = resumable();
    const client = next({ extendedMasterSecret: false });
    client.handshake(cloud);
    expect(client.alerts).toEqual([
      { level: 2, description: AlertDescription.HandshakeFailure, epoch: 0 },
    ]);
    // The session is not harmed: anybody may have sent that.
    const good = next();
    good.handshake(cloud);
    expect(good.resumed).toBe(true);
  });

  test("a first handshake without it leaves nothing to resume", () => {
    const { cloud, psk } = setupStandard();
    const first = psk();
    first.handshake(cloud);
    const made = { id: Buffer.alloc(32, 3), masterSecret: first.masterSecret };
    const client = psk({ ...OPTIONS, resume: made });
    client.handshake(cloud);
    expect(client).toMatchObject({ finished: true, resumed: false, seen: [2, 14] });
    expect(client.sessionId).not.toEqual(made.id);
  });

  test.each<[string, (fixture: ReturnType<typeof resumable>) => number]>([
    ["24 hours", () => DAY_MS],
    [
      "a fatal alert of the client",
      ({ cloud, first }) => {
        first.talk(cloud, first.seal(ContentType.Alert, Buffer.of(2, 80)));
        return 0;
      },
    ],
    [
      "a disconnect by the cloud",
      ({ cloud, first }) => {
        cloud.disconnect(DEVICE_ID);
        first.listen(cloud);
        return 0;
      },
    ],
    [
      "another public key of the device",
      ({ options }) => {
        options.registry.register({ id: DEVICE_ID, publicKey: generateKeyPair().spki });
        return 0;
      },
    ],
  ])("%s: a full handshake follows", (_name, change) => {
    const fixture = resumable({}, "rpk");
    const now = change(fixture);
    const { cloud, next } = fixture;
    const client = next();
    client.handshake(cloud, now);
    expect(client.resumed).toBe(false);
    expect(client.seen).toEqual([2, 11, 12, 13, 14]);
  });

  test("another pre-shared key", () => {
    let key = Buffer.alloc(16, 1);
    const fixture = setupStandard({ psk: () => ({ key, deviceId: DEVICE_ID }) });
    const { cloud, psk } = fixture;
    const credentials = { identity: Buffer.from("k"), key };
    const first = psk({ ...OPTIONS, psk: credentials });
    first.handshake(cloud);
    key = Buffer.alloc(16, 2);
    const client = psk({ ...OPTIONS, psk: credentials, resume: first.session });
    client.handshake(cloud);
    expect(client.resumed).toBe(false);
    expect(client.alerts).toMatchObject([{ description: AlertDescription.DecryptError }]);
  });

  test("a close_notify does not: the client may come back", () => {
    const { cloud, first, next } = resumable();
    first.talk(cloud, first.seal(ContentType.Alert, Buffer.of(1, 0)));
    const client = next();
    client.handshake(cloud);
    expect(client.resumed).toBe(true);
  });

  test("a suite that is not offered any more leads to a full handshake with another", () => {
    const { cloud, first, rpk } = resumable();
    const client = rpk({ ...OPTIONS, resume: first.session });
    client.handshake(cloud);
    expect(client).toMatchObject({ finished: true, resumed: false, suite: 0xc0ae });
  });

  test("who knows the id but not the master secret gets nowhere", () => {
    const { cloud, first, next } = resumable();
    const thief = next({ resume: { ...first.session, masterSecret: Buffer.alloc(48) } });
    thief.exchange(cloud, thief.clientHello());
    const fresh = next({ resume: { ...first.session, masterSecret: Buffer.alloc(48) } });
    expect(() => fresh.handshake(cloud)).toThrow(/authenticate/);
    expect(first.talk(cloud, first.coap(TIME))).toHaveLength(1);
  });
});

test("the cache keeps 4 sessions a device, the oldest goes first", () => {
  const { cloud, psk } = setupStandard();
  const clients = Array.from({ length: 6 }, () => psk(OPTIONS));
  for (const client of clients) client.handshake(cloud);
  const resumed = clients.map(({ session }) => {
    const client = psk({ ...OPTIONS, resume: session });
    client.talk(cloud, client.clientHello());
    return client.resumed;
  });
  expect(resumed).toEqual([false, false, true, true, true, true]);
});

test("after a restart connection ids go on, session ids lead to a full handshake", () => {
  const { cloud, first, next, options } = resumable();
  const token = Buffer.of(1);
  first.talk(cloud, first.coap({ code: 2, token, options: uri("/echo") }));
  const second = new LocalCloud(options);
  expect(second.device(DEVICE_ID)).toMatchObject({
    connected: true,
    session: { profile: "standard", restored: true },
  });
  first.address = "10.1.1.1:1";
  expect(first.talk(second, first.coap(TIME))).toMatchObject([{ code: 0x45 }]);
  expect(second.device(DEVICE_ID)).toMatchObject({ online: true });
  const client = next();
  client.handshake(second);
  expect(client).toMatchObject({ finished: true, resumed: false });
});

test("a restored session has its own AAD, record ids for the client, and no Hello", async () => {
  for (const connectionId of [undefined, NO_OWN_ID, Buffer.of(5, 6, 7)]) {
    const { cloud, psk, options } = setupStandard();
    const client = psk({ connectionId });
    client.handshake(cloud);
    client.talk(cloud, client.coap(TIME));
    const restarted = new LocalCloud(options);
    expect(client.talk(restarted, client.coap(TIME))).toMatchObject([{ code: 0x45 }]);
    expect(client.sealedTypes.at(-1)).toBe(connectionId?.length ? 25 : 23);
    await expect(restarted.call(DEVICE_ID, "f")).rejects.toMatchObject({ code: "device-offline" });
  }
});

test("a stored connection id of another length is given up", async () => {
  const { cloud, psk, options } = setupStandard({ connectionIdLength: 4 });
  const client = psk({ connectionId: NO_OWN_ID });
  client.handshake(cloud);
  client.talk(cloud, client.coap(TIME));
  const lines: string[] = [];
  const restarted = new LocalCloud({ ...options, connectionIdLength: 8 });
  restarted.on("log", ({ message }) => lines.push(message));
  await Promise.resolve();
  expect(lines).toEqual([expect.stringContaining("another length")]);
  expect(restarted.device(DEVICE_ID).connected).toBe(false);
});
