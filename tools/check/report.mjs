// How a check reports: one line with its figure, after one line for each problem.

import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { projectRoot } from "../asc.mjs";

/**
 * @typedef {object} Result
 * @property {string} figure what was checked, e.g. "41 imports"
 * @property {string[]} problems one line each; none for a pass
 */

/**
 * Print a result.
 * @param {string} name @param {Result} result @returns {boolean} whether it passed
 */
export function report(name, { figure, problems }) {
  for (const problem of problems) console.log(`${name}: ${problem}`);
  const verdict = problems.length === 0 ? "ok" : `FAILED (${problems.length})`;
  console.log(`${name}: ${verdict}, ${figure}`);
  return problems.length === 0;
}

/**
 * Let a check run by itself: node tools/check/NAME.mjs [ROOT]
 * @param {string} url import.meta.url of the check
 * @param {string} name
 * @param {(root: string) => Result | Promise<Result>} check
 */
export async function runAlone(url, name, check) {
  if (url !== pathToFileURL(process.argv[1] ?? "").href) return;
  const root = path.resolve(process.argv[2] ?? projectRoot);
  if (!report(name, await check(root))) process.exitCode = 1;
}

const SKIP = new Set(["node_modules", ".git", "build", ".cache", "results"]);

/**
 * Files below a folder, without what is generated.
 * @param {string} root @param {string} [folder] relative to root
 * @returns {string[]} sorted paths relative to root, with forward slashes
 */
export function listFiles(root, folder = ".") {
  const found = [];
  const visit = (at) => {
    for (const entry of readdirSync(path.join(root, at), { withFileTypes: true })) {
      const file = path.posix.join(at, entry.name);
      if (entry.isDirectory()) {
        if (!SKIP.has(entry.name)) visit(file);
      } else if (entry.isFile()) found.push(file);
    }
  };
  visit(folder);
  return found.sort();
}
