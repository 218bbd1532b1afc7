// CoAP messages over UDP (RFC 7252 §3):
//
//    0                   1                   2                   3
//   |Ver| T |  TKL  |      Code     |          Message ID           |
//   | Token (TKL bytes) | Options | 0xff | Payload |

import { DecodeError, uint } from "../bytes";

export enum CoapType {
  Confirmable = 0,
  NonConfirmable = 1,
  Acknowledgement = 2,
  Reset = 3,
}

/** class << 5 | detail (RFC 7252 §3, §12.1; 2.31 and 4.08 of RFC 7959 §2.9). */
export enum CoapCode {
  Empty = 0,
  Get = 0x01,
  Post = 0x02,
  Put = 0x03,
  Delete = 0x04,
  Created = 0x41,
  Deleted = 0x42,
  Changed = 0x44,
  Content = 0x45,
  Continue = 0x5f,
  BadRequest = 0x80,
  BadOption = 0x82,
  NotFound = 0x84,
  MethodNotAllowed = 0x85,
  RequestEntityIncomplete = 0x88,
  RequestEntityTooLarge = 0x8d,
  InternalServerError = 0xa0,
  ServiceUnavailable = 0xa3,
}

export enum CoapOptionNumber {
  UriHost = 3,
  ETag = 4,
  /** RFC 7641 §2. */
  Observe = 6,
  UriPort = 7,
  UriPath = 11,
  ContentFormat = 12,
  MaxAge = 14,
  UriQuery = 15,
  Accept = 17,
  Block2 = 23,
  Block1 = 27,
  NoResponse = 258,
  RequestTag = 292,
}

export interface CoapOption {
  number: number;
  value: Buffer;
}

export interface CoapMessage {
  type: CoapType;
  code: number;
  /** 0 to 65535. */
  messageId: number;
  /** 0 to 8 bytes. */
  token: Buffer;
  /** In ascending order of number after decoding; sorted by encoding. */
  options: CoapOption[];
  payload: Buffer;
}

const VERSION = 1;
const PAYLOAD_MARKER = 0xff;

/** Decode one message. @throws DecodeError on any message format error of RFC 7252 §3 */
export function decodeCoap(bytes: Uint8Array): CoapMessage {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < 4) throw new DecodeError("CoAP header incomplete");
  if (data[0] >> 6 !== VERSION) throw new DecodeError("CoAP version is not 1");
  const tokenLength = data[0] & 15;
  const code = data[1];
  if (tokenLength > 8 || 4 + tokenLength > data.length) throw new DecodeError("bad token length");
  // RFC 7252 §4.1: an Empty message has nothing after its message ID.
  if (code === CoapCode.Empty && data.length !== 4) throw new DecodeError("Empty with content");
  const token = Buffer.from(data.subarray(4, 4 + tokenLength));
  const { options, payload } = decodeOptions(data, 4 + tokenLength);
  const type = (data[0] >> 4) & 3;
  return { type, code, messageId: data.readUInt16BE(2), token, options, payload };
}

/** Encode one message. Options are sorted; those with equal numbers keep their order. */
export function encodeCoap(message: CoapMessage): Buffer {
  const head = Buffer.of((VERSION << 6) | (message.type << 4) | message.token.length, message.code);
  const parts: Uint8Array[] = [head, uint(message.messageId, 2), message.token];
  let previous = 0;
  for (const option of [...message.options].sort((a, b) => a.number - b.number)) {
    parts.push(encodeOptionHeader(option.number - previous, option.value.length), option.value);
    previous = option.number;
  }
  if (message.payload.length > 0) parts.push(Buffer.of(PAYLOAD_MARKER), message.payload);
  return Buffer.concat(parts);
}

/** An option with an unsigned value in as few bytes as possible, none for zero (RFC 7252 §3.2). */
export function uintOption(number: number, value: number): CoapOption {
  const size = value === 0 ? 0 : Math.ceil((32 - Math.clz32(value)) / 8);
  return { number, value: size === 0 ? Buffer.alloc(0) : uint(value, size) };
}

/** An option with a UTF-8 string. */
export function stringOption(number: number, value: string): CoapOption {
  return { number, value: Buffer.from(value, "utf8") };
}

/** The value of the first option of this number as an unsigned integer; leading zeros are accepted, up to 4 bytes. */
export function findUint(message: CoapMessage, number: number): number | undefined {
  const value = findOption(message, number);
  if (!value || value.length > 4) return undefined;
  return value.length === 0 ? 0 : value.readUIntBE(0, value.length);
}

/** The value of the first option of this number. */
export function findOption(message: CoapMessage, number: number): Buffer | undefined {
  return message.options.find((option) => option.number === number)?.value;
}

/** Uri-Path segments, decoded as UTF-8. */
export function uriPath(message: CoapMessage): string[] {
  return message.options
    .filter((option) => option.number === CoapOptionNumber.UriPath)
    .map((option) => option.value.toString("utf8"));
}

/** "2.05" for 0x45. */
export function formatCode(code: number): string {
  return `${code >> 5}.${String(code & 31).padStart(2, "0")}`;
}

function decodeOptions(data: Buffer, start: number): { options: CoapOption[]; payload: Buffer } {
  const options: CoapOption[] = [];
  let offset = start;
  let number = 0;
  while (offset < data.length) {
    const head = data[offset++];
    if (head === PAYLOAD_MARKER) {
      if (offset === data.length) throw new DecodeError("payload marker without a payload");
      return { options, payload: Buffer.from(data.subarray(offset)) };
    }
    let delta: number;
    let length: number;
    [delta, offset] = decodeNibble(data, head >> 4, offset);
    [length, offset] = decodeNibble(data, head & 15, offset);
    number += delta;
    if (number > 0xffff) throw new DecodeError("option number above 65535");
    if (offset + length > data.length) throw new DecodeError("option incomplete");
    options.push({ number, value: Buffer.from(data.subarray(offset, offset + length)) });
    offset += length;
  }
  return { options, payload: Buffer.alloc(0) };
}

/** A 4-bit field with its extension: 13 is one more byte, 14 two, 15 is reserved (RFC 7252 §3.1). */
function decodeNibble(data: Buffer, nibble: number, offset: number): [number, number] {
  if (nibble < 13) return [nibble, offset];
  if (nibble === 15) throw new DecodeError("reserved option field");
  const size = nibble - 12;
  if (offset + size > data.length) throw new DecodeError("option header incomplete");
  return [data.readUIntBE(offset, size) + (size === 1 ? 13 : 269), offset + size];
}

function encodeOptionHeader(delta: number, length: number): Buffer {
  const [deltaNibble, deltaExtension] = encodeNibble(delta);
  const [lengthNibble, lengthExtension] = encodeNibble(length);
  return Buffer.concat([
    Buffer.of((deltaNibble << 4) | lengthNibble),
    deltaExtension,
    lengthExtension,
  ]);
}

function encodeNibble(value: number): [number, Buffer] {
  if (value < 13) return [value, Buffer.alloc(0)];
  if (value < 269) return [13, uint(value - 13, 1)];
  return [14, uint(value - 269, 2)];
}
