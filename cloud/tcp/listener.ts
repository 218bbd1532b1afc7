// Pumps the TCP side of a LocalCloud over a listening socket. 127.0.0.1 unless asked otherwise: this is a development
// server.

import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { EngineTimer } from "../engine-timer";
import type { LocalCloud } from "../local-cloud";

/** The port that devices use unless they are told another. */
export const DEFAULT_TCP_PORT = 5683;

export class TcpListener {
  private readonly server: Server;
  private readonly sockets = new Map<string, Socket>();
  private readonly timer: EngineTimer;
  private readonly onWake = (): void => this.drain();

  private constructor(private readonly cloud: LocalCloud) {
    this.timer = new EngineTimer(cloud);
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  /**
   * Bind a socket and start. @param port 0 takes a free one
   * @returns once it listens; rejects when the port is taken, or when the cloud has no RSA key (option `tcp`)
   */
  static async listen(
    cloud: LocalCloud,
    { port = DEFAULT_TCP_PORT, host = "127.0.0.1" } = {},
  ): Promise<TcpListener> {
    if (!cloud.takesConnections) throw new Error("the cloud has no RSA key: see the option `tcp`");
    const listener = new TcpListener(cloud);
    const { server } = listener;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        resolve();
      });
    });
    // A connection that could not be accepted is no reason to stop.
    server.on("error", () => undefined);
    cloud.useClock(() => performance.now());
    cloud.on("wake", listener.onWake);
    listener.drain();
    return listener;
  }

  /** Where it listens. */
  get address(): { host: string; port: number } {
    const { address, port } = this.server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Stop, and close all connections. */
  async close(): Promise<void> {
    this.timer.stop();
    this.cloud.off("wake", this.onWake);
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const [address, socket] of this.sockets) {
      socket.destroy();
      this.cloud.handleDisconnection(address, performance.now());
    }
    this.sockets.clear();
    await closed;
  }

  private accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // Its end may have come before its beginning was told.
    if (remoteAddress === undefined || !this.server.listening) return void socket.destroy();
    const address = `${remoteAddress}:${remotePort}`;
    this.sockets.get(address)?.destroy();
    this.sockets.set(address, socket);
    const mine = (): boolean => this.sockets.get(address) === socket;
    socket.on("data", (bytes) => {
      if (mine()) this.handle(() => this.cloud.handleStream(address, bytes, performance.now()));
    });
    socket.on("drain", this.onWake);
    // "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (!mine()) return;
      this.sockets.delete(address);
      this.handle(() => this.cloud.handleDisconnection(address, performance.now()));
    });
    this.handle(() => {
      if (!this.cloud.handleConnection(address, performance.now())) this.drop(address);
    });
  }

  /** The answers may be for this listener, or for that of another transport. */
  private handle(change: () => void): void {
    change();
    this.cloud.emit("wake");
  }

  private drop(address: string): void {
    const socket = this.sockets.get(address);
    this.sockets.delete(address);
    socket?.destroy();
  }

  private drain(): void {
    const isBlocked = (address: string): boolean =>
      this.sockets.get(address)?.writableNeedDrain ?? false;
    let next = this.cloud.pollStream(isBlocked);
    for (; next; next = this.cloud.pollStream(isBlocked)) {
      if (next.close) this.drop(next.to);
      else this.sockets.get(next.to)?.write(next.bytes);
    }
    this.timer.restart();
  }
}
