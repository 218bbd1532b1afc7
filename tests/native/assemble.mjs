// Assembles modules for tests: reads a JSON object of texts from stdin, writes NAME.wasm of each into
// the folder that is given. A process of its own, because binaryen is an ES module.

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import binaryen from "binaryen";

const [folder] = process.argv.slice(2);
for (const [name, text] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  let module;
  try {
    module = binaryen.parseText(text);
  } catch (error) {
    throw new Error(`${name}: ${error.message ?? error}`);
  }
  module.setFeatures(binaryen.Features.All);
  writeFileSync(path.join(folder, `${name}.wasm`), module.emitBinary());
  module.dispose();
}
