// A scripted DTLS client of the standard profile for tests of the cloud: cookie, raw keys or PSK, extended master secret,
// connection ids of RFC 9146, resumption by session id. Like the scripted device it reuses codecs of cloud/.

import { createECDH, randomBytes, sign, verify, X509Certificate } from "node:crypto";
import { ByteReader, uint, vector } from "../../cloud/bytes";
import { decodeCoap, encodeCoap } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import {
  HandshakeReassembly,
  decodeHandshakeFragments,
  encodeHandshakeMessage,
} from "../../cloud/dtls/handshake-message";
import type { HandshakeMessage } from "../../cloud/dtls/handshake-message";
import {
  deriveExtendedMasterSecret,
  deriveKeyBlock,
  deriveMasterSecret,
  deriveVerifyData,
  pskPreMasterSecret,
} from "../../cloud/dtls/key-schedule";
import type { KeyBlock } from "../../cloud/dtls/key-schedule";
import { ContentType, HandshakeType } from "../../cloud/dtls/protocol";
import {
  RFC_9146,
  encodeRecord,
  openAnyRecord,
  parseRecords,
  sealRecordFor,
} from "../../cloud/dtls/record";
import type { DtlsRecord } from "../../cloud/dtls/record";
import { publicKeyFromSpki } from "../../cloud/keys";
import type { KeyPair } from "../../cloud/keys";
import type { LocalCloud } from "../../cloud/local-cloud";

/** What a later handshake needs to resume this one. */
export interface ClientSession {
  id: Buffer;
  masterSecret: Buffer;
}

export interface StandardClientOptions {
  address?: string;
  /** Raw public key, for the suite C0AE. */
  keyPair?: KeyPair;
  /** Pre-shared key, for the suite C0A8. */
  psk?: { identity: Buffer; key: Buffer };
  /** What the server's key must be. */
  serverSpki?: Buffer;
  extendedMasterSecret?: boolean;
  renegotiationInfo?: boolean;
  /** The id in records to the client, may be empty; undefined: no connection ids. */
  connectionId?: Buffer;
  serverCertificateTypes?: number[];
  resume?: ClientSession;
  /** In place of those that follow from the keys. */
  suites?: number[];
}

/** What a handshake cost. */
export interface Cost {
  up: number;
  down: number;
  datagrams: number;
}

export class StandardClient {
  address: string;
  /** The id that the server wants; undefined before it was negotiated. */
  serverConnectionId: Buffer | undefined;
  keys: KeyBlock | undefined;
  sequence = 0;
  messageId = 0;
  finished = false;
  resumed = false;
  suite = 0;
  extendedMasterSecret = false;
  /** Extensions of the ServerHello. */
  extensions = new Map<number, Buffer>();
  sessionId = Buffer.alloc(0);
  masterSecret: Buffer = Buffer.alloc(0);
  /** Handshake message types of the server, in order of arrival. */
  readonly seen: number[] = [];
  readonly alerts: { level: number; description: number; epoch: number }[] = [];
  readonly received: CoapMessage[] = [];
  /** Outer types of protected records of the server. */
  readonly sealedTypes: number[] = [];
  readonly serverSequences: number[] = [];
  /** Bytes that the client flips before it sends its Finished. */
  breakFinished = false;
  readonly clientRandom = randomBytes(32);

  private plainSequence = 0;
  private messageSequence = 0;
  private transcript: Buffer[] = [];
  private reassembly = new HandshakeReassembly(0);
  private serverRandom = Buffer.alloc(0);
  private serverPoint = Buffer.alloc(0);

  constructor(readonly options: StandardClientOptions) {
    this.address = options.address ?? "10.0.0.9:40000";
  }

  /** What it takes to resume this session. */
  get session(): ClientSession {
    return { id: this.sessionId, masterSecret: this.masterSecret };
  }

  // ---- Handshake ----

