// Builds the native programs with the C compiler that is there: WASM3, its binding, the posix HAL.
// usage: node tools/build-native.mjs [--program NAME] [--sanitize] [--probe]
//   prints the program's path; --probe only tells, by its exit code, whether it could be built

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
import { parseArgs, promisify } from "node:util";
import { pathToFileURL } from "node:url";

import { projectRoot } from "./asc.mjs";
import { canGetWasm3, wasm3SourceDir } from "./setup-wasm3.mjs";

const run = promisify(execFile);

/** What is in each program beside WASM3, by folder or file. */
const BINDING = [
  "bindings/wasm3/boson_api.c",
  "bindings/wasm3/boson_errors.c",
  "bindings/wasm3/boson_events.c",
  "bindings/wasm3/boson_heap.c",
  "bindings/wasm3/boson_imports.c",
  "bindings/wasm3/boson_pump.c",
  "bindings/wasm3/boson_queue.c",
  "bindings/wasm3/boson_runtime.c",
];
const POSIX = ["hal/posix/hal_posix.c"];

export const PROGRAMS = {
  "boson-run": { sources: [...BINDING, ...POSIX, "bindings/wasm3/boson_run.c"], wasm3: true },
  firmware: { sources: [...BINDING, ...POSIX, "examples/firmware/main.c"], wasm3: true },
  hostile: { sources: [...BINDING, ...POSIX, "tests/native/hostile.c"], wasm3: true },
  conformance: {
    sources: [...POSIX, "tests/hal/conformance.c", "tests/hal/posix.c"],
    wasm3: false,
  },
};

const WARNINGS = [
  "-Wall",
  "-Wextra",
  "-Wpedantic",
  "-Wconversion",
  "-Wshadow",
  "-Wstrict-prototypes",
  "-Werror",
];
/** WASM3 allocates through bindings/wasm3/boson_heap.c, which counts. */
const HEAP = [
  "-Dcalloc=boson_heap_calloc",
  "-Drealloc=boson_heap_realloc",
  "-Dfree=boson_heap_free",
];
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"];
/** WASM3 reads operands where they lie, and calls far down without the sibling calls of -O2. */
const VARIANTS = {
  plain: { own: ["-Os"], wasm3: ["-Os"], link: ["-Wl,--gc-sections"] },
  sanitize: {
    own: ["-O1", ...SANITIZERS],
    wasm3: ["-O2", ...SANITIZERS, "-fno-sanitize=alignment"],
    link: SANITIZERS,
  },
};

/** The C compiler: CC, gcc or clang; null when there is none. */
export function compilerPath() {
  const chosen = process.env.CC;
  for (const command of chosen ? [chosen] : ["gcc", "clang", "cc"]) {
    if (spawnSync(command, ["--version"]).status === 0) return command;
  }
  return null;
}

/** Why a program cannot be built here, or null. */
export function whyNot(program) {
  if (process.platform !== "linux") return "the posix HAL is for Linux";
  if (!compilerPath()) return "no C compiler (gcc or clang)";
  if (PROGRAMS[program].wasm3 && !canGetWasm3()) return "no WASM3 source (cargo gets it)";
  return null;
}

/**
 * Build a program; what has not changed is not compiled again.
 * @param {keyof PROGRAMS} program
 * @param {object} [options]
 * @param {boolean} [options.sanitize] with AddressSanitizer and UndefinedBehaviorSanitizer
 * @returns {Promise<string>} path of the program
 * @throws {Error} the compiler's messages
 */
export async function buildNative(program, { sanitize = false } = {}) {
  const reason = whyNot(program);
  if (reason) throw new Error(reason);
  const variant = sanitize ? "sanitize" : "plain";
  const folder = path.join(projectRoot, "build/native", variant);
  mkdirSync(path.join(folder, "objects"), { recursive: true });
  const units = unitsOf(program, VARIANTS[variant]);
  const objects = await inPairs(units, (unit) => compileUnit(unit, folder));
  const file = sanitize
    ? path.join(folder, program)
    : path.join(projectRoot, "build/native", program);
  await link(objects, file, VARIANTS[variant].link);
  return file;
}

