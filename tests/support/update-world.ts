// A world whose device takes updates (build/boson-ota.wasm), and a server that sends it messages of
// OTA protocol v3 by hand, byte by byte where a test wants that.

import { createHash } from "node:crypto";
import path from "node:path";

import { MemoryImages, MemoryStorage, StorageSlot, loadModule } from "../../bindings/node";
import type { CoreEvent, Images, EventKind } from "../../bindings/node";
import { CoapCode, CoapType, encodeCoap, findUint, uintOption } from "../../cloud/coap/codec";
import type { CoapMessage, CoapOption } from "../../cloud/coap/codec";
import { ContentType } from "../../cloud/dtls/protocol";
import { encodePinnedKeys } from "../../tools/application/sign";
import { projectRoot } from "./fixture";
import { QueueWorld } from "./queue-world";
import { TEST_UPDATE_KEY } from "./update-key";
import { messages, sealByCloud } from "./wire";
import type { WorldOptions } from "./world";

export const OTA_FILE = path.join(projectRoot, "build/boson-ota.wasm");

let compiled: WebAssembly.Module | undefined;

/** The module that takes updates, compiled once a process. */
export function otaModule(): WebAssembly.Module {
  compiled ??= loadModule(OTA_FILE);
  return compiled;
}

/** Storage with the test key pinned. */
export function updateStorage(keys = [TEST_UPDATE_KEY.publicKey]): MemoryStorage {
  const storage = new MemoryStorage();
  storage.slots.set(StorageSlot.UpdateKeys, encodePinnedKeys(keys));
  return storage;
}

export interface UpdateWorldOptions extends WorldOptions {
  images?: Images;
}

export class UpdateWorld extends QueueWorld {
  readonly images: Images;

  constructor(options: UpdateWorldOptions = {}) {
    const images = options.images ?? new MemoryImages();
    super({
      module: otaModule(),
      storage: options.storage ?? updateStorage(),
      ...options,
      device: { images, platformId: 3, ...options.device },
      onBoot: (core, now) => {
        core.exports.update_open!(now);
        options.onBoot?.(core, now);
      },
    });
    this.images = images;
  }

  /** Events of a kind, so far. */
  eventsOf<K extends EventKind>(kind: K): Extract<CoreEvent, { kind: K }>[] {
    return this.events.filter((event) => event.kind === kind) as Extract<CoreEvent, { kind: K }>[];
  }
}

/** Numbers of OTA protocol v3. */
export enum UpdateOption {
  ChunkIndex = 2049,
  WindowSize = 2053,
  FileSize = 2057,
  FileHash = 2061,
  ChunkSize = 2065,
  DiscardData = 2069,
  CancelUpdate = 2073,
  ModuleFunction = 2077,
  AckInterval = 2080,
}

export const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** A diagnosis as JSON. */
export interface Diagnosis {
  code: number;
  message: string;
}

/** A SACK of the device. */
export interface Ack {
  at: number;
  sequence: number;
  /** Numbers of the chunks in the bitmap, from 1. */
  ahead: number[];
}

export interface StartOptions {
  size?: number;
  chunk?: number;
  hash?: Uint8Array | null;
  image?: number;
  discard?: boolean;
  ackInterval?: number;
}

const empty = (number: number): CoapOption => ({ number, value: Buffer.alloc(0) });

/** Sends messages of updates to the device of a world, and takes those of the device for itself. */
export class UpdateSender {
  /** Messages of the device for updates, encoded, that no test has taken yet. */
  readonly inbox: { at: number; message: CoapMessage; bytes: Buffer }[] = [];
  /** Whether answers of the device are acknowledged. */
  acknowledges = true;
  /** File, chunk size and place of the transfer that runs. */
  file: Uint8Array = Buffer.alloc(0);
  chunk = 1136;
  held = 0;
  private nextId = 0x7000;
  private nextToken = 0x10;
  private readonly ids = new Set<number>();
  private readonly tokens = new Set<string>();

  constructor(readonly world: UpdateWorld) {
    world.tamper = (direction, bytes) => (direction === "up" && this.takes() ? undefined : bytes);
  }

  /** Take the datagram sent last, if it is for us. */
  private takes(): boolean {
    const { world } = this;
    let isOurs = false;
    for (const { at, message, content } of messages(world, "up", world.sent.length - 1)) {
      const isReply = message.type === CoapType.Acknowledgement || message.type === CoapType.Reset;
      const token = message.token.toString("hex");
      const isAck = message.options.some(
        ({ number, value }) => number === 11 && `${value}` === "A",
      );
      const isAnswer = message.code >= 0x40 && token !== "" && this.tokens.has(token);
      if (!(isReply && this.ids.has(message.messageId)) && !isAnswer && !isAck) continue;
      isOurs = true;
      this.inbox.push({ at, message, bytes: content! });
    }
    return isOurs;
  }

  /** Give the device a message as bytes. */
  bytes(hex: string | Uint8Array): void {
    const bytes = typeof hex === "string" ? Buffer.from(hex.replace(/ /g, ""), "hex") : hex;
    this.ids.add(Buffer.from(bytes).readUInt16BE(2));
    const tokenLength = bytes[0] & 15;
    if (tokenLength)
      this.tokens.add(Buffer.from(bytes.subarray(4, 4 + tokenLength)).toString("hex"));
    this.world.inject(sealByCloud(this.world, ContentType.ApplicationData, bytes));
  }

