// assembly/dtls/key-exchange.ts and identity.ts: keys, signatures and secrets are node:crypto's
// (private keys 32 * 0x11 server, 0x22 its ephemeral one, 0x33 device); the key block is the
// published vector of the protocol (master 80...af, randoms 00...1f and 40...5f).

import { bytes, check, equal, equalBytes, finish, hex, section } from "../support/check";
import { clearStorage, halStorageWrite, seedRandom, setRandomWorks } from "../support/hal-stub";
import { Status } from "../../../../assembly/status";
import {
  identityDeriveDeviceKey,
  identityDeviceKey,
  identityFingerprint,
  identityLoad,
  identityServerKey,
} from "../../../../assembly/dtls/identity";
import {
  agreePremaster,
  clientPoint,
  clientRandom,
  deriveKeyBlock,
  deriveKeys,
  deriveVerifyData,
  handleServerKeyExchange,
  keyExchangeReset,
  serverRandom,
} from "../../../../assembly/dtls/key-exchange";
import { sessionKeyBlock, sessionMasterSecret } from "../../../../assembly/dtls/session";

const SERVER_KEY =
  "3059301306072a8648ce3d020106082a8648ce3d030107034200040217e617f0b6443928278f96999e69a23a" +
  "4f2c152bdf6d6cdf66e5b80282d4ed194a7debcb97712d2dda3ca85aa8765a56f45fc758599652f2897c6530" +
  "6e5794";
const SERVER_POINT =
  "040217e617f0b6443928278f96999e69a23a4f2c152bdf6d6cdf66e5b80282d4ed194a7debcb97712d2dda3c" +
  "a85aa8765a56f45fc758599652f2897c65306e5794";
const DEVICE_KEY =
  "307702010104203333333333333333333333333333333333333333333333333333333333333333a00a06082a" +
  "8648ce3d030107a1440342000451a7580833898ea1b183cbd7350a4099078c6ef1c1e18e970cd7683035f25e" +
  "7d0110522712b0b5a7cff081685486984a94e6831edac46e7360fa9d834a7a81a1";
const DEVICE_POINT =
  "0451a7580833898ea1b183cbd7350a4099078c6ef1c1e18e970cd7683035f25e7d0110522712b0b5a7cff081" +
  "685486984a94e6831edac46e7360fa9d834a7a81a1";
const FINGERPRINT = "73040b87f942bc02";
/** Named curve, secp256r1, point; algorithm 4, 3; signature. */
const GOOD =
  "0300174104d65a93977caa3d1b081852ff57a79e465f1660577304baead505dd3a48589cf350185e895372df" +
  "6221ea3a137557e473fddb6755f05bd507c3c533fce9c91285040300473045022100a078cd3b00bb15872ced" +
  "7f523f59281e0c69244502b59e4dc0d990155115c24f0220694edda7ce2576e0eca171643207fef757e3d496" +
  "560016245c7fd84f1b59b8bb";
const OTHER_GROUP =
  "0300184104d65a93977caa3d1b081852ff57a79e465f1660577304baead505dd3a48589cf350185e895372df" +
  "6221ea3a137557e473fddb6755f05bd507c3c533fce9c91285040300473045022010eea21377699fec5dcdff" +
  "10bd35c07d3bb4cad74d9834cd00fee2c6bc90b302022100c0891555b65b76fc5ae38739d1937cbe4ddaa8db" +
  "5e335557102af4e3539ec547";
const SWAPPED_RANDOMS =
  "0300174104d65a93977caa3d1b081852ff57a79e465f1660577304baead505dd3a48589cf350185e895372df" +
  "6221ea3a137557e473fddb6755f05bd507c3c533fce9c9128504030047304502207ec5078347d601d63a56d5" +
  "eda5c9ddd1b1483cd624427824bd2414c7f144e52f0221008b73b95707d27a5a188a9d92ba68daa4910c9dc6" +
  "28cabe61b7d7c9967d1def24";
const BAD_POINT =
  "0300174104d65a93977caa3d1b081852ff57a79e465f1660577304baead505dd3a48589cf350185e895372df" +
  "6221ea3a137557e473fddb6755f05bd507c3c533fce9c91284040300483046022100b0b5aa5f9d7bab2e4435" +
  "37cdad4430aca30622d3a3bd31992f58ff7eb555283b0221008b2b25c07239253216796afa402716c16eb570" +
  "d82a7b98a7019243209393ac52";
const CLIENT_POINT =
  "043ed0b71a5e79e0b5eea0dceb90566c02ba4ff6683e99dfeb2236e880592d51235cbb07838eec974c52d087e161adc4da201145d65f7caabf4a4688ec615cae55";
const MASTER =
  "7809fc638316e8a6afa0765a775ca5cc50bbdc48d7b214f96834139441b774bcb13a627619dce8f22efe6d3e02776150";
const KEY_BLOCK =
  "214e1ded679b1f23c2ea21ad4e9e415ef5629732ea1b65b7201985ad928d31a66af814dea16d6c7c";
/** SHA-256 of "session". */
const SESSION_HASH = "3f3af1ecebbd1410ab417ec0d27bbfcb5d340e177ae159b59fc8626c2dfd9175";
const EXTENDED_MASTER =
  "0e2281ad4ee8e46b52fc62a53fd65bc1bb247c20323657c45130295305e5ed1df5a3b471965a76e9bbd80eee61cd64c7";

const out = heap.alloc(64);

function provision(slot: i32, text: string): void {
  halStorageWrite(slot, bytes(text), text.length / 2);
}

function randoms(): void {
  for (let i = 0; i < 32; i++) {
    store<u8>(clientRandom() + i, i);
    store<u8>(serverRandom() + i, 0x40 + i);
  }
}

