// Handshakes of the standard profile: raw keys, X.509, pre-shared keys, connection ids, extended master secrets.

import { sign } from "node:crypto";
import { AlertDescription } from "../../cloud/dtls/protocol";
import { generateKeyPair } from "../../cloud/keys";
import type { KeyPair } from "../../cloud/keys";
import { DEVICE_ID } from "../support/cloud-fixture";
import type { Cost, StandardClient, StandardClientOptions } from "../support/standard-client";
import { NO_OWN_ID, PSK, setupStandard, uri } from "../support/standard-fixture";

const TIME = { code: 1, token: Buffer.of(9), options: uri("/time") };
const total = ({ up, down }: Cost): number => up + down;

describe("what it costs, in bytes of UDP payload", () => {
  test.each<[string, "psk" | "rpk", StandardClientOptions, number, number]>([
    ["PSK, nothing else", "psk", {}, 421, 421],
    ["PSK with connection ids", "psk", { connectionId: NO_OWN_ID }, 459, 459],
    [
      "PSK with connection ids and a session id",
      "psk",
      { connectionId: NO_OWN_ID, extendedMasterSecret: true },
      503,
      503,
    ],
    ["RPK, nothing else", "rpk", {}, 1049, 1057],
    [
      "RPK with connection ids and a session id",
      "rpk",
      { connectionId: NO_OWN_ID, extendedMasterSecret: true },
      1125,
      1133,
    ],
  ])("%s: %s", (_name, kind, options, min, max) => {
    const fixture = setupStandard();
    const client = fixture[kind](options);
    const cost = client.handshake(fixture.cloud);
    expect(client.finished).toBe(true);
    expect(cost.datagrams).toBe(6);
    expect(total(cost)).toBeGreaterThanOrEqual(min);
    expect(total(cost)).toBeLessThanOrEqual(max);
  });
});

describe("raw public keys", () => {
  test.each([true, false])("with extended master secret %p", (extendedMasterSecret) => {
    const { cloud, rpk } = setupStandard();
    const client = rpk({ extendedMasterSecret, connectionId: NO_OWN_ID });
    client.handshake(cloud);
    expect(client).toMatchObject({ finished: true, suite: 0xc0ae, extendedMasterSecret });
    expect(client.seen).toEqual([2, 11, 12, 13, 14]);
    expect(client.extensions.get(19)).toEqual(Buffer.of(2));
    expect(client.extensions.get(20)).toEqual(Buffer.of(2));
    // Without an extended master secret there is nothing to resume by (RFC 7627 §5.4).
    expect(client.sessionId).toHaveLength(extendedMasterSecret ? 32 : 0);
    expect(client.talk(cloud, client.coap(TIME))).toMatchObject([{ code: 0x45 }]);
    expect(cloud.device(DEVICE_ID)).toMatchObject({
      online: true,
      session: { profile: "standard", connectionId: client.serverConnectionId?.toString("hex") },
    });
  });

  test("answers only what was offered", () => {
    const { cloud, rpk, psk } = setupStandard();
    const all = rpk({
      renegotiationInfo: true,
      extendedMasterSecret: true,
      connectionId: NO_OWN_ID,
    });
    all.handshake(cloud);
    expect([...all.extensions.keys()]).toEqual([0xff01, 23, 54, 19, 20]);
    const least = psk();
    least.handshake(cloud);
    expect([...least.extensions.keys()]).toEqual([]);
    expect(least.serverConnectionId).toBeUndefined();
  });

  test("no session ids when they are turned off", () => {
    const { cloud, rpk } = setupStandard({ sessionIds: false });
    const client = rpk({ extendedMasterSecret: true });
    client.handshake(cloud);
    expect(client.finished).toBe(true);
    expect(client.sessionId).toHaveLength(0);
  });

  test("an unknown key: access_denied", () => {
    const { cloud, rpk } = setupStandard();
    const client = rpk({ keyPair: generateKeyPair() });
    client.handshake(cloud);
    expect(client.alerts).toEqual([
      { level: 2, description: AlertDescription.AccessDenied, epoch: 0 },
    ]);
  });

  test("a client that takes only X.509 from a server without a certificate", () => {
    const { cloud, rpk } = setupStandard();
    for (const serverCertificateTypes of [[0], []]) {
      const client = rpk({ serverCertificateTypes });
      client.handshake(cloud);
      expect(client.alerts).toMatchObject([
        { description: AlertDescription.UnsupportedCertificate },
      ]);
    }
  });

  test("both profiles on one listener", () => {
    const { cloud, device, rpk } = setupStandard();
    device.handshake(cloud);
    device.talk(cloud, device.hello());
    expect(cloud.device(DEVICE_ID).session?.profile).toBe("particle");
    const client = rpk({ connectionId: NO_OWN_ID });
    client.handshake(cloud);
    client.talk(cloud, client.coap(TIME));
    expect(cloud.device(DEVICE_ID).session?.profile).toBe("standard");
  });
});

