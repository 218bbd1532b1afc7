// TCP over real sockets on the loopback interface, beside UDP, and the files of its commands.

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSocket } from "node:dgram";
import { LocalCloud } from "../../cloud/local-cloud";
import {
  CLOUD_FILES,
  DEVICE_FILES,
  openCloudDirectory,
  prepareTcp,
  provisionDevice,
  provisionTcpDevice,
} from "../../cloud/provision";
import { TcpListener } from "../../cloud/tcp/listener";
import {
  generateRsaKeyPair,
  rsaKeyPairFromPkcs1,
  rsaPublicKeyFromSpki,
} from "../../cloud/tcp/rsa-keys";
import { UdpListener } from "../../cloud/udp-listener";
import { setupCloud } from "../support/cloud-fixture";
import { ScriptedDevice } from "../support/scripted-device";
import { TcpDevice } from "../support/tcp-device";
import { TCP_DEVICE_ID, setupTcp } from "../support/tcp-fixture";
import { TEST_DEVICE_KEY, TEST_SERVER_KEY } from "../support/tcp-keys";

let directory: string;
const sockets: Socket[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloud-tcp-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A socket whose bytes go to the device. */
async function dial(device: TcpDevice, { address }: TcpListener): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: address.port });
  sockets.push(socket);
  socket.on("data", (bytes) => device.handleBytes(bytes));
  socket.on("close", () => (device.closed = true));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** Wait for something that bytes on a socket bring about. */
async function until(socket: { once: Socket["once"] }, condition: () => boolean): Promise<void> {
  for (let rounds = 0; !condition(); rounds++) {
    if (rounds > 2000) throw new Error("it does not come");
    await Promise.race([
      new Promise((resolve) => socket.once("data", resolve)),
      new Promise((resolve) => socket.once("close", resolve)),
      new Promise((resolve) => setTimeout(resolve, 20)),
    ]);
  }
}

async function greet(device: TcpDevice, listener: TcpListener): Promise<Socket> {
  const socket = await dial(device, listener);
  await until(socket, () => device.nonce.length > 0);
  socket.write(device.deviceMessage());
  await until(socket, () => device.session.length > 0);
  socket.write(device.hello());
  await until(socket, () => device.received.length > 0);
  return socket;
}

test("handshake, Hello, a function call and the end of a connection", async () => {
  const { cloud, device } = setupTcp();
  const listener = await TcpListener.listen(cloud, { port: 0 });
  expect(listener.address.host).toBe("127.0.0.1");
  const socket = await greet(device, listener);
  expect(device.received[0]).toMatchObject({ type: 1, code: 2 });
  expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({
    online: true,
    session: { transport: "tcp" },
  });

  const result = cloud.call(TCP_DEVICE_ID, "led", "on");
  await until(socket, () => device.received.length > 1);
  const { token, messageId } = device.received[1];
  socket.write(device.coap({ type: 2, code: 0, messageId }));
  socket.write(device.coap({ code: 0x44, token, payload: Buffer.from("0000002a", "hex") }));
  await expect(result).resolves.toBe(42);

  socket.end();
  await until(socket, () => !cloud.device(TCP_DEVICE_ID).connected);
  expect(cloud.device(TCP_DEVICE_ID)).toMatchObject({ connected: false, online: false });
  await listener.close();
});

test("the second connection of a device closes the first", async () => {
  const { cloud, device, again } = setupTcp();
  const listener = await TcpListener.listen(cloud, { port: 0 });
  const first = await greet(device, listener);
  const newer = again("newer");
  await greet(newer, listener);
  await until(first, () => device.closed);
  expect(newer.closed).toBe(false);
  expect(cloud.device(TCP_DEVICE_ID).online).toBe(true);
  await listener.close();
  await until(first, () => newer.closed);
  expect(cloud.device(TCP_DEVICE_ID).connected).toBe(false);
});

test("connections that say nothing, or nonsense, are closed", async () => {
  const { cloud, again } = setupTcp({ handshakeTimeoutMs: 50 });
  const listener = await TcpListener.listen(cloud, { port: 0 });
  const silent = again("silent");
  const noisy = again("noisy");
  const [a, b] = [await dial(silent, listener), await dial(noisy, listener)];
  b.write(Buffer.alloc(300, 1));
  await until(b, () => noisy.closed);
  await until(a, () => silent.closed);
  expect([silent.bytesReceived, noisy.bytesReceived]).toEqual([40, 40]);
  await listener.close();
});

