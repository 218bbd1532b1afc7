// assembly/crypto/aes.ts, ccm.ts and constant-time.ts: published vectors, tampering

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  aes128EncryptBlock,
  aes128ExpandKey,
  AES128_SCHEDULE_SIZE,
} from "../../../../assembly/crypto/aes";
import { ccmOpen, ccmSeal } from "../../../../assembly/crypto/ccm";
import { constantTimeEqual, wipe } from "../../../../assembly/crypto/constant-time";

const schedule = heap.alloc(AES128_SCHEDULE_SIZE);
const block = heap.alloc(16);

section("AES-128, FIPS 197");
aes128ExpandKey(schedule, bytes("2b7e151628aed2a6abf7158809cf4f3c"));
equalBytes("last round key", schedule + 160, "d014f9a8c9ee2589e13f0cc8b6630ca6");
aes128EncryptBlock(block, schedule, bytes("3243f6a8885a308d313198a2e0370734"));
equalBytes("block", block, "3925841d02dc09fbdc118597196a0b32");

section("CCM, NIST SP 800-38C example 3");
aes128ExpandKey(schedule, bytes("404142434445464748494a4b4c4d4e4f"));
const nonce = bytes("101112131415161718191a1b");
const aad = bytes("000102030405060708090a0b0c0d0e0f10111213");
const plaintext = "202122232425262728292a2b2c2d2e2f3031323334353637";
const buffer = bytes(plaintext + "0000000000000000");
ccmSeal(buffer, 24, schedule, nonce, aad, 20);
equalBytes("seal", buffer, "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951");
equal("open", ccmOpen(buffer, 24, schedule, nonce, aad, 20), Status.Ok);
equalBytes("plaintext", buffer, plaintext);
ccmSeal(buffer, 24, schedule, nonce, aad, 20);
store<u8>(buffer, load<u8>(buffer, 31) ^ 1, 31);
equal("changed tag", ccmOpen(buffer, 24, schedule, nonce, aad, 20), Status.BadTag);
equalBytes("nothing is left", buffer, "000000000000000000000000000000000000000000000000");

section("constant time");
check("equal", constantTimeEqual(bytes("0102"), bytes("0102"), 2));
check("first byte differs", !constantTimeEqual(bytes("0102"), bytes("8102"), 2));
check("last byte differs", !constantTimeEqual(bytes("0102"), bytes("0103"), 2));
check("no bytes", constantTimeEqual(block, buffer, 0));
wipe(block, 15);
store<u8>(block, 7, 15);
equalBytes("wipe", block, "00000000000000000000000000000007");

finish();
