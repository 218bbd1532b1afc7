// What all handshakes of the server have in common: its flight, the transcript, the messages and sealed records of the
// client in any order (RFC 6347 §4.2). Which messages there are is said by `full-handshake.ts` and
// `abbreviated-handshake.ts`.

import { timingSafeEqual } from "node:crypto";
import type { KeyPair } from "../keys";
import type { ClientHello } from "./client-hello";
import { decodeFinished } from "./client-messages";
import {
  HANDSHAKE_HEADER_LENGTH,
  HandshakeReassembly,
  decodeHandshakeFragments,
  encodeHandshakeFragment,
  encodeHandshakeMessage,
} from "./handshake-message";
import type { HandshakeMessage } from "./handshake-message";
import { deriveVerifyData } from "./key-schedule";
import type { KeyBlock } from "./key-schedule";
import type { Agreement } from "./negotiation";
import { AlertDescription, ContentType, HandshakeError, HandshakeType } from "./protocol";
import { RECORD_HEADER_LENGTH, encodeRecord, openAnyRecord, sealRecordFor } from "./record";
import type { DtlsRecord } from "./record";
import { ReplayWindow } from "./replay-window";
import { EPOCH } from "./session";
import type { ResumableSession } from "./session-cache";

/** A flight is split over several datagrams above this many bytes (IPv6 minimum MTU less headers). */
const MAX_DATAGRAM = 1232;
/** Handshake bytes in one record: what a datagram holds beside its header. */
const MAX_SHARED_RECORD = MAX_DATAGRAM - 13;
const MAX_FRAGMENT = MAX_DATAGRAM - RECORD_HEADER_LENGTH - HANDSHAKE_HEADER_LENGTH;
/** Sealed records kept while the messages before them are still missing. */
const MAX_EARLY_RECORDS = 4;

/** A pre-shared key and the device that has it. */
export interface DeviceKey {
  key: Buffer;
  deviceId: string;
}

/** What a handshake needs from its server. */
export interface HandshakeContext {
  keyPair: KeyPair;
  random(length: number): Uint8Array;
  /** The device id of a registered public key. */
  findDevice(spki: Buffer): string | undefined;
  /** The key of a PSK identity; absent when the server has no such keys. */
  findPsk?(identity: Buffer): DeviceKey | undefined;
  /** X.509 certificates, DER, that of the server's key first. */
  certificate?: Uint8Array[];
  /** Give sessions of the standard profile an id to resume them by. */
  sessionIds: boolean;
}

/** A ClientHello as it arrived, its cookie already checked. */
export interface ReceivedHello {
  hello: ClientHello;
  message: HandshakeMessage;
  /** Number of its record; the answer starts at the same (RFC 6347 §4.2.1). */
  recordSequence: number;
}

/** The outcome of a verified client Finished. */
export interface HandshakeResult {
  deviceId: string;
  keys: KeyBlock;
  window: ReplayWindow;
  /** The server's Finished message, ready to be sealed; undefined when the client has it already. */
  finished?: Buffer;
  /** Next record number of epoch 0, and of epoch 1. */
  plainSequence: number;
  sealedSequence: number;
  /** The session that the client may resume by its id. */
  resumable?: ResumableSession;
}

export abstract class Handshake {
  /** Nothing of the client's next flight has arrived: a repeated ClientHello asks for ours again. */
  fresh = true;
  protected readonly hello: ClientHello;
  protected readonly serverRandom: Buffer;
  protected readonly transcript: Buffer[] = [];
  protected nextServerMessage: number;
  protected deviceId = "";
  protected masterSecret: Buffer = Buffer.alloc(0);
  protected keys: KeyBlock | undefined;
  /** Parts of our flight: handshake fragments in clear, and records of other kinds. */
  private readonly flight: (Buffer | (() => Buffer))[] = [];
  private readonly reassembly: HandshakeReassembly;
  private readonly window = new ReplayWindow();
  private earlyRecords: DtlsRecord[] = [];
  private changeCipherSpecSeen = false;
  private recordSequence: number;
  private sealedSequence = 0;

