// Puts the Device OS project of a board together: the application, the SDK's C binding, the port,
// WASM3 (whose source tools/setup-wasm3.mjs gets) and a module as an array. What comes out is ready
// for `particle compile BOARD FOLDER`, Workbench, or `make APPDIR=FOLDER` of Device OS. Those give
// different include paths and no flags, so that every include is relative to its file.
// usage: npm run firmware -- BOARD [--server HOST] [--keys FOLDER]
//          [--application FILE [--runtime NAME] | --module FILE] [--memory BYTES]
//          [--updates] [--product ID] [--product-version N] [--out FOLDER] [--root FOLDER] [--size] [--json]
//   --application  AssemblyScript, compiled with the core; else the core alone
//   --updates      takes updates over the air, and runs an application module beside the core
//   --memory       linear memory of the module, where the board's own is not enough for an application
//   --keys         a device's folder, as provisioning writes it: its keys go into the firmware
//   --size         compiles with arm-none-eabi-gcc against declarations of Device OS, and measures;
//                  --json prints the measurement for a program

import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";

import { projectRoot } from "./asc.mjs";
import { bindingSources } from "./binding-sources.mjs";
import { readBoard } from "./boards.mjs";
import { applicationSettings, bindingSettings, wasm3Settings } from "./boards/wasm3.mjs";
import { buildApplication } from "./build.mjs";
import { wasm3SourceDir } from "./setup-wasm3.mjs";

/** Sources of ours, by their path in the repository; they keep it below src/. */
const SOURCES = [
  "boards/application.cpp",
  ...bindingSources(".c"),
  ...bindingSources(".h"),
  "hal/files/image_files.c",
  "hal/files/image_files.h",
  "hal/hal.h",
  "hal/device-os/hal_device_os.cpp",
  "hal/device-os/hal_device_os.h",
  "hal/device-os/hal_images.cpp",
  "hal/device-os/hal_storage.cpp",
  "hal/device-os/slots.c",
  "hal/device-os/slots.h",
];
/** Where files that belong to one board go, beside the application that includes them. */
const BOARD_FOLDER = "src/boards";
/** Where WASM3 goes: beside the binding, which includes its headers. */
const WASM3_FOLDER = "src/bindings/wasm3";
/** Slots a firmware may carry a key for: name in C, file of a provisioned device. */
const KEYS = [
  ["wboson_device_key", "device-key.der"],
  ["wboson_server_key", "server-public-key.der"],
  ["wboson_update_keys", "update-keys.bin"],
];
/** Those that a device may lack. */
const OPTIONAL_KEYS = ["update-keys.bin"];
/** Longest content of those slots, bytes. */
const KEY_MAX = 256;
const DEFAULT_SERVER = "cloud.example";

/**
 * Assemble the project of a board.
 * @param {string} name folder below boards/
 * @param {object} [options]
 * @param {string} [options.root] of the project
 * @param {string} [options.out] folder to write, emptied first; build/firmware/NAME
 * @param {string} [options.module] wasm file; build/boson.wasm
 * @param {string} [options.server] name or address of the cloud
 * @param {string} [options.keys] folder with a device's keys; none: they are in the board's storage
 * @param {number} [options.product] product id; 65535: none
 * @param {number} [options.productVersion]
 * @param {number} [options.memory] bytes of linear memory; the board's
 * @param {boolean} [options.updates] takes updates, and runs an application module
 * @returns {string} the folder
 * @throws {Error} what is missing
 */
export function assemble(name, options = {}) {
  const root = path.resolve(options.root ?? projectRoot);
  const board = readBoard(name, root);
  const out = path.resolve(options.out ?? path.join(root, "build/firmware", name));
  const application = options.updates ? applicationSettings(board) : null;
  if (options.updates && !application) throw new Error(`${name} has no room for an application`);
  const core = application ? "build/boson-ota.wasm" : "build/boson.wasm";
  const module = options.module ?? path.join(root, core);
  if (!existsSync(module)) throw new Error(`no module ${module}: npm run build`);
  rmSync(out, { recursive: true, force: true });
  for (const file of SOURCES) copy(path.join(root, file), path.join(out, "src", file));
  define(path.join(out, "src/bindings/wasm3/boson.h"), bindingSettings(board));
  if (application) {
    define(path.join(out, "src/bindings/wasm3/boson_core.h"), { BOSON_APPLICATIONS: 1 });
  }
  copy(path.join(root, "boards", name, "board.h"), path.join(out, BOARD_FOLDER, "board.h"));
  copy(path.join(root, "boards", name, "project.properties"), path.join(out, "project.properties"));
  const write = (file, text) => writeFileSync(path.join(out, BOARD_FOLDER, file), text);
  write(
    "settings.h",
    settingsOf({ memory: application?.core ?? board.linearMemory, ...options, application }),
  );
  write("module.h", moduleHeader());
  write("module.c", moduleSource(readFileSync(module), readKeys(options.keys)));
  copyWasm3(path.join(out, WASM3_FOLDER), board);
  return out;
}

function copy(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(from, to);
}

// ---- WASM3 ----------------------------------------------------------------------------------

/** WASM3's sources. Its settings are put before its own, because no flags can be given. */
function copyWasm3(folder, board) {
  const source = wasm3SourceDir();
  const files = readdirSync(source).filter((file) => /^(m3_|wasm3).*\.[ch]$/.test(file));
  for (const file of files.filter((file) => !/^m3_api_/.test(file))) {
    copy(path.join(source, file), path.join(folder, file));
  }
  define(path.join(folder, "m3_config.h"), wasm3Settings(board));
}

