// A slice of `npm run soak -- kills`: a cloud process that is killed under load has lost nothing that it promised.

import { killCloud } from "../soak/kills";

test("four kills: no event, no change, no session is lost, and no record number comes twice", async () => {
  const report = await killCloud(4, 1);
  expect(report.problems).toEqual([]);
  expect(report).toMatchObject({ kills: 4, handshakes: 3 });
  expect(report.acknowledgedEvents).toBeGreaterThan(20);
  expect(report.acknowledgedChanges).toBeGreaterThan(4);
  expect(report.records).toBeGreaterThan(20);
}, 120_000);