  /** @param connectionId for the records of the client; empty when it does not speak connection ids */
  constructor(
    protected readonly context: HandshakeContext,
    received: ReceivedHello,
    readonly agreement: Agreement,
    readonly connectionId: Buffer,
  ) {
    const { hello, message, recordSequence } = received;
    this.hello = hello;
    this.recordSequence = recordSequence;
    this.nextServerMessage = message.messageSequence;
    this.reassembly = new HandshakeReassembly(message.messageSequence + 1);
    this.serverRandom = Buffer.from(context.random(32));
    this.transcript.push(encodeHandshakeMessage(message));
  }

  /** The random of the ClientHello: what tells a repeated one from a new one. */
  get clientRandom(): Buffer {
    return this.hello.random;
  }

  /** Build the server's flight, with fresh record numbers each time. One datagram, unless a certificate is long. */
  sealFlight(): Buffer[] {
    const datagrams: Buffer[] = [];
    for (const record of this.sealRecords()) {
      const last = datagrams[datagrams.length - 1];
      if (last && last.length + record.length <= MAX_DATAGRAM) {
        datagrams[datagrams.length - 1] = Buffer.concat([last, record]);
      } else {
        datagrams.push(record);
      }
    }
    return datagrams;
  }

  /**
   * The records of the flight. In the standard profile the messages of one flight share a record
   * (RFC 6347 §4.2.3), which saves 13 bytes each; a Device OS client was never sent that.
   */
  private sealRecords(): Buffer[] {
    const records: Buffer[] = [];
    const sharesRecords = this.agreement.profile === "standard";
    let waiting: Buffer[] = [];
    const flush = (): void => {
      if (waiting.length === 0) return;
      records.push(this.plainRecord(ContentType.Handshake, Buffer.concat(waiting)));
      waiting = [];
    };
    for (const part of this.flight) {
      if (typeof part !== "function") {
        const size = waiting.reduce((sum, { length }) => sum + length, part.length);
        if (!sharesRecords || size > MAX_SHARED_RECORD) flush();
        waiting.push(part);
      } else {
        flush();
        records.push(part());
      }
    }
    flush();
    return records;
  }

  /** Build a record of epoch 0. */
  plainRecord(type: ContentType, fragment: Buffer): Buffer {
    return encodeRecord({ type, epoch: 0, sequenceNumber: this.recordSequence++, fragment });
  }

  /**
   * Handle a record of this client, plaintext or sealed.
   * @returns the result once the client's Finished verified
   * @throws HandshakeError, DecodeError: the handshake is over
   */
  handleRecord(record: DtlsRecord): HandshakeResult | undefined {
    if (record.epoch > 0) {
      if (this.earlyRecords.length < MAX_EARLY_RECORDS) this.earlyRecords.push(record);
    } else if (record.type === ContentType.ChangeCipherSpec) {
      if (!record.fragment.equals(Buffer.of(1))) {
        throw new HandshakeError(AlertDescription.DecodeError, "bad ChangeCipherSpec");
      }
      this.changeCipherSpecSeen = true;
    } else if (record.type === ContentType.Handshake) {
      for (const fragment of decodeHandshakeFragments(record.fragment)) {
        // A message in clear cannot be the Finished, whatever its number.
        if (fragment.type !== HandshakeType.Finished) this.reassembly.add(fragment);
      }
    }
    for (let message = this.pollPlain(); message; message = this.pollPlain()) {
      this.fresh = false;
      this.handleMessage(message);
    }
    return this.awaitsFinished ? this.handleEarlyRecords() : undefined;
  }

  /** All messages before the client's Finished are there. */
  protected abstract readonly awaitsFinished: boolean;

