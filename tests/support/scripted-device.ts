// A scripted DTLS client and CoAP device for tests of the cloud: every step can be taken apart, repeated or damaged.
// It reuses codecs of cloud/ on purpose: what it checks is behaviour. The bytes are checked against captured vectors.

import { createECDH, randomBytes, sign, verify } from "node:crypto";
import { ByteReader, uint, vector } from "../../cloud/bytes";
import { decodeCoap, encodeCoap } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import {
  decodeHandshakeFragments,
  encodeHandshakeMessage,
} from "../../cloud/dtls/handshake-message";
import {
  deriveKeyBlock,
  deriveMasterSecret,
  deriveVerifyData,
} from "../../cloud/dtls/key-schedule";
import type { KeyBlock } from "../../cloud/dtls/key-schedule";
import { ContentType, HandshakeType } from "../../cloud/dtls/protocol";
import {
  DRAFT_05,
  encodeRecord,
  openRecord,
  parseRecords,
  sealConnectionIdRecord,
} from "../../cloud/dtls/record";
import type { DtlsRecord } from "../../cloud/dtls/record";
import { generateKeyPair, publicKeyFromSpki } from "../../cloud/keys";
import type { KeyPair } from "../../cloud/keys";
import type { LocalCloud } from "../../cloud/local-cloud";

/** The extensions of a genuine ClientHello, in its order. */
const EXTENSIONS = Buffer.from(
  "000d000a00080403040103030301000a000400020017000b0002010000fe000100001300020102001400020102",
  "hex",
);

export interface ScriptedDeviceOptions {
  id: string;
  serverSpki: Buffer;
  address?: string;
  keyPair?: KeyPair;
  random?: (length: number) => Uint8Array;
}

/** Fields that a test may set to break the handshake. */
export interface Sabotage {
  extensions?: Buffer;
  cipherSuites?: number[];
  version?: number;
  breakSignature?: boolean;
  breakFinished?: boolean;
  withoutChangeCipherSpec?: boolean;
}

export class ScriptedDevice {
  readonly id: string;
  readonly keyPair: KeyPair;
  address: string;
  sabotage: Sabotage = {};
  /** First byte of the next records: 253 while moving. */
  recordType = ContentType.ConnectionId;
  connectionId = Buffer.alloc(0);
  keys: KeyBlock | undefined;
  /** Number of the next sealed record. */
  sequence = 0;
  messageId = 0;
  /** Handshake message types of the server, in order of arrival. */
  readonly seen: number[] = [];
  /** Alerts of the server, in clear or sealed. */
  readonly alerts: { level: number; description: number; epoch: number }[] = [];
  /** CoAP messages of the server. */
  readonly received: CoapMessage[] = [];
  readonly serverSequences: number[] = [];
  finished = false;

  private readonly clientRandom: Buffer;
  private readonly random: (length: number) => Uint8Array;
  private plainSequence = 0;
  private messageSequence = 0;
  private transcript: Buffer[] = [];
  private serverRandom = Buffer.alloc(0);
  private serverPoint = Buffer.alloc(0);
  private masterSecret: Buffer = Buffer.alloc(0);

  constructor(private readonly options: ScriptedDeviceOptions) {
    this.id = options.id;
    this.random = options.random ?? randomBytes;
    this.keyPair = options.keyPair ?? generateKeyPair();
    this.address = options.address ?? "device";
    this.clientRandom = Buffer.from(this.random(32));
  }

  /** The same device without its session. */
  twin(): ScriptedDevice {
    return new ScriptedDevice({ ...this.options, keyPair: this.keyPair, address: this.address });
  }

  // ---- Handshake ----

  /** One ClientHello datagram; the transcript starts anew with it. */
  clientHello(cookie: Uint8Array = Buffer.alloc(0)): Buffer {
    const suites = this.sabotage.cipherSuites ?? [0xc0ae, 0x00ff];
    const body = Buffer.concat([
      uint(this.sabotage.version ?? 0xfefd, 2),
      this.clientRandom,
      vector(1),
      vector(1, cookie),
      vector(2, ...suites.map((suite) => uint(suite, 2))),
      vector(1, Buffer.of(0)),
      vector(2, this.sabotage.extensions ?? EXTENSIONS),
    ]);
    this.transcript = [];
    return this.plainRecord(
      ContentType.Handshake,
      this.handshakeMessage(HandshakeType.ClientHello, body),
    );
  }

