// The AssemblyScript compiler, skipped when its inputs are what they were. Beside every output is
// OUTPUT.inputs.json: the options, and the hash of each file that the compiler read or looked for.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The root folder of the project. */
export const projectRoot = fileURLToPath(new URL("..", import.meta.url));

/**
 * Compile AssemblyScript.
 * @param {object} job
 * @param {string[]} job.entries source files
 * @param {string} job.outFile wasm file to write
 * @param {string[]} [job.options] further command line options of asc
 * @param {(file: string, text: string) => string} [job.substitute] replaces the text of a source
 * @param {boolean} [job.shrink] optimise for size and for the memory of an interpreter, instead of
 *   as the options say; OUTFILE with .wat is then the module's text
 * @param {string} [job.root] folder that file names are relative to
 * @param {(file: string) => string} [job.locate] where a source is, when not below root
 * @returns {Promise<boolean>} whether the compiler ran; false when the output was up to date
 * @throws {Error} the compiler's messages
 */
export async function compile({
  entries,
  outFile,
  options = [],
  substitute = (_, text) => text,
  shrink = false,
  root = projectRoot,
  locate = (file) => path.resolve(root, file),
}) {
  const record = path.resolve(root, `${outFile}.inputs.json`);
  const command = [...entries, "--outFile", outFile, ...options, ...(shrink ? UNOPTIMISED : [])];
  const key = hash(JSON.stringify([ascVersion(), command, shrink && OPTIMISER]));
  const read = (file) => {
    try {
      return substitute(file, readFileSync(locate(file), "utf8"));
    } catch (error) {
      if (error.code === "ENOENT" || error.code === "EISDIR" || error.code === "ENOTDIR")
        return null;
      throw error;
    }
  };
  if (existsSync(path.resolve(root, outFile)) && isUpToDate(record, key, read)) return false;

  const inputs = {};
  let messages = "";
  const { default: asc } = await import("assemblyscript/asc");
  const collect = { write: (text) => void (messages += text) };
  const { error } = await asc.main([...command, "--baseDir", root], {
    stdout: collect,
    stderr: collect,
    readFile(name, baseDir) {
      const file = path.relative(root, path.resolve(baseDir, name));
      const text = read(file);
      inputs[file] = text === null ? null : hash(text);
      return text;
    },
    writeFile(name, contents, baseDir) {
      const file = path.resolve(baseDir, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, contents);
    },
    listFiles(name, baseDir) {
      return readdirSync(path.resolve(baseDir, name)).filter((file) =>
        /^(?!.*\.d\.ts$).*\.ts$/.test(file),
      );
    },
  });
  if (error) throw new Error(messages.trim() || error.message);
  if (shrink) await shrinkModule(path.resolve(root, outFile));
  writeFileSync(record, JSON.stringify({ key, inputs }));
  return true;
}

/** What asc lets a module use unless told otherwise. */
const FEATURES = ["mutable-globals", "sign-ext", "nontrapping-float-to-int", "bulk-memory"];

/** Options of asc for a module that the optimiser is to get as it is, with names. */
const UNOPTIMISED = ["--optimizeLevel", "0", "--shrinkLevel", "0", "--debug"];

/**
 * How the optimiser shrinks a module. An interpreter compiles whole functions, when they are first
 * called, and pays four bytes of RAM for each of their bytes: so a large function stays by itself
 * even when it has one caller only. A function costs RAM, too: so very small ones are inlined.
 */
const OPTIMISER = [
  ...[...FEATURES, "bulk-memory-opt"].map((feature) => `--enable-${feature}`),
  "-Oz",
  "--converge",
  "--one-caller-inline-max-function-size=100",
  "--always-inline-max-function-size=4",
];

/**
 * Optimise a module in place, and write its text, which has the names of the functions, beside it.
 * Processes of their own, because the compiler leaves settings behind in the optimiser's.
 */
async function shrinkModule(file) {
  const tool = fileURLToPath(new URL("bin/wasm-opt", import.meta.resolve("binaryen/package.json")));
  const optimise = (options) => run(process.execPath, [tool, file, ...OPTIMISER, ...options]);
  const small = `${file}.small`;
  await Promise.all([
    optimise(["-o", small]),
    optimise(["--debuginfo", "--emit-text", "-o", file.replace(/\.wasm$/, ".wat")]),
  ]);
  renameSync(small, file);
}

function isUpToDate(record, key, read) {
  if (!existsSync(record)) return false;
  const before = JSON.parse(readFileSync(record, "utf8"));
  if (before.key !== key) return false;
  return Object.entries(before.inputs).every(([file, sum]) => {
    const text = read(file);
    return (text === null ? null : hash(text)) === sum;
  });
}

function ascVersion() {
  const url = import.meta.resolve("assemblyscript/package.json");
  return JSON.parse(readFileSync(new URL(url), "utf8")).version;
}

function hash(text) {
  return createHash("sha256").update(text).digest("hex");
}
