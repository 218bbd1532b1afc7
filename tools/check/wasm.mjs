// Checks the built core: nothing that allocates, no start section, no floating point, exactly the
// imports of budget.json and the exports of abi.json, and its sizes.
// usage: node tools/check/wasm.mjs [ROOT]
//        node tools/check/wasm.mjs --accept    write the present exports to abi.json

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { projectRoot } from "../asc.mjs";
import { runAlone } from "./report.mjs";
import { readModule } from "./wasm-module.mjs";

const ABI = "tools/check/abi.json";
const BUDGET = "tools/check/budget.json";

/** What may not occur in the text of the module. */
const FORBIDDEN = [
  [/~lib\/rt/, "the managed runtime (~lib/rt) is linked: something allocates"],
  [/\bmemory\.grow\b/, "memory.grow: something allocates"],
  [/\bf(32|64)\.[a-z]/, "floating point"],
  [/\(start\b/, "a start section: a module variable is not a literal"],
];

/** Keys go in and never out: an export of such a name must be a setter. */
const KEY_NAME = /key|secret|psk/i;
const KEY_SETTER = /^(set|provision|store|erase|wipe)_/;

const json = (root, file) => JSON.parse(readFileSync(path.join(root, file), "utf8"));

/** Problems of two name-to-signature tables that must be the same. */
function differences(what, actual, expected) {
  const names = [...new Set([...Object.keys(actual), ...Object.keys(expected)])].sort();
  return names
    .filter((name) => actual[name] !== expected[name])
    .map((name) => {
      if (!(name in expected)) return `${what} ${name} ${actual[name]} is not in the list`;
      if (!(name in actual)) return `${what} ${name} is missing`;
      return `${what} ${name} is ${actual[name]}, the list says ${expected[name]}`;
    });
}

function exportProblems(exports, allowed) {
  const problems = differences("export", exports, allowed);
  if (problems.length > 0) problems.push(`meant so? node tools/check/wasm.mjs --accept (${ABI})`);
  for (const name of Object.keys(exports)) {
    if (KEY_NAME.test(name) && !KEY_SETTER.test(name))
      problems.push(`export ${name} may give a key away`);
  }
  return problems;
}

/** @param {string} root @returns {import("./report.mjs").Result} */
export function check(root) {
  const missing = ["boson.wasm", "boson.wat", "boson.json"].find(
    (name) => !existsSync(path.join(root, "build", name)),
  );
  if (missing) {
    return { figure: "nothing built", problems: [`build/${missing} is missing: npm run build`] };
  }
  const { core, imports: allowedImports } = json(root, BUDGET);
  const bytes = readFileSync(path.join(root, "build/boson.wasm"));
  const text = readFileSync(path.join(root, "build/boson.wat"), "utf8");
  const { staticRam } = json(root, "build/boson.json");
  const { hasStart, memories, imports, exports } = readModule(bytes);

  const problems = FORBIDDEN.filter(([pattern]) => pattern.test(text)).map(([, what]) => what);
  if (hasStart && !/\(start\b/.test(text)) problems.push("a start section");
  const names = (list) => Object.fromEntries(list.map((name) => [name, "import"]));
  problems.push(...differences("import", names(Object.keys(imports)), names(allowedImports)));
  problems.push(...exportProblems(exports, json(root, ABI).exports));
  for (const { maximum } of memories) {
    if (maximum === null || maximum > core.memoryPages) {
      problems.push(
        `memory may become ${maximum ?? "any number of"} pages, limit ${core.memoryPages}`,
      );
    }
  }
  if (bytes.length > core.wasm) problems.push(`wasm is ${bytes.length} bytes, limit ${core.wasm}`);
  if (!(staticRam <= core.staticRam)) {
    problems.push(`static RAM is ${staticRam} bytes, limit ${core.staticRam}`);
  }
  const counts = `${Object.keys(imports).length} imports, ${Object.keys(exports).length} exports`;
  return {
    figure: `wasm ${bytes.length}/${core.wasm} B, static RAM ${staticRam}/${core.staticRam} B, ${counts}`,
    problems,
  };
}

/** Make the exports of the present build the list that later builds must match. */
function accept(root) {
  const { exports } = readModule(readFileSync(path.join(root, "build/boson.wasm")));
  const sorted = Object.fromEntries(Object.entries(exports).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path.join(root, ABI), JSON.stringify({ exports: sorted }, null, 2) + "\n");
  console.log(`wasm: wrote ${Object.keys(sorted).length} exports to ${ABI}`);
}

if (process.argv[2] === "--accept") accept(projectRoot);
else await runAlone(import.meta.url, "wasm", check);
