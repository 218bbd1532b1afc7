// A device on TCP that takes updates (build/boson-ota-tcp.wasm), and a server that sends it the
// messages of chunked updates by hand.

import path from "node:path";
import { crc32 } from "node:zlib";

import { MemoryImages, StorageSlot, loadModule } from "../../bindings/node";
import type { CoreEvent, EventKind } from "../../bindings/node";
import { CoapType, decodeCoap, encodeCoap } from "../../cloud/coap/codec";
import type { CoapMessage, CoapOption } from "../../cloud/coap/codec";
import { encodePinnedKeys } from "../../tools/application/sign";
import { projectRoot } from "./fixture";
import { TcpHost, tcpStorage } from "./tcp-host";
import { TcpServer } from "./tcp-server";
import { TEST_UPDATE_KEY } from "./update-key";

export const OTA_TCP_FILE = path.join(projectRoot, "build/boson-ota-tcp.wasm");

let compiled: WebAssembly.Module | undefined;

/** The module that takes updates over both transports, compiled once a process. */
export function otaTcpModule(): WebAssembly.Module {
  compiled ??= loadModule(OTA_TCP_FILE);
  return compiled;
}

const uint = (value: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
};
const option = (number: number, value: string | Buffer): CoapOption => ({
  number,
  value: Buffer.from(value),
});
const PATH = 11;
const QUERY = 15;

export interface ChunkOptions {
  /** In place of the right one. */
  crc?: number;
  /** Option of the fast variant. */
  index?: number;
  content?: Uint8Array;
}

export class ChunkedSender {
  readonly host: TcpHost;
  server = new TcpServer();
  readonly images = new MemoryImages();
  /** Payload of the device's Hello. */
  readonly hello: Buffer;
  file: Uint8Array = Buffer.alloc(0);
  chunkSize = 512;
  private nextId = 0x2000;
  private nextToken = 1;

  constructor() {
    const storage = tcpStorage();
    storage.slots.set(StorageSlot.UpdateKeys, encodePinnedKeys([TEST_UPDATE_KEY.publicKey]));
    const { images } = this;
    this.host = new TcpHost({ module: otaTcpModule(), storage, images, platformId: 3 });
    this.host.core.exports.update_open!(this.host.now);
    this.hello = this.host.greet(this.server)[0].subarray(7);
    this.host.run(100);
    this.take();
  }

  /** Lose the connection; the device makes another. */
  reconnect(): void {
    const { host } = this;
    host.hangUp().run(1100).take();
    this.server = new TcpServer();
    host.receive(this.server.nonce);
    this.server.openKeyMessage(host.take()[0]);
    host.receive(this.server.sessionMessage()).receive(this.server.hello()).run(100);
    this.take();
  }

  /** Send a request. @returns its id and token */
  request(
    code: number,
    options: CoapOption[],
    payload: Uint8Array = Buffer.alloc(0),
    type = CoapType.Confirmable,
  ): { messageId: number; token: Buffer } {
    const messageId = this.nextId++;
    const token = Buffer.of(this.nextToken++ & 255);
    const body = Buffer.from(payload);
    const message = encodeCoap({ type, code, messageId, token, options, payload: body });
    this.host.receive(this.server.seal(message));
    return { messageId, token };
  }

  /** UpdateBegin. */
  begin(file: Uint8Array, fast: boolean, chunkSize = 512, payload?: Buffer) {
    this.file = file;
    this.chunkSize = chunkSize;
    const fields = [
      Buffer.of(fast ? 1 : 0),
      uint(chunkSize, 2),
      uint(file.length, 4),
      Buffer.of(0),
      uint(0, 4),
    ];
    return this.request(2, [option(PATH, "u")], payload ?? Buffer.concat(fields));
  }

  get count(): number {
    return Math.ceil(this.file.length / this.chunkSize);
  }

  /** A chunk's bytes, filled up with zeros. */
  content(index: number): Buffer {
    const bytes = Buffer.alloc(this.chunkSize);
    const from = index * this.chunkSize;
    bytes.set(this.file.subarray(from, from + this.chunkSize));
    return bytes;
  }

  chunk(number: number, options: ChunkOptions = {}) {
    const { content = this.content(number), index } = options;
    const queries = [option(QUERY, uint(options.crc ?? crc32(content), 4))];
    if (index !== undefined) queries.push(option(QUERY, uint(index, 2)));
    return this.request(2, [option(PATH, "c"), ...queries], content);
  }

  /** UpdateDone. */
  done() {
    return this.request(3, [option(PATH, "u")]);
  }

  /** What the device has sent since the last call, pings and the like left out. */
  take(): CoapMessage[] {
    return this.host
      .messages(this.server)
      .map((bytes) => decodeCoap(bytes))
      .filter((message) => message.type !== CoapType.Confirmable);
  }

  /** The same after the device has done its work. */
  settle(): CoapMessage[] {
    this.host.run(1);
    return this.take();
  }

  eventsOf<K extends EventKind>(kind: K): Extract<CoreEvent, { kind: K }>[] {
    const events = this.host.events.filter((event) => event.kind === kind);
    return events as Extract<CoreEvent, { kind: K }>[];
  }
}
