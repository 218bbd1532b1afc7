// DTLS 1.2 records: plaintext ones, AES-128-CCM-8 ones, and those with a connection id, in both known AAD layouts.
// RFC 6347 §4.1, RFC 6655 §3, RFC 9146 §4-§5, draft-ietf-tls-dtls-connection-id-05 §5.

import { createCipheriv, createDecipheriv } from "node:crypto";
import { uint } from "../bytes";
import { ContentType, DTLS_1_0, DTLS_1_2, ExtensionType } from "./protocol";

export const RECORD_HEADER_LENGTH = 13;
export const EXPLICIT_NONCE_LENGTH = 8;
export const TAG_LENGTH = 8;
/** Largest record sequence number, 2^48 - 1 (RFC 6347 §4.1). */
export const MAX_SEQUENCE_NUMBER = 2 ** 48 - 1;

/** One flavour of connection ids: its extension number and the layout of its additional data. */
export interface ConnectionIdVariant {
  extension: ExtensionType;
  aad: "draft-05" | "rfc9146";
}

/** What Device OS speaks: extension 254. */
export const DRAFT_05: ConnectionIdVariant = {
  extension: ExtensionType.DraftConnectionId,
  aad: "draft-05",
};
/** RFC 9146: extension 54. */
export const RFC_9146: ConnectionIdVariant = {
  extension: ExtensionType.ConnectionId,
  aad: "rfc9146",
};

/** A record as it stands in a datagram. `fragment` is still sealed when epoch > 0. */
export interface DtlsRecord {
  /** The byte on the wire: 253 stays 253. */
  type: number;
  epoch: number;
  sequenceNumber: number;
  /** Present on types 25 and 253 only. */
  connectionId?: Buffer;
  fragment: Buffer;
}

/** A key and its 4-byte salt, for one direction. */
export interface WriteKey {
  key: Uint8Array;
  iv: Uint8Array;
}

/**
 * Split a datagram into records.
 *
 * Layout: type 1 | version 2 | epoch 2 | sequence number 6 | [connection id] | length 2 | fragment.
 *
 * @param connectionIdLength bytes of the connection ids that this side gave out, by the first byte of the id
 * @returns the well-formed records in front, and whether the datagram was well formed to its end
 */
export function parseRecords(
  datagram: Uint8Array,
  connectionIdLength: number | ((first: number) => number),
): { records: DtlsRecord[]; complete: boolean } {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const records: DtlsRecord[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const type = bytes[offset];
    const hasConnectionId =
      type === ContentType.ConnectionId || type === ContentType.MovedConnectionId;
    const idLength =
      typeof connectionIdLength === "number"
        ? connectionIdLength
        : connectionIdLength(bytes[offset + 11] ?? 0);
    const lengthOffset = offset + 11 + (hasConnectionId ? idLength : 0);
    if (lengthOffset + 2 > bytes.length) return { records, complete: false };
    const start = lengthOffset + 2;
    const end = start + bytes.readUInt16BE(lengthOffset);
    const epoch = bytes.readUInt16BE(offset + 3);
    if (end > bytes.length || !isVersion(bytes.readUInt16BE(offset + 1), type, epoch))
      return { records, complete: false };
    records.push({
      type,
      epoch,
      sequenceNumber: bytes.readUIntBE(offset + 5, 6),
      connectionId: hasConnectionId
        ? Buffer.from(bytes.subarray(offset + 11, lengthOffset))
        : undefined,
      fragment: Buffer.from(bytes.subarray(start, end)),
    });
    offset = end;
  }
  return { records, complete: true };
}

/** Encode a record whose fragment is already as it goes out. */
export function encodeRecord(record: DtlsRecord): Buffer {
  return Buffer.concat([
    uint(record.type, 1),
    uint(DTLS_1_2, 2),
    epochAndSequence(record),
    record.connectionId ?? Buffer.alloc(0),
    uint(record.fragment.length, 2),
    record.fragment,
  ]);
}

/**
 * Seal one record without a connection id: explicit nonce 8 | ciphertext | tag 8. Costs 29 bytes over the plaintext.
 * @see RFC 5246 §6.2.3.3, RFC 6655 §3
 */
export function sealRecord(
  header: { type: number; epoch: number; sequenceNumber: number },
  plaintext: Uint8Array,
  key: WriteKey,
): Buffer {
  const aad = plainAad(header, plaintext.length);
  return encodeRecord({ ...header, fragment: sealFragment(header, plaintext, aad, key) });
}

/**
 * Seal one record with a connection id. The inner plaintext is content | type 1 | zeros.
 * @param padding zero bytes to add (the receiver strips any number)
 * @see RFC 9146 §4
 */
export function sealConnectionIdRecord(
  header: { type: number; epoch: number; sequenceNumber: number; connectionId: Buffer },
  contentType: ContentType,
  content: Uint8Array,
  key: WriteKey,
  variant: ConnectionIdVariant,
  padding = 0,
): Buffer {
  const inner = Buffer.concat([content, uint(contentType, 1), Buffer.alloc(padding)]);
  const aad = connectionIdAad(header, header.connectionId, inner.length, variant);
  return encodeRecord({ ...header, fragment: sealFragment(header, inner, aad, key) });
}

