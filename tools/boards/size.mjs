// Compiles an assembled firmware project with arm-none-eabi-gcc, against declarations of Device OS, and
// measures it. What Device OS would supply is left unresolved: the result is for its sizes only.

import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { projectRoot } from "../asc.mjs";
import { readBoard } from "../boards.mjs";

const run = promisify(execFile);

const GCC = "arm-none-eabi-gcc";
const DECLARATIONS = "tests/boards/device-os-api";
const COMMON = ["-Os", "-g", "-ffunction-sections", "-fdata-sections", "-fno-strict-aliasing"];
const LANGUAGES = {
  ".c": ["-std=gnu11"],
  ".cpp": [
    "-x",
    "c++",
    "-std=gnu++17",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-use-cxa-atexit",
    "-fno-threadsafe-statics",
  ],
};
const OURS = ["-Wall", "-Wextra", "-Werror"];

/** Groups that are told apart: [name, folder of its objects]. The first that fits counts. */
const GROUPS = [
  ["wasm3", /^lib\/wasm3\//],
  ["binding", /^src\/bindings\//],
  ["hal", /^src\/hal\//],
  ["module", /^src\/module\.c/],
  ["application", /^src\//],
];
/** What newlib and libgcc add; Device OS has a part of it already. */
const LIBRARIES = "libraries";

/** Output sections by where they end up. */
const FLASH = /^\.(text|rodata|init_array|fini_array|preinit_array|ARM\.exidx|ARM\.extab|data)/;
const RAM = /^\.(data|bss|retained_user)/;

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
  const flags = [...board.emulator.cpu, ...COMMON, ...includesOf(folder, board, root)];
  await inPairs(sources, (file) => compile(folder, file, flags));
  const map = path.join(objects, "firmware.map");
  await link(folder, sources, board.emulator.cpu, map);
  return { board, ...sizesIn(readFileSync(map, "utf8")) };
}

function sourcesOf(folder) {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return found
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => /^(src|lib)\/.*\.(c|cpp)$/.test(file))
    .sort();
}

/** The folders that Device OS' build gives, and its define. */
function includesOf(folder, board, root) {
  return [
    `-DPLATFORM_ID=${board.platformId}`,
    "-I",
    path.join(folder, "src"),
    "-isystem",
    path.join(folder, "lib/wasm3/src"),
    "-isystem",
    path.join(root, DECLARATIONS, String(board.deviceOs.api)),
  ];
}

const objectOf = (file) => `objects/${file.replaceAll("/", "+")}.o`;

async function compile(folder, file, flags) {
  const warnings = file.startsWith("lib/") ? ["-w"] : OURS;
  const language = LANGUAGES[path.extname(file)];
  await gcc(folder, [...flags, ...language, ...warnings, "-c", file, "-o", objectOf(file)]);
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

/** Bytes by group, from the linker's map: what is left after sections that nobody uses. */
function sizesIn(map) {
  const names = [...GROUPS.map(([name]) => name), LIBRARIES];
  const groups = Object.fromEntries(names.map((name) => [name, { flash: 0, ram: 0 }]));
  const memory = map.slice(map.indexOf("Linker script and memory map"));
  // A long name of a section stands on a line of its own.
  const line = /^ (\.[^\s]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S.*)$/gm;
  for (const [, section, size, object] of memory
    .replace(/^( \.\S+)\n\s+/gm, "$1 ")
    .matchAll(line)) {
    const bytes = parseInt(size, 16);
    const group = groups[groupOf(object)];
    if (FLASH.test(section)) group.flash += bytes;
    if (RAM.test(section)) group.ram += bytes;
  }
  const total = { flash: 0, ram: 0 };
  for (const { flash, ram } of Object.values(groups)) {
    total.flash += flash;
    total.ram += ram;
  }
  return { groups, total };
}

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

/** Work on all items, two at a time. */
async function inPairs(items, work) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next++]);
  };
  await Promise.all([worker(), worker()]);
}
