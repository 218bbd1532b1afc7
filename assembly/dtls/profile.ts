// Which wire profile a connection follows, and what the handshake has negotiated in it.

import { STANDARD } from "../config";
import { StorageSlot, halStorageRead } from "../hal";
import { Status } from "../status";

/** Wire profiles; the number is part of the session blob and of the host interface. */
export const enum Profile {
  /** The Particle device protocol's DTLS: one suite, pinned key without Certificate, CID 254. */
  Particle = 1,
  /** RFC 9146 connection ids, extended master secret, Certificate messages, PSK, session ids. */
  Standard = 2,
}

/** What the device proves its identity with. */
export const enum Credential {
  RawPublicKey = 0,
  /** The certificate in its storage slot. */
  Certificate = 1,
  PreSharedKey = 2,
}

let profile: i32 = Profile.Particle;
let credential: i32 = Credential.RawPublicKey;
/** Whether to ask for a connection id (RFC 9146). */
let wantsCid: bool = true;

/** Whether the present profile is `standard`; false at compile time where it is left out. */
// @ts-ignore: decorator
@inline
export function isStandard(): bool {
  return STANDARD && profile == Profile.Standard;
}

/** Whether the device authenticates with a pre-shared key. */
// @ts-ignore: decorator
@inline
export function usesPsk(): bool {
  return STANDARD && credential == Credential.PreSharedKey;
}

/** Whether the device shows an X.509 certificate. */
// @ts-ignore: decorator
@inline
export function usesCertificate(): bool {
  return STANDARD && credential == Credential.Certificate;
}

// @ts-ignore: decorator
@inline
export function asksForCid(): bool {
  return !STANDARD || wantsCid;
}

export function currentProfile(): i32 {
  return STANDARD ? profile : Profile.Particle;
}

/**
 * Choose profile and credential for connections from now on.
 * @returns Status.Ok; Status.InvalidArgument; Status.NotSupported in a build without `standard`
 */
export function setProfile(newProfile: i32, newCredential: i32, cid: bool): i32 {
  if (newProfile == Profile.Particle && newCredential == Credential.RawPublicKey) {
    profile = newProfile;
    credential = newCredential;
    wantsCid = true;
    return Status.Ok;
  }
  if (!STANDARD) return Status.NotSupported;
  if (newProfile != Profile.Standard || newCredential > Credential.PreSharedKey) {
    return Status.InvalidArgument;
  }
  profile = newProfile;
  credential = newCredential;
  wantsCid = cid;
  return Status.Ok;
}

/** Longest identity and key of a pre-shared key, bytes (RFC 4279 §5.3 allows more). */
export const MAX_PSK_IDENTITY: i32 = 64;
export const MAX_PSK: i32 = 64;

/**
 * Read the pre-shared key's slot: u8 identity length, identity, key.
 * @param buffer [out] 129 bytes
 * @returns bytes of the slot, identity and key being 1...64 bytes each; Status.InvalidPrivateKey
 */
export function readPsk(buffer: usize): i32 {
  const length = halStorageRead(StorageSlot.PreSharedKey, buffer, 1 + MAX_PSK_IDENTITY + MAX_PSK);
  if (length < 3) return Status.InvalidPrivateKey;
  const identityLength = <i32>load<u8>(buffer);
  const keyLength = length - 1 - identityLength;
  const fits = identityLength >= 1 && identityLength <= MAX_PSK_IDENTITY;
  return fits && keyLength >= 1 && keyLength <= MAX_PSK ? length : Status.InvalidPrivateKey;
}
