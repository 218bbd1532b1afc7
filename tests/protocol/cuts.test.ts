// The power fails inside writes: some of the campaign of tests/soak/cuts.ts, and proof that it finds
// what it looks for.

import { runCuts } from "../soak/cuts";
import { SESSION_MUTANTS } from "../support/session-mutants";
import { compileVariant } from "../support/variant";

test("60 lives with 240 cuts: nothing used twice, nothing believed, nothing lost", () => {
  const figures = runCuts(60, 1);
  expect(figures.problems).toEqual([]);
  expect(figures).toMatchObject({ cuts: 240, places: 240, missed: 0 });
  expect(figures.resumable).toBeGreaterThan(300);
  expect(figures.resumed / figures.resumable).toBeGreaterThanOrEqual(0.999);
  // The lives are worth something only if much happens in them.
  expect(figures.boots).toBeGreaterThan(500);
  expect(figures.replayed).toBeGreaterThan(20_000);
});

/** What kinds of problems there are, the part before the colon. */
const kinds = (problems: string[]): string[] => [
  ...new Set(problems.map((problem) => `${problem.split(":")[0]}: `)),
];

describe("the campaign notices", () => {
  test.each(["boot", "running"] as const)("storage that keeps the older blob: %s", (ignores) => {
    expect(kinds(runCuts(20, 1, { ignores }).problems)).toContain("record: ");
  });

  test.each(["reserves nothing under way", "believes the window of a stored session"])(
    "a core that %s",
    (name) => {
      const { edits, problem } = SESSION_MUTANTS[name];
      expect(kinds(runCuts(20, 1, { module: compileVariant(edits) }).problems)).toContain(problem);
    },
  );
});
