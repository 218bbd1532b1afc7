// The core with a line of its sources changed: what a test must notice, or what it compares with.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { CORE_LAYOUT } from "./compile";
import { projectRoot } from "./fixture";

/** One change of a source file; `from` must stand in it exactly once. */
export interface Edit {
  /** From the root of the project. */
  file: string;
  from: string;
  to: string;
}

/** Runs in a process of its own: the compiler is an ES module. Its argument is the job as JSON. */
const SCRIPT = `
import { compile } from "./tools/asc.mjs";
const { edits, ...job } = JSON.parse(process.argv[1]);
const used = new Set();
const substitute = (file, text) => {
  for (const edit of edits.filter((edit) => edit.file === file)) {
    if (text.split(edit.from).length !== 2) throw new Error(edit.file + ": " + edit.from);
    text = text.replace(edit.from, () => edit.to);
    used.add(edit);
  }
  return text;
};
await compile({ ...job, substitute });
if (used.size !== edits.length) throw new Error("an edit was not used");
`;

/** What is compiled; the plain core unless said. */
export interface VariantTarget {
  entry: string;
  options: readonly string[];
}

const CORE: VariantTarget = { entry: "assembly/index.ts", options: CORE_LAYOUT };

/** Compile the core with these changes. @throws Error when one does not fit its file any more */
export function compileVariant(
  edits: readonly Edit[],
  { entry, options }: VariantTarget = CORE,
): WebAssembly.Module {
  const folder = mkdtempSync(path.join(projectRoot, "build", "test-"));
  const file = path.join(folder, "module.wasm");
  try {
    const outFile = path.relative(projectRoot, file);
    const job = { entries: [entry], outFile, options, edits };
    const parameters = ["--input-type=module", "--eval", SCRIPT, JSON.stringify(job)];
    const stdio: ["ignore", "inherit", "inherit"] = ["ignore", "inherit", "inherit"];
    execFileSync(process.execPath, parameters, { cwd: projectRoot, stdio });
    return new WebAssembly.Module(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
