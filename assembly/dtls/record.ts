// DTLS 1.2 records with AES-128-CCM-8 (RFC 6347 §4.1, RFC 6655): outbound with the server's
// connection id, inbound without one. Keys and counters of the current epoch live here. Seals and
// opens in place; the bytes belong to the caller.

import { AES128_SCHEDULE_SIZE, aes128ExpandKey } from "../crypto/aes";
import { ccmOpen, ccmSeal } from "../crypto/ccm";
import { wipe } from "../crypto/constant-time";
import { Status } from "../status";
import { loadU64, storeU16, storeU64 } from "../util/bytes";
import { isStandard } from "./profile";
import { ContentType, EXPLICIT_NONCE, RECORD_HEADER, TAG, VERSION_DTLS_1_2 } from "./protocol";

const WRITE_SCHEDULE: usize = memory.data(176, 4);
const READ_SCHEDULE: usize = memory.data(176, 4);
/** Implicit parts of the nonces: client write IV, server write IV. */
const WRITE_IV: usize = memory.data(4, 4);
const READ_IV: usize = memory.data(4, 4);
const CID: usize = memory.data(8, 8);
const NONCE: usize = memory.data(12, 4);
/** The longest: RFC 9146 §5.3 with an 8-byte CID is 31 bytes. */
const AAD: usize = memory.data(32, 8);

const EPOCH_1: u64 = 0x0001000000000000;
const MAX_RECORD: u64 = 0x0000ffffffffffff;

let cidLength: i32 = 0;
let hasKeys: bool = false;
/** Next record number to send in epoch 0. */
let plainRecord: u64 = 0;
/** Next record number to send in epoch 1. */
let sealedRecord: u64 = 0;

/** Forget keys and counters. */
export function recordReset(): void {
  wipe(WRITE_SCHEDULE, AES128_SCHEDULE_SIZE);
  wipe(READ_SCHEDULE, AES128_SCHEDULE_SIZE);
  wipe(WRITE_IV, 4);
  wipe(READ_IV, 4);
  cidLength = 0;
  hasKeys = false;
  plainRecord = 0;
  sealedRecord = 0;
}

/**
 * Install the keys of epoch 1.
 * @param keyBlock [in] 40 bytes: client key 16, server key 16, client IV 4, server IV 4
 *   (RFC 5246 §6.3 with no MAC keys)
 * @param cid [in] the server's connection id, `length` bytes, 0...8; 0 is none
 * @param firstRecord record number to send next
 */
export function recordSetKeys(keyBlock: usize, cid: usize, length: i32, firstRecord: u64): void {
  aes128ExpandKey(WRITE_SCHEDULE, keyBlock);
  aes128ExpandKey(READ_SCHEDULE, keyBlock + 16);
  memory.copy(WRITE_IV, keyBlock + 32, 4);
  memory.copy(READ_IV, keyBlock + 36, 4);
  memory.copy(CID, cid, length);
  cidLength = length;
  sealedRecord = firstRecord;
  hasKeys = true;
}

/** Whether epoch 1 has keys. */
export function recordHasKeys(): bool {
  return hasKeys;
}

/** Next record number that `recordSeal` will use. */
export function recordNextNumber(): u64 {
  return sealedRecord;
}

/** Offset of the content in a record that `recordSeal` completes: 29 bytes with an 8-byte CID. */
export function recordContentOffset(): i32 {
  return RECORD_HEADER + cidLength + EXPLICIT_NONCE;
}

/** Write the record header at `record`; `length` is what follows it. */
function writeHeader(record: usize, type: u32, epochAndNumber: u64, length: i32): void {
  store<u8>(record, type);
  storeU16(record + 1, VERSION_DTLS_1_2);
  storeU64(record + 3, epochAndNumber);
  if (cidLength && epochAndNumber >= EPOCH_1) memory.copy(record + 11, CID, cidLength);
  storeU16(record + 11 + (epochAndNumber >= EPOCH_1 ? cidLength : 0), length);
}

/**
 * Complete a plaintext record of epoch 0 in place.
 * @param record [in,out] 13 bytes of room for the header, then `length` bytes of content
 * @returns bytes of the record: length + 13
 * @see RFC 6347 §4.1
 */
export function recordPlain(record: usize, type: u32, length: i32): i32 {
  storeU64(record + 3, plainRecord);
  store<u8>(record, type);
  storeU16(record + 1, VERSION_DTLS_1_2);
  storeU16(record + 11, length);
  plainRecord += 1;
  return length + RECORD_HEADER;
}

