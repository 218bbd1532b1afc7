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

/** Problems of one module of the core, and its figures as text. */
function checkModule(root, name, { file, wasm, staticRam, memoryPages, imports: allowed }) {
  const bytes = readFileSync(path.join(root, `build/${file}.wasm`));
  const text = readFileSync(path.join(root, `build/${file}.wat`), "utf8");
  const measured = json(root, "build/boson.json")[name];
  const { hasStart, memories, imports, exports } = readModule(bytes);

  const problems = FORBIDDEN.filter(([pattern]) => pattern.test(text)).map(([, what]) => what);
  if (hasStart && !/\(start\b/.test(text)) problems.push("a start section");
  const names = (list) => Object.fromEntries(list.map((item) => [item, "import"]));
  problems.push(...differences("import", names(Object.keys(imports)), names(allowed)));
  problems.push(...exportProblems(exports, json(root, ABI)[name] ?? {}));
  for (const { maximum } of memories) {
    if (maximum === null || maximum > memoryPages) {
      problems.push(`memory may become ${maximum ?? "any number of"} pages, limit ${memoryPages}`);
    }
  }
  if (bytes.length > wasm) problems.push(`wasm is ${bytes.length} bytes, limit ${wasm}`);
  if (!(measured?.staticRam <= staticRam)) {
    problems.push(`static RAM is ${measured?.staticRam} bytes, limit ${staticRam}`);
  }
  const counts = `${Object.keys(imports).length} imports, ${Object.keys(exports).length} exports`;
  return {
    figure: `${name}: wasm ${bytes.length}/${wasm} B, static RAM ${measured?.staticRam}/${staticRam} B, ${counts}`,
    problems: problems.map((problem) => `${name}: ${problem}`),
  };
}

/** @param {string} root @returns {import("./report.mjs").Result} */
export function check(root) {
  const budget = json(root, BUDGET);
  const files = Object.values(budget).flatMap(({ file }) => [`${file}.wasm`, `${file}.wat`]);
  const missing = [...files, "boson.json"].find(
    (name) => !existsSync(path.join(root, "build", name)),
  );
  if (missing) {
    return { figure: "nothing built", problems: [`build/${missing} is missing: npm run build`] };
  }
  const results = Object.entries(budget).map(([name, limits]) => checkModule(root, name, limits));
  return {
    figure: results.map(({ figure }) => figure).join("; "),
    problems: results.flatMap(({ problems }) => problems),
  };
}

/** Make the exports of the present build the list that later builds must match. */
function accept(root) {
  const lists = Object.entries(json(root, BUDGET)).map(([name, { file }]) => {
    const { exports } = readModule(readFileSync(path.join(root, `build/${file}.wasm`)));
    const sorted = Object.entries(exports).sort(([a], [b]) => (a < b ? -1 : 1));
    return [name, Object.fromEntries(sorted)];
  });
  writeFileSync(path.join(root, ABI), JSON.stringify(Object.fromEntries(lists), null, 2) + "\n");
  console.log(`wasm: wrote the exports of ${lists.length} modules to ${ABI}`);
}

if (process.argv[2] === "--accept") accept(projectRoot);
else await runAlone(import.meta.url, "wasm", check);
