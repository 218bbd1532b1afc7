// Checks the examples as application modules: sizes within applications.json, nothing of the core linked.
// usage: node tools/check/applications.mjs [ROOT]

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { runAlone } from "./report.mjs";
import { runTool } from "./run-tool.mjs";

const BUDGET = "tools/check/applications.json";
const MEASURE = "tools/application/measure.ts";

/** What is wrong with one application. */
function problemsOf(name, { image, staticRam, foreign }, budget) {
  const problems = foreign.map((folder) => `${name}: something of assembly/${folder} is linked`);
  const sizes = [
    ["image", image, budget?.image],
    ["static RAM", staticRam, budget?.staticRam],
  ];
  for (const [what, size, limit] of sizes) {
    if (!(size <= limit)) problems.push(`${name}: ${what} is ${size} bytes, limit ${limit}`);
  }
  return problems;
}

/** @param {string} root @returns {Promise<import("./report.mjs").Result>} */
export async function check(root) {
  if (!existsSync(path.join(root, MEASURE))) {
    return { figure: "nothing measured", problems: [`${MEASURE} is missing`] };
  }
  const budget = JSON.parse(readFileSync(path.join(root, BUDGET), "utf8"));
  const { output, exitCode } = await runTool(root, "tsx/dist/cli.mjs", [MEASURE]);
  const line = output.find((text) => text.startsWith("{"));
  if (exitCode !== 0 || !line) return { figure: "nothing built", problems: output };
  const measured = Object.entries(JSON.parse(line));
  return {
    figure: measured
      .map(([name, { image, staticRam }]) => {
        const limits = budget[name];
        return `${name}: image ${image}/${limits?.image} B, static RAM ${staticRam}/${limits?.staticRam} B`;
      })
      .join("; "),
    problems: measured.flatMap(([name, figures]) => problemsOf(name, figures, budget[name])),
  };
}

await runAlone(import.meta.url, "applications", check);
