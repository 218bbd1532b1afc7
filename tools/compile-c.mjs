// Compiles and links C with a cache: what has not changed is not compiled again. Knows nothing of
// what is built; tools/build-native.mjs and tools/build-mcu.mjs do.

import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * @typedef {object} Unit one file to compile
 * @property {string} file
 * @property {string[]} options of the compiler
 * @property {string[]} headers files on which it depends
 */

/** Files of a folder that end in `suffix`, sorted; none when there is no such folder. */
export function filesOf(folder, suffix) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((file) => file.endsWith(suffix));
  return names.sort().map((file) => path.join(folder, file));
}

export class CCompiler {
  /** @param {string} command of the compiler, which also links */
  constructor(command) {
    this.command = command;
    const { stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
    this.version = `${command} ${(stdout ?? "").split("\n")[0]}`;
    this.contents = new Map();
  }

  /**
   * Compile files, two at a time.
   * @param {Unit[]} units
   * @param {string} folder for the object files, which are named after the files
   * @returns {Promise<string[]>} object files in the order of the units
   * @throws {Error} the compiler's messages
   */
  compile(units, folder) {
    mkdirSync(folder, { recursive: true });
    return inPairs(units, (unit) => this.#compileUnit(unit, folder));
  }

  async #compileUnit({ file, options, headers }, folder) {
    const object = path.join(folder, `${path.basename(file).replace(/\.[a-z]+$/i, "")}.o`);
    const parts = [
      this.version,
      ...options,
      ...[file, ...headers].map((f) => this.#contentHash(f)),
    ];
    await this.#make(object, `${object}.hash`, parts, [...options, "-c", file]);
    return object;
  }

  /**
   * Link object files.
   * @param {string[]} objects
   * @param {string} file the program
   * @param {string[]} options that come before the objects
   * @param {object} [more]
   * @param {string[]} [more.libraries] options that come after them
   * @param {string[]} [more.scripts] files on which the result depends, beside the objects
   */
  async link(objects, file, options, { libraries = [], scripts = [] } = {}) {
    const record = path.join(path.dirname(objects[0]), `${path.basename(file)}.link`);
    const sums = [...objects, ...scripts].map((f) => this.#contentHash(f));
    const parts = [this.version, ...options, ...libraries, ...sums];
    await this.#make(file, record, parts, [...options, ...objects, ...libraries]);
  }

  /** Run the compiler for `file` unless `record` says that nothing has changed. */
  async #make(file, record, parts, options) {
    const sum = hash(parts);
    if (existsSync(file) && existsSync(record) && readFileSync(record, "utf8") === sum) return;
    // Another process may build the same.
    const scratch = `${file}.${process.pid}`;
    try {
      await run(this.command, [...options, "-o", scratch], { maxBuffer: 1 << 24 });
    } catch (error) {
      throw new Error(error.stderr?.trim() || error.message);
    }
    renameSync(scratch, file);
    writeFileSync(record, sum);
  }

  #contentHash(file) {
    const key = `${file} ${statSync(file).mtimeMs}`;
    if (!this.contents.has(key)) this.contents.set(key, hash([readFileSync(file)]));
    return this.contents.get(key);
  }
}

function hash(parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part).update("\0");
  return sum.digest("hex");
}

/** Work on all items, two at a time. @returns the results in the order of the items */
export async function inPairs(items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}
