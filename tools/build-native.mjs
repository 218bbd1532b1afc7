// Builds the native programs with the C compiler that is there: WASM3, its binding, the posix HAL.
// usage: node tools/build-native.mjs [--program NAME] [--crypto none|mbedtls] [--sanitize] [--probe]
//   prints the program's path; --probe only tells, by its exit code, whether it could be built
//   --crypto  what native crypto a program with the binding has; Mbed TLS unless given, if it is there

import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";

import { projectRoot } from "./asc.mjs";
import { bindingSources } from "./binding-sources.mjs";
import { CCompiler, filesOf } from "./compile-c.mjs";
import { NATIVE_CRYPTO, hasMbedtls } from "./native-crypto.mjs";
import { canGetWasm3, wasm3SourceDir } from "./setup-wasm3.mjs";

/** What is in each program beside WASM3 and native crypto, by folder or file. */
const BINDING = [
  ...bindingSources(".c").filter((file) => !NATIVE_CRYPTO.none.sources.includes(file)),
  "bindings/wasm3/boson_heap.c",
];
const POSIX = ["hal/posix/hal_posix.c", "hal/posix/hal_images.c", "hal/files/image_files.c"];

export const PROGRAMS = {
  "boson-run": { sources: [...BINDING, ...POSIX, "bindings/wasm3/boson_run.c"], wasm3: true },
  firmware: { sources: [...BINDING, ...POSIX, "examples/firmware/main.c"], wasm3: true },
  "crypto-process": {
    sources: [
      "bindings/wasm3/boson_crypto_imports.c",
      "bindings/wasm3/boson_heap.c",
      "bindings/wasm3/boson_imports.c",
      ...POSIX,
      "tests/native/crypto_process.c",
    ],
    wasm3: true,
    // What it counts or lets fail.
    wrap: [
      "boson_crypto_p256_public_key",
      "boson_crypto_p256_validate",
      "boson_crypto_p256_ecdh",
      "boson_crypto_p256_verify",
      "boson_crypto_sha256_compress",
      "boson_crypto_ccm_seal",
      "boson_crypto_ccm_open",
      "hal_random",
    ],
  },
  internet: {
    sources: ["bindings/wasm3/boson_internet.c", "tests/native/internet.c"],
    wasm3: false,
  },
  hostile: { sources: [...BINDING, ...POSIX, "tests/native/hostile.c"], wasm3: true },
  application: { sources: [...BINDING, ...POSIX, "tests/native/application.c"], wasm3: true },
  conformance: {
    sources: [
      ...POSIX,
      "tests/hal/conformance.c",
      "tests/hal/conformance_images.c",
      "tests/hal/posix.c",
    ],
    wasm3: false,
  },
  slots: { sources: ["hal/device-os/slots.c", "tests/hal/slot_cuts.c"], wasm3: false },
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
export function whyNot(program, crypto) {
  if (process.platform !== "linux") return "the posix HAL is for Linux";
  if (!compilerPath()) return "no C compiler (gcc or clang)";
  if (PROGRAMS[program].wasm3 && !canGetWasm3()) return "no WASM3 source (cargo gets it)";
  if (crypto === "mbedtls" && !hasMbedtls(compilerPath())) {
    return `no Mbed TLS; ${NATIVE_CRYPTO.mbedtls.install}`;
  }
  return null;
}

/**
 * Build a program; what has not changed is not compiled again.
 * @param {keyof PROGRAMS} program
 * @param {object} [options]
 * @param {boolean} [options.sanitize] with AddressSanitizer and UndefinedBehaviorSanitizer
 * @param {"none" | "mbedtls"} [options.crypto] its name goes into the program's; unless given, what is
 *   there
 * @returns {Promise<string>} path of the program
 * @throws {Error} the compiler's messages
 */
export async function buildNative(program, { sanitize = false, crypto } = {}) {
  const reason = whyNot(program, crypto);
  if (reason) throw new Error(reason);
  const variant = sanitize ? "sanitize" : "plain";
  const folder = path.join(projectRoot, "build/native", variant);
  const compiler = new CCompiler(compilerPath());
  const { sources, libraries } = PROGRAMS[program].wasm3
    ? NATIVE_CRYPTO[crypto ?? (hasMbedtls(compiler.command) ? "mbedtls" : "none")]
    : { sources: [], libraries: [] };
  const { link } = VARIANTS[variant];
  const units = unitsOf(program, sources, VARIANTS[variant]);
  const objects = await compiler.compile(units, path.join(folder, "objects"));
  const name = crypto ? `${program}-${crypto}` : program;
  const file = path.join(sanitize ? folder : path.join(projectRoot, "build/native"), name);
  const wrap = PROGRAMS[program].wrap?.map((symbol) => `-Wl,--wrap=${symbol}`) ?? [];
  await compiler.link(objects, file, [...link, ...wrap], {
    libraries: [...libraries, "-lm", "-lpthread"],
  });
  return file;
}

/** The C files of a program, with the options of each. */
function unitsOf(program, cryptoSources, { own, wasm3 }) {
  const { wasm3: hasWasm3 } = PROGRAMS[program];
  const sources = [...PROGRAMS[program].sources, ...cryptoSources];
  const common = ["-std=c11", "-ffunction-sections", "-fdata-sections"];
  const source = hasWasm3 ? wasm3SourceDir() : null;
  const include = source ? ["-isystem", source, "-DBOSON_HEAP", "-DBOSON_APPLICATIONS=1"] : [];
  const headers = [
    ...filesOf(path.join(projectRoot, "hal"), ".h"),
    ...filesOf(path.join(projectRoot, "hal/files"), ".h"),
    ...filesOf(path.join(projectRoot, "hal/posix"), ".h"),
    ...filesOf(path.join(projectRoot, "hal/device-os"), ".h"),
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

async function main() {
  const { values } = parseArgs({
    options: {
      program: { type: "string", default: "boson-run" },
      crypto: { type: "string" },
      sanitize: { type: "boolean", default: false },
      probe: { type: "boolean", default: false },
    },
  });
  const { program, crypto, sanitize, probe } = values;
  if (!PROGRAMS[program]) throw new Error(`no program "${program}"`);
  if (crypto && !NATIVE_CRYPTO[crypto]) throw new Error(`no native crypto "${crypto}"`);
  const reason = whyNot(program, crypto);
  if (reason) throw new Error(reason);
  if (!probe) console.log(await buildNative(program, { sanitize, crypto }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main().catch((error) => {
    console.error(`build-native: ${error.message}`);
    process.exitCode = 1;
  });
}
