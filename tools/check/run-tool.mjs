import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

/**
 * Run the command line tool of a package.
 * @param {string} root working directory
 * @param {string} script package and file in it, e.g. "eslint/bin/eslint.js"
 * @param {string[]} options
 * @returns {Promise<{output: string[], exitCode: number}>} lines that are not empty
 */
export function runTool(root, script, options) {
  const [name, ...inside] = script.split("/");
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  const file = path.join(path.dirname(manifest), ...inside);
  return new Promise((resolve) => {
    const limits = { cwd: root, maxBuffer: 1 << 28 };
    execFile(process.execPath, [file, ...options], limits, (error, stdout, stderr) => {
      const output = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
      resolve({ output, exitCode: error ? Number(error.code) || 1 : 0 });
    });
  });
}
