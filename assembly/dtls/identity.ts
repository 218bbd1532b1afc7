// The two keys of mutual authentication, read from storage: the device's private key and the
// server's public key, which is pinned. The private key is in memory only while it is used.

import { TCP } from "../config";
import { wipe } from "../crypto/constant-time";
import { derDecodePrivateKey, derDecodeSignature, derDecodeSpki } from "../crypto/der";
import { rsaDecodePrivateKey, rsaDecodeSpki } from "../crypto/rsa-der";
import { p256PublicKey, p256Sign, p256Verify } from "../crypto/p256";
import { SHA256_STATE_SIZE, sha256Final, sha256Init, sha256Update } from "../crypto/sha256";
import { StorageSlot, halStorageRead } from "../hal";
import { Status } from "../status";
import { readPsk, usesPsk } from "./profile";
import {
  SCRATCH_BYTES,
  SCRATCH_BYTES_CAPACITY,
  SCRATCH_DIGEST,
  SCRATCH_HASH,
  SCRATCH_SIGNATURE,
} from "./scratch";

const PRIVATE_KEY: usize = memory.data(32, 4);
const SERVER_PUBLIC_KEY: usize = memory.data(65, 4);
const DEVICE_PUBLIC_KEY: usize = memory.data(65, 4);

/** Read the private key into PRIVATE_KEY; the caller wipes it. */
function loadPrivateKey(): i32 {
  const length = halStorageRead(
    StorageSlot.DevicePrivateKey,
    SCRATCH_BYTES,
    SCRATCH_BYTES_CAPACITY,
  );
  let status: i32 = Status.InvalidPrivateKey;
  if (length > 0 && length <= SCRATCH_BYTES_CAPACITY)
    status = derDecodePrivateKey(PRIVATE_KEY, SCRATCH_BYTES, length);
  let isRsa = false;
  if (TCP) {
    if (status < 0) isRsa = rsaDecodePrivateKey(SCRATCH_BYTES, SCRATCH_BYTES, length) == Status.Ok;
  }
  wipe(SCRATCH_BYTES, SCRATCH_BYTES_CAPACITY);
  if (isRsa) return Status.WrongKeyType;
  return status < 0 ? Status.InvalidPrivateKey : Status.Ok;
}

/** Read and check the pinned server key. */
function loadServerKey(): i32 {
  return loadPublicKey(SERVER_PUBLIC_KEY, StorageSlot.ServerPublicKey);
}

/** Read a public key from its slot. @returns Status.Ok; Status.InvalidPublicKey; in builds with TCP
 * Status.WrongKeyType for an RSA key */
function loadPublicKey(publicKey: usize, slot: i32): i32 {
  const length = halStorageRead(slot, SCRATCH_BYTES, SCRATCH_BYTES_CAPACITY);
  if (length <= 0 || length > SCRATCH_BYTES_CAPACITY) return Status.InvalidPublicKey;
  if (derDecodeSpki(publicKey, SCRATCH_BYTES, length) == Status.Ok) return Status.Ok;
  if (TCP) {
    const isRsa = rsaDecodeSpki(SCRATCH_BYTES, SCRATCH_BYTES, length) == Status.Ok;
    if (isRsa) return Status.WrongKeyType;
  }
  return Status.InvalidPublicKey;
}

/**
 * Read both keys and check their form.
 * @returns Status.Ok; Status.InvalidPrivateKey, Status.InvalidPublicKey when storage has none or
 *   one that is not the DER of a P-256 key (a point off the curve fails in the handshake)
 */
export function identityLoad(): i32 {
  if (usesPsk()) {
    const length = readPsk(SCRATCH_BYTES);
    wipe(SCRATCH_BYTES, SCRATCH_BYTES_CAPACITY);
    return min(length, 0);
  }
  const status = loadPrivateKey();
  wipe(PRIVATE_KEY, 32);
  return status < 0 ? status : loadServerKey();
}

/**
 * Fingerprint of both keys, so that a session of other keys is not restored.
 * @returns first 8 bytes of SHA-256(private key || server key); 0 when a key is missing
 */
