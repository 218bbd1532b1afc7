// Builds the core, and applications together with the core.
// usage: node tools/build.mjs [--root FOLDER]                   the modules of VARIANTS, to build/
//        node tools/build.mjs --application FILE --out FILE [--runtime NAME] [--tcp]
//             [--native-crypto]

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";

import { resolveInterface } from "./application/specifier.mjs";
import { compile, projectRoot } from "./asc.mjs";

const APPLICATION_ENTRY = "assembly/app/entry.ts";
/** Beside it in applications that may use TCP. */
const TCP_ENTRY = "assembly/app/tcp.ts";

/** Appended to the core in a variant that is built only to learn where its static data ends. */
const STATIC_END = "\nexport function staticEnd(): usize { return __heap_base; }\n";

/** The modules of the core: a target of asconfig.json each. */
const VARIANTS = [
  { target: "core", entry: "assembly/index.ts", define: [] },
  { target: "standard", entry: "assembly/standard.ts", define: ["--use", "WBOSON_STANDARD=1"] },
  { target: "tcp", entry: "assembly/tcp.ts", define: ["--use", "WBOSON_TCP=1"] },
  { target: "api", entry: "assembly/api.ts", define: ["--use", "WBOSON_QUEUE=1"] },
  {
    target: "ota",
    entry: "assembly/ota.ts",
    define: ["--use", "WBOSON_QUEUE=1", "--use", "WBOSON_OTA=1"],
  },
  {
    target: "ota-tcp",
    entry: "assembly/ota-tcp.ts",
    define: ["--use", "WBOSON_QUEUE=1", "--use", "WBOSON_OTA=1", "--use", "WBOSON_TCP=1"],
  },
  {
    target: "native-crypto",
    entry: "assembly/index.ts",
    define: ["--use", "WBOSON_NATIVE_CRYPTO=1"],
  },
];

/**
 * Build a module of the core.
 * @returns {Promise<{fresh: boolean, wasm: number, staticRam: number}>} whether it was compiled,
 *   and its figures in bytes
 */
async function buildVariant(root, { target, entry, define }) {
  const { outFile, lowMemoryLimit } = readTarget(root, target);
  const options = ["--target", target];
  const fresh = await compile({ entries: [entry], outFile, options, shrink: true, root });
  const measure = `build/measure/${target}.wasm`;
  // Data starts at another address when lowMemoryLimit is not given, so it is given here, too.
  const plain = ["--optimizeLevel", "0", "--shrinkLevel", "0"];
  await compile({
    entries: [entry],
    outFile: measure,
    options: [...plain, "--lowMemoryLimit", String(lowMemoryLimit), ...define],
    substitute: (file, text) => (file === path.normalize(entry) ? text + STATIC_END : text),
    root,
  });
  const wasm = statSync(path.join(root, outFile)).size;
  return { fresh, wasm, staticRam: staticEnd(path.join(root, measure)) };
}

/**
 * Build the modules of the core and write their figures, in bytes, to build/boson.json.
 * @param {string} [root]
 * @returns {Promise<Record<string, {fresh: boolean, wasm: number, staticRam: number}>>} by target
 */
export async function buildCore(root = projectRoot) {
  const built = {};
  for (const variant of VARIANTS) {
    if (!existsSync(path.join(root, variant.entry))) continue;
    built[variant.target] = await buildVariant(root, variant);
  }
  const figures = Object.entries(built).map(([name, { wasm, staticRam }]) => [
    name,
    { wasm, staticRam },
  ]);
  writeFileSync(
    path.join(root, "build/boson.json"),
    JSON.stringify(Object.fromEntries(figures)) + "\n",
  );
  return built;
}

/**
 * Compile an application together with the core into one module.
 * @param {string[]} entryFiles the application's source files; their exports become exports
 * @param {string} outFile wasm file to write
 * @param {object} [options]
 * @param {"stub" | "minimal" | "incremental"} [options.runtime] `stub` never frees; `minimal`
 *   collects when the host calls `__collect`, `incremental` by itself. Only strings and objects
 *   of the application need one of the latter two.
 * @param {boolean} [options.tcp] whether the module has TCP beside UDP; the host chooses
 * @param {number} [options.pages] most linear memory, in pages of 64 KiB
 * @param {number} [options.memory] bytes of it, where the host gives less than a page
 * @param {boolean} [options.nativeCrypto] asks the host for crypto first
 * @returns {Promise<{fresh: boolean, wasm: number}>}
 */
export async function buildApplication(
  entryFiles,
  outFile,
  { runtime = "stub", pages = 1, memory, tcp = false, nativeCrypto = false } = {},
) {
  const options = ["--runtime", runtime, "--maximumMemory", String(pages)];
  options.push("--use", "abort=", "--use", "WBOSON_QUEUE=1");
  options.push("--textFile", outFile.replace(/\.wasm$/, ".wat"));
  // The runtimes that collect then end their heap there, not at the end of the page.
  if (memory !== undefined) options.push("--lowMemoryLimit", String(memory));
  if (runtime === "minimal") options.push("--exportRuntime");
  const defined = [
    ...(tcp ? ["WBOSON_TCP=1"] : []),
    ...(nativeCrypto ? ["WBOSON_NATIVE_CRYPTO=1"] : []),
  ];
  // What is given here takes the place of what asconfig.json has.
  if (defined.length > 0)
    options.push(...["abort=", ...defined].flatMap((name) => ["--use", name]));
  const entries = [APPLICATION_ENTRY, ...(tcp ? [TCP_ENTRY] : []), ...entryFiles];
  const substitute = (file, text) => resolveInterface(file.split(path.sep).join("/"), text);
  const fresh = await compile({ entries, outFile, options, substitute });
  return { fresh, wasm: statSync(path.resolve(projectRoot, outFile)).size };
}

function readTarget(root, name) {
  return JSON.parse(readFileSync(path.join(root, "asconfig.json"), "utf8")).targets[name];
}

/** Address after the last static byte. The module is asked, with imports that nothing calls. */
function staticEnd(file) {
  const module = new WebAssembly.Module(readFileSync(file));
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] = { ...imports[from], [name]: () => 0 };
  }
  return new WebAssembly.Instance(module, imports).exports.staticEnd();
}

async function main() {
  const { values } = parseArgs({
    options: {
      application: { type: "string", multiple: true },
      out: { type: "string" },
      runtime: { type: "string" },
      tcp: { type: "boolean" },
      "native-crypto": { type: "boolean" },
      root: { type: "string" },
    },
  });
  const { application, out, runtime, tcp, root, "native-crypto": nativeCrypto } = values;
  if (application) {
    if (!out) throw new Error("--application needs --out");
    const { fresh, wasm } = await buildApplication(application, out, {
      runtime,
      tcp,
      nativeCrypto,
    });
    console.log(`build: ${out} ${wasm} bytes${fresh ? "" : ", up to date"}`);
  } else {
    const built = await buildCore(root && path.resolve(root));
    for (const [name, { fresh, wasm, staticRam }] of Object.entries(built)) {
      const note = fresh ? "" : ", up to date";
      console.log(`build: ${name} ${wasm} bytes, static RAM ${staticRam} bytes${note}`);
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main().catch((error) => {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  });
}
