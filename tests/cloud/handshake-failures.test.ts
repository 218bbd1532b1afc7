// Loss, disorder and refusal during the handshake, with the alert of each refusal.

import { AlertDescription } from "../../cloud/dtls/protocol";
import { fingerprint, generateKeyPair } from "../../cloud/keys";
import { setupCloud } from "../support/cloud-fixture";
import type { CloudFixture } from "../support/cloud-fixture";
import type { Sabotage } from "../support/scripted-device";

/** A device that has received the server's first flight. */
function afterFirstFlight(overrides = {}): CloudFixture {
  const fixture = setupCloud({ cookies: false, ...overrides });
  const { cloud, device } = fixture;
  for (const datagram of device.exchange(cloud, device.clientHello())) {
    device.handleDatagram(datagram);
  }
  return fixture;
}

function handleAll({ cloud, device }: CloudFixture, datagrams: Buffer[]): void {
  for (const datagram of datagrams) device.talk(cloud, datagram);
}

/** Cut a plaintext handshake record into fragments of `size` bytes. */
function fragment(record: Buffer, size: number): Buffer[] {
  const header = record.subarray(13, 25);
  const body = record.subarray(25);
  const fragments: Buffer[] = [];
  for (let offset = 0; offset < body.length; offset += size) {
    const part = body.subarray(offset, offset + size);
    const cut = Buffer.concat([record.subarray(0, 13), header, part]);
    cut.writeUInt16BE(12 + part.length, 11);
    cut.writeUIntBE(offset, 13 + 6, 3);
    cut.writeUIntBE(part.length, 13 + 9, 3);
    fragments.push(cut);
  }
  return fragments;
}

describe("delivery", () => {
  test("every record of the client's flight in a datagram of its own", () => {
    const fixture = afterFirstFlight();
    handleAll(fixture, fixture.device.secondFlight());
    expect(fixture.device.finished).toBe(true);
  });

  test("in reverse order", () => {
    const fixture = afterFirstFlight();
    handleAll(fixture, fixture.device.secondFlight().reverse());
    expect(fixture.device.finished).toBe(true);
  });

  test("every datagram three times", () => {
    const fixture = afterFirstFlight();
    const flight = fixture.device.secondFlight();
    handleAll(
      fixture,
      [...flight, ...flight, ...flight].sort((a, b) => flight.indexOf(a) - flight.indexOf(b)),
    );
    expect(fixture.device.finished).toBe(true);
  });

  test.each([1, 17, 50])("in fragments of %i bytes, last ones first, with overlaps", (size) => {
    const fixture = afterFirstFlight();
    const [certificate, keyExchange, certificateVerify, ...rest] = fixture.device.secondFlight();
    const plain = [certificate, keyExchange, certificateVerify];
    const fragments = plain.flatMap((record) => [
      ...fragment(record, size),
      ...fragment(record, size + 5),
    ]);
    handleAll(fixture, [...fragments.reverse(), ...rest]);
    expect(fixture.device.finished).toBe(true);
  });

  test("a lost part is filled in by a retransmission", () => {
    const fixture = afterFirstFlight();
    const flight = fixture.device.secondFlight();
    handleAll(
      fixture,
      flight.filter((_, i) => i !== 1),
    );
    expect(fixture.device.finished).toBe(false);
    handleAll(fixture, flight);
    expect(fixture.device.finished).toBe(true);
  });

  test("without ChangeCipherSpec there is no Finished", () => {
    const fixture = afterFirstFlight();
    fixture.device.sabotage = { withoutChangeCipherSpec: true };
    handleAll(fixture, fixture.device.secondFlight());
    expect(fixture.device.finished).toBe(false);
  });

  test("a lost server Finished is sent again with fresh record numbers", () => {
    const fixture = afterFirstFlight();
    const { cloud, device } = fixture;
    const [first] = device.exchange(cloud, Buffer.concat(device.secondFlight()));
    const retransmitted = device.seal(22, device.finishedMessage);
    const [second] = device.exchange(cloud, retransmitted);
    expect(second).toHaveLength(first.length);
    expect(second).not.toEqual(first);
    device.handleDatagram(first);
    device.handleDatagram(second);
    expect(device.finished).toBe(true);
    expect(device.serverSequences).toEqual([0, 1]);
    // After the first application record nobody needs it any more.
    device.talk(cloud, device.hello());
    expect(device.exchange(cloud, device.seal(22, device.finishedMessage))).toEqual([]);
  });
});

