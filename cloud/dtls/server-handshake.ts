// The server side of one full handshake, after the cookie (RFC 6347 §4.2, RFC 8422 §2, RFC 7250 §4).
//
//   client                                             server
//   ClientHello (with cookie)            -------->
//                                        <--------     ServerHello, ServerKeyExchange, CertificateRequest, ServerHelloDone
//   Certificate, ClientKeyExchange, CertificateVerify,
//   [ChangeCipherSpec], Finished         -------->
//                                        <--------     [ChangeCipherSpec], Finished

import { createECDH, sign, timingSafeEqual, verify } from "node:crypto";
import type { ECDH } from "node:crypto";
import { fingerprint, publicKeyFromSpki } from "../keys";
import type { KeyPair } from "../keys";
import { agree } from "./client-hello";
import type { ClientHello } from "./client-hello";
import {
  decodeCertificateVerify,
  decodeClientKeyExchange,
  decodeFinished,
  decodeRawPublicKeyCertificate,
} from "./client-messages";
import {
  HandshakeReassembly,
  decodeHandshakeFragments,
  encodeHandshakeMessage,
} from "./handshake-message";
import type { HandshakeMessage } from "./handshake-message";
import { deriveKeyBlock, deriveMasterSecret, deriveVerifyData } from "./key-schedule";
import type { KeyBlock } from "./key-schedule";
import { AlertDescription, ContentType, HandshakeError, HandshakeType } from "./protocol";
import { encodeRecord, openConnectionIdRecord } from "./record";
import type { ConnectionIdVariant, DtlsRecord } from "./record";
import { ReplayWindow } from "./replay-window";
import {
  encodeCertificateRequest,
  encodeEcdhParameters,
  encodeServerHello,
  encodeServerKeyExchange,
} from "./server-messages";

/** A flight is split over several datagrams above this many bytes (IPv6 minimum MTU less headers). */
const MAX_DATAGRAM = 1232;
/** Sealed records kept while the messages before them are still missing. */
const MAX_EARLY_RECORDS = 4;

/** What a handshake needs from its server. */
export interface HandshakeContext {
  keyPair: KeyPair;
  variant: ConnectionIdVariant;
  random(length: number): Uint8Array;
  /** The device id of a registered public key. */
  findDevice(spki: Buffer): string | undefined;
}

/** The outcome of a verified client Finished. */
export interface HandshakeResult {
  deviceId: string;
  keys: KeyBlock;
  window: ReplayWindow;
  /** The server's Finished message, ready to be sealed. */
  finished: Buffer;
  /** Next record number of epoch 0. */
  plainSequence: number;
}

type State =
  "AwaitCertificate" | "AwaitClientKeyExchange" | "AwaitCertificateVerify" | "AwaitFinished";

export class ServerHandshake {
  state: State = "AwaitCertificate";
  private readonly ecdh: ECDH;
  private readonly serverRandom: Buffer;
  private readonly flight: Buffer[] = [];
  private readonly transcript: Buffer[] = [];
  private readonly reassembly: HandshakeReassembly;
  private readonly window = new ReplayWindow();
  private earlyRecords: DtlsRecord[] = [];
  private changeCipherSpecSeen = false;
  private nextServerMessage: number;
  private clientSpki: Buffer = Buffer.alloc(0);
  private deviceId = "";
  private masterSecret: Buffer = Buffer.alloc(0);
  private keys: KeyBlock | undefined;

  /**
   * Accept a ClientHello.
   * @param message the ClientHello as received; its cookie is already checked
   * @param recordSequence number of its record; the answer starts at the same (RFC 6347 §4.2.1)
   * @throws HandshakeError, DecodeError
   */
  constructor(
    private readonly context: HandshakeContext,
    readonly hello: ClientHello,
    message: HandshakeMessage,
    private recordSequence: number,
    readonly connectionId: Buffer,
  ) {
    const agreement = agree(hello, context.variant);
    this.serverRandom = Buffer.from(context.random(32));
    this.ecdh = ephemeralKey(context);
    this.nextServerMessage = message.messageSequence;
    this.reassembly = new HandshakeReassembly(message.messageSequence + 1);
    this.transcript.push(encodeHandshakeMessage(message));

    const parameters = encodeEcdhParameters(this.ecdh.getPublicKey());
    const signed = Buffer.concat([hello.random, this.serverRandom, parameters]);
    const signature = sign("sha256", signed, context.keyPair.privateKey);
    this.addToFlight(
      HandshakeType.ServerHello,
      encodeServerHello(this.serverRandom, connectionId, context.variant, agreement),
    );
    this.addToFlight(
      HandshakeType.ServerKeyExchange,
      encodeServerKeyExchange(parameters, signature),
    );
    this.addToFlight(HandshakeType.CertificateRequest, encodeCertificateRequest());
    this.addToFlight(HandshakeType.ServerHelloDone, Buffer.alloc(0));
  }

  /** Build the server's first flight, with fresh record numbers each time. One datagram of about 280 bytes. */
  sealFlight(): Buffer[] {
    const datagrams: Buffer[] = [];
    for (const message of this.flight) {
      const record = this.plainRecord(ContentType.Handshake, message);
      const last = datagrams[datagrams.length - 1];
      if (last && last.length + record.length <= MAX_DATAGRAM) {
        datagrams[datagrams.length - 1] = Buffer.concat([last, record]);
      } else {
        datagrams.push(record);
      }
    }
    return datagrams;
  }

