// The power fails while an update is written: some of the campaign of tests/soak/update-cuts.ts, and
// proof that it finds what it looks for.

import { everyCut, findsMutant, runEachCut, runRandomCuts, undisturbed } from "../soak/update-cuts";

test("R39: cuts between all chunks, and in each write of the journal at twenty places", () => {
  const changes = undisturbed();
  expect(changes.filter(({ kind }) => kind === "journal")).toHaveLength(7);
  const cuts = everyCut(changes, { journal: 20, other: 3 });
  const figures = runEachCut(cuts);
  expect(figures.problems).toEqual([]);
  expect(figures.cuts).toBe(cuts.length);
  expect(figures.resumed).toBeGreaterThan(150);
  expect(figures.after).toBeGreaterThan(100);
});

test("250 random cuts, up to three an update, chunks in any order", () => {
  const figures = runRandomCuts(250, 1);
  expect(figures.problems).toEqual([]);
  expect(figures.cuts).toBeGreaterThanOrEqual(250);
  expect(Math.min(figures.journal, figures.write, figures.erase)).toBeGreaterThan(20);
  expect(figures.resumed).toBeGreaterThan(60);
});

test.each(["does not erase again behind what is durable", "believes a torn journal"])(
  "the campaign notices a core that %s",
  (name) => {
    expect(findsMutant(name, 60)).not.toEqual([]);
  },
);
