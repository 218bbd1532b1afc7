// Single pieces of the core's work, each an export without arguments, for tests/mcu/bench/crypto.c.
// Each returns 1 when its result is what it must be.

import { aes128ExpandKey } from "../../../assembly/crypto/aes";
import { ccmOpen, ccmSeal } from "../../../assembly/crypto/ccm";
import { p256Ecdh, p256GenerateKey, p256PublicKey } from "../../../assembly/crypto/p256";
import { p256Sign, p256Verify } from "../../../assembly/crypto/p256-ecdsa";
import { sha256 } from "../../../assembly/crypto/sha256";
import { decodeMessage, messageCode, optionNext } from "../../../assembly/coap/message";
import { Status } from "../../../assembly/status";

const KEY: usize = memory.data(32, 4);
const PUBLIC: usize = memory.data(65, 4);
const OTHER_KEY: usize = memory.data(32, 4);
const OTHER_PUBLIC: usize = memory.data(65, 4);
const SHARED: usize = memory.data(32, 4);
const DIGEST: usize = memory.data(32, 4);
const SIGNATURE: usize = memory.data(64, 4);
const SCHEDULE: usize = memory.data(176, 4);
const RECORD: usize = memory.data(64 + 8, 4);
const NONCE: usize = memory.data(12, 4);
const AAD: usize = memory.data(22, 4);
const DATA: usize = memory.data(1024, 4);

/** CON POST /E/temp, 20 bytes of text: a publish as the cloud gets it. */
const MESSAGE: usize = memory.data<u8>([
  0x40, 0x02, 0x12, 0x34, 0xb1, 0x45, 0x04, 0x74, 0x65, 0x6d, 0x70, 0xff, 0x78, 0x78, 0x78, 0x78,
  0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78, 0x78,
]);
const MESSAGE_LENGTH: i32 = 32;
const CODE_POST: i32 = 2;

/** The other end's key, and a record's key: not part of the work. */
export function prepare(): i32 {
  aes128ExpandKey(SCHEDULE, OTHER_KEY);
  return p256GenerateKey(OTHER_KEY, OTHER_PUBLIC) == Status.Ok ? 1 : 0;
}

export function generate_key(): i32 {
  return p256GenerateKey(KEY, PUBLIC) == Status.Ok ? 1 : 0;
}

export function public_key(): i32 {
  return p256PublicKey(PUBLIC, KEY) == Status.Ok ? 1 : 0;
}

export function ecdh(): i32 {
  return p256Ecdh(SHARED, KEY, OTHER_PUBLIC) == Status.Ok ? 1 : 0;
}

export function sign(): i32 {
  return p256Sign(SIGNATURE, KEY, DIGEST) == Status.Ok ? 1 : 0;
}

export function verify(): i32 {
  return p256Verify(PUBLIC, DIGEST, SIGNATURE) == Status.Ok ? 1 : 0;
}

/** Seal a record of 64 bytes. */
export function ccm64(): i32 {
  ccmSeal(RECORD, 64, SCHEDULE, NONCE, AAD, 22);
  return 1;
}

/** Open what `ccm64` sealed. */
export function ccm64_open(): i32 {
  return ccmOpen(RECORD, 64, SCHEDULE, NONCE, AAD, 22) == Status.Ok ? 1 : 0;
}

export function sha1k(): i32 {
  sha256(DIGEST, DATA, 1024);
  return 1;
}

export function coap_decode(): i32 {
  if (decodeMessage(MESSAGE, MESSAGE_LENGTH) < 0 || messageCode() != CODE_POST) return 0;
  let options = 0;
  while (optionNext()) options += 1;
  return options == 2 ? 1 : 0;
}
