// Gets the C source of WASM3, which is compiled into native and microcontroller builds and never
// copied into the project: WASM3_SOURCE_DIR, or a pinned release from the crates.io package
// wasm3x-sys, checked against the hashes below and kept in a per-user cache.
// usage: node tools/setup-wasm3.mjs

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** Version of WASM3 in the package. */
export const WASM3_VERSION = "0.9.0";

const PACKAGE = { name: "wasm3x-sys", version: "0.2.1" };
/** SHA-256 of the package as the registry has it; cargo checks the download against it. */
const PACKAGE_SHA256 = "348492b8c2fb4902087770a26c3500e12b375e687a6d7f4155b7953a26ff8f7c";
/** SHA-256 over the source files in it; see `hashSource`. */
const SOURCE_SHA256 = "51cd374e416e85805bf0a3f61dac1d8d00d9a5124b51318a9cec51db159d470a";

const cacheRoot = path.join(
  process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"),
  "wboson",
);
const cached = path.join(cacheRoot, `wasm3-${WASM3_VERSION}`);

/**
 * The folder with wasm3.h and m3_*.c, fetched if need be.
 * @returns {string}
 * @throws {Error} one line that says what is missing
 */
export function wasm3SourceDir() {
  const chosen = process.env.WASM3_SOURCE_DIR;
  if (chosen) {
    if (existsSync(path.join(chosen, "wasm3.h"))) return path.resolve(chosen);
    throw new Error(`wasm3: WASM3_SOURCE_DIR is ${chosen}, where there is no wasm3.h`);
  }
  if (!existsSync(path.join(cached, "wasm3.h"))) fetchSource();
  if (hashSource(cached) !== SOURCE_SHA256) {
    throw new Error(`wasm3: ${cached} is not the source of ${WASM3_VERSION}; delete it`);
  }
  return cached;
}

/** Whether the source is there or cargo could get it. */
export function canGetWasm3() {
  return (
    Boolean(process.env.WASM3_SOURCE_DIR) ||
    existsSync(path.join(cached, "wasm3.h")) ||
    spawnSync("cargo", ["--version"]).status === 0
  );
}

/** SHA-256 over names and contents of the C files in a folder. */
function hashSource(folder) {
  const hash = createHash("sha256");
  const files = readdirSync(folder).filter((file) => /\.[ch]$/.test(file));
  for (const file of files.sort()) {
    const content = readFileSync(path.join(folder, file));
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/** Let cargo download the package, and keep the folder that holds WASM3. */
function fetchSource() {
  if (spawnSync("cargo", ["--version"]).status !== 0) {
    throw new Error(
      "wasm3: cargo, which gets its source, is not there; install Rust (https://rustup.rs), or set " +
        "WASM3_SOURCE_DIR to the folder source/ of a checkout",
    );
  }
  mkdirSync(cacheRoot, { recursive: true });
  const scratch = mkdtempSync(path.join(cacheRoot, "wasm3-fetch-"));
  try {
    vendor(scratch);
    const folder = path.join(scratch, "vendor", PACKAGE.name);
    const { package: sum } = JSON.parse(
      readFileSync(path.join(folder, ".cargo-checksum.json"), "utf8"),
    );
    if (sum !== PACKAGE_SHA256) throw new Error(`wasm3: ${PACKAGE.name} has checksum ${sum}`);
    const source = path.join(folder, "wasm3", "source");
    rmSync(cached, { recursive: true, force: true });
    renameSync(source, cached);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Download into FOLDER/vendor. */
function vendor(folder) {
  mkdirSync(path.join(folder, "src"));
  writeFileSync(path.join(folder, "src", "lib.rs"), "");
  writeFileSync(
    path.join(folder, "Cargo.toml"),
    `[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n\n` +
      `[dependencies]\n${PACKAGE.name} = "=${PACKAGE.version}"\n`,
  );
  const { status, stderr } = spawnSync("cargo", ["vendor", "--quiet", "vendor"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) {
    const reason = (stderr ?? "").trim().split("\n").pop();
    throw new Error(`wasm3: cargo could not get ${PACKAGE.name} ${PACKAGE.version}: ${reason}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    console.log(`wasm3: ${WASM3_VERSION}, ${wasm3SourceDir()}`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