describe("retransmission of the server's first flight", () => {
  test("on its timer, doubling, until the handshake is forgotten", () => {
    const { cloud, device } = setupCloud({
      cookies: false,
      flightTimeoutMs: 1000,
      handshakeLifetimeMs: 20_000,
    });
    const [first] = device.exchange(cloud, device.clientHello());
    const times: number[] = [];
    let now = 0;
    for (let wait = cloud.pollTimeout(now); wait >= 0; wait = cloud.pollTimeout(now)) {
      now += wait;
      cloud.handleTimeout(now);
      const [again] = device.collect(cloud);
      if (!again) continue;
      times.push(now);
      expect(again).toHaveLength(first.length);
      expect(again.subarray(5, 11)).not.toEqual(first.subarray(5, 11));
    }
    expect(times).toEqual([1000, 3000, 7000, 15_000]);
    expect(now).toBe(20_000);
  });

  test("when the ClientHello is repeated", () => {
    const { cloud, device } = setupCloud({ cookies: false });
    const hello = device.clientHello();
    expect(device.exchange(cloud, hello)).toHaveLength(1);
    expect(device.exchange(cloud, hello, 100)).toHaveLength(1);
    expect(cloud.pollTimeout(100)).toBe(9000);
  });
});

describe("cookies", () => {
  test("belong to an address and to the parameters, and live two minutes", () => {
    const { cloud, device } = setupCloud();
    const [request] = device.exchange(cloud, device.clientHello());
    const cookie = device.parseHelloVerifyRequest(request) as Buffer;
    expect(cookie).toHaveLength(8);
    const isVerifyRequest = (datagrams: Buffer[]): boolean => datagrams[0]?.[13] === 3;
    const hello = device.clientHello(cookie);
    expect(isVerifyRequest(device.exchange(cloud, hello, 0, "other address"))).toBe(true);
    expect(isVerifyRequest(device.exchange(cloud, hello, 200_000))).toBe(true);
    device.sabotage = { cipherSuites: [0xc0ae, 0xc0ac] };
    expect(isVerifyRequest(device.exchange(cloud, device.clientHello(cookie)))).toBe(true);
    device.sabotage = {};
    expect(cloud.pollTimeout(0)).toBe(-1);
  });

  test("the one before the last rotation is still good", () => {
    const { cloud, device } = setupCloud();
    const [request] = device.exchange(cloud, device.clientHello(), 50_000);
    const cookie = device.parseHelloVerifyRequest(request) as Buffer;
    expect(device.exchange(cloud, device.clientHello(cookie), 115_000)[0][13]).toBe(2);
  });

  test("unfinished handshakes are limited in number", () => {
    const { cloud, device } = setupCloud({ cookies: false, maxHandshakes: 10 });
    for (let i = 0; i < 50; i++) device.exchange(cloud, device.clientHello(), i, `address ${i}`);
    let retransmitted = 0;
    cloud.handleTimeout(15_000);
    for (; cloud.pollTransmit();) retransmitted++;
    expect(retransmitted).toBe(10);
  });
});

