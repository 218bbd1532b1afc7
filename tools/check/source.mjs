// Checks every text file: no path of somebody's machine, no note of work to do without an issue, no tab or
// trailing blank in sources.
// usage: node tools/check/source.mjs [ROOT]

import { readFileSync } from "node:fs";
import path from "node:path";

import { listFiles, runAlone } from "./report.mjs";

const TEXT = /\.(ts|mjs|cjs|js|json|md|c|h|ld|S|yml|yaml|txt|sh)$|(^|\/)(Makefile|\.ci\/run)$/;
const SOURCE = /\.(ts|mjs|cjs|js|c|h)$/;
const EXCEPT = new Set(["package-lock.json"]);

/** [files, forbidden, what it is] */
const RULES = [
  [TEXT, /(?<![\w.~$}/-])\/(home|Users|root|work|mnt|private)\/[\w.-]/, "a path of one machine"],
  [TEXT, /\b[A-Z]:\\(Users|home)\\/, "a path of one machine"],
  [SOURCE, /\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b(?!\(#\d+\))/, "a note without an issue, (#123)"],
  [SOURCE, /\t/, "a tab"],
  [SOURCE, /[ \r]$/, "a trailing blank"],
];

/** @param {string} root @returns {import("./report.mjs").Result} */
export function check(root) {
  const problems = [];
  const files = listFiles(root).filter((file) => TEXT.test(file) && !EXCEPT.has(file));
  for (const file of files) {
    const rules = RULES.filter(([applies]) => applies.test(file));
    const lines = readFileSync(path.join(root, file), "utf8").split("\n");
    lines.forEach((line, index) => {
      for (const [, forbidden, what] of rules) {
        if (forbidden.test(line)) problems.push(`${file}:${index + 1}: ${what}`);
      }
    });
  }
  if (files.length === 0) problems.push("no text file found");
  return { figure: `${files.length} files`, problems };
}

await runAlone(import.meta.url, "source", check);
