// A DTLS server that sends any message at any time, well-formed and in sequence, with the right keys
// wherever there are any. It follows what its client sends. Copies of it go different ways.

import { createECDH, createHash, sign } from "node:crypto";

import { vector } from "../../cloud/bytes";
import { decodeClientHello } from "../../cloud/dtls/client-hello";
import {
  HANDSHAKE_HEADER_LENGTH,
  decodeHandshakeFragments,
  encodeHandshakeMessage,
} from "../../cloud/dtls/handshake-message";
import {
  deriveExtendedMasterSecret,
  deriveKeyBlock,
  deriveMasterSecret,
  deriveVerifyData,
  pskPreMasterSecret,
} from "../../cloud/dtls/key-schedule";
import type { KeyBlock } from "../../cloud/dtls/key-schedule";
import type { Agreement } from "../../cloud/dtls/negotiation";
import {
  CertificateType,
  ContentType,
  ECDHE_ECDSA_AES_128_CCM_8,
  HandshakeType,
  PSK_AES_128_CCM_8,
} from "../../cloud/dtls/protocol";
import {
  DRAFT_05,
  RFC_9146,
  encodeRecord,
  openConnectionIdRecord,
  parseRecords,
  sealRecord,
} from "../../cloud/dtls/record";
import type { DtlsRecord } from "../../cloud/dtls/record";
import {
  encodeCertificateRequest,
  encodeEcdhParameters,
  encodeHelloVerifyRequest,
  encodeRawPublicKeyCertificate,
  encodeServerHello,
  encodeServerKeyExchange,
} from "../../cloud/dtls/server-messages";
import type { KeyPair } from "../../cloud/keys";

/** What the client and the server are to agree on. */
export type Kind = "particle" | "psk" | "raw key";

/** Everything that the server can send. */
export const SYMBOLS = [
  "HelloVerifyRequest",
  "ServerHello",
  "Certificate",
  "ServerKeyExchange",
  "CertificateRequest",
  "ServerHelloDone",
  "ChangeCipherSpec",
  "plain Finished",
  "sealed Finished",
  "plain data",
  "sealed data",
  "warning",
  "fatal alert",
  "HelloRequest",
  "ClientHello",
  "NewSessionTicket",
  "type 99",
] as const;
export type Symbol = (typeof SYMBOLS)[number];

/** Numbers of the handshake messages. */
const TYPES: Partial<Record<Symbol, number>> = {
  ServerHello: HandshakeType.ServerHello,
  Certificate: HandshakeType.Certificate,
  ServerKeyExchange: HandshakeType.ServerKeyExchange,
  CertificateRequest: HandshakeType.CertificateRequest,
  ServerHelloDone: HandshakeType.ServerHelloDone,
  "plain Finished": HandshakeType.Finished,
  HelloRequest: HandshakeType.HelloRequest,
  ClientHello: HandshakeType.ClientHello,
  NewSessionTicket: 4,
  "type 99": 99,
};

/** Whether it is a handshake message in clear, other than HelloVerifyRequest. */
export const isMessage = (symbol: Symbol): boolean => symbol in TYPES;

/** A warning that says nothing about the connection: user_canceled (RFC 5246 §7.2.2). */
const WARNING = Buffer.of(1, 90);
/** handshake_failure. */
const FATAL = Buffer.of(2, 40);
const CONNECTION_ID = Buffer.from("a1b2c3d4e5f60718", "hex");
const SERVER_RANDOM = createHash("sha256").update("server random").digest();
const NO_KEYS: KeyBlock = {
  clientWriteKey: Buffer.alloc(16),
  serverWriteKey: Buffer.alloc(16),
  clientWriteIv: Buffer.alloc(4),
  serverWriteIv: Buffer.alloc(4),
};

const ecdh = createECDH("prime256v1");
ecdh.setPrivateKey(createHash("sha256").update("server ephemeral").digest());
/** ServerKeyExchange by client random and server key: the signature is the same each time that a prefix is. */
const exchanges = new Map<string, Buffer>();

