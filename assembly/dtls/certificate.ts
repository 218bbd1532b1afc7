// Certificate messages of the `standard` profile: the server's, whose key must be the pinned one, be it
// a raw key (RFC 7250 §3) or the leaf of a chain (RFC 5246 §7.4.2), and the device's own.

import { STANDARD } from "../config";
import { derDecodeSpki } from "../crypto/der";
import { x509PublicKey } from "../crypto/x509";
import { StorageSlot, halStorageRead } from "../hal";
import { Status } from "../status";
import { equalBytes, storeU24 } from "../util/bytes";
import {
  readVector24,
  readVectorLength,
  readerFailed,
  readerOpen,
  readerRemaining,
} from "../util/reader";
import { identityServerKey } from "./identity";

const POINT_SIZE: i32 = 65;
// Laid out even where nothing uses it, hence the size.
const PEER_KEY: usize = memory.data(STANDARD ? 65 : 4, 4);

/**
 * Check the server's Certificate.
 * @param body [in] `length` bytes
 * @param isRaw whether it is a raw public key
 * @returns Status.Ok; Status.DecodeError; Status.AuthenticationFailed when its key is not the
 *   pinned one
 */
export function handleServerCertificate(body: usize, length: i32, isRaw: bool): i32 {
  readerOpen(body, length);
  let certificate = readVector24();
  let size = readVectorLength();
  if (readerFailed() || readerRemaining() > 0) return Status.DecodeError;
  if (!isRaw) {
    readerOpen(certificate, size);
    certificate = readVector24();
    size = readVectorLength();
    if (readerFailed()) return Status.DecodeError;
  }
  const status = isRaw
    ? derDecodeSpki(PEER_KEY, certificate, size)
    : x509PublicKey(PEER_KEY, certificate, size);
  if (status < 0) return Status.DecodeError;
  const isPinned = equalBytes(PEER_KEY, identityServerKey(), POINT_SIZE);
  return isPinned ? Status.Ok : Status.AuthenticationFailed;
}

/**
 * Encode our Certificate from its storage slot; an empty list when there is none.
 * @param output [out] `capacity` bytes
 * @returns bytes of the body: 3, or the certificate and 6
 */
export function encodeX509Certificate(output: usize, capacity: i32): i32 {
  const length = halStorageRead(StorageSlot.Certificate, output + 6, capacity - 6);
  if (length <= 0 || length > capacity - 6) {
    storeU24(output, 0);
    return 3;
  }
  storeU24(output, length + 3);
  storeU24(output + 3, length);
  return length + 6;
}
