// A slice of the fuzz campaign over messages of updates; the whole of it:
// npm run soak -- update-fuzz --count 1000000

import { UPDATE_TARGETS, updateFuzz } from "../soak/update-fuzz";

const COUNT = 3000;

test.each(UPDATE_TARGETS)("3,000 messages of updates over %s", (target) => {
  const report = updateFuzz({ count: COUNT, target });
  expect(report.failures).toEqual([]);
  expect(report.inputs).toBeGreaterThan(COUNT / 2);
  // The messages do lead somewhere.
  expect(report.updates.started).toBeGreaterThan(20);
  expect(report.updates.ended).toBeGreaterThan(10);
  expect(report.updates.applied).toBeGreaterThan(0);
  expect(Object.keys(report.answers).length).toBeGreaterThan(5);
});
