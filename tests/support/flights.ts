// Takes plaintext handshake flights apart and puts them together in other ways.

import {
  HANDSHAKE_HEADER_LENGTH,
  decodeHandshakeFragments,
  encodeHandshakeMessage,
} from "../../cloud/dtls/handshake-message";
import type { HandshakeMessage } from "../../cloud/dtls/handshake-message";
import { uint } from "../../cloud/bytes";
import { ContentType, HandshakeType } from "../../cloud/dtls/protocol";
import { encodeRecord, parseRecords } from "../../cloud/dtls/record";

/** The whole handshake messages of a datagram; undefined unless it holds nothing else. */
export function handshakeMessages(datagram: Uint8Array): HandshakeMessage[] | undefined {
  if (datagram[0] !== ContentType.Handshake) return undefined;
  const { records } = parseRecords(datagram, 8);
  if (records.some(({ type, epoch }) => type !== ContentType.Handshake || epoch !== 0)) {
    return undefined;
  }
  return records.flatMap(({ fragment }) =>
    decodeHandshakeFragments(fragment).map(({ type, messageSequence, fragment: body }) => ({
      type,
      messageSequence,
      body,
    })),
  );
}

/** The messages when the datagram is the server's flight that begins with ServerHello. */
export function serverFlight(datagram: Uint8Array): HandshakeMessage[] | undefined {
  const messages = handshakeMessages(datagram);
  return messages?.[0]?.type === HandshakeType.ServerHello ? messages : undefined;
}

/** One fragment with its header: bytes `from` up to `to` of the body. */
export function fragmentOf(message: HandshakeMessage, from: number, to: number): Buffer {
  const header = encodeHandshakeMessage(message).subarray(0, HANDSHAKE_HEADER_LENGTH);
  header.set(uint(from, 3), 6);
  header.set(uint(to - from, 3), 9);
  return Buffer.concat([header, message.body.subarray(from, to)]);
}

/** The fragments of a message: `size` bytes each, of which `overlap` are those of the one before. */
export function fragmentsOf(message: HandshakeMessage, size: number, overlap = 0): Buffer[] {
  const fragments: Buffer[] = [];
  const { length } = message.body;
  let from = 0;
  do {
    fragments.push(fragmentOf(message, from, Math.min(from + size, length)));
    from += size - overlap;
  } while (from + overlap < length);
  return fragments;
}

let plainNumber = 1000;

/** A plaintext handshake record with these fragments. */
export function handshakeRecord(...fragments: Uint8Array[]): Buffer {
  return encodeRecord({
    type: ContentType.Handshake,
    epoch: 0,
    sequenceNumber: plainNumber++,
    fragment: Buffer.concat(fragments),
  });
}

/** A plaintext record of another type. */
export function plainRecord(type: number, fragment: Uint8Array): Buffer {
  const sequenceNumber = plainNumber++;
  return encodeRecord({ type, epoch: 0, sequenceNumber, fragment: Buffer.from(fragment) });
}

/** A datagram with one record a message. */
export function datagramOf(messages: HandshakeMessage[]): Buffer {
  return Buffer.concat(messages.map((message) => handshakeRecord(encodeHandshakeMessage(message))));
}