describe("X.509", () => {
  test("the leaf for clients that take no raw key, and a flight in fragments when it is long", () => {
    const keyPair = generateKeyPair();
    const leaf = selfSigned(keyPair);
    for (const certificate of [[leaf], [leaf, Buffer.alloc(1400, 1)]]) {
      const { cloud, rpk } = setupStandard({ keyPair, certificate });
      for (const serverCertificateTypes of [[0], []]) {
        const client = rpk({ serverCertificateTypes });
        const { datagrams } = client.handshake(cloud);
        expect(client.finished).toBe(true);
        expect(datagrams > 6).toBe(certificate.length > 1);
        const announced = serverCertificateTypes.length > 0 ? Buffer.of(0) : undefined;
        expect(client.extensions.get(20)).toEqual(announced);
      }
      const raw = rpk({ serverCertificateTypes: [0, 2] });
      raw.handshake(cloud);
      expect(raw.extensions.get(20)).toEqual(Buffer.of(2));
    }
  });

  test("has to be that of the server's key", () => {
    const certificate = [selfSigned(generateKeyPair())];
    expect(() => setupStandard({ certificate })).toThrow(/another key/);
    expect(() => setupStandard({ certificate: [] })).toThrow(/empty/);
  });
});

describe("pre-shared keys", () => {
  test.each([true, false])("with extended master secret %p", (extendedMasterSecret) => {
    const { cloud, psk } = setupStandard();
    const client = psk({ extendedMasterSecret });
    client.handshake(cloud);
    expect(client).toMatchObject({ finished: true, suite: 0xc0a8, extendedMasterSecret });
    expect(client.seen).toEqual([2, 14]);
    expect(client.talk(cloud, client.coap(TIME))).toMatchObject([{ code: 0x45 }]);
    expect(cloud.device(DEVICE_ID).online).toBe(true);
  });

  test.each([
    ["a wrong key", { ...PSK, key: Buffer.alloc(16) }],
    ["an unknown identity", { ...PSK, identity: Buffer.from("nobody") }],
  ])("%s: decrypt_error, in both cases alike", (_name, credentials) => {
    const { cloud, psk } = setupStandard();
    const lines: string[] = [];
    cloud.on("log", ({ message }) => lines.push(message));
    const client = psk({ psk: credentials });
    client.handshake(cloud);
    expect(client.seen).toEqual([2, 14]);
    expect(client.alerts).toEqual([
      { level: 2, description: AlertDescription.DecryptError, epoch: 0 },
    ]);
    expect(lines).toEqual([expect.stringContaining(`"${String(credentials.identity)}"`)]);
    expect(cloud.device(DEVICE_ID).connected).toBe(false);
    expect(cloud.pollTimeout(0)).toBe(-1);
  });

  test("a wrong Finished under the right key", () => {
    const { cloud, psk } = setupStandard();
    const client = psk();
    client.breakFinished = true;
    client.handshake(cloud);
    expect(client.alerts).toMatchObject([{ description: AlertDescription.DecryptError }]);
  });

  test("the order of the client decides; without keys the suite does not exist", () => {
    const { cloud, rpk } = setupStandard();
    for (const suites of [
      [0xc0ae, 0xc0a8],
      [0xc0a8, 0xc0ae],
    ]) {
      const client = rpk({ psk: PSK, suites });
      client.handshake(cloud);
      expect(client.suite).toBe(suites[0]);
    }
    const none = setupStandard({ psk: undefined });
    const client = none.psk();
    client.handshake(none.cloud);
    expect(client.alerts).toMatchObject([{ description: AlertDescription.HandshakeFailure }]);
  });

  test.each([
    ["24 hex digits", Buffer.from(DEVICE_ID)],
    ["12 bytes", Buffer.from(DEVICE_ID, "hex")],
  ])("the identity is the device id in %s, and needs no public key", (_name, identity) => {
    const { cloud, options, psk } = setupStandard({ psk: () => ({ key: PSK.key }) });
    options.registry.register({ id: DEVICE_ID, name: "keyless" });
    const client = psk({ psk: { ...PSK, identity } });
    client.handshake(cloud);
    client.talk(cloud, client.coap(TIME));
    expect(cloud.device(DEVICE_ID)).toMatchObject({
      online: true,
      name: "keyless",
      fingerprint: "",
    });
  });

  test("a callback that throws, or names a stranger, is a wrong key", () => {
    for (const callback of [
      () => {
        throw new Error("no database");
      },
      () => ({ key: PSK.key, deviceId: "0".repeat(24) }),
      () => ({ key: Buffer.alloc(0), deviceId: DEVICE_ID }),
    ]) {
      const { cloud, psk } = setupStandard({ psk: callback });
      const client = psk();
      client.handshake(cloud);
      expect(client.alerts).toMatchObject([{ description: AlertDescription.DecryptError }]);
    }
  });
});