  clientHello(cookie: Uint8Array = Buffer.alloc(0)): Buffer {
    const { options } = this;
    const suites = options.suites ?? [
      ...(options.psk ? [0xc0a8] : []),
      ...(options.keyPair ? [0xc0ae] : []),
    ];
    if (options.renegotiationInfo) suites.push(0x00ff);
    const extensions = this.helloExtensions();
    const body = Buffer.concat([
      uint(0xfefd, 2),
      this.clientRandom,
      vector(1, options.resume?.id ?? Buffer.alloc(0)),
      vector(1, cookie),
      vector(2, ...suites.map((suite) => uint(suite, 2))),
      vector(1, Buffer.of(0)),
      extensions.length > 0 ? vector(2, extensions) : Buffer.alloc(0),
    ]);
    this.transcript = [];
    return this.handshakeRecord(HandshakeType.ClientHello, body);
  }

  /** The records of the flight after the server's: a full one, or ChangeCipherSpec and Finished. */
  secondFlight(): Buffer[] {
    const flight = this.resumed ? [] : this.keyExchange();
    flight.push(this.plainRecord(ContentType.ChangeCipherSpec, Buffer.of(1)));
    const verifyData = deriveVerifyData(
      this.masterSecret,
      "client",
      Buffer.concat(this.transcript),
    );
    if (this.breakFinished) verifyData[0] ^= 1;
    const finished = this.handshakeMessage(HandshakeType.Finished, verifyData);
    flight.push(this.seal(ContentType.Handshake, finished));
    return flight;
  }

  /** Do a whole handshake with the cloud, cookie or not, full or abbreviated. */
  handshake(cloud: LocalCloud, now = 0): Cost {
    const cost = { up: 0, down: 0, datagrams: 0 };
    const exchange = (datagram: Buffer): Buffer[] => {
      const answers = this.exchange(cloud, datagram, now);
      cost.up += datagram.length;
      cost.down += answers.reduce((sum, part) => sum + part.length, 0);
      cost.datagrams += 1 + answers.length;
      return answers;
    };
    let flight = exchange(this.clientHello());
    const cookie = this.parseHelloVerifyRequest(flight[0]);
    if (cookie) flight = exchange(this.clientHello(cookie));
    for (const datagram of flight) this.handleDatagram(datagram);
    if (this.alerts.length > 0) return cost;
    for (const datagram of exchange(Buffer.concat(this.secondFlight()))) {
      this.handleDatagram(datagram);
    }
    return cost;
  }

  parseHelloVerifyRequest(datagram: Buffer | undefined): Buffer | undefined {
    if (!datagram || datagram[13] !== HandshakeType.HelloVerifyRequest) return undefined;
    const reader = new ByteReader(datagram.subarray(25));
    reader.uint(2);
    return reader.vector(1);
  }

  // ---- Records ----

  seal(type: ContentType, content: Uint8Array): Buffer {
    const keys = this.keys as KeyBlock;
    return sealRecordFor(
      this.serverConnectionId ?? Buffer.alloc(0),
      { type, epoch: 1, sequenceNumber: this.sequence++ },
      content,
      { key: keys.clientWriteKey, iv: keys.clientWriteIv },
      RFC_9146,
    );
  }

  plainRecord(type: ContentType, fragment: Buffer): Buffer {
    return encodeRecord({ type, epoch: 0, sequenceNumber: this.plainSequence++, fragment });
  }

  /** Take in one datagram of the server. */
  handleDatagram(datagram: Uint8Array): void {
    const { records, complete } = parseRecords(datagram, this.options.connectionId?.length ?? 0);
    if (!complete) throw new Error("malformed datagram");
    for (const record of records) {
      if (record.epoch === 0) this.handlePlainRecord(record);
      else this.handleSealedRecord(record);
    }
  }

  // ---- CoAP ----

