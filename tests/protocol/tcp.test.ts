import { readFileSync } from "node:fs";
import path from "node:path";

import { ConnectionState, EventKind, Reason, Status } from "../../bindings/node";
import { rsaKey } from "../support/rsa-keys";
import type { RsaParts } from "../support/rsa-keys";
import { TcpHost, connectedTcp, tcpStorage } from "../support/tcp-host";
import { TcpServer } from "../support/tcp-server";

describe("the published vector", () => {
  const file = path.join(__dirname, "../vectors/tcp-handshake.json");
  const vector = JSON.parse(readFileSync(file, "utf8")) as {
    rsa: Record<"device" | "server", Record<string, string>>;
    values: Record<string, string>;
  };
  const value = (start: string): Buffer => {
    const [, text] = Object.entries(vector.values).find(([name]) => name.startsWith(start))!;
    return Buffer.from(text, "hex");
  };
  const key = (name: "device" | "server") => {
    const parts = Object.entries(vector.rsa[name]).map(([part, text]) => [
      part,
      Buffer.from(text, "hex"),
    ]);
    return rsaKey(Object.fromEntries(parts) as unknown as RsaParts);
  };

  /** A device with the vector's keys, whose random source counts 1, 2, 3, ... */
  function vectorDevice(): TcpHost {
    const storage = tcpStorage(key("device").pkcs1, key("server").spki);
    const random = (buffer: Uint8Array): void => buffer.forEach((_, i) => (buffer[i] = i + 1));
    const identity = { productId: 6, productVersion: 65535, platformId: 6 };
    return new TcpHost({
      storage,
      random,
      deviceId: value("device id").toString("hex"),
      ...identity,
    });
  }

  test("the device's side, byte for byte", () => {
    const host = vectorDevice().connect().receive(value("nonce"));
    expect(host.take()).toEqual([value("M1 on the wire")]);
    host.receive(value("M2 on the wire"));
    const server = new TcpServer({ session: value("session") });
    const [hello] = host.messages(server);
    // Flags, system version and sizes are this device's own; the rest of Hello is the vector's.
    const expected = value("D->S Hello CoAP");
    expect(hello.subarray(0, 11)).toEqual(expected.subarray(0, 11));
    expect(hello.length).toBe(expected.length);
    expect(hello.readUInt16BE(11)).toBe(0x36);
    expect(hello.subarray(13, 17)).toEqual(expected.subarray(13, 17));
    expect(host.state).toBe(ConnectionState.Hello);
    host.receive(value("S->D Hello frame"));
    expect(host.last).toMatchObject({
      state: ConnectionState.Connected,
      reason: Reason.HandshakeDone,
    });
    // The next frame of the server chains on; its Describe request has no type, and is refused.
    host.messages(server);
    host.receive(value("S->D Describe frame"));
    expect(host.messages(server)).toContainEqual(Buffer.from("6180100101", "hex"));
  });
});

describe("handshake and Hello", () => {
  test("connects; ids count from the salt; Hello is not confirmable", () => {
    const host = new TcpHost();
    const server = new TcpServer();
    const [hello] = host.greet(server);
    expect(server.keyMessage.subarray(0, 40)).toEqual(server.nonce);
    expect(server.keyMessage.subarray(40, 52).toString("hex")).toBe("0123456789abcdef01234567");
    expect(server.keyMessage.subarray(52)).toEqual(server.device.spki);
    expect(hello.subarray(0, 4)).toEqual(
      Buffer.of(0x50, 2, server.firstId >> 8, server.firstId & 255),
    );
    expect(host.state).toBe(ConnectionState.Connected);
    const ids = host.messages(server).map((message) => message.readUInt16BE(2));
    expect(ids).toEqual(ids.map((_, i) => (server.firstId + 1 + i) & 0xffff));
    expect(ids.length).toBeGreaterThan(0);
  });

  test("a publish waits for the connection, and ends when it is sent", () => {
    const { host, server } = connectedTcp();
    const handle = host.core.publish("temp", "21.5");
    host.drain();
    const event = host.messages(server).find((message) => message.includes("temp"))!;
    expect(event[0]).toBe(0x50);
    expect(event.subarray(4)).toEqual(Buffer.from("b1450474656d70ff32312e35", "hex"));
    expect(host.events).toContainEqual({ kind: EventKind.PublishDone, handle, status: Status.Ok });
  });
});
