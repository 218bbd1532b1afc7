// DER (X.690 §8, §10) of the few structures that carry P-256 keys and signatures: SubjectPublicKeyInfo
// (RFC 5480 §2), ECPrivateKey (RFC 5915 §3), PKCS #8 PrivateKeyInfo (RFC 5208 §5) and Ecdsa-Sig-Value
// (RFC 3279 §2.2.3). Strict: minimal lengths, no trailing bytes, prime256v1 with uncompressed points
// only. The caller owns all memory; nothing outside of the given length is read.

import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { wipe } from "./constant-time";

/** Bytes of a SubjectPublicKeyInfo. */
export const SPKI_SIZE: i32 = 91;
/** Bytes of the longest Ecdsa-Sig-Value. */
export const MAX_DER_SIGNATURE_SIZE: i32 = 72;

/** X.690 §8.1.2: identifier octets. */
const enum Tag {
  Integer = 0x02,
  BitString = 0x03,
  OctetString = 0x04,
  Sequence = 0x30,
  /** [0], constructed */
  Context0 = 0xa0,
  /** [1], constructed */
  Context1 = 0xa1,
}

// @ts-ignore: decorator
@inline
const SPKI_PREFIX_SIZE: i32 = 26;
// @ts-ignore: decorator
@inline
const ALGORITHM_SIZE: i32 = 21;
// @ts-ignore: decorator
@inline
const CURVE_SIZE: i32 = 10;

/**
 * A SubjectPublicKeyInfo up to the point: SEQUENCE { AlgorithmIdentifier, BIT STRING (no unused bits).
 * The AlgorithmIdentifier is SEQUENCE { id-ecPublicKey, prime256v1 } (RFC 5480 §2.1.1).
 */
const SPKI_PREFIX: usize = memory.data<u8>([
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
  0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
]);
// @ts-ignore: decorator
@inline
const ALGORITHM: usize = SPKI_PREFIX + 2;
// @ts-ignore: decorator
@inline
const CURVE: usize = SPKI_PREFIX + 13;

/** Start of the contents that `derEnter` or `integer` found last. */
let content: usize = 0;

/** Start of the contents of the element that `derEnter` found last. */
// @ts-ignore: decorator
@inline
export function derContent(): usize {
  return content;
}

/**
 * Encode a public key.
 * @param output [out] 91 bytes
 * @param publicKey [in] 65 bytes
 * @returns 91
 * @see RFC 5480 §2
 */
export function derEncodeSpki(output: usize, publicKey: usize): i32 {
  memory.copy(output, SPKI_PREFIX, SPKI_PREFIX_SIZE);
  memory.copy(output + SPKI_PREFIX_SIZE, publicKey, 65);
  return SPKI_SIZE;
}

/**
 * Decode a public key. The point is not validated: see `p256Validate`.
 * @param publicKey [out] 65 bytes; untouched after an error
 * @param der [in] `length` bytes
 * @returns 0; Status.MalformedDer
 * @see RFC 5480 §2
 */
export function derDecodeSpki(publicKey: usize, der: usize, length: i32): i32 {
  if (length != SPKI_SIZE) return Status.MalformedDer;
  if (!equalBytes(der, SPKI_PREFIX, SPKI_PREFIX_SIZE)) return Status.MalformedDer;
  if (load<u8>(der, SPKI_PREFIX_SIZE) != 4) return Status.MalformedDer;
  memory.copy(publicKey, der + SPKI_PREFIX_SIZE, 65);
  return Status.Ok;
}

/**
 * Decode a private key: ECPrivateKey, or PrivateKeyInfo around one. An embedded public key is checked
 * for its form only, attributes of PrivateKeyInfo are skipped. Whether the key is in 1...n - 1 is left
 * to its first use.
 * @param privateKey [out] 32 bytes; untouched after an error
 * @param der [in] `length` bytes
 * @returns 0; Status.MalformedDer
 * @see RFC 5915 §3, RFC 5208 §5
 */
export function derDecodePrivateKey(privateKey: usize, der: usize, length: i32): i32 {
  const end = der + max(length, 0);
  if (derEnter(der, end, Tag.Sequence) != end) return Status.MalformedDer;
  // version: 0 for PrivateKeyInfo, 1 for ECPrivateKey
  if (end - content < 3) return Status.MalformedDer;
  if (load<u16>(content) != 0x0102) return Status.MalformedDer;
  const version = load<u8>(content, 2);
  if (version == 1) return decodeEcPrivateKey(privateKey, der, end, true);
  if (version != 0) return Status.MalformedDer;
  // privateKeyAlgorithm
  const algorithm = content + 3;
  if (<i32>(end - algorithm) < ALGORITHM_SIZE) return Status.MalformedDer;
  if (!equalBytes(algorithm, ALGORITHM, ALGORITHM_SIZE)) return Status.MalformedDer;
  // privateKey, then attributes
  const next = derEnter(algorithm + ALGORITHM_SIZE, end, Tag.OctetString);
  if (!next) return Status.MalformedDer;
  const inner = content;
  if (next != end && derEnter(next, end, Tag.Context0) != end) return Status.MalformedDer;
  return decodeEcPrivateKey(privateKey, inner, next, false);
}

