// The cloud lets a device change its keys, or its server.

import { verify } from "node:crypto";
import type { CoapMessage } from "../../cloud/coap/codec";
import { encodeCoap } from "../../cloud/coap/codec";
import { decodeProtobuf } from "../../cloud/device-protocol/protobuf";
import { generateKeyPair } from "../../cloud/keys";
import { setupCloud } from "../support/cloud-fixture";
import type { CloudFixture } from "../support/cloud-fixture";

function connected(): CloudFixture {
  const fixture = setupCloud();
  fixture.device.handshake(fixture.cloud);
  fixture.device.talk(fixture.cloud, fixture.device.hello());
  return fixture;
}

/** The request that the cloud has just sent. */
function request({ cloud, device }: CloudFixture): CoapMessage {
  for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
  return device.received.at(-1) as CoapMessage;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("rekey", () => {
  test("is PUT /k?0x01 with a token of one byte; an empty acknowledgement ends the session in silence", async () => {
    const fixture = connected();
    const { cloud, device, again } = fixture;
    const result = cloud.rekey(device.id);
    const { messageId, ...message } = request(fixture);
    const bytes = encodeCoap({ messageId: 0x7007, ...message, token: Buffer.of(0xaa) });
    expect(bytes.toString("hex")).toBe("41037007aab16b4101");
    expect(message.token).toHaveLength(1);
    expect(device.talk(cloud, device.coap({ type: 2, code: 0, messageId }))).toEqual([]);
    await result;
    expect(device.collect(cloud)).toEqual([]);
    expect(cloud.device(device.id)).toMatchObject({ connected: false, online: false });
    const second = again();
    second.handshake(cloud);
    second.talk(cloud, second.hello());
    expect(cloud.device(device.id).online).toBe(true);
  });

  test("does not wait for the acknowledgement of a genuine device, which has another message ID", async () => {
    const fixture = connected();
    const { cloud, device, again } = fixture;
    const result = cloud.rekey(device.id);
    const { messageId } = request(fixture);
    device.talk(cloud, device.coap({ type: 2, code: 0, messageId: messageId ^ 0x5555 }));
    const second = again();
    second.handshake(cloud);
    second.talk(cloud, second.hello());
    await result;
    expect(cloud.device(device.id)).toMatchObject({ connected: true, online: true });
  });

  test("closes the session with a close_notify after the timeout", async () => {
    const fixture = connected();
    const { cloud, device } = fixture;
    const result = cloud.rekey(device.id, { timeoutMs: 5000 });
    request(fixture);
    cloud.handleTimeout(5000);
    await result;
    for (const datagram of device.collect(cloud)) device.handleDatagram(datagram);
    expect(device.alerts).toEqual([{ level: 1, description: 0, epoch: 1 }]);
    expect(cloud.device(device.id).connected).toBe(false);
  });

  test.each<[string, Partial<CoapMessage> & { code: number }, number]>([
    ["an error", { type: 2, code: 0x84 }, 0x84],
    ["a Reset", { type: 3, code: 0 }, 0],
  ])(
    "leaves the session alone when the device answers with %s",
    async (_name, answer, coapCode) => {
      const fixture = connected();
      const { cloud, device } = fixture;
      const result = cloud.rekey(device.id);
      const { messageId, token } = request(fixture);
      const body = answer.code === 0 ? answer : { ...answer, token };
      device.talk(cloud, device.coap({ ...body, messageId }));
      await expect(result).rejects.toMatchObject({ code: "rejected", coapCode });
      expect(cloud.device(device.id).online).toBe(true);
    },
  );

  test("needs a device that is online", async () => {
    const { cloud, device } = setupCloud();
    await expect(cloud.rekey(device.id)).rejects.toMatchObject({ code: "device-offline" });
    await expect(cloud.rekey("0".repeat(24))).rejects.toMatchObject({ code: "unknown-device" });
  });
});

describe("moveServer", () => {
  const signer = generateKeyPair();
  const other = {
    host: "cloud.example.com",
    port: 5684,
    publicKey: generateKeyPair().spki,
    signingKey: signer.privateKey,
  };

  test("sends the signed address and waits for the separate 2.04", async () => {
    const fixture = connected();
    const { cloud, device } = fixture;
    let moved = false;
    const result = cloud.moveServer(device.id, other).then(() => (moved = true));
    const message = request(fixture);
    expect(message).toMatchObject({ type: 0, code: 2 });
    expect(message.options).toEqual([{ number: 11, value: Buffer.from("M") }]);
    expect(message.token).toHaveLength(1);
    const fields = decodeProtobuf(message.payload);
    expect(fields.bytes(1)?.toString()).toBe(other.host);
    expect(fields.uint(2)).toBe(5684);
    expect(fields.bytes(3)).toEqual(other.publicKey);
    const signed = Buffer.concat([
      Buffer.from("5b000000", "hex"),
      other.publicKey,
      Buffer.from("11000000", "hex"),
      Buffer.from(other.host),
      Buffer.from("3416", "hex"),
    ]);
    expect(verify("sha256", signed, signer.publicKey, fields.bytes(4) as Buffer)).toBe(true);

    const { messageId, token } = message;
    device.talk(cloud, device.coap({ type: 2, code: 0, messageId }));
    await settled();
    expect(moved).toBe(false);
    expect(device.talk(cloud, device.coap({ code: 0x44, token }))).toMatchObject([
      { type: 2, code: 0 },
    ]);
    await result;
  });

  test("rejects with the code of the device", async () => {
    const fixture = connected();
    const { cloud, device } = fixture;
    const result = cloud.moveServer(device.id, other);
    const { messageId, token } = request(fixture);
    device.talk(cloud, device.coap({ type: 2, code: 0, messageId }));
    const payload = Buffer.from('{"code":-130}');
    device.talk(cloud, device.coap({ code: 0x83, token, payload }));
    await expect(result).rejects.toMatchObject({ code: "rejected", coapCode: 0x83, payload });
  });

  test.each([
    ["an empty host", { host: "" }],
    ["a long host", { host: "h".repeat(254) }],
    ["no port", { port: 0 }],
    ["a large port", { port: 65536 }],
    ["no SPKI", { publicKey: Buffer.alloc(91) }],
    ["a public signing key", { signingKey: signer.publicKey }],
  ])("refuses %s", async (_name, wrong) => {
    const { cloud, device } = connected();
    await expect(cloud.moveServer(device.id, { ...other, ...wrong })).rejects.toMatchObject({
      code: "invalid-argument",
    });
    expect(device.collect(cloud)).toEqual([]);
  });
});
