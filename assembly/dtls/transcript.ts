// Running SHA-256 over the handshake messages (RFC 5246 §7.4.9), each as if it had been sent in one
// fragment (RFC 6347 §4.2.6). The first ClientHello and HelloVerifyRequest stay outside.

import { SHA256_STATE_SIZE, sha256Final, sha256Init, sha256Update } from "../crypto/sha256";
import { storeU16, storeU24 } from "../util/bytes";
import { HANDSHAKE_HEADER } from "./protocol";
import { SCRATCH_HASH } from "./scratch";

const STATE: usize = memory.data(SHA256_STATE_SIZE, 8);
const HEADER: usize = memory.data(12, 4);

/** Start an empty transcript. */
export function transcriptReset(): void {
  sha256Init(STATE);
}

/** Write the 12-byte header of an unfragmented handshake message (RFC 6347 §4.2.2). */
export function writeHandshakeHeader(
  header: usize,
  type: u32,
  messageSequence: u32,
  length: i32,
): void {
  store<u8>(header, type);
  storeU24(header + 1, length);
  storeU16(header + 4, messageSequence);
  storeU24(header + 6, 0);
  storeU24(header + 9, length);
}

/** Add one message from its parts. `body` has `length` bytes. */
export function transcriptAdd(type: u32, messageSequence: u32, body: usize, length: i32): void {
  writeHandshakeHeader(HEADER, type, messageSequence, length);
  sha256Update(STATE, HEADER, HANDSHAKE_HEADER);
  sha256Update(STATE, body, length);
}

/** Hash of the messages so far; the transcript goes on. @param digest [out] 32 bytes */
export function transcriptHash(digest: usize): void {
  memory.copy(SCRATCH_HASH, STATE, SHA256_STATE_SIZE);
  sha256Final(digest, SCRATCH_HASH);
}
