// Publishing: POST /E/<name>. A publish is checked whole before anything is queued: what is too
// long or reserved is refused, never cut.

import { MAX_DATA_LENGTH, MAX_NAME_LENGTH, OTA, OUTBOX_RESERVE, QUEUE } from "../config";
import {
  encodeByteOption,
  encodeEnd,
  encodeMessage,
  encodeOption,
  encodePayload,
  encodeUintOption,
} from "../coap/message";
import { Purpose, outboxCapacity, outboxCommit, outboxSpace } from "../coap/outbox";
import { Code, MessageType, Option } from "../coap/protocol";
import { Status } from "../status";
import { ContentFormat, DEFAULT_TTL, MAX_TTL, Resource } from "./protocol";

/** "particle" and "spark": names of the system, in any case. */
const RESERVED: usize = memory.data<u8>([
  0x70, 0x61, 0x72, 0x74, 0x69, 0x63, 0x6c, 0x65, 0x73, 0x70, 0x61, 0x72, 0x6b,
]);

let lastHandle: i32 = 0;
/** Token of the next publish, by which builds with QUEUE identify it; [in] 0...4 bytes. */
let token: usize = 0;
let tokenLength: i32 = 0;

/** Give the publishes that follow this token; it must stay where it is. */
export function setPublishToken(at: usize, length: i32): void {
  token = at;
  tokenLength = length;
}

/** Whether `name` begins with the `length` lower-case letters at `prefix`, in any case. */
function startsWith(name: usize, nameLength: i32, prefix: usize, length: i32): bool {
  if (nameLength < length) return false;
  for (let i = 0; i < length; i++) {
    if ((load<u8>(name + i) | 0x20) != load<u8>(prefix + i)) return false;
  }
  return true;
}

/** Whether the core itself publishes (builds with OTA). */
let isSystem: bool = false;

/** Let names of the system pass, or not. */
export function allowSystemNames(allowed: bool): void {
  isSystem = allowed;
}

/** Whether applications may not use this event name. */
export function isReservedName(name: usize, length: i32): bool {
  if (OTA) {
    if (isSystem) return false;
  }
  return startsWith(name, length, RESERVED, 8) || startsWith(name, length, RESERVED + 8, 5);
}

/**
 * Queue an event.
 * @param name [in] 1...64 bytes of UTF-8; not beginning with "particle" or "spark"
 * @param data [in] 0...1024 bytes
 * @param contentFormat ContentFormat; text is not written on the wire
 * @param ttl seconds, 0...16777215; 60 is not written on the wire
 * @param isConfirmable whether the server must acknowledge
 * @returns handle, 1...65535; Status.InvalidArgument; Status.TooLong; Status.ReservedName;
 *   Status.NoSpace when the outbox is full
 */
export function publish(
  name: usize,
  nameLength: i32,
  data: usize,
  dataLength: i32,
  contentFormat: u32,
  ttl: u32,
  isConfirmable: bool,
): i32 {
  if (nameLength < 1 || dataLength < 0 || contentFormat > 0xffff || ttl > MAX_TTL) {
    return Status.InvalidArgument;
  }
  if (nameLength > MAX_NAME_LENGTH || dataLength > MAX_DATA_LENGTH) return Status.TooLong;
  if (isReservedName(name, nameLength)) return Status.ReservedName;
  const type = isConfirmable ? MessageType.Confirmable : MessageType.NonConfirmable;
  encodeMessage(
    outboxSpace(),
    outboxCapacity() - OUTBOX_RESERVE,
    type,
    Code.Post,
    0,
    QUEUE ? token : 0,
    QUEUE ? tokenLength : 0,
  );
  encodeByteOption(Option.UriPath, Resource.Event);
  encodeOption(Option.UriPath, name, nameLength);
  if (contentFormat != ContentFormat.Text) encodeUintOption(Option.ContentFormat, contentFormat);
  if (ttl != DEFAULT_TTL) encodeUintOption(Option.MaxAge, ttl);
  encodePayload(data, dataLength);
  const handle = lastHandle == 0xffff ? 1 : lastHandle + 1;
  const status = outboxCommit(Purpose.Publish, handle, encodeEnd());
  if (status < 0) return status;
  lastHandle = handle;
  return handle;
}
