// Builds an application module from its source: compiler, optimiser, meter. What comes out is not signed.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { capabilitiesOf } from "./bridge";
import { meterModule } from "./meter";
import { withStartIn } from "./start";
import {
  ModuleError,
  SectionId,
  encodeModule,
  exportNamesOf,
  leb128,
  sectionsOf,
  withoutExport,
} from "./wasm-reader";
import type { Section } from "./wasm-reader";

const run = promisify(execFile);

/**
 * `small` is ours (assembly/bridge/runtime.ts); the others are the compiler's. `stub` never frees,
 * `minimal` collects between two calls as `small` does, `incremental` within them, too.
 */
export const RUNTIMES = ["small", "stub", "minimal", "incremental"] as const;
export type Runtime = (typeof RUNTIMES)[number];

const PAGE = 65536;
/** What an application's own file must export. */
const REQUIRED = ["setup", "loop"];
/** Custom section that tells `boson sign` what the build knows; it is not signed and does not go out. */
const BUILD_SECTION = "wboson build";

export interface BuildOptions {
  runtime?: Runtime;
  /** Linear memory that the application gets, bytes; default: a page. */
  memory?: number;
  /** Folder for intermediate files, which later builds use again. */
  cache?: string;
  /** Take imports, too, that no host gives to an application. */
  isUnchecked?: boolean;
}

/** What a build knows of a module. */
export interface BuildFigures {
  runtime: Runtime;
  /** Bytes of the module. */
  wasm: number;
  /** Bytes of linear memory that are taken before the first object. */
  staticRam: number;
  /** Bytes of linear memory. */
  memory: number;
  /** Calls of fuel. */
  meteringCalls: number;
  /** Capability bits. */
  capabilities: number;
}

/** The compiler's messages, in the words of the compiler. */
export class CompileError extends Error {
  override name = "CompileError";
}

async function compile(job: Record<string, unknown>): Promise<void> {
  const script = path.join(__dirname, "compile.mjs");
  try {
    await run(process.execPath, [script, JSON.stringify(job)], { maxBuffer: 1 << 26 });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new CompileError((stderr || message).trim());
  }
}

/** Passes of wasm-opt. Small beats fast: each byte goes over the air, and into RAM where it runs. */
const OPTIMISER = [
  ...[
    "mutable-globals",
    "sign-ext",
    "nontrapping-float-to-int",
    "bulk-memory",
    "bulk-memory-opt",
  ].map((feature) => `--enable-${feature}`),
  ...["-Oz", "--converge"],
];

async function optimise(module: Uint8Array, folder: string): Promise<Buffer> {
  const tool = path.join(path.dirname(require.resolve("binaryen/package.json")), "bin/wasm-opt");
  const [from, to] = ["stripped.wasm", "optimised.wasm"].map((name) => path.join(folder, name));
  const isDone = [from, to].every((file) => existsSync(file)) && readFileSync(from).equals(module);
  if (isDone) return readFileSync(to);
  rmSync(to, { force: true });
  writeFileSync(from, module);
  await run(process.execPath, [tool, from, ...OPTIMISER, "-o", to]);
  return readFileSync(to);
}

/** Address after the last static byte: asked of the module, with imports that nothing calls. */
function staticEnd(module: Uint8Array): number {
  const compiled = new WebAssembly.Module(Uint8Array.from(module));
  const imports: Record<string, Record<string, () => number>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(compiled)) {
    imports[from] = { ...imports[from], [name]: () => 0 };
  }
  const { exports } = new WebAssembly.Instance(compiled, imports);
  return (exports.staticEnd as () => number)();
}

function checkExports(sections: readonly Section[], entry: string): void {
  const names = exportNamesOf(sections);
  const missing = REQUIRED.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new CompileError(`${entry}: export function ${missing.join("() and ")}() is missing`);
  }
}

async function compileRaw(
  entry: string,
  folder: string,
  runtime: Runtime,
  memory: number,
): Promise<Buffer> {
  const outFile = path.join(folder, `compiled-${runtime}.wasm`);
  const pages = Math.ceil(memory / PAGE);
  const low = memory < PAGE ? { memory } : {};
  await compile({ entry, outFile, runtime, pages, ...low });
  return readFileSync(outFile);
}

/**
 * Build an application module.
 * @param entry source file
 * @returns the module, metered and unsigned, and its figures
 * @throws CompileError; ModuleError for what no application may have
 */
export async function buildApplicationModule(
  entry: string,
  options: BuildOptions = {},
): Promise<{ module: Buffer; figures: BuildFigures }> {
  const { cache, memory = PAGE, runtime = "small" } = options;
  const folder = cache ?? mkdtempSync(path.join(tmpdir(), "wboson-build-"));
  mkdirSync(folder, { recursive: true });
  try {
    const raw = await compileRaw(path.resolve(entry), folder, runtime, memory);
    const sections = sectionsOf(raw);
    checkExports(sections, entry);
    const staticRam = staticEnd(raw);
    if (staticRam > memory) {
      throw new CompileError(`${entry}: ${staticRam} bytes of static data in ${memory} of memory`);
    }
    const started = withStartIn(withoutExport(sections, "staticEnd"), "app_clock", "app_start");
    const small = await optimise(encodeModule(started), folder);
    const { module, calls } = meterModule(small);
    if (!WebAssembly.validate(Uint8Array.from(module))) {
      throw new ModuleError("the metered module is not valid");
    }
    const figures: BuildFigures = {
      runtime,
      wasm: module.length,
      staticRam,
      memory,
      meteringCalls: calls,
      capabilities: options.isUnchecked ? 0 : capabilitiesOf(sectionsOf(module)),
    };
    return { module: withFigures(module, figures), figures };
  } finally {
    if (cache === undefined) rmSync(folder, { recursive: true });
  }
}

function withFigures(module: Buffer, figures: BuildFigures): Buffer {
  const name = Buffer.from(BUILD_SECTION);
  const text = Buffer.from(JSON.stringify(figures));
  const content = Buffer.concat([leb128(name.length), name, text]);
  return encodeModule([...sectionsOf(module), { id: SectionId.Custom, content }]);
}

/** What `boson build` wrote into a module; undefined for one from elsewhere. */
export function figuresOf(module: Uint8Array): BuildFigures | undefined {
  const mark = Buffer.concat([leb128(BUILD_SECTION.length), Buffer.from(BUILD_SECTION)]);
  const section = sectionsOf(module).find(
    ({ id, content }) => id === SectionId.Custom && mark.equals(content.subarray(0, mark.length)),
  );
  if (!section) return undefined;
  return JSON.parse(Buffer.from(section.content.subarray(mark.length)).toString()) as BuildFigures;
}