describe("refusals", () => {
  const withoutExtension = (type: string, length: number): Buffer => {
    const all =
      "000d000a00080403040103030301000a000400020017000b0002010000fe000100001300020102001400020102";
    const at = all.indexOf(type);
    return Buffer.from(all.slice(0, at) + all.slice(at + 2 * length), "hex");
  };

  test.each<[string, Sabotage, AlertDescription]>([
    ["no common suite", { cipherSuites: [0xc02b, 0xff] }, AlertDescription.HandshakeFailure],
    [
      "a connection_id of the device's own",
      {
        extensions: Buffer.concat([
          withoutExtension("00fe", 5),
          Buffer.from("00fe000201aa", "hex"),
        ]),
      },
      AlertDescription.HandshakeFailure,
    ],
    [
      "no signature_algorithms",
      { extensions: withoutExtension("000d000a", 14) },
      AlertDescription.HandshakeFailure,
    ],
    [
      "no raw public key",
      { extensions: withoutExtension("00130002", 6) },
      AlertDescription.UnsupportedCertificate,
    ],
    ["another version", { version: 0xfeff }, AlertDescription.ProtocolVersion],
    [
      "a damaged extension",
      { extensions: Buffer.from("00fe000105", "hex") },
      AlertDescription.HandshakeFailure,
    ],
    [
      "a connection_id with a wrong length",
      {
        extensions: Buffer.concat([withoutExtension("00fe", 5), Buffer.from("00fe000105", "hex")]),
      },
      AlertDescription.DecodeError,
    ],
  ])("%s", (_name, sabotage, description) => {
    const { cloud, device } = setupCloud();
    device.sabotage = sabotage;
    // Before the cookie there is no alert.
    const [request] = device.exchange(cloud, device.clientHello());
    const cookie = device.parseHelloVerifyRequest(request) as Buffer;
    device.talk(cloud, device.clientHello(cookie));
    expect(device.alerts).toEqual([{ level: 2, description, epoch: 0 }]);
    expect(cloud.pollTimeout(0)).toBe(-1);
  });

  test.each<[string, Sabotage, AlertDescription]>([
    ["CertificateVerify", { breakSignature: true }, AlertDescription.DecryptError],
    ["Finished", { breakFinished: true }, AlertDescription.DecryptError],
  ])("a wrong %s", (_name, sabotage, description) => {
    const fixture = afterFirstFlight();
    const { cloud, device } = fixture;
    device.sabotage = sabotage;
    handleAll(fixture, [Buffer.concat(device.secondFlight())]);
    expect(device.alerts).toEqual([{ level: 2, description, epoch: 0 }]);
    expect(device.finished).toBe(false);
    expect(cloud.device(device.id).connected).toBe(false);
    expect(cloud.pollTimeout(0)).toBe(-1);
  });

  test("an unknown device key: access_denied, and one log line with its fingerprint", () => {
    const fixture = afterFirstFlight();
    const { cloud, device } = fixture;
    const lines: string[] = [];
    cloud.on("log", ({ message }) => lines.push(message));
    const stranger = generateKeyPair();
    Object.assign(device, { keyPair: stranger });
    handleAll(fixture, [Buffer.concat(device.secondFlight())]);
    expect(device.alerts).toEqual([
      { level: 2, description: AlertDescription.AccessDenied, epoch: 0 },
    ]);
    expect(lines).toEqual([expect.stringContaining(fingerprint(stranger.spki))]);
  });

  test.each<[string, number, AlertDescription]>([
    ["an X.509 list in place of the raw key", 0, AlertDescription.DecodeError],
    ["a point off the curve", 1, AlertDescription.IllegalParameter],
  ])("%s", (_name, index, description) => {
    const fixture = afterFirstFlight();
    const { device } = fixture;
    const flight = fixture.device.secondFlight();
    flight[index][flight[index].length - (index === 0 ? 92 : 1)] ^= 1;
    handleAll(fixture, [Buffer.concat(flight)]);
    expect(device.alerts).toEqual([{ level: 2, description, epoch: 0 }]);
  });

  test("messages in the wrong order", () => {
    const fixture = afterFirstFlight();
    const [certificate, keyExchange] = fixture.device.secondFlight();
    keyExchange.writeUInt16BE(certificate.readUInt16BE(17), 17);
    handleAll(fixture, [keyExchange]);
    expect(fixture.device.alerts).toEqual([
      { level: 2, description: AlertDescription.UnexpectedMessage, epoch: 0 },
    ]);
  });
});