  /** Build a record of epoch 0: the only kind this side may send before its Finished. */
  plainRecord(type: ContentType, fragment: Buffer): Buffer {
    return encodeRecord({ type, epoch: 0, sequenceNumber: this.recordSequence++, fragment });
  }

  /**
   * Handle a record of this client, plaintext or sealed.
   * @returns the result once the client's Finished verified
   * @throws HandshakeError, DecodeError: the handshake is over
   */
  handleRecord(record: DtlsRecord): HandshakeResult | undefined {
    if (record.connectionId) {
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
      this.handleMessage(message);
    }
    return this.state === "AwaitFinished" ? this.handleEarlyRecords() : undefined;
  }

  private pollPlain(): HandshakeMessage | undefined {
    return this.state === "AwaitFinished" ? undefined : this.reassembly.poll();
  }

  private handleMessage(message: HandshakeMessage): void {
    const expected = {
      AwaitCertificate: HandshakeType.Certificate,
      AwaitClientKeyExchange: HandshakeType.ClientKeyExchange,
      AwaitCertificateVerify: HandshakeType.CertificateVerify,
      AwaitFinished: HandshakeType.Finished,
    }[this.state];
    if (message.type !== expected) {
      throw new HandshakeError(
        AlertDescription.UnexpectedMessage,
        `handshake message ${message.type} in state ${this.state}`,
      );
    }
    if (this.state === "AwaitCertificate") this.handleCertificate(message.body);
    else if (this.state === "AwaitClientKeyExchange") this.handleClientKeyExchange(message.body);
    else this.handleCertificateVerify(message.body);
    this.transcript.push(encodeHandshakeMessage(message));
  }

  private handleCertificate(body: Buffer): void {
    this.clientSpki = decodeRawPublicKeyCertificate(body);
    const deviceId = this.context.findDevice(this.clientSpki);
    if (deviceId === undefined) {
      const name = fingerprint(this.clientSpki);
      throw new HandshakeError(
        AlertDescription.AccessDenied,
        `no device is registered with public key SHA-256 ${name}`,
      );
    }
    this.deviceId = deviceId;
    this.state = "AwaitClientKeyExchange";
  }

  private handleClientKeyExchange(body: Buffer): void {
    const point = decodeClientKeyExchange(body);
    // RFC 8422 §5.11: refuse what is no point of the curve; only uncompressed points were agreed.
    if (point.length !== 65 || point[0] !== 4) {
      throw new HandshakeError(AlertDescription.IllegalParameter, "bad point format");
    }
    let preMasterSecret: Buffer;
    try {
      preMasterSecret = this.ecdh.computeSecret(point);
    } catch {
      throw new HandshakeError(AlertDescription.IllegalParameter, "the point is not on the curve");
    }
    this.masterSecret = deriveMasterSecret(preMasterSecret, this.hello.random, this.serverRandom);
    this.keys = deriveKeyBlock(this.masterSecret, this.hello.random, this.serverRandom);
    this.state = "AwaitCertificateVerify";
  }

  private handleCertificateVerify(body: Buffer): void {
    const signature = decodeCertificateVerify(body);
    const key = publicKeyFromSpki(this.clientSpki);
    if (!verify("sha256", Buffer.concat(this.transcript), key, signature)) {
      throw new HandshakeError(
        AlertDescription.DecryptError,
        `the CertificateVerify of device ${this.deviceId} is wrong`,
      );
    }
    this.state = "AwaitFinished";
  }

  /** Look for the Finished among the sealed records; ones that do not authenticate are dropped (RFC 6347 §4.1.2.7). */
  private handleEarlyRecords(): HandshakeResult | undefined {
    if (!this.changeCipherSpecSeen || !this.keys) return undefined;
    const records = this.earlyRecords;
    this.earlyRecords = [];
    const key = { key: this.keys.clientWriteKey, iv: this.keys.clientWriteIv };
    for (const record of records) {
      if (!this.window.isFresh(record.sequenceNumber)) continue;
      const inner = openConnectionIdRecord(record, key, this.context.variant);
      if (!inner) continue;
      this.window.accept(record.sequenceNumber);
      if (inner.contentType !== ContentType.Handshake) continue;
      for (const fragment of decodeHandshakeFragments(inner.content)) this.reassembly.add(fragment);
      const message = this.reassembly.poll();
      if (message) return this.handleFinished(message);
    }
    return undefined;
  }

  private handleFinished(message: HandshakeMessage): HandshakeResult {
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
    const whole = Buffer.concat([transcript, encodeHandshakeMessage(message)]);
    const finished = encodeHandshakeMessage({
      type: HandshakeType.Finished,
      messageSequence: this.nextServerMessage,
      body: deriveVerifyData(this.masterSecret, "server", whole),
    });
    return {
      deviceId: this.deviceId,
      keys: this.keys as KeyBlock,
      window: this.window,
      finished,
      plainSequence: this.recordSequence,
    };
  }

  private addToFlight(type: HandshakeType, body: Buffer): void {
    const message = { type, messageSequence: this.nextServerMessage++, body };
    const encoded = encodeHandshakeMessage(message);
    this.flight.push(encoded);
    this.transcript.push(encoded);
  }
}

/** A fresh ECDH key from the injected random source. */
function ephemeralKey(context: HandshakeContext): ECDH {
  const ecdh = createECDH("prime256v1");
  for (;;) {
    try {
      ecdh.setPrivateKey(Buffer.from(context.random(32)));
      return ecdh;
    } catch {
      // Zero, or not below the order of the curve: one chance in 2^32. Draw again.
    }
  }
}
