// Builds the examples as application modules and prints their figures, one JSON object by name: for
// tools/check/applications.mjs.

import { readFileSync } from "node:fs";
import path from "node:path";

import { buildApplicationModule } from "./build";
import { makeUpdateKey, signApplication } from "./sign";

const ROOT = path.resolve(__dirname, "../..");
const EXAMPLES = ["sensor", "led", "logger", "tracker"];
/** Names of functions and variables as the compiler has them, before the optimiser. */
const NAME = /assembly\/([a-z-]+)\//g;
/** What an application module is made of; util holds arithmetic on clocks and bytes. */
const OWN = ["app", "bridge", "util"];

interface Figures {
  /** Bytes of the signed file for two boards. */
  image: number;
  staticRam: number;
  /** Folders of the core that something came from. */
  foreign: string[];
}

async function measure(name: string): Promise<Figures> {
  const cache = path.join(ROOT, "build/application-sizes", name);
  const source = path.join(ROOT, "examples", name, "main.ts");
  const { module, figures } = await buildApplicationModule(source, { cache });
  const image = signApplication(module, makeUpdateKey(), { version: 1, boards: [12, 13] });
  const compiled = readFileSync(path.join(cache, `compiled-${figures.runtime}.wasm`), "latin1");
  const folders = new Set([...compiled.matchAll(NAME)].map(([, folder]) => folder));
  if (!folders.has("bridge")) throw new Error(`${name}: no names in the compiled module`);
  return {
    image: image.length,
    staticRam: figures.staticRam,
    foreign: [...folders].filter((folder) => !OWN.includes(folder)),
  };
}

async function main(): Promise<void> {
  const measured: Record<string, Figures> = {};
  for (const name of EXAMPLES) measured[name] = await measure(name);
  console.log(JSON.stringify(measured));
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
