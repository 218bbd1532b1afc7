// What a README shows as the output of a run.

import { readFileSync } from "node:fs";
import path from "node:path";

import { projectRoot } from "./fixture";

/** The lines of the last block of an example's README that is marked as text. */
export function shownOutput(example: string): string[] {
  const page = readFileSync(path.join(projectRoot, "examples", example, "README.md"), "utf8");
  const blocks = [...page.matchAll(/^```text\n([^]*?)^```$/gm)];
  return blocks.at(-1)![1].trimEnd().split("\n");
}
