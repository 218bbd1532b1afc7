// assembly/crypto/p256.ts, random.ts and der.ts: published vectors, and both sides of each exchange

import { bytes, equal, equalBytes, finish, hex, section } from "../support/check";
import { seedRandom, setRandomWorks } from "../support/hal-stub";
import { Status } from "../../../../assembly/status";
import {
  derDecodePrivateKey,
  derDecodeSignature,
  derDecodeSpki,
  derEncodeSignature,
  derEncodeSpki,
} from "../../../../assembly/crypto/der";
import {
  p256Ecdh,
  p256GenerateKey,
  p256PublicKey,
  p256Sign,
  p256SignWith,
  p256Validate,
  p256Verify,
} from "../../../../assembly/crypto/p256";
import { randomFill } from "../../../../assembly/crypto/random";
import { sha256 } from "../../../../assembly/crypto/sha256";

const privateA = heap.alloc(32);
const privateB = heap.alloc(32);
const publicA = heap.alloc(65);
const publicB = heap.alloc(65);
const sharedA = heap.alloc(32);
const sharedB = heap.alloc(32);
const signature = heap.alloc(64);
const digest = heap.alloc(32);
const der = heap.alloc(91);

section("RFC 6979 §A.2.5");
const key = bytes("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
equal("public key", p256PublicKey(publicA, key), 0);
equalBytes(
  "public key",
  publicA,
  "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6" +
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
);
sha256(digest, bytes("73616d706c65"), 6);
equal("sign", p256SignWith(signature, key, digest, 0, 0), 0);
equalBytes(
  "signature",
  signature,
  "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
);
equal("verify", p256Verify(publicA, digest, signature), 0);

section("two sides");
for (let i = 0; i < 20; i++) {
  seedRandom(i + 1);
  let failures = p256GenerateKey(privateA, publicA) | p256GenerateKey(privateB, publicB);
  failures |= p256Validate(publicA) | p256Validate(publicB);
  failures |= p256Ecdh(sharedA, privateA, publicB) | p256Ecdh(sharedB, privateB, publicA);
  failures |= p256Sign(signature, privateA, sharedA) | p256Verify(publicA, sharedB, signature);
  equal("calls", failures, 0);
  equalBytes("shared secret", sharedA, hex(sharedB, 32));
  equal("another key", p256Verify(publicB, sharedB, signature), Status.InvalidSignature);
}

section("errors");
setRandomWorks(false);
equal("random", randomFill(digest, 32), Status.RandomFailure);
equal("key generation", p256GenerateKey(privateA, publicA), Status.RandomFailure);
equal("sign", p256Sign(signature, key, digest), Status.RandomFailure);
setRandomWorks(true);
memory.fill(privateA, 0, 32);
equal("key 0", p256PublicKey(publicB, privateA), Status.InvalidPrivateKey);
equal("key 0 in ECDH", p256Ecdh(sharedA, privateA, publicA), Status.InvalidPrivateKey);
store<u8>(publicA, load<u8>(publicA, 64) ^ 1, 64);
equal("point off the curve", p256Validate(publicA), Status.InvalidPublicKey);
equal("in ECDH", p256Ecdh(sharedA, key, publicA), Status.InvalidPublicKey);
equal("in verification", p256Verify(publicA, digest, signature), Status.InvalidPublicKey);

section("DER");
p256PublicKey(publicA, key);
equal("SPKI", derEncodeSpki(der, publicA), 91);
equal("SPKI", derDecodeSpki(publicB, der, 91), 0);
equalBytes("public key", publicB, hex(publicA, 65));
equal("SPKI cut short", derDecodeSpki(publicB, der, 90), Status.MalformedDer);
const length = derEncodeSignature(der, signature);
equal("signature", derDecodeSignature(sharedA, der, length - 1), Status.MalformedDer);
const sec1 = bytes(
  "30310201010420c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721" +
    "a00a06082a8648ce3d030107",
);
equal("private key", derDecodePrivateKey(privateB, sec1, 51), 0);
equalBytes("private key", privateB, hex(key, 32));
equal("private key cut short", derDecodePrivateKey(privateB, sec1, 50), Status.MalformedDer);

finish();
