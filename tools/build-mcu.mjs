// Builds bare-metal images for the emulated boards: WASM3, the C binding, a module, and a program of
// tests/mcu. Memory, processor and limits are those of the board's board.json.
// usage: node tools/build-mcu.mjs --board NAME --image device|bench|crypto [--module FILE]
//   prints {"file", "sizes"} as JSON

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";

import { projectRoot } from "./asc.mjs";
import { bindingSources } from "./binding-sources.mjs";
import { readBoard } from "./boards.mjs";
import { bindingSettings, wasm3Settings } from "./boards/wasm3.mjs";
import { CCompiler, filesOf } from "./compile-c.mjs";
import { sizesIn } from "./linker-map.mjs";
import { wasm3SourceDir } from "./setup-wasm3.mjs";

const PLATFORM = "tests/mcu/platform";

/** Rate of SysTick on QEMU's machines, Hz. */
const MACHINE_CLOCK = {
  netduino2: 120_000_000,
  "mps2-an386": 25_000_000,
  "mps2-an505": 20_000_000,
};

/** Sources of each image beside the platform and WASM3; `generated` it gets as text. */
export const IMAGES = {
  device: {
    sources: [...filesIn("tests/mcu/device"), ...bindingSources(".c")],
    generated: [],
  },
  bench: {
    sources: ["tests/mcu/bench/device.c", "tests/mcu/bench/replay.c", ...bindingSources(".c")],
    generated: ["recording.c"],
  },
  crypto: { sources: ["tests/mcu/bench/crypto.c"], generated: [] },
};

/** Groups of the sizes, by what an object file's name begins with; what is left is `platform`. */
const GROUPS = [
  ["wasm3", /^(m3_|wasm3)/],
  ["glue", /^boson_/],
  ["module", /^module/],
];

const WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Werror"];

function filesIn(folder) {
  return filesOf(path.join(projectRoot, folder), ".c").map((file) =>
    path.relative(projectRoot, file),
  );
}

/**
 * Build an image.
 * @param {object} job
 * @param {string} job.board name of its folder
 * @param {keyof IMAGES} job.image
 * @param {string} [job.module] wasm file that goes into it
 * @param {Record<string, string>} [job.generated] text of the image's generated sources
 * @returns {Promise<{file: string, sizes: Record<string, {flash: number, ram: number}>}>} ELF file,
 *   and bytes by group: wasm3, glue (the binding), module, platform, libraries
 * @throws {Error} the compiler's messages
 */
export async function buildImage({ board: name, image, module, generated = {} }) {
  const board = readBoard(name);
  const folder = path.join(projectRoot, "build/mcu", name, image);
  mkdirSync(folder, { recursive: true });
  const sources = [
    writeModule(folder, module ?? path.join(projectRoot, "build/boson.wasm")),
    ...IMAGES[image].generated.map((file) => writeIfNew(path.join(folder, file), generated[file])),
    ...[...IMAGES[image].sources, ...filesIn(PLATFORM)].map((file) => path.join(projectRoot, file)),
  ];
  const compiler = new CCompiler("arm-none-eabi-gcc");
  const objects = await compiler.compile(unitsOf(board, name, sources, image), folder);
  const file = path.join(folder, "image.elf");
  const script = writeIfNew(path.join(folder, "machine.ld"), linkerScript(board));
  const map = path.join(folder, "image.map");
  const options = ["--specs=nano.specs", "-nostartfiles", "-T", script, `-Wl,-Map=${map}`];
  await compiler.link(objects, file, [...board.emulator.cpu, ...options, "-Wl,--gc-sections"], {
    libraries: ["-lm"],
    scripts: [script],
  });
  const names = [...GROUPS.map(([group]) => group), "platform", "libraries"];
  return { file, sizes: sizesIn(readFileSync(map, "utf8"), names, groupOf).groups };
}

function groupOf(object) {
  const name = path.basename(object);
  if (object.includes("(") || /^(crt|lib)/.test(name)) return "libraries";
  return GROUPS.find(([, begins]) => begins.test(name))?.[0] ?? "platform";
}