/** Additional data of a record without connection id (RFC 5246 §6.2.3.3), 13 bytes. */
function plainAad(type: u32, epochAndNumber: u64, length: i32): i32 {
  storeU64(AAD, epochAndNumber);
  store<u8>(AAD + 8, type);
  storeU16(AAD + 9, VERSION_DTLS_1_2);
  storeU16(AAD + 11, length);
  return 13;
}

/** Additional data of a connection-id record, RFC 9146 §5: 23 bytes and the CID. */
function standardCidAad(epochAndNumber: u64, length: i32): i32 {
  store<u64>(AAD, ~(<u64>0)); // seq_num_placeholder
  store<u8>(AAD + 8, ContentType.ConnectionId);
  store<u8>(AAD + 9, cidLength);
  store<u8>(AAD + 10, ContentType.ConnectionId);
  storeU16(AAD + 11, VERSION_DTLS_1_2);
  storeU64(AAD + 13, epochAndNumber);
  memory.copy(AAD + 21, CID, cidLength);
  storeU16(AAD + 21 + cidLength, length);
  return 23 + cidLength;
}

/** Additional data of a connection-id record (draft-ietf-tls-dtls-connection-id-05 §5): 14 + CID. */
function cidAad(epochAndNumber: u64, length: i32): i32 {
  if (isStandard()) return standardCidAad(epochAndNumber, length);
  storeU64(AAD, epochAndNumber);
  store<u8>(AAD + 8, ContentType.ConnectionId);
  storeU16(AAD + 9, VERSION_DTLS_1_2);
  memory.copy(AAD + 11, CID, cidLength);
  store<u8>(AAD + 11 + cidLength, cidLength);
  storeU16(AAD + 12 + cidLength, length);
  return 14 + cidLength;
}

/**
 * Seal a record of epoch 1 in place, under the next record number.
 *
 * Layout: header 13 B | CID | explicit nonce 8 B | content | type 1 B (only with a CID) | tag 8 B.
 *
 * @param record [in,out] start of the header; content stands at `recordContentOffset()`, and 9
 *   bytes of room follow it
 * @param type content type of RFC 5246 §6.2.1
 * @param length content bytes
 * @param moved mark the record as one from a possibly new address (type 253)
 * @returns bytes of the record: length + 29 + CID + 1 (the last two only with a CID);
 *   Status.InvalidState without keys; Status.SequenceExhausted
 * @see RFC 6347 §4.1, RFC 6655 §3
 */
export function recordSeal(record: usize, type: u32, length: i32, moved: bool): i32 {
  if (!hasKeys) return Status.InvalidState;
  if (sealedRecord > MAX_RECORD) return Status.SequenceExhausted;
  const epochAndNumber = EPOCH_1 | sealedRecord;
  const content = record + recordContentOffset();
  let inner = length;
  let outerType = type;
  let aadLength: i32;
  if (cidLength) {
    store<u8>(content + length, type);
    inner += 1;
    outerType = moved ? ContentType.MovedConnectionId : ContentType.ConnectionId;
    aadLength = cidAad(epochAndNumber, inner);
  } else {
    aadLength = plainAad(type, epochAndNumber, inner);
  }
  writeHeader(record, outerType, epochAndNumber, inner + EXPLICIT_NONCE + TAG);
  storeU64(content - EXPLICIT_NONCE, epochAndNumber);
  memory.copy(NONCE, WRITE_IV, 4);
  storeU64(NONCE + 4, epochAndNumber);
  ccmSeal(content, inner, WRITE_SCHEDULE, NONCE, AAD, aadLength);
  sealedRecord += 1;
  return recordContentOffset() + inner + TAG;
}

/**
 * Open a record of epoch 1 in place. The server sends no connection id.
 * @param record [in,out] header, explicit nonce, ciphertext, tag
 * @param length bytes after the 13-byte header
 * @returns plaintext bytes, which stand at record + 21; Status.Discarded when it is too short, has
 *   no keys or the tag is wrong (the content is then unusable)
 */
export function recordOpen(record: usize, length: i32): i32 {
  const plain = length - EXPLICIT_NONCE - TAG;
  if (!hasKeys || plain < 0) return Status.Discarded;
  const aadLength = plainAad(load<u8>(record), loadEpochAndNumber(record), plain);
  const content = record + RECORD_HEADER + EXPLICIT_NONCE;
  memory.copy(NONCE, READ_IV, 4);
  memory.copy(NONCE + 4, content - EXPLICIT_NONCE, EXPLICIT_NONCE);
  const status = ccmOpen(content, plain, READ_SCHEDULE, NONCE, AAD, aadLength);
  return status < 0 ? Status.Discarded : plain;
}

/** Epoch (16 bits) and record number (48 bits) of a record header. */
export function loadEpochAndNumber(record: usize): u64 {
  return loadU64(record + 3);
}
