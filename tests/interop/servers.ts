// The servers that the core is run against: other people's DTLS, each started for one row on a
// free port of 127.0.0.1 and stopped after it.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { CoapCode, CoapType, decodeCoap, encodeCoap } from "../../cloud/coap/codec";
import type { Pki } from "./pki";
import { Process, freePort } from "./processes";
import { californiumFolder, hasCalifornium, hasPion, pionCommand, which } from "./setup";

export type Mode = "psk" | "rpk" | "x509";

/** What a server does with requests. */
export type Service =
  /** POST /echo answers 2.04 with the request's payload. */
  | "echo"
  /** PUT /example_data stores what GET /example_data gives. */
  | "store"
  /** Sends back every byte: a request comes back as a request, and its Reset as a Reset. */
  | "bounce";

export interface RunningServer {
  port: number;
  kind: string;
  /** Its output so far. */
  log(): string;
  stop(): Promise<void>;
}

export interface ServerUnderTest {
  kind: string;
  service: Service;
  /** What must be installed first; undefined when nothing. */
  missing(): string | undefined;
  version(): string;
  start(): Promise<RunningServer>;
}

/** First match of `pattern` in what a command prints about itself. */
function versionOf(command: string, args: string[], pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 10_000 });
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? "unknown";
}

function needs(command: string): string | undefined {
  return which(command) ? undefined : command;
}

/** A server that is one process; `serve` is given the process as soon as it runs. */
async function startProcess(
  kind: string,
  port: number,
  [command, args]: [command: string, args: string[]],
  serve?: (process: Process) => void,
): Promise<RunningServer> {
  const process = new Process(command, args);
  serve?.(process);
  try {
    await process.waitForPort(port);
  } catch (error) {
    await process.stop();
    throw error;
  }
  return { port, kind, log: () => process.log, stop: () => process.stop() };
}

// ---- OpenSSL ----------------------------------------------------------------------------------

export interface OpensslOptions {
  /** A certificate of 1400 bytes instead of the short one, and the CA's with it. */
  large?: boolean;
  /** Link MTU: handshake messages are cut to fit. */
  mtu?: number;
}

/**
 * openssl s_server. What it receives it writes to its standard output, what it reads it sends: this
 * end answers the requests. -quiet keeps everything else from both; @SECLEVEL=0 allows CCM_8.
 */
export function opensslServer(pki: Pki, mode: Mode, options: OpensslOptions = {}): ServerUnderTest {
  const kind = "openssl s_server";
  const identity = options.large ? pki.largeServer : pki.server;
  const suite = mode === "psk" ? "PSK-AES128-CCM8" : "ECDHE-ECDSA-AES128-CCM8";
  const { psk } = pki;
  const credentials =
    mode === "psk"
      ? ["-nocert", "-psk_identity", psk.identity, "-psk", psk.key.toString("hex")]
      : [
          ...["-cert", identity.certificateFile, "-key", identity.keyFile],
          ...(options.large ? ["-cert_chain", pki.caFile] : []),
          ...["-CAfile", pki.caFile, "-Verify", "1", "-verify_return_error"],
        ];
  const mtu = options.mtu ? ["-mtu", String(options.mtu)] : [];
  return {
    kind,
    service: "echo",
    missing: () => needs("openssl"),
    version: () => versionOf("openssl", ["version"], /OpenSSL (\S+)/),
    async start() {
      const port = await freePort();
      const listen = ["-dtls1_2", "-accept", `127.0.0.1:${port}`, "-quiet", "-no_ticket"];
      const cipher = ["-cipher", `${suite}:@SECLEVEL=0`];
      const args = ["s_server", ...listen, ...mtu, ...cipher, ...credentials];
      return startProcess(kind, port, ["openssl", args], (process) => {
        process.child.stdout.on("data", (bytes: Buffer) => {
          for (const answer of answersTo(bytes)) process.child.stdin.write(answer);
        });
      });
    },
  };
}

/** Answer what came as one or more messages; one with a payload is the last. */
function* answersTo(bytes: Buffer): Generator<Buffer> {
  // Empty messages are 4 bytes; nothing else frames the messages in a stream.
  while (bytes.length > 4 && bytes[0] % 16 === 0 && bytes[1] === CoapCode.Empty) {
    yield* answerTo(bytes.subarray(0, 4));
    bytes = bytes.subarray(4);
  }
  yield* answerTo(bytes);
}

function* answerTo(bytes: Buffer): Generator<Buffer> {
  const request = decodeCoap(bytes);
  if (request.type !== CoapType.Confirmable) return;
  if (request.code === CoapCode.Empty) {
    yield encodeCoap({ ...request, type: CoapType.Reset });
  } else {
    const type = CoapType.Acknowledgement;
    yield encodeCoap({ ...request, type, code: CoapCode.Changed, options: [] });
  }
}

// ---- GnuTLS -----------------------------------------------------------------------------------

