// ECDHE_ECDSA key exchange with a pinned server key (RFC 8422 §5.4, RFC 5246 §8.1) and the key
// schedule that follows. Secrets live here only between two messages and are wiped by their user.

import { STANDARD } from "../config";
import { wipe } from "../crypto/constant-time";
import { derDecodeSignature } from "../crypto/der";
import { p256Ecdh, p256GenerateKey, p256Validate, p256Verify } from "../crypto/p256";
import { prf } from "../crypto/prf";
import { sha256Final, sha256Init, sha256Update } from "../crypto/sha256";
import { Status } from "../status";
import { storeU16 } from "../util/bytes";
import {
  readU16,
  readU8,
  readVector16,
  readVector8,
  readVectorLength,
  readerFailed,
  readerOpen,
  readerRemaining,
} from "../util/reader";
import { identityServerKey } from "./identity";
import {
  LABEL_CLIENT_FINISHED,
  LABEL_EXTENDED_MASTER_SECRET,
  LABEL_EXTENDED_MASTER_SECRET_LENGTH,
  LABEL_FINISHED_LENGTH,
  LABEL_KEY_EXPANSION,
  LABEL_KEY_EXPANSION_LENGTH,
  LABEL_MASTER_SECRET,
  LABEL_MASTER_SECRET_LENGTH,
  LABEL_SERVER_FINISHED,
} from "./labels";
import {
  GROUP_SECP256R1,
  MASTER_SECRET_SIZE,
  RANDOM_SIZE,
  SIGNATURE_ECDSA_SHA256,
  VERIFY_DATA_SIZE,
} from "./protocol";
import { readPsk, usesPsk } from "./profile";
import { SCRATCH_BYTES, SCRATCH_DIGEST, SCRATCH_HASH, SCRATCH_SIGNATURE } from "./scratch";
import { KEY_BLOCK_SIZE, sessionKeyBlock, sessionMasterSecret } from "./session";

const POINT_SIZE: i32 = 65;
/** curve_type named_curve (RFC 8422 §5.4). */
const NAMED_CURVE: u32 = 3;
/** curve_type, named_curve, length and point of ServerECDHParams. */
const PARAMS_LENGTH: i32 = 4 + POINT_SIZE;

/** client_random then server_random, as the master secret takes them. */
const RANDOMS: usize = memory.data(64, 8);
/** server_random then client_random, as the key block takes them. */
// @ts-ignore: decorator
@inline
const SWAPPED: usize = SCRATCH_SIGNATURE;
const SERVER_POINT: usize = memory.data(65, 4);
const CLIENT_POINT: usize = memory.data(65, 4);
const EPHEMERAL: usize = memory.data(32, 4);
/** A shared point's x; in `standard` also the form of a 64-byte pre-shared key. */
const PREMASTER_CAPACITY: i32 = STANDARD ? 132 : 32;
const PREMASTER: usize = memory.data(STANDARD ? 132 : 32, 4);
let premasterLength: i32 = 0;

// @ts-ignore: decorator
@inline
export function clientRandom(): usize {
  return RANDOMS;
}

// @ts-ignore: decorator
@inline
export function serverRandom(): usize {
  return RANDOMS + RANDOM_SIZE;
}

/** Our ephemeral public key, 65 bytes, after `agreePremaster`. */
export function clientPoint(): usize {
  return CLIENT_POINT;
}

/** Forget randoms, points and whatever secret is left. */
export function keyExchangeReset(): void {
  wipe(RANDOMS, 64);
  wipe(SWAPPED, 64);
  wipe(EPHEMERAL, 32);
  wipe(PREMASTER, PREMASTER_CAPACITY);
}

/**
 * Decode a ServerKeyExchange and verify its signature with the pinned key.
 * @param body [in] `length` bytes
 * @returns Status.Ok; Status.DecodeError; Status.IllegalParameter (curve or algorithm that was not
 *   offered, or a point that is not on the curve); Status.AuthenticationFailed
 * @see RFC 8422 §5.4
 */
