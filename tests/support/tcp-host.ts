// A device of the TCP channel with its host, in virtual time, against whatever a test hands it: bytes
// in, bytes and events out.

import path from "node:path";

import { Core, EventKind, MemoryStorage, StorageSlot, loadModule } from "../../bindings/node";
import type { CoreEvent, CoreOptions, ConnectionState } from "../../bindings/node";
import { SeededRandom } from "./random";
import { TcpServer, tcpTestKeys } from "./tcp-server";
import type { TcpServerOptions } from "./tcp-server";

export const TCP_CORE_FILE = path.resolve(__dirname, "../../build/boson-tcp.wasm");
export const DEVICE_ID = "0123456789abcdef01234567";

let compiled: WebAssembly.Module | undefined;

/** The module with both transports, compiled once a process. */
export function tcpModule(): WebAssembly.Module {
  compiled ??= loadModule(TCP_CORE_FILE);
  return compiled;
}

/** Storage with a device's RSA key and a server's. */
export function tcpStorage(
  device: Uint8Array = tcpTestKeys().device.pkcs1,
  server: Uint8Array = tcpTestKeys().server.spki,
): MemoryStorage {
  const storage = new MemoryStorage();
  storage.slots.set(StorageSlot.DevicePrivateKey, device);
  storage.slots.set(StorageSlot.ServerPublicKey, server);
  return storage;
}

export interface TcpHostOptions extends Partial<CoreOptions> {
  seed?: number;
  opensLinks?: boolean;
}

export class TcpHost {
  readonly core: Core;
  readonly events: CoreEvent[] = [];
  /** What the device has written, one piece for each time that the core had something. */
  readonly written: Buffer[] = [];
  now = 1000;
  linkOpen = false;
  onEvent: (event: CoreEvent) => void = () => {};

  constructor(readonly options: TcpHostOptions = {}) {
    const random = new SeededRandom(options.seed ?? 1);
    this.core = new Core({
      module: tcpModule(),
      storage: tcpStorage(),
      deviceId: DEVICE_ID,
      transport: "tcp",
      random: (buffer) => buffer.set(random.bytes(buffer.length)),
      ...options,
    });
  }

  get state(): ConnectionState {
    return this.core.exports.connection_state();
  }

  /** The last Connection event. */
  get last(): Extract<CoreEvent, { kind: EventKind.Connection }> {
    const steps = this.events.filter((event) => event.kind === EventKind.Connection);
    return steps[steps.length - 1];
  }

  connect(): this {
    this.core.connect(this.now);
    this.drain();
    return this;
  }

  drain(): void {
    let event: CoreEvent | undefined;
    do {
      let bytes: Uint8Array | undefined;
      while ((bytes = this.core.pollTransmit(this.now))) {
        if (!this.linkOpen) throw new Error("writes without a connection");
        this.written.push(Buffer.from(bytes));
      }
      event = this.core.pollEvent(this.now);
      if (event) this.handleEvent(event);
    } while (event);
  }

  private handleEvent(event: CoreEvent): void {
    this.events.push(event);
    if (event.kind === EventKind.OpenLink && (this.options.opensLinks ?? true)) {
      if (event.transport !== "tcp") throw new Error("asks for a UDP socket");
      this.linkOpen = true;
      this.core.linkUp(Uint8Array.of(127, 0, 0, 1, 22, 51), this.now);
    } else if (event.kind === EventKind.CloseLink) {
      this.linkOpen = false;
    }
    this.onEvent(event);
  }

  /** Give the device bytes as one read of its socket. */
  receive(bytes: Uint8Array): this {
    let rest = bytes;
    while (rest.length > 0 && this.linkOpen) {
      const taken = this.core.handleStream(rest, this.now);
      this.drain();
      if (taken === 0) throw new Error("the core takes nothing");
      rest = rest.subarray(taken);
    }
    return this;
  }

  /** The server closes. */
  hangUp(): this {
    this.linkOpen = false;
    this.core.exports.link_down(this.now);
    this.drain();
    return this;
  }

  /** What was written since the last call, one Buffer for each piece. */
  take(): Buffer[] {
    return this.written.splice(0);
  }

  /** Let time pass, with every time-out at its moment. */
  run(ms: number): this {
    const limit = this.now + ms;
    for (let steps = 0; steps < 10_000; steps++) {
      const wait = this.core.exports.poll_timeout(this.now);
      if (wait < 0 || this.now + wait > limit) break;
      this.now += wait;
      this.core.exports.handle_timeout(this.now);
      this.drain();
    }
    this.now = limit;
    return this;
  }

  /** Handshake and Hello with a server. @returns the messages that the device sent in clear */
  greet(server: TcpServer): Buffer[] {
    this.connect().receive(server.nonce);
    const [keyMessage] = this.take();
    server.openKeyMessage(keyMessage);
    this.receive(server.sessionMessage());
    const messages = this.messages(server);
    this.receive(server.hello());
    return messages;
  }

  /** Messages that the device has sent since the last call. */
  messages(server: TcpServer): Buffer[] {
    return this.take().flatMap((piece) => server.open(piece));
  }

  /** All of linear memory. */
  memory(): Buffer {
    return Buffer.from(this.core.exports.memory.buffer.slice(0));
  }
}

/** A device that is connected, and its server. */
export function connectedTcp(
  options: TcpHostOptions = {},
  serverOptions: TcpServerOptions = {},
): { host: TcpHost; server: TcpServer } {
  const host = new TcpHost(options);
  const server = new TcpServer(serverOptions);
  host.greet(server);
  return { host, server };
}
