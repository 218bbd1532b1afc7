// Function calls and variable reads that wait for the application's answer. A call number carries
// a serial, so that an answer that comes too late cannot reach another call.

import { MAX_CALLS } from "../config";
import { Status } from "../status";
import { MAX_TOKEN_LENGTH } from "../coap/protocol";

export const enum CallKind {
  Free = 0,
  Function = 1,
  Variable = 2,
  /** The server wants to be found elsewhere. */
  Move = 3,
}

/** u8 kind | u8 token length | u16 serial | u16 number of the entry | u16 0 | token 8 */
@unmanaged
class Call {
  kind: u8;
  tokenLength: u8;
  serial: u16;
  target: u16;
  reserved: u16;
}
const CALL_SIZE: usize = 16;
const TOKEN_OFFSET: usize = 8;

const CALLS: usize = memory.data(128, 4);
let nextSerial: u32 = 1;
let opened: usize = 0;

// @ts-ignore: decorator
@inline
function callAt(index: i32): Call {
  return changetype<Call>(CALLS + <usize>index * CALL_SIZE);
}

/** Forget all calls: their session is gone. */
export function callsReset(): void {
  memory.fill(CALLS, 0, CALL_SIZE * <usize>MAX_CALLS);
}

/**
 * Note a call.
 * @param target number of the function or variable
 * @param token [in] `tokenLength` bytes, 0...8
 * @returns call number, 1 or more; Status.NoSpace
 */
export function callOpen(kind: i32, target: i32, token: usize, tokenLength: i32): i32 {
  for (let i = 0; i < MAX_CALLS; i++) {
    const call = callAt(i);
    if (call.kind != CallKind.Free) continue;
    call.kind = <u8>kind;
    call.tokenLength = <u8>min(tokenLength, MAX_TOKEN_LENGTH);
    call.serial = <u16>nextSerial;
    call.target = <u16>target;
    memory.copy(changetype<usize>(call) + TOKEN_OFFSET, token, call.tokenLength);
    nextSerial = nextSerial == 0x7fff ? 1 : nextSerial + 1;
    return ((<i32>call.serial) << 4) | i;
  }
  return Status.NoSpace;
}

/** Number of the call in a place, 0...MAX_CALLS - 1; 0 for none. */
export function callNumber(index: i32): i32 {
  const call = callAt(index);
  return call.kind == CallKind.Free ? 0 : ((<i32>call.serial) << 4) | index;
}

/** Find an open call. @returns Status.Ok, and `callToken...` tell of it; Status.NotFound */
export function callFind(number: i32, kind: i32): i32 {
  const index = number & 15;
  if (number <= 0 || index >= MAX_CALLS) return Status.NotFound;
  const call = callAt(index);
  if (call.kind != kind || <i32>call.serial != number >> 4) return Status.NotFound;
  opened = changetype<usize>(call);
  return Status.Ok;
}

export function callToken(): usize {
  return opened + TOKEN_OFFSET;
}

export function callTokenLength(): i32 {
  return changetype<Call>(opened).tokenLength;
}

export function callTarget(): i32 {
  return changetype<Call>(opened).target;
}

/** End the call found last. */
export function callClose(): void {
  changetype<Call>(opened).kind = <u8>CallKind.Free;
}
