// The socket of one device, outbound over IPv4, on an ephemeral port: UDP, connected to its peer so
// that the kernel drops datagrams of anyone else, or TCP.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { connect } from "node:net";
import type { Socket as StreamSocket } from "node:net";

export interface LinkHandlers {
  datagram(datagram: Uint8Array): void;
  failed(error: Error): void;
}

export interface StreamHandlers {
  /** Bytes of the stream, cut anywhere. */
  bytes(bytes: Uint8Array): void;
  /** The connection is gone, whoever has ended it. */
  failed(): void;
}

/** How long a TCP connection may take to come about, ms. */
const CONNECT_TIMEOUT = 20_000;

/** "a.b.c.d:port" as the 6 bytes that the core keeps with the session, and back. */
export function encodeAddress(host: string, port: number): Uint8Array {
  return Uint8Array.from([...host.split(".").map(Number), port >>> 8, port & 0xff]);
}

export function decodeAddress(address: Uint8Array): { host: string; port: number } | undefined {
  if (address.length !== 6) return undefined;
  return { host: address.slice(0, 4).join("."), port: (address[4] << 8) | address[5] };
}

export class Link {
  private constructor(
    private readonly socket: Socket,
    /** The peer's address as the core keeps it. */
    readonly address: Uint8Array,
  ) {}

  /** Resolve the name (IPv4 only) and open a socket. */
  static async open(host: string, port: number, handlers: LinkHandlers): Promise<Link> {
    const { address } = await lookup(host, { family: 4 });
    const socket = createSocket("udp4");
    await new Promise<void>((resolve, reject) => {
      // An error comes to the callback, not as an event; the types do not say so.
      const connected = (error?: Error): void => {
        if (!error) return resolve();
        socket.close();
        reject(error);
      };
      socket.connect(port, address, connected);
    });
    socket.on("message", (datagram) => handlers.datagram(datagram));
    socket.on("error", (error) => handlers.failed(error));
    return new Link(socket, encodeAddress(address, port));
  }

  get localPort(): number {
    return this.socket.address().port;
  }

  /** Send; a refused or unreachable peer is the retransmission's business, not an error here. */
  send(datagram: Uint8Array): void {
    this.socket.send(datagram, () => {});
  }

  close(): void {
    this.socket.removeAllListeners("message");
    this.socket.removeAllListeners("error");
    this.socket.on("error", () => {});
    this.socket.close();
  }
}

/** A TCP connection. What it is told to send goes out whole, in this order, or it fails. */
export class StreamLink {
  private constructor(
    private readonly socket: StreamSocket,
    /** The peer's address as the core keeps it. */
    readonly address: Uint8Array,
  ) {}

  /** Resolve the name (IPv4 only) and connect. */
  static async open(host: string, port: number, handlers: StreamHandlers): Promise<StreamLink> {
    const { address } = await lookup(host, { family: 4 });
    const socket = connect({ host: address, port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.setTimeout(CONNECT_TIMEOUT, () => socket.destroy(new Error("no connection in time")));
      socket.once("connect", () => {
        socket.off("error", reject);
        socket.setTimeout(0);
        socket.removeAllListeners("timeout");
        resolve();
      });
    });
    socket.on("data", (bytes) => handlers.bytes(bytes));
    // "close" follows an error.
    socket.on("error", () => {});
    socket.on("close", () => handlers.failed());
    return new StreamLink(socket, encodeAddress(address, port));
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Close when what was sent is out. */
  close(): void {
    this.socket.removeAllListeners("data");
    this.socket.removeAllListeners("close");
    this.socket.resume();
    this.socket.destroySoon();
  }
}
