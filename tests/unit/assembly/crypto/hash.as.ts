// assembly/crypto/sha256.ts, hmac.ts and prf.ts: published vectors

import { bytes, equal, equalBytes, finish, section } from "../support/check";
import { HMAC_STATE_SIZE, hmacFinal, hmacInit, hmacUpdate } from "../../../../assembly/crypto/hmac";
import { prf } from "../../../../assembly/crypto/prf";
import {
  SHA256_STATE_SIZE,
  sha256,
  sha256Final,
  sha256Init,
  sha256Update,
} from "../../../../assembly/crypto/sha256";

const out = heap.alloc(100);
const state = heap.alloc(HMAC_STATE_SIZE);

section("SHA-256, FIPS 180-4");
equal("state size", SHA256_STATE_SIZE % 8, 0);
sha256(out, bytes("616263"), 3);
equalBytes("abc", out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
const long =
  "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f" +
  "6d6e6f706e6f7071";
const digest = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
sha256(out, bytes(long), 56);
equalBytes("56 bytes", out, digest);
sha256Init(state);
for (let i = 0; i < 56; i++) sha256Update(state, bytes(long) + i, 1);
sha256Final(out, state);
equalBytes("byte by byte", out, digest);

section("HMAC, RFC 4231");
hmacInit(state, bytes("4a656665"), 4);
hmacUpdate(state, bytes("7768617420646f2079612077616e7420"), 16);
hmacUpdate(state, bytes("666f72206e6f7468696e673f"), 12);
hmacFinal(out, state);
equalBytes("case 2", out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
equalBytes(
  "the state is wiped",
  state,
  "0000000000000000000000000000000000000000000000000000000000000000",
);

section("PRF");
const secret = bytes("9bbe436ba940f017b17652849a71db35");
const seed = bytes("a0ba9f936cda311827a6f796ffd5198c");
prf(out, 100, secret, 16, bytes("74657374206c6162656c"), 10, seed, 16);
equalBytes(
  "published vector for SHA-256",
  out,
  "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af" +
    "0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701" +
    "87347b66",
);

finish();
