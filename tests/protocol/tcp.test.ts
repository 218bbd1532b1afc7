import { readFileSync } from "node:fs";
import path from "node:path";

import { ConnectionState, EventKind, Reason, Status } from "../../bindings/node";
import { rsaKey } from "../support/rsa-keys";
import type { RsaParts } from "../support/rsa-keys";
import { DEVICE_ID, TcpHost, connectedTcp, tcpStorage } from "../support/tcp-host";
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
    expect(server.keyMessage.subarray(40, 52).toString("hex")).toBe(DEVICE_ID);
    expect(server.keyMessage.subarray(52)).toEqual(server.device.spki);
    const { firstId } = server;
    expect(hello.subarray(0, 4)).toEqual(Buffer.of(0x50, 2, firstId >> 8, firstId & 255));
    expect(host.state).toBe(ConnectionState.Connected);
    const ids = host.messages(server).map((message) => message.readUInt16BE(2));
    expect(ids).toEqual(ids.map((_, i) => (firstId + 1 + i) & 0xffff));
    expect(ids.length).toBeGreaterThan(0);
  });

  test("the id after 65535 is 0", () => {
    const session = Buffer.alloc(40, 7);
    session.writeUInt16LE(0xfffe, 32);
    const host = new TcpHost();
    const server = new TcpServer({ session });
    const [hello] = host.greet(server);
    const ids = [hello, ...host.messages(server)].map((message) => message.readUInt16BE(2));
    expect(ids).toEqual([0xffff, 0]);
  });

  test("nothing but Hello goes out before the server's", () => {
    const host = new TcpHost();
    const server = new TcpServer();
    host.core.publish("early", "");
    host.connect().receive(server.nonce).take();
    host.receive(server.sessionMessage());
    expect(host.messages(server).map((message) => message[5])).toEqual([0x68]);
    host.receive(server.hello());
    expect(host.messages(server).some((message) => message.includes("early"))).toBe(true);
  });

  test("a server's Hello that does not come within 4 s ends it", () => {
    const host = new TcpHost();
    const server = new TcpServer();
    host.connect().receive(server.nonce).receive(server.sessionMessage());
    host.run(3999);
    expect(host.state).toBe(ConnectionState.Hello);
    host.run(1);
    expect(host.last).toMatchObject({
      state: ConnectionState.Disconnected,
      reason: Reason.HelloTimeout,
    });
    // And it tries again, a second later.
    host.run(1000);
    expect(host.state).toBe(ConnectionState.Handshake);
  });

  test("messages of before go out again with ids of the new connection, in sequence", () => {
    const { host, server } = connectedTcp();
    host.core.publish("lost", "1", { confirmable: true });
    host.drain();
    expect(host.messages(server).some((message) => message.includes("lost"))).toBe(true);
    host.hangUp();
    expect(host.last).toMatchObject({ reason: Reason.LinkLost });
    host.run(1000);
    const next = new TcpServer();
    host.take();
    host.receive(next.nonce).take();
    host.receive(next.sessionMessage());
    const sent = host.messages(next);
    host.receive(next.hello());
    sent.push(...host.messages(next));
    expect(sent.map((message) => message.readUInt16BE(2))).toEqual(
      sent.map((_, i) => (next.firstId + i) & 0xffff),
    );
    expect(sent.some((message) => message.includes("lost"))).toBe(true);
  });
});

/** A connected device whose Describe has been acknowledged, and its server. */
function settled(): { host: TcpHost; server: TcpServer } {
  const { host, server } = connectedTcp();
  acknowledge(host, server);
  return { host, server };
}

/** Acknowledge everything that is confirmable. @returns what the device has sent */
function acknowledge(host: TcpHost, server: TcpServer): Buffer[] {
  const all: Buffer[] = [];
  for (let messages = host.messages(server); messages.length > 0;) {
    for (const message of messages) {
      const isConfirmable = ((message[0] >> 4) & 3) === 0;
      if (isConfirmable)
        host.receive(server.seal(server.message(2, 0, "", message.readUInt16BE(2))));
    }
    all.push(...messages);
    messages = host.messages(server);
  }
  return all;
}

