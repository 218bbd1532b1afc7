// Compiles an application module, without optimising and with the export `staticEnd`: what build.ts does
// after it needs both. A process of its own, because the compiler is an ES module.
// usage: node tools/application/compile.mjs JOB      JSON, see `compileApplication`

import path from "node:path";
import { pathToFileURL } from "node:url";

import { compile, projectRoot } from "../asc.mjs";

const ENTRY = "assembly/bridge/entry.ts";
/** The port of the application interface to the core, and what stands in its place. */
const PORT = path.normalize("assembly/app/core.ts");
const BRIDGE = 'export * from "../bridge/core";\n';
/** Address after the last static byte; build.ts asks for it and then takes the export away. */
const STATIC_END = "\nexport function staticEnd(): usize { return __heap_base; }\n";
/** `import ... from "wboson"`, and "wboson/board" for pins and buses. */
const SPECIFIER = /(\bfrom\s*["'])wboson(\/[\w-]+)?(["'])/g;

/** @param {string} file relative to the project's root @param {string} text */
function substitute(file, text) {
  if (file === PORT) return BRIDGE;
  if (file === path.normalize(ENTRY)) return text + STATIC_END;
  const app = path.relative(path.dirname(file), "assembly/app").split(path.sep).join("/");
  return text.replace(SPECIFIER, (_, from, rest = "", end) => `${from}${app}${rest}${end}`);
}

/**
 * @param {object} job
 * @param {string} job.entry the application's source file; it exports `setup` and `loop`
 * @param {string} job.outFile
 * @param {string} job.runtime of the AssemblyScript compiler
 * @param {number} job.pages most linear memory, in pages of 64 KiB
 * @param {number} [job.memory] bytes of it, where there is less than a page
 * @throws {Error} the compiler's messages
 */
export async function compileApplication({ entry, outFile, runtime, pages, memory }) {
  const options = ["--runtime", runtime, "--maximumMemory", String(pages), "--use", "abort="];
  options.push("--optimizeLevel", "0", "--shrinkLevel", "0", "--debug");
  options.push("--exportStart", "app_start", "--memoryBase", "8");
  if (memory !== undefined) options.push("--lowMemoryLimit", String(memory));
  const file = path.relative(projectRoot, path.resolve(entry)).split(path.sep).join("/");
  await compile({ entries: [ENTRY, file], outFile: path.resolve(outFile), options, substitute });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  compileApplication(JSON.parse(process.argv[2])).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
