// A UDP relay on loopback that can change the port from which it reaches the server, as a NAT does.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";

const HOST = "127.0.0.1";

async function bind(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, HOST);
  await once(socket, "listening");
  return socket;
}

export class Relay {
  private readonly closed: Socket[] = [];

  private constructor(
    private readonly front: Socket,
    private back: Socket,
    private readonly serverPort: number,
  ) {
    let client: number | undefined;
    front.on("message", (datagram, { port }) => {
      client = port;
      this.back.send(datagram, this.serverPort, HOST);
    });
    this.answer = (datagram) => {
      if (client !== undefined) front.send(datagram, client, HOST);
    };
    back.on("message", this.answer);
  }

  private readonly answer: (datagram: Buffer) => void;

  static async start(serverPort: number): Promise<Relay> {
    return new Relay(await bind(), await bind(), serverPort);
  }

  /** Where clients reach the server. */
  get address(): { host: string; port: number } {
    return { host: HOST, port: this.front.address().port };
  }

  /** What the server takes for the client. */
  get source(): string {
    return `${HOST}:${this.back.address().port}`;
  }

  /** From now on the server sees another port; what it sends to the old one is lost. */
  async move(): Promise<void> {
    this.back.off("message", this.answer);
    this.closed.push(this.back);
    this.back = await bind();
    this.back.on("message", this.answer);
  }

  close(): void {
    for (const socket of [this.front, this.back, ...this.closed]) socket.close();
  }
}
