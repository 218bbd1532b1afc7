// assembly/dtls/record.ts in the `standard` profile: AAD of RFC 9146 §5. Keys as in record.as.ts;
// records sealed by node:crypto (aes-128-ccm, tag 8).

import "../support/standard";
import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import { Credential, Profile, isStandard, setProfile } from "../../../../assembly/dtls/profile";
import { recordOpen, recordSeal, recordSetKeys } from "../../../../assembly/dtls/record";
import { recordContentOffset } from "../../../../assembly/dtls/record";

const keyBlock = bytes(
  "fba7dda102112c5701989be4ed19059d 60b59e51278572131b0761264222ee5e 3fe029af 2cf12e78",
);
const cid = bytes("c1d0c1d0c1d0c1d0");
const out = heap.alloc(64);

/** Seal a ping under number 5 with a connection id of this length. */
function seal(cidLength: i32): i32 {
  recordSetKeys(keyBlock, cid, cidLength, 5);
  memory.fill(out, 0xee, 64);
  store<u32>(out + recordContentOffset(), 0x02010040);
  return recordSeal(out, 23, 4, false);
}

section("profile");
check("particle at first", !isStandard());
equal("standard", setProfile(Profile.Standard, Credential.RawPublicKey, true), Status.Ok);
check("is set", isStandard());

section("RFC 9146");
const HEAD = "19fefd 0001000000000005";
equal("CID of 8 bytes", seal(8), 42);
const LONG = "c1d0c1d0c1d0c1d0 0015 0001000000000005 41cf25fcd5 251d05aba4c72cc3 ee";
equalBytes("record", out, HEAD + LONG);
equal("CID of 3 bytes", seal(3), 37);
equalBytes("record", out, HEAD + "c1d0c1 0015 0001000000000005 41cf25fcd5 5e4325629cd80b7b ee");
equal("no CID", seal(0), 33);
const PLAIN = "17fefd 0001000000000005 0014 0001000000000005 41cf25fc b136ca6ed23c4542";
equalBytes("as in RFC 6655", out, PLAIN + "ee");

section("receiving");
const ACK = "17fefd 0001000000000003 0014 0001000000000003 3fafa890c1a60abfcb61776e";
const ack = bytes(ACK);
equal("without a CID, as always", recordOpen(ack, 20), 4);
equalBytes("plaintext", ack + 21, "60000102");

section("particle in the same build");
equal("back", setProfile(Profile.Particle, Credential.RawPublicKey, true), Status.Ok);
seal(8);
equalBytes("its own AAD", out + 29, "41cf25fcd5 499c3e90a61b28a8");
equal("no such profile", setProfile(3, 0, true), Status.InvalidArgument);
equal("no such credential", setProfile(Profile.Standard, 3, true), Status.InvalidArgument);
equal("particle has raw keys only", setProfile(Profile.Particle, 1, true), Status.InvalidArgument);

finish();
