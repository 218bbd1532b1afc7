// Checks boards/BOARD/board.json, field by field, and that what is generated from it is up to date.
// usage: node tools/check/boards.mjs [ROOT]

import { boardNames, staleFiles } from "../boards.mjs";
import { runAlone } from "./report.mjs";

/** @param {string} root @returns {import("./report.mjs").Result} */
export function check(root) {
  return { figure: `${boardNames(root).length} boards`, problems: staleFiles(root) };
}

await runAlone(import.meta.url, "boards", check);
