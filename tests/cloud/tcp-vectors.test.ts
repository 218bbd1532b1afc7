// The TCP transport against the published vector, byte for byte in both directions.

import { LocalCloud } from "../../cloud/local-cloud";
import { generateKeyPair } from "../../cloud/keys";
import { Registry } from "../../cloud/registry";
import { FrameCipher } from "../../cloud/tcp/frame-cipher";
import { judgeDeviceMessage } from "../../cloud/tcp/key-exchange";
import { exportPkcs1, rsaKeyPairFromPkcs1, rsaPublicKeyFromSpki } from "../../cloud/tcp/rsa-keys";
import { TcpDevice } from "../support/tcp-device";
import { TEST_DEVICE_KEY, TEST_SERVER_KEY, vectorValue } from "../support/tcp-keys";

const nonce = vectorValue("nonce");
const session = vectorValue("session");
const id = vectorValue("device id").toString("hex");
/** 01, 02, ... */
const counting = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => i + 1));

function registryWithDevice(): Registry {
  const registry = new Registry();
  registry.register({ id, publicKey: TEST_DEVICE_KEY.spki });
  return registry;
}

/** A cloud whose random source gives the values of the vector, in the order in which it asks. */
function vectorCloud(): LocalCloud {
  const draws: Record<number, Buffer[]> = { 40: [nonce, session], 85: [counting(85)] };
  const random = (length: number): Uint8Array => {
    // The CoAP endpoint: a message ID and a token to begin with.
    if (length === 2) return Buffer.from("0fff", "hex");
    if (length === 1) return Buffer.of(0);
    return draws[length]?.shift() ?? Buffer.alloc(length);
  };
  const keyPair = generateKeyPair();
  const registry = registryWithDevice();
  return new LocalCloud({ keyPair, registry, random, tcp: { keyPair: TEST_SERVER_KEY } });
}

function written(cloud: LocalCloud): string {
  let bytes = Buffer.alloc(0);
  for (let next = cloud.pollStream(); next; next = cloud.pollStream()) {
    if (next.close) throw new Error("the cloud closed the connection");
    bytes = Buffer.concat([bytes, next.bytes]);
  }
  return bytes.toString("hex");
}

test("the keys have the DER that devices read", () => {
  expect(TEST_DEVICE_KEY.spki).toEqual(vectorValue("device SPKI"));
  expect(TEST_SERVER_KEY.spki).toEqual(vectorValue("server SPKI"));
  expect(rsaPublicKeyFromSpki(TEST_DEVICE_KEY.spki).equals(TEST_DEVICE_KEY.publicKey)).toBe(true);
  const der = exportPkcs1(TEST_DEVICE_KEY);
  expect(der.length).toBeLessThanOrEqual(612);
  expect(der.subarray(0, 2).toString("hex")).toBe("3082");
  expect(der.subarray(4, 11).toString("hex")).toBe("02010002818100");
  expect(rsaKeyPairFromPkcs1(der).spki).toEqual(TEST_DEVICE_KEY.spki);
});

test("the scripted device makes the message of the vector", () => {
  const options = { id, keyPair: TEST_DEVICE_KEY, server: TEST_SERVER_KEY };
  const device = new TcpDevice(options);
  device.handleBytes(nonce);
  expect(device.plaintext()).toEqual(vectorValue("M1 plaintext"));
  const message = device.deviceMessage(device.plaintext(), counting(39));
  expect(message).toEqual(vectorValue("M1 on the wire"));
  device.handleBytes(vectorValue("M2 on the wire"));
  expect(device.session).toEqual(session);
  expect(device.messageId).toBe(0x1234);
  expect(device.hello()).toEqual(vectorValue("D->S Hello frame"));
});

test("the message of the device is accepted", () => {
  const message = vectorValue("M1 on the wire");
  const random = (length: number): Uint8Array => Buffer.alloc(length, 1);
  const verdict = judgeDeviceMessage(message, nonce, TEST_SERVER_KEY, registryWithDevice(), random);
  expect(verdict).toEqual({ accepted: true, deviceId: id, spki: TEST_DEVICE_KEY.spki });
});

test("a whole session over the cloud", () => {
  const cloud = vectorCloud();
  const events: unknown[] = [];
  cloud.on("event", ({ name, data }) => events.push([name, data.toString()]));
  expect(cloud.handleConnection("device", 0)).toBe(true);
  expect(written(cloud)).toBe(nonce.toString("hex"));
  cloud.handleStream("device", vectorValue("M1 on the wire"), 1);
  expect(written(cloud)).toBe(vectorValue("M2 on the wire").toString("hex"));
  cloud.handleStream("device", vectorValue("D->S Hello frame"), 2);
  expect(cloud.device(id)).toMatchObject({ online: true, lastHello: { platformId: 6 } });
  expect(written(cloud)).toBe(vectorValue("S->D Hello frame").toString("hex"));
  cloud.handleStream("device", vectorValue("D->S event frame"), 3);
  expect(events).toEqual([["temp", "21.5"]]);
  expect(written(cloud)).toBe("");
});

test.each([
  [
    "device",
    [
      ["D->S Hello CoAP", "D->S Hello frame"],
      ["D->S private event", "D->S event frame"],
      ["D->S ping CoAP", "D->S ping frame"],
    ],
  ],
  [
    "server",
    [
      ["S->D Hello CoAP", "S->D Hello frame"],
      ["S->D Describe request", "S->D Describe frame"],
      ["S->D ping ack CoAP", "S->D ping ack frame"],
    ],
  ],
])("the frames of the %s, sealed and opened", (_side, pairs) => {
  const key = session.subarray(0, 16);
  const iv = session.subarray(16, 32);
  const sealing = new FrameCipher(key, iv);
  const opening = new FrameCipher(key, iv);
  for (const [coap, frame] of pairs) {
    expect(sealing.seal(vectorValue(coap))).toEqual(vectorValue(frame));
    expect(opening.open(vectorValue(frame).subarray(2))).toEqual(vectorValue(coap));
  }
});
