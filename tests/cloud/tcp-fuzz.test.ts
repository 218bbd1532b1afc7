// A slice of the fuzz campaign against the TCP side; the whole of it: npm run soak -- tcp-fuzz --count 1000000

import { TCP_TARGETS, tcpFuzz } from "../soak/tcp-fuzz";

const COUNT = 4000;

test.each(TCP_TARGETS)("4,000 inputs of kind: %s", (target) => {
  const report = tcpFuzz({ count: COUNT, target });
  expect(report.failures).toEqual([]);
  expect(report.inputs).toBe(COUNT);
  for (const part of [report.closed, report.answered]) {
    expect(part).toBeGreaterThan(COUNT / 10);
    expect(part).toBeLessThan(COUNT * 0.95);
  }
  expect(Object.keys(report.byStation)).toHaveLength(target === "stream" ? 3 : 2);
});
