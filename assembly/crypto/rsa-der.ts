// DER of RSA keys: RSAPrivateKey of 1024 bits (RFC 8017 §A.1.2), SubjectPublicKeyInfo of 1024 and 2048
// bits (RFC 3279 §2.3.1) with the exponent 65537. Strict: minimal lengths and numbers, no trailing
// bytes. The caller owns all memory; nothing outside of the given length is read.

import { Status } from "../status";
import { equalBytes } from "../util/bytes";
import { wipe } from "./constant-time";
import { derContent, derEnter } from "./der";
import { RSA_PRIVATE_SIZE } from "./rsa";

/** Bytes of the longest RSAPrivateKey of 1024 bits. */
export const MAX_RSA_PRIVATE_DER: i32 = 612;
/** Bytes of SubjectPublicKeyInfo of 1024 and of 2048 bits. */
export const RSA1024_SPKI_SIZE: i32 = 162;
export const RSA2048_SPKI_SIZE: i32 = 294;

// @ts-ignore: decorator
@inline
const INTEGER: i32 = 0x02;
// @ts-ignore: decorator
@inline
const SPKI_2048_HEADER: i32 = 33;
// @ts-ignore: decorator
@inline
const SPKI_1024_HEADER: i32 = 29;
// @ts-ignore: decorator
@inline
const EXPONENT_SIZE: i32 = 5;

/**
 * SubjectPublicKeyInfo of 2048 bits up to the modulus: SEQUENCE { SEQUENCE { rsaEncryption, NULL },
 * BIT STRING { SEQUENCE { INTEGER } } }. Then that of 1024 bits, then INTEGER 65537.
 */
// @ts-ignore: decorator
@lazy
const HEADERS: usize = memory.data<u8>([
  0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
  0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01,
  0x00, 0x30, 0x81, 0x9f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
  0x01, 0x05, 0x00, 0x03, 0x81, 0x8d, 0x00, 0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00, 0x02, 0x03,
  0x01, 0x00, 0x01,
]);

/**
 * Decode a public key of 2048 bits.
 * @param modulus [out] 256 bytes; untouched after an error; may be `der`
 * @param der [in] `length` bytes
 * @returns Status.Ok; Status.MalformedDer, also for another exponent than 65537, an even modulus, or
 *   one of fewer bits
 * @see RFC 3279 §2.3.1
 */
export function rsaDecodeSpki(modulus: usize, der: usize, length: i32): i32 {
  if (length != RSA2048_SPKI_SIZE) return Status.MalformedDer;
  const start = der + SPKI_2048_HEADER;
  const isOurs =
    equalBytes(der, HEADERS, SPKI_2048_HEADER) &&
    equalBytes(start + 256, exponent(), EXPONENT_SIZE) &&
    load<u8>(start) >= 128 &&
    load<u8>(start, 255) & 1;
  if (!isOurs) return Status.MalformedDer;
  memory.copy(modulus, start, 256);
  return Status.Ok;
}

/**
 * Encode a public key of 1024 bits.
 * @param output [out] 162 bytes
 * @param modulus [in] 128 bytes, top bit set; must not overlap the output
 * @returns 162
 */
export function rsaEncodeSpki(output: usize, modulus: usize): i32 {
  memory.copy(output, HEADERS + SPKI_2048_HEADER, SPKI_1024_HEADER);
  memory.copy(output + SPKI_1024_HEADER, modulus, RSA_PRIVATE_SIZE);
  memory.copy(output + SPKI_1024_HEADER + RSA_PRIVATE_SIZE, exponent(), EXPONENT_SIZE);
  return RSA1024_SPKI_SIZE;
}

// @ts-ignore: decorator
@inline
function exponent(): usize {
  return HEADERS + SPKI_2048_HEADER + SPKI_1024_HEADER;
}

/**
 * Decode a private key of 1024 bits: primes of 512 bits, exponent 65537. That the numbers belong
 * together is left to `rsaPrivate`. The private exponent itself is not needed.
 * @param key [out] RSA_PRIVATE_KEY_SIZE bytes (see rsa.ts); may be `der`; unspecified after an error
 * @param der [in] `length` bytes
 * @returns Status.Ok; Status.MalformedDer
 * @see RFC 8017 §A.1.2
 */
export function rsaDecodePrivateKey(key: usize, der: usize, length: i32): i32 {
  // SEQUENCE of 256 bytes and more, INTEGER 0 (version)
  if (length < 260 || load<u16>(der) != 0x8230) return Status.MalformedDer;
  if (<i32>bswap<u16>(load<u16>(der, 2)) != length - 4) return Status.MalformedDer;
  if ((load<u32>(der, 4) & 0xffffff) != 0x000102) return Status.MalformedDer;
  const end = der + length;
  // The numbers move to lower addresses only, so that they may be where the DER is.
  let at = decodeModulus(key, der + 7, end, RSA_PRIVATE_SIZE);
  if (at) at = isExponent(at, end) ? at + EXPONENT_SIZE : 0;
  if (at) at = derEnter(at, end, INTEGER); // d
  if (at) at = decodeModulus(key + 128, at, end, 64);
  if (at) at = decodeModulus(key + 192, at, end, 64);
  if (at) at = decodeNumber(key + 256, at, end, 64);
  if (at) at = decodeNumber(key + 320, at, end, 64);
  if (at) at = decodeNumber(key + 384, at, end, 64);
  return at == end ? Status.Ok : Status.MalformedDer;
}

function isExponent(at: usize, end: usize): bool {
  return <i32>(end - at) >= EXPONENT_SIZE && equalBytes(at, exponent(), EXPONENT_SIZE);
}

/** An odd number of all its bits. @returns the end of the element; 0 when it is another one */
function decodeModulus(number: usize, at: usize, end: usize, size: i32): usize {
  const next = decodeNumber(number, at, end, size);
  if (!next) return 0;
  return load<u8>(number) >= 128 && load<u8>(number + size - 1) & 1 ? next : 0;
}

/**
 * INTEGER, not negative, minimal (X.690 §8.3.2), to `size` bytes.
 * @returns the end of the element; 0 when it is malformed or longer
 */
function decodeNumber(number: usize, at: usize, end: usize, size: i32): usize {
  const next = derEnter(at, end, INTEGER);
  if (!next) return 0;
  let content = derContent();
  let length = <i32>(next - content);
  if (length == 0 || load<u8>(content) > 127) return 0;
  if (load<u8>(content) == 0 && length > 1) {
    if (load<u8>(content, 1) < 128) return 0;
    content += 1;
    length -= 1;
  }
  if (length > size) return 0;
  // The content first: the zeros may lie over it.
  memory.copy(number + size - length, content, length);
  wipe(number, size - length);
  return next;
}

/**
 * Whether DER that is no key of the wanted kind begins as an RSA key does: RSAPrivateKey, or
 * SubjectPublicKeyInfo with an RSA algorithm.
 */
export function rsaIsKey(der: usize, length: i32): bool {
  if (length < 24 || load<u8>(der) != 0x30) return false;
  const isPrivate = load<u16>(der) == 0x8230 && load<u32>(der, 4) == 0x02000102;
  return isPrivate || equalBytes(der + 4, HEADERS + 4, 13);
}
