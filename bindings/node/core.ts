// One instance of the core: buffers, imports and calls, with neither socket nor clock. What a host
// needs above it is the pump in device.ts; tests drive it in virtual time.

import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";

import { instantiateSync } from "@assemblyscript/loader";

import {
  ABI_VERSION,
  ContentFormat,
  CoreError,
  EventKind,
  PublishOption,
  SocketKind,
  Status,
  StorageSlot,
} from "./abi";
import type { BoardFunction, CoreExports, Credential, Method, VariableType } from "./abi";
import { withoutNativeCrypto } from "./native-crypto";
import { DEFAULT_TTL, NO_TTL, publishBits } from "./publish-options";
import type { PublishOptions } from "./publish-options";
import { decodeEvent } from "./core-events";
import type { CoreEvent } from "./core-events";
import { imageImports } from "./images";
import type { Images } from "./images";
import type { Storage } from "./storage";

export type { CoreEvent, PublishOptions };

/** Log levels of the core and of applications. */
export type LogHandler = (level: number, text: string) => void;

export interface CoreOptions {
  module: WebAssembly.Module;
  storage: Storage;
  /** 24 hexadecimal digits. */
  deviceId: string;
  productId?: number;
  productVersion?: number;
  platformId?: number;
  /** Fills the buffer with random bytes; node:crypto unless a test needs a seeded one. */
  random?: (buffer: Uint8Array) => void;
  log?: LogHandler;
  /** Pins and buses for applications that use them; without it every call is NotSupported. */
  board?: Board;
  /** Areas for images, in a module that takes updates; without them it refuses every update. */
  images?: Images;
  /** Keep publishes that wait in storage, so that they outlive power cuts; needs a module with the
   * publish queue. */
  storedQueue?: boolean;
  /**
   * The transport: DTLS over UDP unless given; RSA and AES over TCP in a module that has it, with RSA
   * keys in storage.
   */
  transport?: Transport;
  /** Use the `standard` profile, in a module that has it; `particle` unless given. */
  standard?: StandardOptions;
}

/**
 * Pins and buses of a board (assembly/app/board.ts).
 * @param data [in,out] what is written, or room for what is read
 * @returns 0 or more; a negative Status
 */
export type Board = (call: BoardFunction, a: number, b: number, data: Uint8Array) => number;

export type Transport = "udp" | "tcp";

/** How a device of the `standard` profile connects. */
export interface StandardOptions {
  credential: Credential;
  /** Ask for a connection id (RFC 9146); true unless given. */
  cid?: boolean;
}

/** A CoAP request (`standard` profile). */
export interface RequestOptions {
  method: Method;
  /** Segments separated by "/". */
  path: string;
  /** Parts separated by "&". */
  query?: string;
  payload?: Uint8Array;
  contentFormat?: number;
  observe?: boolean;
  /** Whether the payload is the first of several blocks. */
  hasMore?: boolean;
}

/** Version of this SDK as Hello carries it: 0.1.0. */
const SYSTEM_VERSION = 100;
const PLATFORM_GCC = 3;
const PROFILE_STANDARD = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Compile a module once for all the devices that run it. */
export function loadModule(file: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(file));
}

/** Parse a device id. @throws RangeError unless it is 24 hexadecimal digits */
function parseDeviceId(deviceId: string): Uint8Array {
  if (!/^[0-9a-f]{24}$/i.test(deviceId)) {
    throw new RangeError(`device id must be 24 hexadecimal digits, not "${deviceId}"`);
  }
  return Buffer.from(deviceId, "hex");
}

/** Keys are written by provisioning only, whatever a module asks for. */
function isModulesOwn(slot: number): boolean {
  const isSession = slot === StorageSlot.SessionA || slot === StorageSlot.SessionB;
  const isJournal = slot === StorageSlot.JournalA || slot === StorageSlot.JournalB;
  const isQueue = slot >= StorageSlot.QueueStateA && slot <= StorageSlot.QueueLast;
  return isSession || isQueue || isJournal;
}

export class Core {
  readonly exports: CoreExports;
  private readonly storage: Storage;
  private readonly rx: Uint8Array;
  private readonly tx: Uint8Array;
  /** Where arguments of a command stand; a bridge writes them itself. */
  readonly argument: Uint8Array;
  private readonly event: DataView;

