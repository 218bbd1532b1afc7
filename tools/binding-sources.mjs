// The files of bindings/wasm3 that firmware consists of.

import { readdirSync } from "node:fs";
import path from "node:path";

import { projectRoot } from "./asc.mjs";

/** Files of the folder that are for Linux, or optional. */
const NOT_FIRMWARE = /^boson_(run|heap|crypto_mbedtls)\./;

/**
 * @param {".c" | ".h"} suffix
 * @returns {string[]} paths relative to the project, sorted
 */
export function bindingSources(suffix) {
  const names = readdirSync(path.join(projectRoot, "bindings/wasm3")).sort();
  return names
    .filter((name) => name.endsWith(suffix) && !NOT_FIRMWARE.test(name))
    .map((name) => `bindings/wasm3/${name}`);
}
