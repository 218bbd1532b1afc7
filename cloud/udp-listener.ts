// Pumps a LocalCloud over a UDP socket. 127.0.0.1 unless asked otherwise: this is a development server.

import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { EngineTimer } from "./engine-timer";
import type { LocalCloud } from "./local-cloud";

/** The port that devices use unless they are told another. */
export const DEFAULT_PORT = 5684;

/**
 * Bytes that may wait in the socket, of which the system grants what it allows (socket(7), rmem_max). The usual default
 * on Linux holds some 300 small datagrams: a fleet that comes back at once would lose the rest, and repeat it.
 */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

export class UdpListener {
  private readonly socket: Socket = createSocket("udp4");
  private readonly timer: EngineTimer;
  private closed = false;
  private readonly onWake = (): void => this.drain();

  private constructor(private readonly cloud: LocalCloud) {
    this.timer = new EngineTimer(cloud);
  }

  /**
   * Bind a socket and start. @param port 0 takes a free one
   * @returns once it is bound; rejects when the port is taken
   */
  static async listen(
    cloud: LocalCloud,
    { port = DEFAULT_PORT, host = "127.0.0.1" } = {},
  ): Promise<UdpListener> {
    const listener = new UdpListener(cloud);
    const { socket } = listener;
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, host, () => {
        socket.off("error", reject);
        resolve();
      });
    });
    // Errors of single datagrams, such as an unreachable receiver, are no reason to stop.
    socket.on("error", () => undefined);
    enlargeBuffer(socket);
    cloud.useClock(() => performance.now());
    cloud.on("wake", listener.onWake);
    socket.on("message", (datagram, { address, port: from }) => {
      // A forged sender; there is no answer to port 0.
      if (from === 0) return;
      cloud.handleDatagram(`${address}:${from}`, datagram, performance.now());
      // The answers may be for this listener, or for that of another transport.
      cloud.emit("wake");
    });
    listener.drain();
    return listener;
  }

  /** Where it listens. */
  get address(): { host: string; port: number } {
    const { address, port } = this.socket.address();
    return { host: address, port };
  }

  /** Stop. Sessions stay as they are. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer.stop();
    this.cloud.off("wake", this.onWake);
    await new Promise<void>((resolve) => this.socket.close(() => resolve()));
  }

  private drain(): void {
    if (this.closed) return;
    let next = this.cloud.pollTransmit();
    for (; next; next = this.cloud.pollTransmit()) {
      const separator = next.to.lastIndexOf(":");
      const port = Number(next.to.slice(separator + 1));
      this.socket.send(next.datagram, port, next.to.slice(0, separator));
    }
    this.timer.restart();
  }
}

/** Some systems refuse what is too much, in place of granting less: then it stays as it is. */
function enlargeBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The default works, too.
  }
}
