// The examples do what their READMEs show: the last block of each is the output of this run.

import { readFileSync } from "node:fs";
import path from "node:path";

import { EXAMPLES, runExample } from "../support/example-runs";
import { projectRoot } from "../support/fixture";

/** The last block of a page that is marked as text. */
function shownOutput(page: string): string[] {
  const blocks = [...page.matchAll(/^```text\n([^]*?)^```$/gm)];
  return blocks.at(-1)![1].trimEnd().split("\n");
}

test("R35: six samples of the logger are one event", async () => {
  const lines = await runExample("logger");
  const batches = lines.filter((line) => line.startsWith("cloud: event level "));
  expect(batches.length).toBeGreaterThan(2);
  for (const line of batches) {
    expect(JSON.parse(line.slice("cloud: event level ".length))).toHaveLength(6);
  }
});

test.each(EXAMPLES)("examples/%s", async (example) => {
  const file = path.join(projectRoot, "examples", example, "README.md");
  expect(await runExample(example)).toEqual(shownOutput(readFileSync(file, "utf8")));
});
