// The two RSA keys of the channel, read from the slots that hold the P-256 keys of DTLS otherwise: a
// device has keys for one transport. The private key is in memory only while it is used.

import { wipe } from "../crypto/constant-time";
import { derDecodePrivateKey, derDecodeSpki } from "../crypto/der";
import { RSA_PRIVATE_KEY_SIZE } from "../crypto/rsa";
import { rsaDecodePrivateKey, rsaDecodeSpki } from "../crypto/rsa-der";
import { StorageSlot, halStorageRead } from "../hal";
import { Status } from "../status";

/** A key in DER, then decoded in its place; behind it room for a P-256 key that is not wanted. */
// @ts-ignore: decorator
@inline
const KEY_CAPACITY: i32 = 640;
// @ts-ignore: decorator
@lazy
const KEY: usize = memory.data(640, 8);
// @ts-ignore: decorator
@lazy
const OTHER_KEY: usize = memory.data(68, 4);

/** The key that was read last: a private key as rsa.ts has it, or the modulus of a public key. */
export function rsaKey(): usize {
  return KEY;
}

/** Wipe the key that was read last. */
export function rsaForgetKey(): void {
  wipe(KEY, KEY_CAPACITY);
}

/**
 * Read the device's private key; the caller calls `rsaForgetKey`.
 * @returns Status.Ok; Status.InvalidPrivateKey (none, or not 1024 bits in PKCS #1 DER);
 *   Status.WrongKeyType (a P-256 key, which is for UDP)
 */
export function rsaLoadPrivateKey(): i32 {
  const length = halStorageRead(StorageSlot.DevicePrivateKey, KEY, KEY_CAPACITY);
  let status: i32 = Status.InvalidPrivateKey;
  if (length > 0 && length <= KEY_CAPACITY) {
    if (derDecodePrivateKey(OTHER_KEY, KEY, length) == Status.Ok) status = Status.WrongKeyType;
    else if (rsaDecodePrivateKey(KEY, KEY, length) == Status.Ok) status = Status.Ok;
  }
  wipe(OTHER_KEY, 68);
  if (status < 0) rsaForgetKey();
  else wipe(KEY + RSA_PRIVATE_KEY_SIZE, KEY_CAPACITY - RSA_PRIVATE_KEY_SIZE);
  return status;
}

/**
 * Read the server's public key.
 * @returns Status.Ok; Status.InvalidPublicKey (none, or not 2048 bits with the exponent 65537);
 *   Status.WrongKeyType (a P-256 key, which is for UDP)
 */
export function rsaLoadServerKey(): i32 {
  const length = halStorageRead(StorageSlot.ServerPublicKey, KEY, KEY_CAPACITY);
  if (length <= 0 || length > KEY_CAPACITY) return Status.InvalidPublicKey;
  if (derDecodeSpki(OTHER_KEY, KEY, length) == Status.Ok) return Status.WrongKeyType;
  return rsaDecodeSpki(KEY, KEY, length) < 0 ? Status.InvalidPublicKey : Status.Ok;
}

/** Check the form of both keys. @returns Status.Ok; as the two functions above */
export function rsaCheckKeys(): i32 {
  const status = rsaLoadPrivateKey();
  rsaForgetKey();
  return status < 0 ? status : rsaLoadServerKey();
}