// ---- identity ---------------------------------------------------------------------------------

section("identity");
clearStorage();
equal("no keys", identityLoad(), Status.InvalidPrivateKey);
equal("no fingerprint", identityFingerprint(), 0);
provision(1, DEVICE_KEY);
equal("no server key", identityLoad(), Status.InvalidPublicKey);
equal("still none", identityFingerprint(), 0);
provision(2, SERVER_KEY);
equal("both", identityLoad(), Status.Ok);
equalBytes("server key", identityServerKey(), SERVER_POINT);
equal("public key of the device", identityDeriveDeviceKey(), Status.Ok);
equalBytes("its point", identityDeviceKey(), DEVICE_POINT);
store<u64>(out, identityFingerprint());
equalBytes("fingerprint: SHA-256 of both", out, FINGERPRINT);
provision(2, "31" + SERVER_KEY.substring(2));
equal("a server key that is no SubjectPublicKeyInfo", identityLoad(), Status.InvalidPublicKey);
provision(2, SERVER_KEY + "00");
equal("a byte behind it", identityLoad(), Status.InvalidPublicKey);
provision(2, SERVER_KEY);
provision(1, "00" + DEVICE_KEY);
equal("a private key that is none", identityLoad(), Status.InvalidPrivateKey);
provision(1, DEVICE_KEY);
equal("good again", identityLoad(), Status.Ok);

// ---- ServerKeyExchange ------------------------------------------------------------------------

function exchange(text: string): i32 {
  return handleServerKeyExchange(bytes(text), text.length / 2);
}

section("ServerKeyExchange");
randoms();
equal("good", exchange(GOOD), Status.Ok);
let accepted = 0;
for (let length = 0; length < GOOD.length / 2; length++) {
  if (handleServerKeyExchange(bytes(GOOD), length) != Status.DecodeError) accepted++;
}
equal("cut at any byte", accepted, 0);
equal("a byte behind it", exchange(GOOD + "00"), Status.DecodeError);
equal("explicit curve", exchange("01" + GOOD.substring(2)), Status.IllegalParameter);
equal("secp384r1, signed", exchange(OTHER_GROUP), Status.IllegalParameter);
const SIGNED = 138; // digits before the algorithm
const rest = GOOD.substring(SIGNED + 4);
const head = GOOD.substring(0, SIGNED);
equal("SHA-1", exchange(head + "0203" + rest), Status.IllegalParameter);
equal("RSA", exchange(head + "0401" + rest), Status.IllegalParameter);
equal("SHA-384", exchange(head + "0503" + rest), Status.IllegalParameter);
equal(
  "a compressed point",
  exchange("03001721" + "02".repeat(33) + "0403" + rest),
  Status.IllegalParameter,
);
equal("an empty signature", exchange(head + "04030000"), Status.AuthenticationFailed);
equal("no DER", exchange(head + "0403000401020304"), Status.AuthenticationFailed);
equal("randoms the other way round", exchange(SWAPPED_RANDOMS), Status.AuthenticationFailed);
equal("a signed point off the curve", exchange(BAD_POINT), Status.IllegalParameter);
const forged = GOOD.substring(0, 136) + (GOOD.substring(136, 138) == "00" ? "01" : "00");
equal("an unsigned one", exchange(forged + GOOD.substring(138)), Status.AuthenticationFailed);
store<u8>(serverRandom() + 31, 0);
equal("another server random", exchange(GOOD), Status.AuthenticationFailed);
randoms();
store<u8>(clientRandom(), 1);
equal("another client random", exchange(GOOD), Status.AuthenticationFailed);
randoms();

// ---- secrets ----------------------------------------------------------------------------------

section("premaster secret");
equal("good again", exchange(GOOD), Status.Ok);
setRandomWorks(false);
equal("no random numbers", agreePremaster(), Status.RandomFailure);
setRandomWorks(true);
seedRandom(0x2545f491);
equal("agreed", agreePremaster(), Status.Ok);
equalBytes("our point", clientPoint(), CLIENT_POINT);
deriveKeys(0);
equalBytes("master secret", sessionMasterSecret(), MASTER);
equalBytes("key block", sessionKeyBlock(), KEY_BLOCK);
seedRandom(0x2545f491);
agreePremaster();
deriveKeys(bytes(SESSION_HASH));
equalBytes("extended master secret", sessionMasterSecret(), EXTENDED_MASTER);
agreePremaster();
check("another ephemeral key each time", hex(clientPoint(), 65) != CLIENT_POINT);

section("key block, published vector");
for (let i = 0; i < 48; i++) store<u8>(sessionMasterSecret() + i, 0x80 + i);
deriveKeyBlock();
equalBytes(
  "client key, server key, client IV, server IV",
  sessionKeyBlock(),
  "fba7dda102112c5701989be4ed19059d 60b59e51278572131b0761264222ee5e 3fe029af 2cf12e78",
);

section("verify_data");
const transcript = bytes("54e6289e14c7b0e7ad9acc2dfc4c1e3d027d0eef7f5c4c3fe7c292761d0e06a6");
memory.fill(out, 0xee, 16);
deriveVerifyData(out, true, transcript);
equalBytes("client finished, 12 bytes", out, "53521c1eb5db6316f85f456b ee");
deriveVerifyData(out, false, transcript);
equalBytes("server finished", out, "8446606ff4f643d4cf893d8e ee");

section("reset");
keyExchangeReset();
let left = 0;
for (let i = 0; i < 32; i++) left |= load<u8>(clientRandom() + i) | load<u8>(serverRandom() + i);
equal("nothing is left of the randoms", left, 0);
deriveKeys(0);
check("nor of the premaster secret", hex(sessionMasterSecret(), 48) != MASTER);

finish();
