// Compiles an assembled firmware project with arm-none-eabi-gcc, against declarations of Device OS,
// and measures it. What Device OS would supply is left unresolved: the result is for sizes only.

import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "../asc.mjs";
import { readBoard } from "../boards.mjs";
import { inPairs } from "../compile-c.mjs";
import { sizesIn } from "../linker-map.mjs";

const run = promisify(execFile);

const GCC = "arm-none-eabi-gcc";
const DECLARATIONS = "tests/boards/device-os-api";
const COMMON = ["-Os", "-g", "-ffunction-sections", "-fdata-sections", "-fno-strict-aliasing"];
const C = ["-std=gnu11"];
const CPP = [
  "-x",
  "c++",
  "-fno-exceptions",
  "-fno-rtti",
  "-fno-use-cxa-atexit",
  "-fno-threadsafe-statics",
];
/** By version of Device OS: 2.x began with C++11. */
const STANDARDS = { 2: "-std=gnu++11", 4: "-std=gnu++17" };
const OURS = ["-Wall", "-Wextra", "-Werror"];
/** As Device OS compiles everything. */
const THEIRS = ["-Wall", "-Werror"];

/** Groups that are told apart: [name, folder of its objects]. The first that fits counts. */
const GROUPS = [
  ["wasm3", /^src\/bindings\/wasm3\/(m3_|wasm3)/],
  ["binding", /^src\/bindings\//],
  ["hal", /^src\/hal\//],
  ["module", /^src\/boards\/module\.c/],
  ["application", /^src\//],
];
/** What newlib and libgcc add; Device OS has a part of it already. */
const LIBRARIES = "libraries";

/** Why nothing can be compiled here, or null. */
export function whyNotCompiled() {
  return spawnSync(GCC, ["--version"]).status === 0 ? null : `no ${GCC}`;
}

/**
 * Compile and measure.
 * @param {string} name of the board
 * @param {string} folder of the assembled project
 * @param {object} [options] @param {string} [options.root]
 * @returns {Promise<{board: object, groups: Record<string, {flash: number, ram: number}>,
 *   total: {flash: number, ram: number}}>} bytes
 * @throws {Error} the compiler's messages
 */
export async function measure(name, folder, { root = projectRoot } = {}) {
  const reason = whyNotCompiled();
  if (reason) throw new Error(reason);
  const board = readBoard(name, root);
  const objects = path.join(folder, "objects");
  mkdirSync(objects, { recursive: true });
  const sources = sourcesOf(folder);
  const flags = [...board.emulator.cpu, ...COMMON, ...optionsOf(board, root)];
  await inPairs(sources, (file) => compile(folder, file, flags, board));
  const map = path.join(objects, "firmware.map");
  await link(folder, sources, board.emulator.cpu, map);
  const names = [...GROUPS.map(([group]) => group), LIBRARIES];
  return { board, ...sizesIn(readFileSync(map, "utf8"), names, groupOf) };
}

function sourcesOf(folder) {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return found
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => /^src\/.*\.(c|cpp)$/.test(file))
    .sort();
}

/** What Device OS' build gives: its headers, and which board it is for. */
function optionsOf({ platformId, deviceOs }, root) {
  const declarations = path.join(root, DECLARATIONS, String(deviceOs.api));
  return [`-DPLATFORM_ID=${platformId}`, "-isystem", declarations];
}

const objectOf = (file) => `objects/${file.replaceAll("/", "+")}.o`;

async function compile(folder, file, flags, board) {
  const isOurs = !GROUPS[0][1].test(file);
  const language = file.endsWith(".c") ? C : [...CPP, STANDARDS[board.deviceOs.api]];
  await gcc(folder, [
    ...flags,
    ...language,
    ...(isOurs ? OURS : THEIRS),
    "-c",
    file,
    "-o",
    objectOf(file),
  ]);
}

/** Device OS calls setup and loop, and everything that is not here is its own. */
async function link(folder, sources, cpu, map) {
  await gcc(folder, [
    ...cpu,
    "--specs=nano.specs",
    "-nostartfiles",
    "-Wl,--gc-sections,--entry=_Z5setupv,--undefined=_Z4loopv",
    "-Wl,--unresolved-symbols=ignore-all,--no-warn-mismatch",
    `-Wl,-Map=${map}`,
    ...sources.map(objectOf),
    "-o",
    "objects/firmware.elf",
  ]);
}

async function gcc(folder, options) {
  try {
    await run(GCC, options, { cwd: folder, maxBuffer: 1 << 24 });
  } catch (error) {
    throw new Error(error.stderr?.trim() || error.message);
  }
}

/** Name of a group by object file. */
function groupOf(object) {
  const source = /objects\/(.+)\.o$/.exec(object)?.[1].replaceAll("+", "/");
  return (source && GROUPS.find(([, files]) => files.test(source))?.[0]) ?? LIBRARIES;
}

/** @returns {string} a table for people */
export function tableOf({ board, groups, total }) {
  const row = (name, flash, ram) =>
    `${name.padEnd(14)}${String(flash).padStart(9)}${String(ram).padStart(9)}`;
  return [
    row(board.name, "flash", "RAM"),
    ...Object.entries(groups).map(([name, { flash, ram }]) => row(name, flash, ram)),
    row("total", total.flash, total.ram),
    row("limit", board.userModule, board.memory.application),
  ].join("\n");
}
