// A slice of the fuzz campaign over TCP; the whole of it: npm run soak -- stream-fuzz --count 1000000

import { STREAM_TARGETS, StreamFuzzer } from "../soak/stream-fuzz";

const COUNT = 10_000;
const fuzzer = new StreamFuzzer();

test.each(STREAM_TARGETS)("10,000 inputs of kind: %s", (target) => {
  const report = fuzzer.run({ count: COUNT, target });
  expect(report.failures).toEqual([]);
  expect(report.inputs).toBe(COUNT);
  expect(Object.keys(report.byStation)).toHaveLength(target === "bytes" ? 9 : 4);
  // The inputs do lead somewhere: connections end in several ways, and messages are answered.
  expect(Object.keys(report.ends).length).toBeGreaterThan(target === "bytes" ? 4 : 1);
  expect(report.events).toBeGreaterThan(COUNT / 10);
  expect(report.messages).toBeGreaterThan(COUNT / 50);
});
