// Compiles AssemblyScript for tests, in a process of its own: the compiler is an ES module.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { projectRoot } from "./fixture";

/** What asc is given so that static data lies where the core has it. */
export const CORE_LAYOUT = ["--lowMemoryLimit", "16384"];

/**
 * Compile an entry file.
 * @param entry path from the root of the project
 * @returns the module's bytes, and its text
 */
export function compileAssembly(
  entry: string,
  options: readonly string[],
): { bytes: Buffer; text: string } {
  // In the project, because asc wants paths below its root; of its own, because jest runs two files at a time.
  const folder = mkdtempSync(path.join(projectRoot, "build", "test-"));
  const file = path.join(folder, "module");
  try {
    const job = {
      entries: [entry],
      outFile: path.relative(projectRoot, `${file}.wasm`),
      options: ["--textFile", path.relative(projectRoot, `${file}.wat`), ...options],
    };
    const script = `import { compile } from "./tools/asc.mjs"; await compile(${JSON.stringify(job)});`;
    execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: projectRoot,
      stdio: ["ignore", "inherit", "inherit"],
    });
    return {
      bytes: readFileSync(`${file}.wasm`),
      text: readFileSync(`${file}.wat`, "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
