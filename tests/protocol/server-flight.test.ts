// How a handshake ends when the server does not play by the rules: each message of its flight changed
// in each way that matters, with the status that it is reported by and the alert that the server gets.

import { sign } from "node:crypto";

import { ConnectionState } from "../../bindings/node";
import type { Status } from "../../bindings/node";
import { ByteReader, uint, vector } from "../../cloud/bytes";
import type { HandshakeMessage } from "../../cloud/dtls/handshake-message";
import { AlertDescription, ContentType, HandshakeType } from "../../cloud/dtls/protocol";
import { sealRecord } from "../../cloud/dtls/record";
import { datagramOf, serverFlight } from "../support/flights";
import { ends, plainAlerts, sealsAnything } from "../support/history";
import { wireRecords } from "../support/wire";
import { DEVICE_ID, World } from "../support/world";

/** A handshake in which the server's first flight is changed; then one with a server that is well. */
function handshake(change: (messages: HandshakeMessage[], world: World) => HandshakeMessage[]): {
  status: string;
  alert: number | undefined;
} {
  const world = new World();
  world.tamper = (direction, bytes) => {
    const messages = direction === "down" ? serverFlight(bytes) : undefined;
    return messages ? datagramOf(change(messages, world)) : bytes;
  };
  world.connect();
  world.run(900);
  expect(world.state).toBe(ConnectionState.Disconnected);
  expect(sealsAnything(world)).toBe(false);
  const [end, ...others] = ends(world);
  const alerts = plainAlerts(world);
  expect(others).toEqual([]);
  expect(alerts.length).toBeLessThanOrEqual(1);
  world.tamper = (_direction, bytes) => bytes;
  world.run(2000);
  expect(world.state).toBe(ConnectionState.Connected);
  expect(end).toMatch(/^HandshakeFailed /);
  return { status: end.split(" ")[1], alert: alerts[0] };
}

/** The parts of a ServerHello, to be put together in another way. */
interface Hello {
  version: Buffer;
  random: Buffer;
  sessionId: Buffer;
  suite: Buffer;
  compression: Buffer;
  extensions: [number, Buffer][];
}

function decodeHello(body: Buffer): Hello {
  const reader = new ByteReader(body);
  const take = (length: number): Buffer => Buffer.from(reader.take(length));
  const fixed = { version: take(2), random: take(32), sessionId: Buffer.from(reader.vector(1)) };
  const choice = { suite: take(2), compression: take(1) };
  const extensions: [number, Buffer][] = [];
  const list = new ByteReader(reader.vector(2));
  while (list.remaining > 0) extensions.push([list.uint(2), Buffer.from(list.vector(2))]);
  return { ...fixed, ...choice, extensions };
}

function encodeHello(hello: Hello): Buffer {
  const extensions = hello.extensions.map(([type, value]) =>
    Buffer.concat([uint(type, 2), vector(2, value)]),
  );
  return Buffer.concat([
    hello.version,
    hello.random,
    vector(1, hello.sessionId),
    hello.suite,
    hello.compression,
    vector(2, ...extensions),
  ]);
}

