// CoAP message codec (RFC 7252 §3), in place and without allocation:
//
//    0                   1                   2                   3
//   |Ver| T |  TKL  |      Code     |          Message ID           |
//   | Token (0...8) | Options (delta, length, value) | 0xff | Payload |
//
// `decodeMessage` checks the whole message once; accessors and the option iterator then read it
// where it lies. One message is decoded at a time, one encoded at a time.

import { Status } from "../status";
import { loadU16 } from "../util/bytes";
import { writeBytes, writeU16, writeU8, writerLength, writerOpen } from "../util/writer";
import { HEADER_SIZE, MAX_TOKEN_LENGTH } from "./protocol";

const VERSION: u32 = 1;
const PAYLOAD_MARKER: u32 = 0xff;

let message: usize = 0;
let optionsStart: usize = 0;
let optionsEnd: usize = 0;
let payload: usize = 0;
let payloadLength: i32 = 0;

// ---- decoding -------------------------------------------------------------------------------

/**
 * Check a message completely and make it the one that the accessors read.
 * @param pointer [in] `length` bytes, which must stay while accessors are used
 * @returns Status.Ok; Status.MalformedMessage (too short, version, token length 9...15, reserved
 *   option nibble, option past the end, marker without payload, more than a header in an Empty
 *   message: RFC 7252 §3, §4.1)
 */
export function decodeMessage(pointer: usize, length: i32): i32 {
  payload = 0;
  payloadLength = 0;
  if (length < HEADER_SIZE) return Status.MalformedMessage;
  const first = <u32>load<u8>(pointer);
  const tokenLength = <i32>(first & 15);
  if (first >>> 6 != VERSION || tokenLength > MAX_TOKEN_LENGTH) return Status.MalformedMessage;
  if (load<u8>(pointer + 1) == 0 && length > HEADER_SIZE) return Status.MalformedMessage;
  if (HEADER_SIZE + tokenLength > length) return Status.MalformedMessage;
  message = pointer;
  optionsStart = pointer + HEADER_SIZE + tokenLength;
  const end = pointer + length;
  let at = optionsStart;
  optionStart(end);
  while (at < end && load<u8>(at) != PAYLOAD_MARKER) {
    at = parseOption(at, end);
    if (!at) return Status.MalformedMessage;
  }
  optionsEnd = at;
  if (at < end) {
    payload = at + 1;
    payloadLength = <i32>(end - payload);
    if (payloadLength == 0) return Status.MalformedMessage;
  }
  optionStart(optionsEnd);
  return Status.Ok;
}

export function messageType(): i32 {
  return (load<u8>(message) >>> 4) & 3;
}

export function messageCode(): i32 {
  return load<u8>(message + 1);
}

export function messageId(): u32 {
  return loadU16(message + 2);
}

export function messageToken(): usize {
  return message + HEADER_SIZE;
}

export function messageTokenLength(): i32 {
  return load<u8>(message) & 15;
}

/** Start of the payload; 0 when there is none. */
export function messagePayload(): usize {
  return payload;
}

export function messagePayloadLength(): i32 {
  return payloadLength;
}

// ---- option iterator ------------------------------------------------------------------------

let optionAt: usize = 0;
let optionsLimit: usize = 0;
let number: i32 = 0;
let value: usize = 0;
let valueLength: i32 = 0;

function optionStart(limit: usize): void {
  optionAt = optionsStart;
  optionsLimit = limit;
  number = 0;
}

/** Go back to before the first option of the decoded message. */
export function optionRewind(): void {
  optionStart(optionsEnd);
}

/** Go to the next option. @returns whether there is one */
export function optionNext(): bool {
  if (optionAt >= optionsLimit) return false;
  optionAt = parseOption(optionAt, optionsLimit);
  return optionAt != 0;
}

export function optionNumber(): i32 {
  return number;
}

export function optionValue(): usize {
  return value;
}

export function optionLength(): i32 {
  return valueLength;
}