test("a device that does not read loses its connection", async () => {
  const { cloud, device } = setupTcp();
  const listener = await TcpListener.listen(cloud, { port: 0 });
  const socket = await greet(device, listener);
  socket.write(device.coap({ code: 1, options: [{ number: 11, value: Buffer.from("e") }] }));
  await until(socket, () => cloud.device(TCP_DEVICE_ID).subscriptions.length > 0);
  socket.pause();
  let sent = 0;
  // The operating system takes some megabytes on both sides.
  while (sent < 40_000 && cloud.publish("n", Buffer.alloc(600)) > 0) sent++;
  expect(sent).toBeLessThan(40_000);
  expect(cloud.counters["connection-not-reading"]).toBe(1);
  expect(cloud.device(TCP_DEVICE_ID).connected).toBe(false);
  await listener.close();
});

test("an event goes from a device on TCP to one on UDP, and back", async () => {
  // No timer of the cloud is due that would wake a listener by accident.
  const {
    cloud,
    device: datagrams,
    options,
  } = setupCloud({
    tcp: { keyPair: TEST_SERVER_KEY, idleTimeoutMs: 600_000, handshakeTimeoutMs: 600_000 },
    transmission: { ACK_TIMEOUT_MS: 600_000 },
  });
  options.registry.register({ id: TCP_DEVICE_ID, publicKey: TEST_DEVICE_KEY.spki });
  const keys = { keyPair: TEST_DEVICE_KEY, server: TEST_SERVER_KEY };
  const stream = new TcpDevice({ id: TCP_DEVICE_ID, ...keys });
  const udp = await UdpListener.listen(cloud, { port: 0 });
  const tcp = await TcpListener.listen(cloud, { port: 0 });
  const subscribe = { code: 1, options: [{ number: 11, value: Buffer.from("e") }] };
  const event = (name: string): typeof subscribe => ({
    code: 2,
    options: [
      { number: 11, value: Buffer.from("E") },
      { number: 11, value: Buffer.from(name) },
    ],
  });

  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const exchange = async (datagram: Buffer): Promise<Buffer> => {
    socket.send(datagram, udp.address.port, "127.0.0.1");
    return ((await once(socket, "message")) as [Buffer])[0];
  };
  const cookie = datagrams.parseHelloVerifyRequest(await exchange(datagrams.clientHello()));
  datagrams.handleDatagram(await exchange(datagrams.clientHello(cookie)));
  datagrams.handleDatagram(await exchange(Buffer.concat(datagrams.secondFlight())));
  datagrams.handleDatagram(await exchange(datagrams.hello()));
  datagrams.handleDatagram(await exchange(datagrams.coap(subscribe)));

  const connection = await greet(stream, tcp);
  connection.write(stream.coap(subscribe));
  const arrived = once(socket, "message");
  connection.write(stream.coap(event("from/tcp")));
  datagrams.handleDatagram(((await arrived) as [Buffer])[0]);
  const names = ({ options }: { options: { value: Buffer }[] }): string =>
    options.map(({ value }) => value.toString()).join("/");
  expect(names(datagrams.received.at(-1)!)).toBe("e/from/tcp");
  await until(connection, () => stream.received.length > 1);
  socket.send(datagrams.coap(event("from/udp")), udp.address.port, "127.0.0.1");
  await until(connection, () => stream.received.length > 2);
  expect(stream.received.slice(1).map(names)).toEqual(["e/from/tcp", "e/from/udp"]);
  socket.close();
  await tcp.close();
  await udp.close();
});

test("without an RSA key there is no listener", async () => {
  const { cloud } = setupCloud();
  await expect(TcpListener.listen(cloud, { port: 0 })).rejects.toThrow("no RSA key");
  expect(cloud.handleConnection("anybody", 0)).toBe(false);
  cloud.handleStream("anybody", Buffer.alloc(300), 0);
  expect(cloud.pollStream()).toBeUndefined();
});

