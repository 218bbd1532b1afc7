// The echo server that the conformance suite of the HAL talks to. The rules stand in
// tests/hal/conformance.h.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { createServer } from "node:net";
import type { AddressInfo, Socket as StreamSocket } from "node:net";

export function bindLoopback(): Promise<Socket> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => socket.bind(0, "127.0.0.1", () => resolve(socket)));
}

export async function startEcho(): Promise<{ port: number; stop: () => void }> {
  const [echo, stranger] = await Promise.all([bindLoopback(), bindLoopback()]);
  echo.on("message", (datagram, { port, address }) => {
    const text = datagram.toString();
    if (text === "silence") return;
    if (text === "stranger") stranger.send(datagram, port, address);
    else if (text === "long") echo.send(Buffer.alloc(1600), port, address);
    else if (text === "empty") {
      echo.send("", port, address, () => echo.send("after", port, address));
    } else echo.send(datagram, port, address);
  });
  const stop = (): void => void [echo, stranger].forEach((socket) => socket.close());
  return { port: echo.address().port, stop };
}

/** A port where nobody listens. */
export async function closedPort(): Promise<number> {
  const socket = await bindLoopback();
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** The same on TCP. */
export async function startStreamEcho(): Promise<{ port: number; stop: () => void }> {
  const sockets = new Set<StreamSocket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (bytes) => {
      const text = bytes.length < 10 ? bytes.toString() : "";
      socket.write(bytes);
      if (text === "many") socket.write(Buffer.alloc(100_000).map((_, i) => i));
      if (text === "close") socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}
