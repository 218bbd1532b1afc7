// The conformance suite of the HAL on the posix port, with sanitizers, against an echo server.

import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { buildNative, nativeTest } from "../support/native-build";

const nativeOnly = nativeTest("conformance");

function bind(): Promise<Socket> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => socket.bind(0, "127.0.0.1", () => resolve(socket)));
}

/** The rules stand in tests/hal/conformance.h. */
async function startEcho(): Promise<{ port: number; stop: () => void }> {
  const [echo, stranger] = await Promise.all([bind(), bind()]);
  echo.on("message", (datagram, { port, address }) => {
    const text = datagram.toString();
    if (text === "silence") return;
    if (text === "stranger") stranger.send(datagram, port, address);
    else if (text === "long") echo.send(Buffer.alloc(1600), port, address);
    else if (text === "empty") {
      echo.send("", port, address, () => echo.send("after", port, address));
    } else echo.send(datagram, port, address);
  });
  const stop = (): void => void [echo, stranger].forEach((socket) => socket.close());
  return { port: echo.address().port, stop };
}

describe("posix HAL", () => {
  nativeOnly("keeps every promise of the contract", async () => {
    const program = await buildNative("conformance", { sanitize: true });
    const folder = mkdtempSync(path.join(tmpdir(), "wboson-hal-"));
    const echo = await startEcho();
    const closed = await bind();
    const closedPort = closed.address().port;
    await new Promise<void>((resolve) => closed.close(() => resolve()));
    const { code, stdout, stderr } = await new Promise<{
      code: number;
      stdout: string;
      stderr: string;
    }>((resolve) => {
      const parameters = [path.join(folder, "storage"), String(echo.port), String(closedPort)];
      execFile(program, parameters, { timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
      );
    });
    echo.stop();
    rmSync(folder, { recursive: true });
    const lines = stdout.trim().split("\n");
    const failed = lines.filter((line) => !line.startsWith("ok "));
    expect({ failed, code, stderr }).toMatchObject({ failed: [], code: 0 });
    expect(lines.length).toBeGreaterThan(60);
    expect(stderr).not.toContain("runtime error");
  });
});