/** The option as uint (RFC 7252 §3.2): 0...4 bytes, leading zeros allowed; longer is 0xffffffff. */
export function optionUint(): u32 {
  if (valueLength > 4) return 0xffffffff;
  let result: u32 = 0;
  for (let i = 0; i < valueLength; i++) result = (result << 8) | load<u8>(value + i);
  return result;
}

/** Extended form of a delta or length nibble (RFC 7252 §3.1); -1 when reserved or past the end. */
function extended(nibble: i32, at: usize, end: usize): i32 {
  if (nibble < 13) return nibble;
  if (nibble == 13) return at < end ? <i32>load<u8>(at) + 13 : -1;
  if (nibble == 14) return end - at >= 2 ? <i32>loadU16(at) + 269 : -1;
  return -1;
}

/** Bytes of the extended form. */
// @ts-ignore: decorator
@inline
function extendedSize(nibble: i32): i32 {
  return nibble < 13 ? 0 : nibble - 12;
}

/** Parse the option at `at` into the iterator. @returns where the next one starts; 0 if malformed */
function parseOption(at: usize, end: usize): usize {
  const first = <i32>load<u8>(at);
  at += 1;
  const delta = extended(first >> 4, at, end);
  if (delta < 0) return 0;
  at += extendedSize(first >> 4);
  const length = extended(first & 15, at, end);
  if (length < 0) return 0;
  at += extendedSize(first & 15);
  number += delta;
  if (number > 0xffff || end - at < <usize>length) return 0;
  value = at;
  valueLength = length;
  return at + length;
}

// ---- encoding -------------------------------------------------------------------------------

let lastNumber: i32 = 0;

/**
 * Begin a message.
 * @param buffer [out] `capacity` bytes
 * @param token [in] `tokenLength` bytes, 0...8
 */
export function encodeMessage(
  buffer: usize,
  capacity: i32,
  type: i32,
  code: i32,
  id: u32,
  token: usize,
  tokenLength: i32,
): void {
  writerOpen(buffer, capacity);
  writeU8((VERSION << 6) | (type << 4) | tokenLength);
  writeU8(code);
  writeU16(id);
  writeBytes(token, tokenLength);
  lastNumber = 0;
}

/** Nibble for a delta or length (RFC 7252 §3.1). */
function nibble(n: i32): i32 {
  return n < 13 ? n : n < 269 ? 13 : 14;
}

function writeExtended(n: i32): void {
  if (n >= 269) writeU16(n - 269);
  else if (n >= 13) writeU8(n - 13);
}

/** Add an option; numbers must not fall. `bytes` has `length` bytes, 0...65804. */
export function encodeOption(optionNumber: i32, bytes: usize, length: i32): void {
  const delta = optionNumber - lastNumber;
  lastNumber = optionNumber;
  writeU8((nibble(delta) << 4) | nibble(length));
  writeExtended(delta);
  writeExtended(length);
  writeBytes(bytes, length);
}

const UINT: usize = memory.data(4, 4);

/** Add an option in uint format: as few bytes as hold it, none for 0 (RFC 7252 §3.2). */
export function encodeUintOption(optionNumber: i32, n: u32): void {
  let length = 0;
  store<u32>(UINT, bswap<u32>(n));
  while (length < 4 && n) {
    length += 1;
    n >>>= 8;
  }
  encodeOption(optionNumber, UINT + 4 - length, length);
}

/** Add an option of one character or byte. */
export function encodeByteOption(optionNumber: i32, byte: u32): void {
  store<u8>(UINT, byte);
  encodeOption(optionNumber, UINT, 1);
}

/** Add the payload marker and a payload; nothing when it is empty (RFC 7252 §3). */
export function encodePayload(bytes: usize, length: i32): void {
  if (length == 0) return;
  writeU8(PAYLOAD_MARKER);
  writeBytes(bytes, length);
}

/** Add the payload marker; the caller appends the payload, at least one byte, with the writer. */
export function encodePayloadMarker(): void {
  writeU8(PAYLOAD_MARKER);
}

/** End the message. @returns its bytes; Status.NoSpace when it did not fit */
export function encodeEnd(): i32 {
  return writerLength();
}
