// Checks the types of the TypeScript hosts, benches and tests. asc checks AssemblyScript.
// usage: node tools/check/typecheck.mjs [ROOT]

import { runAlone } from "./report.mjs";
import { runTool } from "./run-tool.mjs";

/** @param {string} root @returns {Promise<import("./report.mjs").Result>} */
export async function check(root) {
  const { output, exitCode } = await runTool(root, "typescript/bin/tsc", [
    ...["--project", "tsconfig.json", "--noEmit", "--pretty", "false"],
  ]);
  if (exitCode !== 0 && output.length === 0) output.push(`tsc exits with ${exitCode}`);
  return { figure: "tsc", problems: exitCode === 0 ? [] : output };
}

await runAlone(import.meta.url, "typecheck", check);