describe("provisioning", () => {
  const paths = (): { cloudDirectory: string; deviceDirectory: string } => ({
    cloudDirectory: join(directory, "cloud"),
    deviceDirectory: join(directory, "device"),
  });
  const read = (name: string): Buffer => readFileSync(join(directory, "device", name));

  test("writes both sides and may be repeated", async () => {
    const first = await provisionTcpDevice({ ...paths(), name: "first" });
    const second = await provisionTcpDevice({ ...paths(), name: "renamed" });
    expect(second.id).toBe(first.id);
    expect(second.keyPair.spki).toEqual(first.keyPair.spki);
    const key = read(DEVICE_FILES.deviceKey);
    expect(key.length).toBeLessThanOrEqual(612);
    expect(key.subarray(4, 11).toString("hex")).toBe("02010002818100");
    expect(statSync(join(directory, "device", DEVICE_FILES.deviceKey)).mode & 0o077).toBe(0);
    expect(read(DEVICE_FILES.devicePublicKey)).toHaveLength(162);
    expect(read(DEVICE_FILES.serverPublicKey)).toHaveLength(294);

    const cloud = new LocalCloud(openCloudDirectory(join(directory, "cloud")));
    expect(cloud.devices).toMatchObject([{ id: first.id, name: "renamed" }]);
    const device = new TcpDevice({
      id: read(DEVICE_FILES.deviceId).toString().trim(),
      keyPair: rsaKeyPairFromPkcs1(key),
      server: { publicKey: rsaPublicKeyFromSpki(read(DEVICE_FILES.serverPublicKey)) },
    });
    device.connect(cloud);
    expect(cloud.device(first.id).online).toBe(true);
  });

  test("one cloud serves both transports; a device has one of them", async () => {
    const { cloudDirectory, deviceDirectory } = paths();
    const onUdp = provisionDevice({ cloudDirectory, deviceDirectory });
    await expect(provisionTcpDevice(paths())).rejects.toThrow("another transport");
    const onTcp = await provisionTcpDevice({
      cloudDirectory,
      deviceDirectory: `${deviceDirectory}2`,
    });
    const again = { cloudDirectory, deviceDirectory: `${deviceDirectory}2` };
    expect(() => provisionDevice(again)).toThrow("another transport");
    const cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
    expect(cloud.devices.map(({ id }) => id)).toEqual([onUdp.id, onTcp.id]);
    const device = new ScriptedDevice({
      id: onUdp.id,
      serverSpki: read(DEVICE_FILES.serverPublicKey),
      keyPair: onUdp.keyPair,
    });
    device.handshake(cloud);
    device.talk(cloud, device.hello());
    expect(cloud.device(onUdp.id).online).toBe(true);
    const key = await prepareTcp(cloudDirectory);
    const path = join(cloudDirectory, CLOUD_FILES.serverRsaPublicKey);
    expect(readFileSync(path)).toEqual(key.spki);
  });

  test("20 key pairs, one after the other and at the same time", async () => {
    for (let i = 0; i < 10; i++) expect((await generateRsaKeyPair(1024)).bits).toBe(1024);
    const pairs = await Promise.all(Array.from({ length: 10 }, () => generateRsaKeyPair(1024)));
    expect(new Set(pairs.map(({ spki }) => spki.toString("hex"))).size).toBe(10);
  });

  test("keys of other sizes and kinds are refused", async () => {
    const { spki } = await generateRsaKeyPair(1024);
    expect(() => rsaPublicKeyFromSpki(spki.subarray(1))).toThrow("not an RSA key");
    const exponent = Buffer.from(spki);
    exponent[161] = 3;
    expect(() => rsaPublicKeyFromSpki(exponent)).toThrow("not an RSA key");
    const even = Buffer.from(spki);
    even[156] &= 0xfe;
    expect(() => rsaPublicKeyFromSpki(even)).toThrow("not a modulus");
    const short = Buffer.from(spki);
    short[29] &= 0x7f;
    expect(() => rsaPublicKeyFromSpki(short)).toThrow("not a modulus");
    expect(() => setupTcp({}, { tcp: { keyPair: TEST_DEVICE_KEY } })).toThrow("2048");
  });
});