  constructor(readonly options: CoreOptions) {
    this.storage = options.storage;
    const id = parseDeviceId(options.deviceId);
    // Its own exports, not those that the loader adds, which only throw without a runtime.
    const board = { call: this.callBoard.bind(this) };
    const { instance } = instantiateSync(options.module, {
      hal: { ...this.imports(), ...imageImports(options.images, () => this.exports.memory) },
      board,
      crypto: withoutNativeCrypto(options.module),
    });
    this.exports = instance.exports as unknown as CoreExports;
    const version = this.exports.abi_version();
    if (version !== ABI_VERSION) {
      throw new Error(`the module speaks interface ${version}, this binding ${ABI_VERSION}`);
    }
    const view = (pointer: number, length: number) =>
      new Uint8Array(this.exports.memory.buffer, pointer, length);
    this.rx = view(this.exports.rx_buffer(), this.exports.rx_capacity());
    this.tx = view(this.exports.tx_buffer(), this.exports.tx_capacity());
    this.argument = view(this.exports.argument_buffer(), this.exports.argument_capacity());
    this.event = new DataView(
      this.exports.memory.buffer,
      this.exports.event_buffer(),
      this.exports.event_capacity(),
    );
    this.argument.set(id);
    this.exports.set_identity(
      options.productId ?? 0xffff,
      options.productVersion ?? 0,
      options.platformId ?? PLATFORM_GCC,
      SYSTEM_VERSION,
    );
    if (options.transport === "tcp") this.setTransport();
    if (options.standard) this.setProfile(options.standard);
    this.check(this.exports.start(), "start");
    if (options.storedQueue) this.check(this.exports.queue_storage!(1), "stored queue");
  }

  private setTransport(): void {
    const { set_transport } = this.exports;
    if (!set_transport) throw new Error("this module has no TCP");
    this.check(set_transport(SocketKind.Tcp), "transport");
  }

  private setProfile({ credential, cid = true }: StandardOptions): void {
    const { set_profile } = this.exports;
    if (!set_profile) throw new Error("this module has no standard profile");
    this.check(set_profile(PROFILE_STANDARD, credential, cid ? 1 : 0), "profile");
  }

  /** Whether publishes go through the queue (build/boson-api.wasm, applications). */
  get hasQueue(): boolean {
    return this.exports.queue_state !== undefined;
  }

  /** The functions of assembly/hal.ts, but for those of the image areas. */
  private imports(): Record<string, (...args: number[]) => number | void> {
    const bytes = (pointer: number, length: number) =>
      new Uint8Array(this.exports.memory.buffer, pointer >>> 0, length);
    return {
      random_fill: (pointer, length) => {
        try {
          if (this.options.random) this.options.random(bytes(pointer, length));
          else randomFillSync(bytes(pointer, length));
          return length;
        } catch {
          return -1;
        }
      },
      storage_read: (slot, pointer, capacity) => {
        try {
          const content = this.storage.read(slot);
          if (!content) return 0;
          if (content.length > capacity) return -1;
          bytes(pointer, content.length).set(content);
          return content.length;
        } catch {
          return -1;
        }
      },
      storage_write: (slot, pointer, length) => {
        if (!isModulesOwn(slot)) return -1;
        try {
          this.storage.write(slot, bytes(pointer, length));
          return length;
        } catch {
          return -1;
        }
      },
      log: (level, pointer, length) => {
        this.options.log?.(level, decoder.decode(bytes(pointer, length)));
      },
    };
  }

  /** The import of applications that use pins or buses. */
  private callBoard(call: number, a: number, b: number, pointer: number, length: number): number {
    const { board } = this.options;
    if (!board) return Status.NotSupported;
    try {
      return board(call, a, b, new Uint8Array(this.exports.memory.buffer, pointer >>> 0, length));
    } catch {
      return Status.HostFailure;
    }
  }

  private check(status: number, doing: string): number {
    if (status < 0) throw new CoreError(status, doing);
    return status;
  }

  /** Write strings or bytes into the argument buffer, one after the other. @returns lengths */
  private argue(doing: string, ...parts: (string | Uint8Array)[]): number[] {
    const encoded = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
    const total = encoded.reduce((sum, part) => sum + part.length, 0);
    if (total > this.argument.length) throw new CoreError(-4, doing);
    let at = 0;
    for (const part of encoded) {
      this.argument.set(part, at);
      at += part.length;
    }
    return encoded.map((part) => part.length);
  }

  // ---- commands -----------------------------------------------------------------------------

  registerFunction(name: string, now: number): number {
    const doing = `function "${name}"`;
    const [length] = this.argue(doing, name);
    return this.check(this.exports.register_function(length, now), doing);
  }

