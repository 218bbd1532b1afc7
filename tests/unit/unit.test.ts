// Runs every tests/unit/assembly/**/*.as.ts on wasmtime: one jest test a file. One file by hand:
// node tools/unit.mjs FILE

import { execFile } from "node:child_process";
import path from "node:path";

import { globFiles } from "../support/files";

const root = path.resolve(__dirname, "../..");
const files = globFiles(path.join(__dirname, "assembly"), ".as.ts").map((file) =>
  path.relative(root, file),
);

/** Everything that the run printed but the checks that passed; empty for a good run. */
function complaintsOf(file: string): Promise<string> {
  return new Promise((resolve) => {
    const script = path.join(root, "tools/unit.mjs");
    execFile(process.execPath, [script, file], { cwd: root }, (error, stdout, stderr) => {
      const lines = `${stdout}${stderr}`.split("\n").filter((line) => !line.startsWith("ok "));
      resolve(error ? lines.join("\n") : "");
    });
  });
}

test("there are unit tests", () => {
  expect(files.length).toBeGreaterThan(0);
});

test.concurrent.each(files)("%s", async (file) => {
  expect(await complaintsOf(file)).toBe("");
});
