// Runs every check: npm run check

import { projectRoot } from "../asc.mjs";
import { report } from "./report.mjs";

const CHECKS = [
  "format",
  "lint",
  "typecheck",
  "layers",
  "wasm",
  "applications",
  "source",
  "boards",
];

// All at once, as most wait for a process; reported in this order.
const results = CHECKS.map(async (name) => {
  const { check } = await import(`./${name}.mjs`);
  return check(projectRoot);
});

let passed = true;
for (const [index, name] of CHECKS.entries()) passed = report(name, await results[index]) && passed;
if (!passed) process.exitCode = 1;
