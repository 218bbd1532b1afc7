// The stream cut into one, two and three pieces at every byte of the handshake. That three pieces leave
// the same state as one is seen in the whole state of the core, so that RSA need not run each time.

import { ConnectionState } from "../../bindings/node";
import { Snapshot, openModule } from "../support/snapshot";
import { TCP_CORE_FILE, TcpHost } from "../support/tcp-host";
import { TcpServer } from "../support/tcp-server";

const server = new TcpServer();
const nonce = server.nonce;
const session = server.sessionMessage();
const hello = server.hello();
const opened = openModule(TCP_CORE_FILE);

/** Where the host writes what it has read; it holds the last piece, whichever that was. */
function withoutInput(snapshot: Snapshot, host: TcpHost): string {
  const { exports } = host.core;
  const memory = Buffer.from(snapshot.memory);
  memory.fill(0, exports.rx_buffer(), exports.rx_buffer() + exports.rx_capacity());
  return `${memory.toString("latin1")} ${[...snapshot.globals].join()}`;
}

/** All ways to cut bytes into one, two or three pieces. */
function* cutInThree(bytes: Buffer): Generator<Buffer[]> {
  for (let i = 1; i <= bytes.length; i++) {
    for (let j = i; j <= bytes.length; j++) {
      const parts = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)];
      yield parts.filter(({ length }) => length > 0);
    }
  }
}

/** A device that waits for `nonce`, `session` or `hello`. */
function stationBefore(piece: Buffer): { host: TcpHost; snapshot: Snapshot } {
  const host = new TcpHost({ module: opened }).connect();
  if (piece !== nonce) host.receive(nonce);
  if (piece === hello) host.receive(session);
  host.take();
  return { host, snapshot: Snapshot.take(host.core) };
}

describe.each([
  ["nonce", nonce, 256],
  ["session message", session, 34],
  ["server's Hello", hello, undefined],
])("the %s", (_name, piece, answer) => {
  test("in one, two and three pieces, cut at every byte", () => {
    const { host, snapshot } = stationBefore(piece);
    const last = piece.length - 1;
    // All but the last byte: the state must not depend on the cuts.
    host.core.handleStream(piece.subarray(0, last), host.now);
    const whole = withoutInput(Snapshot.take(host.core), host);
    let cuts = 0;
    for (const parts of cutInThree(piece.subarray(0, last))) {
      snapshot.restore(host.core);
      const taken = parts.map((part) => host.core.handleStream(part, host.now));
      const state = withoutInput(Snapshot.take(host.core), host);
      const isSame = state === whole && parts.every(({ length }, i) => taken[i] === length);
      if (!isSame) throw new Error(`cut after ${parts.map(({ length }) => length).join(", ")}`);
      cuts++;
    }
    expect(cuts).toBe((last * (last + 1)) / 2);
    // And the last byte completes it.
    host.receive(piece.subarray(last));
    const [written] = host.take();
    if (answer) expect(written.length).toBe(answer);
    else expect(host.state).toBe(ConnectionState.Connected);
  });

  test("in two and three pieces with RSA, cut at every seventh byte", () => {
    const { host, snapshot } = stationBefore(piece);
    for (let i = 1; i < piece.length; i += 7) {
      snapshot.restore(host.core);
      host.take();
      const j = Math.min(i + (i % 11), piece.length);
      for (const part of [piece.subarray(0, i), piece.subarray(i, j), piece.subarray(j)]) {
        host.receive(part);
      }
      const [written] = host.take();
      if (answer) expect(written.length).toBe(answer);
      else expect(host.state).toBe(ConnectionState.Connected);
    }
  });
});

test("every byte alone, and all of the server's bytes in one piece", () => {
  const single = new TcpHost().connect();
  for (const byte of Buffer.concat([nonce, session, hello])) single.receive(Buffer.of(byte));
  expect(single.state).toBe(ConnectionState.Connected);
  const whole = new TcpHost().connect();
  whole.receive(Buffer.concat([nonce, session, hello]));
  expect(whole.state).toBe(ConnectionState.Connected);
  expect(whole.written.map(({ length }) => length)).toEqual(
    single.written.map(({ length }) => length),
  );
});

test.each([40, 424])("a piece that goes on over the boundary at %d", (boundary) => {
  const bytes = Buffer.concat([nonce, session, hello]);
  for (const around of cutInThree(bytes.subarray(boundary - 3, boundary + 4))) {
    const host = new TcpHost().connect();
    host.receive(bytes.subarray(0, boundary - 3));
    for (const part of around) host.receive(part);
    host.receive(bytes.subarray(boundary + 4));
    expect(host.state).toBe(ConnectionState.Connected);
  }
});
