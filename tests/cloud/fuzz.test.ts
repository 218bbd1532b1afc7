// A slice of the fuzz campaign against the UDP side; the whole of it: npm run soak -- cloud-fuzz --count 1000000

import { CLOUD_TARGETS, cloudFuzz } from "../soak/cloud-fuzz";

test("4,000 inputs of all kinds, on one cloud", () => {
  const report = cloudFuzz({ count: 4000 });
  expect(report.failures).toEqual([]);
  expect(report.inputs).toBe(4000);
  expect(report.highestAmplification).toBeGreaterThan(0);
  expect(report.highestAmplification).toBeLessThanOrEqual(1);
  for (const target of CLOUD_TARGETS) {
    expect(report.byTarget[target]).toBeGreaterThan(40);
    expect(report.answered[target]).toBeGreaterThan(0);
  }
  expect(report.answered.recording).toBeLessThan(report.byTarget.recording / 2);
  expect(Object.keys(report.dropped).length).toBeGreaterThan(12);
});