/**
 * Encode a signature as SEQUENCE { INTEGER r, INTEGER s }.
 * @param output [out] 72 bytes
 * @param signature [in] 64 bytes
 * @returns bytes written, 8...72
 * @see RFC 3279 §2.2.3
 */
export function derEncodeSignature(output: usize, signature: usize): i32 {
  let end = encodeInteger(output + 2, signature);
  end = encodeInteger(end, signature + 32);
  const length = <i32>(end - output);
  store<u8>(output, Tag.Sequence);
  store<u8>(output, length - 2, 1);
  return length;
}

/**
 * Decode a signature. Whether r and s are in 1...n - 1 is left to `p256Verify`.
 * @param signature [out] 64 bytes; unspecified after an error
 * @param der [in] `length` bytes
 * @returns 0; Status.MalformedDer
 * @see RFC 3279 §2.2.3
 */
export function derDecodeSignature(signature: usize, der: usize, length: i32): i32 {
  const end = der + max(length, 0);
  if (derEnter(der, end, Tag.Sequence) != end) return Status.MalformedDer;
  const next = decodeInteger(signature, content, end);
  if (!next) return Status.MalformedDer;
  return decodeInteger(signature + 32, next, end) == end ? Status.Ok : Status.MalformedDer;
}

/**
 * Check the header of an element and point `content` at its contents. Lengths are minimal and at most
 * 255 (X.690 §10.1).
 * @returns the end of the element; 0 when it has another tag or does not fit before `end`
 */
export function derEnter(at: usize, end: usize, tag: i32): usize {
  let left = <i32>(end - at) - 2;
  if (left < 0) return 0;
  if (load<u8>(at) != tag) return 0;
  let length = <i32>load<u8>(at, 1);
  at += 2;
  if (length > 127) {
    if (length != 0x81 || --left < 0) return 0;
    length = load<u8>(at++);
    if (length < 128) return 0;
  }
  if (length > left) return 0;
  content = at;
  return at + length;
}

/**
 * ECPrivateKey (RFC 5915 §3), from `der` to `end`.
 * @param named whether the parameters are needed, which nothing around the structure gives
 */
function decodeEcPrivateKey(privateKey: usize, der: usize, end: usize, named: bool): i32 {
  if (derEnter(der, end, Tag.Sequence) != end) return Status.MalformedDer;
  // INTEGER 1, OCTET STRING of 32 bytes
  if (end - content < 37) return Status.MalformedDer;
  if (load<u32>(content) != 0x04010102) return Status.MalformedDer;
  if (load<u8>(content, 4) != 32) return Status.MalformedDer;
  const key = content + 5;
  let at = key + 32;
  // parameters [0]: the curve
  const next = derEnter(at, end, Tag.Context0);
  if (next) {
    if (<i32>(next - content) != CURVE_SIZE) return Status.MalformedDer;
    if (!equalBytes(content, CURVE, CURVE_SIZE)) return Status.MalformedDer;
    at = next;
  } else if (named) {
    return Status.MalformedDer;
  }
  // publicKey [1]: BIT STRING, no unused bits, an uncompressed point
  if (at != end) {
    if (derEnter(at, end, Tag.Context1) != end) return Status.MalformedDer;
    if (derEnter(content, end, Tag.BitString) != end) return Status.MalformedDer;
    if (end - content != 66) return Status.MalformedDer;
    if (load<u16>(content) != 0x0400) return Status.MalformedDer;
  }
  memory.copy(privateKey, key, 32);
  return Status.Ok;
}

/** INTEGER of 32 bytes at `number`, minimal (X.690 §8.3.2). Returns the end. */
function encodeInteger(at: usize, number: usize): usize {
  const last = number + 31;
  while (number < last && load<u8>(number) == 0) number++;
  // A number with the top bit set needs a zero in front, or it would be negative.
  const zero = <usize>(load<u8>(number) >> 7);
  const length = last + 1 - number;
  store<u8>(at, Tag.Integer);
  store<u8>(at, length + zero, 1);
  store<u8>(at, 0, 2);
  memory.copy(at + 2 + zero, number, length);
  return at + 2 + zero + length;
}

/**
 * INTEGER, not negative, minimal, below 2^256, to 32 bytes at `number`.
 * @returns the end of the element; 0 when it is malformed
 */
function decodeInteger(number: usize, at: usize, end: usize): usize {
  const next = derEnter(at, end, Tag.Integer);
  if (!next) return 0;
  let length = <i32>(next - content);
  if (length == 0) return 0;
  const first = load<u8>(content);
  if (first > 127) return 0;
  if (first == 0 && length > 1) {
    if (load<u8>(content, 1) < 128) return 0;
    content++;
    length--;
  }
  if (length > 32) return 0;
  wipe(number, 32);
  memory.copy(number + 32 - length, content, length);
  return next;
}