/** Every file with its options. */
function unitsOf(board, name, sources, image) {
  const wasm3 = wasm3SourceDir();
  const tables = Object.entries(wasm3Settings(board)).map(([key, value]) => `-D${key}=${value}`);
  const common = ["-Os", "-std=gnu11", "-ffunction-sections", "-fdata-sections"];
  const shared = [...board.emulator.cpu, ...common, "--specs=nano.specs", ...tables];
  // The device has both transports, and updates where the board has room for them.
  const settings =
    image === "device"
      ? { BOSON_APPLICATIONS: Number(board.updates.applicationSlot > 0) }
      : bindingSettings(board);
  const definitions = [
    ...Object.entries(settings).map(([key, value]) => `-D${key}=${value}`),
    `-DMACHINE_CLOCK_HZ=${MACHINE_CLOCK[board.emulator.machine]}`,
    `-DMACHINE_UART_${board.emulator.uart.kind.toUpperCase()}`,
    `-DMACHINE_UART=${board.emulator.uart.address}u`,
  ];
  const include = [
    ...["-I", path.join(projectRoot, "boards", name)],
    ...["-I", path.join(projectRoot, "tests/mcu/bench"), "-isystem", wasm3],
  ];
  const headers = [
    ...["bindings/wasm3", "hal", PLATFORM, `tests/mcu/${image}`, "tests/mcu/bench"].flatMap(
      (folder) => filesOf(path.join(projectRoot, folder), ".h"),
    ),
    path.join(projectRoot, "boards", name, "board.h"),
  ];
  const engine = filesOf(wasm3, ".c").filter((file) => !/m3_api_/.test(file));
  return [
    ...sources.map((file) => ({
      file,
      options: [...shared, ...WARNINGS, ...definitions, ...include],
      headers,
    })),
    ...engine.map((file) => ({
      file,
      options: [...shared, "-w"],
      headers: filesOf(wasm3, ".h"),
    })),
  ];
}

/** The module as an array. @returns the C file */
function writeModule(folder, module) {
  const bytes = readFileSync(module);
  const text =
    `const unsigned char module_bytes[] = {${[...bytes].join(",")}};\n` +
    `const unsigned int module_size = sizeof module_bytes;\n`;
  const declarations =
    "extern const unsigned char module_bytes[];\nextern const unsigned int module_size;\n";
  return writeIfNew(path.join(folder, "module.c"), declarations + text);
}

function linkerScript({ emulator, threadStack }) {
  const values = {
    FLASH_ORIGIN: emulator.flash.origin,
    FLASH_LENGTH: emulator.flash.length,
    RAM_ORIGIN: emulator.ram.origin,
    RAM_LENGTH: emulator.ram.length,
    STACK_LENGTH: threadStack,
  };
  const text = readFileSync(path.join(projectRoot, PLATFORM, "machine.ld"), "utf8");
  return text.replace(/\$\{(\w+)\}/g, (_, name) => String(values[name]));
}

function writeIfNew(file, text) {
  let before;
  try {
    before = readFileSync(file, "utf8");
  } catch {
    // It is not there yet.
  }
  if (before !== text) writeFileSync(file, text);
  return file;
}

async function main() {
  const { values } = parseArgs({
    options: {
      board: { type: "string" },
      image: { type: "string", default: "device" },
      module: { type: "string" },
      generated: { type: "string", multiple: true, default: [] },
    },
  });
  const { board, image, module } = values;
  if (!board || !IMAGES[image]) throw new Error("--board NAME --image device|bench|crypto");
  const generated = Object.fromEntries(
    values.generated.map((file) => [path.basename(file), readFileSync(file, "utf8")]),
  );
  console.log(JSON.stringify(await buildImage({ board, image, module, generated })));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main().catch((error) => {
    console.error(`build-mcu: ${error.message}`);
    process.exitCode = 1;
  });
}