/** gnutls-serv --echo. It listens on every address: it has no option for one. */
export function gnutlsServer(pki: Pki, mode: Mode): ServerUnderTest {
  const kind = "gnutls-serv";
  const { server, psk } = pki;
  const credentials = {
    psk: ["--priority=NORMAL:-KX-ALL:+PSK:+AES-128-CCM-8", "--pskpasswd=psk.txt"],
    x509: [
      "--priority=NORMAL:+AES-128-CCM-8",
      `--x509cafile=${pki.caFile}`,
      `--x509certfile=${server.certificateFile}`,
      `--x509keyfile=${server.keyFile}`,
      "--require-client-cert",
      "--verify-client-cert",
    ],
    rpk: [
      "--priority=NORMAL:-CTYPE-ALL:+CTYPE-RAWPK:+AES-128-CCM-8",
      `--rawpkkeyfile=${server.keyFile}`,
      `--rawpkfile=${server.publicFile}`,
      "--require-client-cert",
    ],
  }[mode].map((option) => option.replace("psk.txt", path.join(pki.folder, "psk.txt")));
  return {
    kind,
    service: "bounce",
    missing: () => needs("gnutls-serv"),
    version: () => versionOf("gnutls-serv", ["--version"], /gnutls-serv (\S+)/),
    async start() {
      const port = await freePort();
      const line = `${psk.identity}:${psk.key.toString("hex")}\n`;
      writeFileSync(path.join(pki.folder, "psk.txt"), line);
      const listen = ["--udp", `--port=${port}`, "--echo", "--quiet", "--noticket"];
      return startProcess(kind, port, ["gnutls-serv", [...listen, ...credentials]]);
    },
  };
}

// ---- libcoap ----------------------------------------------------------------------------------

/** coap-server of libcoap with one of its TLS libraries; DTLS is on the port after the given one. */
export function libcoapServer(
  pki: Pki,
  library: "gnutls" | "openssl",
  mode: Mode,
): ServerUnderTest {
  const kind = `coap-server-${library}`;
  const { server, textPsk } = pki;
  const credentials = {
    psk: ["-k", textPsk.key.toString("latin1"), "-h", textPsk.identity],
    x509: ["-c", server.certificateFile, "-j", server.keyFile, "-C", pki.caFile],
    rpk: ["-M", server.keyFile],
  }[mode];
  return {
    kind,
    service: "store",
    missing: () => needs(kind),
    version: () => versionOf(kind, ["-h"], / v([\d.]+)/),
    async start() {
      const port = await freePort();
      const listen = ["-A", "127.0.0.1", "-p", String(port), "-v", "6"];
      return startProcess(kind, port + 1, [kind, [...listen, ...credentials]]);
    },
  };
}

// ---- Californium ------------------------------------------------------------------------------

/** How to run californium/Peer.java. */
export function californiumCommand(
  role: "server" | "client",
  options: Record<string, string | number | boolean | undefined>,
): [command: string, args: string[]] {
  const classPath = [
    path.join(californiumFolder, "lib", "*"),
    path.join(californiumFolder, "classes"),
  ];
  const jvm = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Xmx96m"];
  const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
  const settings = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  return [
    "java",
    [...jvm, quiet, "-cp", classPath.join(path.delimiter), "Peer", role, ...settings],
  ];
}

export interface CidOptions {
  /** Length of the server's connection id; undefined: it does not offer any. */
  cid?: number;
}

export interface CaliforniumOptions extends CidOptions {
  /** Several messages in a record, several records in a datagram; or neither. */
  pack?: boolean;
}

export function californiumServer(
  pki: Pki,
  mode: Mode,
  { cid, pack }: CaliforniumOptions = {},
): ServerUnderTest {
  const kind = "californium";
  const { server, client, psk } = pki;
  const credentials = {
    psk: { psk: `${psk.identity}:${psk.key.toString("hex")}` },
    x509: { key: server.pkcs8File, chain: server.chainFile, trust: pki.caFile },
    rpk: { key: server.pkcs8File, public: server.spkiFile, trust: client.spkiFile },
  }[mode];
  return {
    kind,
    service: "echo",
    missing: () => (hasCalifornium() ? undefined : "the Californium server"),
    version: () =>
      pinnedVersion("californium/pom.xml", /scandium<\/artifactId>\s*<version>([^<]+)/),
    async start() {
      const port = await freePort();
      const options = { port, ...credentials, cid, pack };
      return startProcess(kind, port, californiumCommand("server", options));
    },
  };
}

// ---- pion -------------------------------------------------------------------------------------

export interface PionOptions extends CidOptions {
  /** Largest handshake fragment. */
  mtu?: number;
}

export function pionServer(
  pki: Pki,
  mode: "psk" | "x509",
  { cid, mtu }: PionOptions = {},
): ServerUnderTest {
  const kind = "pion/dtls";
  const { server, psk } = pki;
  const credentials = {
    psk: [`psk=${psk.identity}:${psk.key.toString("hex")}`],
    x509: [`chain=${server.chainFile}`, `key=${server.keyFile}`, `trust=${pki.caFile}`],
  }[mode];
  return {
    kind,
    service: "echo",
    missing: () => (hasPion() ? undefined : "the pion/dtls server"),
    version: () => pinnedVersion("pion/go.mod", /pion\/dtls\/v3 v(\S+)/),
    async start() {
      const port = await freePort();
      const options = [
        ...(cid === undefined ? [] : [`cid=${cid}`]),
        ...(mtu === undefined ? [] : [`mtu=${mtu}`]),
      ];
      return startProcess(kind, port, [pionCommand, [`port=${port}`, ...credentials, ...options]]);
    },
  };
}

function pinnedVersion(file: string, pattern: RegExp): string {
  return pattern.exec(readFileSync(path.join(__dirname, file), "utf8"))?.[1] ?? "unknown";
}
