// Frames: length 2 | AES-128-CBC of one CoAP message with PKCS #7 padding. One key for both
// directions; in each the next IV is the first block of the ciphertext before it. There is no MAC: a
// frame that was changed on its way is found by its padding or by CoAP, or not at all.

import { AES128_SCHEDULE_SIZE, aes128ExpandKey } from "../crypto/aes";
import { aes128PrepareInverse } from "../crypto/aes-inverse";
import { CBC_BLOCK_SIZE, cbcOpen, cbcSeal } from "../crypto/cbc";
import { wipe } from "../crypto/constant-time";
import { storeU16 } from "../util/bytes";
import { FRAME_HEADER } from "./protocol";

// @ts-ignore: decorator
@lazy
const SCHEDULE: usize = memory.data(176, 8);
/** IV of the next frame to send, of the next one received, and of the one after that. */
// @ts-ignore: decorator
@lazy
const IVS: usize = memory.data(48, 8);
// @ts-ignore: decorator
@inline
const IV_SIZE: usize = 16;

/** Wipe key and IVs. */
export function frameReset(): void {
  wipe(SCHEDULE, AES128_SCHEDULE_SIZE);
  wipe(IVS, 48);
}

/** @param session [in] key 16 | iv 16 */
export function frameSetKeys(session: usize): void {
  aes128PrepareInverse();
  aes128ExpandKey(SCHEDULE, session);
  memory.copy(IVS, session + 16, IV_SIZE);
  memory.copy(IVS + IV_SIZE, session + 16, IV_SIZE);
}

/**
 * Seal a message in place.
 * @param frame [in,out] 2 bytes of room, `length` bytes of message, room for 16 more
 * @returns bytes of the frame, 2 + length + 1...16
 */
export function frameSeal(frame: usize, length: i32): i32 {
  const size = cbcSeal(frame + FRAME_HEADER, length, SCHEDULE, IVS);
  memory.copy(IVS, frame + FRAME_HEADER, CBC_BLOCK_SIZE);
  storeU16(frame, size);
  return FRAME_HEADER + size;
}

/**
 * Open a ciphertext in place.
 * @param ciphertext [in,out] `length` bytes, a multiple of 16, 16 or more; zeros after an error
 * @returns bytes of the message, 0 or more; Status.BadPadding
 */
export function frameOpen(ciphertext: usize, length: i32): i32 {
  const next = IVS + 2 * IV_SIZE;
  memory.copy(next, ciphertext, IV_SIZE);
  const size = cbcOpen(ciphertext, length, SCHEDULE, IVS + IV_SIZE);
  memory.copy(IVS + IV_SIZE, next, IV_SIZE);
  return size;
}
