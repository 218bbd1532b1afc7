// Server moved (POST /M): protobuf { 1 address, 2 port, 3 public key DER, 4 signature DER }. Read
// here; device.ts checks the signature, and the host, which owns the key slots, follows.

import {
  messagePayload,
  messagePayloadLength,
  messageToken,
  messageTokenLength,
} from "../coap/message";
import { Code } from "../coap/protocol";
import { EventKind, pushEvent } from "../events";
import { CallKind, callOpen } from "./calls";
import { refuseCall, returnEmpty } from "./responses";

/** Fields by number. */
export const enum MoveField {
  Address = 1,
  Port = 2,
  Key = 3,
  Signature = 4,
}

/** For each field its start and its length; of the port, its value as length. */
const FIELDS: usize = memory.data(40, 4);
/** DTLS port of the Particle protocol, where the message says 0. */
const DEFAULT_PORT: i32 = 5684;

let call: i32 = 0;

/** A varint of up to 28 bits; `position` goes past it. @returns -1 when it is longer or cut off */
let position: usize = 0;
function readVarint(end: usize): i32 {
  let value = 0;
  for (let shift = 0; shift < 28 && position < end; shift += 7) {
    const byte = <i32>load<u8>(position);
    position += 1;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return -1;
}

/**
 * Read the fields. Whatever is missing or odd in key and signature fails with the signature's check.
 * @returns whether the payload is a message of these fields, with an address
 */
function readFields(end: usize): bool {
  memory.fill(FIELDS, 0, 40);
  while (position < end) {
    const tag = readVarint(end);
    const value = readVarint(end);
    const field = tag >> 3;
    const isNumber = (tag & 7) == 0;
    if (value < 0 || field < MoveField.Address || field > MoveField.Signature) return false;
    if (isNumber != (field == MoveField.Port)) return false;
    store<u32>(FIELDS + (field << 3), <u32>position);
    store<i32>(FIELDS + (field << 3), value, 4);
    if (isNumber) continue;
    if (end - position < <usize>value) return false;
    position += value;
  }
  if (!moveLength(MoveField.Port)) store<i32>(FIELDS + (MoveField.Port << 3), DEFAULT_PORT, 4);
  return moveLength(MoveField.Address) > 0 && moveLength(MoveField.Port) <= 0xffff;
}

/** @returns the code to acknowledge the request with */
export function handleServerMoved(): i32 {
  position = messagePayload();
  if (!readFields(position + messagePayloadLength())) return Code.BadRequest;
  call = callOpen(CallKind.Move, 0, messageToken(), messageTokenLength());
  return call < 0 ? Code.ServiceUnavailable : Code.Empty;
}

/** Whether a server-moved request waits for its signature to be checked. */
export function isMoveAsked(): bool {
  return call > 0;
}

export function moveStart(field: i32): usize {
  return load<u32>(FIELDS + (field << 3));
}

/** Bytes of a field; of the port, its value. */
export function moveLength(field: i32): i32 {
  return load<i32>(FIELDS + (field << 3), 4);
}

/** Answer the request; if its signature is good, tell the host. */
export function finishMove(isGenuine: bool): void {
  if (isGenuine) {
    returnEmpty(call);
    pushEvent(
      EventKind.ServerMoved,
      moveLength(MoveField.Port),
      <u32>moveStart(MoveField.Address),
      moveLength(MoveField.Address),
      <u32>moveStart(MoveField.Key),
      moveLength(MoveField.Key),
    );
  } else {
    refuseCall(call);
  }
  call = 0;
}
