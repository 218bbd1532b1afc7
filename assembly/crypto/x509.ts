// The one thing that is needed of an X.509 certificate (RFC 5280 §4.1): its SubjectPublicKeyInfo,
// which is compared with a pinned key. No name, date, extension or signature is looked at.

import { Status } from "../status";
import { SPKI_SIZE, derDecodeSpki } from "./der";

const SEQUENCE: u32 = 0x30;
const INTEGER: u32 = 0x02;
/** version [0], optional */
const VERSION: u32 = 0xa0;
/** serialNumber, signature, issuer, validity, subject stand before the key. */
const FIELDS_BEFORE_KEY: i32 = 5;

let at: usize = 0;
let end: usize = 0;
let content: usize = 0;
let contentLength: i32 = 0;

/** Read the header of the next element with this tag. @returns whether it is whole */
function element(tag: u32): bool {
  if (end - at < 2 || <u32>load<u8>(at) != tag) return false;
  let length = <i32>load<u8>(at + 1);
  let header = 2;
  if (length & 0x80) {
    const octets = length & 0x7f;
    if (octets < 1 || octets > 2 || end - at < <usize>(2 + octets)) return false;
    length = 0;
    for (let i = 0; i < octets; i++) length = (length << 8) | load<u8>(at + 2 + i);
    header += octets;
  }
  content = at + header;
  contentLength = length;
  return end - content >= <usize>length;
}

/** Go into the SEQUENCE at hand. */
function enter(): bool {
  if (!element(SEQUENCE)) return false;
  at = content;
  end = content + contentLength;
  return true;
}

/** Go past the element at hand. */
function skip(tag: u32): bool {
  if (!element(tag)) return false;
  at = content + contentLength;
  return true;
}

/**
 * Take the P-256 public key out of a certificate.
 * @param publicKey [out] 65 bytes
 * @param der [in] Certificate, `length` bytes
 * @returns Status.Ok; Status.MalformedDer for anything else than a certificate of a P-256 key
 */
export function x509PublicKey(publicKey: usize, der: usize, length: i32): i32 {
  at = der;
  end = der + length;
  if (!enter() || !enter()) return Status.MalformedDer;
  if (end > at && <u32>load<u8>(at) == VERSION && !skip(VERSION)) return Status.MalformedDer;
  for (let i = 0; i < FIELDS_BEFORE_KEY; i++) {
    if (!skip(i == 0 ? INTEGER : SEQUENCE)) return Status.MalformedDer;
  }
  if (!element(SEQUENCE)) return Status.MalformedDer;
  const spki = at;
  if (<i32>(content - spki) + contentLength != SPKI_SIZE) return Status.MalformedDer;
  return derDecodeSpki(publicKey, spki, SPKI_SIZE);
}