export function handleServerKeyExchange(body: usize, length: i32): i32 {
  readerOpen(body, length);
  const curveType = readU8();
  const group = readU16();
  const point = readVector8();
  const pointLength = readVectorLength();
  const algorithm = readU16();
  const signature = readVector16();
  const signatureLength = readVectorLength();
  if (readerFailed() || readerRemaining() > 0) return Status.DecodeError;
  if (curveType != NAMED_CURVE || group != GROUP_SECP256R1) return Status.IllegalParameter;
  if (algorithm != SIGNATURE_ECDSA_SHA256 || pointLength != POINT_SIZE) {
    return Status.IllegalParameter;
  }
  if (derDecodeSignature(SCRATCH_SIGNATURE, signature, signatureLength) < 0) {
    return Status.AuthenticationFailed;
  }
  sha256Init(SCRATCH_HASH);
  sha256Update(SCRATCH_HASH, RANDOMS, 2 * RANDOM_SIZE);
  sha256Update(SCRATCH_HASH, body, PARAMS_LENGTH);
  sha256Final(SCRATCH_DIGEST, SCRATCH_HASH);
  if (p256Verify(identityServerKey(), SCRATCH_DIGEST, SCRATCH_SIGNATURE) < 0)
    return Status.AuthenticationFailed;
  // Only now: a forged point must end as an authentication failure, whatever it is.
  if (p256Validate(point) < 0) return Status.IllegalParameter;
  memory.copy(SERVER_POINT, point, POINT_SIZE);
  return Status.Ok;
}

/**
 * Agree on the premaster secret: with an ephemeral key of ours (RFC 8422 §5.10), or from the
 * pre-shared key (RFC 4279 §2).
 * @returns Status.Ok; Status.RandomFailure; Status.InvalidPublicKey; Status.InvalidPrivateKey (no
 *   pre-shared key in storage)
 */
export function agreePremaster(): i32 {
  if (usesPsk()) return premasterFromPsk();
  let status = p256GenerateKey(EPHEMERAL, CLIENT_POINT);
  if (status == Status.Ok) status = p256Ecdh(PREMASTER, EPHEMERAL, SERVER_POINT);
  wipe(EPHEMERAL, 32);
  premasterLength = 32;
  return status;
}

/** u16 N, N zeros, u16 N, the key of N bytes. */
function premasterFromPsk(): i32 {
  const length = readPsk(SCRATCH_BYTES);
  if (length < 0) return length;
  const identityLength = <i32>load<u8>(SCRATCH_BYTES);
  const size = length - 1 - identityLength;
  memory.fill(PREMASTER, 0, 4 + size);
  storeU16(PREMASTER, size);
  storeU16(PREMASTER + 2 + size, size);
  memory.copy(PREMASTER + 4 + size, SCRATCH_BYTES + 1 + identityLength, size);
  wipe(SCRATCH_BYTES, length);
  premasterLength = 4 + 2 * size;
  return Status.Ok;
}

/**
 * Derive master secret (RFC 5246 §8.1, or RFC 7627 §4) and key block (§6.3) into the session.
 * @param sessionHash [in] hash of the handshake up to ClientKeyExchange, 32 bytes, to bind the
 *   master secret to it; 0 for the classic form
 */
export function deriveKeys(sessionHash: usize): void {
  prf(
    sessionMasterSecret(),
    MASTER_SECRET_SIZE,
    PREMASTER,
    premasterLength,
    sessionHash ? LABEL_EXTENDED_MASTER_SECRET : LABEL_MASTER_SECRET,
    sessionHash ? LABEL_EXTENDED_MASTER_SECRET_LENGTH : LABEL_MASTER_SECRET_LENGTH,
    sessionHash ? sessionHash : RANDOMS,
    sessionHash ? 32 : 2 * RANDOM_SIZE,
  );
  wipe(PREMASTER, PREMASTER_CAPACITY);
  deriveKeyBlock();
}

/** Derive the session's key block from its master secret and the randoms (RFC 5246 §6.3). */
export function deriveKeyBlock(): void {
  memory.copy(SWAPPED, serverRandom(), RANDOM_SIZE);
  memory.copy(SWAPPED + RANDOM_SIZE, clientRandom(), RANDOM_SIZE);
  prf(
    sessionKeyBlock(),
    KEY_BLOCK_SIZE,
    sessionMasterSecret(),
    MASTER_SECRET_SIZE,
    LABEL_KEY_EXPANSION,
    LABEL_KEY_EXPANSION_LENGTH,
    SWAPPED,
    2 * RANDOM_SIZE,
  );
}

/**
 * verify_data of a Finished message (RFC 5246 §7.4.9).
 * @param output [out] 12 bytes
 * @param isClient whose Finished
 * @param transcript [in] hash of the handshake messages before it, 32 bytes
 */
export function deriveVerifyData(output: usize, isClient: bool, transcript: usize): void {
  prf(
    output,
    VERIFY_DATA_SIZE,
    sessionMasterSecret(),
    MASTER_SECRET_SIZE,
    isClient ? LABEL_CLIENT_FINISHED : LABEL_SERVER_FINISHED,
    LABEL_FINISHED_LENGTH,
    transcript,
    32,
  );
}
