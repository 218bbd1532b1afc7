// Compiles an application module, without optimising and with the export `staticEnd`: what build.ts does
// after it needs both. A process of its own, because the compiler is an ES module.
// usage: node tools/application/compile.mjs JOB      JSON, see `compileApplication`

import path from "node:path";
import { pathToFileURL } from "node:url";

import { libraryFiles } from "assemblyscript/asc";

import { compile, projectRoot } from "../asc.mjs";
import { resolveInterface } from "./specifier.mjs";

const ENTRY = "assembly/bridge/entry.ts";
/** The port of the application interface to the core, and what stands in its place. */
const PORT = path.normalize("assembly/app/core.ts");
const BRIDGE = 'export * from "../bridge/core";\n';
/** In place of the compiler's runtime `minimal`: as that, without a shadow stack. */
const RUNTIME = 'import "../../assembly/bridge/runtime";\n';
/** Address after the last static byte; build.ts asks for it and then takes the export away. */
const STATIC_END = "\nexport function staticEnd(): usize { return __heap_base; }\n";

/** Where an application from outside the project seems to be: the compiler wants all below one folder. */
const OUTSIDE = "application";

/** @param {string} file relative to the project's root @param {string} text */
function substitute(file, text) {
  if (file === PORT) return BRIDGE;
  if (file === path.normalize(ENTRY)) return text + STATIC_END;
  return resolveInterface(posix(file), text);
}

const posix = (file) => file.split(path.sep).join("/");

/** The compiler's name of an entry file, and where files of such names are. */
function placesOf(entry) {
  const inside = path.relative(projectRoot, entry);
  const locate = (file) => path.resolve(projectRoot, file);
  if (!inside.startsWith("..") && !path.isAbsolute(inside)) return { file: posix(inside), locate };
  const folder = path.dirname(entry);
  return {
    file: `${OUTSIDE}/${path.basename(entry)}`,
    locate: (file) =>
      posix(file).startsWith(`${OUTSIDE}/`)
        ? path.join(folder, file.slice(OUTSIDE.length + 1))
        : locate(file),
  };
}

/**
 * @param {object} job
 * @param {string} job.entry the application's source file; it exports `setup` and `loop`, and imports
 *   only files of its folder
 * @param {string} job.outFile
 * @param {string} job.runtime `small` for ours, or one of the AssemblyScript compiler
 * @param {number} job.pages most linear memory, in pages of 64 KiB
 * @param {number} [job.memory] bytes of it, where there is less than a page
 * @throws {Error} the compiler's messages
 */
export async function compileApplication({ entry, outFile, runtime, pages, memory }) {
  if (runtime === "small") libraryFiles["rt/index-minimal"] = RUNTIME;
  const name = runtime === "small" ? "minimal" : runtime;
  const options = ["--runtime", name, "--maximumMemory", String(pages), "--use", "abort="];
  options.push("--optimizeLevel", "0", "--shrinkLevel", "2", "--debug");
  options.push("--exportStart", "app_start", "--memoryBase", "8");
  if (memory !== undefined) options.push("--lowMemoryLimit", String(memory));
  const { file, locate } = placesOf(path.resolve(entry));
  const entries = [ENTRY, file];
  await compile({ entries, outFile: path.resolve(outFile), options, substitute, locate });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  compileApplication(JSON.parse(process.argv[2])).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
