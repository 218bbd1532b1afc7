// assembly/dtls/key-exchange.ts and profile.ts with a pre-shared key (RFC 4279 §2); secrets by
// node:crypto's HMAC

import "../support/standard";
import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { clearStorage, halStorageWrite } from "../support/hal-stub";
import { Status } from "../../../../assembly/status";
import { identityFingerprint, identityLoad } from "../../../../assembly/dtls/identity";
import {
  agreePremaster,
  clientRandom,
  deriveKeys,
  serverRandom,
} from "../../../../assembly/dtls/key-exchange";
import { Credential, Profile, readPsk, setProfile } from "../../../../assembly/dtls/profile";
import { sessionKeyBlock, sessionMasterSecret } from "../../../../assembly/dtls/session";

const slot = heap.alloc(256);

/** Provision an identity and a key of these lengths. */
function provision(identityLength: i32, keyLength: i32): void {
  memory.fill(slot, 0x69, 256);
  store<u8>(slot, identityLength);
  for (let i = 0; i < keyLength; i++) store<u8>(slot + 1 + identityLength + i, i);
  halStorageWrite(5, slot, 1 + identityLength + keyLength);
}

setProfile(Profile.Standard, Credential.PreSharedKey, true);

section("slot");
clearStorage();
equal("empty", readPsk(slot), Status.InvalidPrivateKey);
equal("no identity to load", identityLoad(), Status.InvalidPrivateKey);
equal("no fingerprint", identityFingerprint(), 0);
equal("nothing to agree on", agreePremaster(), Status.InvalidPrivateKey);
provision(1, 1);
equal("shortest", readPsk(slot), 3);
provision(64, 64);
equal("longest", readPsk(slot), 129);
provision(65, 63);
equal("identity of 65 bytes", readPsk(slot), Status.InvalidPrivateKey);
provision(63, 65);
equal("key of 65 bytes", readPsk(slot), Status.InvalidPrivateKey);
provision(0, 16);
equal("no identity", readPsk(slot), Status.InvalidPrivateKey);
provision(16, 0);
equal("no key", readPsk(slot), Status.InvalidPrivateKey);
halStorageWrite(5, bytes("ff6969"), 3);
equal("identity past the end", readPsk(slot), Status.InvalidPrivateKey);
provision(6, 16);
equal("a good one", identityLoad(), Status.Ok);
const fingerprint = identityFingerprint();
check("has a fingerprint", fingerprint != 0);
provision(7, 16);
check("another identity has another", identityFingerprint() != fingerprint);

section("secrets");
for (let i = 0; i < 32; i++) {
  store<u8>(clientRandom() + i, i);
  store<u8>(serverRandom() + i, 0x40 + i);
}
provision(6, 16); // key 000102...0f
equal("agreed", agreePremaster(), Status.Ok);
deriveKeys(0);
equalBytes(
  "master secret",
  sessionMasterSecret(),
  "8d7b9ef86b7ab5638d65b2d761171d338cf74f5afcb3903b" +
    "cdde4b327c4d696bcc577ae09b5804605d915483fd5c9a12",
);
equalBytes(
  "key block",
  sessionKeyBlock(),
  "b58137f9589b46a43cb5fb06e13157f1afe05cdbdbd4d0ef86824f6b35f5943ad7f5b8c3e013ee65",
);
agreePremaster();
deriveKeys(bytes("3f3af1ecebbd1410ab417ec0d27bbfcb5d340e177ae159b59fc8626c2dfd9175"));
equalBytes(
  "extended master secret, session hash SHA-256 of 'session'",
  sessionMasterSecret(),
  "388d00bacc6fdfe774c3efb0278d95808d45f5527617e4a2" +
    "0193b7b637dfceae011d6faa77f7192df46f2011c8633467",
);

finish();
