// One TCP session of a device: the ciphers of both directions and the order of its message IDs. It ends with its
// connection, and is never stored.

import { CoapCode, CoapType, uriPath } from "../coap/codec";
import type { CoapMessage } from "../coap/codec";
import { FrameCipher } from "./frame-cipher";

export class TcpSession {
  readonly transport = "tcp" as const;
  readonly profile = "particle" as const;
  readonly restored = false;
  /** Frames since the handshake. */
  readonly records = { sent: 0, received: 0 };
  private readonly inbound: FrameCipher;
  private readonly outbound: FrameCipher;
  private lastMessageId: number;

  /** @param block key 16 | IV 16 | salt 8; the IV begins both directions, the salt the message IDs of the device */
  constructor(
    readonly deviceId: string,
    readonly address: string,
    block: Buffer,
  ) {
    const key = block.subarray(0, 16);
    const iv = block.subarray(16, 32);
    this.inbound = new FrameCipher(key, iv);
    this.outbound = new FrameCipher(key, iv);
    this.lastMessageId = block.readUInt16LE(32);
  }

  /** @returns a whole frame */
  seal(message: Uint8Array): Buffer {
    this.records.sent++;
    return this.outbound.seal(message);
  }

  /** @returns undefined when the padding is wrong */
  open(ciphertext: Uint8Array): Buffer | undefined {
    this.records.received++;
    return this.inbound.open(ciphertext);
  }

  /**
   * Is this message the next one? The IDs of what a device begins count up by one from the salt, without a gap; its
   * acknowledgements and Resets repeat the ID of what they answer.
   */
  follows({ type, messageId }: CoapMessage): boolean {
    if (type === CoapType.Acknowledgement || type === CoapType.Reset) return true;
    this.lastMessageId = (this.lastMessageId + 1) & 0xffff;
    return messageId === this.lastMessageId;
  }
}

/** POST /h, the first message of a device. */
export function isHello(message: CoapMessage): boolean {
  const request = message.type <= CoapType.NonConfirmable && message.code === CoapCode.Post;
  return request && uriPath(message).join("/") === "h";
}