describe("messages", () => {
  test("a publish is not confirmable unless it is asked for", () => {
    const { host, server } = settled();
    const handle = host.core.publish("temp", "21.5");
    host.drain();
    const [event] = host.messages(server);
    expect(event[0]).toBe(0x50);
    expect(event.subarray(4).toString("hex")).toBe("b1450474656d70ff32312e35");
    const done = { kind: EventKind.PublishDone, handle, status: Status.Ok };
    expect(host.events).toContainEqual(done);

    const second = host.core.publish("temp", "22", { confirmable: true });
    host.drain();
    const [confirmable] = host.messages(server);
    expect(confirmable[0]).toBe(0x40);
    expect(host.events).not.toContainEqual({ ...done, handle: second });
    host.receive(server.seal(server.message(2, 0, "", confirmable.readUInt16BE(2))));
    expect(host.events).toContainEqual({ ...done, handle: second });
  });

  test("nothing is sent twice; 20 s without an ACK end a publish, not the connection", () => {
    const { host, server } = settled();
    const handle = host.core.publish("temp", "22", { confirmable: true });
    host.drain();
    for (let second = 1; second < 20; second++) {
      host.run(1000);
      const ping = host.messages(server).find(([first, code]) => first === 0x40 && code === 0);
      if (ping) host.receive(server.seal(server.message(2, 0, "", ping.readUInt16BE(2))));
      host.take();
    }
    expect(host.events.filter(({ kind }) => kind === EventKind.PublishDone)).toEqual([]);
    host.run(1000);
    const status = Status.MessageTimeout;
    expect(host.events).toContainEqual({ kind: EventKind.PublishDone, handle, status });
    expect(host.state).toBe(ConnectionState.Connected);
  });

  test("a message longer than 767 bytes is refused, one of 767 goes out", () => {
    const { host, server } = settled();
    // Header 4, E 2, name 5, marker 1.
    expect(() => host.core.publish("name", "x".repeat(756))).toThrow("TooLong");
    host.core.publish("name", "x".repeat(755));
    host.drain();
    const [event] = host.messages(server);
    expect(event.length).toBe(767);
  });

  test("a function is acknowledged, and answered by a message that is not confirmable", () => {
    const { host, server } = settled();
    host.core.registerFunction("fn", host.now);
    host.onEvent = (event) => {
      if (event.kind !== EventKind.FunctionCall) return;
      expect(event.argument).toBe("arg");
      host.core.exports.function_result(event.call, -2);
    };
    host.drain();
    acknowledge(host, server);
    // POST /f/fn?arg, token 77
    host.receive(server.seal(Buffer.from("4102000777b16602666e43617267", "hex")));
    const [ack, answer] = host.messages(server);
    expect(ack.toString("hex")).toBe("60000007");
    expect(answer[0]).toBe(0x51);
    expect(answer.subarray(4).toString("hex")).toBe("77fffffffffe");
    expect(answer[1]).toBe(0x44);
  });

  test("events of the server are not acknowledged, confirmable or not", () => {
    const { host, server } = settled();
    host.core.subscribe("ev", 0, host.now);
    host.drain();
    const [subscription] = host.messages(server);
    expect(subscription[0]).toBe(0x50);
    expect(host.events).toContainEqual({ kind: EventKind.SubscriptionsDone, status: 0 });
    for (const type of [1, 0]) {
      host.receive(server.seal(server.message(type, 2, "b14503657631ff41")));
    }
    const received = host.events.filter(({ kind }) => kind === EventKind.EventReceived);
    expect(received).toHaveLength(2);
    expect(host.take()).toEqual([]);
  });

  test("time, signal, ping", () => {
    const { host, server } = settled();
    host.core.exports.request_time();
    host.drain();
    const [request] = host.messages(server);
    expect(request[0]).toBe(0x41);
    const head = Buffer.of(0x61, 0x45, request[2], request[3], request[4], 0xff, 0, 0, 1, 2);
    host.receive(server.seal(head));
    expect(host.events).toContainEqual({ kind: EventKind.Time, seconds: 258 });
    host.receive(server.seal(Buffer.from("4103000933b1734101", "hex")));
    expect(host.events).toContainEqual({ kind: EventKind.Signal, on: true });
    expect(host.messages(server).map(String)).toEqual([String(Buffer.from("6144000933", "hex"))]);
    host.receive(server.seal(server.message(0, 0, "", 0x4321)));
    expect(host.messages(server)).toEqual([Buffer.from("60004321", "hex")]);
  });

  test("goodbye is not confirmable and asks for no answer; then the connection closes", () => {
    const { host, server } = settled();
    host.core.disconnect(2, 0, host.now);
    host.drain();
    const [goodbye] = host.messages(server);
    expect(goodbye[0]).toBe(0x50);
    expect(goodbye.subarray(4).toString("hex")).toBe("b178d0eaff0102");
    expect(host.last).toMatchObject({
      state: ConnectionState.Disconnected,
      reason: Reason.Requested,
    });
    expect(host.linkOpen).toBe(false);
  });

  test("a key change is acknowledged, then a new handshake", () => {
    const { host, server } = settled();
    host.receive(server.seal(Buffer.from("40030009b16b4101", "hex")));
    expect(host.messages(server)).toEqual([Buffer.from("60000009", "hex")]);
    expect(host.last.reason).toBe(Reason.HandshakeBecauseKeyChange);
    expect(host.state).toBe(ConnectionState.Handshake);
  });

  test("a server's move is refused", () => {
    const { host, server } = settled();
    const payload = Buffer.alloc(8, 1);
    host.receive(server.seal(Buffer.concat([Buffer.from("4102000944b14dff", "hex"), payload])));
    expect(host.messages(server).every(([, code]) => code === 0 || code >= 0x80)).toBe(true);
    expect(host.events.some(({ kind }) => kind === EventKind.ServerMoved)).toBe(false);
  });
});

