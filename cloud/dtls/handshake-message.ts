// The DTLS handshake header, and reassembly of fragmented and reordered handshake messages (RFC 6347 §4.2.2-§4.2.3).

import { ByteReader, DecodeError, uint } from "../bytes";

export const HANDSHAKE_HEADER_LENGTH = 12;
/** No message of this handshake comes near; a longer one is refused before anything is stored. */
export const MAX_MESSAGE_LENGTH = 2048;
/** How far ahead of the next message a fragment may be. The client's second flight has four messages. */
const MAX_AHEAD = 6;

export interface HandshakeFragment {
  type: number;
  /** Length of the whole message body. */
  length: number;
  messageSequence: number;
  fragmentOffset: number;
  fragment: Buffer;
}

export interface HandshakeMessage {
  type: number;
  messageSequence: number;
  body: Buffer;
}

/** Encode a message as one fragment: type 1 | length 3 | message_seq 2 | offset 3 | fragment length 3 | body. */
export function encodeHandshakeMessage(message: HandshakeMessage): Buffer {
  return encodeHandshakeFragment(message, 0, message.body.length);
}

/** Encode the part of a message that begins at `offset` and has `size` bytes, or fewer at the end. */
export function encodeHandshakeFragment(
  message: HandshakeMessage,
  offset: number,
  size: number,
): Buffer {
  const fragment = message.body.subarray(offset, offset + size);
  return Buffer.concat([
    uint(message.type, 1),
    uint(message.body.length, 3),
    uint(message.messageSequence, 2),
    uint(offset, 3),
    uint(fragment.length, 3),
    fragment,
  ]);
}

/** Decode the fragments of one handshake record. @throws DecodeError */
export function decodeHandshakeFragments(content: Uint8Array): HandshakeFragment[] {
  const reader = new ByteReader(content);
  const fragments: HandshakeFragment[] = [];
  while (reader.remaining > 0) {
    const type = reader.uint(1);
    const length = reader.uint(3);
    const messageSequence = reader.uint(2);
    const fragmentOffset = reader.uint(3);
    const fragment = reader.vector(3);
    if (fragmentOffset + fragment.length > length)
      throw new DecodeError("fragment outside its message");
    fragments.push({ type, length, messageSequence, fragmentOffset, fragment });
  }
  return fragments;
}

interface PartialMessage {
  type: number;
  body: Buffer;
  received: Uint8Array;
  missing: number;
}

/** Collects fragments in any order and releases whole messages in the order of message_seq. */
export class HandshakeReassembly {
  private readonly partial = new Map<number, PartialMessage>();

  /** @param next message_seq of the first message that is expected */
  constructor(private next: number) {}

  /** message_seq of the next message to be released. */
  get nextMessageSequence(): number {
    return this.next;
  }

  /**
   * Add one fragment. Duplicates, old messages and messages too far ahead are ignored.
   * @throws DecodeError when it contradicts an earlier fragment or the message is longer than 2048 bytes
   */
  add(fragment: HandshakeFragment): void {
    const ahead = fragment.messageSequence - this.next;
    if (ahead < 0 || ahead > MAX_AHEAD) return;
    if (fragment.length > MAX_MESSAGE_LENGTH)
      throw new DecodeError(`handshake message of ${fragment.length} bytes`);
    let message = this.partial.get(fragment.messageSequence);
    if (!message) {
      const { length, type } = fragment;
      message = {
        type,
        body: Buffer.alloc(length),
        received: new Uint8Array(length),
        missing: length,
      };
      this.partial.set(fragment.messageSequence, message);
    }
    if (message.type !== fragment.type || message.body.length !== fragment.length) {
      throw new DecodeError("fragments of one message disagree");
    }
    for (let i = 0; i < fragment.fragment.length; i++) {
      const at = fragment.fragmentOffset + i;
      if (message.received[at]) continue;
      message.received[at] = 1;
      message.body[at] = fragment.fragment[i];
      message.missing--;
    }
  }

  /** The next whole message, or undefined while it is incomplete. */
  poll(): HandshakeMessage | undefined {
    const message = this.partial.get(this.next);
    if (!message || message.missing > 0) return undefined;
    this.partial.delete(this.next);
    return { type: message.type, messageSequence: this.next++, body: message.body };
  }
}
