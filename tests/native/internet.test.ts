// The Internet test in C: boson_internet.c over a HAL in virtual time, and boson-run with an NTP server
// on loopback. The name of the default server is seen here; it is never looked up.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { LocalCloud, UdpListener, openCloudDirectory, provisionDevice } from "../../cloud";
import { Registry } from "../../cloud/registry";
import { Run } from "../support/boson-process";
import { projectRoot } from "../support/fixture";
import { buildNative, buildNativeSync, nativeTest } from "../support/native-build";
import { NtpServer, ntpAnswer } from "../support/ntp-server";

const internetOnly = nativeTest("internet");
const nativeOnly = nativeTest("boson-run");

const ZERO = "0".repeat(16);
const REQUEST = ["2300000000000000", ZERO, ZERO, ZERO, ZERO, "a0a1a2a3a4a5a6a7"].join(" ");
const asked = (at: number): string[] => [
  `${at} open 1 pool.ntp.org 123: 7`,
  `${at} send 7 ${REQUEST}`,
];
const RESULTS = ["", "Reachable", "NoAnswer", "NoName", "NoNetwork"];
const told = (at: number, result: number): string[] => [
  `${at} log 30 internet: ${RESULTS[result]}`,
  `${at} internet ${result}`,
];
const closed = (at: number, result: number): string[] => [`${at} close 7`, ...told(at, result)];

/** [scenario of tests/native/internet.c, what it does to the HAL and what it tells] */
const SCENARIOS: [string, string[]][] = [
  ["answer", [...asked(0), ...closed(80, 1)]],
  ["lookup", [...asked(40), ...closed(120, 1)]],
  ["silent", [...asked(0), ...closed(10_000, 2)]],
  ["off", []],
  ["connected", []],
  ["busy", []],
  ["slow-lookup", told(10_000, 3)],
  ["cut", [...asked(0), ...closed(1000, 2), "1000 opening, 0"]],
  ["cut-lookup", ["1000 opening, 0"]],
  [
    "often",
    [
      ...[...asked(0), ...closed(1000, 2)],
      ...[...asked(16_000), ...closed(17_000, 2)],
      "20000 opening, 0",
    ],
  ],
  ["no-name", ["0 open 1 pool.ntp.org 123: -4", ...told(0, 3)]],
  ["no-network", ["0 open 1 pool.ntp.org 123: -5", ...told(0, 4)]],
  ["no-route", [...asked(0), ...closed(0, 4)]],
  ["no-space", ["0 open 1 pool.ntp.org 123: -8"]],
  ["no-udp", []],
  ["blocking", [...asked(9999), "19999 close 7"]],
];

describe("R17: over a HAL in virtual time", () => {
  internetOnly.each(SCENARIOS)("%s", (scenario, expected) => {
    const program = buildNativeSync("internet", { sanitize: true });
    const output = execFileSync(program, [scenario], { encoding: "utf8" });
    const lines = output.split("\n").filter((line) => line !== "");
    expect(lines.map((line) => line.replace(/(internet: \w+): .*/, "$1"))).toEqual(expected);
  });
});

const folder = mkdtempSync(path.join(tmpdir(), "wboson-internet-"));
const servers: NtpServer[] = [];
afterAll(() => {
  for (const server of servers) server.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Life {
  states: string[];
  results: string[];
}

/** Two attempts that the cloud refuses, then one that it takes. */
async function live(program: string, name: string, ...flags: string[]): Promise<Life> {
  const directories = {
    cloudDirectory: path.join(folder, name, "cloud"),
    deviceDirectory: path.join(folder, name, "device"),
  };
  const { id } = provisionDevice(directories);
  const options = openCloudDirectory(directories.cloudDirectory);
  const publicKey = readFileSync(path.join(directories.deviceDirectory, "device-public-key.der"));
  const registry = new Registry();
  const listener = await UdpListener.listen(new LocalCloud({ ...options, registry }), { port: 0 });
  const module = path.join(projectRoot, "build/boson.wasm");
  const server = `127.0.0.1:${listener.address.port}`;
  const where = ["--module", module, "--storage", directories.deviceDirectory, "--server", server];
  const run = new Run(program, [...where, ...flags]);
  await run.prints(/(connection Disconnected HandshakeFailed[^]*){2}/);
  registry.register({ id, publicKey });
  await run.prints(/connection Connected/);
  await run.end("SIGKILL");
  await listener.close();
  const lines = run.output.split("\n");
  return {
    states: lines.filter((line) => line.startsWith("connection ")),
    results: lines.filter((line) => /^internet [A-Z]/.test(line)),
  };
}

nativeOnly(
  "R17: the states of boson-run are the same with an answer, with none, with no test",
  async () => {
    const program = await buildNative("boson-run", { sanitize: true });
    const answering = await NtpServer.start((request) => [ntpAnswer(request)]);
    const silent = await NtpServer.start(() => []);
    servers.push(answering, silent);
    const flags = ({ address }: NtpServer): string[] => [
      "--internet",
      `${address.host}:${address.port}`,
    ];
    const off = await live(program, "off");
    const answered = await live(program, "answered", ...flags(answering));
    const unanswered = await live(program, "unanswered", ...flags(silent));
    expect(off.states.length).toBeGreaterThan(8);
    expect(answered.states).toEqual(off.states);
    expect(unanswered.states).toEqual(off.states);
    expect(off.results).toEqual([]);
    expect(answered.results).toEqual(["internet Reachable"]);
    expect(unanswered.results).toEqual(["internet NoAnswer"]);
    expect([answering.requests.length, silent.requests.length]).toEqual([1, 1]);
  },
);
