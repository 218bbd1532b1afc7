// RSA as the TCP channel needs it, each an export without arguments, for tests/mcu/bench/crypto.c.
// figures.ts puts a test key in place of DER, its length in place of DER_LENGTH, and a modulus of
// 2048 bits in place of MODULUS.

import { rsaPrivate, rsaPublic } from "../../../assembly/crypto/rsa";
import { rsaDecodePrivateKey } from "../../../assembly/crypto/rsa-der";
import { Status } from "../../../assembly/status";

const DER: usize = memory.data<u8>([/* DER */ 0]);
const DER_LENGTH: i32 = /* DER_LENGTH */ 0;
const MODULUS: usize = memory.data<u8>([/* MODULUS */ 0]);
const PUBLIC_SIZE: i32 = 256;

/** RSA_PRIVATE_KEY_SIZE bytes. */
const KEY: usize = memory.data(448, 4);
const INPUT: usize = memory.data(256, 4);
const OUTPUT: usize = memory.data(256, 4);

export function prepare(): i32 {
  memory.fill(INPUT + 1, 0x5a, PUBLIC_SIZE - 1);
  return rsaDecodePrivateKey(KEY, DER, DER_LENGTH) == Status.Ok ? 1 : 0;
}

export function rsa1024_private(): i32 {
  return rsaPrivate(OUTPUT, INPUT, KEY) == Status.Ok ? 1 : 0;
}

export function rsa2048_public(): i32 {
  return rsaPublic(OUTPUT, INPUT, MODULUS, PUBLIC_SIZE) == Status.Ok ? 1 : 0;
}
