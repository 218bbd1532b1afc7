// assembly/dtls/client-hello.ts and server-hello.ts in the `standard` profile

import "../support/standard";
import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import { Credential, Profile, setProfile } from "../../../../assembly/dtls/profile";
import { encodeClientHello } from "../../../../assembly/dtls/client-hello";
import {
  decodeServerHello,
  serverHelloCidLength,
  serverHelloExtendsMasterSecret,
  serverHelloKeyIsRaw,
} from "../../../../assembly/dtls/server-hello";

const RANDOM = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const out = heap.alloc(256);
const random = bytes(RANDOM);

/** Encode a ClientHello and look at it. */
function client(name: string, suite: string, extensions: string): void {
  memory.fill(out, 0xee, 256);
  const length = 44 + extensions.length / 2 + 2;
  equal(name + ": length", encodeClientHello(out, 256, random, 0, 0, 0, 0), length);
  const sizeText = (0x10000 + extensions.length / 2).toString(16).substring(1);
  equalBytes(
    name,
    out,
    "fefd" + RANDOM + "0000" + "0004" + suite + "00ff0100" + sizeText + extensions,
  );
}

const ECDHE = "000d000400020403" + "000a000400020017" + "000b00020100";
const CID = "0036000100";
const EMS = "00170000";
const TYPES = "0013000201020014000302" + "0200";

section("ClientHello");
setProfile(Profile.Standard, Credential.RawPublicKey, true);
client("raw public key", "c0ae", ECDHE + CID + TYPES + EMS);
setProfile(Profile.Standard, Credential.RawPublicKey, false);
client("no connection id", "c0ae", ECDHE + TYPES + EMS);
setProfile(Profile.Standard, Credential.Certificate, true);
client("certificate: no client type", "c0ae", ECDHE + CID + "00140003020200" + EMS);
setProfile(Profile.Standard, Credential.PreSharedKey, true);
client("pre-shared key", "c0a8", CID + EMS);
setProfile(Profile.Standard, Credential.PreSharedKey, false);
client("pre-shared key, no connection id", "c0a8", EMS);

/** Decode a ServerHello of this suite with these extensions. */
function server(suite: string, extensions: string): i32 {
  const sizeText = (0x10000 + extensions.length / 2).toString(16).substring(1);
  const body = "fefd" + RANDOM + "00" + suite + "00" + (extensions ? sizeText + extensions : "");
  return decodeServerHello(bytes(body), body.length / 2, out);
}

section("ServerHello, raw public key");
setProfile(Profile.Standard, Credential.RawPublicKey, true);
equal("nothing is needed", server("c0ae", ""), Status.Ok);
equal("no connection id", serverHelloCidLength(), 0);
check("no extended master secret", !serverHelloExtendsMasterSecret());
check("the server shows X.509", !serverHelloKeyIsRaw());
equal("all", server("c0ae", "003600030201020013000102" + "0014000102" + EMS), Status.Ok);
equal("connection id of 2 bytes", serverHelloCidLength(), 2);
check("extended master secret", serverHelloExtendsMasterSecret());
check("the server shows a raw key", serverHelloKeyIsRaw());
equal("server: X.509", server("c0ae", "0014000100"), Status.Ok);
check("is not raw", !serverHelloKeyIsRaw());
equal("server: OpenPGP", server("c0ae", "0014000101"), Status.HandshakeFailure);
equal("client: X.509", server("c0ae", "0013000100"), Status.HandshakeFailure);
equal("an empty connection id", server("c0ae", "0036000100"), Status.Ok);
equal("of 8 bytes", server("c0ae", "00360009080102030405060708"), Status.Ok);
equal("of 9", server("c0ae", "0036000a09010203040506070809"), Status.HandshakeFailure);
equal("the number of the draft", server("c0ae", "00fe00020101"), Status.NotSupported);
equal("extended master secret twice", server("c0ae", EMS + EMS), Status.DecodeError);
equal("with content", server("c0ae", "0017000100"), Status.DecodeError);
equal("the suite of pre-shared keys", server("c0a8", ""), Status.IllegalParameter);

section("ServerHello, no connection id asked for");
setProfile(Profile.Standard, Credential.RawPublicKey, false);
equal("none", server("c0ae", ""), Status.Ok);
equal("one", server("c0ae", "003600020101"), Status.NotSupported);

section("ServerHello, certificate");
setProfile(Profile.Standard, Credential.Certificate, true);
equal("no client type", server("c0ae", "0014000102"), Status.Ok);
equal("a client type", server("c0ae", "0013000102"), Status.NotSupported);

section("ServerHello, pre-shared key");
setProfile(Profile.Standard, Credential.PreSharedKey, true);
equal("its suite", server("c0a8", CID + EMS), Status.Ok);
equal("the suite of certificates", server("c0ae", ""), Status.IllegalParameter);
equal("certificate types", server("c0a8", "0014000102"), Status.NotSupported);
equal("point formats", server("c0a8", "000b00020100"), Status.NotSupported);

finish();
