// Generates what follows from boards/BOARD/board.json: board.h, board.ts and project.properties
// beside it, and the table of boards in README.md and boards/README.md. A board is a folder with a
// board.json; no list of boards is kept anywhere.
// usage: node tools/boards.mjs [--check] [--root FOLDER]

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";

import { projectRoot } from "./asc.mjs";
import { headerOf, moduleOf, propertiesOf } from "./boards/files.mjs";
import { insertMatrix, matrixOf } from "./boards/matrix.mjs";
import { problemsOf } from "./boards/schema.mjs";

const READMES = ["README.md", "boards/README.md"];

/**
 * Names of the boards: the folders of boards/ that hold a board.json.
 * @param {string} [root] @returns {string[]} sorted
 */
export function boardNames(root = projectRoot) {
  const folder = path.join(root, "boards");
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const names = entries.map((entry) => entry.name).sort();
  return names.filter((name) => existsSync(path.join(folder, name, "board.json")));
}

/**
 * Read and check one board.
 * @param {string} name of its folder @param {string} [root]
 * @returns {object} content of its board.json
 * @throws {Error} with a line for each problem
 */
export function readBoard(name, root = projectRoot) {
  const file = `boards/${name}/board.json`;
  if (!existsSync(path.join(root, file))) {
    throw new Error(`no board "${name}"; there are ${boardNames(root).join(", ")}`);
  }
  const problems = problemsIn(file, root);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return parse(file, root);
}

const parse = (file, root) => JSON.parse(readFileSync(path.join(root, file), "utf8"));

function problemsIn(file, root) {
  let board;
  try {
    board = parse(file, root);
  } catch (error) {
    return [`${file}: ${error.message}`];
  }
  return [...problemsOf(board), ...limitProblems(board, root)].map((line) => `${file}: ${line}`);
}

/** A limit of a board is at most the core's own. */
function limitProblems({ limits }, root) {
  const config = path.join(root, "assembly/config.ts");
  if (!limits || !existsSync(config)) return [];
  const source = readFileSync(config, "utf8");
  const most = (name) => Number(new RegExp(`export const ${name}: i32 = (\\d+);`).exec(source)[1]);
  const data = most("MAX_DATA_LENGTH");
  const allowed = { eventName: most("MAX_NAME_LENGTH"), eventData: data, functionArgument: data };
  return Object.entries({ ...allowed, variableValue: data })
    .filter(([name, bytes]) => limits[name] > bytes)
    .map(([name, bytes]) => `limits.${name}: the core takes ${bytes}`);
}

/**
 * Everything that is generated.
 * @param {string} [root]
 * @returns {{files: Map<string, string>, problems: string[]}} content by path relative to root
 */
export function generate(root = projectRoot) {
  const names = boardNames(root);
  const problems = names.flatMap((name) => problemsIn(`boards/${name}/board.json`, root));
  if (names.length === 0) problems.push("boards: no board.json found");
  const files = new Map();
  if (problems.length > 0) return { files, problems };
  const boards = names.map((name) => ({ id: name, ...readBoard(name, root) }));
  for (const board of boards) {
    files.set(`boards/${board.id}/board.h`, headerOf(board));
    files.set(`boards/${board.id}/board.ts`, moduleOf(board));
    files.set(`boards/${board.id}/project.properties`, propertiesOf(board));
  }
  const table = matrixOf(boards);
  for (const file of READMES.filter((name) => existsSync(path.join(root, name)))) {
    const text = insertMatrix(readFileSync(path.join(root, file), "utf8"), table);
    if (text === null) problems.push(`${file}: has no markers for the table of boards`);
    else files.set(file, text);
  }
  return { files, problems };
}

/**
 * Files that are not what board.json says, or are missing.
 * @param {string} [root] @returns {string[]} one line each
 */
export function staleFiles(root = projectRoot) {
  const { files, problems } = generate(root);
  const current = (file) =>
    existsSync(path.join(root, file)) ? readFileSync(path.join(root, file), "utf8") : null;
  const stale = [...files].filter(([file, text]) => current(file) !== text);
  return [
    ...problems,
    ...stale.map(([file]) => `${file}: is not up to date: node tools/boards.mjs`),
  ];
}

function main() {
  const { values } = parseArgs({
    options: { check: { type: "boolean", default: false }, root: { type: "string" } },
  });
  const root = path.resolve(values.root ?? projectRoot);
  const { files, problems } = generate(root);
  const lines = values.check ? staleFiles(root) : problems;
  if (!values.check && problems.length === 0) {
    for (const [file, text] of files) writeFileSync(path.join(root, file), text);
  }
  for (const line of lines) console.error(line);
  if (lines.length > 0) process.exitCode = 1;
  else console.log(`boards: ${boardNames(root).join(", ")}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
