// Compiles AssemblyScript unit tests with the WASI shim and runs them on wasmtime.
// usage: node tools/unit.mjs [--root FOLDER] tests/unit/assembly/util/bytes.as.ts ...

import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";

import { compile, projectRoot } from "./asc.mjs";
import { wasmtimePath } from "./setup-wasmtime.mjs";

const HAL = path.normalize("assembly/hal.ts");
const HAL_STUB = "../tests/unit/assembly/support/hal-stub";
const OPTIONS = [
  ...["--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json"],
  ...["--runtime", "incremental", "--optimizeLevel", "2", "--debug"],
];
const TIMEOUT_MS = 100_000;

/**
 * Give the host imports of assembly/hal.ts their stand-ins; its constants stay what they are.
 * @param {string} file @param {string} text
 */
function substitute(file, text) {
  if (file !== HAL) return text;
  const names = [];
  const rest = text.replace(
    /@external\([^)]*\)\s*export declare function (\w+)\([^;]*;/g,
    (_, name) => (names.push(name), ""),
  );
  return `${rest}\nexport { ${names.join(", ")} } from "${HAL_STUB}";\n`;
}

/** What is wrong with a run, one problem a line; none for a good one. */
function problemsOf({ status, stdout, error, signal }) {
  const lines = stdout.split("\n");
  const passed = lines.filter((line) => line.startsWith("ok ")).length;
  const failed = lines.filter((line) => line.startsWith("not ok ")).length;
  const problems = [];
  if (failed > 0) problems.push(`${failed} checks failed`);
  if (passed + failed === 0) problems.push("no check ran");
  if (!lines.includes(`${passed} passed, ${failed} failed`)) {
    problems.push(`no line "${passed} passed, ${failed} failed": does it end with finish()?`);
  }
  if (status !== 0)
    problems.push(`ended with ${error?.message ?? signal ?? `exit code ${status}`}`);
  return problems;
}

/** Compile and run one test. @returns {Promise<boolean>} whether it passed */
async function runTest(root, file) {
  const wasmtime = wasmtimePath();
  if (!wasmtime) throw new Error("no wasmtime; run: node tools/setup-wasmtime.mjs");
  const entry = path.relative(root, path.resolve(root, file));
  const name = entry.replace(/\.as\.ts$/, ".wasm").replace(/^tests.unit.assembly./, "");
  const outFile = path.join("build/unit", name);
  await compile({ entries: [entry], outFile, options: OPTIONS, substitute, root });
  const run = spawnSync(wasmtime, ["run", outFile], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 26,
  });
  process.stdout.write(run.stdout ?? "");
  const problems = problemsOf({ ...run, stdout: run.stdout ?? "" });
  for (const problem of problems) console.error(`${entry}: ${problem}`);
  return problems.length === 0;
}

const { values, positionals } = parseArgs({
  options: { root: { type: "string" } },
  allowPositionals: true,
});
const root = path.resolve(values.root ?? projectRoot);
for (const file of positionals) {
  try {
    if (!(await runTest(root, file))) process.exitCode = 1;
  } catch (error) {
    console.error(`${file}: ${error.message}`);
    process.exitCode = 1;
  }
}