describe("a ServerHello", () => {
  const without = (type: number) => (hello: Hello) => {
    hello.extensions = hello.extensions.filter(([other]) => other !== type);
  };
  const replace = (type: number, value: string) => (hello: Hello) => {
    const known = hello.extensions.find(([other]) => other === type);
    if (known) known[1] = Buffer.from(value, "hex");
    else hello.extensions.push([type, Buffer.from(value, "hex")]);
  };
  const CID = 254;
  const cases: [string, (hello: Hello) => void, keyof typeof Status, AlertDescription | 110][] = [
    ["without a connection id", without(CID), "HandshakeFailure", 40],
    ["with a connection id of 0 bytes", replace(CID, "00"), "HandshakeFailure", 40],
    ["with a connection id of 4 bytes", replace(CID, "0401020304"), "HandshakeFailure", 40],
    [
      "with a connection id of 9 bytes",
      replace(CID, "09010203040506070809"),
      "HandshakeFailure",
      40,
    ],
    ["with a connection id of a wrong length", replace(CID, "080102030405"), "DecodeError", 50],
    ["with an empty connection id extension", replace(CID, ""), "DecodeError", 50],
    ["with the connection id of RFC 9146", replace(54, "080102030405060708"), "NotSupported", 110],
    ["without a client certificate type", without(19), "HandshakeFailure", 40],
    ["with X.509 for the client", replace(19, "00"), "HandshakeFailure", 40],
    ["with X.509 for the server", replace(20, "00"), "HandshakeFailure", 40],
    ["with two certificate types", replace(19, "0202"), "DecodeError", 50],
    ["with an extension that was not offered", replace(16, "0003026832"), "NotSupported", 110],
    ["with extended master secret, not offered", replace(23, ""), "NotSupported", 110],
    ["with renegotiation data", replace(0xff01, "0101"), "HandshakeFailure", 40],
    ["with compressed points only", replace(11, "0101"), "IllegalParameter", 47],
    ["with no point format", replace(11, "00"), "IllegalParameter", 47],
    ["with a broken point format list", replace(11, "0200"), "DecodeError", 50],
    [
      "with an extension twice",
      (hello) => hello.extensions.push(hello.extensions.find(([type]) => type === CID)!),
      "DecodeError",
      50,
    ],
    ["with no extensions", (hello) => (hello.extensions = []), "HandshakeFailure", 40],
    [
      "with another suite",
      (hello) => (hello.suite = Buffer.from("c023", "hex")),
      "IllegalParameter",
      47,
    ],
    [
      "with the PSK suite",
      (hello) => (hello.suite = Buffer.from("c0a8", "hex")),
      "IllegalParameter",
      47,
    ],
    [
      "with the SCSV as suite",
      (hello) => (hello.suite = Buffer.from("00ff", "hex")),
      "IllegalParameter",
      47,
    ],
    ["with compression", (hello) => (hello.compression = Buffer.of(1)), "IllegalParameter", 47],
    [
      "of DTLS 1.0",
      (hello) => (hello.version = Buffer.from("feff", "hex")),
      "IllegalParameter",
      47,
    ],
    [
      "of DTLS 1.3",
      (hello) => (hello.version = Buffer.from("fefc", "hex")),
      "IllegalParameter",
      47,
    ],
    [
      "with a session id of 33 bytes",
      (hello) => (hello.sessionId = Buffer.alloc(33)),
      "DecodeError",
      50,
    ],
  ];

  test.each(cases)("%s", (_name, change, status, alert) => {
    const outcome = handshake(([hello, ...messages]) => {
      const parts = decodeHello(hello.body);
      change(parts);
      return [{ ...hello, body: encodeHello(parts) }, ...messages];
    });
    expect(outcome).toEqual({ status, alert });
  });

  test("cut off at each byte, and with a byte too many", () => {
    const outcomes = new Set<string>();
    for (let cut = 0; cut < 70; cut++) {
      const { status, alert } = handshake(([hello, ...messages]) => {
        const body =
          cut === 0 ? Buffer.concat([hello.body, Buffer.of(0)]) : hello.body.subarray(0, -cut);
        return [{ ...hello, body }, ...messages];
      });
      outcomes.add(`${status} ${alert}`);
    }
    expect([...outcomes].sort()).toEqual(["DecodeError 50", "HandshakeFailure 40"]);
  });

  test("with session id, point formats and empty renegotiation_info, as genuine servers send it", () => {
    const world = new World();
    const changed: Buffer[] = [];
    world.tamper = (direction, bytes) => {
      const messages = direction === "down" ? serverFlight(bytes) : undefined;
      if (!messages) return bytes;
      const parts = decodeHello(messages[0].body);
      parts.sessionId = Buffer.alloc(32, 7);
      replace(11, "0100")(parts);
      changed.push(encodeHello(parts));
      return datagramOf([{ ...messages[0], body: changed[0] }, ...messages.slice(1)]);
    };
    world.connect();
    world.run(900);
    // The cloud cannot agree, since it said something else; but the device went on to its final flight.
    expect(changed).toHaveLength(1);
    expect(world.cloudLog[0]).toMatch(/CertificateVerify of device .* is wrong$/);
  });
});

