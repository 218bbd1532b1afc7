// Checks the format of every file with prettier.
// usage: node tools/check/format.mjs [ROOT]

import { runAlone } from "./report.mjs";
import { runTool } from "./run-tool.mjs";

/** @param {string} root @returns {Promise<import("./report.mjs").Result>} */
export async function check(root) {
  const { output, exitCode } = await runTool(root, "prettier/bin/prettier.cjs", [
    "--list-different",
    ".",
  ]);
  const problems = exitCode === 0 ? [] : output.map((line) => `${line}: npm run format`);
  if (exitCode !== 0 && problems.length === 0) problems.push(`prettier exits with ${exitCode}`);
  return { figure: "prettier", problems };
}

await runAlone(import.meta.url, "format", check);
