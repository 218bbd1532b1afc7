// The conformance suite of the HAL on the posix port, with sanitizers, against an echo server.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { closedPort, startEcho, startStreamEcho } from "../support/hal-echo";
import { buildNative, nativeTest } from "../support/native-build";

const nativeOnly = nativeTest("conformance");

describe("posix HAL", () => {
  nativeOnly("keeps every promise of the contract", async () => {
    const program = await buildNative("conformance", { sanitize: true });
    const folder = mkdtempSync(path.join(tmpdir(), "wboson-hal-"));
    const echo = await startEcho();
    const streamEcho = await startStreamEcho();
    const closed = await closedPort();
    const { code, stdout, stderr } = await new Promise<{
      code: number;
      stdout: string;
      stderr: string;
    }>((resolve) => {
      const ports = [echo.port, closed, streamEcho.port].map(String);
      const parameters = [path.join(folder, "storage"), ...ports];
      execFile(program, parameters, { timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
      );
    });
    echo.stop();
    streamEcho.stop();
    rmSync(folder, { recursive: true });
    const lines = stdout.trim().split("\n");
    const failed = lines.filter((line) => !line.startsWith("ok "));
    expect({ failed, code, stderr }).toMatchObject({ failed: [], code: 0 });
    expect(lines.length).toBeGreaterThan(70);
    expect(stderr).not.toContain("runtime error");
  });
});
