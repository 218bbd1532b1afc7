// Checks every source with ESLint.
// usage: node tools/check/lint.mjs [ROOT]

import path from "node:path";

import { runAlone } from "./report.mjs";
import { runTool } from "./run-tool.mjs";

/** @param {string} root @returns {Promise<import("./report.mjs").Result>} */
export async function check(root) {
  const { output, exitCode } = await runTool(root, "eslint/bin/eslint.js", [
    ...["--max-warnings", "0", "--format", "json"],
    ".",
  ]);
  const start = output.findIndex((line) => line.startsWith("["));
  if (start < 0) return { figure: "eslint", problems: output };
  const files = JSON.parse(output[start]);
  const problems = files.flatMap(({ filePath, messages }) =>
    messages.map(
      ({ line, message, ruleId }) =>
        `${path.relative(root, filePath)}:${line ?? 1}: ${message} (${ruleId})`,
    ),
  );
  if (exitCode !== 0 && problems.length === 0) problems.push(`eslint exits with ${exitCode}`);
  return { figure: `eslint, ${files.length} files`, problems };
}

await runAlone(import.meta.url, "lint", check);
