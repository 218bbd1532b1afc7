// The core against other people's servers, over real sockets: handshake, a publish-like exchange,
// a change of the source port where the server knows RFC 9146, a resumption where it keeps
// sessions. Each row says what it must show.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Answer, Connect, Credentials, InteropClient } from "./client";
import { makePki } from "./pki";
import type { Pki } from "./pki";
import { report } from "./results";
import type { RowResult } from "./results";
import {
  californiumServer,
  gnutlsServer,
  libcoapServer,
  opensslServer,
  pionServer,
} from "./servers";
import type { Mode, RunningServer, ServerUnderTest, Service } from "./servers";
import { outputFolder } from "./setup";
import { APPLICATION_DATA, CONNECTION_ID, Tap, formatCapture } from "./tap";
import type { Trouble } from "./tap";

interface Row {
  mode: Mode;
  server: (pki: Pki) => ServerUnderTest;
  /** More about the row, after the mode. */
  note?: string;
  /** Offer a connection id; the server must choose one of this length, and then a move must work. */
  cid?: number;
  /** What a resumption must come to: "full" where the server keeps no such session. */
  resume?: "resumed" | "full";
  /** The server has another key than the client knows: no connection may come of it. */
  refuse?: boolean;
  /** What Tap.describeFlights must say of the server. */
  flights?: RegExp;
  /** What happens to datagrams on the way. */
  trouble?: Trouble;
}

const PACKED = /^packed/;
const ONE_RECORD = /^1 record\/datagram/;
const FRAGMENTED = /Certificate in \d+ pieces/;

const ROWS: Row[] = [
  // s_server takes a link of 256 bytes for granted.
  {
    mode: "x509",
    server: (pki) => opensslServer(pki, "x509"),
    resume: "resumed",
    flights: FRAGMENTED,
  },
  {
    mode: "x509",
    note: "MTU 1400",
    server: (pki) => opensslServer(pki, "x509", { mtu: 1400 }),
    flights: /^packed$/,
  },
  {
    mode: "x509",
    note: "large chain",
    server: (pki) => opensslServer(pki, "x509", { large: true, mtu: 1200 }),
    flights: FRAGMENTED,
  },
  { mode: "psk", server: (pki) => opensslServer(pki, "psk"), resume: "resumed", flights: PACKED },
  { mode: "x509", note: "another key", server: (pki) => opensslServer(pki, "x509"), refuse: true },
  { mode: "psk", note: "another key", server: (pki) => opensslServer(pki, "psk"), refuse: true },
  {
    mode: "psk",
    note: "server's Finished lost",
    server: (pki) => opensslServer(pki, "psk"),
    trouble: { "down 3": "lost" },
  },

  {
    mode: "x509",
    server: (pki) => gnutlsServer(pki, "x509"),
    resume: "resumed",
    flights: ONE_RECORD,
  },
  { mode: "psk", server: (pki) => gnutlsServer(pki, "psk"), resume: "resumed" },
  { mode: "rpk", server: (pki) => gnutlsServer(pki, "rpk"), resume: "resumed" },
  // One record a datagram: HelloVerifyRequest, ServerHello, Certificate, ServerKeyExchange, ...
  {
    mode: "rpk",
    note: "Certificate after ServerKeyExchange",
    server: (pki) => gnutlsServer(pki, "rpk"),
    trouble: { "down 3": "after the next" },
  },
  {
    mode: "x509",
    note: "Certificate lost",
    server: (pki) => gnutlsServer(pki, "x509"),
    trouble: { "down 3": "lost" },
  },

  { mode: "rpk", server: (pki) => libcoapServer(pki, "gnutls", "rpk"), flights: ONE_RECORD },
  { mode: "psk", server: (pki) => libcoapServer(pki, "gnutls", "psk"), resume: "full" },
  { mode: "x509", server: (pki) => libcoapServer(pki, "gnutls", "x509") },
  {
    mode: "rpk",
    note: "another key",
    server: (pki) => libcoapServer(pki, "gnutls", "rpk"),
    refuse: true,
  },
  { mode: "x509", server: (pki) => libcoapServer(pki, "openssl", "x509"), flights: PACKED },
  { mode: "psk", server: (pki) => libcoapServer(pki, "openssl", "psk"), resume: "resumed" },

  { mode: "rpk", server: (pki) => californiumServer(pki, "rpk"), resume: "resumed" },
  {
    mode: "rpk",
    server: (pki) => californiumServer(pki, "rpk", { cid: 6 }),
    cid: 6,
    resume: "resumed",
  },
  {
    mode: "psk",
    server: (pki) => californiumServer(pki, "psk", { cid: 8 }),
    cid: 8,
    resume: "resumed",
  },
  { mode: "x509", server: (pki) => californiumServer(pki, "x509", { cid: 4 }), cid: 4 },
  {
    mode: "rpk",
    note: "several messages a record",
    server: (pki) => californiumServer(pki, "rpk", { cid: 1, pack: true }),
    cid: 1,
    flights: /several messages\/record/,
  },
  {
    mode: "rpk",
    note: "server's flight lost",
    server: (pki) => californiumServer(pki, "rpk", { cid: 6 }),
    cid: 6,
    trouble: { "down 2": "lost" },
  },

  {
    mode: "psk",
    server: (pki) => pionServer(pki, "psk", { cid: 8 }),
    cid: 8,
    resume: "resumed",
  },
  { mode: "psk", note: "no cid", server: (pki) => pionServer(pki, "psk"), resume: "resumed" },
  {
    // pion keeps no session of a client that showed a certificate.
    mode: "x509",
    server: (pki) => pionServer(pki, "x509", { cid: 5 }),
    cid: 5,
    resume: "full",
  },
  {
    mode: "psk",
    note: "client's Finished lost",
    server: (pki) => pionServer(pki, "psk", { cid: 8 }),
    cid: 8,
    trouble: { "up 3": "lost" },
  },
  {
    mode: "x509",
    note: "MTU 200",
    server: (pki) => pionServer(pki, "x509", { mtu: 200 }),
    flights: FRAGMENTED,
  },
];