  /** Handle the next message in clear and add it to the transcript. @throws HandshakeError, DecodeError */
  protected abstract handleMessage(message: HandshakeMessage): void;

  /** The client's Finished verified and is the last message of the transcript. */
  protected abstract complete(): Partial<HandshakeResult>;

  /** A sealed record did not authenticate. It is dropped (RFC 6347 §4.1.2.7), unless this throws. */
  protected handleUnauthenticated(): void {}

  /** Add a message to the flight, and to the transcript. */
  protected addMessage(type: HandshakeType, body: Buffer): void {
    const message = { type, messageSequence: this.nextServerMessage++, body };
    this.transcript.push(encodeHandshakeMessage(message));
    for (let offset = 0; offset === 0 || offset < body.length; offset += MAX_FRAGMENT) {
      const fragment = encodeHandshakeFragment(message, offset, MAX_FRAGMENT);
      this.flight.push(fragment);
    }
  }

  /** Add ChangeCipherSpec and the server's Finished to the flight, and the latter to the transcript. */
  protected addFinished(keys: KeyBlock): void {
    const finished = this.serverFinished();
    this.transcript.push(finished);
    this.flight.push(() => this.plainRecord(ContentType.ChangeCipherSpec, Buffer.of(1)));
    this.flight.push(() => {
      const sequenceNumber = this.sealedSequence++;
      const { peerConnectionId, variant } = this.agreement;
      return sealRecordFor(
        peerConnectionId ?? Buffer.alloc(0),
        { type: ContentType.Handshake, epoch: EPOCH, sequenceNumber },
        finished,
        { key: keys.serverWriteKey, iv: keys.serverWriteIv },
        variant,
      );
    });
  }

  /** The server's Finished over the transcript so far. */
  protected serverFinished(): Buffer {
    return encodeHandshakeMessage({
      type: HandshakeType.Finished,
      messageSequence: this.nextServerMessage++,
      body: deriveVerifyData(this.masterSecret, "server", Buffer.concat(this.transcript)),
    });
  }

  private pollPlain(): HandshakeMessage | undefined {
    return this.awaitsFinished ? undefined : this.reassembly.poll();
  }

  /** Look for the Finished among the sealed records. */
  private handleEarlyRecords(): HandshakeResult | undefined {
    if (!this.changeCipherSpecSeen || !this.keys) return undefined;
    const records = this.earlyRecords;
    this.earlyRecords = [];
    const key = { key: this.keys.clientWriteKey, iv: this.keys.clientWriteIv };
    for (const record of records) {
      if (!this.window.isFresh(record.sequenceNumber)) continue;
      const inner = openAnyRecord(record, key, this.agreement.variant);
      if (!inner) {
        this.handleUnauthenticated();
        continue;
      }
      this.window.accept(record.sequenceNumber);
      if (inner.contentType !== ContentType.Handshake) continue;
      for (const fragment of decodeHandshakeFragments(inner.content)) this.reassembly.add(fragment);
      const message = this.reassembly.poll();
      if (message) return this.handleFinished(message, this.keys);
    }
    return undefined;
  }

  private handleFinished(message: HandshakeMessage, keys: KeyBlock): HandshakeResult {
    if (message.type !== HandshakeType.Finished) {
      throw new HandshakeError(AlertDescription.UnexpectedMessage, "Finished expected");
    }
    const received = decodeFinished(message.body);
    const transcript = Buffer.concat(this.transcript);
    if (!timingSafeEqual(received, deriveVerifyData(this.masterSecret, "client", transcript))) {
      throw new HandshakeError(
        AlertDescription.DecryptError,
        `the Finished of device ${this.deviceId} is wrong`,
      );
    }
    this.transcript.push(encodeHandshakeMessage(message));
    return {
      deviceId: this.deviceId,
      keys,
      window: this.window,
      ...this.complete(),
      plainSequence: this.recordSequence,
      sealedSequence: this.sealedSequence,
    };
  }
}