  registerVariable(name: string, type: VariableType, now: number): number {
    const doing = `variable "${name}"`;
    const [length] = this.argue(doing, name);
    return this.check(this.exports.register_variable(length, type, now), doing);
  }

  subscribe(prefix: string, content: number, now: number): number {
    const doing = `subscribe "${prefix}"`;
    const [length] = this.argue(doing, prefix);
    return this.check(this.exports.subscribe(length, content, now), doing);
  }

  connect(now: number): void {
    this.check(this.exports.connect(now), "connect");
  }

  disconnect(goodbye: number, sleepSeconds: number, now: number): void {
    this.check(this.exports.disconnect(goodbye, sleepSeconds, now), "disconnect");
  }

  linkUp(address: Uint8Array, now: number): void {
    const [length] = this.argue("link up", address);
    this.check(this.exports.link_up(length, now), "link up");
  }

  /** @returns handle that PublishDone will name */
  publish(name: string, data: string | Uint8Array, options: PublishOptions = {}): number {
    const doing = `publish "${name}"`;
    // Over TCP the stream is reliable.
    const confirmable = options.confirmable ?? this.options.transport !== "tcp";
    const bits = publishBits({ ...options, confirmable });
    if (bits > PublishOption.Acknowledged && !this.hasQueue) {
      throw new Error("this module has no publish queue");
    }
    const [nameLength, dataLength] = this.argue(doing, name, data);
    return this.check(
      this.exports.publish(
        nameLength,
        dataLength,
        options.contentFormat ?? ContentFormat.Text,
        options.ttl ?? (this.hasQueue ? NO_TTL : DEFAULT_TTL),
        bits,
      ),
      doing,
    );
  }

  /** Answer VariableRequest. @returns the core's status */
  answerVariable(call: number, value: Uint8Array): number {
    const [length] = this.argue("variable", value);
    return this.exports.variable_result(call, length);
  }

  /** Begin a CoAP request. @returns handle that Response events name */
  request(options: RequestOptions): number {
    const { method, path, query = "", payload = new Uint8Array(), contentFormat = -1 } = options;
    const doing = `request "${path}"`;
    const { request } = this.exports;
    if (!request) throw new Error("this module has no standard profile");
    const [pathLength, queryLength, payloadLength] = this.argue(doing, path, query, payload);
    const observe = options.observe ? 1 : 0;
    const more = options.hasMore ? 1 : 0;
    return this.check(
      request(method, pathLength, queryLength, payloadLength, contentFormat, observe, more),
      doing,
    );
  }

  /** Give the next block of an upload. @returns the core's status */
  requestBlock(
    handle: number,
    block: Uint8Array,
    { contentFormat = -1, szx, hasMore }: { contentFormat?: number; szx: number; hasMore: boolean },
  ): number {
    const [length] = this.argue("block", block);
    return this.exports.request_block!(handle, length, contentFormat, szx, hasMore ? 1 : 0);
  }

  // ---- input and output ---------------------------------------------------------------------

  /** Datagrams longer than the receive buffer are dropped: none of the protocol's is. */
  handleDatagram(datagram: Uint8Array, now: number): void {
    if (datagram.length > this.rx.length) return;
    this.rx.set(datagram);
    this.exports.handle_datagram(datagram.length, now);
  }

  /**
   * Hand over bytes that came over TCP, as many as the core takes: up to one message. Then drain, and
   * hand over the rest.
   * @returns bytes taken; all of them when there is no connection any more
   */
  handleStream(bytes: Uint8Array, now: number): number {
    const part = bytes.subarray(0, this.rx.length);
    this.rx.set(part);
    return this.check(this.exports.handle_stream!(part.length, now), "stream");
  }

  /** The next datagram to send, or bytes of the stream, as a copy. */
  pollTransmit(now: number): Uint8Array | undefined {
    const length = this.exports.poll_transmit(now);
    return length > 0 ? this.tx.slice(0, length) : undefined;
  }

  /** The next event that the application in the module, if any, leaves to the host. */
  pollEvent(now: number): CoreEvent | undefined {
    const { app_poll_event, poll_event } = this.exports;
    const kind = app_poll_event ? app_poll_event(now) : poll_event();
    return kind === EventKind.None ? undefined : decodeEvent(kind, this.event);
  }

  statistic(number: number): number {
    return this.exports.statistic(number);
  }
}