const PAYLOAD = Buffer.from("wboson test, 20 byte");
const SETTLE = 100;

const wantsReference = process.env.WBOSON_INTEROP_CLIENT === "californium";
const clientName = wantsReference ? "reference-client" : "core-client";
const clientFile = path.join(__dirname, `${clientName}.ts`);
const logFolder = path.join(outputFolder, "logs");
const pki = makePki(path.join(outputFolder, "pki"));
const results: RowResult[] = [];

function credentialsOf(row: Row, kind: string): Credentials {
  const { client } = pki;
  const serverSpki = row.refuse ? pki.strangerSpki : pki.server.spki;
  const { privateKeyDer, certificateDer } = client;
  if (row.mode === "rpk") return { rpk: { privateKeyDer, serverSpki } };
  if (row.mode === "x509") {
    return { x509: { certificateDer: [certificateDer], privateKeyDer, serverSpki } };
  }
  const { identity, key } = kind.startsWith("coap-server") ? pki.textPsk : pki.psk;
  return { psk: { identity, key: row.refuse ? key.map((byte) => byte ^ 1) : key } };
}

/** One exchange as this server can do it, and the proof that it took place. */
async function exchange(client: InteropClient, service: Service, tap: Tap): Promise<void> {
  const expectPayload = (answer: Answer, code: string) => {
    expect(answer.code).toBe(code);
    expect(Buffer.from(answer.payload)).toEqual(PAYLOAD);
  };
  switch (service) {
    case "echo":
      expectPayload(await client.exchange("POST", "echo", PAYLOAD), "2.04");
      break;
    case "store": {
      const { code } = await client.exchange("PUT", "example_data", PAYLOAD);
      expect(["2.01", "2.04"]).toContain(code);
      expectPayload(await client.exchange("GET", "example_data"), "2.05");
      break;
    }
    case "bounce":
      await bounce(client, tap);
  }
}

/**
 * The request comes back as a request. A client that serves nothing refuses it (RFC 7252 §4.2, or
 * 4.04); the refusal comes back too and settles the client's own request. So each way works twice.
 */
async function bounce(client: InteropClient, tap: Tap): Promise<void> {
  const from = tap.captured.length;
  const { code } = await client.exchange("POST", "E/temp", PAYLOAD);
  expect(code).toMatch(/^(reset|4\.0[45])$/);
  const sizes = (direction: string) =>
    tap.captured
      .slice(from)
      .flatMap((one) => (one.direction === direction ? one.bytes.length : []));
  expect(sizes("up")).toHaveLength(2);
  expect(sizes("down")).toEqual(sizes("up"));
}