  /** A CoAP message in one sealed record; the message ID counts up unless it is given. */
  coap(message: Partial<CoapMessage> & { code: number }): Buffer {
    const bytes = encodeCoap({
      type: 0,
      messageId: message.messageId ?? ++this.messageId,
      token: Buffer.alloc(0),
      options: [],
      payload: Buffer.alloc(0),
      ...message,
    });
    return this.seal(ContentType.ApplicationData, bytes);
  }

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

  /** Handle what the cloud wants to send to this client now. @returns the CoAP messages among it */
  listen(cloud: LocalCloud): CoapMessage[] {
    const before = this.received.length;
    for (const datagram of this.collect(cloud)) this.handleDatagram(datagram);
    return this.received.slice(before);
  }

  collect(cloud: LocalCloud, address = this.address): Buffer[] {
    const datagrams: Buffer[] = [];
    for (let next = cloud.pollTransmit(); next; next = cloud.pollTransmit()) {
      if (next.to === address) datagrams.push(Buffer.from(next.datagram));
    }
    return datagrams;
  }

  // ---- Inside ----

  private helloExtensions(): Buffer {
    const { options } = this;
    const parts: Buffer[] = [];
    const add = (type: number, body: Uint8Array): number =>
      parts.push(uint(type, 2), vector(2, body));
    if (options.keyPair) {
      add(13, vector(2, uint(0x0403, 2)));
      add(10, vector(2, uint(0x0017, 2)));
      add(19, vector(1, Buffer.of(2)));
      const types = options.serverCertificateTypes ?? [2];
      if (types.length > 0) add(20, vector(1, Buffer.from(types)));
    }
    if (options.extendedMasterSecret) add(23, Buffer.alloc(0));
    if (options.connectionId) add(54, vector(1, options.connectionId));
    return Buffer.concat(parts);
  }

  private keyExchange(): Buffer[] {
    const { keyPair, psk } = this.options;
    const flight: Buffer[] = [];
    const add = (type: HandshakeType, body: Buffer): number =>
      flight.push(this.handshakeRecord(type, body));
    if (this.suite === 0xc0a8 && psk) {
      add(HandshakeType.ClientKeyExchange, vector(2, psk.identity));
      this.deriveKeys(pskPreMasterSecret(psk.key));
      return flight;
    }
    if (!keyPair) throw new Error("no key for this suite");
    const ecdh = createECDH("prime256v1");
    ecdh.generateKeys();
    add(HandshakeType.Certificate, vector(3, keyPair.spki));
    add(HandshakeType.ClientKeyExchange, vector(1, ecdh.getPublicKey()));
    this.deriveKeys(ecdh.computeSecret(this.serverPoint));
    const signature = sign("sha256", Buffer.concat(this.transcript), keyPair.privateKey);
    add(HandshakeType.CertificateVerify, Buffer.concat([uint(0x0403, 2), vector(2, signature)]));
    return flight;
  }

  private deriveKeys(preMaster: Buffer): void {
    this.masterSecret = this.extendedMasterSecret
      ? deriveExtendedMasterSecret(preMaster, Buffer.concat(this.transcript))
      : deriveMasterSecret(preMaster, this.clientRandom, this.serverRandom);
    this.keys = deriveKeyBlock(this.masterSecret, this.clientRandom, this.serverRandom);
  }

  private handshakeRecord(type: HandshakeType, body: Buffer): Buffer {
    return this.plainRecord(ContentType.Handshake, this.handshakeMessage(type, body));
  }

  private handshakeMessage(type: HandshakeType, body: Buffer): Buffer {
    const message = encodeHandshakeMessage({ type, messageSequence: this.messageSequence++, body });
    // The server numbers its messages from that of the ClientHello on.
    if (type === HandshakeType.ClientHello) {
      this.reassembly = new HandshakeReassembly(this.messageSequence - 1);
    }
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
    for (const part of decodeHandshakeFragments(record.fragment)) this.reassembly.add(part);
    for (let next = this.reassembly.poll(); next; next = this.reassembly.poll()) {
      this.handleMessage(next);
    }
  }

