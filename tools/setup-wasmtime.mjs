// Finds the wasmtime command that runs the unit tests, and installs it if there is none. Looked
// for in this order: WBOSON_WASMTIME, PATH, the per-user cache that the install below fills.
// usage: node tools/setup-wasmtime.mjs

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** The last release line that Rust 1.95 compiles. */
const VERSION = "48.0.8";

const cacheRoot = path.join(
  process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"),
  "wboson",
  `wasmtime-${VERSION}`,
);

/** Path or name of a working wasmtime command, or null. */
export function wasmtimePath() {
  const chosen = process.env.WBOSON_WASMTIME;
  if (chosen) return chosen;
  const suffix = process.platform === "win32" ? ".exe" : "";
  const cached = path.join(cacheRoot, "bin", `wasmtime${suffix}`);
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    const file = path.join(folder, `wasmtime${suffix}`);
    if (path.isAbsolute(file) && existsSync(file)) return file;
  }
  return existsSync(cached) ? cached : null;
}

/** Version line of a wasmtime command, or null when it does not run. */
function versionOf(command) {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}

function fail(line) {
  console.error(line);
  process.exit(1);
}

function install() {
  if (spawnSync("cargo", ["--version"]).status !== 0) {
    fail(
      `wasmtime: not found; install it (https://wasmtime.dev), or install Rust 1.95 or later ` +
        `(https://rustup.rs) and run this again`,
    );
  }
  console.log(
    `wasmtime: compiling wasmtime-cli ${VERSION} with cargo, once, for about 4 minutes on 2 cores; ` +
      `${cacheRoot} keeps it for the next run`,
  );
  mkdirSync(cacheRoot, { recursive: true });
  const features = ["--no-default-features", "--features", "run,cranelift"];
  const { status, stderr } = spawnSync(
    "cargo",
    ["install", "wasmtime-cli", "--version", VERSION, "--locked", ...features, "--root", cacheRoot],
    { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8", maxBuffer: 1 << 26 },
  );
  if (status !== 0) {
    const reason = (stderr ?? "").trim().split("\n").slice(-15).join("\n");
    fail(
      `${reason}\nwasmtime: cargo could not install it; set WBOSON_WASMTIME to a wasmtime command`,
    );
  }
}

function main() {
  if (!wasmtimePath()) install();
  const command = wasmtimePath();
  const version = command && versionOf(command);
  if (!version) fail(`wasmtime: ${command} does not run`);
  console.log(`wasmtime: ${version}, ${command}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
