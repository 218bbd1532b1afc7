// What a wrong, damaged or hostile server does to a device on TCP: the named outcome, nothing sent but
// the handshake, no key left in memory.

import { constants, createHash, privateEncrypt, publicEncrypt, randomBytes } from "node:crypto";

import { ConnectionState, EventKind, Reason, Status } from "../../bindings/node";
import { TcpHost, connectedTcp, tcpStorage } from "../support/tcp-host";
import { TcpServer, tcpTestKeys } from "../support/tcp-server";

/** The device has answered the nonce. */
function waiting(server: TcpServer, host = new TcpHost()): TcpHost {
  host.connect().receive(server.nonce);
  const pieces = host.take();
  expect(pieces.map(({ length }) => length)).toEqual([256]);
  return host;
}

/** Parts of the keys that must not be found: session, its bytes, and the device's private numbers. */
function expectWiped(host: TcpHost, server: TcpServer): void {
  const memory = host.memory();
  const { p, q, d, dp, dq } = server.device.parts;
  const { session } = server;
  const secrets = [session.subarray(0, 16), session.subarray(16, 32), session.subarray(32)];
  for (const secret of [...secrets, p, q, d, dp, dq].map((part) => part.subarray(0, 8))) {
    expect(memory.indexOf(secret)).toBe(-1);
    expect(memory.indexOf(Buffer.from(secret).reverse())).toBe(-1);
  }
}

function expectRefused(host: TcpHost, server: TcpServer, status: Status): void {
  expect(host.last).toMatchObject({
    state: ConnectionState.Disconnected,
    reason: Reason.HandshakeFailed,
    status,
  });
  expect(host.linkOpen).toBe(false);
  expect(host.take()).toEqual([]);
  expectWiped(host, server);
}

