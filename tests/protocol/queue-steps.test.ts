// A publish is bounded work: function entries, loop rounds and returns that it executes, counted in
// the module itself, in the worst situations that the queue can be in.

import { FullPolicy, PublishOption, Status } from "../../bindings/node";
import { countedModule } from "../support/counted";
import { API_FILE } from "../support/queue-world";

const LIMIT = 20_000;
const ENTRIES = 64;

/** Steps of a publish on top of `fill`, and its result. */
function cost(
  policy: FullPolicy,
  fill: { name: string; data: string; options: number }[],
  last: { name: string; data: string; options: number },
): { steps: number; result: number } {
  const counted = countedModule(API_FILE);
  counted.exports.queue_policy!(policy);
  for (const { name, data, options } of fill) counted.publish(name, data, options);
  let result = 0;
  const steps = counted.steps(() => {
    result = counted.publish(last.name, last.data, last.options);
  });
  return { steps, result };
}

const ACK = PublishOption.Acknowledged;
const QUIET = ACK | PublishOption.Untold;
const fill = (count: number, data: string, options = QUIET, name = "n".repeat(63)) =>
  Array.from({ length: count }, (_, i) => ({
    name: `${name}${String.fromCharCode(48 + i)}`.slice(-64),
    data,
    options,
  }));

test("the counter counts: more names to compare, more steps", () => {
  const last = { name: "n".repeat(63) + "!", data: "", options: QUIET | PublishOption.Coalesced };
  const few = cost(FullPolicy.Refuse, fill(1, ""), last);
  const many = cost(FullPolicy.Refuse, fill(60, ""), last);
  expect(few.steps).toBeGreaterThan(100);
  expect(many.steps).toBeGreaterThan(few.steps + 59 * 60);
});

test("in an empty queue, in a full one that refuses, and in full ones that drop", () => {
  const long = { name: "long", data: "x".repeat(1024), options: QUIET };
  const cases = {
    empty: cost(FullPolicy.Refuse, [], long),
    refused: cost(FullPolicy.Refuse, fill(ENTRIES, ""), long),
    "drops one": cost(FullPolicy.DropOldest, fill(4, "x".repeat(950)), long),
    "drops many": cost(FullPolicy.DropOldest, fill(ENTRIES, "", QUIET, "n"), long),
    "drops all it can": cost(FullPolicy.DropNewest, fill(63, "x".repeat(60)), long),
    coalesces: cost(FullPolicy.DropOldest, fill(ENTRIES, "x"), {
      name: "n".repeat(63) + "o",
      data: "x".repeat(1024),
      options: QUIET | PublishOption.Coalesced,
    }),
  };
  const steps = Object.fromEntries(Object.entries(cases).map(([name, c]) => [name, c.steps]));
  for (const [name, count] of Object.entries(steps)) {
    expect({ name, isBounded: count > 0 && count < LIMIT }).toEqual({ name, isBounded: true });
  }
  expect(steps.empty).toBeLessThan(500);
  expect(cases.refused.result).toBe(Status.NoSpace);
  expect(cases.coalesces.result).toBeGreaterThan(0);
});

test("into storage: the longest names and data, while others give way", () => {
  const counted = countedModule(API_FILE);
  counted.exports.queue_storage!(1);
  counted.exports.queue_policy!(FullPolicy.DropOldest);
  let worst = 0;
  for (const { name, options } of fill(40, "", QUIET | PublishOption.Coalesced)) {
    const steps = counted.steps(() => counted.publish(name, "x".repeat(1024), options));
    worst = Math.max(worst, steps);
  }
  expect(worst).toBeGreaterThan(1024 * 9);
  expect(worst).toBeLessThan(LIMIT);
});

test("10,000 publishes in a row, at random: none costs more than the bound", () => {
  const counted = countedModule(API_FILE);
  counted.exports.queue_policy!(FullPolicy.DropOldest);
  let worst = 0;
  let state = 12345;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
  for (let i = 0; i < 10_000; i++) {
    const options = QUIET | [0, 4, 8, 16, 20][random(5)];
    const data = "x".repeat([0, 10, 200, 1024][random(4)]);
    const steps = counted.steps(() => counted.publish(`n${random(70)}`, data, options));
    worst = Math.max(worst, steps);
  }
  expect(worst).toBeGreaterThan(500);
  expect(worst).toBeLessThan(LIMIT);
});