export interface ServerSetup {
  kind: Kind;
  keyPair: KeyPair;
  psk?: Uint8Array;
}

export class ScriptedServer {
  private transcript: Buffer[] = [];
  private clientRandom: Buffer = Buffer.alloc(32);
  private master: Buffer = Buffer.alloc(48);
  private keys = NO_KEYS;
  private messageSequence = 0;
  private plainSequence = 0;
  private sealedSequence = 0;
  private cookies = 0;
  /** HelloVerifyRequests that the client has followed. */
  private followed = 0;

  constructor(private readonly setup: ServerSetup) {}

  copy(): ScriptedServer {
    const other = new ScriptedServer(this.setup);
    return Object.assign(other, this, { transcript: [...this.transcript] });
  }

  // ---- sending ------------------------------------------------------------------------------

  /**
   * Build a datagram.
   * @param counts whether the client takes the message as the next one in sequence
   * @param joins whether it becomes part of the handshake
   */
  send(symbol: Symbol, counts: boolean, joins: boolean): Buffer {
    const type = TYPES[symbol];
    if (type !== undefined) return this.message(type, this.body(symbol), counts, joins);
    switch (symbol) {
      case "HelloVerifyRequest":
        return this.verifyRequest(counts);
      case "ChangeCipherSpec":
        return this.plain(ContentType.ChangeCipherSpec, Buffer.of(1));
      case "warning":
        return this.plain(ContentType.Alert, WARNING);
      case "fatal alert":
        return this.plain(ContentType.Alert, FATAL);
      case "plain data":
        return this.plain(ContentType.ApplicationData, Buffer.from("40010001", "hex"));
      case "sealed data":
        return this.seal(ContentType.ApplicationData, Buffer.from("40010001", "hex"));
      default:
        return this.seal(ContentType.Handshake, this.finished());
    }
  }

  private message(type: number, body: Buffer, counts: boolean, joins: boolean): Buffer {
    const message = encodeHandshakeMessage({ type, messageSequence: this.messageSequence, body });
    if (counts) this.messageSequence += 1;
    if (joins) this.transcript.push(message);
    return this.plain(ContentType.Handshake, message);
  }

  private verifyRequest(counts: boolean): Buffer {
    const body = encodeHelloVerifyRequest(Buffer.alloc(8, ++this.cookies));
    const messageSequence = this.messageSequence;
    // A server that asks for a cookie remembers nothing: it counts on from the ClientHello's number.
    if (counts) this.messageSequence = ++this.followed;
    const type = HandshakeType.HelloVerifyRequest;
    return this.plain(
      ContentType.Handshake,
      encodeHandshakeMessage({ type, messageSequence, body }),
    );
  }

  private finished(): Buffer {
    const { messageSequence, transcript, master } = this;
    const body = deriveVerifyData(master, "server", Buffer.concat(transcript));
    return encodeHandshakeMessage({ type: HandshakeType.Finished, messageSequence, body });
  }

  private body(symbol: Symbol): Buffer {
    const { kind, keyPair } = this.setup;
    switch (symbol) {
      case "ServerHello":
        return this.serverHello();
      case "Certificate":
        return encodeRawPublicKeyCertificate(keyPair.spki);
      case "ServerKeyExchange":
        return kind === "psk" ? vector(2, Buffer.from("hint")) : this.keyExchange();
      case "CertificateRequest":
        return encodeCertificateRequest();
      case "plain Finished":
        return this.finished().subarray(HANDSHAKE_HEADER_LENGTH);
      case "ServerHelloDone":
      case "HelloRequest":
        return Buffer.alloc(0);
      default:
        return Buffer.alloc(6);
    }
  }

