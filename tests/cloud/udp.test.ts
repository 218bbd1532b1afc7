// The cloud over real sockets on the loopback interface, and the files of its commands.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyPairFromSec1 } from "../../cloud/keys";
import { LocalCloud } from "../../cloud/local-cloud";
import { DEVICE_FILES, openCloudDirectory, provisionDevice } from "../../cloud/provision";
import { UdpListener } from "../../cloud/udp-listener";
import { setupCloud } from "../support/cloud-fixture";
import { ScriptedDevice } from "../support/scripted-device";

let directory: string;
let socket: Socket;
const incoming: Buffer[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "cloud-"));
  incoming.length = 0;
  socket = createSocket("udp4");
  socket.on("message", (datagram) => incoming.push(datagram));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
});

afterEach(() => {
  rmSync(directory, { recursive: true });
  socket.close();
});

async function receive(): Promise<Buffer> {
  while (incoming.length === 0) await once(socket, "message");
  return incoming.shift() as Buffer;
}

test("handshake, Hello and a function call over UDP", async () => {
  const { cloud, device } = setupCloud();
  const listener = await UdpListener.listen(cloud, { port: 0 });
  expect(listener.address.host).toBe("127.0.0.1");
  const send = (datagram: Buffer): void =>
    socket.send(datagram, listener.address.port, "127.0.0.1");

  send(device.clientHello());
  const cookie = device.parseHelloVerifyRequest(await receive()) as Buffer;
  send(device.clientHello(cookie));
  device.handleDatagram(await receive());
  send(Buffer.concat(device.secondFlight()));
  device.handleDatagram(await receive());
  expect(device.finished).toBe(true);
  send(device.hello());
  device.handleDatagram(await receive());
  expect(cloud.device(device.id).online).toBe(true);

  const result = cloud.call(device.id, "led", "on");
  device.handleDatagram(await receive());
  const { token, messageId } = device.received[1];
  send(
    device.coap({ type: 2, code: 0x44, token, messageId, payload: Buffer.from("0000002a", "hex") }),
  );
  await expect(result).resolves.toBe(42);

  // The type is not known: a describe and the read follow each other without anything coming in between.
  const respond = async (index: number, payload: Buffer): Promise<void> => {
    while (device.received.length <= index) device.handleDatagram(await receive());
    const request = device.received[index];
    send(
      device.coap({
        type: 2,
        code: 0x45,
        token: request.token,
        messageId: request.messageId,
        payload,
      }),
    );
  };
  const value = cloud.read(device.id, "x");
  await respond(2, Buffer.from('{"f":["led"],"v":{"x":1}}'));
  await respond(3, Buffer.of(1));
  await expect(value).resolves.toBe(true);

  const timeout = cloud.call(device.id, "led", "on", { timeoutMs: 50 });
  await expect(timeout).rejects.toMatchObject({ code: "timeout" });
  await listener.close();
});

test("provisioning writes both sides and may be repeated", () => {
  const cloudDirectory = join(directory, "cloud");
  const deviceDirectory = join(directory, "device");
  const first = provisionDevice({ cloudDirectory, deviceDirectory, name: "first" });
  const second = provisionDevice({ cloudDirectory, deviceDirectory, name: "renamed" });
  expect(second.id).toBe(first.id);
  expect(second.keyPair.spki).toEqual(first.keyPair.spki);
  const read = (name: string): Buffer => readFileSync(join(deviceDirectory, name));
  expect(read(DEVICE_FILES.deviceId).toString()).toBe(`${first.id}\n`);
  expect(read(DEVICE_FILES.devicePublicKey)).toHaveLength(91);
  expect(statSync(join(deviceDirectory, DEVICE_FILES.deviceKey)).mode & 0o077).toBe(0);

  const cloud = new LocalCloud(openCloudDirectory(cloudDirectory));
  expect(cloud.devices).toMatchObject([{ id: first.id, name: "renamed" }]);
  const device = new ScriptedDevice({
    id: first.id,
    serverSpki: read(DEVICE_FILES.serverPublicKey),
    keyPair: keyPairFromSec1(read(DEVICE_FILES.deviceKey)),
  });
  device.handshake(cloud);
  device.talk(cloud, device.hello());
  expect(cloud.device(first.id).online).toBe(true);
});
