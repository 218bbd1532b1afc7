// The two messages of the handshake: `encodeKeyMessage` answers the server's nonce, and
// `openSessionMessage` takes the session out of what the server answers. The caller owns all memory
// and wipes the session.

import { wipe } from "../crypto/constant-time";
import { HMAC_SHA1_SIZE, hmacSha1 } from "../crypto/hmac-sha1";
import { pkcs1IsSigned, pkcs1Pad, pkcs1Unpad } from "../crypto/pkcs1";
import { rsaPrivate, rsaPublic } from "../crypto/rsa";
import { rsaEncodeSpki } from "../crypto/rsa-der";
import { Status } from "../status";
import { rsaForgetKey, rsaKey, rsaLoadPrivateKey, rsaLoadServerKey } from "./identity";
import {
  KEY_BLOCK_SIZE,
  KEY_MESSAGE_SIZE,
  NONCE_SIZE,
  SEALED_SESSION_SIZE,
  SESSION_SIZE,
} from "./protocol";

// @ts-ignore: decorator
@inline
const DEVICE_ID_SIZE: i32 = 12;

/**
 * Encode nonce, device id and the device's public key, encrypted for the server.
 * @param output [out] KEY_BLOCK_SIZE bytes
 * @param nonce [in] NONCE_SIZE bytes
 * @param deviceId [in] 12 bytes
 * @returns KEY_BLOCK_SIZE; Status.InvalidPrivateKey, Status.InvalidPublicKey, Status.WrongKeyType
 *   (keys in storage); Status.RandomFailure. After an error the output is zeros.
 */
export function encodeKeyMessage(output: usize, nonce: usize, deviceId: usize): i32 {
  const message = output + KEY_BLOCK_SIZE - KEY_MESSAGE_SIZE;
  memory.copy(message, nonce, NONCE_SIZE);
  memory.copy(message + NONCE_SIZE, deviceId, DEVICE_ID_SIZE);
  let status = rsaLoadPrivateKey();
  if (status == Status.Ok) rsaEncodeSpki(message + NONCE_SIZE + DEVICE_ID_SIZE, rsaKey());
  rsaForgetKey();
  if (status == Status.Ok) status = rsaLoadServerKey();
  if (status == Status.Ok) status = pkcs1Pad(output, KEY_BLOCK_SIZE, message, KEY_MESSAGE_SIZE);
  if (status == Status.Ok) status = rsaPublic(output, output, rsaKey(), KEY_BLOCK_SIZE);
  if (status == Status.Ok) return KEY_BLOCK_SIZE;
  wipe(output, KEY_BLOCK_SIZE);
  return status;
}

/**
 * Decrypt the session block and verify the server's signature of it: a type 1 block of HMAC-SHA-1
 * under the session over its ciphertext, without DigestInfo. The session counts only after both.
 * Constant time in: the decrypted block, unless its ciphertext is not below the modulus.
 * @param session [out] SESSION_SIZE bytes; zeros after an error
 * @param message [in,out] SESSION_MESSAGE_SIZE bytes, and room for 128 + 20; wiped
 * @returns Status.Ok; Status.DecryptionFailed (encrypted for another key, or changed);
 *   Status.AuthenticationFailed (signed by another key, or changed); Status.RandomFailure; as
 *   `rsaLoadPrivateKey` and `rsaLoadServerKey`
 */
export function openSessionMessage(session: usize, message: usize): i32 {
  const signature = message + SEALED_SESSION_SIZE;
  const block = signature + KEY_BLOCK_SIZE;
  const mac = block + SEALED_SESSION_SIZE;
  let status = decryptSession(session, message, block);
  // With bad padding the signature is verified all the same, under a session of zeros: else the time
  // until the connection closes would tell whoever made the message about the padding (Bleichenbacher).
  if (status == Status.Ok || status == Status.DecryptionFailed) {
    const loaded = rsaLoadServerKey();
    hmacSha1(mac, session, SESSION_SIZE, message, SEALED_SESSION_SIZE);
    const isSigned =
      rsaPublic(signature, signature, rsaKey(), KEY_BLOCK_SIZE) == Status.Ok &&
      pkcs1IsSigned(signature, KEY_BLOCK_SIZE, mac, HMAC_SHA1_SIZE);
    if (loaded < 0) status = loaded;
    else if (status == Status.Ok && !isSigned) status = Status.AuthenticationFailed;
  }
  wipe(message, SEALED_SESSION_SIZE + KEY_BLOCK_SIZE + SEALED_SESSION_SIZE + HMAC_SHA1_SIZE);
  if (status < 0) wipe(session, SESSION_SIZE);
  return status;
}

/** @param block [out] 128 bytes, left with secrets */
function decryptSession(session: usize, sealed: usize, block: usize): i32 {
  let status = rsaLoadPrivateKey();
  if (status < 0) return status;
  status = rsaPrivate(block, sealed, rsaKey());
  rsaForgetKey();
  // The ciphertext is not below the modulus.
  if (status == Status.InvalidArgument) return Status.DecryptionFailed;
  if (status < 0) return status;
  const padding = pkcs1Unpad(session, SESSION_SIZE, block, SEALED_SESSION_SIZE);
  return padding < 0 ? Status.DecryptionFailed : Status.Ok;
}