/** The C files of a program, with the options of each. */
function unitsOf(program, { own, wasm3 }) {
  const { sources, wasm3: hasWasm3 } = PROGRAMS[program];
  const common = ["-std=c11", "-ffunction-sections", "-fdata-sections"];
  const source = hasWasm3 ? wasm3SourceDir() : null;
  const include = source ? ["-isystem", source, "-DBOSON_HEAP"] : [];
  const headers = [
    ...filesOf(path.join(projectRoot, "hal"), ".h"),
    ...filesOf(path.join(projectRoot, "hal/posix"), ".h"),
    ...filesOf(path.join(projectRoot, "bindings/wasm3"), ".h"),
    ...filesOf(path.join(projectRoot, "tests/hal"), ".h"),
    ...(source ? filesOf(source, ".h") : []),
  ];
  const units = sources.map((file) => ({
    file: path.join(projectRoot, file),
    options: [...common, ...own, ...WARNINGS, ...include],
    headers,
  }));
  if (!source) return units;
  const engine = filesOf(source, ".c").filter((file) => !/m3_api_/.test(file));
  const options = [...common, ...wasm3, "-w", ...HEAP];
  return [...units, ...engine.map((file) => ({ file, options, headers: filesOf(source, ".h") }))];
}

function filesOf(folder, suffix) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((file) => file.endsWith(suffix));
  return names.sort().map((file) => path.join(folder, file));
}

/** Compile one file, if it, its options or a header changed. @returns its object file */
async function compileUnit({ file, options, headers }, folder) {
  const object = path.join(folder, "objects", `${path.basename(file, ".c")}.o`);
  const record = `${object}.hash`;
  const sum = hash([compilerVersion(), ...options, ...[file, ...headers].map(contentHash)]);
  if (existsSync(object) && existsSync(record) && readFileSync(record, "utf8") === sum) {
    return object;
  }
  // Another process may build the same.
  await compiler([...options, "-c", file, "-o", `${object}.${process.pid}`]);
  renameSync(`${object}.${process.pid}`, object);
  writeFileSync(record, sum);
  return object;
}

async function link(objects, file, options) {
  const record = path.join(path.dirname(objects[0]), `${path.basename(file)}.link`);
  const sum = hash([compilerVersion(), ...options, ...objects.map(contentHash)]);
  if (existsSync(file) && existsSync(record) && readFileSync(record, "utf8") === sum) return;
  const libraries = ["-lm", "-lpthread"];
  await compiler([...options, ...objects, "-o", `${file}.${process.pid}`, ...libraries]);
  renameSync(`${file}.${process.pid}`, file);
  writeFileSync(record, sum);
}

async function compiler(options) {
  try {
    await run(compilerPath(), options, { maxBuffer: 1 << 24 });
  } catch (error) {
    throw new Error(error.stderr?.trim() || error.message);
  }
}

let version;
function compilerVersion() {
  version ??= spawnSync(compilerPath(), ["--version"], { encoding: "utf8" }).stdout.split("\n")[0];
  return version;
}

const contents = new Map();
function contentHash(file) {
  const key = `${file} ${statSync(file).mtimeMs}`;
  if (!contents.has(key)) contents.set(key, hash([readFileSync(file)]));
  return contents.get(key);
}

function hash(parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part).update("\0");
  return sum.digest("hex");
}

/** Map with two at a time. */
async function inPairs(items, work) {
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

async function main() {
  const { values } = parseArgs({
    options: {
      program: { type: "string", default: "boson-run" },
      sanitize: { type: "boolean", default: false },
      probe: { type: "boolean", default: false },
    },
  });
  const { program, sanitize, probe } = values;
  if (!PROGRAMS[program]) throw new Error(`no program "${program}"`);
  const reason = whyNot(program);
  if (reason) throw new Error(reason);
  if (!probe) console.log(await buildNative(program, { sanitize }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main().catch((error) => {
    console.error(`build-native: ${error.message}`);
    process.exitCode = 1;
  });
}
