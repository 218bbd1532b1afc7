// The socket of one device: UDP over IPv4, outbound, on an ephemeral port, connected to its peer so
// that the kernel drops datagrams of anyone else.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { lookup } from "node:dns/promises";

export interface LinkHandlers {
  datagram(datagram: Uint8Array): void;
  failed(error: Error): void;
}

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
      socket.once("error", reject);
      socket.connect(port, address, () => {
        socket.off("error", reject);
        resolve();
      });
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