describe("a ServerKeyExchange", () => {
  /** Sign other parameters with the server's genuine key. */
  function signed(world: World, parameters: Buffer, algorithm = 0x0403): Buffer {
    const hellos = world.sent.flatMap(({ direction, bytes }) =>
      direction === "up" && bytes[13] === HandshakeType.ClientHello ? [bytes] : [],
    );
    const clientRandom = hellos[0].slice(27, 59);
    const flights = world.sent.flatMap(({ direction, bytes }) =>
      direction === "down" ? [serverFlight(bytes)] : [],
    );
    const serverRandom = flights.find((flight) => flight)![0].body.subarray(2, 34);
    const data = Buffer.concat([clientRandom, serverRandom, parameters]);
    const signature = sign("sha256", data, world.serverKey.privateKey);
    return Buffer.concat([parameters, uint(algorithm, 2), vector(2, signature)]);
  }

  type Change = (body: Buffer, world: World) => Buffer;
  const at =
    (index: number, value: number): Change =>
    (body) => {
      const changed = Buffer.from(body);
      changed[index] = value;
      return changed;
    };
  const parameters =
    (change: (parameters: Buffer) => Buffer): Change =>
    (body, world) =>
      signed(world, change(Buffer.from(body.subarray(0, 69))));

  const cases: [string, Change, keyof typeof Status, number][] = [
    ["for another curve", at(2, 24), "IllegalParameter", 47],
    ["for an explicit curve", at(0, 1), "IllegalParameter", 47],
    ["with RSA", at(70, 1), "IllegalParameter", 47],
    ["with SHA-1", at(69, 2), "IllegalParameter", 47],
    ["with a changed point", at(20, 0xff), "AuthenticationFailed", 51],
    ["with a signature that is no DER", at(73, 0), "AuthenticationFailed", 51],
    [
      "with a genuine signature over a point that is not on the curve",
      parameters((p) => at(40, p[40] ^ 1)(p, undefined as never)),
      "IllegalParameter",
      47,
    ],
    [
      "with a genuine signature over the point at infinity",
      parameters((p) => Buffer.concat([p.subarray(0, 5), Buffer.alloc(64)])),
      "IllegalParameter",
      47,
    ],
    [
      "with a genuine signature over a compressed point",
      (body, world) =>
        signed(
          world,
          Buffer.concat([
            body.subarray(0, 3),
            vector(1, Buffer.concat([Buffer.of(2), body.subarray(5, 37)])),
          ]),
        ),
      "IllegalParameter",
      47,
    ],
    ["that is empty", () => Buffer.alloc(0), "DecodeError", 50],
    ["with a byte too many", (body) => Buffer.concat([body, Buffer.of(0)]), "DecodeError", 50],
    [
      "with no signature",
      (body) => Buffer.concat([body.subarray(0, 71), vector(2)]),
      "AuthenticationFailed",
      51,
    ],
    [
      "signed for another handshake",
      (body, world) => {
        const data = Buffer.concat([Buffer.alloc(64), body.subarray(0, 69)]);
        const signature = sign("sha256", data, world.serverKey.privateKey);
        return Buffer.concat([body.subarray(0, 71), vector(2, signature)]);
      },
      "AuthenticationFailed",
      51,
    ],
  ];

  test.each(cases)("%s", (_name, change, status, alert) => {
    const outcome = handshake(([hello, exchange, ...messages], world) => [
      hello,
      { ...exchange, body: change(exchange.body, world) },
      ...messages,
    ]);
    expect(outcome).toEqual({ status, alert });
  });
});

