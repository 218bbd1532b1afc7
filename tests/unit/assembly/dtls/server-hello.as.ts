// assembly/dtls/server-hello.ts: the particle profile; every choice that was not offered is refused

import { bytes, check, equal, equalBytes, finish, section } from "../support/check";
import { Status } from "../../../../assembly/status";
import {
  decodeHelloVerifyRequest,
  decodeServerHello,
  helloVerifyCookie,
  helloVerifyCookieLength,
  serverHelloCid,
  serverHelloCidLength,
  serverHelloExtendsMasterSecret,
  serverHelloSessionId,
  serverHelloSessionIdLength,
} from "../../../../assembly/dtls/server-hello";

const RANDOM = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
const HEAD = "fefd" + RANDOM + "00c0ae00";
const CID = "00fe000908c1d0c1d0c1d0c1d0";
const CLIENT_TYPE = "0013000102";
const SERVER_TYPE = "0014000102";
const RENEGOTIATION = "ff01000100";
const POINTS = "000b00020100";
const NEEDED = CID + CLIENT_TYPE;

const random = heap.alloc(32);

function decode(body: string): i32 {
  memory.fill(random, 0, 32);
  return decodeServerHello(bytes(body), body.length / 2, random);
}

/** A ServerHello with these extensions. */
function hello(extensions: string, head: string = HEAD): string {
  const length = extensions.length / 2;
  return head + "0" + (0x1000 + length).toString(16).substring(1) + extensions;
}

function accepts(name: string, extensions: string): void {
  equal(name, decode(hello(extensions)), Status.Ok);
}

function refuses(name: string, extensions: string, status: i32): void {
  equal(name, decode(hello(extensions)), status);
}

function refusesHead(name: string, head: string, status: i32): void {
  equal(name, decode(hello(NEEDED, head)), status);
}

// ---- HelloVerifyRequest -----------------------------------------------------------------------

function verify(body: string): i32 {
  return decodeHelloVerifyRequest(bytes(body), body.length / 2);
}

section("HelloVerifyRequest");
equal("cookie of 4 bytes", verify("fefd04a1a2a3a4"), Status.Ok);
equal("its length", helloVerifyCookieLength(), 4);
equalBytes("its bytes", helloVerifyCookie(), "a1a2a3a4");
equal("DTLS 1.0, as RFC 6347 recommends", verify("feff01a1"), Status.Ok);
equal("no cookie", verify("fefd00"), Status.Ok);
equal("has length 0", helloVerifyCookieLength(), 0);
equal("the longest", verify("fefdff" + "5a".repeat(255)), Status.Ok);
equal("its length", helloVerifyCookieLength(), 255);
equal("empty body", verify(""), Status.DecodeError);
equal("version only", verify("fefd"), Status.DecodeError);
equal("cookie cut off", verify("fefd04a1a2a3"), Status.DecodeError);
equal("a byte behind it", verify("fefd04a1a2a3a4a5"), Status.DecodeError);

// ---- good ones --------------------------------------------------------------------------------

section("accepted");
accepts("what is needed", NEEDED);
equalBytes("random", random, RANDOM);
equal("connection id of 8 bytes", serverHelloCidLength(), 8);
equalBytes("its bytes", serverHelloCid(), "c1d0c1d0c1d0c1d0");
equal("no session id", serverHelloSessionIdLength(), 0);
check("no extended master secret", !serverHelloExtendsMasterSecret());
accepts("all that was offered", CID + CLIENT_TYPE + SERVER_TYPE + RENEGOTIATION + POINTS);
accepts("in another order", POINTS + RENEGOTIATION + SERVER_TYPE + CLIENT_TYPE + CID);
accepts("point formats, uncompressed last", NEEDED + "000b0004030102" + "00");
const ID = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const WITH_ID = hello(NEEDED, "fefd" + RANDOM + "20" + ID + "c0ae00");
equal("session id of 32 bytes", decode(WITH_ID), Status.Ok);
equal("its length", serverHelloSessionIdLength(), 32);
equalBytes("its bytes", serverHelloSessionId(), ID);

// ---- header -----------------------------------------------------------------------------------

section("fields");
refusesHead("DTLS 1.0", "feff" + RANDOM + "00c0ae00", Status.IllegalParameter);
refusesHead("DTLS 1.3", "fefc" + RANDOM + "00c0ae00", Status.IllegalParameter);
refusesHead("another suite", "fefd" + RANDOM + "00c02b00", Status.IllegalParameter);
refusesHead("the suite with 16-byte tags", "fefd" + RANDOM + "00c0ac00", Status.IllegalParameter);
refusesHead("the SCSV", "fefd" + RANDOM + "0000ff00", Status.IllegalParameter);
refusesHead("a pre-shared key suite", "fefd" + RANDOM + "00c0a800", Status.IllegalParameter);
refusesHead("compression", "fefd" + RANDOM + "00c0ae01", Status.IllegalParameter);
const LONG_ID = "fefd" + RANDOM + "21" + ID + "20c0ae00";
refusesHead("session id of 33 bytes", LONG_ID, Status.DecodeError);

