// Each byte of each handshake datagram damaged once. Whatever is hit, the device connects in the end:
// after a retransmission, or with a new attempt after a failure that has a name. It never seals
// anything for a server that has not proved itself.

import { cutAll, flipAll, outcomeTable } from "../soak/damage";
import type { DamageReport } from "../soak/damage";

const repeated = ["repeated"];
const unharmed = ["unharmed"];
const either = ["repeated", "unharmed"];
const refused = ["AlertReceived"];

/** What a header's bytes lead to where nothing else is said. Plaintext record numbers mean nothing. */
const HEADERS: Record<string, string[]> = {
  "record type": repeated,
  "record version": either,
  "record epoch": repeated,
  "record number": unharmed,
  "record length": repeated,
  "message fragment offset": repeated,
  "message fragment length": repeated,
};

/** What may come of a flipped bit. "repeated": a retransmission; a status: a new attempt. */
const EXPECTED: Record<string, Record<string, string[]>> = {
  "first ClientHello": {
    ...HEADERS,
    "message type": repeated,
    "message length": repeated,
    "message sequence": either,
    "ClientHello version": repeated,
    "ClientHello random": repeated,
    // The cookie is asked for before the cloud reads extensions.
    "ClientHello rest": either,
  },
  HelloVerifyRequest: {
    ...HEADERS,
    "message type": ["DecodeError", "UnexpectedMessage", "repeated"],
    "message length": either,
    "message sequence": unharmed,
    "HelloVerifyRequest version": unharmed,
    "HelloVerifyRequest cookie length": repeated,
    "HelloVerifyRequest cookie": repeated,
  },
  "ClientHello with cookie": {
    ...HEADERS,
    "message type": repeated,
    "message length": repeated,
    // The cloud numbers its messages after it.
    "message sequence": ["UnexpectedMessage", "repeated"],
    "ClientHello version": repeated,
    "ClientHello random": repeated,
    // Refused; or agreed on something else, which the transcript shows; or no connection id.
    "ClientHello rest": ["AlertReceived", "HandshakeFailure", "repeated"],
  },
  "server's flight": {
    ...HEADERS,
    "message type": ["UnexpectedMessage", "repeated"],
    "message length": repeated,
    "message sequence": ["UnexpectedMessage", "repeated"],
    "ServerHello version": ["IllegalParameter"],
    "ServerHello random": ["AuthenticationFailed"],
    "ServerHello session id length": ["DecodeError", "IllegalParameter"],
    "ServerHello suite": ["IllegalParameter"],
    "ServerHello compression": ["IllegalParameter"],
    // Another connection id is agreed on: the transcript shows it, and the cloud refuses.
    "ServerHello extensions": ["AlertReceived", "DecodeError", "HandshakeFailure", "NotSupported"],
    "ServerKeyExchange curve": ["IllegalParameter"],
    "ServerKeyExchange point length": ["DecodeError"],
    "ServerKeyExchange point": ["AuthenticationFailed"],
    "ServerKeyExchange algorithm": ["IllegalParameter"],
    "ServerKeyExchange signature": ["AuthenticationFailed", "DecodeError"],
    CertificateRequest: refused,
  },
  "client's flight": {
    ...HEADERS,
    "record type": ["AlertReceived", "repeated"],
    "record number": either,
    "record length": ["AlertReceived", "repeated"],
    "record connection id": repeated,
    "message type": ["AlertReceived", "repeated"],
    "message length": refused,
    "message sequence": ["AlertReceived", "repeated"],
    "message fragment offset": refused,
    "message fragment length": refused,
    Certificate: refused,
    ClientKeyExchange: refused,
    CertificateVerify: refused,
    ChangeCipherSpec: refused,
    "sealed Finished": repeated,
  },
  "server's last flight": {
    ...HEADERS,
    "record number": either,
    ChangeCipherSpec: repeated,
    "sealed Finished": repeated,
  },
};

/** Reports whose outcome is not among the expected ones. */
function surprises(reports: DamageReport[]): DamageReport[] {
  return reports.filter(
    ({ datagram, region, outcome }) => !EXPECTED[datagram]?.[region]?.includes(outcome),
  );
}

describe("a flipped bit in each byte", () => {
  const reports = [0, 3].flatMap((turn) => flipAll(turn));

  test("leads to an outcome with a name, and to a connection", () => {
    expect(reports.length).toBeGreaterThan(2 * 1000);
    expect(reports.filter(({ problems }) => problems.length > 0)).toEqual([]);
    expect(surprises(reports)).toEqual([]);
  });

  test("was tried in every region", () => {
    const table = outcomeTable(reports);
    for (const [datagram, regions] of Object.entries(EXPECTED)) {
      const tried = Object.keys(table[datagram]);
      const unused = ["message fragment offset", "message fragment length"];
      const expected = Object.keys(regions).filter(
        (region) => datagram !== "server's last flight" || !unused.includes(region),
      );
      expect(tried.sort()).toEqual(expected.sort());
    }
  });
});

test("datagrams cut off at each length lead to a retransmission, or are whole enough", () => {
  const reports = cutAll();
  expect(reports.filter(({ problems }) => problems.length > 0)).toEqual([]);
  const outcomes = new Set(reports.map(({ outcome }) => outcome));
  expect(outcomes).toEqual(new Set(["repeated"]));
});