  /** Give the device a message. @returns its id */
  message(message: Partial<CoapMessage>): number {
    const whole = {
      type: CoapType.Confirmable,
      code: CoapCode.Post as number,
      messageId: this.nextId++,
      token: Buffer.alloc(0),
      options: [],
      payload: Buffer.alloc(0),
      ...message,
    };
    this.bytes(encodeCoap(whole));
    return whole.messageId;
  }

  token(): Buffer {
    return Buffer.of(this.nextToken++ & 255);
  }

  /** Options of UpdateStart for a file. */
  startOptions(options: StartOptions = {}): CoapOption[] {
    const { size = this.file.length, chunk = this.chunk, hash = sha256(this.file) } = options;
    const { image, discard, ackInterval } = options;
    return [
      { number: 11, value: Buffer.from("S") },
      uintOption(UpdateOption.FileSize, size),
      ...(hash ? [{ number: UpdateOption.FileHash as number, value: Buffer.from(hash) }] : []),
      uintOption(UpdateOption.ChunkSize, chunk),
      ...(discard ? [empty(UpdateOption.DiscardData)] : []),
      ...(image === undefined ? [] : [uintOption(UpdateOption.ModuleFunction, image)]),
      ...(ackInterval === undefined ? [] : [uintOption(UpdateOption.AckInterval, ackInterval)]),
    ];
  }

  /** Begin, and let the device get ready. @returns its separate answer */
  start(file: Uint8Array, options: StartOptions = {}): CoapMessage {
    this.file = file;
    this.chunk = options.chunk ?? this.chunk;
    this.message({ token: this.token(), options: this.startOptions(options) });
    const answer = this.answer();
    this.held = findUint(answer, UpdateOption.FileSize) ?? 0;
    return answer;
  }

  /** Chunks of the transfer. */
  get count(): number {
    return Math.ceil((this.file.length - this.held) / this.chunk);
  }

  /** Send a chunk. @param number from 1 @returns message id */
  sendChunk(number: number, content?: Uint8Array): number {
    const from = this.held + (number - 1) * this.chunk;
    const payload = Buffer.from(content ?? this.file.subarray(from, from + this.chunk));
    return this.message({
      type: CoapType.NonConfirmable,
      options: [
        { number: 11, value: Buffer.from("C") },
        uintOption(UpdateOption.ChunkIndex, number),
      ],
      payload,
    });
  }

  /** Send all chunks, letting the device work between them. */
  sendAll(): void {
    for (let number = 1; number <= this.count; number++) {
      this.sendChunk(number);
      this.world.run(1);
    }
  }

  /** Say that all is sent. @returns message id */
  finish(flags: { cancel?: boolean; discard?: boolean } = {}): number {
    const options: CoapOption[] = [{ number: 11, value: Buffer.from("F") }];
    if (flags.discard) options.push(empty(UpdateOption.DiscardData));
    if (flags.cancel) options.push(empty(UpdateOption.CancelUpdate));
    return this.message({ token: this.token(), options });
  }

  /** Take what the device has sent since the last call. */
  take(): CoapMessage[] {
    return this.inbox.splice(0).map(({ message }) => message);
  }

  /** The same as hex, each without its message id, which the device chose. */
  takeBytes(): string[] {
    return this.inbox.splice(0).map(({ bytes }) => {
      const hex = bytes.toString("hex");
      return `${hex.slice(0, 4)}....${hex.slice(8)}`;
    });
  }

  /** Let the device work until it gives a separate answer, and acknowledge that. */
  answer(ms = 1000): CoapMessage {
    const isAnswer = (message: CoapMessage): boolean =>
      message.code >= 0x40 && message.type !== CoapType.Acknowledgement;
    const found = (): CoapMessage | undefined =>
      this.inbox.map(({ message }) => message).find(isAnswer);
    this.world.runUntil(() => found() !== undefined, ms);
    const answer = found();
    if (!answer) throw new Error(`no answer: ${JSON.stringify(this.inbox)}`);
    this.inbox.splice(0);
    if (this.acknowledges) this.acknowledge(answer);
    return answer;
  }

  acknowledge(answer: CoapMessage): void {
    const { messageId } = answer;
    const type = CoapType.Acknowledgement;
    const ack = { type, code: 0, messageId, token: Buffer.alloc(0), options: [] };
    const bytes = encodeCoap({ ...ack, payload: Buffer.alloc(0) });
    this.world.inject(sealByCloud(this.world, ContentType.ApplicationData, bytes));
  }

  /** Take the SACKs that came; everything else stays. */
  acks(): Ack[] {
    const isAck = ({ message }: { message: CoapMessage }): boolean =>
      message.type === CoapType.NonConfirmable && message.code === (CoapCode.Post as number);
    const found = this.inbox.filter(isAck);
    found.forEach((ack) => this.inbox.splice(this.inbox.indexOf(ack), 1));
    return found.map(({ at, message }) => {
      const sequence = findUint(message, UpdateOption.ChunkIndex)!;
      const ahead: number[] = [];
      for (let bit = 0; bit < message.payload.length * 8; bit++) {
        if ((message.payload[bit >> 3] >> (bit & 7)) & 1) ahead.push(sequence + 1 + bit);
      }
      return { at, sequence, ahead };
    });
  }
}

/** The diagnosis of a refusal. */
export function diagnosisOf(message: CoapMessage): Diagnosis {
  return JSON.parse(message.payload.toString()) as Diagnosis;
}

/** A connected device, and a sender of updates. */
export function updating(options: UpdateWorldOptions = {}): {
  world: UpdateWorld;
  sender: UpdateSender;
} {
  const world = new UpdateWorld(options);
  world.connectNow();
  world.run(1000);
  return { world, sender: new UpdateSender(world) };
}
