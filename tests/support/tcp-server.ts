// A server of the TCP channel, scripted, on node:crypto alone: neither the core's code nor the local
// cloud's. It does the handshake and frames as told, right or wrong.

import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  privateDecrypt,
  privateEncrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";

import { makeRsaKey } from "./rsa-keys";
import type { RsaKey } from "./rsa-keys";

const NO_PADDING = constants.RSA_NO_PADDING;

let keys: { device: RsaKey; server: RsaKey; other: RsaKey; otherServer: RsaKey } | undefined;

/** Test keys, made once a process. */
export function tcpTestKeys(): NonNullable<typeof keys> {
  keys ??= {
    device: makeRsaKey(1024),
    server: makeRsaKey(2048),
    other: makeRsaKey(1024),
    otherServer: makeRsaKey(2048),
  };
  return keys;
}

/** Block of PKCS #1 type 2 with counting padding. */
function padded(message: Buffer, size: number): Buffer {
  const filling = Buffer.alloc(size - message.length - 3).map((_, i) => (i % 255) + 1);
  return Buffer.concat([Buffer.of(0, 2), filling, Buffer.of(0), message]);
}

export interface TcpServerOptions {
  device?: RsaKey;
  server?: RsaKey;
  nonce?: Buffer;
  session?: Buffer;
}

export class TcpServer {
  readonly device: RsaKey;
  readonly server: RsaKey;
  readonly nonce: Buffer;
  /** key 16 | iv 16 | salt 8 */
  readonly session: Buffer;
  /** What the device's key message says. */
  keyMessage: Buffer = Buffer.alloc(0);
  private input: Buffer = Buffer.alloc(0);
  private deviceIv: Buffer;
  private serverIv: Buffer;
  private nextId = 0x1000;

  constructor(options: TcpServerOptions = {}) {
    this.device = options.device ?? tcpTestKeys().device;
    this.server = options.server ?? tcpTestKeys().server;
    this.nonce = options.nonce ?? randomBytes(40);
    this.session = options.session ?? randomBytes(40);
    this.deviceIv = this.session.subarray(16, 32);
    this.serverIv = this.session.subarray(16, 32);
  }

  /** Message id that the device's first message must have. */
  get firstId(): number {
    return (this.session.readUInt16LE(32) + 1) & 0xffff;
  }

  /** Decrypt the device's 256 bytes. @returns nonce 40 | id 12 | SubjectPublicKeyInfo 162 */
  openKeyMessage(bytes: Uint8Array): Buffer {
    const key = { key: this.server.privateKey, padding: NO_PADDING };
    const block = privateDecrypt(key, Buffer.from(bytes));
    const end = block.indexOf(0, 2);
    if (block.readUInt16BE(0) !== 2 || end < 10) throw new Error("bad padding");
    this.keyMessage = block.subarray(end + 1);
    return this.keyMessage;
  }

  /** The 384 bytes that answer it. */
  sessionMessage(session: Buffer = this.session, block = padded(session, 128)): Buffer {
    const sealed = publicEncrypt({ key: this.device.publicKey, padding: NO_PADDING }, block);
    const mac = createHmac("sha1", session).update(sealed).digest();
    return Buffer.concat([sealed, this.sign(mac)]);
  }

  /** A type 1 block of `content`, without DigestInfo. */
  sign(content: Buffer): Buffer {
    const padding = constants.RSA_PKCS1_PADDING;
    return privateEncrypt({ key: this.server.privateKey, padding }, content);
  }

  /** A frame of one CoAP message, or of any bytes that are padded already. */
  seal(message: Uint8Array, isPadded = false): Buffer {
    const cipher = createCipheriv("aes-128-cbc", this.session.subarray(0, 16), this.serverIv);
    cipher.setAutoPadding(!isPadded);
    const ciphertext = Buffer.concat([cipher.update(message), cipher.final()]);
    this.serverIv = ciphertext.subarray(0, 16);
    return frame(ciphertext);
  }

  /** A CoAP message of the server: type, code and what follows the id. */
  message(type: number, code: number, rest: string | Buffer = "", id = this.nextId++): Buffer {
    const tail = typeof rest === "string" ? Buffer.from(rest, "hex") : rest;
    // Token length of one byte where there are options of a request with a token: the caller says so.
    const head = Buffer.of(0x40 | (type << 4), code, id >> 8, id & 255);
    return Buffer.concat([head, tail]);
  }

  /** The server's Hello, sealed. */
  hello(): Buffer {
    return this.seal(this.message(1, 2, "b168"));
  }

  /** Take bytes of the device's frames. @returns the CoAP messages that are complete */
  open(bytes: Uint8Array): Buffer[] {
    this.input = Buffer.concat([this.input, bytes]);
    const messages: Buffer[] = [];
    while (this.input.length >= 2 && this.input.length >= 2 + this.input.readUInt16BE(0)) {
      const end = 2 + this.input.readUInt16BE(0);
      const ciphertext = this.input.subarray(2, end);
      this.input = this.input.subarray(end);
      const cipher = createDecipheriv("aes-128-cbc", this.session.subarray(0, 16), this.deviceIv);
      messages.push(Buffer.concat([cipher.update(ciphertext), cipher.final()]));
      this.deviceIv = ciphertext.subarray(0, 16);
    }
    return messages;
  }
}

/** Length and ciphertext. */
export function frame(ciphertext: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(ciphertext.length >> 8, ciphertext.length & 255), ciphertext]);
}