  private handleMessage(message: HandshakeMessage): void {
    const { type, body } = message;
    this.seen.push(type);
    this.transcript.push(encodeHandshakeMessage(message));
    if (type === HandshakeType.ServerHello) this.handleServerHello(body);
    if (type === HandshakeType.Certificate) this.handleCertificate(body);
    if (type === HandshakeType.ServerKeyExchange) this.handleServerKeyExchange(body);
  }

  private handleServerHello(body: Buffer): void {
    const reader = new ByteReader(body);
    if (reader.uint(2) !== 0xfefd) throw new Error("server version");
    this.serverRandom = reader.take(32) as typeof this.serverRandom;
    this.sessionId = reader.vector(1) as typeof this.sessionId;
    this.suite = reader.uint(2);
    if (reader.uint(1) !== 0) throw new Error("compression");
    const list = new ByteReader(reader.remaining > 0 ? reader.vector(2) : Buffer.alloc(0));
    reader.end();
    while (list.remaining > 0) this.extensions.set(list.uint(2), list.vector(2));
    const id = this.extensions.get(54);
    if (id && !this.options.connectionId) throw new Error("connection_id was not offered");
    this.serverConnectionId = id && Buffer.from(id.subarray(1));
    this.extendedMasterSecret = this.extensions.has(23);
    const { resume } = this.options;
    this.resumed = resume !== undefined && resume.id.equals(this.sessionId);
    if (!this.resumed || !resume) return;
    this.masterSecret = resume.masterSecret;
    this.keys = deriveKeyBlock(this.masterSecret, this.clientRandom, this.serverRandom);
  }

  private handleCertificate(body: Buffer): void {
    const type = this.extensions.get(20)?.[0] ?? 0;
    const reader = new ByteReader(body);
    const first = reader.vector(3);
    reader.end();
    const leaf = (): Buffer => {
      const certificate = new X509Certificate(new ByteReader(first).vector(3));
      return certificate.publicKey.export({ type: "spki", format: "der" });
    };
    const spki = type === 2 ? first : leaf();
    if (this.options.serverSpki && !spki.equals(this.options.serverSpki)) {
      throw new Error("another server key");
    }
  }

  private handleServerKeyExchange(body: Buffer): void {
    const parameters = body.subarray(0, 69);
    const reader = new ByteReader(body.subarray(69));
    if (reader.uint(2) !== 0x0403) throw new Error("signature algorithm");
    const signed = Buffer.concat([this.clientRandom, this.serverRandom, parameters]);
    const key = publicKeyFromSpki(this.options.serverSpki as Buffer);
    if (!verify("sha256", signed, key, reader.vector(2))) throw new Error("server signature");
    this.serverPoint = Buffer.from(parameters.subarray(4));
  }

  private handleSealedRecord(record: DtlsRecord): void {
    const keys = this.keys as KeyBlock;
    const key = { key: keys.serverWriteKey, iv: keys.serverWriteIv };
    const inner = openAnyRecord(record, key, RFC_9146);
    if (!inner) throw new Error("a record of the server does not authenticate");
    if (this.serverSequences.includes(record.sequenceNumber)) throw new Error("nonce reused");
    this.serverSequences.push(record.sequenceNumber);
    this.sealedTypes.push(record.type);
    const { contentType, content } = inner;
    if (contentType === ContentType.Alert) {
      this.alerts.push({ level: content[0], description: content[1], epoch: 1 });
    } else if (contentType === ContentType.Handshake) {
      if (this.finished) return;
      const transcript = Buffer.concat(this.transcript);
      const expected = deriveVerifyData(this.masterSecret, "server", transcript);
      if (!content.subarray(12).equals(expected)) throw new Error("server Finished");
      this.transcript.push(content);
      this.finished = true;
    } else if (contentType === ContentType.ApplicationData) {
      this.received.push(decodeCoap(content));
    }
  }
}