describe("a wrong handshake", () => {
  test("another server's key is pinned: the signature is not of it", () => {
    const { device, otherServer } = tcpTestKeys();
    const server = new TcpServer();
    const storage = tcpStorage(device.pkcs1, otherServer.spki);
    const host = waiting(server, new TcpHost({ storage }));
    host.receive(server.sessionMessage());
    expectRefused(host, server, Status.AuthenticationFailed);
  });

  test("encrypted for another device", () => {
    const server = new TcpServer({ device: tcpTestKeys().other });
    const host = waiting(new TcpServer());
    host.receive(server.sessionMessage());
    expectRefused(host, server, Status.DecryptionFailed);
  });

  test("every byte of the session message, changed", () => {
    const server = new TcpServer();
    const message = server.sessionMessage();
    const statuses: Record<number, number> = {};
    for (let at = 0; at < 384; at++) {
      const changed = Buffer.from(message);
      changed[at] ^= 1 << (at % 8);
      const host = waiting(server);
      host.receive(changed);
      const status = at < 128 ? Status.DecryptionFailed : Status.AuthenticationFailed;
      expect({ at, status: host.last.status }).toEqual({ at, status });
      expectRefused(host, server, status);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    expect(Object.values(statuses).sort((a, b) => a - b)).toEqual([128, 256]);
  });

  const block = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
  const filling = (length: number): Buffer => Buffer.alloc(length, 0x33);
  const session = randomBytes(40);
  const blocks: [string, Buffer][] = [
    ["39 bytes", block(Buffer.of(0, 2), filling(86), Buffer.of(0), session.subarray(1))],
    ["41 bytes", block(Buffer.of(0, 2), filling(84), Buffer.of(0, 1), session)],
    ["type 1", block(Buffer.of(0, 1), Buffer.alloc(85, 255), Buffer.of(0), session)],
    ["type 0", block(Buffer.of(0, 0), Buffer.alloc(85, 0), Buffer.of(0), session)],
    ["no zero behind the padding", block(Buffer.of(0, 2), filling(86), session)],
    ["a zero in the padding", block(Buffer.of(0, 2, 9, 9, 0), filling(82), Buffer.of(0), session)],
  ];
  test.each(blocks)("a session block of %s", (_, content) => {
    const server = new TcpServer({ session });
    const host = waiting(server);
    host.receive(server.sessionMessage(session, content));
    expectRefused(host, server, Status.DecryptionFailed);
  });

  test("bad padding is not seen in what the device does: the signature is verified all the same", () => {
    const server = new TcpServer();
    const outcomes = [padded(server, 2), padded(server, 1)].map((content) => {
      const storage = tcpStorage();
      const reads: number[] = [];
      const read = storage.read.bind(storage);
      const host = waiting(server, new TcpHost({ storage }));
      storage.read = (slot) => (reads.push(slot), read(slot));
      const message = server.sessionMessage(server.session, content);
      message[200] ^= 1;
      host.receive(message);
      return { reads, status: host.last.status };
    });
    expect(outcomes).toEqual([
      { reads: [1, 2], status: Status.AuthenticationFailed },
      { reads: [1, 2], status: Status.DecryptionFailed },
    ]);
  });

  const padded = ({ session: content }: TcpServer, type: number): Buffer =>
    block(Buffer.of(0, type), filling(85), Buffer.of(0), content);

  test("signatures of anything else", () => {
    const server = new TcpServer();
    const { privateKey, parts } = server.server;
    const sealed = server.sessionMessage().subarray(0, 128);
    const digestInfo = Buffer.from("3021300906052b0e03021a05000414", "hex");
    const padding = constants.RSA_PKCS1_PADDING;
    const signatures: Record<string, Buffer> = {
      "of another MAC": server.sign(randomBytes(20)),
      "with DigestInfo": server.sign(Buffer.concat([digestInfo, randomBytes(20)])),
      "of the ciphertext's hash": server.sign(createHash("sha1").update(sealed).digest()),
      "of type 2": publicEncrypt({ key: server.server.publicKey, padding }, randomBytes(20)),
      "of another key": privateEncrypt(
        { key: tcpTestKeys().otherServer.privateKey, padding },
        randomBytes(20),
      ),
      "not below the modulus": parts.n,
      zeros: Buffer.alloc(256),
      one: Buffer.concat([Buffer.alloc(255), Buffer.of(1)]),
    };
    expect(privateKey.type).toBe("private");
    for (const signature of Object.values(signatures)) {
      const host = waiting(server);
      host.receive(Buffer.concat([sealed, signature]));
      expectRefused(host, server, Status.AuthenticationFailed);
    }
  });

  test("a ciphertext that is not below the modulus", () => {
    const server = new TcpServer();
    const host = waiting(server);
    const message = server.sessionMessage();
    server.device.parts.n.copy(message);
    host.receive(message);
    expectRefused(host, server, Status.DecryptionFailed);
  });

  test("the answer to another device's nonce is another device's: not of this connection", () => {
    // The server answers what it decrypts; the device must have sent the nonce that it got.
    const [first, second] = [new TcpServer(), new TcpServer()];
    const host = new TcpHost();
    host.connect().receive(first.nonce);
    const [keyMessage] = host.take();
    expect(first.openKeyMessage(keyMessage).subarray(0, 40)).toEqual(first.nonce);
    expect(second.openKeyMessage(keyMessage).subarray(0, 40)).not.toEqual(second.nonce);
  });

  test("a random source that fails", () => {
    const server = new TcpServer();
    let broken = false;
    const host = new TcpHost({
      random: (buffer) => {
        if (broken) throw new Error("broken");
        buffer.fill(7);
      },
    });
    broken = true;
    host.connect().receive(server.nonce);
    expect(host.last.status).toBe(Status.RandomFailure);
    expect(host.take()).toEqual([]);
  });

  test("keys that are gone from storage", () => {
    for (const slot of [1, 2]) {
      const server = new TcpServer();
      const storage = tcpStorage();
      const host = new TcpHost({ storage });
      storage.slots.delete(slot);
      host.connect().receive(server.nonce);
      const status = slot === 1 ? Status.InvalidPrivateKey : Status.InvalidPublicKey;
      expect(host.last).toMatchObject({ reason: Reason.HandshakeFailed, status });
      expect(host.take()).toEqual([]);
    }
  });
});

describe("a stream that ends", () => {
  /** Everything that the server sends up to the connection, and where the device must answer. */
  function pieces(server: TcpServer): Buffer[] {
    return [server.nonce, server.sessionMessage(), server.hello()];
  }

  test.each(["closes", "stays silent"])("at every byte, and the server %s", (how) => {
    const server = new TcpServer();
    const [nonce, session, hello] = pieces(server);
    const total = nonce.length + session.length + hello.length;
    const counts: Record<string, number> = {};
    for (let length = 0; length < total; length++) {
      const host = new TcpHost().connect();
      let left = length;
      for (const piece of [nonce, session, hello]) {
        host.receive(piece.subarray(0, left));
        left = Math.max(left - piece.length, 0);
      }
      const inFrame = length > nonce.length + session.length;
      const written = host.take().length;
      expect(written).toBe(length < 40 ? 0 : length < 424 ? 1 : 2);
      if (how === "closes") host.hangUp();
      else host.run(length < 424 ? 20_000 : 4_000);
      const { reason, status, state } = host.last;
      expect(state).toBe(ConnectionState.Disconnected);
      expect(host.take()).toEqual([]);
      expectWiped(host, server);
      const what = `${Reason[reason]} ${Status[status]}${inFrame ? " in a frame" : ""}`;
      counts[what] = (counts[what] ?? 0) + 1;
    }
    expect(counts).toEqual(
      how === "closes"
        ? { "LinkLost Ok": 425, "LinkLost Ok in a frame": 17 }
        : {
            "HandshakeFailed NonceTimeout": 40,
            "HandshakeFailed SessionTimeout": 384,
            "HelloTimeout MessageTimeout": 1,
            "HelloTimeout MessageTimeout in a frame": 17,
          },
    );
  });

  test("in a frame of a connection that stands: 20 s from its first byte", () => {
    const { host, server } = connectedTcp();
    host.messages(server);
    const bytes = server.seal(server.message(0, 0));
    for (const byte of bytes.subarray(0, -1)) host.receive(Buffer.of(byte)).run(100);
    host.core.exports.set_keepalive(0);
    host.run(20_000 - 17 * 100 - 1);
    expect(host.state).toBe(ConnectionState.Connected);
    host.run(1);
    expect(host.last).toMatchObject({
      state: ConnectionState.Disconnected,
      reason: Reason.ChannelFailed,
      status: Status.FrameTimeout,
    });
    expectWiped(host, server);
  });
});

describe("frames", () => {
  function expectBroken(host: TcpHost, server: TcpServer, status: Status): void {
    expect(host.last).toMatchObject({
      state: ConnectionState.Disconnected,
      reason: Reason.ChannelFailed,
      status,
    });
    expect(host.linkOpen).toBe(false);
    expect(host.take()).toEqual([]);
    expectWiped(host, server);
  }

  function ready(): { host: TcpHost; server: TcpServer } {
    const connected = connectedTcp();
    connected.host.take();
    return connected;
  }

  test.each([
    ...[0, 1, 15, 17, 767].map((length) => [length, Status.FrameMalformed]),
    ...[769, 783, 784, 800, 1024, 4096, 65520, 65535].map((length) => [
      length,
      Status.FrameTooLong,
    ]),
  ])("of length %d", (length, status) => {
    const { host, server } = ready();
    host.receive(Buffer.of(length >> 8, length & 255));
    expectBroken(host, server, status);
    // The rest of it is nobody's business any more.
    expect(host.core.handleStream(Buffer.alloc(500), host.now)).toBe(500);
  });

  test("the longest that is allowed, in one piece and in single bytes", () => {
    const { host, server } = ready();
    host.core.subscribe("e", 0x62, host.now);
    host.drain();
    // POST /E/e: header 4, options and marker 5.
    const rest = Buffer.concat([Buffer.from("b1450165ff", "hex"), Buffer.alloc(758, 0x61)]);
    for (const size of [800, 1]) {
      const sealed = server.seal(server.message(1, 2, rest));
      expect(sealed.length).toBe(770);
      for (let at = 0; at < sealed.length; at += size) host.receive(sealed.subarray(at, at + size));
    }
    const received = host.events.filter(({ kind }) => kind === EventKind.EventReceived);
    expect(received).toHaveLength(2);
    expect(host.state).toBe(ConnectionState.Connected);
  });

  const ping = Buffer.from("40000001", "hex");

  test("every wrong padding", () => {
    let wrong = 0;
    for (let last = 0; last < 256; last++) {
      for (const before of [last, last ^ 1]) {
        const plain = Buffer.concat([ping, Buffer.alloc(28, before)]);
        plain[31] = last;
        const isRight = last >= 1 && last <= 16 && (before === last || last === 1);
        if (isRight) continue;
        const { host, server } = ready();
        host.receive(server.seal(plain, true));
        expectBroken(host, server, Status.BadPadding);
        wrong++;
      }
    }
    expect(wrong).toBe(512 - 17);
  });

  test("of padding only", () => {
    const { host, server } = ready();
    host.receive(server.seal(Buffer.alloc(16, 16), true));
    expectBroken(host, server, Status.FrameMalformed);
  });

  test.each(["00", "40", "c0000001", "49000001", "4102000107b1", "40000001ff", "40010001e0"])(
    "with what is not CoAP: %s",
    (message) => {
      const { host, server } = ready();
      host.receive(server.seal(Buffer.from(message, "hex")));
      expectBroken(host, server, Status.MalformedMessage);
    },
  );

  test("sealed with another key, or out of their chain", () => {
    const { host, server } = ready();
    const other = new TcpServer();
    host.receive(other.seal(other.message(0, 0)));
    expect([Status.BadPadding, Status.MalformedMessage]).toContain(host.last.status);
    expectWiped(host, server);

    const second = ready();
    const replayed = second.server.seal(second.server.message(0, 0));
    second.host.receive(replayed);
    expect(second.host.state).toBe(ConnectionState.Connected);
    second.host.take();
    // A frame again: the chain makes other bytes of its first block, and CoAP or padding refuses most.
    second.host.receive(replayed);
    expect(second.host.last.state).toBe(ConnectionState.Disconnected);
  });

  test("bytes of a frame that came at once with the session message", () => {
    const server = new TcpServer();
    const host = waiting(server);
    host.receive(Buffer.concat([server.sessionMessage(), server.hello()]));
    expect(host.state).toBe(ConnectionState.Connected);
  });
});
