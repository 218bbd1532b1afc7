// Damaged and hostile datagrams: nothing throws, nothing is remembered, no answer is longer than its request.

import type { LocalCloud } from "../../cloud/local-cloud";
import { setupCloud } from "../support/cloud-fixture";
import { setupStandard } from "../support/standard-fixture";

/** xorshift32: the failing case can be found again by its seed. */
function generator(seed: number): (limit: number) => number {
  let state = seed || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

function mutate(datagram: Buffer, pick: (limit: number) => number): Buffer {
  let bytes = Buffer.from(datagram);
  for (let changes = 1 + pick(4); changes > 0; changes--) {
    const at = pick(bytes.length || 1);
    switch (pick(6)) {
      case 0:
        if (bytes.length > 0) bytes[at] ^= 1 << pick(8);
        break;
      case 1:
        if (bytes.length > 0) bytes[at] = pick(256);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(pick(256)), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes, bytes.subarray(at)]);
        break;
      case 5:
        if (bytes.length > 1)
          bytes.writeUInt16BE([0, 1, 0xffff, 0x7fff][pick(4)], pick(bytes.length - 1));
        break;
    }
    bytes = Buffer.from(bytes);
  }
  return bytes;
}

const seed = Number(process.env.SEED ?? 20240117);

test(`20,000 mutated datagrams before the cookie (seed ${seed})`, () => {
  const { cloud, device } = setupCloud();
  const pick = generator(seed);
  const corpus = [
    device.clientHello(),
    device.clientHello(Buffer.alloc(16)),
    device.plainRecord(20, Buffer.of(1)),
    device.plainRecord(21, Buffer.of(2, 40)),
    device.plainRecord(22, Buffer.from("0b00005e000100000000005e00005b", "hex")),
    Buffer.from(
      "19fefd0001000000000005c1d0c1d0c1d0c1d00020000100000000000541cf25fcd59f19f536588bade5c6410840af01845a3cb110",
      "hex",
    ),
    Buffer.from("fcfefd8003000012340001000401020304", "hex"),
  ];
  for (let i = 0; i < 20_000; i++) {
    const datagram = mutate(corpus[pick(corpus.length)], pick);
    cloud.handleDatagram(`address ${i}`, datagram, i);
    for (let out = cloud.pollTransmit(); out; out = cloud.pollTransmit()) {
      expect(out.to).toBe(`address ${i}`);
      expect(out.datagram.length).toBeLessThanOrEqual(datagram.length);
    }
  }
  // No timer runs: no handshake was begun.
  expect(cloud.pollTimeout(20_000)).toBe(-1);
  expect(cloud.devices.every(({ connected }) => !connected)).toBe(true);
  device.handshake(cloud, 20_000);
  expect(device.finished).toBe(true);
});

test(`5,000 mutated datagrams around a handshake (seed ${seed})`, () => {
  const { cloud, device, again } = setupCloud({ cookies: false });
  const pick = generator(seed);
  let flight: Buffer[] = [];
  for (let i = 0; i < 5000; i++) {
    // A fatal alert ended the handshake: begin another.
    if (cloud.pollTimeout(i) === -1) {
      const fresh = device.twin();
      for (const part of fresh.exchange(cloud, fresh.clientHello(), i)) fresh.handleDatagram(part);
      flight = fresh.secondFlight();
    }
    cloud.handleDatagram("device", mutate(flight[pick(flight.length)], pick), i);
    while (cloud.pollTransmit());
  }
  expect(cloud.devices.every(({ connected }) => !connected)).toBe(true);
  const other = again("other");
  other.handshake(cloud, 5000);
  expect(other.finished).toBe(true);
});

test(`5,000 authentic records with mutated CoAP (seed ${seed})`, () => {
  const { cloud, device } = setupCloud();
  const pick = generator(seed);
  device.handshake(cloud);
  device.talk(cloud, device.hello());
  const corpus = [
    "40020010b1450873656e736f722f74ff7b2274223a32312e352c2268223a34302e32357d",
    "4102000216b164112a3101ff0a19080218e8072880808005351e0000003d1e0000005884808005",
    "4102000618b1644102ff7b2266223a5b226c6564225d2c2276223a7b22636f756e746572223a327d7d",
    "4102000719b164110e4102ff7b2266",
    "40010016b165036366674163",
    "40020022b178ff0506d804",
    "4144000d22ff00000007",
    "60001001",
    "4101002035b174",
    `4002000fb168ff1234000300f6000d000c${device.id}18380480001780000200`,
  ].map((text) => Buffer.from(text, "hex"));
  for (let i = 0; i < 5000; i++) {
    const message = mutate(corpus[pick(corpus.length)], pick);
    cloud.handleDatagram("device", device.message(message), i);
    while (cloud.pollTransmit());
    // A Hello under another id ends the session, as it should.
    if (cloud.device(device.id).connected) continue;
    const fresh = setupAgain(cloud, device, i);
    Object.assign(device, {
      keys: fresh.keys,
      connectionId: fresh.connectionId,
      sequence: fresh.sequence,
    });
  }
  expect(cloud.devices).toHaveLength(1);
});

test(`5,000 mutated datagrams around handshakes of the standard profile (seed ${seed})`, () => {
  const { cloud, psk } = setupStandard({ cookies: false });
  const pick = generator(seed);
  const first = psk({ extendedMasterSecret: true });
  first.handshake(cloud);
  const options = { extendedMasterSecret: true, connectionId: Buffer.of(1), resume: first.session };
  let flight: Buffer[] = [];
  for (let i = 0; i < 5000; i++) {
    if (i % 20 === 0) {
      const client = psk(i % 40 === 0 ? options : {});
      flight = [client.clientHello()];
      client.talk(cloud, flight[0], i);
      flight.push(...client.secondFlight());
    }
    cloud.handleDatagram(first.address, mutate(flight[pick(flight.length)], pick), i);
    while (cloud.pollTransmit());
  }
  const last = psk({ connectionId: Buffer.alloc(0), address: "other" });
  last.handshake(cloud, 5000);
  expect(last.finished).toBe(true);
});

test(`5,000 authentic records with mutated requests to plain resources (seed ${seed})`, () => {
  const { cloud, psk } = setupStandard();
  const pick = generator(seed);
  const client = psk({ connectionId: Buffer.alloc(0) });
  client.handshake(cloud);
  const corpus = [
    "4101000101b474696d65",
    "5101000202b56c61726765c10e",
    "4101000303b7636f756e74657250",
    "410100040460b7636f756e746572",
    "4102000505b46563686fd1030eff61626364",
    "4103000606b573746f7265ff7a",
    "4101000707b87365706172617465456d733d3530",
    "70000009",
    "60000009",
  ].map((text) => Buffer.from(text, "hex"));
  for (let i = 0; i < 5000; i++) {
    const message = mutate(corpus[pick(corpus.length)], pick);
    cloud.handleDatagram(client.address, client.seal(23, message), i * 10);
    cloud.handleTimeout(i * 10 + 5);
    if (i % 50 === 0) cloud.notify("/counter", { confirmable: i % 100 === 0 });
    while (cloud.pollTransmit());
  }
  expect(client.talk(cloud, client.coap({ code: 0 }), 60_000).length).toBeGreaterThan(0);
});

/** A new session for the device, its Hello included. */
function setupAgain(
  cloud: LocalCloud,
  device: ReturnType<typeof setupCloud>["device"],
  now: number,
): ReturnType<typeof setupCloud>["device"] {
  const fresh = device.twin();
  fresh.handshake(cloud, now);
  fresh.exchange(cloud, fresh.hello(), now);
  return fresh;
}
