// The conformance suite of the HAL on the Device OS port, over a Device OS that is played, for both
// kinds of storage: files and EEPROM.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { closedPort, startEcho } from "../support/hal-echo";
import { CONFORMANCE, buildPlayed, playedTest } from "./played";

const played = playedTest();
const folder = mkdtempSync(path.join(tmpdir(), "wboson-port-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PORT = /^src\/hal\/(device-os|files)\/.*\.(c|cpp)$/;

/** TCP: sends back what it gets; "bye" ends the connection. */
function startStream(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      if (bytes.toString() === "bye") socket.end();
      else socket.write(bytes);
    });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

interface Outcome {
  code: number;
  lines: string[];
  stderr: string;
}

function execute(program: string, parameters: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, parameters, { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({
        code: error ? Number(error.code ?? -1) : 0,
        lines: stdout.trim().split("\n"),
        stderr,
      }),
    );
  });
}

/** Run the suite, then the program again after the reset that ends it. */
async function conformance(board: string, replace: Record<string, string>): Promise<Outcome[]> {
  const out = path.join(folder, board);
  const program = await buildPlayed({ out, board, replace }, PORT, CONFORMANCE);
  const files = path.join(folder, `${board}-files`);
  mkdirSync(files);
  const echo = await startEcho();
  const stream = await startStream();
  const ports = [echo.port, await closedPort(), (stream.address() as AddressInfo).port];
  try {
    return [
      await execute(program, [files, ...ports.map(String)]),
      await execute(program, [files, "again"]),
    ];
  } finally {
    echo.stop();
    stream.close();
  }
}

/** What the suite found wrong. The program ends with a reset, which the fake shows as code 42. */
function failuresOf([first, second]: Outcome[]): string[] {
  expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 42 });
  expect(first.stderr).not.toMatch(/runtime error|AddressSanitizer/);
  expect(first.lines.length).toBeGreaterThan(85);
  expect(second).toMatchObject({
    code: 0,
    lines: ["ok restart: a key", "ok restart: the session", "ok restart: an image"],
  });
  return first.lines.filter((line) => !line.startsWith("ok "));
}

describe("Device OS port", () => {
  played("keeps every promise with files, the session in them", async () => {
    const replace = { '"/usr/wboson"': JSON.stringify(path.join(folder, "photon/below/it")) };
    expect(failuresOf(await conformance("photon2", replace))).toEqual([]);
  });

  played("keeps every promise with files, the session in retained memory", async () => {
    const replace = { '"/usr/wboson"': JSON.stringify(path.join(folder, "argon/below/it")) };
    expect(failuresOf(await conformance("argon", replace))).toEqual([]);
  });

  played("keeps every promise with EEPROM, but for the size of slots", async () => {
    expect(failuresOf(await conformance("electron", {}))).toEqual([
      "FAILED storage: the longest",
      "FAILED storage: reads the longest",
      "FAILED storage: and changes nothing",
    ]);
  });
});