describe("connection ids", () => {
  test.each([1, 2, 4, 8])("of %i bytes, and records to the client with its own", (length) => {
    const { cloud, psk } = setupStandard({ connectionIdLength: length });
    const own = Buffer.from("c0ffee", "hex");
    const client = psk({ connectionId: own });
    client.handshake(cloud);
    expect(client.serverConnectionId).toHaveLength(length);
    expect(client.talk(cloud, client.coap(TIME))).toMatchObject([{ code: 0x45 }]);
    expect(client.sealedTypes).toEqual([25, 25]);
  });

  test("short ones stand beside the long ones of devices", () => {
    const { cloud, device, psk, again } = setupStandard({ connectionIdLength: 1 });
    for (let round = 0; round < 20; round++) {
      const other = again(`device ${round}`);
      other.handshake(cloud);
      expect(other.talk(cloud, other.hello())).toHaveLength(1);
      const client = psk({ connectionId: NO_OWN_ID });
      client.handshake(cloud);
      expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
    }
    expect(device.finished).toBe(false);
    expect(() => setupStandard({ connectionIdLength: 9 })).toThrow(/9 bytes/);
    expect(() => setupStandard({ connectionIdLength: 0 })).toThrow(/0 bytes/);
  });

  test("when all short ones are taken the handshake is refused", () => {
    const { cloud, psk } = setupStandard({
      connectionIdLength: 1,
      random: (length) => Buffer.alloc(length, 7),
      cookies: false,
    });
    const first = psk({ connectionId: NO_OWN_ID });
    first.exchange(cloud, first.clientHello());
    const second = psk({ connectionId: NO_OWN_ID, address: "elsewhere" });
    second.talk(cloud, second.clientHello());
    expect(second.alerts).toMatchObject([{ description: AlertDescription.InternalError }]);
  });

  test("a session moves to another address with its newest record", () => {
    const { cloud, rpk } = setupStandard();
    const client = rpk({ connectionId: NO_OWN_ID });
    client.handshake(cloud);
    const old = client.coap(TIME);
    client.address = "10.9.8.7:6";
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
    expect(cloud.device(DEVICE_ID).session?.address).toBe("10.9.8.7:6");
    cloud.handleDatagram("old path", old, 0);
    expect(cloud.device(DEVICE_ID).session?.address).toBe("10.9.8.7:6");
  });

  test("without them a session is bound to its address", () => {
    const { cloud, psk } = setupStandard();
    const client = psk();
    client.handshake(cloud);
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
    expect(client.exchange(cloud, client.coap(TIME), 0, "other")).toEqual([]);
    expect(cloud.counters["unexpected-epoch"]).toBe(1);
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
  });

  test("without them the old session works until the new one at its address is used", () => {
    const { cloud, psk } = setupStandard();
    const client = psk();
    client.handshake(cloud);
    client.talk(cloud, client.coap(TIME));
    const second = psk();
    const cookie = second.parseHelloVerifyRequest(
      second.exchange(cloud, second.clientHello())[0],
    ) as Buffer;
    second.talk(cloud, second.clientHello(cookie));
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
    second.talk(cloud, Buffer.concat(second.secondFlight()));
    expect(second.finished).toBe(true);
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(1);
    expect(second.talk(cloud, second.coap(TIME))).toHaveLength(1);
    expect(client.talk(cloud, client.coap(TIME))).toHaveLength(0);
    expect(cloud.counters["unauthenticated-record"]).toBe(1);
  });
});

test("a device that takes the address of another takes it offline", () => {
  const { cloud, rpk, psk, options } = setupStandard({
    psk: () => ({ key: PSK.key, deviceId: "0".repeat(24) }),
  });
  options.registry.register({ id: "0".repeat(24) });
  const first = rpk();
  first.handshake(cloud);
  first.talk(cloud, first.coap(TIME));
  const second = psk();
  second.handshake(cloud);
  expect(cloud.device(DEVICE_ID).online).toBe(true);
  second.talk(cloud, second.coap(TIME));
  expect(cloud.device(DEVICE_ID)).toMatchObject({ online: false, connected: false });
  expect(cloud.device("0".repeat(24)).online).toBe(true);
});