/** Everything that a row asks for, in order. */
async function runRow(
  row: Row,
  service: Service,
  server: RunningServer,
  tap: Tap,
  connect: Connect,
  result: RowResult,
): Promise<void> {
  const options = {
    port: tap.port,
    credentials: credentialsOf(row, server.kind),
    cid: row.cid !== undefined,
  };
  if (row.refuse) {
    await expect(connect(options)).rejects.toThrow();
    result.handshake = tap.traffic();
    // Keys of a PSK handshake are confirmed by Finished; a wrong public key must stop it before.
    expect(tap.clientWent()).toBe(row.mode === "psk" ? "sealed records" : "plaintext");
    return;
  }
  const step = async (work: () => Promise<void>) => {
    const from = tap.captured.length;
    await work();
    await sleep(SETTLE);
    return tap.traffic(from);
  };
  let client!: InteropClient;
  try {
    result.handshake = await step(async () => {
      client = await connect(options);
    });
    result.flights = tap.describeFlights();
    expect(client.stats.handshake).toBe("full");
    expect(tap.sawFullHandshake(0)).toBe(true);
    expect(client.stats.connectionIdLength).toBe(row.cid);
    if (row.flights) expect(result.flights).toMatch(row.flights);
    const recordTypes = new Set([row.cid === undefined ? APPLICATION_DATA : CONNECTION_ID]);
    const exchangeFrom = tap.captured.length;
    result.exchange = await step(() => exchange(client, service, tap));
    expect(new Set(tap.clientTypes(exchangeFrom))).toEqual(recordTypes);
    if (row.cid !== undefined) {
      const { sources } = tap;
      const movedFrom = tap.captured.length;
      await client.rebind();
      result.moved = await step(() => exchange(client, service, tap));
      expect(tap.sources).toBeGreaterThan(sources);
      expect(new Set(tap.clientTypes(movedFrom))).toEqual(recordTypes);
    }
    if (row.resume) {
      const resumptionFrom = tap.captured.length;
      result.resumption = await step(() => client.resumeSession());
      expect(client.stats.handshake).toBe(row.resume);
      expect(tap.sawFullHandshake(resumptionFrom)).toBe(row.resume === "full");
      await exchange(client, service, tap);
    }
  } finally {
    await client?.close();
  }
}

async function run(row: Row, peer: ServerUnderTest, result: RowResult): Promise<void> {
  const { connect } = (await import(clientFile)) as { connect: Connect };
  const server = await peer.start();
  const tap = await Tap.open(server.port, row.trouble);
  try {
    await runRow(row, peer.service, server, tap, connect, result);
    result.result = "passed";
  } catch (error) {
    result.reason = (error as Error).message.split("\n")[0];
    const name = `${result.server} ${result.mode}`.replace(/\W+/g, "-");
    const file = path.join(logFolder, `${name}.log`);
    mkdirSync(logFolder, { recursive: true });
    writeFileSync(file, `${server.log()}\n\n${formatCapture(tap.captured)}\n`);
    process.stdout.write(`interop: what the server said and every datagram: ${file}\n`);
    throw error;
  } finally {
    tap.close();
    await server.stop();
  }
}

describe(`interop, ${clientName}`, () => {
  rmSync(logFolder, { recursive: true, force: true });
  const noClient = existsSync(clientFile) ? undefined : `no ${path.basename(clientFile)} yet`;

  for (const row of ROWS) {
    const peer = row.server(pki);
    const details = [row.cid === undefined ? "" : `cid ${row.cid}`, row.note ?? ""].filter(Boolean);
    const mode = [row.mode, ...details].join(", ");
    const missing = peer.missing();
    const reason = noClient ?? (missing && `${missing} is not installed`);
    const version = missing ? "" : peer.version();
    const result: RowResult = { server: peer.kind, version, mode, result: "failed", reason };
    results.push(result);
    const title = `${peer.kind}: ${mode}`;
    if (reason) {
      result.result = "skipped";
      process.stdout.write(`interop: SKIPPED ${title}: ${reason}\n`);
      test.skip(title, () => {});
    } else {
      test(title, () => run(row, peer, result));
    }
  }

  afterAll(() => report(clientName, results));
});
