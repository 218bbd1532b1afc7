// Hello (POST /h): the first message over a new session; tells the server who is there.

import {
  MAX_MESSAGE_SIZE,
  MAX_STREAM_MESSAGE,
  OTA,
  STREAM_CHUNK_SIZE,
  TCP,
  UPDATE_CHUNK_SIZE,
} from "../config";
import { encodeByteOption, encodeEnd, encodeMessage, encodePayload } from "../coap/message";
import { Purpose, outboxCapacity, outboxCommit, outboxSpace } from "../coap/outbox";
import { Code, MessageType, Option } from "../coap/protocol";
import { isReliable } from "../coap/reliability";
import { storeU16, storeU32 } from "../util/bytes";
import { crc32 } from "../util/crc32";
import {
  DEVICE_ID,
  getPlatformId,
  getProductId,
  getProductVersion,
  getSystemVersion,
} from "./identity";
import { getLargestImage } from "./modules";
import { DEVICE_ID_SIZE, HelloFlag, Resource } from "./protocol";

const PAYLOAD_SIZE: i32 = 32;
const FLAGS: u32 =
  HelloFlag.DiagnosticsSupported |
  HelloFlag.ImmediateUpdates |
  HelloFlag.GoodbyeSupported |
  HelloFlag.DeviceInitiatedDescribe |
  HelloFlag.ResetToken;

const PAYLOAD: usize = memory.data(32, 4);

/**
 * Layout, big-endian: product id 2 | product version 2 | flags 2 | platform id 2 | 0 | 12 |
 * device id 12 | system version 2 | largest message 2 | largest binary 4 | OTA chunk 2.
 */
function encodeHello(): void {
  storeU16(PAYLOAD, getProductId());
  storeU16(PAYLOAD + 2, getProductVersion());
  storeU16(PAYLOAD + 4, FLAGS);
  storeU16(PAYLOAD + 6, getPlatformId());
  store<u8>(PAYLOAD + 8, 0);
  store<u8>(PAYLOAD + 9, DEVICE_ID_SIZE);
  memory.copy(PAYLOAD + 10, DEVICE_ID, DEVICE_ID_SIZE);
  storeU16(PAYLOAD + 22, getSystemVersion());
  storeU16(PAYLOAD + 24, MAX_MESSAGE_SIZE);
  storeU32(PAYLOAD + 26, 0);
  storeU16(PAYLOAD + 30, 0);
  if (OTA) encodeUpdates();
}

/** What the device takes over the air. */
function encodeUpdates(): void {
  const largest = getLargestImage();
  if (!largest) return;
  storeU16(PAYLOAD + 4, FLAGS | HelloFlag.ChunkedUpdates);
  storeU32(PAYLOAD + 26, largest);
  storeU16(PAYLOAD + 30, UPDATE_CHUNK_SIZE);
}

/** Over TCP: no device id, which the handshake has told, and no reset token, so 20 bytes. */
const STREAM_PAYLOAD_SIZE: i32 = 20;

/** The same over TCP, from the encoded one. */
function encodeStreamHello(): void {
  storeU16(PAYLOAD + 4, FLAGS & ~HelloFlag.ResetToken);
  store<u8>(PAYLOAD + 9, 0);
  memory.copy(PAYLOAD + 10, PAYLOAD + 22, 10);
  storeU16(PAYLOAD + 12, MAX_STREAM_MESSAGE);
  if (OTA) {
    if (getLargestImage()) storeU16(PAYLOAD + 18, STREAM_CHUNK_SIZE);
  }
}

/** Checksum of what Hello says now; never 0. */
export function helloChecksum(): u32 {
  encodeHello();
  const checksum = crc32(0, PAYLOAD, PAYLOAD_SIZE);
  return checksum ? checksum : 1;
}

/** Bytes of a reset token. */
const TOKEN_SIZE: i32 = 16;
const TOKEN: usize = memory.data(16, 8);
let hasToken: bool = false;

/** Note the payload of the answer to Hello: a reset token, or anything else, which is ignored. */
export function handleHelloAnswer(payload: usize, length: i32): void {
  hasToken = length == TOKEN_SIZE;
  if (hasToken) memory.copy(TOKEN, payload, TOKEN_SIZE);
}

/** Reset token that came with the last answer to Hello, 16 bytes; 0 when it had none. */
export function helloResetToken(): usize {
  return hasToken ? TOKEN : 0;
}

/** Put Hello into the outbox, 39 bytes; over TCP 27. @returns Status.Ok; Status.NoSpace */
export function sendHello(): i32 {
  encodeHello();
  if (TCP) {
    if (isReliable()) {
      encodeStreamHello();
      return commit(MessageType.NonConfirmable, STREAM_PAYLOAD_SIZE);
    }
  }
  return commit(MessageType.Confirmable, PAYLOAD_SIZE);
}

function commit(type: i32, size: i32): i32 {
  encodeMessage(outboxSpace(), outboxCapacity(), type, Code.Post, 0, 0, 0);
  encodeByteOption(Option.UriPath, Resource.Hello);
  encodePayload(PAYLOAD, size);
  return outboxCommit(Purpose.Hello, 0, encodeEnd());
}