  /** The records of the second flight: Certificate, ClientKeyExchange, CertificateVerify, ChangeCipherSpec, Finished. */
  secondFlight(): Buffer[] {
    const ecdh = createECDH("prime256v1");
    ecdh.generateKeys();
    const add = (type: HandshakeType, body: Buffer): Buffer =>
      this.plainRecord(ContentType.Handshake, this.handshakeMessage(type, body));
    const certificate = add(HandshakeType.Certificate, vector(3, this.keyPair.spki));
    const keyExchange = add(HandshakeType.ClientKeyExchange, vector(1, ecdh.getPublicKey()));
    const signature = sign("sha256", Buffer.concat(this.transcript), this.keyPair.privateKey);
    if (this.sabotage.breakSignature) signature[signature.length - 1] ^= 1;
    const certificateVerify = add(
      HandshakeType.CertificateVerify,
      Buffer.concat([uint(0x0403, 2), vector(2, signature)]),
    );
    const preMaster = ecdh.computeSecret(this.serverPoint);
    this.masterSecret = deriveMasterSecret(preMaster, this.clientRandom, this.serverRandom);
    this.keys = deriveKeyBlock(this.masterSecret, this.clientRandom, this.serverRandom);
    const changeCipherSpec = this.plainRecord(ContentType.ChangeCipherSpec, Buffer.of(1));
    const flight = [certificate, keyExchange, certificateVerify];
    if (!this.sabotage.withoutChangeCipherSpec) flight.push(changeCipherSpec);
    const verifyData = deriveVerifyData(
      this.masterSecret,
      "client",
      Buffer.concat(this.transcript),
    );
    if (this.sabotage.breakFinished) verifyData[0] ^= 1;
    const message = this.handshakeMessage(HandshakeType.Finished, verifyData);
    this.finishedMessage = message;
    flight.push(this.seal(ContentType.Handshake, message));
    return flight;
  }

  finishedMessage: Buffer = Buffer.alloc(0);

  /** Do a whole handshake with the cloud, cookie or not. @returns bytes and datagrams in both directions */
  handshake(cloud: LocalCloud, now = 0): { bytes: number; datagrams: number } {
    let bytes = 0;
    let datagrams = 0;
    const exchange = (datagram: Buffer): Buffer[] => {
      const answers = this.exchange(cloud, datagram, now);
      bytes += [datagram, ...answers].reduce((sum, part) => sum + part.length, 0);
      datagrams += 1 + answers.length;
      return answers;
    };
    const [first] = exchange(this.clientHello());
    const cookie = this.parseHelloVerifyRequest(first);
    const flight = cookie ? exchange(this.clientHello(cookie)) : [first];
    for (const datagram of flight) this.handleDatagram(datagram);
    for (const datagram of exchange(Buffer.concat(this.secondFlight()))) {
      this.handleDatagram(datagram);
    }
    return { bytes, datagrams };
  }

  /** The cookie of a HelloVerifyRequest, or undefined when the datagram is something else. */
  parseHelloVerifyRequest(datagram: Buffer | undefined): Buffer | undefined {
    if (!datagram || datagram[13] !== HandshakeType.HelloVerifyRequest) return undefined;
    const reader = new ByteReader(datagram.subarray(25));
    reader.uint(2);
    return reader.vector(1);
  }

  // ---- Records ----

  /** Seal one record with the connection id, padded to 16 as Device OS does unless told otherwise. */
  seal(type: ContentType, content: Uint8Array, padding?: number): Buffer {
    const keys = this.keys as KeyBlock;
    const record = sealConnectionIdRecord(
      {
        type: ContentType.ConnectionId,
        epoch: 1,
        sequenceNumber: this.sequence++,
        connectionId: this.connectionId,
      },
      type,
      content,
      { key: keys.clientWriteKey, iv: keys.clientWriteIv },
      DRAFT_05,
      padding ?? (16 - ((content.length + 1) % 16)) % 16,
    );
    record[0] = this.recordType;
    return record;
  }

  plainRecord(type: ContentType, fragment: Buffer): Buffer {
    return encodeRecord({ type, epoch: 0, sequenceNumber: this.plainSequence++, fragment });
  }

  /** Take in one datagram of the server. */
  handleDatagram(datagram: Uint8Array): void {
    for (const record of parseRecords(datagram, 0).records) {
      if (record.epoch === 0) this.handlePlainRecord(record);
      else this.handleSealedRecord(record);
    }
  }

  // ---- CoAP ----

  /** A CoAP message in one sealed record; the message ID counts up unless it is given. */
  coap(message: Partial<CoapMessage> & { code: number }, padding?: number): Buffer {
    const bytes = encodeCoap({
      type: 0,
      messageId: message.messageId ?? ++this.messageId,
      token: Buffer.alloc(0),
      options: [],
      payload: Buffer.alloc(0),
      ...message,
    });
    return this.seal(ContentType.ApplicationData, bytes, padding);
  }

  /** An application record with these bytes. */
  message(hex: string | Buffer, padding?: number): Buffer {
    const bytes = typeof hex === "string" ? Buffer.from(hex, "hex") : hex;
    return this.seal(ContentType.ApplicationData, bytes, padding);
  }