/** Open a record without a connection id. @returns its plaintext, or undefined when it does not authenticate. */
export function openRecord(record: DtlsRecord, key: WriteKey): Buffer | undefined {
  return openFragment(record, (length) => plainAad(record, length), key);
}

/**
 * Open a record with a connection id, of wire type 25 or 253.
 * @returns the real content type and content; undefined when it does not authenticate or has no type byte
 */
export function openConnectionIdRecord(
  record: DtlsRecord,
  key: WriteKey,
  variant: ConnectionIdVariant,
): { contentType: number; content: Buffer } | undefined {
  const connectionId = record.connectionId;
  if (!connectionId) return undefined;
  const inner = openFragment(
    record,
    (length) => connectionIdAad(record, connectionId, length, variant),
    key,
  );
  if (!inner) return undefined;
  let end = inner.length;
  while (end > 0 && inner[end - 1] === 0) end--;
  if (end === 0) return undefined;
  return { contentType: inner[end - 1], content: inner.subarray(0, end - 1) };
}

/** Seal a record for a peer that wants this connection id in it, or none when it is empty (RFC 9146 §3). */
export function sealRecordFor(
  peerConnectionId: Buffer,
  header: { type: ContentType; epoch: number; sequenceNumber: number },
  plaintext: Uint8Array,
  key: WriteKey,
  variant: ConnectionIdVariant,
): Buffer {
  if (peerConnectionId.length === 0) return sealRecord(header, plaintext, key);
  const outer = { ...header, type: ContentType.ConnectionId, connectionId: peerConnectionId };
  return sealConnectionIdRecord(outer, header.type, plaintext, key, variant);
}

/** Open a record with or without a connection id. @returns undefined when it does not authenticate */
export function openAnyRecord(
  record: DtlsRecord,
  key: WriteKey,
  variant: ConnectionIdVariant,
): { contentType: number; content: Buffer } | undefined {
  if (record.connectionId) return openConnectionIdRecord(record, key, variant);
  const content = openRecord(record, key);
  return content && { contentType: record.type, content };
}

/** epoch 2 | sequence number 6 | type | version | length 2 (RFC 5246 §6.2.3.3). 13 bytes. */
export function plainAad(
  header: { type: number; epoch: number; sequenceNumber: number },
  plaintextLength: number,
): Buffer {
  return Buffer.concat([
    epochAndSequence(header),
    uint(header.type, 1),
    uint(DTLS_1_2, 2),
    uint(plaintextLength, 2),
  ]);
}

/**
 * Additional data of a record with a connection id. The type counts as 25 even when the wire says 253.
 *
 * draft-05: epoch+sequence 8 | 25 | version | cid | cid length 1 | inner length 2
 * RFC 9146 §5.3: ff x 8 | 25 | cid length 1 | 25 | version | epoch+sequence 8 | cid | inner length 2
 */
export function connectionIdAad(
  header: { epoch: number; sequenceNumber: number },
  connectionId: Uint8Array,
  innerLength: number,
  variant: ConnectionIdVariant,
): Buffer {
  const type = uint(ContentType.ConnectionId, 1);
  const version = uint(DTLS_1_2, 2);
  const cidLength = uint(connectionId.length, 1);
  const length = uint(innerLength, 2);
  if (variant.aad === "draft-05") {
    return Buffer.concat([
      epochAndSequence(header),
      type,
      version,
      connectionId,
      cidLength,
      length,
    ]);
  }
  const placeholder = Buffer.alloc(8, 0xff);
  return Buffer.concat([
    placeholder,
    type,
    cidLength,
    type,
    version,
    epochAndSequence(header),
    connectionId,
    length,
  ]);
}

/** A client may send its ClientHello in records of DTLS 1.0 (RFC 5246 §E.1, RFC 6347 §4.2.1). */
function isVersion(version: number, type: number, epoch: number): boolean {
  if (version === DTLS_1_2) return true;
  return version === DTLS_1_0 && type === ContentType.Handshake && epoch === 0;
}

function epochAndSequence(header: { epoch: number; sequenceNumber: number }): Buffer {
  return Buffer.concat([uint(header.epoch, 2), uint(header.sequenceNumber, 6)]);
}

function sealFragment(
  header: { epoch: number; sequenceNumber: number },
  plaintext: Uint8Array,
  aad: Buffer,
  key: WriteKey,
): Buffer {
  const explicitNonce = epochAndSequence(header);
  const nonce = Buffer.concat([key.iv, explicitNonce]);
  const cipher = createCipheriv("aes-128-ccm", key.key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([explicitNonce, ciphertext, cipher.getAuthTag()]);
}

function openFragment(
  record: DtlsRecord,
  aad: (length: number) => Buffer,
  key: WriteKey,
): Buffer | undefined {
  const length = record.fragment.length - EXPLICIT_NONCE_LENGTH - TAG_LENGTH;
  if (length < 0) return undefined;
  const nonce = Buffer.concat([key.iv, record.fragment.subarray(0, EXPLICIT_NONCE_LENGTH)]);
  const decipher = createDecipheriv("aes-128-ccm", key.key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAuthTag(record.fragment.subarray(EXPLICIT_NONCE_LENGTH + length));
  decipher.setAAD(aad(length), { plaintextLength: length });
  try {
    const plaintext = decipher.update(
      record.fragment.subarray(EXPLICIT_NONCE_LENGTH, EXPLICIT_NONCE_LENGTH + length),
    );
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}