export function identityFingerprint(): u64 {
  if (usesPsk()) return pskFingerprint();
  if (loadServerKey() < 0 || loadPrivateKey() < 0) return 0;
  sha256Init(SCRATCH_HASH);
  sha256Update(SCRATCH_HASH, PRIVATE_KEY, 32);
  sha256Update(SCRATCH_HASH, SERVER_PUBLIC_KEY, 65);
  sha256Final(SCRATCH_DIGEST, SCRATCH_HASH);
  wipe(PRIVATE_KEY, 32);
  wipe(SCRATCH_HASH, SHA256_STATE_SIZE);
  const fingerprint = load<u64>(SCRATCH_DIGEST);
  wipe(SCRATCH_DIGEST, 32);
  return fingerprint;
}

/** The same for a pre-shared key: of its slot. */
function pskFingerprint(): u64 {
  const length = readPsk(SCRATCH_BYTES);
  if (length < 0) return 0;
  sha256Init(SCRATCH_HASH);
  sha256Update(SCRATCH_HASH, SCRATCH_BYTES, length);
  sha256Final(SCRATCH_DIGEST, SCRATCH_HASH);
  wipe(SCRATCH_BYTES, length);
  return load<u64>(SCRATCH_DIGEST);
}

/** Public key of the server, 65 bytes, as read by `identityLoad`. */
export function identityServerKey(): usize {
  return SERVER_PUBLIC_KEY;
}

/** Public key of the device, 65 bytes; computed by `identityDeriveDeviceKey`. */
export function identityDeviceKey(): usize {
  return DEVICE_PUBLIC_KEY;
}

/** Compute the device's public key. @returns Status.Ok; Status.InvalidPrivateKey */
export function identityDeriveDeviceKey(): i32 {
  let status = loadPrivateKey();
  if (status == Status.Ok) status = p256PublicKey(DEVICE_PUBLIC_KEY, PRIVATE_KEY);
  wipe(PRIVATE_KEY, 32);
  return status;
}

/**
 * Sign with the device's key (ECDSA P-256).
 * @param signature [out] r and s, 64 bytes
 * @param digest [in] SHA-256, 32 bytes
 * @returns Status.Ok; Status.InvalidPrivateKey; Status.RandomFailure
 */
export function identitySign(signature: usize, digest: usize): i32 {
  let status = loadPrivateKey();
  if (status == Status.Ok) status = p256Sign(signature, PRIVATE_KEY, digest);
  wipe(PRIVATE_KEY, 32);
  return status;
}

/**
 * Verify the signature of a server move with the key in slot ServerMoveKey: ECDSA over
 * u32 length | key | u32 length | address | u16 port, little-endian.
 * @returns Status.Ok; Status.InvalidPublicKey (no such key); Status.InvalidSignature
 */
export function identityVerifyMove(
  key: usize,
  keyLength: i32,
  address: usize,
  addressLength: i32,
  port: i32,
  signature: usize,
  signatureLength: i32,
): i32 {
  sha256Init(SCRATCH_HASH);
  hashWithLength(key, keyLength);
  hashWithLength(address, addressLength);
  store<i32>(SCRATCH_DIGEST, port);
  sha256Update(SCRATCH_HASH, SCRATCH_DIGEST, 2);
  sha256Final(SCRATCH_DIGEST, SCRATCH_HASH);
  // The public key of the device is made anew with each handshake; its place is free meanwhile.
  const status = loadPublicKey(DEVICE_PUBLIC_KEY, StorageSlot.ServerMoveKey);
  if (status < 0) return status;
  if (derDecodeSignature(SCRATCH_SIGNATURE, signature, signatureLength) < 0) {
    return Status.InvalidSignature;
  }
  return p256Verify(DEVICE_PUBLIC_KEY, SCRATCH_DIGEST, SCRATCH_SIGNATURE);
}

function hashWithLength(bytes: usize, length: i32): void {
  store<i32>(SCRATCH_DIGEST, length);
  sha256Update(SCRATCH_HASH, SCRATCH_DIGEST, 4);
  sha256Update(SCRATCH_HASH, bytes, length);
}
