// The TLS 1.2 key schedule with SHA-256: PRF, master secret, key block, verify_data (RFC 5246 §5, §6.3, §7.4.9, §8.1).

import { createHash, createHmac } from "node:crypto";
import { vector } from "../bytes";
import { VERIFY_DATA_LENGTH } from "./protocol";

/** Traffic keys of one connection: AES-128 keys of 16 bytes, CCM salts of 4 bytes (RFC 6655 §3). */
export interface KeyBlock {
  clientWriteKey: Buffer;
  serverWriteKey: Buffer;
  clientWriteIv: Buffer;
  serverWriteIv: Buffer;
}

/**
 * The pseudo-random function P_SHA256(secret, label + seed), cut to `length` bytes.
 * @see RFC 5246 §5
 */
export function prf(secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const hmac = (data: Uint8Array): Buffer => createHmac("sha256", secret).update(data).digest();
  const labelAndSeed = Buffer.concat([Buffer.from(label, "ascii"), seed]);
  const blocks: Buffer[] = [];
  let a: Buffer = labelAndSeed;
  for (let produced = 0; produced < length; produced += 32) {
    a = hmac(a);
    blocks.push(hmac(Buffer.concat([a, labelAndSeed])));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** master_secret, 48 bytes, from the pre-master secret and both 32-byte randoms (RFC 5246 §8.1). */
export function deriveMasterSecret(
  preMasterSecret: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): Buffer {
  return prf(preMasterSecret, "master secret", Buffer.concat([clientRandom, serverRandom]), 48);
}

/**
 * master_secret, 48 bytes, bound to the whole handshake.
 * @param transcript every handshake message up to the ClientKeyExchange, which is in it
 * @see RFC 7627 §4
 */
export function deriveExtendedMasterSecret(
  preMasterSecret: Uint8Array,
  transcript: Uint8Array,
): Buffer {
  const sessionHash = createHash("sha256").update(transcript).digest();
  return prf(preMasterSecret, "extended master secret", sessionHash, 48);
}

/** The pre-master secret of a pre-shared key: length 2 | as many zeros | length 2 | key (RFC 4279 §2). */
export function pskPreMasterSecret(key: Uint8Array): Buffer {
  return Buffer.concat([vector(2, Buffer.alloc(key.length)), vector(2, key)]);
}

/** The 40-byte key block of an AES-128-CCM suite: no MAC keys (RFC 5246 §6.3, RFC 6655 §3). */
export function deriveKeyBlock(
  masterSecret: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): KeyBlock {
  const block = prf(masterSecret, "key expansion", Buffer.concat([serverRandom, clientRandom]), 40);
  return {
    clientWriteKey: block.subarray(0, 16),
    serverWriteKey: block.subarray(16, 32),
    clientWriteIv: block.subarray(32, 36),
    serverWriteIv: block.subarray(36, 40),
  };
}

/**
 * verify_data of a Finished message, 12 bytes.
 * @param transcript every handshake message before this Finished, each with its 12-byte unfragmented header
 * @see RFC 5246 §7.4.9, RFC 6347 §4.2.6
 */
export function deriveVerifyData(
  masterSecret: Uint8Array,
  sender: "client" | "server",
  transcript: Uint8Array,
): Buffer {
  const digest = createHash("sha256").update(transcript).digest();
  return prf(masterSecret, `${sender} finished`, digest, VERIFY_DATA_LENGTH);
}