section("cut off");
const WHOLE = hello(NEEDED);
let accepted = 0;
for (let length = 0; length < WHOLE.length / 2; length++) {
  if (decodeServerHello(bytes(WHOLE), length, random) == Status.Ok) accepted++;
}
equal("at no byte is it whole", accepted, 0);
equal("no extensions at all", decode(HEAD), Status.HandshakeFailure);
equal("half their length", decode(HEAD + "00"), Status.DecodeError);
equal("empty extensions", decode(HEAD + "0000"), Status.HandshakeFailure);
equal("a byte behind them", decode(WHOLE + "00"), Status.DecodeError);
equal("length too small", decode(HEAD + "0011" + NEEDED), Status.DecodeError);
equal("length too large", decode(HEAD + "0013" + NEEDED), Status.DecodeError);
refuses("half an extension header", NEEDED + "0014", Status.DecodeError);
refuses("an extension past the end", NEEDED + "0014000202", Status.DecodeError);

// ---- extensions -------------------------------------------------------------------------------

section("missing");
refuses("connection id", CLIENT_TYPE, Status.HandshakeFailure);
refuses("client certificate type", CID, Status.HandshakeFailure);

section("connection id");
refuses("7 bytes", CLIENT_TYPE + "00fe000807c1d0c1d0c1d0c1", Status.HandshakeFailure);
refuses("9 bytes", CLIENT_TYPE + "00fe000a09c1d0c1d0c1d0c1d0c1", Status.HandshakeFailure);
refuses("none", CLIENT_TYPE + "00fe000100", Status.HandshakeFailure);
refuses("an empty extension", CLIENT_TYPE + "00fe0000", Status.DecodeError);
const SHORT_CID = "00fe000909c1d0c1d0c1d0c1d0";
refuses("longer inside than out", CLIENT_TYPE + SHORT_CID, Status.DecodeError);
const LONG_CID = "00fe000907c1d0c1d0c1d0c1d0";
refuses("shorter inside than out", CLIENT_TYPE + LONG_CID, Status.DecodeError);
const RFC_9146 = "0036000908c1d0c1d0c1d0c1d0";
refuses("the number of RFC 9146", CLIENT_TYPE + RFC_9146, Status.NotSupported);
refuses("twice", NEEDED + CID, Status.DecodeError);

section("certificate types");
refuses("client: X.509", CID + "0013000100", Status.HandshakeFailure);
refuses("client: OpenPGP", CID + "0013000101", Status.HandshakeFailure);
refuses("client: a list", CID + "001300020102", Status.DecodeError);
refuses("client: nothing", CID + "00130000", Status.DecodeError);
refuses("client: twice", NEEDED + CLIENT_TYPE, Status.DecodeError);
refuses("server: X.509", NEEDED + "0014000100", Status.HandshakeFailure);
refuses("server: a list", NEEDED + "001400020102", Status.DecodeError);
refuses("server: twice", NEEDED + SERVER_TYPE + SERVER_TYPE, Status.DecodeError);

section("renegotiation_info");
refuses("not empty", NEEDED + "ff0100020100", Status.HandshakeFailure);
refuses("length 1 without bytes", NEEDED + "ff01000101", Status.HandshakeFailure);
refuses("no length", NEEDED + "ff010000", Status.HandshakeFailure);
refuses("twice", NEEDED + RENEGOTIATION + RENEGOTIATION, Status.DecodeError);

section("point formats");
refuses("compressed only", NEEDED + "000b00020101", Status.IllegalParameter);
refuses("an empty list", NEEDED + "000b000100", Status.IllegalParameter);
refuses("no list", NEEDED + "000b0000", Status.DecodeError);
refuses("list cut off", NEEDED + "000b00020200", Status.DecodeError);
refuses("a byte behind the list", NEEDED + "000b0003010000", Status.DecodeError);
refuses("twice", NEEDED + POINTS + POINTS, Status.DecodeError);

section("what was not offered");
refuses("extended master secret", NEEDED + "00170000", Status.NotSupported);
refuses("server name", NEEDED + "00000000", Status.NotSupported);
refuses("supported groups", NEEDED + "000a000400020017", Status.NotSupported);
refuses("signature algorithms", NEEDED + "000d000400020403", Status.NotSupported);
refuses("session ticket", NEEDED + "00230000", Status.NotSupported);
refuses("encrypt-then-MAC", NEEDED + "00160000", Status.NotSupported);
refuses("max fragment length", NEEDED + "0001000101", Status.NotSupported);
refuses("a number nobody knows", NEEDED + "fffe0000", Status.NotSupported);

section("after a refusal");
accepts("a good one is accepted", NEEDED);
equal("with its connection id", serverHelloCidLength(), 8);
refuses("nothing of it counts for the next", CLIENT_TYPE, Status.HandshakeFailure);
equal("which has none", serverHelloCidLength(), 0);

finish();