describe("messages of the server", () => {
  const numbered = (messages: HandshakeMessage[]): HandshakeMessage[] =>
    messages.map((message, index) => ({
      ...message,
      messageSequence: messages[0].messageSequence + index,
    }));
  const certificate = {
    type: HandshakeType.Certificate,
    messageSequence: 0,
    body: vector(3, Buffer.alloc(91)),
  };
  type Change = (messages: HandshakeMessage[]) => HandshakeMessage[];
  const cases: [string, Change, keyof typeof Status, number][] = [
    [
      "a Certificate in between",
      ([hello, ...rest]) => numbered([hello, certificate, ...rest]),
      "UnexpectedMessage",
      10,
    ],
    [
      "no ServerKeyExchange",
      ([hello, , ...rest]) => numbered([hello, ...rest]),
      "UnexpectedMessage",
      10,
    ],
    [
      "no CertificateRequest",
      ([hello, exchange, , done]) => numbered([hello, exchange, done]),
      "UnexpectedMessage",
      10,
    ],
    [
      "ServerHello twice",
      ([hello, ...rest]) => numbered([hello, hello, ...rest]),
      "UnexpectedMessage",
      10,
    ],
    [
      "ServerHelloDone with content",
      ([hello, exchange, request, done]) => [
        hello,
        exchange,
        request,
        { ...done, body: Buffer.of(0) },
      ],
      "DecodeError",
      50,
    ],
    [
      "an empty CertificateRequest",
      ([hello, exchange, request, done]) => [
        hello,
        exchange,
        { ...request, body: Buffer.alloc(0) },
        done,
      ],
      "DecodeError",
      50,
    ],
    [
      "a plaintext Finished in place of ServerHelloDone",
      ([hello, exchange, request, done]) => [
        hello,
        exchange,
        request,
        { ...done, type: HandshakeType.Finished, body: Buffer.alloc(12) },
      ],
      "UnexpectedMessage",
      10,
    ],
    [
      "a message of an unknown type",
      ([hello, exchange, request, done]) => [hello, exchange, request, { ...done, type: 99 }],
      "UnexpectedMessage",
      10,
    ],
  ];

  test.each(cases)("%s", (_name, change, status, alert) => {
    expect(handshake(change)).toEqual({ status, alert });
  });
});

describe("the server's Finished", () => {
  /** Replace the content of the sealed record in the server's last flight. */
  function lastFlight(change: (message: Buffer) => Buffer): { world: World; end: string } {
    const world = new World();
    let done = false;
    world.tamper = (direction, bytes) => {
      if (direction === "up" || done || bytes[0] !== ContentType.ChangeCipherSpec) return bytes;
      done = true;
      const [session] = world.cloud["dtls"].sessions["byConnectionId"].values();
      world.sessions.set(session.connectionId.toString("hex"), session);
      const { serverWriteKey, serverWriteIv } = session["keys"];
      const [record] = wireRecords(world, world.sent.length - 1).filter(({ epoch }) => epoch === 1);
      const header = { type: record.type, epoch: 1, sequenceNumber: 50 };
      const key = { key: serverWriteKey, iv: serverWriteIv };
      const sealed = sealRecord(header, change(Buffer.from(record.content!)), key);
      return Buffer.concat([bytes.slice(0, 14), sealed]);
    };
    world.connect();
    world.run(900);
    return { world, end: ends(world)[0] };
  }

  test("with another verify_data: decrypt_error, sealed; nothing else was sent", () => {
    const { world, end } = lastFlight((message) => {
      message[20] ^= 1;
      return message;
    });
    expect(end).toBe("HandshakeFailed AuthenticationFailed");
    const sealed = wireRecords(world).filter(
      ({ direction, epoch }) => direction === "up" && epoch === 1,
    );
    expect(sealed.map(({ contentType }) => contentType)).toEqual([22, 21]);
    expect([...sealed[1].content!]).toEqual([2, AlertDescription.DecryptError]);
    expect(world.cloud.device(DEVICE_ID).connected).toBe(false);
    world.run(3000);
    expect(world.state).toBe(ConnectionState.Connected);
  });

  test("of another length, or another message in its place", () => {
    const shorter = lastFlight((message) => {
      message.writeUIntBE(11, 1, 3);
      message.writeUIntBE(11, 9, 3);
      return message.subarray(0, -1);
    });
    expect(shorter.end).toBe("HandshakeFailed DecodeError");
    const other = lastFlight((message) => {
      message[0] = HandshakeType.CertificateVerify;
      return message;
    });
    expect(other.end).toBe("HandshakeFailed UnexpectedMessage");
  });
});