describe("keepalive", () => {
  const isPing = (message: Buffer): boolean => message.length === 4 && message[0] === 0x40;

  test("pings after 15 s of silence, and gives up 10 s later", () => {
    const { host, server } = settled();
    host.run(14_999);
    expect(host.messages(server)).toEqual([]);
    host.run(1);
    expect(host.messages(server).filter(isPing)).toHaveLength(1);
    host.run(9_999);
    expect(host.state).toBe(ConnectionState.Connected);
    host.run(1);
    expect(host.events.slice(-6)).toContainEqual({
      kind: EventKind.Connection,
      state: ConnectionState.Disconnected,
      reason: Reason.PingTimeout,
      status: Status.MessageTimeout,
    });
    expect(host.state).toBe(ConnectionState.Handshake);
  });

  test("anything received counts as the answer", () => {
    const { host, server } = settled();
    host.run(15_000);
    expect(host.messages(server).filter(isPing)).toHaveLength(1);
    host.run(5_000).receive(server.seal(server.message(0, 0)));
    host.messages(server);
    host.run(14_999);
    expect(host.state).toBe(ConnectionState.Connected);
    expect(host.written).toEqual([]);
    host.run(1);
    expect(host.messages(server).filter(isPing)).toHaveLength(1);
  });

  test("0 sends none", () => {
    const { host } = settled();
    host.core.exports.set_keepalive(0);
    host.run(3_600_000);
    expect(host.take()).toEqual([]);
    expect(host.state).toBe(ConnectionState.Connected);
  });
});

describe("transport", () => {
  test("is chosen before connecting", () => {
    const { host } = connectedTcp();
    const { set_transport } = host.core.exports;
    expect(set_transport!(1)).toBe(Status.InvalidState);
    expect(set_transport!(3 as 1)).toBe(Status.InvalidArgument);
    host.core.disconnect(0, 0, host.now);
    host.drain();
    expect(set_transport!(1)).toBe(Status.Ok);
  });

  test("datagrams mean nothing over TCP, bytes of a stream nothing over UDP", () => {
    const { host, server } = connectedTcp();
    host.take();
    host.core.handleDatagram(server.seal(server.message(0, 0)), host.now);
    host.drain();
    expect(host.take()).toEqual([]);
    host.core.disconnect(0, 0, host.now);
    host.drain();
    host.core.exports.set_transport!(1);
    expect(host.core.exports.handle_stream!(10, host.now)).toBe(Status.InvalidArgument);
  });
});

describe("the module without TCP", () => {
  const build = path.join(__dirname, "../../build");
  const OURS =
    /assembly\/(?:rsa-aes|stream|crypto\/(?:rsa|sha1|hmac-sha1|montgomery|pkcs1|cbc|aes-inverse))/;

  test.each(["boson", "boson-standard"])("%s has no function, table or export of it", (name) => {
    const text = readFileSync(path.join(build, `${name}.wat`), "utf8");
    expect(text).not.toMatch(OURS);
    const bytes = readFileSync(path.join(build, `${name}.wasm`));
    // rsaEncryption, 1.2.840.113549.1.1.1
    expect(bytes.indexOf(Buffer.from("2a864886f70d010101", "hex"))).toBe(-1);
    const exported = WebAssembly.Module.exports(new WebAssembly.Module(bytes));
    expect(exported.map((entry) => entry.name)).not.toContain("handle_stream");
  });

  test("and the one with it has", () => {
    expect(readFileSync(path.join(build, "boson-tcp.wat"), "utf8")).toMatch(OURS);
  });
});
