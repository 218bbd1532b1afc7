// A slice of the fuzz campaign; the whole of it: npm run soak -- fuzz --count 1000000

import { TARGETS, fuzz } from "../soak/fuzz";
import { Targets } from "../soak/fuzz/targets";

const COUNT = 20_000;
const targets = new Targets();

test.each(TARGETS)("20,000 inputs of kind: %s", (target) => {
  const report = fuzz({ count: COUNT, target }, targets);
  expect(report.failures).toEqual([]);
  expect(report.inputs).toBe(COUNT);
  // No input keeps the device busy: the longest one verifies a signature.
  expect(report.slowest).toBeLessThan(2000);
  if (target === "codec") {
    expect(report.events).toBeGreaterThan(COUNT / 10);
    return;
  }
  const stations = Object.keys(report.byStation).length;
  expect(stations).toBeGreaterThanOrEqual(target === "datagram" || target === "command" ? 25 : 11);
  if (target !== "stranger") expect(report.datagrams + report.events).toBeGreaterThan(1000);
});
