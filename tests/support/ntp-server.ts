// An NTP server on loopback that answers with what RFC 5905 §7.3 asks of one, or with nothing.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";

/** What it sends back to a request; any number of datagrams. */
export type Answers = (request: Buffer) => Buffer[];

/** The header of an answer: mode 4, stratum 2, and the request's transmit timestamp as origin. */
export function ntpAnswer(request: Buffer): Buffer {
  const answer = Buffer.alloc(48);
  answer[0] = (4 << 3) | 4;
  answer[1] = 2;
  request.copy(answer, 24, 40, 48);
  answer.writeUInt32BE(3_900_000_000, 40);
  return answer;
}

export class NtpServer {
  readonly requests: Buffer[] = [];
  private waiting: (() => void) | undefined;

  private constructor(private readonly socket: Socket) {}

  static async start(answers: Answers): Promise<NtpServer> {
    const socket = createSocket("udp4");
    const server = new NtpServer(socket);
    socket.on("message", (request, from) => {
      server.requests.push(request);
      for (const answer of answers(request)) socket.send(answer, from.port, from.address);
      server.waiting?.();
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return server;
  }

  get address(): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.socket.address().port };
  }

  /** Wait for the next request. */
  next(): Promise<void> {
    return new Promise((resolve) => (this.waiting = resolve));
  }

  stop(): void {
    this.socket.close();
  }
}
