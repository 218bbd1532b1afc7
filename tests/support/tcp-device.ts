// A scripted device on TCP for tests of the cloud: handshake and frames on node:crypto alone, so that every step can be
// taken apart, repeated or damaged. Of cloud/ it uses the CoAP codec only.

import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  privateDecrypt,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { decodeCoap, encodeCoap } from "../../cloud/coap/codec";
import type { CoapMessage } from "../../cloud/coap/codec";
import type { LocalCloud } from "../../cloud/local-cloud";
import type { StreamOutput } from "../../cloud/tcp/server";
import type { RsaKeyPair } from "../../cloud/tcp/rsa-keys";

export interface TcpDeviceOptions {
  id: string;
  keyPair: RsaKeyPair;
  server: Pick<RsaKeyPair, "publicKey">;
  address?: string;
}

/** What a cloud sent to devices that have not collected it yet, by address. */
const MAIL = new WeakMap<LocalCloud, Map<string, StreamOutput[]>>();

/** product 6, version 65535, flags 0x16, platform 6, no id, system 3306, message 800, binary 384000, chunk 512 */
export const HELLO_PAYLOAD = Buffer.from("0006ffff0016000600000cea03200005dc000200", "hex");

export class TcpDevice {
  readonly id: string;
  address: string;
  nonce = Buffer.alloc(0);
  /** key 16 | IV 16 | salt 8, once the server's message has been verified. */
  session = Buffer.alloc(0);
  /** ID of the last message that this side began. */
  messageId = 0;
  /** CoAP messages of the server. */
  readonly received: CoapMessage[] = [];
  /** The server closed the connection, or refused it. */
  closed = false;
  /** Bytes of the server so far. */
  bytesReceived = 0;
  private stream = Buffer.alloc(0);
  private sendIv = Buffer.alloc(0);
  private receiveIv = Buffer.alloc(0);

  constructor(readonly options: TcpDeviceOptions) {
    this.id = options.id;
    this.address = options.address ?? "tcp device";
  }

  /** What the device encrypts for the server: nonce, id, public key. */
  plaintext(): Buffer {
    const { id, keyPair } = this.options;
    return Buffer.concat([this.nonce, Buffer.from(id, "hex"), keyPair.spki]);
  }