test.each<[string, StandardClientOptions]>([
  ["with connection ids", { connectionId: Buffer.of(1, 2) }],
  ["without", {}],
])("every flipped bit makes a record worthless, %s", (_name, options) => {
  const { cloud, psk } = setupStandard();
  const client = psk(options);
  client.handshake(cloud);
  const datagram = client.coap(TIME);
  for (let bit = 0; bit < datagram.length * 8; bit++) {
    const damaged = Buffer.from(datagram);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    expect(client.talk(cloud, damaged)).toEqual([]);
  }
  expect(client.talk(cloud, datagram)).toHaveLength(1);
});

test("a flipped bit anywhere in what a raw-key client says: no session comes of it", () => {
  const { cloud, rpk } = setupStandard({ cookies: false });
  for (let round = 0; round < 60; round++) {
    const client = rpk({ extendedMasterSecret: true, connectionId: NO_OWN_ID });
    client.talk(cloud, client.clientHello());
    const flight = client.secondFlight();
    const part = flight[round % flight.length];
    // The numbers in the headers of records and messages are not authenticated in clear; their content is.
    const from = part[0] === 25 ? 0 : part[0] === 22 ? 25 : 13;
    const at = from + ((round * 131) % (part.length - from));
    part[at] ^= 1 << (round % 8);
    for (const answer of client.exchange(cloud, Buffer.concat(flight))) {
      expect(answer[0]).toBe(21);
    }
  }
  expect(cloud["dtls"]["sessions"].current(DEVICE_ID)).toBeUndefined();
  expect(cloud.device(DEVICE_ID).connected).toBe(false);
});

test("a ClientHello in a record of DTLS 1.0, as OpenSSL and others send it", () => {
  const { cloud, psk } = setupStandard();
  const client = psk();
  const asDtls10 = (datagram: Buffer): Buffer => {
    datagram[2] = 0xff;
    return datagram;
  };
  const [verify] = client.exchange(cloud, asDtls10(client.clientHello()));
  const cookie = client.parseHelloVerifyRequest(verify) as Buffer;
  client.talk(cloud, asDtls10(client.clientHello(cookie)));
  client.talk(cloud, Buffer.concat(client.secondFlight()));
  expect(client.finished).toBe(true);
  // Only there.
  expect(client.talk(cloud, asDtls10(client.coap(TIME)))).toEqual([]);
  expect(cloud.counters["malformed-record"]).toBe(1);
});

test("every record of the client's flight in a datagram of its own, in any order", () => {
  for (const reverse of [false, true]) {
    for (const kind of ["rpk", "psk"] as const) {
      const fixture = setupStandard();
      const client: StandardClient = fixture[kind]({ extendedMasterSecret: true });
      const [verify] = client.exchange(fixture.cloud, client.clientHello());
      const cookie = client.parseHelloVerifyRequest(verify) as Buffer;
      client.talk(fixture.cloud, client.clientHello(cookie));
      const flight = client.secondFlight();
      if (reverse) flight.reverse();
      for (const record of flight) client.talk(fixture.cloud, record);
      expect(client.finished).toBe(true);
    }
  }
});

/** A self-signed X.509 certificate, DER. */
function selfSigned({ privateKey, spki }: KeyPair): Buffer {
  const der = (tag: number, ...parts: Buffer[]): Buffer => {
    const body = Buffer.concat(parts);
    const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
    return Buffer.concat([Buffer.of(tag, ...length), body]);
  };
  const hex = (bytes: string): Buffer => Buffer.from(bytes, "hex");
  const ecdsaWithSha256 = der(0x30, der(6, hex("2a8648ce3d040302")));
  const commonName = der(0x30, der(6, hex("550403")), der(0x0c, Buffer.from("cloud")));
  const name = der(0x30, der(0x31, commonName));
  const time = (text: string): Buffer => der(0x17, Buffer.from(text));
  const validity = der(0x30, time("250101000000Z"), time("490101000000Z"));
  const version = der(0xa0, der(2, Buffer.of(2)));
  const serial = der(2, Buffer.of(1));
  const body = der(0x30, version, serial, ecdsaWithSha256, name, validity, name, spki);
  const signature = sign("sha256", body, privateKey);
  return der(0x30, body, ecdsaWithSha256, der(3, Buffer.of(0), signature));
}
