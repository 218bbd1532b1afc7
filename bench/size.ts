// Size of the core: bytes of the module, its static RAM, and how many ways it has to allocate.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

import type { Result } from "./table";

const root = path.resolve(__dirname, "..");

/** Modules of the core by row. */
const FILES = {
  core: "boson",
  standard: "boson-standard",
  tcp: "boson-tcp",
  api: "boson-api",
  "native-crypto": "boson-native-crypto",
};

/** Places in the module's text that can allocate: memory growth, and the managed runtime. */
function countAllocations(text: string): number {
  return [...text.matchAll(/\bmemory\.grow\b|\$~lib\/rt\/[^\s)]+/g)].length;
}

export async function run(): Promise<Result> {
  const script = path.join(root, "tools/build.mjs");
  execFileSync(process.execPath, [script], { stdio: ["ignore", "ignore", "inherit"] });
  const figures = JSON.parse(readFileSync(path.join(root, "build/boson.json"), "utf8")) as Record<
    string,
    { wasm: number; staticRam: number }
  >;
  const rows = Object.entries(FILES).map(([id, file]) => {
    const text = readFileSync(path.join(root, `build/${file}.wat`), "utf8");
    return { id, ...figures[id], allocations: countAllocations(text) };
  });
  return {
    rows,
    notes: [
      "core: the `particle` profile; standard: both profiles and CoAP requests; tcp: core and TCP",
      "api: core with the publish queue, the meter and what stands on them",
      "native-crypto: the core, which asks its host for crypto first",
      "wasm, staticRam: bytes",
      "allocations: memory.grow instructions and ~lib/rt symbols in the module",
    ],
  };
}
