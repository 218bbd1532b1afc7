// The handshake of the TCP transport, as functions of bytes:
//
//   server -> device   nonce 40
//   device -> server   RSA-2048(nonce 40 | device id 12 | SPKI of the device 162)                              256
//   server -> device   RSA-1024(session block 40) 128 | RSA-2048 signature of its HMAC-SHA1 256                384
//
// What the device sends proves nothing about it: id and public key are no secrets. Only who has the private key can read
// the session block, so a device is who it says once its first frame makes sense.

import { constants, createHmac, privateEncrypt, timingSafeEqual } from "node:crypto";
import type { Registry } from "../registry";
import { DEVICE_SPKI_LENGTH, rsaPublicKeyFromSpki } from "./rsa-keys";
import type { RsaKeyPair } from "./rsa-keys";
import { decryptMessage, encryptMessage } from "./rsa-padding";
import type { Random } from "./rsa-padding";

export const NONCE_LENGTH = 40;
/** Bytes of the encrypted message of the device. */
export const DEVICE_MESSAGE_LENGTH = 256;
/** key 16 | IV 16 | salt 8. */
export const SESSION_BLOCK_LENGTH = 40;

const DEVICE_ID_LENGTH = 12;
const PLAINTEXT_LENGTH = NONCE_LENGTH + DEVICE_ID_LENGTH + DEVICE_SPKI_LENGTH;

/** What the message of a device comes to. The reason of a refusal is for the log alone. */
export type Verdict =
  { accepted: true; deviceId: string; spki: Buffer } | { accepted: false; reason: string };

/**
 * Decrypt the message of a device and check all of it. Every refusal takes the same steps: bad padding goes on with a
 * random message, an unknown id with a key that nobody has.
 * @param encrypted 256 bytes
 */
export function judgeDeviceMessage(
  encrypted: Uint8Array,
  nonce: Uint8Array,
  server: RsaKeyPair,
  registry: Registry,
  random: Random,
): Verdict {
  const { message, good } = decryptMessage(encrypted, PLAINTEXT_LENGTH, server.privateKey, random);
  const id = message.subarray(NONCE_LENGTH, NONCE_LENGTH + DEVICE_ID_LENGTH).toString("hex");
  const spki = message.subarray(NONCE_LENGTH + DEVICE_ID_LENGTH);
  const device = registry.find(id);
  const known = device?.publicKey.length === DEVICE_SPKI_LENGTH ? device.publicKey : undefined;
  const sameNonce = timingSafeEqual(message.subarray(0, NONCE_LENGTH), nonce);
  const sameKey = timingSafeEqual(spki, known ?? Buffer.alloc(DEVICE_SPKI_LENGTH));
  const accepted = good & Number(sameNonce) & Number(sameKey) & Number(known !== undefined);
  if (accepted) return { accepted: true, deviceId: id, spki };
  const reason = !(good & Number(sameNonce))
    ? "its message is not encrypted for this server, or answers another nonce"
    : known
      ? `device ${id} shows another public key than the registered one`
      : `device ${id} is not registered with an RSA key`;
  return { accepted: false, reason };
}

/**
 * The answer of the server, 384 bytes.
 * @param session key | IV | salt, 40 bytes
 * @param deviceSpki SPKI of a 1024-bit key
 * @throws Error when the key cannot be used
 */
export function encodeServerMessage(
  session: Uint8Array,
  deviceSpki: Uint8Array,
  server: RsaKeyPair,
  random: Random,
): Buffer {
  const encrypted = encryptMessage(session, rsaPublicKeyFromSpki(deviceSpki), random);
  const mac = createHmac("sha1", session).update(encrypted).digest();
  // A bare block of type 1 around the MAC, without the DigestInfo that `sign` would put there.
  const key = { key: server.privateKey, padding: constants.RSA_PKCS1_PADDING };
  return Buffer.concat([encrypted, privateEncrypt(key, mac)]);
}
