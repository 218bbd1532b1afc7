// The examples do what their READMEs show: the last block of each is the output of this run.

import { EXAMPLES, runExample } from "../support/example-runs";
import { shownOutput } from "../support/shown-output";

test("R35: six samples of the logger are one event", async () => {
  const lines = await runExample("logger");
  const batches = lines.filter((line) => line.startsWith("cloud: event level "));
  expect(batches.length).toBeGreaterThan(2);
  for (const line of batches) {
    expect(JSON.parse(line.slice("cloud: event level ".length))).toHaveLength(6);
  }
});

test.each(EXAMPLES)("examples/%s", async (example) => {
  expect(await runExample(example)).toEqual(shownOutput(example));
});
