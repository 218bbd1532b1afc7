// The slots of the Device OS port in EEPROM or retained memory, with the power cut at every byte.

import { execFile } from "node:child_process";

import { buildNative, nativeTest } from "../support/native-build";

const nativeOnly = nativeTest("slots");

describe("slots in an area of bytes", () => {
  nativeOnly("keep their promise wherever the power fails", async () => {
    const program = await buildNative("slots", { sanitize: true });
    const { code, stdout, stderr } = await new Promise<{
      code: number;
      stdout: string;
      stderr: string;
    }>((resolve) => {
      execFile(program, [], { timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
      );
    });
    const lines = stdout.trim().split("\n");
    const failed = lines.filter((line) => !line.startsWith("ok "));
    expect({ failed, code, stderr }).toEqual({ failed: [], code: 0, stderr: "" });
    expect(lines.length).toBeGreaterThan(18);
  });
});