  /** A Hello with this device's id; `flags` as in `HelloFlag`. */
  hello(id = this.id, flags = 0x00f6): Buffer {
    const product = `12340003${uint(flags, 2).toString("hex")}`;
    return this.coap({
      code: 2,
      options: [{ number: 11, value: Buffer.from("h") }],
      payload: Buffer.from(`${product}000d000c${id}18380480001780000200`, "hex"),
    });
  }

  /** Give a datagram to the cloud and take what it sends to this device. The answers are NOT handled. */
  exchange(cloud: LocalCloud, datagram: Uint8Array, now = 0, from = this.address): Buffer[] {
    cloud.handleDatagram(from, datagram, now);
    return this.collect(cloud, from);
  }

  /** Give a datagram to the cloud and handle the answers. @returns the CoAP messages among them */
  talk(cloud: LocalCloud, datagram: Uint8Array, now = 0): CoapMessage[] {
    const before = this.received.length;
    for (const answer of this.exchange(cloud, datagram, now)) this.handleDatagram(answer);
    return this.received.slice(before);
  }

  /** What the cloud wants to send to this device now. */
  collect(cloud: LocalCloud, address = this.address): Buffer[] {
    const datagrams: Buffer[] = [];
    for (let next = cloud.pollTransmit(); next; next = cloud.pollTransmit()) {
      if (next.to === address) datagrams.push(Buffer.from(next.datagram));
    }
    return datagrams;
  }

  private handshakeMessage(type: HandshakeType, body: Buffer): Buffer {
    const message = encodeHandshakeMessage({ type, messageSequence: this.messageSequence++, body });
    this.transcript.push(message);
    return message;
  }

  private handlePlainRecord(record: DtlsRecord): void {
    if (record.type === ContentType.Alert) {
      const [level, description] = record.fragment;
      this.alerts.push({ level, description, epoch: 0 });
      return;
    }
    if (record.type !== ContentType.Handshake) return;
    for (const { type, messageSequence, fragment } of decodeHandshakeFragments(record.fragment)) {
      this.seen.push(type);
      this.transcript.push(encodeHandshakeMessage({ type, messageSequence, body: fragment }));
      if (type === HandshakeType.ServerHello) this.handleServerHello(fragment);
      if (type === HandshakeType.ServerKeyExchange) this.handleServerKeyExchange(fragment);
    }
  }

  private handleServerHello(body: Buffer): void {
    const reader = new ByteReader(body);
    if (reader.uint(2) !== 0xfefd) throw new Error("server version");
    this.serverRandom = reader.take(32) as typeof this.serverRandom;
    reader.vector(1);
    if (reader.uint(2) !== 0xc0ae || reader.uint(1) !== 0) throw new Error("suite");
    const extensions = new ByteReader(reader.vector(2));
    reader.end();
    while (extensions.remaining > 0) {
      const type = extensions.uint(2);
      const value = extensions.vector(2);
      if (type === 254) this.connectionId = Buffer.from(value.subarray(1));
      if (type === 19 && !value.equals(Buffer.of(2))) throw new Error("client certificate type");
    }
    // Device OS completes a handshake with another length and then throws the session away.
    if (this.connectionId.length !== 8) throw new Error("connection id is not 8 bytes");
  }

  private handleServerKeyExchange(body: Buffer): void {
    const parameters = body.subarray(0, 69);
    const reader = new ByteReader(body.subarray(69));
    if (reader.uint(2) !== 0x0403) throw new Error("signature algorithm");
    const signed = Buffer.concat([this.clientRandom, this.serverRandom, parameters]);
    const key = publicKeyFromSpki(this.options.serverSpki);
    if (!verify("sha256", signed, key, reader.vector(2))) throw new Error("server signature");
    this.serverPoint = Buffer.from(parameters.subarray(4));
  }

  private handleSealedRecord(record: DtlsRecord): void {
    const keys = this.keys as KeyBlock;
    const plaintext = openRecord(record, { key: keys.serverWriteKey, iv: keys.serverWriteIv });
    if (!plaintext) throw new Error("a record of the server does not authenticate");
    if (this.serverSequences.includes(record.sequenceNumber)) throw new Error("nonce reused");
    this.serverSequences.push(record.sequenceNumber);
    if (record.type === ContentType.Alert) {
      this.alerts.push({ level: plaintext[0], description: plaintext[1], epoch: 1 });
    } else if (record.type === ContentType.Handshake) {
      const transcript = Buffer.concat(this.transcript);
      const expected = deriveVerifyData(this.masterSecret, "server", transcript);
      if (!plaintext.subarray(12).equals(expected)) throw new Error("server Finished");
      this.finished = true;
    } else if (record.type === ContentType.ApplicationData) {
      this.received.push(decodeCoap(plaintext));
    }
  }
}