/** Put definitions before a header's own text. */
function define(header, settings) {
  const lines = Object.entries(settings).map(
    ([name, value]) => `#ifndef ${name}\n#define ${name} ${value}\n#endif\n`,
  );
  const text = `// Settings of wboson, by tools/firmware.mjs\n${lines.join("")}\n`;
  writeFileSync(header, text + readFileSync(header, "utf8"));
}

// ---- generated sources ----------------------------------------------------------------------

function settingsOf({
  server = DEFAULT_SERVER,
  product = 65535,
  productVersion = 1,
  memory,
  application,
}) {
  if (!/^[A-Za-z0-9.-]{1,63}$/.test(server)) throw new Error(`no name of a server: "${server}"`);
  for (const number of [product, productVersion]) {
    if (!Number.isInteger(number) || number < 0 || number > 65535) {
      throw new Error(`not a whole number, 0...65535: ${number}`);
    }
  }
  if (!Number.isInteger(memory) || memory < 16384 || memory > 65536) {
    throw new Error(`not a size of linear memory, 16384...65536: ${memory}`);
  }
  return `// Settings of this firmware, by tools/firmware.mjs
#ifndef WBOSON_SETTINGS_H
#define WBOSON_SETTINGS_H

#define WBOSON_SERVER_HOST "${server}"
#define WBOSON_PRODUCT_ID ${product}
#define WBOSON_PRODUCT_VERSION ${productVersion}
#define WBOSON_KEY_MAX ${KEY_MAX}
#define WBOSON_MODULE_MEMORY ${memory}u
${applicationDefinitions(application)}
#endif
`;
}

/** Bytes that an application module is given. */
function applicationDefinitions(application) {
  if (!application) return "";
  const { image, memory, stack, code } = application;
  return Object.entries({ IMAGE: image, MEMORY: memory, STACK: stack, CODE: code })
    .map(([name, bytes]) => `#define WBOSON_APPLICATION_${name} ${bytes}u\n`)
    .join("");
}

function moduleHeader() {
  const declarations = ["wboson_module", ...KEYS.map(([name]) => name)].map(
    (name) => `extern const uint8_t ${name}[];\nextern const uint32_t ${name}_size;`,
  );
  return `// The module and the keys that the firmware carries, by tools/firmware.mjs
#ifndef WBOSON_MODULE_H
#define WBOSON_MODULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

${declarations.join("\n")}

#ifdef __cplusplus
}
#endif

#endif
`;
}

/** A constant array, in flash. An empty one has one byte that is not counted. */
function arrayOf(name, bytes) {
  const lines = [];
  const content = bytes.length === 0 ? [0] : [...bytes];
  for (let at = 0; at < content.length; at += 20) lines.push(content.slice(at, at + 20).join(","));
  return (
    `const uint32_t ${name}_size = ${bytes.length};\n` +
    `const uint8_t ${name}[] __attribute__((aligned(4))) = {\n${lines.join(",\n")}};\n`
  );
}

function moduleSource(module, keys) {
  const arrays = [["wboson_module", module], ...keys].map(([name, bytes]) => arrayOf(name, bytes));
  return `#include "module.h"\n\n${arrays.join("\n")}`;
}

/** @returns {[string, Uint8Array][]} name in C and content */
function readKeys(folder) {
  return KEYS.map(([name, file]) => {
    const isAbsent = OPTIONAL_KEYS.includes(file) && !existsSync(path.join(folder ?? "", file));
    if (!folder || isAbsent) return [name, new Uint8Array()];
    const bytes = readFileSync(path.join(folder, file));
    if (bytes.length > KEY_MAX) throw new Error(`${file}: more than ${KEY_MAX} bytes`);
    return [name, bytes];
  });
}

// ---- command line ---------------------------------------------------------------------------

function parseCommand() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      server: { type: "string" },
      keys: { type: "string" },
      module: { type: "string" },
      application: { type: "string", multiple: true },
      runtime: { type: "string" },
      memory: { type: "string" },
      updates: { type: "boolean", default: false },
      product: { type: "string" },
      "product-version": { type: "string" },
      out: { type: "string" },
      root: { type: "string" },
      size: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  if (positionals.length !== 1) throw new Error("usage: npm run firmware -- BOARD [options]");
  const { memory, product, "product-version": version, size, json, ...rest } = values;
  const options = { ...rest };
  if (memory !== undefined) options.memory = Number(memory);
  if (product !== undefined) options.product = Number(product);
  if (version !== undefined) options.productVersion = Number(version);
  return { name: positionals[0], options, size: size || json, json };
}

/** Compile the application of the command line for a board. @returns the module, below the root */
async function compileApplication(name, { application, runtime, module, root, ...options }) {
  if (!application) return module;
  if (module) throw new Error("--application makes a module: no --module");
  const out = `build/firmware/${name}.wasm`;
  const memory = options.memory ?? readBoard(name, root).linearMemory;
  await buildApplication(application, out, { runtime, memory });
  return path.join(projectRoot, out);
}

async function main() {
  const { name, options, size, json } = parseCommand();
  options.module = await compileApplication(name, options);
  const folder = assemble(name, options);
  if (!json) {
    console.log(`firmware: ${path.relative(process.cwd(), folder)}`);
    if (!options.server) console.log(`firmware: no --server, so it connects to ${DEFAULT_SERVER}`);
    if (options.keys) console.log("firmware: holds a private key; it is for one device only");
  }
  if (!size) return;
  const { measure, tableOf } = await import("./boards/size.mjs");
  const sizes = await measure(name, folder, options);
  console.log(json ? JSON.stringify(sizes) : tableOf(sizes));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main().catch((error) => {
    console.error(`firmware: ${error.message}`);
    process.exitCode = 1;
  });
}