  private serverHello(): Buffer {
    const { kind } = this.setup;
    const isStandard = kind !== "particle";
    const agreement: Agreement = {
      profile: isStandard ? "standard" : "particle",
      suite: kind === "psk" ? PSK_AES_128_CCM_8 : ECDHE_ECDSA_AES_128_CCM_8,
      variant: isStandard ? RFC_9146 : DRAFT_05,
      peerConnectionId: Buffer.alloc(0),
      resumed: false,
      serverCertificate: kind === "raw key" ? CertificateType.RawPublicKey : undefined,
      serverCertificateType: kind !== "psk",
      extendedMasterSecret: isStandard,
      renegotiationInfo: true,
    };
    const fields = { random: SERVER_RANDOM, sessionId: Buffer.alloc(0) };
    return encodeServerHello(agreement, { ...fields, connectionId: CONNECTION_ID });
  }

  private keyExchange(): Buffer {
    const name = Buffer.concat([this.clientRandom, this.setup.keyPair.spki]).toString("hex");
    let body = exchanges.get(name);
    if (!body) {
      const parameters = encodeEcdhParameters(ecdh.getPublicKey());
      const signed = Buffer.concat([this.clientRandom, SERVER_RANDOM, parameters]);
      const signature = sign("sha256", signed, this.setup.keyPair.privateKey);
      body = encodeServerKeyExchange(parameters, signature);
      exchanges.set(name, body);
    }
    return body;
  }

  private plain(type: ContentType, fragment: Buffer): Buffer {
    return encodeRecord({ type, epoch: 0, sequenceNumber: this.plainSequence++, fragment });
  }

  private seal(type: ContentType, content: Buffer): Buffer {
    const key = { key: this.keys.serverWriteKey, iv: this.keys.serverWriteIv };
    return sealRecord({ type, epoch: 1, sequenceNumber: this.sealedSequence++ }, content, key);
  }

  // ---- receiving ----------------------------------------------------------------------------

  /**
   * Take a datagram of the client.
   * @returns what it is: "ClientHello", "flight", or an alert such as "alert 2 10"
   */
  receive(datagram: Uint8Array): string {
    let what = "nothing";
    for (const record of parseRecords(datagram, CONNECTION_ID.length).records) {
      if (record.epoch > 0) what = this.receiveSealed(record);
      else if (record.type === ContentType.Alert) what = `alert ${record.fragment.join(" ")}`;
      else if (record.type === ContentType.Handshake) what = this.receiveMessage(record.fragment);
    }
    return what;
  }

  private receiveMessage(content: Buffer): string {
    const [{ type, fragment, messageSequence }] = decodeHandshakeFragments(content);
    const message = encodeHandshakeMessage({ type, messageSequence, body: fragment });
    if (type === HandshakeType.ClientHello) {
      this.clientRandom = decodeClientHello(fragment).random;
      this.transcript = [message];
      return "ClientHello";
    }
    this.transcript.push(message);
    if (type === HandshakeType.ClientKeyExchange) this.deriveKeys(fragment);
    return "flight";
  }

  private deriveKeys(exchange: Buffer): void {
    const { kind, psk } = this.setup;
    const premaster =
      kind === "psk" ? pskPreMasterSecret(psk!) : ecdh.computeSecret(exchange.subarray(1));
    this.master =
      kind === "particle"
        ? deriveMasterSecret(premaster, this.clientRandom, SERVER_RANDOM)
        : deriveExtendedMasterSecret(premaster, Buffer.concat(this.transcript));
    this.keys = deriveKeyBlock(this.master, this.clientRandom, SERVER_RANDOM);
  }

  private receiveSealed(record: DtlsRecord): string {
    const key = { key: this.keys.clientWriteKey, iv: this.keys.clientWriteIv };
    const variant = this.setup.kind === "particle" ? DRAFT_05 : RFC_9146;
    const opened = openConnectionIdRecord(record, key, variant);
    if (!opened) return "unreadable";
    if (opened.contentType === ContentType.Alert) return `alert ${opened.content.join(" ")}`;
    if (opened.contentType !== ContentType.Handshake) return "data";
    this.transcript.push(opened.content);
    return "flight";
  }
}