  /** Its one message of the handshake, 256 bytes. @param padding 39 non-zero bytes for a message of 214 */
  deviceMessage(plaintext = this.plaintext(), padding?: Uint8Array): Buffer {
    const key = this.options.server.publicKey;
    if (!padding) return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, plaintext);
    return this.encryptBlock(Buffer.concat([Buffer.of(0, 2), padding, Buffer.of(0), plaintext]));
  }

  /** Encrypt a whole block, well padded or not. */
  encryptBlock(block: Uint8Array): Buffer {
    const key = this.options.server.publicKey;
    return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
  }

  /** Take bytes of the server, in any pieces. */
  handleBytes(bytes: Uint8Array): void {
    this.bytesReceived += bytes.length;
    this.stream = Buffer.concat([this.stream, bytes]);
    if (this.nonce.length === 0 && this.stream.length >= 40) this.nonce = this.takeBytes(40);
    if (this.nonce.length > 0 && this.session.length === 0 && this.stream.length >= 384) {
      this.handleServerMessage(this.takeBytes(384));
    }
    while (this.session.length > 0 && this.stream.length >= 2) {
      const length = this.stream.readUInt16BE();
      if (this.stream.length < 2 + length) return;
      this.takeBytes(2);
      this.received.push(decodeCoap(this.open(this.takeBytes(length))));
    }
  }

  /** One frame around these bytes. */
  seal(message: Uint8Array): Buffer {
    const cipher = createCipheriv("aes-128-cbc", this.session.subarray(0, 16), this.sendIv);
    return this.frame(Buffer.concat([cipher.update(message), cipher.final()]));
  }

  /** One frame around a plaintext that has its padding already, right or wrong. */
  sealPadded(padded: Uint8Array): Buffer {
    const cipher = createCipheriv("aes-128-cbc", this.session.subarray(0, 16), this.sendIv);
    cipher.setAutoPadding(false);
    return this.frame(Buffer.concat([cipher.update(padded), cipher.final()]));
  }

  /** A CoAP message in a frame; the message ID counts up unless it is given. Default: non-confirmable. */
  coap(message: Partial<CoapMessage> & { code: number }): Buffer {
    return this.seal(this.encode(message));
  }

  encode(message: Partial<CoapMessage> & { code: number }): Buffer {
    return encodeCoap({
      type: 1,
      messageId: message.messageId ?? this.nextMessageId(),
      token: Buffer.alloc(0),
      options: [],
      payload: Buffer.alloc(0),
      ...message,
    });
  }

  hello(payload: Buffer = HELLO_PAYLOAD): Buffer {
    return this.coap({ code: 2, options: [{ number: 11, value: Buffer.from("h") }], payload });
  }

  nextMessageId(): number {
    this.messageId = (this.messageId + 1) & 0xffff;
    return this.messageId;
  }

  // ---- In process, without a socket ----

  /** Connect; the nonce is taken. */
  openConnection(cloud: LocalCloud, now = 0): void {
    MAIL.get(cloud)?.delete(this.address);
    if (!cloud.handleConnection(this.address, now)) this.closed = true;
    this.collect(cloud);
  }

  /** Connect and do the handshake, without a Hello. */
  handshake(cloud: LocalCloud, now = 0): void {
    this.openConnection(cloud, now);
    this.give(cloud, this.deviceMessage(), now);
  }

  /** Connect, do the handshake, say Hello. @returns the messages of the server */
  connect(cloud: LocalCloud, now = 0): CoapMessage[] {
    this.handshake(cloud, now);
    return this.give(cloud, this.hello(), now);
  }

  /** Give bytes to the cloud and take what it sends. @returns the CoAP messages among it */
  give(cloud: LocalCloud, bytes: Uint8Array, now = 0): CoapMessage[] {
    cloud.handleStream(this.address, bytes, now);
    return this.collect(cloud);
  }

  /** Take what the cloud wants to send to this device now. */
  collect(cloud: LocalCloud): CoapMessage[] {
    const before = this.received.length;
    const mail = MAIL.get(cloud) ?? new Map<string, StreamOutput[]>();
    MAIL.set(cloud, mail);
    for (let next = cloud.pollStream(); next; next = cloud.pollStream()) {
      mail.set(next.to, [...(mail.get(next.to) ?? []), next]);
    }
    for (const { close, bytes } of mail.get(this.address) ?? []) {
      if (close) this.closed = true;
      else this.handleBytes(bytes);
    }
    mail.delete(this.address);
    return this.received.slice(before);
  }

  private handleServerMessage(message: Buffer): void {
    const { keyPair, server } = this.options;
    const encrypted = message.subarray(0, 128);
    const noPadding = constants.RSA_NO_PADDING;
    const block = privateDecrypt({ key: keyPair.privateKey, padding: noPadding }, encrypted);
    const end = block.indexOf(0, 2);
    if (block[0] !== 0 || block[1] !== 2 || end !== 128 - 41) throw new Error("server padding");
    const session = block.subarray(end + 1);
    const padding = constants.RSA_PKCS1_PADDING;
    const signed = publicDecrypt({ key: server.publicKey, padding }, message.subarray(128));
    const mac = createHmac("sha1", session).update(encrypted).digest();
    if (!signed.equals(mac)) throw new Error("server signature");
    this.session = Buffer.from(session);
    this.sendIv = Buffer.from(session.subarray(16, 32));
    this.receiveIv = Buffer.from(session.subarray(16, 32));
    this.messageId = session.readUInt16LE(32);
  }

  private open(ciphertext: Buffer): Buffer {
    const key = this.session.subarray(0, 16);
    const decipher = createDecipheriv("aes-128-cbc", key, this.receiveIv);
    this.receiveIv = Buffer.from(ciphertext.subarray(0, 16));
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  }

  private frame(ciphertext: Buffer): Buffer {
    this.sendIv = Buffer.from(ciphertext.subarray(0, 16));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(ciphertext.length);
    return Buffer.concat([length, ciphertext]);
  }

  private takeBytes(length: number): Buffer<ArrayBuffer> {
    const bytes = Buffer.from(this.stream.subarray(0, length));
    this.stream = Buffer.from(this.stream.subarray(length));
    return bytes;
  }
}

/** Random bytes that are not zero. */
export function nonZeroBytes(length: number): Buffer {
  return Buffer.from(randomBytes(length).map((byte) => byte || 1));
}
