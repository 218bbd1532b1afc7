// A full handshake, Hello, publish and function call against the local cloud, in virtual time.

import { setupCloud } from "../support/cloud-fixture";

const ACK = { type: 2, code: 0 };

describe("handshake", () => {
  test.each([true, false])("with cookies %p", (cookies) => {
    const { cloud, device } = setupCloud({ cookies });
    const cost = device.handshake(cloud);
    expect(device.finished).toBe(true);
    expect(device.alerts).toEqual([]);
    expect(device.seen).toEqual([2, 12, 13, 14]);
    expect(cost.datagrams).toBe(cookies ? 6 : 4);
    expect(cost.bytes).toBeLessThan(cookies ? 1080 : 920);
    expect(device.connectionId).toHaveLength(8);
    expect(cloud.device(device.id)).toMatchObject({ connected: false, online: false });
  });

  test("Hello makes the device online, publish is an event, a function returns", async () => {
    const { cloud, device } = setupCloud();
    const events: unknown[] = [];
    cloud.on("event", (event) => events.push(event));
    device.handshake(cloud);
    expect(device.talk(cloud, device.hello())).toMatchObject([{ ...ACK, messageId: 1 }]);
    expect(cloud.device(device.id)).toMatchObject({
      online: true,
      lastHello: { productId: 0x1234, platformId: 13, deviceId: device.id, maxMessageSize: 1152 },
    });

    const publish = device.message(
      "40020010b1450873656e736f722f74ff7b2274223a32312e352c2268223a34302e32357d",
      0,
    );
    expect(device.talk(cloud, publish)).toMatchObject([{ ...ACK, messageId: 16 }]);
    expect(events).toMatchObject([
      {
        deviceId: device.id,
        name: "sensor/t",
        contentType: 0,
        ttl: 60,
        confirmable: true,
        messageId: 16,
      },
    ]);

    const result = cloud.call(device.id, "led", "on");
    const [request] = device.collect(cloud);
    device.handleDatagram(request);
    const call = device.received.at(-1);
    if (!call) throw new Error("no request");
    expect(call).toMatchObject({ type: 0, code: 2 });
    expect(call.options.map(({ number, value }) => [number, value.toString()])).toEqual([
      [11, "f"],
      [11, "led"],
      [15, "on"],
    ]);
    device.talk(cloud, device.coap({ type: 2, code: 0, messageId: call.messageId }));
    const response = { code: 0x44, token: call.token, payload: Buffer.from("fffffff9", "hex") };
    expect(device.talk(cloud, device.coap(response))).toMatchObject([ACK]);
    await expect(result).resolves.toBe(-7);
  });
});
